//! What a lease makes of answers, and of connections that fail and come back.
//!
//! A late answer never changes a round that does not await it; it only settles what is still open
//! at that node.

use super::super::answer::{Answer, Command};
use super::super::instant::Instant;
use super::super::rules::Rules;
use super::{Lease, Step};

impl<R: Rules, I: Instant, V: Copy> Lease<R, I, V> {
    /// A `SET` or an extend of this lease has met its fate at `node`.
    pub(super) fn resolve(
        &mut self,
        step: &mut Step<'_, I>,
        node: u8,
        command: Command,
        answer: Answer,
    ) {
        let answer = self.rules.counts_as(command, answer);
        let late = self.rules.counts_late_answers() && self.round.is_open();
        let counts = self.round.awaits(node) || late;
        if counts && self.rules.starts_at_first_answer() && self.round.is_unanswered() {
            self.round.t0 = step.moment.now;
        }
        if answer == Answer::Unknown {
            // It may still run: it stays pending, but this round need not wait for it.
            if counts {
                self.round.count(node, answer);
                self.judge(step);
            }
            return;
        }
        self.pending.remove(node);
        self.stray.remove(node);
        if matches!(command, Command::Set | Command::Adopt) && answer != Answer::Done {
            // It did not run, or found another value or none: nothing of ours is there.
            self.owed.remove(node);
        }
        if counts {
            self.round.count(node, answer);
            self.judge(step);
        }
        self.pay(step);
    }

    /// A release was answered at `node`.
    pub(super) fn acknowledge(&mut self, step: &mut Step<'_, I>, node: u8, answer: Answer) {
        self.releasing.remove(node);
        match answer {
            Answer::Done | Answer::Missing | Answer::Foreign => self.owed.remove(node),
            // Still owed. It is sent again with the next connection.
            Answer::Refused | Answer::NotSent | Answer::Unknown => return,
        }
        self.settle(step);
    }

    /// The old connection to `node` can no longer run anything.
    pub(super) fn killed(&mut self, step: &mut Step<'_, I>, node: u8, answer: Answer) {
        match answer {
            Answer::Done | Answer::Missing => {}
            Answer::Foreign | Answer::Refused | Answer::NotSent | Answer::Unknown => return,
        }
        self.forget_strays(node);
        self.pay(step);
    }

    fn forget_strays(&mut self, node: u8) {
        if self.stray.contains(node) {
            self.stray.remove(node);
            self.pending.remove(node);
        }
    }

    /// What follows when less is pending than before.
    fn pay(&mut self, step: &mut Step<'_, I>) {
        if self.phase.pays_debts() {
            self.send_releases(step);
            self.settle(step);
        }
        self.give_once_drained(step);
    }

    pub(super) fn reset(&mut self, step: &mut Step<'_, I>, node: u8) {
        self.releasing.remove(node);
        if !self.pending.contains(node) {
            return;
        }
        self.stray.insert(node);
        if self.round.awaits(node) {
            self.round.count(node, Answer::Unknown);
            self.judge(step);
        }
    }

    pub(super) fn connected(&mut self, step: &mut Step<'_, I>, node: u8, new_process: bool) {
        if new_process {
            self.forget_strays(node);
        } else if self.stray.contains(node) && self.rules.kills_after_reset() {
            step.output.commands.kill.insert(node);
        }
        self.pay(step);
    }
}
