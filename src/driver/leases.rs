//! Every lease of a client that is not settled yet, and which of them wants to be woken next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::vec::Vec;

use tokio::sync::watch;

use super::token::Token;
use crate::protocol::{
    Commands, Config, Event, Input, Lease, LossCause, Micros, Moment, NodeSet, Sound, Tally,
};

/// Names a lease within its client. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LeaseId(pub(super) u64);

/// What a handle needs to know of its lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// No verdict yet.
    Asked,
    /// Held, as long as the clock says so too.
    Held { valid_until: Micros },
    /// Held no longer, as asked for; what comes of the release is not known yet.
    Stopping,
    /// The attempt failed.
    Denied(Tally),
    /// Over without having been asked for.
    Lost(LossCause),
    /// Over as asked for.
    Released { unsettled: NodeSet },
}

struct Entry {
    machine: Lease<Sound, Micros, Token>,
    key: Arc<str>,
    standing: watch::Sender<Standing>,
    deadline: Option<Micros>,
}

/// What a step of one lease asks the client to do.
pub(super) struct Work {
    pub(super) id: LeaseId,
    pub(super) key: Arc<str>,
    pub(super) token: Token,
    pub(super) commands: Commands,
}

/// The table.
#[derive(Default)]
pub(super) struct Leases {
    entries: BTreeMap<LeaseId, Entry>,
    deadlines: BTreeSet<(Micros, LeaseId)>,
}

impl Leases {
    pub(super) fn insert(&mut self, id: LeaseId, key: Arc<str>, standing: watch::Sender<Standing>) {
        let machine = Lease::new(Sound);
        self.entries.insert(id, Entry { machine, key, standing, deadline: None });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn ids(&self) -> Vec<LeaseId> {
        self.entries.keys().copied().collect()
    }

    /// The first moment at which a lease wants to be woken, and which.
    pub(super) fn next(&self) -> Option<(Micros, LeaseId)> {
        self.deadlines.first().copied()
    }

    /// Nodes where anything is owed or may still run, over all leases.
    pub(super) fn unsettled(&self) -> NodeSet {
        let debts = |entry: &Entry| entry.machine.owed().or(entry.machine.unresolved());
        self.entries.values().map(debts).fold(NodeSet::EMPTY, NodeSet::or)
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
        config: &Config,
        moment: Moment<Micros>,
        input: Input<Token>,
        hopeless: NodeSet,
    ) -> Option<Work> {
        let entry = self.entries.get_mut(&id)?;
        let output = entry.machine.handle(config, moment, input);
        if let Some(event) = output.event {
            tell(entry, id, event);
        }
        end_belief(entry);
        let work = Work {
            id,
            key: Arc::clone(&entry.key),
            token: entry.machine.token(),
            commands: output.commands,
        };
        let deadline = entry.machine.deadline().map(|(at, _)| at);
        if deadline != entry.deadline {
            if let Some(before) = core::mem::replace(&mut entry.deadline, deadline) {
                self.deadlines.remove(&(before, id));
            }
            if let Some(at) = deadline {
                self.deadlines.insert((at, id));
            }
        }
        if is_forgettable(&entry.machine, hopeless) {
            self.entries.remove(&id);
        }
        Some(work)
    }
}

fn is_forgettable(machine: &Lease<Sound, Micros, Token>, hopeless: NodeSet) -> bool {
    let over = machine.phase().is_over();
    let unresolved = machine.unresolved().without(hopeless);
    machine.is_settled() || over && machine.owed().is_empty() && unresolved.is_empty()
}

/// Tells the handle, which sees only the latest: an end is never replaced by what follows it.
fn tell(entry: &Entry, id: LeaseId, event: Event<Micros>) {
    let key = &*entry.key;
    let id = id.0;
    let standing = match event {
        Event::Acquired { valid_until } => {
            tracing::debug!(key, id, "lease acquired");
            Standing::Held { valid_until }
        }
        Event::Extended { valid_until } => {
            tracing::trace!(key, id, "lease extended");
            Standing::Held { valid_until }
        }
        Event::Denied(tally) => {
            tracing::debug!(key, id, ?tally, "lease denied");
            Standing::Denied(tally)
        }
        Event::RenewalFailed(tally) => {
            tracing::warn!(key, id, ?tally, "renewal failed; the lease is held until it runs out");
            return;
        }
        Event::Lost(cause) => {
            tracing::warn!(key, id, ?cause, "lease lost");
            Standing::Lost(cause)
        }
        Event::Released { unsettled } => {
            if unsettled.is_empty() {
                tracing::debug!(key, id, "lease released");
            } else {
                tracing::warn!(key, id, ?unsettled, "release not acknowledged everywhere yet");
            }
            Standing::Released { unsettled }
        }
    };
    entry.standing.send_if_modified(|current| match current {
        Standing::Asked | Standing::Held { .. } | Standing::Stopping => {
            *current = standing;
            true
        }
        Standing::Denied(_) | Standing::Lost(_) | Standing::Released { .. } => false,
    });
}

/// A handle believes no longer than its lease, also where the machine has nothing to tell yet.
fn end_belief(entry: &Entry) {
    if entry.machine.valid_until().is_some() {
        return;
    }
    entry.standing.send_if_modified(|current| {
        let believes = matches!(current, Standing::Held { .. });
        if believes {
            *current = Standing::Stopping;
        }
        believes
    });
}
