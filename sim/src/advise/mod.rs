//! What to expect of a lease in a given situation, and which settings suit it: found by runs of
//! the shipped lifecycle that last, and by nothing else. What floats there are belong to the
//! statistics; no run depends on them.

mod choose;
mod drill;
mod measure;
mod poisson;

pub use choose::{Advice, Change, Goal, Verdict, WhatIf, advise};
pub use drill::Survives;
pub use measure::{Control, Measured, hours_us};
pub use poisson::Rate;

use leasehold::protocol::{self, Drift, Retry, Span};
use leasehold_world::{Faults, Lifecycle, Role, Scope, ScopeError, Settings};

use crate::arranged::{Arranged, Lasting};
use crate::draw::{Draw, WHOLE};
use crate::plan::{Clocks, Habits, Plan};
use crate::quantiles::Quantiles;
use crate::weather::{Delay, Loss, Reset, Weather};

/// An hour, in microseconds.
pub const HOUR: Span = 3_600_000_000;

/// What a lease has to live with. Spans are in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// How many nodes, 1 to 9.
    pub nodes: u8,
    /// The allowance for clock drift.
    pub drift: Drift,
    /// How long a command and its answer take together.
    pub round_trip: Quantiles,
    /// How often a command or an answer is lost. What follows on its connection is lost too.
    pub loss_ppm: u32,
    /// How long such a connection stays silent before it fails.
    pub silence: Span,
    /// Each connection fails, on average, once in so long; 0 for never.
    pub reset_every: Span,
    /// The client is not scheduled, on average, once in so long; 0 for never.
    pub pause_every: Span,
    /// For how long it is then not scheduled.
    pub pause_length: Quantiles,
    /// By how much at most the rates of the clocks are off, either way.
    pub clocks_off_ppm: u32,
    /// For how long leases are held. An old lease is worse than a young one: a node that could not
    /// be renewed for a TTL has dropped the key, and a renewal does not bring it back.
    pub held_for: Span,
    /// Whether a renewal does bring it back after all.
    pub repair: bool,
}

/// What can be set. In microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    /// The TTL.
    pub ttl: Span,
    /// How long after the start of a renewal the next one starts.
    pub renew_every: Span,
    /// How long a renewal waits for its nodes.
    pub node_timeout: Span,
    /// How long after a failed renewal the next one starts.
    pub renew_retry: Span,
}

impl Setting {
    /// What the library takes for a TTL where it is not told otherwise.
    pub fn customary(ttl: Span) -> Setting {
        let protocol::Settings { ttl, renew_every, node_timeout, renew_retry, .. } =
            protocol::Settings::customary(1, ttl);
        Setting { ttl, renew_every, node_timeout, renew_retry }
    }
}

impl Situation {
    /// How long until the connections of a run are as old as they usually are.
    fn settles_within(&self, setting: &Setting) -> Span {
        let silence = if self.loss_ppm > 0 { self.silence } else { 0 };
        silence + 2 * setting.ttl
    }

    /// A run under `setting` in which one client holds a lease for as long as it can, and acquires
    /// the next one when it is lost.
    ///
    /// # Errors
    /// Settings that the protocol refuses.
    pub fn plan(&self, setting: &Setting, seed: u64) -> Result<Plan, ScopeError> {
        let Setting { ttl, renew_every, node_timeout, renew_retry } = *setting;
        let always = u8::MAX;
        let settings = Settings {
            lifecycle: Lifecycle::Joined.name().to_owned(),
            extend: "touch".to_owned(),
            transport: "fifo".to_owned(),
            nodes: self.nodes,
            ttl,
            drift_ppm: self.drift.factor_ppm,
            drift_floor: self.drift.floor,
            renew_every,
            renew_retry,
            node_timeout,
            release_within: ttl,
            renewal_timeout: None,
            roles: vec![Role { starts: 200, renewals: always, stops: false, ..Role::default() }],
            faults: Faults { resets: always, pauses: always, ..Faults::default() },
            restart_delay: 0,
            max_ttl: None,
            repair: self.repair,
            mutant: None,
        };
        let settled = self.settles_within(setting);
        let length = settled + self.held_for.max(ttl * 10);
        let lasting = Lasting {
            length,
            steps: u32::MAX / 4,
            observed_from: settled,
            silence: self.silence,
            reset_every: self.reset_every,
            pause_every: self.pause_every,
            pause_length: self.pause_length,
        };
        Ok(Plan {
            seed,
            scope: Scope::new(settings)?,
            keys: 1,
            key: 0,
            clocks: self.clocks(seed),
            weather: self.weather(setting),
            habits: habits(ttl),
            heal_after: length,
            goes_on: false,
            in_ticks: false,
            arranged: Arranged { lasting: Some(lasting), ..Arranged::default() },
        })
    }

    fn weather(&self, setting: &Setting) -> Weather {
        let usual = self.round_trip.exceeded_by_ppm(500_000);
        Weather {
            delay: Delay { round_trip: Some(self.round_trip), ..Delay::default() },
            loss: Loss { ppm: self.loss_ppm, most: u8::MAX },
            reset: Reset {
                ppm: 0,
                // The library hesitates for 20 ms, and greets a server before it uses it.
                connect_max: 40_000 + 4 * usual,
                // All of them, so that none is left when the next connection fails.
                stray_ppm: WHOLE as u32,
                stray_max: setting.ttl,
                most: u8::MAX,
            },
            ..Weather::default()
        }
    }

    fn clocks(&self, seed: u64) -> Clocks {
        let mut draw = Draw::new(seed);
        let off = i64::from(self.clocks_off_ppm);
        let mut clocks = Clocks::steady();
        let nodes = clocks.node_rates.iter_mut().zip(&mut clocks.node_offsets);
        let clients = clocks.client_rates.iter_mut().zip(&mut clocks.client_offsets).take(1);
        for (rate, offset) in nodes.chain(clients) {
            *rate = WHOLE + draw.between(-off, off);
            *offset = draw.between(0, 10_000_000);
        }
        clocks
    }
}

/// A user who never stops, and who takes his time when he has lost the lock: what happens between
/// two leases does not count, and a run has a limited number of attempts.
fn habits(ttl: Span) -> Habits {
    Habits {
        tie_ppm: 0,
        near: 0,
        work_max: ttl,
        at_once_ppm: 0,
        idle_max: ttl,
        retry: Retry { attempts: None, delay_min: ttl, delay_max: 2 * ttl },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Nothing ever goes wrong.
    pub(crate) fn calm() -> Situation {
        Situation {
            nodes: 3,
            drift: Drift { factor_ppm: 10_000, floor: 2_000 },
            round_trip: Quantiles::constant(1_000),
            loss_ppm: 0,
            silence: 60_000_000,
            reset_every: 0,
            pause_every: 0,
            pause_length: Quantiles::constant(0),
            clocks_off_ppm: 100,
            held_for: HOUR,
            repair: false,
        }
    }

    pub(crate) const SETTING: Setting = Setting {
        ttl: 10_000_000,
        renew_every: 3_333_333,
        node_timeout: 500_000,
        renew_retry: 500_000,
    };

    fn measured(situation: &Situation, setting: Setting, hours: f64) -> Measured {
        let control =
            Control { threads: 2, seed: 7, go_on: &|| true, expect: &|_| {}, progress: &|_| {} };
        let mut measured = Measured::new(setting);
        measured.until(hours_us(hours), situation, &control).unwrap();
        assert!(measured.hours() >= hours && !measured.truncated && measured.runs_broken == 0);
        measured
    }

    #[test]
    fn the_customary_setting_is_a_third_of_the_ttl() {
        assert_eq!(Setting::customary(10_000_000), SETTING);
    }

    #[test]
    fn where_nothing_goes_wrong_nothing_is_lost() {
        let calm = measured(&calm(), SETTING, 20.0);
        assert_eq!((calm.tenure.losses, calm.renewals_failed), (0, 0));
        // Each renewal begins a third of the TTL after the one before it.
        let per_hour = calm.tenure.renewals as f64 / calm.hours();
        assert!((1_075.0..1_090.0).contains(&per_hour), "{per_hour}");
        // A renewal is over a round trip after it began.
        let left = calm.tenure.least_left_us.unwrap_or(0);
        assert!((6_560_000..6_565_000).contains(&left), "{left}");
    }

    #[test]
    fn every_pause_beyond_the_ttl_loses_the_lease() {
        let six_an_hour = Situation {
            pause_every: HOUR / 6,
            pause_length: Quantiles::constant(11_000_000),
            ..calm()
        };
        let found = measured(&six_an_hour, SETTING, 200.0);
        let rate = found.rate();
        assert!(rate.low < 6.0 && 6.0 < rate.high, "{rate:?}");
        assert!(found.tenure.losses > 1_000, "{found:?}");
        assert_eq!(found.tenure.losses, found.tenure.losses_paused);
        // And none that leaves time for a renewal.
        let short = Situation { pause_length: Quantiles::constant(6_500_000), ..six_an_hour };
        assert_eq!(measured(&short, SETTING, 50.0).tenure.losses, 0);
    }

    #[test]
    fn the_later_a_lease_is_renewed_the_more_pauses_end_it() {
        let situation = Situation {
            pause_every: HOUR / 20,
            pause_length: Quantiles::of_summary(5_000_000, 9_000_000, 9_500_000).unwrap(),
            ..calm()
        };
        let part = |n| Setting { renew_every: SETTING.ttl / n, ..SETTING };
        let losses = [6, 4, 3, 2].map(|n| measured(&situation, part(n), 40.0).rate());
        assert!(losses.windows(2).all(|pair| pair[0].high < pair[1].low), "{losses:?}");
        let double = Setting { ttl: 2 * SETTING.ttl, ..SETTING };
        assert_eq!(measured(&situation, double, 40.0).tenure.losses, 0);
    }

    /// One message in a thousand is lost, and its connection is silent for two minutes.
    fn lossy() -> Situation {
        Situation { loss_ppm: 1_000, silence: 120_000_000, ..calm() }
    }

    #[test]
    fn a_lease_loses_one_silent_node_after_the_other() {
        let young = measured(&Situation { held_for: HOUR / 12, ..lossy() }, SETTING, 40.0);
        let old = measured(&Situation { held_for: 4 * HOUR, ..lossy() }, SETTING, 40.0);
        assert!(young.rate().high < old.rate().low, "{young:?} {old:?}");
        assert_eq!(old.tenure.losses_paused + old.tenure.losses_gone, 0);
        // Unless the key is brought back, or the silence is noticed before it is gone.
        let four_hours = Situation { held_for: 4 * HOUR, ..lossy() };
        let repaired = measured(&Situation { repair: true, ..four_hours }, SETTING, 40.0);
        let noticed = measured(&Situation { silence: 2_000_000, ..four_hours }, SETTING, 40.0);
        for better in [repaired, noticed] {
            assert!(better.rate().high < old.rate().low, "{better:?} {old:?}");
        }
    }

    #[test]
    fn connections_that_come_back_at_once_end_nothing() {
        let situation = Situation { reset_every: HOUR / 60, ..calm() };
        let found = measured(&situation, SETTING, 50.0);
        assert_eq!(found.tenure.losses, 0);
        assert!(found.runs > 0);
    }

    #[test]
    fn the_number_of_threads_makes_no_difference_and_a_stop_is_told() {
        let situation = lossy();
        let on = |threads| {
            let control =
                Control { threads, seed: 3, go_on: &|| true, expect: &|_| {}, progress: &|_| {} };
            let mut measured = Measured::new(SETTING);
            measured.until(hours_us(4.0), &situation, &control).unwrap();
            measured
        };
        assert_eq!(on(1), on(3));
        let left = AtomicU64::new(3);
        let go_on = || left.fetch_sub(1, Ordering::Relaxed) > 1;
        let control =
            Control { threads: 1, seed: 3, go_on: &go_on, expect: &|_| {}, progress: &|_| {} };
        let mut stopped = Measured::new(SETTING);
        stopped.until(hours_us(4.0), &situation, &control).unwrap();
        assert!(stopped.truncated && stopped.runs == 2, "{stopped:?}");
    }
}
