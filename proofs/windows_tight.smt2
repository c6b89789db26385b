; expect: unsat
;
; The bound is tight: for every T, d and rho with d < T * 2 rho / (1 + rho) there is a run in which
; two clients believe at the same moment.
;
; The run: every node's clock has the rate 1 + rho, both clients' clocks 1 - rho. A reads its clock
; at 0, its SETs run everywhere at e and are answered at 2e; its renewals are lost on the way. B
; reads its clock at life + e, its SETs run at life + 2e and are answered at life + 3e. The goal
; says that this is not such a run, for some T, d and rho.
(set-logic QF_NRA)

(declare-const T Real)
(declare-const d Real)
(declare-const rho Real)
(assert (and (< 0 rho) (< rho 1) (<= 0 d) (< d T)))
(assert (< (* d (+ 1 rho)) (* T 2 rho)))

; True time for which a key lives on the fastest clock, and belief lasts on the slowest.
(declare-const life Real)
(declare-const belief Real)
(assert (= (* life (+ 1 rho)) T))
(assert (= (* belief (- 1 rho)) (- T d)))

; The delay of a message: an eighth of the difference.
(declare-const e Real)
(assert (= (* 8 e) (- belief life)))

; goal
(assert (not (and
  (< 0 e)
  ; A is granted at 2e.
  (< (* (- 1 rho) 2 e) (- T d))
  ; When B's SETs run, A's keys have gone.
  (> (* (+ 1 rho) (- (+ life (* 2 e)) e)) T)
  ; B is granted at life + 3e, and A believes at that moment.
  (< (* (- 1 rho) 2 e) (- T d))
  (< (* (- 1 rho) (+ life (* 3 e))) (- T d)))))
(check-sat)
