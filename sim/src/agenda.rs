//! What is to happen, by true time; at the same time in the order in which it was noted.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use leasehold::protocol::{Command, Span};

use crate::clock::TrueTime;

/// A message as the simulator knows it. Positions in a pipe shift; this does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// Whose.
    pub(crate) client: u8,
    /// To which node.
    pub(crate) node: u8,
    /// What.
    pub(crate) command: Command,
    /// Of which lease.
    pub(crate) generation: u8,
    /// On which connection, counted from 0.
    pub(crate) epoch: u32,
    /// How many of this kind were sent to this node for this lease before.
    pub(crate) ordinal: u32,
    /// When it was sent.
    pub(crate) sent_at: TrueTime,
}

/// What is to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A command reaches its node.
    Arrive(Parcel),
    /// A command of a failed connection reaches its node.
    Stray(Parcel),
    /// An answer reaches its client.
    Answer(Parcel),
    /// The user of a client wants the lock.
    Start(u8),
    /// The user of a client has done the work of this lease.
    Stop { client: u8, generation: u8 },
    /// The renewer of a client is scheduled again.
    Wake(u8),
    /// A client is not scheduled for so many microseconds, or its machine is suspended.
    Pause { client: u8, length: Span, suspends: bool },
    /// A client is scheduled again.
    Resume(u8),
    /// A connection fails.
    Reset { client: u8, node: u8, epoch: u32 },
    /// There may be a connection again.
    Connect { client: u8, node: u8 },
    /// A server dies and will be down for so many microseconds.
    Crash { node: u8, keeps: bool, length: Span },
    /// A server stands still for so many microseconds.
    Freeze { node: u8, length: Span },
    /// A server loses its scripts.
    Forget(u8),
    /// A client library sends a command again.
    Resend(Parcel),
    /// The user gives up the acquisition of this lease.
    Cancel { client: u8, generation: u8 },
    /// A server is back.
    Restart(u8),
    /// A node's clock jumps.
    Leap { node: u8, by: Span },
    /// In a run that lasts, a connection fails for the time with this number.
    NextReset { client: u8, node: u8, number: u32 },
    /// The same for a client that is not scheduled.
    NextPause { client: u8, number: u32 },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: TrueTime,
    sequence: u32,
    event: Event,
}

impl Entry {
    fn key(&self) -> (TrueTime, u32) {
        (self.at, self.sequence)
    }
}

impl Ord for Entry {
    /// Reversed: the heap yields its greatest, and wanted is the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Entry {}

/// All that is to happen. Its room is kept from run to run.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Entry>,
    noted: u32,
}

impl Agenda {
    /// Forgets everything but the room it has.
    pub(crate) fn clear(&mut self) {
        self.heap.clear();
        self.noted = 0;
    }

    /// Notes an event.
    pub(crate) fn note(&mut self, at: TrueTime, event: Event) {
        self.heap.push(Entry { at, sequence: self.noted, event });
        self.noted += 1;
    }

    /// How many events have been noted.
    pub(crate) fn noted(&self) -> u32 {
        self.noted
    }

    /// When the next event is.
    pub(crate) fn next_at(&self) -> Option<TrueTime> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// Takes the next event.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.heap.pop().map(|entry| entry.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_then_in_order() {
        let mut agenda = Agenda::default();
        for (at, client) in [(5, 0), (3, 1), (5, 2), (3, 3)] {
            agenda.note(at, Event::Start(client));
        }
        let order: Vec<_> = std::iter::from_fn(|| agenda.pop()).collect();
        assert_eq!(order, [1, 3, 0, 2].map(Event::Start));
    }
}
