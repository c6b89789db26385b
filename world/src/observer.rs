//! An observer outside: what it remembers of the clients, and what it finds wrong with a step. No
//! program reads it.

use leasehold::protocol::{Command, Rules};

use crate::effects::Breach;
use crate::message::Value;
use crate::time::WorldTime;
use crate::world::World;

impl<R: Rules, I: WorldTime, const N: usize, const C: usize> World<R, I, N, C> {
    /// Holds what ran at a node against the event properties.
    pub(crate) fn judge_execution(
        &mut self,
        c: u8,
        n: u8,
        command: Command,
        value: Value,
        (before, changed_others): (Value, bool),
    ) {
        let stores = self.nodes[usize::from(n)].key == value;
        let compares = matches!(command, Command::Extend | Command::Release | Command::Adopt);
        if compares && changed_others && !before.is_none() {
            self.breaches.insert(Breach::ForeignKeyTouched);
        }
        if value == self.ticket.value {
            self.breaches.insert(Breach::RanAfterHandOver);
        }
        let client = &mut self.clients[usize::from(c)];
        let present = value.generation() == client.generation;
        let Some(released) = client.released_at(value.generation()) else { return };
        match command {
            Command::Release => released.insert(n),
            Command::Set | Command::Adopt if stores && released.contains(n) => {
                self.breaches.insert(Breach::Orphan);
            }
            Command::Extend if released.contains(n) => {
                self.breaches.insert(Breach::ExtendAfterRelease);
                if present {
                    client.ghost.overtaken.insert(n);
                }
                // One that finds its own late SET there only prolongs an orphan.
                if stores && before.is_none() {
                    self.breaches.insert(Breach::Zombie);
                }
            }
            Command::Set | Command::Adopt | Command::Extend | Command::Kill => {}
        }
    }

    /// What an observer notes after each step.
    pub(crate) fn observe(&mut self) {
        let believes: [bool; C] = std::array::from_fn(|c| self.clients[c].believes());
        let believers: u32 = believes.iter().map(|&believes| u32::from(believes)).sum();
        self.ticket.interloped |= believers > 0 && !self.ticket.value.is_none();
        for (c, client) in self.clients.iter_mut().enumerate() {
            let over = !client.may_believe();
            let releasing = client.releasing();
            let other = believers > u32::from(believes[c]);
            let ghost = &mut client.ghost;
            if self.healed.survivor() == Some(c as u8) && believes[c] {
                ghost.served = true;
                self.healed.waited = I::default();
            }
            // Once the lease is over, what happened in between can no longer matter.
            ghost.believed = !over && (ghost.believed || believes[c]);
            ghost.interloped =
                !over && (ghost.interloped || ghost.believed && !believes[c] && other);
            if !releasing {
                ghost.releasing_for = I::default();
            }
        }
    }
}
