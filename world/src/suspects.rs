//! Which claims a step can break, and which dangers it can bring: so that whoever watches a long
//! run need not ask every question after every step.
//!
//! A claim about a state can only break by a step that changes what the claim is about. Asking
//! more than necessary is harmless, so where in doubt a claim is asked about. A test holds these
//! tables against simulated runs in which every question is asked after every step.

use leasehold::protocol::{Command, Commands, NodeSet};

use crate::effects::{Breaches, Effects};
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

    /// Whether nothing is in here.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that are in one of both.
    #[must_use]
    pub const fn or(self, other: ClaimSet) -> ClaimSet {
        ClaimSet(self.0 | other.0)
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

/// A set of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSet(u64);

impl ClientSet {
    /// Every client.
    pub const ALL: ClientSet = ClientSet(u64::MAX);

    /// This one alone.
    pub const fn one(client: u8) -> ClientSet {
        ClientSet(1 << client)
    }

    /// Those of the first `clients` that are in here, in order.
    #[inline]
    pub fn iter(self, clients: usize) -> impl Iterator<Item = u8> {
        let mut left = self.0 & (u64::MAX >> (64 - clients.clamp(1, 64)));
        std::iter::from_fn(move || {
            let next = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            (next < 64).then_some(next as u8)
        })
    }
}

/// For whom a step can have brought anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concerned {
    /// Clients, by what they are or by what is stored for them.
    pub clients: ClientSet,
    /// Nodes, by what they store or by whose that is.
    pub nodes: NodeSet,
}

impl Concerned {
    /// Everybody, in a world of so many nodes.
    pub fn all(nodes: usize) -> Concerned {
        Concerned { clients: ClientSet::ALL, nodes: NodeSet::all(nodes as u8) }
    }
}

/// For whom this step, which has just been taken, can have brought anything.
pub fn concerned<I, const N: usize, const C: usize>(
    step: &Step<I, N, C>,
    effects: &Effects<I>,
) -> Concerned {
    let mut concerned = Concerned::all(N);
    // A key that has changed is also others', and the world heals for everybody.
    let alone = effects.changed.is_empty() && !matches!(step, Step::Heal(_));
    if let Some(client) = step.client().filter(|_| alone) {
        concerned.clients = ClientSet::one(client);
    }
    if let Step::Run { node, .. } = *step {
        concerned.nodes = NodeSet::only(node);
    }
    concerned
}

/// What a step of a client can break: what it believes, owes and waits for.
const BY_CLIENTS: ClaimSet = ClaimSet::of(&[
    Claim::WindowExclusion,
    Claim::ValidityBacked,
    Claim::Continuity,
    Claim::NoLeftover,
    Claim::LossTold,
    Claim::BoundedRelease,
    Claim::Succession,
]);
/// The same if nothing comes of it yet: what it owes and waits for.
const BY_QUIET_ANSWERS: ClaimSet = ClaimSet::of(&[Claim::NoLeftover, Claim::LossTold]);
/// What a command that runs can break: what is stored.
const BY_COMMANDS: ClaimSet =
    ClaimSet::of(&[Claim::ValidityBacked, Claim::NoLeftover, Claim::Residue]);
/// What the passing of time can break: keys expire, and somebody waits.
const BY_TIME: ClaimSet =
    ClaimSet::of(&[Claim::ValidityBacked, Claim::BoundedRelease, Claim::BoundedAcquire]);
/// The same if no key does.
const BY_WAITING: ClaimSet = ClaimSet::of(&[Claim::BoundedRelease, Claim::BoundedAcquire]);
const BY_NOTHING: ClaimSet = ClaimSet::of(&[]);

/// The claims that this step may have broken, which has just been taken with these effects and
/// breaches.
pub fn suspects<I: WorldTime, const N: usize, const C: usize>(
    step: &Step<I, N, C>,
    effects: &Effects<I>,
    breaches: Breaches,
) -> ClaimSet {
    if !breaches.is_empty() {
        return ClaimSet::ALL;
    }
    match step {
        Step::Reply { .. } if is_quiet(effects) => BY_QUIET_ANSWERS,
        Step::Start(_)
        | Step::Tick(_)
        | Step::Stop(_)
        | Step::HandOver(_)
        | Step::Adopt(_)
        | Step::Task(..)
        | Step::Resume(_)
        | Step::Reply { .. }
        | Step::Reset { .. }
        | Step::Connect { .. } => BY_CLIENTS,
        // Of a key that stays only the end may change.
        Step::Run { .. } if effects.changed.is_empty() => ClaimSet::of(&[Claim::Residue]),
        Step::Run { .. } => BY_COMMANDS,
        Step::Advance { nodes, .. } if nodes.iter().any(|by| by.offset() < 0) => ClaimSet::ALL,
        Step::Advance { .. } if effects.changed.is_empty() => BY_WAITING,
        Step::Advance { .. } => BY_TIME,
        Step::Crash { .. } | Step::Restart(_) | Step::Heal(_) => ClaimSet::ALL,
        Step::Stall(_) | Step::Pause(_) | Step::Resend { .. } | Step::LoseScripts(_) => BY_NOTHING,
    }
}

/// Whether a client was told something of which nothing comes yet.
fn is_quiet<I>(effects: &Effects<I>) -> bool {
    effects.report.is_none() && effects.sent == Commands::default()
}

/// Dangers that a key brings that is another's now, or gone.
const NEAR_KEYS: ClaimSet = ClaimSet::of(&[
    Claim::WindowExclusion,
    Claim::ValidityBacked,
    Claim::NoZombie,
    Claim::Residue,
    Claim::OwnKeysOnly,
    Claim::TrueCause,
]);
/// Dangers that an extend that has run can bring: its answer is on its way.
const NEAR_EXTENDS: ClaimSet = ClaimSet::of(&[Claim::NothingReportedAfter]);
/// Dangers that a release that has run can bring: others of the same lease may come after it.
const NEAR_RELEASES: ClaimSet =
    ClaimSet::of(&[Claim::OrderAtNode, Claim::NoOrphan, Claim::NoStrayMessage]);

/// Dangers that an exchange of tokens that has run can bring: its answer is on its way.
const NEAR_ADOPTIONS: ClaimSet = ClaimSet::of(&[Claim::Succession]);

fn near_command<I>(effects: &Effects<I>) -> ClaimSet {
    let keys = if effects.changed.is_empty() { BY_NOTHING } else { NEAR_KEYS };
    let Some(executed) = effects.executed else { return keys };
    keys.or(match executed.command {
        Command::Extend => NEAR_EXTENDS,
        Command::Release => NEAR_RELEASES,
        Command::Adopt => NEAR_ADOPTIONS,
        Command::Set | Command::Kill => BY_NOTHING,
    })
}

/// Dangers that an answer of which nothing comes yet can bring.
const NEAR_QUIET_ANSWERS: ClaimSet =
    ClaimSet::of(&[Claim::Continuity, Claim::NoLeftover, Claim::Residue, Claim::LossTold]);
/// Dangers that the passing of time can bring.
const NEAR_TIME: ClaimSet = ClaimSet::of(&[
    Claim::ValidityBacked,
    Claim::Continuity,
    Claim::NoZombie,
    Claim::TrueCause,
    Claim::BoundedRelease,
    Claim::BoundedAcquire,
]);

/// The same if no key expires.
const NEAR_WAITING: ClaimSet =
    ClaimSet::of(&[Claim::Continuity, Claim::BoundedRelease, Claim::BoundedAcquire]);

/// The dangers that this step may have brought, which has just been taken with these effects.
pub fn dangers<I, const N: usize, const C: usize>(
    step: &Step<I, N, C>,
    effects: &Effects<I>,
) -> ClaimSet {
    match step {
        Step::Run { .. } => near_command(effects),
        Step::Reply { .. } if is_quiet(effects) => NEAR_QUIET_ANSWERS,
        Step::Advance { .. } if effects.changed.is_empty() => NEAR_WAITING,
        Step::Advance { .. } => NEAR_TIME,
        Step::Stall(_) | Step::Pause(_) | Step::Resume(_) | Step::LoseScripts(_) => BY_NOTHING,
        Step::Start(_)
        | Step::Tick(_)
        | Step::Stop(_)
        | Step::HandOver(_)
        | Step::Adopt(_)
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
