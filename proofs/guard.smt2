; expect: unsat
;
; The restart guard. A node lost its memory; its new process began at r. A client that counts its
; answers only after a clock has shown max_ttl since r, or since a later moment, finds every lease
; ended that the node may have forgotten. The clock may be the node's or the client's own.
;
; A's command ran there before r. The drift condition is that of windows_disjoint.smt2, for A's own
; TTL and allowance, and nothing beyond it is needed. The goal says that A still believes.
(set-logic QF_NRA)

(declare-const max-ttl Real)
(declare-const T Real)
(declare-const d Real)
(declare-const rho Real)
(assert (and (<= 0 rho) (< rho 1) (<= 0 d) (< d T) (<= T max-ttl)))
(assert (>= (* d (+ 1 rho)) (* T 2 rho)))

(define-fun shows ((clock Real) (time Real)) Bool
  (and (<= (* (- 1 rho) time) clock) (<= clock (* (+ 1 rho) time))))

; Moments of true time.
(declare-const t0 Real)       ; A reads its clock
(declare-const s Real)        ; A's command runs
(declare-const r Real)        ; the new process begins
(declare-const since Real)    ; from here on it is timed
(declare-const counted Real)  ; from here on its answers count
(declare-const t Real)        ; somebody believes because of one of them
(assert (and (<= t0 s) (<= s r) (<= r since) (<= since counted) (<= counted t)))

; What the timing clock shows, and A's.
(declare-const waited Real)
(declare-const a Real)
(assert (and (shows waited (- counted since)) (>= waited max-ttl)))
(assert (shows a (- t t0)))

; goal
(assert (< a (- T d)))
(check-sat)
