//! Every lease of a client that is not settled yet, and which of them wants to be woken next.

use std::boxed::Box;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::vec::Vec;

use tokio::sync::oneshot;

use super::entry::Entry;
use super::error::Loss;
use super::key::Key;
use super::line::{Ask, Call};
use super::report::{Report, shown_key};
use super::token::{Jitter, Token};
use super::votes::{Votes, Witness};
use crate::protocol::{Answer, Command, Commands, Input, Micros, Moment, NodeSet};

/// Names one attempt within its client. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LeaseId(pub(super) u64);

/// What a handle needs to know of its lease.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) standing: Standing,
    /// Attempts that were denied.
    pub(super) attempts: u32,
    /// What the nodes said in the last round that failed.
    pub(super) votes: Option<Arc<Votes>>,
    /// The nodes that have not acknowledged its release, once that is known: also of a lease that
    /// was ended by the end of its client.
    pub(super) unsettled: Option<NodeSet>,
}

impl Shown {
    pub(super) const ASKED: Shown =
        Shown { standing: Standing::Asked, attempts: 0, votes: None, unsettled: None };
}

/// Where a lease stands, for its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// No verdict yet.
    Asked,
    /// Held, as long as the clock says so too.
    Held {
        valid_until: Micros,
        /// Whether that is as long as the lock may be held.
        at_most: bool,
    },
    /// Held no longer, as asked for; what comes of the release is not known yet.
    Stopping,
    /// Not acquired.
    Failed(Failure),
    /// Over without having been asked for.
    Lost(Loss),
    /// Over, and another's to adopt.
    HandedOver { token: Token, valid_until: Micros },
    /// Over as asked for.
    Released,
}

impl Standing {
    /// The end of a lease that is held, as far as its handle knows.
    pub(super) fn valid_until(self) -> Option<Micros> {
        match self {
            Standing::Held { valid_until, .. } => Some(valid_until),
            Standing::Asked
            | Standing::Stopping
            | Standing::Failed(_)
            | Standing::Lost(_)
            | Standing::HandedOver { .. }
            | Standing::Released => None,
        }
    }
}

impl Standing {
    /// Whether nothing follows it.
    pub(super) fn is_over(self) -> bool {
        match self {
            Standing::Asked | Standing::Held { .. } | Standing::Stopping => false,
            Standing::Failed(_)
            | Standing::Lost(_)
            | Standing::HandedOver { .. }
            | Standing::Released => true,
        }
    }
}

/// Why a lock was not acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Every attempt was denied.
    Exhausted,
    /// Others of this client are ahead, and only one attempt was wanted.
    Occupied { ahead: usize },
    /// No token could be drawn.
    NoRandomness(getrandom::Error),
}

/// What comes of a renewal that was asked for; `None` if the lease is over.
pub(super) type Extended = Result<(), Option<Arc<Votes>>>;

/// How a lease left its place in line.
pub(super) enum End {
    /// It was denied. Whoever asked may ask again.
    Denied(Ask),
    /// It was held, or given up.
    Over,
}

/// What a step of one lease asks the client to do.
pub(super) struct Work {
    pub(super) id: LeaseId,
    pub(super) call: Call,
    pub(super) key: Key,
    pub(super) token: Token,
    /// The token that it takes over.
    pub(super) adopts: Option<Token>,
    pub(super) ttl_ms: u64,
    pub(super) commands: Commands,
    pub(super) end: Option<End>,
}

/// The table.
pub(super) struct Leases {
    /// Boxed: a tree has room for several in each of its nodes, which are made and freed whole.
    entries: BTreeMap<LeaseId, Box<Entry>>,
    deadlines: BTreeSet<(Micros, LeaseId)>,
    last_id: u64,
    jitter: Jitter,
    report: Report,
}

/// What all leases share at a moment.
pub(super) struct Scene<'a> {
    pub(super) moment: Moment<Micros>,
    /// Nodes where something of a failed connection may run for ever.
    pub(super) hopeless: NodeSet,
    pub(super) witness: Witness<'a>,
}

impl Leases {
    pub(super) fn new(jitter: Jitter, report: Report) -> Leases {
        let (entries, deadlines) = (BTreeMap::new(), BTreeSet::new());
        Leases { entries, deadlines, last_id: 0, jitter, report }
    }

    /// Makes room for one attempt.
    pub(super) fn insert(&mut self, ask: Ask) -> LeaseId {
        self.last_id += 1;
        let id = LeaseId(self.last_id);
        let key = shown_key(ask.key.shown(), self.report.redact);
        self.report.tape.lease(id, key, &ask.plan.config);
        self.entries.insert(id, Box::new(Entry::new(id, ask)));
        id
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn ids(&self) -> Vec<LeaseId> {
        self.entries.keys().copied().collect()
    }

    /// Uniform over all of `u32`.
    pub(super) fn jitter(&mut self) -> u32 {
        self.jitter.next()
    }

    /// The first moment at which a lease wants to be woken, and which.
    pub(super) fn next(&self) -> Option<(Micros, LeaseId)> {
        self.deadlines.first().copied()
    }

    /// Nodes where anything is owed or may still run, over all leases.
    pub(super) fn unsettled(&self) -> NodeSet {
        self.entries.values().map(|entry| entry.debts()).fold(NodeSet::EMPTY, NodeSet::or)
    }

    /// Whether what may still run at `node` of the lease's failed connection can be left to run:
    /// the server does not let it be killed.
    pub(super) fn may_forgive(&self, id: LeaseId, node: u8) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.may_forgive(node))
    }

    /// A renewal is to begin as soon as the one under way is over, if there is one.
    pub(super) fn extend(&mut self, id: LeaseId, now: Micros, reply: oneshot::Sender<Extended>) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.want_renewal(now, Some(reply));
            self.set_deadline(id);
        }
    }

    /// There is a node again: renewals that failed are tried again now.
    pub(super) fn hurry(&mut self, now: Micros) {
        for id in self.ids() {
            if let Some(entry) = self.entries.get_mut(&id).filter(|entry| entry.is_in_trouble()) {
                entry.want_renewal(now, None);
                self.set_deadline(id);
            }
        }
    }

    /// The client ends, and with it every lease: told before any of them is released.
    pub(super) fn close(&mut self) {
        self.entries.values_mut().for_each(|entry| entry.lose(Loss::Closed, &self.report));
    }

    /// Hands one input to one lease; forgets it when it is settled.
    ///
    /// When this returns, the handle has been told of the end of belief, if it has come: before the
    /// releases that are part of the work can be sent.
    ///
    /// Of the nodes in `hopeless` nothing more will ever be learnt: what may still run there does
    /// not keep a lease in the table once its releases have been acknowledged.
    pub(super) fn step(
        &mut self,
        id: LeaseId,
        input: Input<Token>,
        scene: &Scene<'_>,
    ) -> Option<Work> {
        let entry = self.entries.get_mut(&id)?;
        let (commands, end) = entry.step(input, scene, &mut self.jitter, &self.report);
        let work = Work {
            id,
            call: entry.call,
            key: entry.key.clone(),
            token: entry.machine.token(),
            adopts: entry.machine.adopted(),
            ttl_ms: entry.plan.ttl_ms,
            commands,
            end,
        };
        let forgettable = entry.is_forgettable(scene.hopeless);
        self.set_deadline(id);
        if forgettable {
            self.entries.remove(&id);
        }
        Some(work)
    }

    fn set_deadline(&mut self, id: LeaseId) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let deadline = entry.next_deadline();
        if deadline == entry.deadline {
            return;
        }
        if let Some(before) = core::mem::replace(&mut entry.deadline, deadline) {
            self.deadlines.remove(&(before, id));
        }
        if let Some(at) = deadline {
            self.deadlines.insert((at, id));
        }
    }

    /// Whether a lease is believed in, or was until a moment ago.
    pub(super) fn holds(&self, id: LeaseId) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.machine.valid_until().is_some())
    }

    /// The handle of somebody who waits was told how an attempt went, or how all of them did.
    pub(super) fn tell_failure(&self, ask: Ask, failure: Failure) {
        self.report.failed(&ask, failure);
        ask.handle.send_if_modified(|shown| {
            shown.standing = Standing::Failed(failure);
            true
        });
    }
}

/// An answer that ends nothing: the machine is told that what was under way at `node` on a failed
/// connection is of no more concern.
pub(super) fn forgiven(node: u8) -> Input<Token> {
    Input::Answer { node, command: Command::Kill, answer: Answer::Missing }
}
