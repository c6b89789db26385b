; expect: sat
;
; Why the guard waits for a max_ttl that all clients share: B waits for its own TTL of 5 s, counts
; the node x that forgot A's lease of 60 s, and both believe. Perfect clocks, nodes x, y, z, the
; customary allowance: 602 ms for A, 52 ms for B. In seconds.
(set-logic QF_LRA)

(define-fun a-valid () Real (- 60 0.602))
(define-fun b-valid () Real (- 5 0.052))

; A holds x and y.
(declare-const a-t0 Real)
(declare-const a-set Real)
(assert (<= a-t0 a-set))

; x loses its memory and begins anew at r; B counts it when it has been up for B's TTL.
(declare-const r Real)
(declare-const b-t0 Real)
(declare-const b-set Real)
(declare-const t Real)
(assert (< a-set r))
(assert (<= (+ r 5) b-t0))

; B's SETs run at x, which is empty, and at z, which A never had. Both believe at t.
(assert (and (<= b-t0 b-set) (<= b-set t)))
(assert (< t (+ a-t0 a-valid)))
(assert (< t (+ b-t0 b-valid)))
(check-sat)
