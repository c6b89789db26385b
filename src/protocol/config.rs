//! What a client is told before it starts. Checked once; a [`Config`] is always usable.

use core::fmt;
use core::str::FromStr;

use super::instant::Span;
use super::nodes::MAX_NODES;
use super::validity::Drift;

/// What an extension does at a node where the key is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Extend {
    /// Nothing: compare-and-`PEXPIRE`. What the library ships.
    #[default]
    Touch,
    /// `SET NX`, as redsync's `WithSetNXOnExtend`: a late one brings a released lock back.
    TouchOrSet,
}

/// How commands of one client reach one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// One connection per node, in order. What the library ships.
    #[default]
    Fifo,
    /// A pool of connections: commands overtake each other.
    Pooled,
}

macro_rules! named {
    ($type:ty, $what:literal, $($variant:path => $name:literal),+) => {
        impl $type {
            /// The name used on the command line and in trace files.
            pub fn name(self) -> &'static str {
                match self { $($variant => $name),+ }
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
        impl FromStr for $type {
            type Err = UnknownName;
            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text { $($name => Ok($variant),)+ _ => Err(UnknownName($what)) }
            }
        }
    };
}

named!(Extend, "an extend operation: touch or touch_or_set",
    Extend::Touch => "touch", Extend::TouchOrSet => "touch_or_set");
named!(Transport, "a transport: fifo or pooled",
    Transport::Fifo => "fifo", Transport::Pooled => "pooled");

/// A name that is none of those expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not {0}")]
pub struct UnknownName(&'static str);

/// The numbers of a configuration, unchecked. All spans are in one unit, the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many independent nodes, 1 to 16.
    pub nodes: u8,
    /// The lease's TTL, fixed for its life.
    pub ttl: Span,
    /// The allowance for clock drift.
    pub drift: Drift,
    /// How long after the start of one successful round the next renewal starts.
    pub renew_every: Span,
    /// How long a failed renewal waits before the next.
    pub renew_retry: Span,
    /// How long a round waits for its nodes.
    pub node_timeout: Span,
    /// How long a release is waited for before it is reported as unsettled.
    pub release_within: Span,
    /// What an extension does where the key is gone.
    pub extend: Extend,
    /// How commands reach a node.
    pub transport: Transport,
    /// The longest TTL that any client of these nodes uses, the same at all of them, for the
    /// restart guard (see [`guard`](super::guard)); `None` for no guard.
    pub max_ttl: Option<Span>,
    /// Whether a renewal that a quorum accepted sets the key anew at nodes that had lost it.
    pub repair: bool,
}

impl Settings {
    /// What the library takes where it is not told otherwise, for so many nodes and this TTL. All
    /// spans are in microseconds.
    pub fn customary(nodes: u8, ttl_us: Span) -> Settings {
        const MS: Span = 1_000;
        let short = (ttl_us / 20).clamp(50 * MS, 500 * MS).min(ttl_us / 4).max(1);
        Settings {
            nodes,
            ttl: ttl_us,
            drift: Drift { factor_ppm: 10_000, floor: 2 * MS },
            renew_every: (ttl_us / 3).max(1),
            renew_retry: short,
            node_timeout: short,
            release_within: (ttl_us / 4).clamp(250 * MS, 2_000 * MS),
            extend: Extend::Touch,
            transport: Transport::Fifo,
            max_ttl: None,
            repair: false,
        }
    }
}

/// A setting that cannot work, with the value, the rule and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No node at all.
    #[error("0 nodes: a lease needs at least one; name the Redis servers")]
    NoNodes,
    /// More nodes than a node set can name.
    #[error("{0} nodes: at most {MAX_NODES} are supported; Redlock gains nothing beyond 5 or 7")]
    TooManyNodes(u8),
    /// A drift allowance that would lengthen a lease.
    #[error("a drift floor of {0}: it must not be negative, or belief would outlast the TTL")]
    NegativeDrift(Span),
    /// A TTL that no drift can be taken off.
    #[error("TTL {ttl}: it must exceed its drift allowance of {drift}; choose a longer TTL")]
    TtlTooShort {
        /// The TTL given.
        ttl: Span,
        /// The drift allowance computed from it.
        drift: Span,
    },
    /// A TTL longer than the one that the restart guard waits for.
    #[error(
        "TTL {ttl} exceeds max_ttl {max_ttl}: the restart guard of every client waits for max_ttl; \
         choose a shorter TTL, or a longer max_ttl at all clients"
    )]
    TtlBeyondMax {
        /// The TTL given.
        ttl: Span,
        /// The longest TTL that the clients agreed upon.
        max_ttl: Span,
    },
    /// A span that must be positive and is not.
    #[error("{name} is {value}: it must be positive")]
    NotPositive {
        /// The setting's name.
        name: &'static str,
        /// Its value.
        value: Span,
    },
    /// A renewal that would start when the lease is over.
    #[error(
        "renew_every is {renew_every}, and a lease is valid for {validity}: renew sooner, a third \
         of the TTL is customary"
    )]
    RenewsTooLate {
        /// The renewal interval given.
        renew_every: Span,
        /// The TTL less its drift.
        validity: Span,
    },
}

/// A checked configuration. Small, `Copy`, and passed to every call of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    settings: Settings,
    drift: Span,
}

impl Config {
    /// Checks `settings`.
    ///
    /// # Errors
    /// The first rule they break, as [`ConfigError`].
    pub fn new(settings: Settings) -> Result<Self, ConfigError> {
        let Settings { nodes, ttl, renew_every, .. } = settings;
        if nodes == 0 {
            return Err(ConfigError::NoNodes);
        }
        if nodes > MAX_NODES {
            return Err(ConfigError::TooManyNodes(nodes));
        }
        for (name, value) in [
            ("ttl", ttl),
            ("renew_every", renew_every),
            ("renew_retry", settings.renew_retry),
            ("node_timeout", settings.node_timeout),
            ("release_within", settings.release_within),
        ] {
            if value <= 0 {
                return Err(ConfigError::NotPositive { name, value });
            }
        }
        if settings.drift.floor < 0 {
            return Err(ConfigError::NegativeDrift(settings.drift.floor));
        }
        if let Some(max_ttl) = settings.max_ttl
            && ttl > max_ttl
        {
            return Err(ConfigError::TtlBeyondMax { ttl, max_ttl });
        }
        let drift = settings.drift.allowance(ttl);
        if ttl <= drift {
            return Err(ConfigError::TtlTooShort { ttl, drift });
        }
        let validity = ttl - drift;
        if renew_every >= validity {
            return Err(ConfigError::RenewsTooLate { renew_every, validity });
        }
        Ok(Config { settings, drift })
    }

    /// The settings it was made from.
    #[inline]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// How many nodes.
    #[inline]
    pub fn nodes(&self) -> u8 {
        self.settings.nodes
    }

    /// The TTL.
    #[inline]
    pub fn ttl(&self) -> Span {
        self.settings.ttl
    }

    /// The drift allowance of this TTL.
    #[inline]
    pub fn drift(&self) -> Span {
        self.drift
    }

    /// What an extension does where the key is gone.
    #[inline]
    pub fn extend(&self) -> Extend {
        self.settings.extend
    }

    /// The longest TTL of any client, if there is a restart guard.
    #[inline]
    pub fn max_ttl(&self) -> Option<Span> {
        self.settings.max_ttl
    }

    /// How commands reach a node.
    #[inline]
    pub fn transport(&self) -> Transport {
        self.settings.transport
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn settings() -> Settings {
        Settings {
            nodes: 3,
            ttl: 6,
            drift: Drift { factor_ppm: 0, floor: 0 },
            renew_every: 2,
            renew_retry: 1,
            node_timeout: 2,
            release_within: 2,
            extend: Extend::Touch,
            transport: Transport::Fifo,
            max_ttl: None,
            repair: false,
        }
    }

    #[test]
    fn each_rule_names_the_value() {
        let refused = |change: &dyn Fn(&mut Settings)| {
            let mut settings = settings();
            change(&mut settings);
            Config::new(settings).unwrap_err().to_string()
        };
        assert!(Config::new(settings()).is_ok());
        assert!(refused(&|s| s.nodes = 0).starts_with("0 nodes"));
        assert!(refused(&|s| s.nodes = 17).starts_with("17 nodes"));
        assert_eq!(refused(&|s| s.ttl = 0), "ttl is 0: it must be positive");
        assert!(refused(&|s| s.drift.floor = -3).starts_with("a drift floor of -3"));
        assert!(refused(&|s| s.drift.floor = 6).starts_with("TTL 6"));
        assert!(refused(&|s| s.renew_every = 6).starts_with("renew_every is 6"));
        assert!(refused(&|s| s.max_ttl = Some(5)).starts_with("TTL 6 exceeds max_ttl 5"));
        assert!(refused(&|s| s.node_timeout = -1).starts_with("node_timeout is -1"));
    }
}
