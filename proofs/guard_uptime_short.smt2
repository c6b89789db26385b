; expect: sat
;
; The second on top is needed: an uptime of ceil(max_ttl) may be less than max_ttl.
(set-logic QF_LIRA)

(declare-const began Real)
(declare-const now Real)
(declare-const max-ttl Real)
(assert (and (<= 0 began) (<= began now) (< 0 max-ttl)))

(define-fun uptime () Int (- (to_int now) (to_int began)))
(define-fun ceiling () Int (- (to_int (- max-ttl))))
(assert (>= uptime ceiling))
(assert (< (- now began) max-ttl))
(check-sat)
