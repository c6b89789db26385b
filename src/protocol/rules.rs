//! The decisions of the machine, one named function each.
//!
//! [`Sound`] is what ships: a zero-sized type whose rules are the defaults below.
//! [`Mutated`](super::Mutated) breaks one rule at a time, so that the checker and the simulator can
//! show that they would notice (`leasehold check --mutants`). The trait is sealed: nobody else can
//! make up rules, and the driver names only [`Sound`].

use core::fmt;
use core::hash::Hash;

use super::answer::{Answer, Command};
use super::config::{Config, Extend};
use super::instant::{Instant, Span};
use super::validity;

pub(super) mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Sound {}
}

/// The decisions of the machine. The defaults are the algorithm; see each for its reason.
pub trait Rules:
    sealed::Sealed + Copy + Eq + Ord + Hash + fmt::Debug + Default + Send + Sync
{
    /// How many of `nodes` must agree: a majority, so that any two quorums share a node.
    #[inline]
    fn quorum(&self, nodes: u8) -> u8 {
        nodes / 2 + 1
    }

    /// When a lease won by a round begun at `t0` and judged at `now` ends: counted from **before
    /// the first send**, because a key's life starts no earlier than that, and less the allowance
    /// for drift.
    #[inline]
    fn valid_until<I: Instant>(&self, config: &Config, t0: I, now: I) -> I {
        let _ = now;
        validity::valid_until(t0, config.ttl(), config.drift())
    }

    /// Whether the first answer of a round moves its `t0`. Never: the first key may have been set
    /// before.
    #[inline]
    fn starts_at_first_answer(&self) -> bool {
        false
    }

    /// Whether a lease valid until `valid_until` is believed at `now`. Strict: at that moment the
    /// first key may be gone.
    #[inline]
    fn believed<I: Instant>(&self, now: I, valid_until: I) -> bool {
        validity::believed(now, valid_until)
    }

    /// Whether a held lease is over at `now`. Final, and decided before anything else is looked
    /// at, so that an extension judged too late cannot revive it: somebody else may have held the
    /// lock in between. `renewing` tells whether a renewal is under way; it makes no difference.
    #[inline]
    fn expired<I: Instant>(&self, now: I, valid_until: I, renewing: bool) -> bool {
        let _ = renewing;
        !self.believed(now, valid_until)
    }

    /// Whether a held lease asks to be woken at `valid_until`, however late its next renewal is.
    /// Always: the loss is told at that moment, even if no node ever answers.
    #[inline]
    fn wakes_at_expiry(&self) -> bool {
        true
    }

    /// What an answer to `command` counts as: itself. A missing key is not somebody else's, and
    /// somebody else's is not the own.
    #[inline]
    fn counts_as(&self, command: Command, answer: Answer) -> Answer {
        let _ = command;
        answer
    }

    /// Whether a late answer, of an earlier round, counts in the present one. Never: the key it
    /// speaks of was touched before this round's `t0`.
    #[inline]
    fn counts_late_answers(&self) -> bool {
        false
    }

    /// Whether a node that has not answered in time has said no. Never: its `SET` may still run,
    /// and what it stores then must be released.
    #[inline]
    fn silence_is_no(&self) -> bool {
        false
    }

    /// Whether a renewal may still be sent once the stop was accepted. Never: the renewal that
    /// runs after the release is the failure this project began with.
    #[inline]
    fn renews_while_stopping(&self) -> bool {
        false
    }

    /// Whether a new connection starts with `CLIENT KILL ID` of the old one when commands were
    /// pending there. Always: a request of a dead connection may still run, also after the release
    /// sent on the new one.
    #[inline]
    fn kills_after_reset(&self) -> bool {
        true
    }

    /// Whether a release on a pooled transport waits until the pending command of that node has
    /// resolved. Always: on another connection it may overtake that command.
    #[inline]
    fn drains_before_release(&self) -> bool {
        true
    }

    /// Whether a lease is handed over only when none of its commands may run any more. Always: a
    /// late `SET` would bring its token back when the adopter has released the lock, or when
    /// somebody else has held it before the adoption.
    #[inline]
    fn drains_before_hand_over(&self) -> bool {
        true
    }

    /// Whether the giver of a lease still believes. Never: from the moment at which it may be
    /// adopted it is another's.
    #[inline]
    fn believes_after_hand_over(&self) -> bool {
        false
    }

    /// Whether the giver still releases what it has handed over. Never: the adopter would find the
    /// lock gone.
    #[inline]
    fn releases_after_hand_over(&self) -> bool {
        false
    }

    /// Whether an adopter believes without an answer of any node. Never: nobody knows how long the
    /// news of the lease was under way.
    #[inline]
    fn adopts_on_trust(&self) -> bool {
        false
    }

    /// Whether the script of an adoption sets a missing key. Never: where it is missing, somebody
    /// else may have held the lock since.
    #[inline]
    fn adopts_missing(&self) -> bool {
        false
    }

    /// Whether the script of `command` compares the value before it changes anything. Always: the
    /// key may be somebody else's by now.
    #[inline]
    fn compares(&self, command: Command) -> bool {
        let _ = command;
        true
    }

    /// What the script of an extension does where the key is gone: as configured.
    #[inline]
    fn extends_by(&self, config: &Config) -> Extend {
        config.extend()
    }

    /// How long a restarted node counts for nothing: the longest TTL of any client, since it may
    /// have forgotten any client's lease. `None` without a restart guard.
    #[inline]
    fn guards_for(&self, config: &Config) -> Option<Span> {
        config.max_ttl()
    }
}

/// The rules that ship.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sound;

impl Rules for Sound {}
