//! Waiting for a key within one process: in order of arrival, and only the first asks the nodes.
//!
//! So a lock that passes from hand to hand costs no failed attempt: the next `SET` goes out behind
//! the release, on the same connections. Of all who wait, only the first needs a delay between
//! attempts, for those who contend from other processes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::vec::Vec;

use super::board::Sender;
use super::key::Key;
use super::leases::LeaseId;
use super::plan::Plan;
use super::token::Token;
use crate::protocol::{Micros, Retry};

/// Names a call of acquire within its client. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Call(pub(super) u64);

/// Somebody who wants a key, or has it.
pub(super) struct Ask {
    pub(super) call: Call,
    pub(super) key: Key,
    pub(super) plan: Arc<Plan>,
    pub(super) retry: Retry,
    /// The token of a lease that was handed over, if that is to be taken over.
    pub(super) adopts: Option<Token>,
    pub(super) asked_at: Micros,
    /// Attempts that were denied.
    pub(super) attempts: u32,
    pub(super) handle: Sender,
}

/// The first in line.
enum Head {
    /// Its turn has come.
    Called,
    /// Asks, or holds the key.
    Lease(Call, LeaseId),
    /// Was denied, and asks again then.
    Pausing(Ask, Micros),
}

struct Line {
    head: Head,
    behind: VecDeque<Ask>,
}

/// What becomes of somebody who arrives.
pub(super) enum Arrival {
    /// Nobody is ahead: to be begun at once.
    First(Ask),
    /// Waits, or was sent away by those ahead.
    Behind(Option<(Ask, usize)>),
}

/// What is to be done for somebody who leaves.
pub(super) enum Leaving {
    /// This lease is to be stopped.
    Stop(LeaseId),
    /// Nothing: it had not begun.
    Nothing,
}

/// Every key that somebody of this client wants or has.
#[derive(Default)]
pub(super) struct Lines {
    lines: BTreeMap<Key, Line>,
    pauses: BTreeSet<(Micros, Key)>,
    called: Vec<Key>,
}

impl Lines {
    /// Joins the line for its key. Who wants one attempt only does not wait behind others.
    pub(super) fn join(&mut self, ask: Ask) -> Arrival {
        let Some(line) = self.lines.get_mut(&ask.key) else {
            return Arrival::First(ask);
        };
        if ask.retry.attempts.is_some_and(|most| most <= 1) {
            let ahead = line.behind.len() + 1;
            return Arrival::Behind(Some((ask, ahead)));
        }
        line.behind.push_back(ask);
        Arrival::Behind(None)
    }

    /// The same for whoever adopts a lock, for as long as the first in line has not got it: nobody
    /// can get it before the adopter, whose ticket is running out.
    pub(super) fn cut_in(&mut self, ask: Ask) -> Arrival {
        let Some(line) = self.lines.get_mut(&ask.key) else {
            return Arrival::First(ask);
        };
        match core::mem::replace(&mut line.head, Head::Called) {
            Head::Pausing(first, at) => {
                self.pauses.remove(&(at, ask.key.clone()));
                line.behind.push_front(first);
                Arrival::First(ask)
            }
            head @ (Head::Called | Head::Lease(..)) => {
                line.head = head;
                line.behind.push_front(ask);
                Arrival::Behind(None)
            }
        }
    }

    /// The lease of the first in line, and how many there are, that one included.
    pub(super) fn first(&self, key: &Key) -> Option<(LeaseId, usize)> {
        let line = self.lines.get(key)?;
        match line.head {
            Head::Lease(_, id) => Some((id, line.behind.len() + 1)),
            Head::Called | Head::Pausing(..) => None,
        }
    }

    /// The first in line asks the nodes now.
    pub(super) fn begin(&mut self, key: &Key, call: Call, id: LeaseId) {
        let head = Head::Lease(call, id);
        match self.lines.get_mut(key) {
            Some(line) => line.head = head,
            None => {
                let line = Line { head, behind: VecDeque::new() };
                self.lines.insert(key.clone(), line);
            }
        }
    }

    /// The first in line was denied and asks again at `at`, or behind whoever adopts the lock.
    pub(super) fn pause(&mut self, ask: Ask, at: Micros) {
        if let Some(line) = self.lines.get_mut(&ask.key) {
            if line.behind.front().is_some_and(|next| next.adopts.is_some()) {
                let key = ask.key.clone();
                line.behind.insert(1, ask);
                return self.advance(&key);
            }
            self.pauses.insert((at, ask.key.clone()));
            line.head = Head::Pausing(ask, at);
        }
    }

    /// The first in line has done with the key, or given up: calls the next.
    pub(super) fn advance(&mut self, key: &Key) {
        match self.lines.get_mut(key) {
            Some(line) if !line.behind.is_empty() => {
                line.head = Head::Called;
                self.called.push(key.clone());
            }
            Some(_) => {
                self.lines.remove(key);
            }
            None => {}
        }
    }

    /// Whether somebody's turn has come.
    pub(super) fn has_called(&self) -> bool {
        !self.called.is_empty()
    }

    /// The next whose turn has come. Whoever takes it begins or pauses it, or advances its line.
    pub(super) fn next_called(&mut self) -> Option<Ask> {
        while let Some(key) = self.called.pop() {
            let next = match self.lines.get_mut(&key) {
                Some(line) if matches!(line.head, Head::Called) => line.behind.pop_front(),
                Some(_) | None => None,
            };
            match next {
                Some(ask) => return Some(ask),
                // All who waited have left.
                None => self.advance(&key),
            }
        }
        None
    }

    /// The key may be free: its first in line, if it pauses, asks again at `at` at the latest. The
    /// answer: whether it pauses.
    pub(super) fn wake(&mut self, key: &Key, at: Micros) -> bool {
        let Some(Line { head: Head::Pausing(_, until), .. }) = self.lines.get_mut(key) else {
            return false;
        };
        if at < *until {
            self.pauses.remove(&(*until, key.clone()));
            self.pauses.insert((at, key.clone()));
            *until = at;
        }
        true
    }

    /// The next whose delay is over.
    pub(super) fn next_paused(&mut self, now: Micros) -> Option<Ask> {
        let due = self.pauses.first().is_some_and(|&(at, _)| at <= now);
        let (_, key) = due.then(|| self.pauses.pop_first()).flatten()?;
        let line = self.lines.get_mut(&key)?;
        match core::mem::replace(&mut line.head, Head::Called) {
            Head::Pausing(ask, _) => Some(ask),
            head @ (Head::Called | Head::Lease(..)) => {
                line.head = head;
                None
            }
        }
    }

    /// When the first delay is over.
    pub(super) fn deadline(&self) -> Option<Micros> {
        self.pauses.first().map(|&(at, _)| at)
    }

    /// The lease that `call` stands for now.
    pub(super) fn lease_of(&self, key: &Key, call: Call) -> Option<LeaseId> {
        match self.lines.get(key)?.head {
            Head::Lease(holder, id) if holder == call => Some(id),
            Head::Lease(..) | Head::Called | Head::Pausing(..) => None,
        }
    }

    /// Takes somebody out of the line. Whoever was first is followed by the next: at once, or
    /// when the lease has been stopped.
    pub(super) fn leave(&mut self, key: &Key, call: Call) -> Leaving {
        let Some(line) = self.lines.get_mut(key) else {
            return Leaving::Nothing;
        };
        match &line.head {
            Head::Lease(first, id) if *first == call => return Leaving::Stop(*id),
            Head::Pausing(first, at) if first.call == call => {
                self.pauses.remove(&(*at, key.clone()));
                self.advance(key);
            }
            Head::Called | Head::Lease(..) | Head::Pausing(..) => {
                // Who came last leaves first more often than not.
                if let Some(at) = line.behind.iter().rposition(|ask| ask.call == call) {
                    line.behind.remove(at);
                }
            }
        }
        Leaving::Nothing
    }

    /// Sends everybody away.
    pub(super) fn clear(&mut self) {
        *self = Lines::default();
    }
}
