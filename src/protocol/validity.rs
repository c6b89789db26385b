//! The one formula of Redlock, and the only place that takes drift off a TTL.
//!
//! Redlock (Redis documentation, "Distributed Locks with Redis", the algorithm's step 3): the lock
//! is held for its TTL, less the time since *before* the first command was sent, less an allowance
//! for clock drift. So a lease asked for at `t0` is believed while `now < t0 + ttl - drift`.
//!
//! Why that is enough: a key outlives its own `SET` by the TTL on the node's clock, and the `SET`
//! ran at or after `t0`. A client that believes therefore has a majority of live keys, two
//! majorities share a node, and that node stores one value. With clocks whose rates lie within
//! `1 - rho ..= 1 + rho`, windows are disjoint iff `drift >= ttl * 2 rho / (1 + rho)`, that is
//! `rho <= drift / (2 ttl - drift)`.

use super::instant::{Instant, Span};

/// The allowance for clock drift: `ceil(ttl * factor) + floor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The part that grows with the TTL, in parts per million (10 000 is the customary 1 %).
    pub factor_ppm: u32,
    /// The part that does not, in the unit of the TTL (customarily 2 ms).
    pub floor: Span,
}

impl Drift {
    /// The allowance for a lease of `ttl`, in the unit of `ttl`, rounded up.
    pub fn allowance(self, ttl: Span) -> Span {
        let scaled = i128::from(ttl) * i128::from(self.factor_ppm);
        let proportional = (scaled + 999_999).div_euclid(1_000_000);
        i64::try_from(proportional).unwrap_or(i64::MAX).saturating_add(self.floor)
    }

    /// How far off clocks may run without harm to leases of `ttl`, in parts per billion: the
    /// `drift / (2 ttl - drift)` of above, rounded down. 0 for a TTL that is no longer than its
    /// allowance or not positive.
    pub fn tolerated_ppb(self, ttl: Span) -> Span {
        let (ttl, drift) = (i128::from(ttl), i128::from(self.allowance(ttl)));
        if ttl <= drift {
            return 0;
        }
        i64::try_from(drift * 1_000_000_000 / (2 * ttl - drift)).unwrap_or(i64::MAX)
    }
}

/// By how much one clock may outrun another if each is off by `rho_ppb` at most, in parts per
/// billion: `(1 + rho) / (1 - rho) - 1`, rounded down.
pub fn apart_ppb(rho_ppb: Span) -> Span {
    let rho = i128::from(rho_ppb);
    i64::try_from(2 * rho * 1_000_000_000 / (1_000_000_000 - rho).max(1)).unwrap_or(i64::MAX)
}

/// The moment at which a lease of `ttl` counted from `from` stops being believed.
pub fn valid_until<I: Instant>(from: I, ttl: Span, drift: Span) -> I {
    from.plus(ttl - drift)
}

/// Whether a lease valid until `valid_until` is believed at `now`. Strict: at the moment itself it
/// is over.
pub fn believed<I: Instant>(now: I, valid_until: I) -> bool {
    now < valid_until
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Micros;

    #[test]
    fn drift_is_rounded_up() {
        let drift = Drift { factor_ppm: 10_000, floor: 2 };
        assert_eq!(drift.allowance(10_000), 102);
        assert_eq!(drift.allowance(10_001), 103);
        assert_eq!(Drift { factor_ppm: 0, floor: 1 }.allowance(6), 1);
        assert_eq!(Drift { factor_ppm: u32::MAX, floor: 0 }.allowance(i64::MAX), i64::MAX);
    }

    #[test]
    fn clocks_may_be_off_by_half_the_allowance() {
        let drift = Drift { factor_ppm: 10_000, floor: 2_000 };
        assert_eq!(drift.tolerated_ppb(10_000_000), 5_126_143);
        assert_eq!(drift.tolerated_ppb(200_000), 10_101_010);
        assert_eq!(drift.tolerated_ppb(2_000), 0);
        assert_eq!(Drift { factor_ppm: 0, floor: 0 }.tolerated_ppb(1), 0);
    }

    #[test]
    fn belief_ends_at_the_moment_itself() {
        let until = valid_until(Micros(100), 50, 10);
        assert_eq!(until, Micros(140));
        assert!(believed(Micros(139), until));
        assert!(!believed(Micros(140), until));
    }
}
