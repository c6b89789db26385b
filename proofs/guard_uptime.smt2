; expect: unsat
;
; What uptime_in_seconds tells. It is the difference of two readings in whole seconds, so the exact
; one may be smaller by almost a second: an uptime of ceil(max_ttl) + 1 shows that the node's clock
; has gone on by more than max_ttl. The goal says that it has not. In seconds.
(set-logic QF_LIRA)

(declare-const began Real)
(declare-const now Real)
(declare-const max-ttl Real)
(assert (and (<= 0 began) (<= began now) (< 0 max-ttl)))

(define-fun uptime () Int (- (to_int now) (to_int began)))
(define-fun ceiling () Int (- (to_int (- max-ttl))))
(assert (>= uptime (+ ceiling 1)))

; goal
(assert (<= (- now began) max-ttl))
(check-sat)
