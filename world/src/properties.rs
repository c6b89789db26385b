//! What must never happen, each as a named function with its assumptions.
//!
//! The checker asks them in every state, the simulator after every step, the tests on every trace.

use leasehold::protocol::{Drift, NodeSet, Rules};

use crate::client::{Client, Program};
use crate::effects::Breach;
use crate::message::Value;
use crate::node::Node;
use crate::scope::{Lifecycle, Scope, Settings};
use crate::suspects::{ClientSet, Concerned};
use crate::time::WorldTime;
use crate::world::World;

/// A claim about every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// At most one client believes. Assumes no lost node state, and clocks within the drift
    /// allowance.
    WindowExclusion,
    /// While a client believes, a quorum of nodes keep its value. Same assumptions.
    ValidityBacked,
    /// Nobody else held between two moments of one lease's belief. Same assumptions.
    Continuity,
    /// No extend is sent after the stop was accepted. Assumes nothing.
    NoRenewalAfterStop,
    /// No extend runs at a node after a release of that lease ran there. Assumes `fifo` with KILL,
    /// or `pooled` with a release that waits.
    OrderAtNode,
    /// No outcome of a renewal reaches the user after the stop. Assumes nothing.
    NothingReportedAfter,
    /// Once a release of a value has run at a node, no late `SET` stores it there again (an
    /// **orphan**). Assumptions as for the order at the node.
    NoOrphan,
    /// The same for a late extend (a **zombie**).
    NoZombie,
    /// A lease that is over with every release acknowledged is stored nowhere.
    NoLeftover,
    /// No node keeps a value longer than the TTL, on its own clock, after the last `SET` or extend
    /// ran there. Assumes nothing.
    Residue,
    /// Releases and extends never change a key that holds another value. Assumes nothing.
    OwnKeysOnly,
    /// "taken" is reported only if another value was seen. Assumes nothing.
    TrueCause,
    /// "lock already taken" is never the echo of the own release: the failure of go-redsync #158.
    /// Assumes nothing.
    NoStrayMessage,
    /// A held lease wakes no later than `valid_until`, and then the loss is the first thing told.
    /// Assumes that the process is scheduled.
    LossTold,
    /// A release is reported within its bound of local, unpaused time. Assumes nothing.
    BoundedRelease,
    /// Once the world has healed, a lone contender holds the lock within a TTL, counted from the
    /// last command of the dead leases, and one retry. Assumes a drained network.
    BoundedAcquire,
    /// No command of a lease runs once it was handed over. Assumptions as for the order at the
    /// node.
    QuietHandOver,
    /// At most one adoption of what was handed over succeeds. Assumes that no node brings an older
    /// state back.
    AdoptedOnce,
    /// Whoever adopted believes only if nobody else believed since the giver did. Assumptions as
    /// for window exclusion.
    Succession,
    /// The world itself was large enough: no message was dropped for want of room.
    RoomForMessages,
}

/// All claims, in the order of the tables.
pub const CLAIMS: [Claim; 20] = [
    Claim::WindowExclusion,
    Claim::ValidityBacked,
    Claim::Continuity,
    Claim::NoRenewalAfterStop,
    Claim::OrderAtNode,
    Claim::NothingReportedAfter,
    Claim::NoOrphan,
    Claim::NoZombie,
    Claim::NoLeftover,
    Claim::Residue,
    Claim::OwnKeysOnly,
    Claim::TrueCause,
    Claim::NoStrayMessage,
    Claim::LossTold,
    Claim::BoundedRelease,
    Claim::BoundedAcquire,
    Claim::QuietHandOver,
    Claim::AdoptedOnce,
    Claim::Succession,
    Claim::RoomForMessages,
];

impl Claim {
    /// Its name in tables and trace files.
    pub fn name(self) -> &'static str {
        match self {
            Claim::WindowExclusion => "window exclusion",
            Claim::ValidityBacked => "validity is backed",
            Claim::Continuity => "continuity",
            Claim::NoRenewalAfterStop => "no renewal after stop",
            Claim::OrderAtNode => "order at the node",
            Claim::NothingReportedAfter => "nothing reported after",
            Claim::NoOrphan => "no orphan",
            Claim::NoZombie => "no zombie",
            Claim::NoLeftover => "no leftover",
            Claim::Residue => "residue",
            Claim::OwnKeysOnly => "own keys only",
            Claim::TrueCause => "true cause",
            Claim::NoStrayMessage => "no stray message",
            Claim::LossTold => "loss is told in time",
            Claim::BoundedRelease => "bounded release",
            Claim::BoundedAcquire => "bounded acquire",
            Claim::QuietHandOver => "quiet hand-over",
            Claim::AdoptedOnce => "adopted once",
            Claim::Succession => "succession",
            Claim::RoomForMessages => "room for messages",
        }
    }

    /// The claim of that name.
    pub fn named(name: &str) -> Option<Claim> {
        CLAIMS.into_iter().find(|claim| claim.name() == name)
    }

    /// What went wrong when it is broken, in one sentence.
    pub fn verdict(self) -> &'static str {
        match self {
            Claim::WindowExclusion => {
                "two clients believe at the same time that they hold the lock"
            }
            Claim::ValidityBacked => "a client believes, and no quorum of nodes stores its value",
            Claim::Continuity => "somebody else held the lock within one lease",
            Claim::NoRenewalAfterStop => "a renewal was sent after the stop was accepted",
            Claim::OrderAtNode => "a renewal ran at a node after the release had run there",
            Claim::NothingReportedAfter => "the outcome of a renewal was reported after the stop",
            Claim::NoOrphan => "a late SET stored the value after its own clean-up",
            Claim::NoZombie => "a late extend brought the key back after its release",
            Claim::NoLeftover => "every release was acknowledged, and a node stores the value",
            Claim::Residue => "a node keeps a value for longer than the TTL",
            Claim::OwnKeysOnly => "a release or an extend changed somebody else's key",
            Claim::TrueCause => "\"lock already taken\" was reported, and nobody had taken it",
            Claim::NoStrayMessage => {
                "\"lock already taken\" was the echo of the own release (go-redsync #158)"
            }
            Claim::LossTold => "the lease was over, and something else was told first",
            Claim::BoundedRelease => "a release took longer than its bound",
            Claim::BoundedAcquire => "a lone contender waited longer than a dead lease can last",
            Claim::QuietHandOver => "a command of a lease ran after that had been handed over",
            Claim::AdoptedOnce => "what was handed over once was adopted twice",
            Claim::Succession => "somebody else held the lock between the giver and the adopter",
            Claim::RoomForMessages => "a message was dropped: the world is too small for the scope",
        }
    }

    /// Whether it says anything about this scope: exclusion needs two clients, some claims a
    /// renewal or a stop, and the broken programs neither tell of a loss nor bound a release.
    pub fn applies(self, scope: &Scope) -> bool {
        match self {
            Claim::WindowExclusion | Claim::OwnKeysOnly => scope.clients() > 1,
            Claim::Continuity => scope.clients() > 1 && scope.renews(),
            Claim::NoRenewalAfterStop | Claim::NothingReportedAfter => {
                scope.renews() && scope.stops()
            }
            Claim::OrderAtNode | Claim::NoZombie | Claim::TrueCause | Claim::NoStrayMessage => {
                scope.renews()
            }
            Claim::LossTold => scope.lifecycle == Lifecycle::Joined,
            Claim::BoundedRelease => scope.lifecycle == Lifecycle::Joined && scope.stops(),
            Claim::BoundedAcquire => scope.settings().faults.heals > 0,
            Claim::QuietHandOver | Claim::AdoptedOnce | Claim::Succession => scope.hands_over(),
            Claim::ValidityBacked
            | Claim::NoOrphan
            | Claim::NoLeftover
            | Claim::Residue
            | Claim::RoomForMessages => true,
        }
    }

    /// Whether it holds in this state.
    pub fn holds<R: Rules, I: WorldTime, const N: usize, const C: usize>(
        self,
        world: &World<R, I, N, C>,
        scope: &Scope,
    ) -> bool {
        self.holds_among(Concerned::all(N), world, scope)
    }

    /// Whether it holds in this state, if it held in the one before, and the step in between can
    /// have brought nothing for others.
    pub fn holds_among<R: Rules, I: WorldTime, const N: usize, const C: usize>(
        self,
        among: Concerned,
        world: &World<R, I, N, C>,
        scope: &Scope,
    ) -> bool {
        match self {
            Claim::WindowExclusion => window_exclusion(world),
            Claim::ValidityBacked => among.clients.iter(C).all(|c| is_backed(world, c)),
            Claim::Continuity => continuity(world),
            Claim::NoRenewalAfterStop => !world.breaches.contains(Breach::RenewalAfterStop),
            Claim::OrderAtNode => !world.breaches.contains(Breach::ExtendAfterRelease),
            Claim::NothingReportedAfter => !world.breaches.contains(Breach::ReportAfterStop),
            Claim::NoOrphan => !world.breaches.contains(Breach::Orphan),
            Claim::NoZombie => !world.breaches.contains(Breach::Zombie),
            Claim::NoLeftover => no_leftover(among.nodes, world),
            Claim::Residue => residue(among.nodes, world, scope),
            Claim::OwnKeysOnly => !world.breaches.contains(Breach::ForeignKeyTouched),
            Claim::TrueCause => !world.breaches.contains(Breach::FalseCause),
            Claim::NoStrayMessage => !world.breaches.contains(Breach::StrayMessage),
            Claim::LossTold => loss_told(among.clients, world),
            Claim::BoundedRelease => bounded_release(world, scope),
            Claim::BoundedAcquire => bounded_acquire(world, scope),
            Claim::QuietHandOver => !world.breaches.contains(Breach::RanAfterHandOver),
            Claim::AdoptedOnce => !world.breaches.contains(Breach::AdoptedTwice),
            Claim::Succession => succession(world),
            Claim::RoomForMessages => !world.breaches.contains(Breach::PipeFull),
        }
    }
}

/// At most one client believes.
fn window_exclusion<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    world: &World<R, I, N, C>,
) -> bool {
    world.clients.iter().filter(|client| client.believes()).count() <= 1
}

/// How many nodes keep the value; a node that is down with its state keeps it.
pub(crate) fn keepers<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    world: &World<R, I, N, C>,
    value: Value,
) -> usize {
    world.nodes.iter().filter(|node| node.key == value && !value.is_none()).count()
}

/// The majority that the claim is about, whatever the rules under test call a quorum.
pub(crate) const fn majority(nodes: usize) -> usize {
    nodes / 2 + 1
}

/// While the client believes, a majority of nodes keep its value, or can grant nothing to anybody:
/// a node that died counts until it is back and its guard has ended.
fn is_backed<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    world: &World<R, I, N, C>,
    c: u8,
) -> bool {
    let client = &world.clients[usize::from(c)];
    let value = client.value(c);
    let keeps = |node: &&Node<I>| node.key == value && !value.is_none() || node.is_withheld();
    !client.believes() || world.nodes.iter().filter(keeps).count() >= majority(N)
}

/// No client believes again after somebody else believed in between.
fn continuity<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    world: &World<R, I, N, C>,
) -> bool {
    let interloped = |client: &Client<R, I>| client.believes() && client.ghost.interloped;
    world.clients.iter().all(|client| client.adopted().is_some() || !interloped(client))
}

/// The same for a lease that was adopted, whose belief began with the giver's.
fn succession<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    world: &World<R, I, N, C>,
) -> bool {
    let interloped = |client: &Client<R, I>| client.believes() && client.ghost.interloped;
    world.clients.iter().all(|client| client.adopted().is_none() || !interloped(client))
}

/// Nothing that is settled is stored at these nodes. What was handed over is nobody's to release.
fn no_leftover<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    among: NodeSet,
    world: &World<R, I, N, C>,
) -> bool {
    among.into_iter().map(|n| &world.nodes[usize::from(n)]).all(|node| {
        node.key.is_none()
            || node.key == world.ticket.value
            || !world.clients[usize::from(node.key.client())].settled(node.key.generation())
    })
}

/// No key at these nodes outlives its TTL, counted from now at the latest.
fn residue<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    among: NodeSet,
    world: &World<R, I, N, C>,
    scope: &Scope,
) -> bool {
    let ttl = |key: Value| scope.config_of(key.client()).ttl();
    let within = |node: &Node<I>| node.gone_at <= node.now.key_gone_at(ttl(node.key));
    let mut nodes = among.into_iter().map(|n| &world.nodes[usize::from(n)]);
    nodes.all(|node| node.key.is_none() || within(node))
}

/// A held lease wakes by `valid_until`, and nothing else was told first.
fn loss_told<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    among: ClientSet,
    world: &World<R, I, N, C>,
) -> bool {
    let wakes = |client: &Client<R, I>| match &client.program {
        Program::Joined(joined) => {
            let lease = &joined.lease;
            let due = lease.deadline().map(|(at, _)| at);
            lease.valid_until().is_none_or(|until| due.is_some_and(|at| at <= until))
        }
        Program::Threaded(_) => true,
    };
    !world.breaches.contains(Breach::LateLoss)
        && among.iter(C).all(|c| wakes(&world.clients[usize::from(c)]))
}

/// A release is reported within its bound.
fn bounded_release<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    world: &World<R, I, N, C>,
    scope: &Scope,
) -> bool {
    let bound = scope.config.settings().release_within;
    let slack = if I::IN_TICKS { i64::from(scope.settings().faults.client_slips > 0) } else { 0 };
    // What cannot be handed over in time is released, and each has a bound of its own.
    let times = |c: u8| if scope.role(c).hands_over { 2 } else { 1 };
    (world.clients.iter().zip(0..))
        .all(|(client, c)| client.ghost.releasing_for.offset() <= times(c) * bound + slack)
}

/// A lone contender waits no longer than a TTL and one retry.
fn bounded_acquire<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    world: &World<R, I, N, C>,
    scope: &Scope,
) -> bool {
    // The network is drained in no time and the contender retries once per unit of time, so
    // attempts and clean-ups cost nothing and one retry costs one unit.
    let longest = scope.longest_ttl() + scope.guarded_for();
    // Where clocks have rates, a TTL of the node's is at most T (1 + rho) / (1 - rho) of the
    // client's, which is within T + 2d as d = 2T rho / (1 + rho); and a key lives up to a
    // millisecond longer than its TTL.
    let &Settings { drift_ppm: factor_ppm, drift_floor: floor, .. } = scope.settings();
    let drift = Drift { factor_ppm, floor }.allowance(longest);
    let margin = if I::IN_TICKS { 1 } else { 2 * drift + 1_000 };
    world.healed.waited.offset() <= longest + margin
}
