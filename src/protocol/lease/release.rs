//! How a lease pays what it owes: drain, release, and be told when that is over.

use super::super::config::Transport;
use super::super::instant::Instant;
use super::super::nodes::NodeSet;
use super::super::rules::Rules;
use super::{Event, Lease, Phase, Step};

impl<R: Rules, I: Instant, V: Copy> Lease<R, I, V> {
    pub(super) fn begin_release(&mut self, step: &mut Step<'_, I>) {
        self.end(Phase::Draining);
        self.wake = step.moment.now.plus(step.config.settings().release_within);
        self.send_releases(step);
        self.settle(step);
    }

    /// Sends the releases that can go now. On one connection they queue behind whatever is
    /// pending there; in a pool they would overtake it, so they wait until it has resolved.
    pub(super) fn send_releases(&mut self, step: &mut Step<'_, I>) {
        let blocked = match step.config.transport() {
            Transport::Fifo => NodeSet::EMPTY,
            Transport::Pooled if self.rules.drains_before_release() => self.pending,
            Transport::Pooled => NodeSet::EMPTY,
        };
        let ready = self.owed.and(step.moment.reachable).without(self.releasing).without(blocked);
        self.releasing = self.releasing.or(ready);
        step.output.commands.release = step.output.commands.release.or(ready);
    }

    /// Moves Draining -> Releasing -> Released as debts are paid.
    pub(super) fn settle(&mut self, step: &mut Step<'_, I>) {
        if self.phase == Phase::Draining && self.pending.is_empty() {
            self.phase = Phase::Releasing;
        }
        if self.phase == Phase::Releasing && self.owed.is_empty() {
            self.report_released(step);
        }
    }

    pub(super) fn report_released(&mut self, step: &mut Step<'_, I>) {
        self.end(Phase::Released);
        let unsettled = self.owed.or(self.pending);
        step.output.event = Some(Event::Released { unsettled });
    }
}
