//! The drift theorem in continuous time: at which rate of the clocks exclusion turns.
//!
//! A lease is believed for `(T - d) / (1 - rho)` of true time at most and its keys live for
//! `T / (1 + rho)` at least, so windows are disjoint up to `rho* = d / (2T - d)` and not beyond.
//! Here the worst case is run for one `rho` after the other: every node is fast by `rho` and every
//! client slow by `rho`, messages take no time, and the other client asks in the nanosecond in
//! which the keys are gone.
//!
//! Redis gives a key up to a millisecond more than its TTL, so it matters when it is set.
//! [`Rounding`] says how much of that millisecond there is.

use leasehold::protocol::{Drift, Micros, Retry, Span};
use leasehold_world::{Claim, Faults, Lifecycle, Role, Scope, ScopeError, Settings, WorldTime};

use crate::arranged::Arranged;
use crate::clock::{Clock, TrueTime};
use crate::counts::Told;
use crate::draw::WHOLE;
use crate::plan::{Clocks, Habits, Plan};
use crate::quantiles::Quantiles;
use crate::simulate_plan;
use crate::weather::{Delay, Weather};

/// A millisecond, in microseconds.
const MS: Span = 1_000;
/// The fastest clock that is tried, in parts per million beyond true time.
const MOST_PPM: i64 = 500_000;
/// So many microseconds of the holder's clock are looked through for the worst moment to begin.
const MOMENTS: Span = 20_000;

/// How much of the millisecond that Redis adds to a TTL the keys get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// As little as can be: the `SET` runs at the very end of a millisecond of the node's clock,
    /// when the holder's clock has just shown a new microsecond. Less than two nanoseconds are
    /// left of it.
    Least,
    /// All of it: the `SET` runs at the very beginning of a millisecond.
    Most,
}

/// Where exclusion turns for one TTL and one allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// The TTL, in microseconds.
    pub ttl: Span,
    /// How the allowance is computed.
    pub drift: Drift,
    /// The `rho*` of the theorem, in parts per billion, rounded down.
    pub predicted_ppb: i64,
    /// The greatest `rho` under which the windows were disjoint, in parts per billion. Clocks are
    /// set to whole parts per million.
    pub holds_ppb: i64,
    /// The next one, under which two clients believed at once.
    pub found_ppb: i64,
}

impl Threshold {
    /// How far what was found is from what was predicted, as a part of the latter: 0 if the
    /// prediction lies between the last `rho` that holds and the first that does not.
    pub fn error(&self) -> f64 {
        let off = if self.predicted_ppb < self.holds_ppb {
            self.predicted_ppb - self.holds_ppb
        } else {
            (self.predicted_ppb - self.found_ppb).max(0)
        };
        off as f64 / self.predicted_ppb.max(1) as f64
    }
}

/// What came of one worst case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Whether two clients believed at once.
    pub overlaps: bool,
    /// How long after the end of the first belief the second began, in nanoseconds of true time;
    /// below zero if they overlapped.
    pub slack_ns: Option<i64>,
    /// How many clients acquired the lock: both, or nothing was shown.
    pub acquired: u64,
}

/// Finds the threshold for a TTL in microseconds, with keys that live no longer than they must.
///
/// # Errors
/// A TTL or an allowance that the protocol refuses.
pub fn threshold(ttl: Span, drift: Drift) -> Result<Threshold, ScopeError> {
    threshold_with(ttl, drift, Rounding::Least)
}

/// The same with as much of the odd millisecond as `rounding` says.
///
/// # Errors
/// A TTL or an allowance that the protocol refuses.
pub fn threshold_with(
    ttl: Span,
    drift: Drift,
    rounding: Rounding,
) -> Result<Threshold, ScopeError> {
    let (mut holds, mut breaks) = (0, MOST_PPM);
    while holds + 1 < breaks {
        let middle = holds + (breaks - holds) / 2;
        let tried = try_rate(ttl, drift, middle, rounding)?;
        *if tried.overlaps { &mut breaks } else { &mut holds } = middle;
    }
    Ok(Threshold {
        ttl,
        drift,
        predicted_ppb: predicted_ppb(ttl, drift, rounding),
        holds_ppb: holds * 1_000,
        found_ppb: breaks * 1_000,
    })
}

/// A key that lives for a millisecond longer is as good as a TTL and an allowance that are both
/// longer by it, since the lease is believed for the difference.
fn predicted_ppb(ttl: Span, drift: Drift, rounding: Rounding) -> i64 {
    match rounding {
        Rounding::Least => drift.tolerated_ppb(ttl),
        Rounding::Most => {
            let floor = drift.allowance(ttl) + MS;
            Drift { factor_ppm: 0, floor }.tolerated_ppb(ttl + MS)
        }
    }
}

/// Runs the worst case with clocks that are off by `rho_ppm`.
///
/// # Errors
/// A TTL or an allowance that the protocol refuses.
pub fn try_rate(
    ttl: Span,
    drift: Drift,
    rho_ppm: i64,
    rounding: Rounding,
) -> Result<Tried, ScopeError> {
    let outcome = simulate_plan(&worst_case(ttl, drift, rho_ppm, rounding)?);
    Ok(Tried {
        overlaps: outcome.counts.broken(Claim::WindowExclusion) > 0,
        slack_ns: outcome.slack_ns,
        acquired: outcome.counts.told(Told::Acquired),
    })
}

/// The worst case: one client acquires the lock and never renews, and the other asks for it when
/// the keys are gone.
///
/// # Errors
/// A TTL or an allowance that the protocol refuses.
pub fn worst_case(
    ttl: Span,
    drift: Drift,
    rho_ppm: i64,
    rounding: Rounding,
) -> Result<Plan, ScopeError> {
    let (fast, slow) = (WHOLE + rho_ppm, WHOLE - rho_ppm);
    let (first, shown) = beginning(fast, slow, rounding);
    // So that the node shows the last microsecond of a millisecond then, or the first.
    let wanted = match rounding {
        Rounding::Least => MS - 1,
        Rounding::Most => 0,
    };
    let offset = (wanted - shown).rem_euclid(MS);
    let gone_at = Micros(offset + shown).key_gone_at(ttl).offset();
    let second = Clock::new(fast).until(gone_at - offset);
    let mut clocks = Clocks::steady();
    clocks.node_rates.fill(fast);
    clocks.node_offsets.fill(offset);
    clocks.client_rates.fill(slow);
    Ok(Plan {
        seed: 0,
        scope: scope(ttl, drift)?,
        keys: 1,
        key: 0,
        clocks,
        weather: Weather {
            delay: Delay { round_trip: Some(Quantiles::constant(0)), ..Delay::default() },
            ..Weather::default()
        },
        habits: Habits {
            tie_ppm: 0,
            near: 0,
            work_max: ttl,
            at_once_ppm: 0,
            idle_max: ttl,
            retry: Retry::NEVER,
        },
        heal_after: ttl * 4,
        // To see whether two believe, and not only that one believes without keys.
        goes_on: true,
        in_ticks: false,
        arranged: Arranged { first_starts_ns: Some([first, second, 0]), ..Arranged::default() },
    })
}

/// When the holder begins, in nanoseconds, and how many microseconds the nodes' clocks have gone
/// on by then.
///
/// The holder's clock has just shown a new microsecond, so that it counts from no earlier moment.
/// In the worst such moment the nodes' clocks are about to show one.
fn beginning(fast: i64, slow: i64, rounding: Rounding) -> (TrueTime, Span) {
    let of_holder = Clock::new(slow);
    let moment = |micros: Span| {
        let at = of_holder.until(micros);
        let shown = Clock::new(fast).advance(at);
        // How long until the nodes' clocks show the next microsecond.
        (Clock::new(fast).until(shown + 1) - at, at, shown)
    };
    let moments = (1..=MOMENTS).map(moment);
    let chosen = match rounding {
        Rounding::Least => moments.min(),
        Rounding::Most => moments.max(),
    };
    chosen.map_or((0, 0), |(_, at, shown)| (at, shown))
}

fn scope(ttl: Span, drift: Drift) -> Result<Scope, ScopeError> {
    let once = Role { starts: 1, renewals: 0, stops: false, ..Role::default() };
    Scope::new(Settings {
        lifecycle: Lifecycle::Joined.name().to_owned(),
        extend: "touch".to_owned(),
        transport: "fifo".to_owned(),
        nodes: 3,
        ttl,
        drift_ppm: drift.factor_ppm,
        drift_floor: drift.floor,
        renew_every: ttl / 3,
        renew_retry: ttl / 3,
        node_timeout: ttl / 3,
        release_within: ttl,
        renewal_timeout: None,
        roles: vec![once, once],
        faults: Faults::default(),
        restart_delay: 0,
        max_ttl: None,
        repair: false,
        mutant: None,
    })
}

/// The TTLs, factors and floors for which the threshold is published, in microseconds and parts
/// per million.
pub const GRID: ([Span; 4], [u32; 3], [Span; 3]) = (
    [200 * MS, 1_000 * MS, 10_000 * MS, 60_000 * MS],
    [1_000, 10_000, 50_000],
    [0, 2 * MS, 10 * MS],
);

#[cfg(test)]
mod tests {
    use super::*;

    fn each(check: impl Fn(Span, Drift)) {
        let (ttls, factors, floors) = GRID;
        for ttl in ttls {
            for factor_ppm in factors {
                floors.iter().for_each(|&floor| check(ttl, Drift { factor_ppm, floor }));
            }
        }
    }

    #[test]
    fn exclusion_turns_at_the_rate_of_the_theorem() {
        each(|ttl, drift| {
            let found = threshold(ttl, drift).unwrap();
            assert!(found.error().abs() < 1e-9, "{found:?}");
            assert_eq!(found.found_ppb - found.holds_ppb, 1_000);
            // Within two per cent on both sides, whatever the resolution is.
            let (low, high) = (found.predicted_ppb * 98 / 100, found.predicted_ppb * 102 / 100);
            assert!(low <= found.holds_ppb && found.found_ppb <= high, "{found:?}");
        });
    }

    #[test]
    fn with_the_whole_odd_millisecond_it_turns_later() {
        each(|ttl, drift| {
            let (least, most) = (
                threshold(ttl, drift).unwrap(),
                threshold_with(ttl, drift, Rounding::Most).unwrap(),
            );
            assert!(most.error().abs() < 0.002, "{most:?}");
            assert!(most.found_ppb >= least.found_ppb, "{most:?} {least:?}");
        });
    }

    #[test]
    fn both_clients_hold_the_lock_and_the_slack_has_the_sign_of_the_verdict() {
        each(|ttl, drift| {
            let found = threshold(ttl, drift).unwrap();
            for (ppb, overlaps) in [(found.holds_ppb, false), (found.found_ppb, true)] {
                let tried = try_rate(ttl, drift, ppb / 1_000, Rounding::Least).unwrap();
                assert_eq!((tried.overlaps, tried.acquired), (overlaps, 2));
                let slack_ns = tried.slack_ns.unwrap();
                assert_eq!(slack_ns < 0, overlaps, "{tried:?}");
                // A part per million of the TTL, twice.
                assert!(slack_ns.abs() <= ttl * 21 / 10_000 + 10, "{tried:?}");
            }
        });
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert!(threshold(1_000, Drift { factor_ppm: 0, floor: 1_000 }).is_err());
        assert!(threshold(-1, Drift { factor_ppm: 0, floor: 0 }).is_err());
    }
}
