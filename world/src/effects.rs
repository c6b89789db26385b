//! What one step did, for people and for the properties. Nothing here decides anything.

use leasehold::protocol::{Answer, Command, Commands, LossCause, NodeSet};

use crate::message::Value;

/// What a client told its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report<I> {
    /// The lock is held.
    Acquired {
        /// On the client's clock.
        valid_until: I,
    },
    /// The lock was not acquired.
    Denied {
        /// Whether another value was seen.
        taken: bool,
    },
    /// A renewal succeeded.
    Extended {
        /// On the client's clock.
        valid_until: I,
    },
    /// A renewal failed for want of answers.
    RenewalFailed,
    /// "lock already taken": what the broken programs say when a quorum of nodes does not hold
    /// their value, whoever does.
    AlreadyTaken,
    /// The lease is lost, with its cause. Only the shipped lifecycle tells.
    Lost(LossCause),
    /// The lock is released.
    Released {
        /// Nodes that have not acknowledged it.
        unsettled: NodeSet,
    },
    /// The lease is handed over: whoever has its token may adopt it.
    HandedOver {
        /// On the client's clock.
        valid_until: I,
    },
}

/// A command that ran at a node in this step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Whose.
    pub client: u8,
    /// Where.
    pub node: u8,
    /// What.
    pub command: Command,
    /// Of which lease.
    pub value: Value,
    /// With which result.
    pub answer: Answer,
    /// Whether its connection had failed before.
    pub stray: bool,
}

/// All that a step did besides changing the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effects<I> {
    /// What the client of this step sent.
    pub sent: Commands,
    /// What ran at a node.
    pub executed: Option<Executed>,
    /// What reached the client: a node's answer.
    pub heard: Option<(Command, Answer)>,
    /// What the user was told.
    pub report: Option<Report<I>>,
    /// Nodes that a command or the time has left with another value than before, or that can grant
    /// again.
    pub changed: NodeSet,
}

impl<I> Default for Effects<I> {
    fn default() -> Self {
        let (sent, changed) = (Commands::default(), NodeSet::EMPTY);
        Effects { sent, executed: None, heard: None, report: None, changed }
    }
}

/// Something that must never happen in a step. One bit each; see [`crate::properties`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breach {
    /// An extend was sent after the stop was accepted.
    RenewalAfterStop,
    /// An extend ran at a node after a release of the same lease had run there.
    ExtendAfterRelease,
    /// The outcome of a renewal was reported after the stop was accepted.
    ReportAfterStop,
    /// A `SET` stored the value of a lease after its release had run at that node.
    Orphan,
    /// An extend created the key of a lease anew after its release had run at that node.
    Zombie,
    /// A release or an extend changed a key that held another value.
    ForeignKeyTouched,
    /// "taken" was reported and no other value had been seen.
    FalseCause,
    /// "lock already taken" was reported, nobody had taken it, and the own release had run.
    StrayMessage,
    /// Something other than the loss was the first thing said at or after `valid_until`.
    LateLoss,
    /// A pipe was full: the world's bound is too small for this scope.
    PipeFull,
    /// A command of a lease ran after that was handed over.
    RanAfterHandOver,
    /// Two adoptions of one ticket succeeded.
    AdoptedTwice,
}

/// The breaches of the last step. Not of the whole past: a state is not split by old sins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Breaches(u16);

impl Breaches {
    /// Adds one.
    #[inline]
    pub fn insert(&mut self, breach: Breach) {
        self.0 |= 1 << breach as u16;
    }

    /// Whether nothing happened.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether it happened.
    #[inline]
    pub fn contains(self, breach: Breach) -> bool {
        self.0 & (1 << breach as u16) != 0
    }
}
