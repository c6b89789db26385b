; expect: sat
;
; Why a lease keeps one TTL for life: a renewal round with a shorter one reaches a single node and
; fails, so valid_until stays; the key there is gone while the client believes, and another client
; takes that node. Perfect clocks. TTL 10, allowance 1, nodes x, y, z; A holds x and y.
(set-logic QF_LRA)

(define-fun T () Real 10)
(define-fun d () Real 1)

; The TTL of the renewal, and when it runs, at x alone. A's own t0 and SETs are at 0.
(declare-const shorter Real)
(declare-const run Real)
(assert (and (< 0 shorter) (< shorter T) (< 0 run) (< run T)))

; B's SETs run at x, where A's key is gone, and at z, which A never had.
(declare-const b-t0 Real)
(declare-const b-set Real)
(declare-const t Real)
(assert (and (<= b-t0 b-set) (<= (+ run shorter) b-set) (<= b-set t)))

; Both believe at t.
(assert (< t (- T d)))
(assert (< t (+ b-t0 (- T d))))
(check-sat)
