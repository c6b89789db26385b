//! The second phase of a run: all faults have ended for good, every client but one is dead, and the
//! network delivers what it still holds. Then the lone contender must have the lock within a bound.

use leasehold_world::{Claim, Step, WorldTime};

use crate::clock::{NANOS, TrueTime};
use crate::dice::Question;
use crate::run::Run;

/// No healed world takes more steps than this to serve its last client: it retries whenever a key
/// expires.
const STEPS: u32 = 20_000;

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    /// Heals the world, and waits for the survivor to be served.
    pub(crate) fn heal(&mut self) {
        let broken = self.watch.broken.is_some() && !I::IN_TICKS;
        let done = self.watch.over || broken;
        if done || self.world.faults.heals == 0 {
            return;
        }
        let survivor = C as u8 - 1;
        self.client_clocks[C - 1].stands_still = false;
        let _ = self.take(Step::Heal(survivor));
        let end = self.watch.steps + STEPS;
        let mut ticks_left = if I::IN_TICKS { 4 * self.scope().config.ttl() } else { 0 };
        let mut steps = Vec::new();
        while self.watch.broken.is_none() && self.watch.steps < end {
            steps.clear();
            self.world.healing_steps(self.scope(), &mut steps);
            if !steps.is_empty() {
                let roll = self.dice.roll(Question::Heal, self.watch.steps.into());
                let _ = self.take(steps[roll.below(steps.len() as i64) as usize]);
            } else if I::IN_TICKS {
                if ticks_left == 0 {
                    return;
                }
                ticks_left -= 1;
                self.advance_to(self.instant_ends());
            } else if self.world.clients[C - 1].ghost.served
                || !Claim::BoundedAcquire.holds(&self.world, self.scope())
            {
                // Who has waited longer than that waits for ever, and clocks do not go so far.
                return;
            } else {
                self.advance_to(self.next_chance());
            }
        }
    }

    /// When the survivor may have more luck, in true time: a key expires, a guard or a deadline
    /// ends; a TTL from now if nothing of the kind is to come.
    fn next_chance(&self) -> TrueTime {
        let scope = self.scope();
        let client = &self.world.clients[C - 1];
        let clock = &self.client_clocks[C - 1];
        let of_keys = self
            .world
            .nodes
            .iter()
            .zip(&self.node_clocks)
            .filter(|(node, _)| !node.key.is_none())
            .map(|(node, clock)| clock.until(node.gone_at.since(node.now)));
        let guards = self.world.guarded_until[C - 1].iter().copied();
        let of_client =
            guards.chain(client.next_due(scope)).map(|at| clock.until(at.since(client.now)));
        let soonest = of_keys.chain(of_client).filter(|&after| after > 0).min();
        self.now + soonest.unwrap_or(scope.config.ttl() * NANOS)
    }
}
