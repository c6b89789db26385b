; expect: sat
;
; Why an extension must be judged before the old valid_until: with touch_or_set and without that
; rule, B holds between two moments at which A believes, with perfect clocks. TTL 10, allowance 1.
(set-logic QF_LRA)

(define-fun T () Real 10)
(define-fun d () Real 1)

; A's grant: t0 at 0, run at once. So its key is gone at T, its valid_until is T - d.
(define-fun old-until () Real (- T d))

; B: reads its clock, its SETs run when A's keys have gone, it believes, it releases.
(declare-const b-t0 Real)
(declare-const b-set Real)
(declare-const b-believes Real)
(declare-const b-release Real)
(assert (and (<= b-t0 b-set) (<= T b-set) (<= b-set b-believes) (< b-believes b-release)))
(assert (< b-believes (+ b-t0 (- T d))))

; A's extension: begun in time, late on the way, re-creates the key, and is judged.
(declare-const a-t0 Real)
(declare-const a-run Real)
(declare-const a-judged Real)
(assert (and (< 0 a-t0) (< a-t0 old-until)))
(assert (and (<= b-release a-run) (<= a-run a-judged) (< a-judged (+ a-t0 (- T d)))))

; Accepted all the same, though the old validity is over, and B believed in between.
(assert (and (<= old-until b-believes) (< b-believes a-judged)))
(check-sat)
