//! What is chosen for one lock, and what the machine and its timer make of it.

use std::time::Duration;

use super::clock::span_of;
use super::connect_error::SettingsError;
use crate::protocol::{Config, Drift, Extend, Settings, Span};

/// What a user has chosen; everything else follows from the TTL.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    pub(super) ttl: Duration,
    pub(super) drift: Drift,
    pub(super) renewal: bool,
    pub(super) renew_every: Option<Duration>,
    pub(super) node_timeout: Option<Duration>,
    pub(super) release_within: Option<Duration>,
    pub(super) extend: Extend,
    pub(super) repair: bool,
    pub(super) max_ttl: Duration,
    /// `None`: on for three nodes and more.
    pub(super) restart_guard: Option<bool>,
    pub(super) min_validity: Duration,
    pub(super) max_hold: Option<Duration>,
    pub(super) grace: Option<Duration>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            ttl: Duration::from_secs(10),
            drift: Drift { factor_ppm: 10_000, floor: 2_000 },
            renewal: true,
            renew_every: None,
            node_timeout: None,
            release_within: None,
            extend: Extend::Touch,
            repair: false,
            max_ttl: Duration::from_secs(30),
            restart_guard: None,
            min_validity: Duration::ZERO,
            max_hold: None,
            grace: None,
        }
    }
}

/// The same, checked. All spans are in microseconds.
#[derive(Debug)]
pub(super) struct Plan {
    /// What the machine is told. It may renew at any time: when it does is settled here, with
    /// jitter, a growing delay between failures, an interval that may be turned off, and users
    /// who ask for it.
    pub(super) config: Config,
    pub(super) ttl_ms: u64,
    /// `None`: renewed only when asked to.
    pub(super) renew_every: Option<Span>,
    /// The delay after the first renewal that failed.
    pub(super) renew_retry: Span,
    pub(super) min_validity: Span,
    pub(super) max_hold: Option<Span>,
    /// How long before the end of a lease the work under it is stopped.
    pub(super) grace: Duration,
}

impl Options {
    /// Checks that it can work for so many nodes.
    pub(super) fn plan(&self, nodes: usize) -> Result<Plan, SettingsError> {
        const MS: i64 = 1_000;
        let ttl = span_of(self.ttl) / MS * MS;
        let usual = Settings::customary(u8::try_from(nodes).unwrap_or(u8::MAX), ttl);
        let asked = Settings {
            drift: self.drift,
            renew_every: self.renew_every.map_or(usual.renew_every, span_of),
            node_timeout: self.node_timeout.map_or(usual.node_timeout, span_of),
            release_within: self.release_within.map_or(usual.release_within, span_of),
            extend: self.extend,
            repair: self.repair,
            max_ttl: self.restart_guard.unwrap_or(nodes >= 3).then(|| span_of(self.max_ttl)),
            ..usual
        };
        let checked = Config::new(asked).map_err(SettingsError::Rule)?;
        let whole = span_of(self.ttl).saturating_sub(checked.drift());
        let (min_validity, grace) = (span_of(self.min_validity), self.grace.map(span_of));
        if min_validity >= whole {
            return Err(SettingsError::MinValidity { minimum: self.min_validity, ttl: self.ttl });
        }
        let customary = (ttl / 20).clamp(MS, 500 * MS).min(ttl / 4);
        if grace.is_some_and(|grace| grace >= whole) {
            return Err(SettingsError::Grace {
                grace: self.grace.unwrap_or_default(),
                ttl: self.ttl,
            });
        }
        let machine = Settings { renew_every: 1, renew_retry: 1, ..asked };
        Ok(Plan {
            config: Config::new(machine).map_err(SettingsError::Rule)?,
            ttl_ms: u64::try_from(ttl / MS).unwrap_or(0),
            renew_every: self.renewal.then_some(asked.renew_every),
            renew_retry: asked.renew_retry,
            min_validity,
            max_hold: self.max_hold.map(span_of),
            grace: Duration::from_micros(u64::try_from(grace.unwrap_or(customary)).unwrap_or(0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn plan(ttl: Duration) -> Result<Plan, SettingsError> {
        Options { ttl, restart_guard: Some(false), ..Options::default() }.plan(3)
    }

    #[test]
    fn defaults_fit_every_ttl() {
        for ttl_ms in [5, 10, 100, 300, 1_000, 10_000, 3_600_000] {
            let plan = plan(Duration::from_millis(ttl_ms)).unwrap();
            let settings = plan.config.settings();
            let left = settings.ttl - plan.config.drift();
            assert!(settings.node_timeout * 4 <= settings.ttl, "{settings:?}");
            assert!(plan.renew_every.unwrap() + settings.node_timeout < left);
            assert!(span_of(plan.grace) * 4 <= settings.ttl, "{plan:?}");
        }
    }

    #[test]
    fn a_ttl_that_cannot_work_is_refused_with_the_rule() {
        let zero = plan(Duration::from_micros(999)).unwrap_err().to_string();
        assert!(zero.contains("at least 1ms"), "{zero}");
        let short = plan(Duration::from_millis(2)).unwrap_err().to_string();
        assert!(short.contains("2ms") && short.contains("longer TTL"), "{short}");
    }

    #[test]
    fn what_exceeds_the_lease_is_refused() {
        let options = Options { ttl: Duration::from_secs(60), ..Options::default() };
        let beyond = options.plan(3).unwrap_err().to_string();
        assert!(beyond.contains("60s") && beyond.contains("max_ttl"), "{beyond}");
        assert!(options.plan(1).is_ok());
        let minimum = Duration::from_secs(10);
        let options = Options { min_validity: minimum, grace: Some(minimum), ..Options::default() };
        let minimum = options.plan(3).unwrap_err().to_string();
        assert!(minimum.contains("minimum validity of 10s"), "{minimum}");
        let options = Options { min_validity: Duration::ZERO, ..options };
        let grace = options.plan(3).unwrap_err().to_string();
        assert!(grace.contains("grace of 10s"), "{grace}");
    }
}
