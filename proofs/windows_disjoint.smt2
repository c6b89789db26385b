; expect: unsat
;
; If the drift allowance is at least T * 2 rho / (1 + rho), two clients never believe at the same
; moment.
;
; A and B share a node (quorum_intersection.smt2). A's command, of the round that gave A its
; present valid_until, ran there first; for B's value to be stored there, A's must have gone. The
; goal says that both believe at a moment t all the same.
(set-logic QF_NRA)

; A's TTL and drift allowance, and the bound of every clock's rate: 1 - rho .. 1 + rho.
(declare-const T Real)
(declare-const d Real)
(declare-const rho Real)
(assert (and (<= 0 rho) (< rho 1) (<= 0 d) (< d T)))
(assert (>= (* d (+ 1 rho)) (* T 2 rho)))

; What a clock may show for a length of true time.
(define-fun shows ((clock Real) (time Real)) Bool
  (and (<= (* (- 1 rho) time) clock) (<= clock (* (+ 1 rho) time))))

; Moments of true time.
(declare-const t0 Real)    ; A reads its clock, before the first send of the round
(declare-const s Real)     ; A's command runs at the shared node
(declare-const gone Real)  ; A's value is stored there no more
(declare-const t Real)     ; B believes, so its value is stored there already
(declare-const stop Real)  ; A has ended its belief by itself: only after this is its release sent
(assert (and (<= t0 s) (<= s gone) (<= gone t)))

; What A's clock shows at t since t0, and the node's at gone since s.
(declare-const a Real)
(declare-const n Real)
(assert (shows a (- t t0)))
(assert (shows n (- gone s)))

; A's value went because its time was over on the node's clock, or by A's own release.
(assert (or (>= n T) (<= stop gone)))

; goal
(assert (and (< a (- T d)) (< t stop)))
(check-sat)
