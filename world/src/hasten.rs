//! A partial order: steps that nobody can notice are taken at once.
//!
//! When a lease is over and reported, its client only pays debts. Two kinds of its steps then (and,
//! at any time, hearing an answer that the program throws away) commute with everything that
//! anybody else may do, lead to nothing that another order would not reach, and cannot break a
//! claim by coming early:
//!
//! - **hearing an answer**: it only marks a debt as paid, and, in a pool, sends the release that
//!   waited for it, which the network may still delay without bound. Hearing a refusal brings the
//!   node's scripts back too, and so changes a node, but only while they are lost;
//! - **running a command that cannot change its node**: a release, or a `touch` ahead of it, at a
//!   node that does not store the value and can never store it again, because no `SET` (and no
//!   `touch_or_set`, and no adoption) of that lease is under way there.
//!
//! So of all orders only the one is searched in which they come first. A connection or a server
//! that may still fail, scripts that are lost or may still be, or a paused client would notice:
//! then nothing is hastened. A `touch` that could run *after* a release is never hastened, for that
//! order is what a claim is about.

use leasehold::protocol::{Command, Extend, Rules};

use crate::effects::Effects;
use crate::message::{Message, Value};
use crate::scope::Scope;
use crate::time::WorldTime;
use crate::world::World;

impl<R: Rules, I: WorldTime, const N: usize, const C: usize> World<R, I, N, C> {
    /// Takes all such steps. Not a matter of names: paths get shorter by it, so lengths are not
    /// measured with it.
    pub fn hasten(&mut self, scope: &Scope, rules: R) {
        if self.faults.may_disconnect() || self.nodes.iter().any(|node| node.scripts_lost) {
            return;
        }
        let breaches = self.breaches;
        for c in 0..C as u8 {
            let client = &self.clients[usize::from(c)];
            if !client.paused && client.may_be_hastened() {
                for n in 0..N as u8 {
                    while self.hasten_one(scope, rules, c, n) {}
                }
            }
        }
        self.breaches = breaches;
    }

    fn hasten_one(&mut self, scope: &Scope, rules: R, c: u8, n: u8) -> bool {
        let client = &self.clients[usize::from(c)];
        let pipe = self.pipes[usize::from(c)][usize::from(n)];
        let mut unheard = Effects::default();
        for index in 0..pipe.len() {
            let Some(message) = pipe.get(index) else { return false };
            let unread = client.only_owes() || client.ignores(message.command());
            if unread && pipe.may_arrive(index, scope.ordered()) {
                self.reply(scope, c, n, index as u8, &mut unheard);
                return true;
            }
            if !client.only_owes() {
                continue;
            }
            if pipe.may_run(index, scope.ordered())
                && self.changes_nothing(scope, rules, c, n, message)
            {
                self.run(scope, rules, c, n, index as u8, &mut unheard);
                return true;
            }
        }
        false
    }

    /// Whether running `message` can be noticed by nobody, now or later.
    fn changes_nothing(&self, scope: &Scope, rules: R, c: u8, n: u8, message: Message) -> bool {
        let generation = message.generation();
        let node = &self.nodes[usize::from(n)];
        if node.down || node.key == Value::new(c, generation) || !rules.compares(message.command())
        {
            return false;
        }
        let pipe = &self.pipes[usize::from(c)][usize::from(n)];
        let mine = || pipe.iter().filter(|other| other.generation() == generation);
        let under_way =
            |command| mine().any(|other| other.command() == command && other.answer().is_none());
        if under_way(Command::Set) || under_way(Command::Adopt) {
            return false;
        }
        match message.command() {
            Command::Release => !under_way(Command::Extend),
            Command::Extend => {
                // In order, and with the release behind it on the same connection.
                let in_order = scope.ordered() && mine().all(|other| other.age() == 0);
                let released = self.clients[usize::from(c)].ghost.released
                    [usize::from(generation % 2)]
                .contains(n);
                rules.extends_by(scope.config_of(c)) == Extend::Touch && in_order && !released
            }
            Command::Set | Command::Adopt | Command::Kill => false,
        }
    }
}
