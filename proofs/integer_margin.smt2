; expect: unsat
;
; In whole ticks: a key lives T - dn ticks or more, belief ends T - m + dc ticks after t0 or sooner.
; Windows overlap in some run if and only if m < dn + dc.
;
; The goal says that one direction fails: windows overlap although m >= dn + dc; or m < dn + dc, and
; they do not in the worst run, in which all that A does happens at tick 0, B's at tick T - dn.
(set-logic QF_LIA)

(declare-const T Int)
(declare-const m Int)
(declare-const dn Int)
(declare-const dc Int)
(assert (and (<= 0 m) (< m T) (<= 0 dn) (<= dn T) (<= 0 dc)))

; Some run: A reads its clock at t0, its command runs at s; the key lives so many ticks at the node,
; and A's belief lasts so many; B is granted when the key has gone, and believes at t.
(declare-const t0 Int)
(declare-const s Int)
(declare-const t Int)
(declare-const life Int)
(declare-const belief Int)
(assert (and (<= t0 s) (<= (- T dn) life) (<= life (+ T dn))))
(assert (and (<= (- T m dc) belief) (<= belief (+ (- T m) dc))))
(define-fun overlap () Bool (and (<= (+ s life) t) (< t (+ t0 belief))))

; The worst run: B is granted, and believes, at the first tick at which the key is gone.
(define-fun worst-overlap () Bool
  (and (< 0 (+ (- T m) dc)) (< (- T dn) (+ (- T m) dc))))

; goal
(assert (or (and (>= m (+ dn dc)) overlap) (and (< m (+ dn dc)) (not worst-overlap))))
(check-sat)
