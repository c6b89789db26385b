; expect: unsat
;
; The same node by node, for every N that the library accepts, 1 to 16. Node i takes part if i < N.
; The goal says that two quorums have no node in common.
(set-logic QF_LIA)

(declare-const N Int)
(assert (and (<= 1 N) (<= N 16)))
(define-fun quorum () Int (+ (div N 2) 1))
(define-fun one ((member Bool)) Int (ite member 1 0))

; Whether node i belongs to the one quorum, and to the other.
(declare-const a0 Bool)
(declare-const a1 Bool)
(declare-const a2 Bool)
(declare-const a3 Bool)
(declare-const a4 Bool)
(declare-const a5 Bool)
(declare-const a6 Bool)
(declare-const a7 Bool)
(declare-const a8 Bool)
(declare-const a9 Bool)
(declare-const a10 Bool)
(declare-const a11 Bool)
(declare-const a12 Bool)
(declare-const a13 Bool)
(declare-const a14 Bool)
(declare-const a15 Bool)
(declare-const b0 Bool)
(declare-const b1 Bool)
(declare-const b2 Bool)
(declare-const b3 Bool)
(declare-const b4 Bool)
(declare-const b5 Bool)
(declare-const b6 Bool)
(declare-const b7 Bool)
(declare-const b8 Bool)
(declare-const b9 Bool)
(declare-const b10 Bool)
(declare-const b11 Bool)
(declare-const b12 Bool)
(declare-const b13 Bool)
(declare-const b14 Bool)
(declare-const b15 Bool)

; Only nodes that take part.
(assert (=> (or a0 b0) (< 0 N)))
(assert (=> (or a1 b1) (< 1 N)))
(assert (=> (or a2 b2) (< 2 N)))
(assert (=> (or a3 b3) (< 3 N)))
(assert (=> (or a4 b4) (< 4 N)))
(assert (=> (or a5 b5) (< 5 N)))
(assert (=> (or a6 b6) (< 6 N)))
(assert (=> (or a7 b7) (< 7 N)))
(assert (=> (or a8 b8) (< 8 N)))
(assert (=> (or a9 b9) (< 9 N)))
(assert (=> (or a10 b10) (< 10 N)))
(assert (=> (or a11 b11) (< 11 N)))
(assert (=> (or a12 b12) (< 12 N)))
(assert (=> (or a13 b13) (< 13 N)))
(assert (=> (or a14 b14) (< 14 N)))
(assert (=> (or a15 b15) (< 15 N)))

; Each is a quorum.
(assert (<= quorum (+
  (one a0) (one a1) (one a2) (one a3)
  (one a4) (one a5) (one a6) (one a7)
  (one a8) (one a9) (one a10) (one a11)
  (one a12) (one a13) (one a14) (one a15))))
(assert (<= quorum (+
  (one b0) (one b1) (one b2) (one b3)
  (one b4) (one b5) (one b6) (one b7)
  (one b8) (one b9) (one b10) (one b11)
  (one b12) (one b13) (one b14) (one b15))))

; goal
(assert (not (or
  (and a0 b0) (and a1 b1) (and a2 b2) (and a3 b3)
  (and a4 b4) (and a5 b5) (and a6 b6) (and a7 b7)
  (and a8 b8) (and a9 b9) (and a10 b10) (and a11 b11)
  (and a12 b12) (and a13 b13) (and a14 b14) (and a15 b15))))
(check-sat)
