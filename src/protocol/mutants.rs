//! Rules broken on purpose, to show that the checker and the simulator would notice.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use super::answer::{Answer, Command};
use super::config::{Config, Extend};
use super::instant::{Instant, Span};
use super::rules::{Rules, Sound, sealed};
use super::validity;

/// One rule broken on purpose. Each must be noticed by the checker and by the simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mutant {
    /// A quorum of one node too few.
    QuorumLessOne,
    /// Half of an even number of nodes is a quorum.
    QuorumHalf,
    /// No allowance for drift is taken off.
    NoDrift,
    /// `valid_until` is counted from the first answer of the round.
    FromFirstAnswer,
    /// `valid_until` is counted from the end of the round.
    FromRoundEnd,
    /// The lease is still believed at `valid_until` itself.
    BelievesAtEnd,
    /// While a renewal is under way the lease does not expire, so an extension judged after
    /// `valid_until` is accepted.
    ExtendAfterExpiry,
    /// The loss is told when the next timer fires, instead of at `valid_until`.
    LossToldLate,
    /// A key that is gone is reported as somebody else's.
    MissingIsForeign,
    /// A `SET` that found somebody else's value counts as granted.
    ForeignIsGranted,
    /// A late answer of an earlier round counts in the present one.
    LateAnswersCount,
    /// A node that has not answered in time has said no, and is not cleaned up.
    SilenceIsNo,
    /// A last renewal is sent when the stop is carried out.
    RenewWhileStopping,
    /// A new connection does not kill the old one.
    NoKillAfterReset,
    /// On a pooled transport the release does not wait for the pending command.
    ReleaseBeforeDrain,
    /// The release script deletes the key without comparing.
    ReleaseAnyValue,
    /// The extend script prolongs the key without comparing.
    ExtendAnyValue,
    /// The extend script sets a missing key anew, and nobody owes its release.
    ExtendRecreates,
    /// The restart guard waits for the client's own TTL, not for the longest of any client.
    GuardOwnTtl,
    /// A lease is handed over while commands of it may still run.
    HandOverUndrained,
    /// The giver believes until `valid_until`, although it has handed the lease over.
    BelievesAfterHandOver,
    /// The giver releases what it has handed over.
    ReleaseAfterHandOver,
    /// An adopter believes for a TTL from when it begins, without an answer of any node.
    AdoptOnTrust,
    /// The script of an adoption changes the key without comparing.
    AdoptAnyValue,
    /// The script of an adoption sets a missing key.
    AdoptRecreates,
}

const NAMES: [(Mutant, &str); 25] = [
    (Mutant::QuorumLessOne, "quorum-less-one"),
    (Mutant::QuorumHalf, "quorum-half"),
    (Mutant::NoDrift, "no-drift"),
    (Mutant::FromFirstAnswer, "from-first-answer"),
    (Mutant::FromRoundEnd, "from-round-end"),
    (Mutant::BelievesAtEnd, "believes-at-end"),
    (Mutant::ExtendAfterExpiry, "extend-after-expiry"),
    (Mutant::LossToldLate, "loss-told-late"),
    (Mutant::MissingIsForeign, "missing-is-foreign"),
    (Mutant::ForeignIsGranted, "foreign-is-granted"),
    (Mutant::LateAnswersCount, "late-answers-count"),
    (Mutant::SilenceIsNo, "silence-is-no"),
    (Mutant::RenewWhileStopping, "renew-while-stopping"),
    (Mutant::NoKillAfterReset, "no-kill-after-reset"),
    (Mutant::ReleaseBeforeDrain, "release-before-drain"),
    (Mutant::ReleaseAnyValue, "release-any-value"),
    (Mutant::ExtendAnyValue, "extend-any-value"),
    (Mutant::ExtendRecreates, "extend-recreates"),
    (Mutant::GuardOwnTtl, "guard-own-ttl"),
    (Mutant::HandOverUndrained, "hand-over-undrained"),
    (Mutant::BelievesAfterHandOver, "believes-after-hand-over"),
    (Mutant::ReleaseAfterHandOver, "release-after-hand-over"),
    (Mutant::AdoptOnTrust, "adopt-on-trust"),
    (Mutant::AdoptAnyValue, "adopt-any-value"),
    (Mutant::AdoptRecreates, "adopt-recreates"),
];

impl Mutant {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Mutant> {
        NAMES.into_iter().map(|(mutant, _)| mutant)
    }

    /// The name used on the command line and in trace files.
    pub fn name(self) -> &'static str {
        NAMES[self as usize].1
    }
}

/// A name that is not a mutant's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownMutant;

impl core::error::Error for UnknownMutant {}

impl fmt::Display for UnknownMutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown mutant; it is one of ")?;
        for (index, (_, name)) in NAMES.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{name}")?;
        }
        Ok(())
    }
}

impl FromStr for Mutant {
    type Err = UnknownMutant;

    fn from_str(name: &str) -> Result<Self, UnknownMutant> {
        Mutant::all().find(|mutant| mutant.name() == name).ok_or(UnknownMutant)
    }
}

/// The rules with at most one of them broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mutated(pub Option<Mutant>);

/// The rules are the same throughout a search, and add nothing to a hash.
impl Hash for Mutated {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl sealed::Sealed for Mutated {}

impl Mutated {
    #[inline]
    fn is(self, mutant: Mutant) -> bool {
        self.0 == Some(mutant)
    }
}

impl Rules for Mutated {
    #[inline]
    fn quorum(&self, nodes: u8) -> u8 {
        let sound = Sound.quorum(nodes);
        let too_few = self.is(Mutant::QuorumLessOne)
            || self.is(Mutant::QuorumHalf) && nodes.is_multiple_of(2);
        if too_few { sound.saturating_sub(1).max(1) } else { sound }
    }

    #[inline]
    fn valid_until<I: Instant>(&self, config: &Config, t0: I, now: I) -> I {
        let from = if self.is(Mutant::FromRoundEnd) { now } else { t0 };
        let drift = if self.is(Mutant::NoDrift) { 0 } else { config.drift() };
        validity::valid_until(from, config.ttl(), drift)
    }

    #[inline]
    fn starts_at_first_answer(&self) -> bool {
        self.is(Mutant::FromFirstAnswer)
    }

    #[inline]
    fn believed<I: Instant>(&self, now: I, valid_until: I) -> bool {
        let at_end = self.is(Mutant::BelievesAtEnd) && now == valid_until;
        at_end || Sound.believed(now, valid_until)
    }

    #[inline]
    fn expired<I: Instant>(&self, now: I, valid_until: I, renewing: bool) -> bool {
        let spared = self.is(Mutant::ExtendAfterExpiry) && renewing;
        !spared && !self.believed(now, valid_until)
    }

    #[inline]
    fn wakes_at_expiry(&self) -> bool {
        !self.is(Mutant::LossToldLate)
    }

    #[inline]
    fn counts_as(&self, command: Command, answer: Answer) -> Answer {
        match (self.0, command, answer) {
            (Some(Mutant::MissingIsForeign), _, Answer::Missing) => Answer::Foreign,
            (Some(Mutant::ForeignIsGranted), Command::Set, Answer::Foreign) => Answer::Done,
            _ => answer,
        }
    }

    #[inline]
    fn counts_late_answers(&self) -> bool {
        self.is(Mutant::LateAnswersCount)
    }

    #[inline]
    fn silence_is_no(&self) -> bool {
        self.is(Mutant::SilenceIsNo)
    }

    #[inline]
    fn renews_while_stopping(&self) -> bool {
        self.is(Mutant::RenewWhileStopping)
    }

    #[inline]
    fn kills_after_reset(&self) -> bool {
        !self.is(Mutant::NoKillAfterReset)
    }

    #[inline]
    fn drains_before_release(&self) -> bool {
        !self.is(Mutant::ReleaseBeforeDrain)
    }

    #[inline]
    fn compares(&self, command: Command) -> bool {
        match command {
            Command::Release => !self.is(Mutant::ReleaseAnyValue),
            Command::Extend => !self.is(Mutant::ExtendAnyValue),
            Command::Adopt => !self.is(Mutant::AdoptAnyValue),
            Command::Set | Command::Kill => true,
        }
    }

    #[inline]
    fn drains_before_hand_over(&self) -> bool {
        !self.is(Mutant::HandOverUndrained)
    }

    #[inline]
    fn believes_after_hand_over(&self) -> bool {
        self.is(Mutant::BelievesAfterHandOver)
    }

    #[inline]
    fn releases_after_hand_over(&self) -> bool {
        self.is(Mutant::ReleaseAfterHandOver)
    }

    #[inline]
    fn adopts_on_trust(&self) -> bool {
        self.is(Mutant::AdoptOnTrust)
    }

    #[inline]
    fn adopts_missing(&self) -> bool {
        self.is(Mutant::AdoptRecreates)
    }

    #[inline]
    fn extends_by(&self, config: &Config) -> Extend {
        if self.is(Mutant::ExtendRecreates) { Extend::TouchOrSet } else { config.extend() }
    }

    #[inline]
    fn guards_for(&self, config: &Config) -> Option<Span> {
        let own = self.is(Mutant::GuardOwnTtl);
        config.max_ttl().map(|longest| if own { config.ttl() } else { longest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_has_a_name_of_its_own_at_its_place() {
        for (index, (mutant, name)) in NAMES.into_iter().enumerate() {
            assert_eq!(mutant as usize, index);
            assert_eq!(name.parse(), Ok(mutant));
        }
    }
}
