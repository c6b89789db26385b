; expect: unsat
;
; The allowance as the code computes it, ceil(T * ppm / 1 000 000) + floor in whole units, is never
; less than T * f, and more by less than one unit and the floor. The goal says that it is not.
(set-logic QF_LIA)

; T * ppm, and the floor, in whole units.
(declare-const scaled Int)
(declare-const floor Int)
(assert (and (<= 0 scaled) (<= 0 floor)))

(define-fun allowance () Int (+ (div (+ scaled 999999) 1000000) floor))

; goal
(assert (not (and
  (>= (* 1000000 allowance) scaled)
  (< (* 1000000 (- allowance floor)) (+ scaled 1000000)))))
(check-sat)
