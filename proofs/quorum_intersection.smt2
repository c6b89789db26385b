; expect: unsat
;
; For any N, two sets of at least floor(N/2) + 1 out of N nodes share one.
;
; Sets enter by their sizes, which obey |A| + |B| = |A or B| + |A and B|. The goal says that they
; share none.
(set-logic QF_LIA)

(declare-const N Int)
(declare-const quorum Int)
(assert (<= 1 N))
(assert (= quorum (+ (div N 2) 1)))

(declare-const a Int)
(declare-const b Int)
(declare-const either Int)
(declare-const both Int)
(assert (and (<= quorum a) (<= a N) (<= quorum b) (<= b N)))
(assert (and (<= 0 both) (<= both a) (<= both b) (<= either N)))
(assert (= (+ a b) (+ either both)))

; goal
(assert (= both 0))
(check-sat)
