; expect: unsat
;
; An extension that a quorum confirmed before the old valid_until leaves no gap. The goal says that
; one of three things fails: valid_until moves back; or at some moment before its end the client
; does not believe; or it believes and the keys of the round that it relies on have gone.
(set-logic QF_NRA)

(declare-const T Real)
(declare-const d Real)
(declare-const rho Real)
(assert (and (<= 0 rho) (< rho 1) (<= 0 d) (< d T)))
(assert (>= (* d (+ 1 rho)) (* T 2 rho)))

(define-fun shows ((clock Real) (time Real)) Bool
  (and (<= (* (- 1 rho) time) clock) (<= clock (* (+ 1 rho) time))))

; The old round and the new one, in true time: t0 is read, the command runs at a node of that
; round's quorum, the round is judged. The new round begins when the old one has been judged.
(declare-const old-t0 Real)
(declare-const old-run Real)
(declare-const old-judged Real)
(declare-const new-t0 Real)
(declare-const new-run Real)
(declare-const new-judged Real)
(assert (and (<= old-t0 old-run) (<= old-run old-judged) (<= old-judged new-t0)
             (<= new-t0 new-run) (<= new-run new-judged)))

; Any moment from the old judgement on.
(declare-const t Real)
(assert (<= old-judged t))

; The client's clock at these moments. A clock goes forward, at a rate within its bounds.
(declare-const at-old-t0 Real)
(declare-const at-new-t0 Real)
(declare-const at-new-judged Real)
(declare-const at-t Real)
(assert (shows (- at-new-t0 at-old-t0) (- new-t0 old-t0)))
(assert (shows (- at-new-judged at-new-t0) (- new-judged new-t0)))
(assert (shows (- at-t at-old-t0) (- t old-t0)))
(assert (ite (<= new-t0 t)
  (shows (- at-t at-new-t0) (- t new-t0))
  (shows (- at-new-t0 at-t) (- new-t0 t))))
(assert (ite (<= new-judged t)
  (shows (- at-t at-new-judged) (- t new-judged))
  (shows (- at-new-judged at-t) (- new-judged t))))

; The key of each round lives for T on the clock of its node.
(declare-const old-gone Real)
(declare-const new-gone Real)
(declare-const old-life Real)
(declare-const new-life Real)
(assert (and (shows old-life (- old-gone old-run)) (<= T old-life)))
(assert (and (shows new-life (- new-gone new-run)) (<= T new-life)))

(define-fun old-until () Real (+ at-old-t0 (- T d)))
(define-fun new-until () Real (+ at-new-t0 (- T d)))

; The extension is accepted.
(assert (and (< at-new-judged old-until) (< at-new-judged new-until)))

(define-fun believes () Bool (< at-t (ite (< t new-judged) old-until new-until)))
(define-fun backed () Bool (< t (ite (< t new-judged) old-gone new-gone)))

; goal
(assert (or
  (< new-until old-until)
  (and (< at-t new-until) (not believes))
  (and believes (not backed))))
(check-sat)
