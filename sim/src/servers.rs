//! Servers: they die, forget, stand still, lose their scripts, and their wall clocks jump.

use leasehold::protocol::Span;
use leasehold_world::{Step, WorldTime};

use crate::agenda::{Event, Parcel};
use crate::clock::{NANOS, TrueTime};
use crate::counts::Hazard;
use crate::dice::Question;
use crate::run::Run;

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    /// A command has been sent, to be under way for `delay`: it may be the last on its connection
    /// or to its server.
    pub(crate) fn maybe_break(&mut self, parcel: &Parcel, delay: TrueTime) {
        let plan = self.plan;
        let weather = &plan.weather;
        let Parcel { client, node, epoch, .. } = *parcel;
        let identity = parcel.identity();
        let dice = self.dice;
        // Of two faults that may strike around this message, each has dice of its own.
        let strikes = |question: Question, ppm: u32| {
            let roll = dice.roll(question, identity);
            (ppm > 0 && roll.chance(ppm)).then(|| roll.again())
        };
        let now = self.now;
        let soon = |roll: crate::dice::Roll| now + roll.below(delay * 2);
        if plan.scope.ordered() && strikes(Question::Reset, weather.reset.ppm).is_some() {
            let after = dice.roll(Question::ResetDelay, identity).below(delay * 2);
            self.note(self.now + after, Event::Reset { client, node, epoch });
        }
        let crashes = [
            (Question::Crash, weather.crash.keeping_ppm, true),
            (Question::Amnesia, weather.crash.losing_ppm, false),
        ];
        for (question, ppm, keeps) in crashes {
            if let Some(roll) = strikes(question, ppm) {
                let longest = weather.crash.down_max;
                let shortest = Self::MILLI.min(longest);
                let length = dice.roll(Question::Down, identity).between(shortest, longest);
                self.note(soon(roll), Event::Crash { node, keeps, length });
            }
        }
        if let Some(roll) = strikes(Question::Freeze, weather.freeze.ppm) {
            let longest = weather.freeze.longest;
            let length = roll.again().between(Self::MILLI.min(longest), longest);
            self.note(soon(roll), Event::Freeze { node, length });
        }
        if let Some(roll) = strikes(Question::Leap, weather.jump.ppm) {
            let by = roll.again().between(-weather.jump.back_max, weather.jump.ahead_max);
            self.note(self.now + delay, Event::Leap { node, by });
        }
        if let Some(roll) = strikes(Question::Forget, weather.scripts.ppm) {
            self.note(soon(roll), Event::Forget(node));
        }
        if strikes(Question::Partition, weather.partition.ppm).is_some() {
            self.raise_wall(parcel);
        }
    }

    /// A server dies, and with it every connection to it.
    pub(crate) fn crash(&mut self, node: u8, keeps: bool, length: Span) {
        let n = usize::from(node);
        let faults = &self.world.faults;
        let left = if keeps { faults.crashes_keeping } else { faults.crashes_losing };
        if left == 0 || self.world.nodes[n].down {
            return;
        }
        let mut known: [[usize; N]; C] = std::array::from_fn(|c| self.lengths(c as u8));
        let effects = self.take(Step::Crash { node, keeps });
        self.restart_at[n] = self.now + length * NANOS;
        self.note(self.restart_at[n], Event::Restart(node));
        for (c, known) in known.iter_mut().enumerate() {
            known[n] = 0;
            self.lanes[c][n].renew(self.now);
            self.await_connection(c as u8, node);
            self.follow(c as u8, *known, &effects);
        }
    }

    /// A server is back, if its time has come on its own clock, which may have slipped or jumped.
    pub(crate) fn restart(&mut self, node: u8) {
        let n = usize::from(node);
        let present = &self.world.nodes[n];
        if !present.down {
            return;
        }
        if present.may_restart() {
            let _ = self.take(Step::Restart(node));
        } else {
            let rest = present.young_until.since(present.now);
            self.restart_at[n] = self.now + self.node_clocks[n].until(rest);
            self.note(self.restart_at[n], Event::Restart(node));
        }
    }

    /// A server stands still: what reaches it waits.
    pub(crate) fn freeze(&mut self, node: u8, length: Span) {
        self.watch.counts.met(Hazard::Freeze);
        let until = &mut self.frozen_until[usize::from(node)];
        *until = (*until).max(self.now + length * NANOS);
    }

    /// A server loses its scripts.
    pub(crate) fn forget(&mut self, node: u8) {
        let present = &self.world.nodes[usize::from(node)];
        if self.world.faults.script_losses > 0 && !present.down && !present.scripts_lost {
            let _ = self.take(Step::LoseScripts(node));
        }
    }

    /// A node's clock jumps while nothing else moves.
    pub(crate) fn leap(&mut self, node: u8, by: Span) {
        if self.world.is_urgent(self.scope()) {
            return;
        }
        let mut nodes = [I::at(0); N];
        nodes[usize::from(node)] = I::at(by);
        self.watch.counts.met(if by < 0 { Hazard::JumpBack } else { Hazard::JumpAhead });
        let _ = self.take(Step::Advance { nodes, clients: [I::at(0); C] });
    }
}
