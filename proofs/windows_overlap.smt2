; expect: sat
;
; An instance: TTL 10 s, the customary allowance of 102 ms, and clocks 0.513 % off, where
; d / (2T - d) is 0.5126 %. The premises are those of windows_disjoint.smt2 without the drift
; condition, and both believe at t. In milliseconds.
(set-logic QF_NRA)

(define-fun T () Real 10000)
(define-fun d () Real 102)
(define-fun rho () Real 0.00513)

(define-fun shows ((clock Real) (time Real)) Bool
  (and (<= (* (- 1 rho) time) clock) (<= clock (* (+ 1 rho) time))))

(declare-const t0 Real)
(declare-const s Real)
(declare-const gone Real)
(declare-const t Real)
(declare-const a Real)
(declare-const n Real)
(assert (and (< t0 s) (< s gone) (< gone t)))
(assert (shows a (- t t0)))
(assert (shows n (- gone s)))
(assert (>= n T))
(assert (< a (- T d)))
(check-sat)
