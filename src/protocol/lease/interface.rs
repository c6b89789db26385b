//! What a lease is told, what it says, and the names of its phases.

use super::super::answer::{Answer, Command};
use super::super::nodes::NodeSet;
use super::super::round::Tally;

/// Where a lease is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// Nothing was asked yet.
    #[default]
    Idle,
    /// `SET` was sent to the nodes, or, in an adoption, the exchange of tokens; no verdict yet.
    Acquiring,
    /// Held, and believed until `valid_until`.
    Held,
    /// The stop was accepted: belief has ended and no renewal starts any more.
    Stopping,
    /// Releases are out (or wait), and an earlier command is still unresolved at some node.
    Draining,
    /// Every earlier command has resolved; releases wait for their acknowledgement.
    Releasing,
    /// Reported to the user as released, or as denied. Debts may remain.
    Released,
    /// Reported to the user as lost. Final. Debts may remain.
    Lost,
    /// The lease is being handed over: belief has ended, no renewal starts any more, and the
    /// commands that may still run are waited for.
    HandingOver,
    /// Reported to the user as handed over. Final. Nothing of it can run any more, and nothing is
    /// owed: what is stored is the adopter's.
    HandedOver,
}

impl Phase {
    /// Whether the end has been reported: only debts may remain.
    #[inline]
    pub fn is_over(self) -> bool {
        match self {
            Phase::Released | Phase::Lost | Phase::HandedOver => true,
            Phase::Idle
            | Phase::Acquiring
            | Phase::Held
            | Phase::Stopping
            | Phase::Draining
            | Phase::Releasing
            | Phase::HandingOver => false,
        }
    }

    /// Whether releases are due: the lease has ended, one way or another, and was not handed over.
    #[inline]
    pub fn pays_debts(self) -> bool {
        match self {
            Phase::Draining | Phase::Releasing | Phase::Released | Phase::Lost => true,
            Phase::Idle
            | Phase::Acquiring
            | Phase::Held
            | Phase::Stopping
            | Phase::HandingOver
            | Phase::HandedOver => false,
        }
    }
}

/// Why a lease was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LossCause {
    /// `valid_until` passed before a renewal succeeded.
    Expired,
    /// So many nodes no longer store the key that no quorum can; nobody else's value was seen.
    Gone,
    /// The same, and some node stores another value.
    Taken,
}

/// What happened, for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event<I> {
    /// The lease is held.
    Acquired {
        /// On the client's own clock.
        valid_until: I,
    },
    /// The acquisition failed. What it may have set is being released, and nobody waits for it.
    Denied(Tally),
    /// A renewal succeeded.
    Extended {
        /// On the client's own clock. Never earlier than before.
        valid_until: I,
    },
    /// A renewal failed; the lease is still held until its old `valid_until`.
    RenewalFailed(Tally),
    /// The lease is over, and the user did not ask for it.
    Lost(LossCause),
    /// The release is over.
    Released {
        /// Nodes that have not acknowledged it; the debt is kept.
        unsettled: NodeSet,
    },
    /// The lease is handed over: its token is another's to adopt, and this client sends nothing
    /// more for it.
    HandedOver {
        /// When its last round runs out, on the client's own clock. For information: whoever
        /// adopts it believes by a round of its own.
        valid_until: I,
    },
}

/// What the machine is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input<V> {
    /// Acquire, with a token never used before. Only in [`Phase::Idle`].
    Start(V),
    /// Take over what another lease has handed over, with a token never used before. Only in
    /// [`Phase::Idle`].
    Adopt {
        /// The own token.
        token: V,
        /// The token that was handed over.
        from: V,
    },
    /// A node answered a command of this lease, or its fate became known.
    Answer {
        /// Which node.
        node: u8,
        /// Which command it answers.
        command: Command,
        /// What it said.
        answer: Answer,
    },
    /// The moment named by [`Lease::deadline`](super::Lease::deadline) has come. Harmless if it
    /// has not.
    Tick,
    /// The user wants it to end.
    Stop,
    /// The user wants it to end and the lock to be another's. Only while it is held; if the
    /// commands that may still run cannot be drained in time, it is released instead.
    HandOver,
    /// The connection to `node` failed. What was pending there is unknown from now on.
    Reset {
        /// Which node.
        node: u8,
    },
    /// There is a connection to `node` again.
    Connected {
        /// Which node.
        node: u8,
        /// Whether the server is another process than before: then nothing of the old connection
        /// can still run, and its client ids mean nothing.
        new_process: bool,
    },
}

/// When, on the client's own clock, and which nodes have a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment<I> {
    /// Read **after** what caused the input happened and **before** anything is sent for it.
    pub now: I,
    /// Nodes that can be sent to. Commands to others are never issued.
    pub reachable: NodeSet,
    /// Of these, nodes that may have lost their memory and count for nothing yet (see
    /// [`guard`](crate::protocol::guard)). They are not asked; what is owed there is released.
    pub guarded: NodeSet,
}

/// The nodes to send each command to, in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Commands {
    /// [`Command::Kill`], before anything else on that connection.
    pub kill: NodeSet,
    /// [`Command::Set`].
    pub set: NodeSet,
    /// [`Command::Adopt`].
    pub adopt: NodeSet,
    /// [`Command::Extend`].
    pub extend: NodeSet,
    /// [`Command::Release`].
    pub release: NodeSet,
}

impl Commands {
    /// Every node that anything goes to.
    pub fn to(&self) -> NodeSet {
        self.in_order().into_iter().fold(NodeSet::EMPTY, |to, (_, nodes)| to.or(nodes))
    }

    /// Each command, in the order in which they are sent, with the nodes that it goes to.
    pub fn in_order(&self) -> [(Command, NodeSet); 5] {
        let Commands { kill, set, adopt, extend, release } = *self;
        [
            (Command::Kill, kill),
            (Command::Set, set),
            (Command::Adopt, adopt),
            (Command::Extend, extend),
            (Command::Release, release),
        ]
    }
}

/// What one step of the machine asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct Output<I> {
    /// To send now, in order.
    pub commands: Commands,
    /// To tell the user.
    pub event: Option<Event<I>>,
}

impl<I> Output<I> {
    pub(super) const NOTHING: Output<I> = Output {
        commands: Commands {
            kill: NodeSet::EMPTY,
            set: NodeSet::EMPTY,
            adopt: NodeSet::EMPTY,
            extend: NodeSet::EMPTY,
            release: NodeSet::EMPTY,
        },
        event: None,
    };
}

/// Why the machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// When an acquisition has waited long enough for its nodes.
    AttemptTimeout,
    /// When a renewal is due.
    Renew,
    /// When a renewal has waited long enough for its nodes.
    RenewalTimeout,
    /// When the lease stops being believed.
    Expiry,
    /// When an accepted stop is to be carried out: at once.
    Release,
    /// When a release has been waited for long enough.
    ReleaseTimeout,
    /// When a lease cannot be handed over any more, and is released instead.
    HandOverTimeout,
}
