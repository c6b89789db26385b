//! A model of one Redis server, as far as one lock key goes.

use leasehold::protocol::{Answer, Command, Config, Extend, Rules, Span};

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
    /// While down: when it may be back. After that: when a restart guard that waits for the
    /// longest TTL ends. The origin if that is over, or was never so.
    pub young_until: I,
    /// Whether it has lost its scripts.
    pub scripts_lost: bool,
}

impl<I: WorldTime> Node<I> {
    /// Runs one command for the lease whose token is `value` and which adopts `adopted`, with
    /// scripts as they are under `rules` and `config`.
    pub fn run<R: Rules>(
        &mut self,
        command: Command,
        (value, adopted): (Value, Value),
        rules: R,
        config: &Config,
    ) -> Answer {
        self.expire();
        let ttl = config.ttl();
        let own = self.key == value || !self.key.is_none() && !rules.compares(command);
        match command {
            // Releases and adoptions carry their script with them. It is back when whoever was
            // refused hears of that: the world sees to it.
            Command::Extend if self.scripts_lost => Answer::Refused,
            Command::Set if self.key.is_none() => self.store(value, ttl),
            Command::Set => Answer::Foreign,
            Command::Adopt if self.key.is_none() && !rules.adopts_missing() => Answer::Missing,
            Command::Adopt
                if self.key.is_none() || self.key == adopted || !rules.compares(command) =>
            {
                self.store(value, ttl)
            }
            Command::Adopt => Answer::Foreign,
            // It keeps what is stored, which is the own value unless the comparison is left out.
            Command::Extend if own => self.store(self.key, ttl),
            Command::Extend
                if self.key.is_none() && rules.extends_by(config) == Extend::TouchOrSet =>
            {
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

    /// The process dies, with or without what it stored, and stays down for `delay` at least.
    pub fn crash(&mut self, keeps_state: bool, delay: Span) {
        self.down = true;
        self.young_until = self.now.plus(delay);
        if !keeps_state {
            self.clear();
        }
    }

    /// Whether a process that died may be back.
    pub fn may_restart(&self) -> bool {
        self.down && self.young_until <= self.now
    }

    /// A new process, which a guard withholds for `guarded_for`.
    pub fn restart(&mut self, guarded_for: Span) {
        self.down = false;
        self.young_until = self.now.plus(guarded_for);
        self.scripts_lost = false;
    }

    /// How long ago the process was started, as far as that is less than `guarded_for`.
    pub fn uptime(&self, guarded_for: Span) -> Span {
        guarded_for - self.young_until.since(self.now).max(0)
    }

    /// Whether it can grant nothing yet to clients that keep to the guard.
    pub fn is_withheld(&self) -> bool {
        self.down || self.young_until > self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leasehold::protocol::{Drift, Instant, Settings, Sound, Ticks, Transport};

    fn config(extend: Extend) -> Config {
        let settings = Settings {
            nodes: 1,
            ttl: 3,
            drift: Drift { factor_ppm: 0, floor: 0 },
            renew_every: 1,
            renew_retry: 1,
            node_timeout: 1,
            release_within: 1,
            extend,
            transport: Transport::Fifo,
            max_ttl: None,
            repair: false,
        };
        Config::new(settings).unwrap()
    }

    const MINE: fn() -> (Value, Value) = || (Value::new(0, 1), Value::NONE);
    const THEIRS: fn() -> (Value, Value) = || (Value::new(1, 1), Value::NONE);

    #[test]
    fn set_takes_only_a_free_key() {
        let mut node = Node::<Ticks>::default();
        assert_eq!(node.run(Command::Set, MINE(), Sound, &config(Extend::Touch)), Answer::Done);
        assert_eq!(
            node.run(Command::Set, THEIRS(), Sound, &config(Extend::Touch)),
            Answer::Foreign
        );
        node.now = Ticks(3);
        assert_eq!(node.run(Command::Set, THEIRS(), Sound, &config(Extend::Touch)), Answer::Done);
    }

    #[test]
    fn extend_and_release_compare_first() {
        let mut node = Node::<Ticks>::default();
        assert_eq!(
            node.run(Command::Extend, MINE(), Sound, &config(Extend::Touch)),
            Answer::Missing
        );
        assert_eq!(
            node.run(Command::Extend, MINE(), Sound, &config(Extend::TouchOrSet)),
            Answer::Done
        );
        assert_eq!(
            node.run(Command::Extend, THEIRS(), Sound, &config(Extend::TouchOrSet)),
            Answer::Foreign
        );
        assert_eq!(
            node.run(Command::Release, THEIRS(), Sound, &config(Extend::Touch)),
            Answer::Foreign
        );
        assert_eq!(node.run(Command::Release, MINE(), Sound, &config(Extend::Touch)), Answer::Done);
        assert_eq!(
            node.run(Command::Release, MINE(), Sound, &config(Extend::Touch)),
            Answer::Missing
        );
    }

    #[test]
    fn an_extension_counts_from_when_it_runs() {
        let mut node = Node::<Ticks>::default();
        let _ = node.run(Command::Set, MINE(), Sound, &config(Extend::Touch));
        node.now = node.now.plus(2);
        let _ = node.run(Command::Extend, MINE(), Sound, &config(Extend::Touch));
        assert_eq!(node.gone_at, Ticks(5));
    }

    #[test]
    fn an_adoption_takes_only_what_was_handed_over() {
        let mut node = Node::<Ticks>::default();
        let config = config(Extend::TouchOrSet);
        let adopts = (Value::new(1, 1), Value::new(0, 1));
        assert_eq!(node.run(Command::Adopt, adopts, Sound, &config), Answer::Missing);
        assert!(node.key.is_none());
        let _ = node.run(Command::Set, MINE(), Sound, &config);
        node.now = node.now.plus(2);
        assert_eq!(node.run(Command::Adopt, adopts, Sound, &config), Answer::Done);
        assert_eq!((node.key, node.gone_at), (adopts.0, Ticks(5)));
        let again = (Value::new(1, 2), Value::new(0, 1));
        assert_eq!(node.run(Command::Adopt, again, Sound, &config), Answer::Foreign);
        assert_eq!(node.run(Command::Extend, MINE(), Sound, &config), Answer::Foreign);
    }
}
