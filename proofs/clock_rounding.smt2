; expect: unsat
;
; Clocks are read in whole units, rounded down, and it costs nothing. A client that believes by its
; rounded readings believes by the exact ones; a key that has lived no longer than its TTL by the
; exact readings of the node is alive by the rounded ones. The goal says that one of these fails.
(set-logic QF_LIRA)

; The client, in microseconds: exact readings at t0 and now, and T - d, which is a whole number.
(declare-const at-t0 Real)
(declare-const now Real)
(declare-const validity Int)
(define-fun believes () Bool (< (to_int now) (+ (to_int at-t0) validity)))

; The node, in milliseconds: exact readings when the command ran and later, and T. Redis keeps a
; key while the present millisecond is not past that of the command plus T.
(declare-const at-set Real)
(declare-const later Real)
(declare-const T Int)
(define-fun stored () Bool (<= (to_int later) (+ (to_int at-set) T)))

; goal
(assert (or
  (and believes (>= (- now at-t0) validity))
  (and (<= (- later at-set) T) (not stored))))
(check-sat)
