; expect: unsat
;
; Three forms of one condition: the longest belief is no longer than the shortest life,
; d >= T * 2 rho / (1 + rho), and rho <= d / (2T - d). The goal says that two of them differ.
(set-logic QF_NRA)

(declare-const T Real)
(declare-const d Real)
(declare-const rho Real)
(assert (and (<= 0 rho) (< rho 1) (<= 0 d) (< d T)))

(define-fun belief-within-life () Bool (<= (/ (- T d) (- 1 rho)) (/ T (+ 1 rho))))
(define-fun enough-drift () Bool (>= d (/ (* T 2 rho) (+ 1 rho))))
(define-fun slow-enough () Bool (<= rho (/ d (- (* 2 T) d))))

; goal
(assert (not (and (= belief-within-life enough-drift) (= enough-drift slow-enough))))
(check-sat)
