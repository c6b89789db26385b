//! The world after all faults have ended.

use leasehold::protocol::Rules;

use crate::scope::Faults;
use crate::time::WorldTime;
use crate::world::World;

/// The world after all faults: a lone contender must get the lock within a bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Healed<I> {
    /// The only client left alive, plus one; 0 before.
    pub(crate) survivor: u8,
    /// Whether it has tried to acquire since time last passed: it retries once per unit of time.
    pub(crate) tried: bool,
    /// How long it has waited for its first belief since; the origin once it has had it.
    pub waited: I,
}

impl<I> Healed<I> {
    pub(crate) fn relabel(self, survivor: u8) -> Self {
        Healed { survivor: survivor + 1, ..self }
    }

    /// The only client left alive, if the world has healed.
    pub fn survivor(&self) -> Option<u8> {
        self.survivor.checked_sub(1)
    }
}

impl<R: Rules, I: WorldTime, const N: usize, const C: usize> World<R, I, N, C> {
    /// Every client but `survivor` dies, which may retry for ever; no fault is left.
    pub(crate) fn heal(&mut self, survivor: u8) {
        self.faults = Faults::default();
        self.healed.survivor = survivor + 1;
        for (c, client) in self.clients.iter_mut().enumerate() {
            client.paused = c != usize::from(survivor);
        }
        self.clients[usize::from(survivor)].starts_left = u8::MAX;
    }

    /// Whether a client is alive and scheduled, or will be.
    pub fn may_resume(&self, c: u8) -> bool {
        self.healed.survivor().is_none_or(|survivor| survivor == c)
    }

    /// Whether the lone contender is to try again before time passes.
    pub(crate) fn retries_now(&self, c: u8) -> bool {
        self.healed.survivor() == Some(c) && !self.healed.tried
    }
}
