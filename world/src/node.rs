//! A model of one Redis server, as far as one lock key goes.

use leasehold::protocol::{Answer, Command, Extend, Span};

use crate::message::Value;
use crate::time::WorldTime;

/// One node: its wall clock and one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node<I> {
    /// Its wall clock.
    pub now: I,
    /// What the key holds.
    pub key: Value,
    /// When the key is gone, on the wall clock; the origin if there is no key.
    pub gone_at: I,
    /// Whether the process is down.
    pub down: bool,
}

impl<I: WorldTime> Node<I> {
    /// Runs one command for the lease whose token is `value`.
    pub fn run(&mut self, command: Command, value: Value, extend: Extend, ttl: Span) -> Answer {
        self.expire();
        let own = self.key == value;
        match command {
            Command::Set if self.key.is_none() => self.store(value, ttl),
            Command::Set => Answer::Foreign,
            Command::Extend if own => self.store(value, ttl),
            Command::Extend if self.key.is_none() && extend == Extend::TouchOrSet => {
                self.store(value, ttl)
            }
            Command::Release if own => {
                self.clear();
                Answer::Done
            }
            Command::Extend | Command::Release if self.key.is_none() => Answer::Missing,
            Command::Extend | Command::Release => Answer::Foreign,
            // The connection, not the key: the world carries it out.
            Command::Kill => Answer::Done,
        }
    }

    fn store(&mut self, value: Value, ttl: Span) -> Answer {
        self.key = value;
        self.gone_at = self.now.key_gone_at(ttl);
        Answer::Done
    }

    fn clear(&mut self) {
        self.key = Value::NONE;
        self.gone_at = I::default();
    }

    /// Drops a key whose time has come. Redis may do it later; nobody can tell.
    pub fn expire(&mut self) {
        if !self.key.is_none() && self.now >= self.gone_at {
            self.clear();
        }
    }

    /// The process dies, with or without what it stored.
    pub fn crash(&mut self, keeps_state: bool) {
        self.down = true;
        if !keeps_state {
            self.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leasehold::protocol::{Instant, Ticks};

    const MINE: fn() -> Value = || Value::new(0, 1);
    const THEIRS: fn() -> Value = || Value::new(1, 1);

    #[test]
    fn set_takes_only_a_free_key() {
        let mut node = Node::<Ticks>::default();
        assert_eq!(node.run(Command::Set, MINE(), Extend::Touch, 3), Answer::Done);
        assert_eq!(node.run(Command::Set, THEIRS(), Extend::Touch, 3), Answer::Foreign);
        node.now = Ticks(3);
        assert_eq!(node.run(Command::Set, THEIRS(), Extend::Touch, 3), Answer::Done);
    }

    #[test]
    fn extend_and_release_compare_first() {
        let mut node = Node::<Ticks>::default();
        assert_eq!(node.run(Command::Extend, MINE(), Extend::Touch, 3), Answer::Missing);
        assert_eq!(node.run(Command::Extend, MINE(), Extend::TouchOrSet, 3), Answer::Done);
        assert_eq!(node.run(Command::Extend, THEIRS(), Extend::TouchOrSet, 3), Answer::Foreign);
        assert_eq!(node.run(Command::Release, THEIRS(), Extend::Touch, 3), Answer::Foreign);
        assert_eq!(node.run(Command::Release, MINE(), Extend::Touch, 3), Answer::Done);
        assert_eq!(node.run(Command::Release, MINE(), Extend::Touch, 3), Answer::Missing);
    }

    #[test]
    fn an_extension_counts_from_when_it_runs() {
        let mut node = Node::<Ticks>::default();
        let _ = node.run(Command::Set, MINE(), Extend::Touch, 3);
        node.now = node.now.plus(2);
        let _ = node.run(Command::Extend, MINE(), Extend::Touch, 3);
        assert_eq!(node.gone_at, Ticks(5));
    }
}
