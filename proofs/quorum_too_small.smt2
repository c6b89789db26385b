; expect: sat
;
; Half of an even number of nodes is no quorum: two such sets need not share a node. The same sizes
; as in quorum_intersection.smt2, with N/2 for floor(N/2) + 1.
(set-logic QF_LIA)

(declare-const N Int)
(declare-const quorum Int)
(assert (and (<= 2 N) (= (mod N 2) 0)))
(assert (= quorum (div N 2)))

(declare-const a Int)
(declare-const b Int)
(declare-const either Int)
(declare-const both Int)
(assert (and (<= quorum a) (<= a N) (<= quorum b) (<= b N)))
(assert (and (<= 0 both) (<= both a) (<= both b) (<= either N)))
(assert (= (+ a b) (+ either both)))
(assert (= both 0))
(check-sat)
