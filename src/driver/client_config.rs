//! Settings of a client as a configuration file has them (feature `serde`).

use std::string::String;
use std::time::Duration;
use std::vec::Vec;

use serde::Deserialize;

use super::builder::Builder;
use super::clock::span_of;
use crate::protocol::{Extend, Retry};

/// What a [`Builder`] can be told, for serde to read from any format. Everything but the nodes may
/// be left out; lengths of time are whole milliseconds, as the names say.
///
/// ```
/// let config: leasehold::ClientConfig = serde_json::from_str(
///     r#"{ "nodes": ["redis://10.0.0.1", "redis://10.0.0.2", "redis://10.0.0.3"],
///          "ttl_ms": 15000, "retry_attempts": 3 }"#,
/// )?;
/// let builder = leasehold::Builder::from(config);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// A field that is not known is an error: a setting that is misspelt would otherwise be none.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ClientConfig {
    /// [`Builder::nodes`].
    pub nodes: Vec<String>,
    /// [`Builder::ttl`].
    pub ttl_ms: Option<u64>,
    /// [`Builder::drift`]: the part that grows with the TTL, in parts per million.
    pub drift_ppm: Option<u32>,
    /// [`Builder::drift`]: the part that does not.
    pub drift_floor_ms: Option<u64>,
    /// [`Builder::renew_every`].
    pub renew_every_ms: Option<u64>,
    /// [`Builder::node_timeout`].
    pub node_timeout_ms: Option<u64>,
    /// [`Builder::release_within`].
    pub release_within_ms: Option<u64>,
    /// [`Builder::connect_timeout`].
    pub connect_timeout_ms: Option<u64>,
    /// [`Builder::retry`]: how often; without limit if left out.
    pub retry_attempts: Option<u32>,
    /// [`Builder::retry`]: the shortest delay.
    pub retry_delay_min_ms: Option<u64>,
    /// [`Builder::retry`]: the longest delay.
    pub retry_delay_max_ms: Option<u64>,
    /// [`Builder::extend`].
    pub extend: Option<ExtendName>,
    /// [`Builder::repair`].
    pub repair: Option<bool>,
    /// [`Builder::max_ttl`].
    pub max_ttl_ms: Option<u64>,
    /// [`Builder::restart_guard`].
    pub restart_guard: Option<bool>,
    /// [`Builder::wake_up`].
    pub wake_up: Option<bool>,
    /// [`Builder::redact_keys`].
    pub redact_keys: Option<bool>,
}

/// [`Extend`] by name: `"touch"` or `"touch_or_set"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExtendName {
    /// [`Extend::Touch`].
    Touch,
    /// [`Extend::TouchOrSet`].
    TouchOrSet,
}

impl core::fmt::Debug for ClientConfig {
    /// Without the URLs, which may hold passwords.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("ClientConfig").field(&Builder::from(self.clone())).finish()
    }
}

impl From<ClientConfig> for Builder {
    fn from(config: ClientConfig) -> Builder {
        let mut builder = Builder::default().nodes(config.nodes);
        let ms = Duration::from_millis;
        let options = &mut builder.options;
        let set = |place: &mut Duration, given: Option<u64>| {
            *place = given.map_or(*place, ms);
        };
        set(&mut options.ttl, config.ttl_ms);
        set(&mut options.max_ttl, config.max_ttl_ms);
        let drift = &mut options.drift;
        drift.factor_ppm = config.drift_ppm.unwrap_or(drift.factor_ppm);
        drift.floor = config.drift_floor_ms.map_or(drift.floor, |floor| span_of(ms(floor)));
        options.renew_every = config.renew_every_ms.map(ms);
        options.node_timeout = config.node_timeout_ms.map(ms);
        options.release_within = config.release_within_ms.map(ms);
        options.repair = config.repair.unwrap_or(options.repair);
        options.restart_guard = config.restart_guard;
        options.extend = match config.extend {
            None | Some(ExtendName::Touch) => Extend::Touch,
            Some(ExtendName::TouchOrSet) => Extend::TouchOrSet,
        };
        builder.connect_timeout = config.connect_timeout_ms.map_or(builder.connect_timeout, ms);
        builder.wake_up = config.wake_up.unwrap_or(builder.wake_up);
        builder.redact = config.redact_keys.unwrap_or(builder.redact);
        let Retry { delay_min, delay_max, .. } = builder.retry;
        let delay = |given: Option<u64>, usual| given.map_or(usual, |given| span_of(ms(given)));
        builder.retry(Retry {
            attempts: config.retry_attempts,
            delay_min: delay(config.retry_delay_min_ms, delay_min),
            delay_max: delay(config.retry_delay_max_ms, delay_max),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::ToString;

    use super::*;

    fn read(text: &str) -> Result<ClientConfig, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let config = read(r#"{ "nodes": ["redis://h"] }"#).unwrap();
        let usual = Builder::default().node("redis://h");
        assert_eq!(format!("{:?}", Builder::from(config)), format!("{usual:?}"));
    }

    #[test]
    fn every_setting_arrives() {
        let config = read(
            r#"{ "nodes": ["redis://a", "redis://b"], "ttl_ms": 20000, "drift_ppm": 1,
                 "drift_floor_ms": 3, "renew_every_ms": 4, "node_timeout_ms": 5,
                 "release_within_ms": 6, "connect_timeout_ms": 7, "retry_attempts": 8,
                 "retry_delay_min_ms": 9, "retry_delay_max_ms": 10, "extend": "touch_or_set",
                 "max_ttl_ms": 11, "repair": true, "restart_guard": true, "redact_keys": true,
                 "wake_up": true }"#,
        );
        let ms = Duration::from_millis;
        let asked = Builder::default()
            .nodes(["redis://a", "redis://b"])
            .ttl(ms(20_000))
            .drift(1, ms(3))
            .renew_every(ms(4))
            .node_timeout(ms(5))
            .release_within(ms(6))
            .connect_timeout(ms(7))
            .retry(Retry { attempts: Some(8), delay_min: 9_000, delay_max: 10_000 })
            .extend(Extend::TouchOrSet)
            .max_ttl(ms(11))
            .repair(true)
            .restart_guard(true)
            .redact_keys(true)
            .wake_up(true);
        assert_eq!(format!("{:?}", Builder::from(config.unwrap())), format!("{asked:?}"));
    }

    #[test]
    fn what_is_misspelt_is_named() {
        let error = read(r#"{ "nodes": [], "ttl": 5 }"#).unwrap_err().to_string();
        assert!(error.contains("`ttl`") && error.contains("`ttl_ms`"), "{error}");
        let error = read(r#"{ "nodes": [], "extend": "set" }"#).unwrap_err().to_string();
        assert!(error.contains("touch_or_set"), "{error}");
    }

    #[test]
    fn passwords_are_not_shown() {
        let config = read(r#"{ "nodes": ["redis://u:secret@h"] }"#).unwrap();
        assert!(!format!("{config:?}").contains("secret"));
    }
}
