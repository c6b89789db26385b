//! Which claims a step can break, and which dangers it can bring: so that whoever watches a long
//! run need not ask every question after every step.
//!
//! A claim about a state can only break by a step that changes what the claim is about. Asking
//! more than necessary is harmless, so where in doubt a claim is asked about. A test holds these
//! tables against simulated runs in which every question is asked after every step.

use crate::effects::Breaches;
use crate::properties::{CLAIMS, Claim};
use crate::step::Step;
use crate::time::WorldTime;

/// A set of claims, or of the dangers that belong to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClaimSet(u32);

impl ClaimSet {
    /// Every claim.
    pub const ALL: ClaimSet = ClaimSet((1 << CLAIMS.len()) - 1);

    /// The set of these.
    pub const fn of(claims: &[Claim]) -> ClaimSet {
        let mut set = 0;
        let mut index = 0;
        while index < claims.len() {
            set |= 1 << claims[index] as u32;
            index += 1;
        }
        ClaimSet(set)
    }

    /// Whether it is in here.
    pub fn contains(self, claim: Claim) -> bool {
        self.0 >> claim as u32 & 1 == 1
    }

    /// Adds it.
    pub fn insert(&mut self, claim: Claim) {
        self.0 |= 1 << claim as u32;
    }

    /// Takes it out.
    pub fn remove(&mut self, claim: Claim) {
        self.0 &= !(1 << claim as u32);
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: ClaimSet) -> ClaimSet {
        ClaimSet(self.0 & other.0)
    }
}

impl Iterator for ClaimSet {
    type Item = Claim;

    #[inline]
    fn next(&mut self) -> Option<Claim> {
        let claim = CLAIMS.get(self.0.trailing_zeros() as usize).copied()?;
        self.0 &= self.0 - 1;
        Some(claim)
    }
}

/// What a step of a client can break: what it believes, owes and waits for.
const BY_CLIENTS: ClaimSet = ClaimSet::of(&[
    Claim::WindowExclusion,
    Claim::ValidityBacked,
    Claim::Continuity,
    Claim::NoLeftover,
    Claim::LossTold,
    Claim::BoundedRelease,
]);
/// What a command that runs can break: what is stored.
const BY_COMMANDS: ClaimSet =
    ClaimSet::of(&[Claim::ValidityBacked, Claim::NoLeftover, Claim::Residue]);
/// What the passing of time can break: keys expire, and somebody waits.
const BY_TIME: ClaimSet =
    ClaimSet::of(&[Claim::ValidityBacked, Claim::BoundedRelease, Claim::BoundedAcquire]);
const BY_NOTHING: ClaimSet = ClaimSet::of(&[]);

/// The claims that this step may have broken, which has just been taken with these breaches.
pub fn suspects<I: WorldTime, const N: usize, const C: usize>(
    step: &Step<I, N, C>,
    breaches: Breaches,
) -> ClaimSet {
    if !breaches.is_empty() {
        return ClaimSet::ALL;
    }
    match step {
        Step::Start(_)
        | Step::Tick(_)
        | Step::Stop(_)
        | Step::Task(..)
        | Step::Resume(_)
        | Step::Reply { .. }
        | Step::Reset { .. }
        | Step::Connect { .. } => BY_CLIENTS,
        Step::Run { .. } => BY_COMMANDS,
        Step::Advance { nodes, .. } if nodes.iter().any(|by| by.offset() < 0) => ClaimSet::ALL,
        Step::Advance { .. } => BY_TIME,
        Step::Crash { .. } | Step::Restart(_) | Step::Heal(_) => ClaimSet::ALL,
        Step::Stall(_) | Step::Pause(_) | Step::Resend { .. } | Step::LoseScripts(_) => BY_NOTHING,
    }
}

/// Dangers that a command that runs can bring.
const NEAR_COMMANDS: ClaimSet = ClaimSet::of(&[
    Claim::WindowExclusion,
    Claim::ValidityBacked,
    Claim::OrderAtNode,
    Claim::NothingReportedAfter,
    Claim::NoOrphan,
    Claim::NoZombie,
    Claim::Residue,
    Claim::OwnKeysOnly,
    Claim::TrueCause,
    Claim::NoStrayMessage,
]);
/// Dangers that the passing of time can bring.
const NEAR_TIME: ClaimSet = ClaimSet::of(&[
    Claim::ValidityBacked,
    Claim::Continuity,
    Claim::NoZombie,
    Claim::TrueCause,
    Claim::BoundedRelease,
    Claim::BoundedAcquire,
]);

/// The dangers that this step may have brought.
pub fn dangers<I, const N: usize, const C: usize>(step: &Step<I, N, C>) -> ClaimSet {
    match step {
        Step::Run { .. } => NEAR_COMMANDS,
        Step::Advance { .. } => NEAR_TIME,
        Step::Stall(_) | Step::Pause(_) | Step::Resume(_) | Step::LoseScripts(_) => BY_NOTHING,
        Step::Start(_)
        | Step::Tick(_)
        | Step::Stop(_)
        | Step::Task(..)
        | Step::Reply { .. }
        | Step::Reset { .. }
        | Step::Connect { .. }
        | Step::Crash { .. }
        | Step::Restart(_)
        | Step::Resend { .. }
        | Step::Heal(_) => ClaimSet::ALL,
    }
}
