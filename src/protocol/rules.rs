//! The decisions of the machine, one named function each.
//!
//! [`Sound`] is what ships: a zero-sized type whose rules are the defaults below. [`Mutated`]
//! breaks one rule at a time, so that the checker and the simulator can show that they would notice
//! (`leasehold check --mutant`, `leasehold sim --mutant`). The trait is sealed: nobody else can
//! make up rules, and the driver names only [`Sound`].

use core::fmt;
use core::hash::Hash;
use core::str::FromStr;

use super::config::Config;
use super::instant::Instant;
use super::validity;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Sound {}
    impl Sealed for super::Mutated {}
}

/// The decisions of the machine. The defaults are the algorithm; see each for its reason.
pub trait Rules:
    sealed::Sealed + Copy + Eq + Ord + Hash + fmt::Debug + Default + Send + Sync
{
    /// How many of `nodes` must agree: a majority, so that any two quorums share a node.
    fn quorum(&self, nodes: u8) -> u8 {
        nodes / 2 + 1
    }

    /// When a lease won by a round begun at `t0` and judged at `now` ends: counted from **before
    /// the first send**, because a key's life starts no earlier than that.
    fn valid_until<I: Instant>(&self, config: &Config, t0: I, now: I) -> I {
        let _ = now;
        validity::valid_until(t0, config.ttl(), config.drift())
    }

    /// Whether a held lease is over at `now`. Final, and decided before anything else is looked
    /// at, so that an extension judged too late cannot revive it: somebody else may have held the
    /// lock in between. `renewing` tells whether a renewal is under way; it makes no difference.
    fn expired<I: Instant>(&self, now: I, valid_until: I, renewing: bool) -> bool {
        let _ = renewing;
        !validity::believed(now, valid_until)
    }

    /// Whether a renewal may still be sent once the stop was accepted. Never: the renewal that
    /// runs after the release is the failure this project began with.
    fn renews_while_stopping(&self) -> bool {
        false
    }

    /// Whether a new connection starts with `CLIENT KILL ID` of the old one when commands were
    /// pending there. Always: a request of a dead connection may still run, also after the release
    /// sent on the new one.
    fn kills_after_reset(&self) -> bool {
        true
    }

    /// Whether a release on a pooled transport waits until the pending command of that node has
    /// resolved. Always: on another connection it may overtake that command.
    fn drains_before_release(&self) -> bool {
        true
    }
}

/// The rules that ship.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sound;

impl Rules for Sound {}

/// One rule broken on purpose. Each must be noticed by the checker and by the simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mutant {
    /// A quorum of one node too few.
    QuorumLessOne,
    /// While a renewal is under way the lease does not expire, so an extension judged after
    /// `valid_until` is accepted.
    ExtendAfterExpiry,
    /// A last renewal is sent when the stop is carried out.
    RenewWhileStopping,
    /// `valid_until` is counted from the end of the round.
    ValidFromRoundEnd,
    /// A new connection does not kill the old one.
    NoKillAfterReset,
    /// On a pooled transport the release does not wait for the pending command.
    ReleaseBeforeDrain,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Mutant; 6] = [
        Mutant::QuorumLessOne,
        Mutant::ExtendAfterExpiry,
        Mutant::RenewWhileStopping,
        Mutant::ValidFromRoundEnd,
        Mutant::NoKillAfterReset,
        Mutant::ReleaseBeforeDrain,
    ];

    /// The name used on the command line and in trace files.
    pub fn name(self) -> &'static str {
        match self {
            Mutant::QuorumLessOne => "quorum-less-one",
            Mutant::ExtendAfterExpiry => "extend-after-expiry",
            Mutant::RenewWhileStopping => "renew-while-stopping",
            Mutant::ValidFromRoundEnd => "valid-from-round-end",
            Mutant::NoKillAfterReset => "no-kill-after-reset",
            Mutant::ReleaseBeforeDrain => "release-before-drain",
        }
    }
}

/// A name that is not a mutant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown mutant; it is one of quorum-less-one, extend-after-expiry, renew-while-stopping, \
     valid-from-round-end, no-kill-after-reset, release-before-drain"
)]
pub struct UnknownMutant;

impl FromStr for Mutant {
    type Err = UnknownMutant;

    fn from_str(name: &str) -> Result<Self, UnknownMutant> {
        Mutant::ALL.into_iter().find(|mutant| mutant.name() == name).ok_or(UnknownMutant)
    }
}

/// The rules with at most one of them broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mutated(pub Option<Mutant>);

impl Mutated {
    fn is(self, mutant: Mutant) -> bool {
        self.0 == Some(mutant)
    }
}

impl Rules for Mutated {
    fn quorum(&self, nodes: u8) -> u8 {
        let sound = Sound.quorum(nodes);
        if self.is(Mutant::QuorumLessOne) { sound.saturating_sub(1).max(1) } else { sound }
    }

    fn valid_until<I: Instant>(&self, config: &Config, t0: I, now: I) -> I {
        let from = if self.is(Mutant::ValidFromRoundEnd) { now } else { t0 };
        Sound.valid_until(config, from, now)
    }

    fn expired<I: Instant>(&self, now: I, valid_until: I, renewing: bool) -> bool {
        let spared = self.is(Mutant::ExtendAfterExpiry) && renewing;
        !spared && Sound.expired(now, valid_until, renewing)
    }

    fn renews_while_stopping(&self) -> bool {
        self.is(Mutant::RenewWhileStopping)
    }

    fn kills_after_reset(&self) -> bool {
        !self.is(Mutant::NoKillAfterReset)
    }

    fn drains_before_release(&self) -> bool {
        !self.is(Mutant::ReleaseBeforeDrain)
    }
}
