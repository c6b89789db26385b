//! Messages: when each command reaches its node, and when its answer comes back, if ever.
//!
//! On one connection they keep their order, so what is stuck holds up what follows, and what is
//! lost silences the connection until it is reset. In a pool each goes its own way.

use leasehold::protocol::Command;
use leasehold_world::{Effects, Message, Step, WorldTime};

use crate::agenda::{Event, Parcel};
use crate::clock::{NANOS, TrueTime};
use crate::counts::Hazard;
use crate::dice::Question;
use crate::run::Run;
use crate::walls::Way;

/// The age of a stray in its pipe that nobody tells from older ones. A lane counts its connections
/// from here, so that a stray can be on one that never was.
pub(crate) const FORGOTTEN: u32 = 3;

/// The simulator's side of a pipe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lane {
    /// Which connection.
    pub(crate) epoch: u32,
    /// When the last command on it reaches its node.
    last_arrival: TrueTime,
    /// When the last answer on it reaches its client.
    last_answer: TrueTime,
    /// Until when commands wait because one before them does.
    pub(crate) request_gate: TrueTime,
    /// The same for answers.
    pub(crate) answer_gate: TrueTime,
    /// Whether commands on it are lost from now on.
    silent: bool,
    /// Whether answers on it are lost from now on.
    mute: bool,
    /// How many of each command were sent for the present lease.
    ordinals: [u32; 5],
}

impl Default for Lane {
    fn default() -> Self {
        Lane {
            epoch: FORGOTTEN,
            last_arrival: 0,
            last_answer: 0,
            request_gate: 0,
            answer_gate: 0,
            silent: false,
            mute: false,
            ordinals: [0; 5],
        }
    }
}

impl Lane {
    /// The connection is gone; the next one starts afresh.
    pub(crate) fn renew(&mut self, now: TrueTime) {
        let (epoch, ordinals) = (self.epoch + 1, self.ordinals);
        *self = Lane { epoch, ordinals, last_arrival: now, last_answer: now, ..Lane::default() };
    }

    /// The numbers of the next lease's commands start anew.
    pub(crate) fn restart_numbers(&mut self) {
        self.ordinals = [0; 5];
    }
}

impl Parcel {
    /// What tells it from every other message of the run.
    pub(crate) fn identity(&self) -> u64 {
        u64::from(self.client)
            | u64::from(self.node) << 8
            | u64::from(self.generation) << 16
            | (self.command as u64) << 24
            | u64::from(self.ordinal) << 32
    }
}

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    /// How many messages are in each of a client's pipes.
    pub(crate) fn lengths(&self, client: u8) -> [usize; N] {
        std::array::from_fn(|n| self.world.pipes[usize::from(client)][n].len())
    }

    /// After a step of `client`: schedules what it has sent, that is, what its pipes hold beyond
    /// the `known` first messages, and lets its user see what has come of it.
    pub(crate) fn follow(&mut self, client: u8, known: [usize; N], effects: &Effects<I>) {
        for node in effects.sent.to() {
            let n = usize::from(node);
            let mut index = known[n];
            while let Some(message) = self.world.pipes[usize::from(client)][n].get(index) {
                self.send(client, node, message);
                index += 1;
            }
        }
        self.attend(client, effects.report);
    }

    fn send(&mut self, client: u8, node: u8, message: Message) {
        let ordered = self.scope().ordered();
        let lane = &mut self.lanes[usize::from(client)][usize::from(node)];
        let ordinal = &mut lane.ordinals[message.command() as usize];
        let parcel = Parcel {
            client,
            node,
            command: message.command(),
            generation: message.generation(),
            epoch: lane.epoch,
            ordinal: *ordinal,
            sent_at: self.now,
        };
        *ordinal = ordinal.saturating_add(1);
        let silent = lane.silent;
        if silent || self.is_lost(Question::RequestLost, &parcel) {
            if !silent {
                self.lanes[usize::from(client)][usize::from(node)].silent = ordered;
                self.notice_silence(&parcel);
            }
            return;
        }
        let delay = self.delay(Question::RequestDelay, &parcel);
        let again = self.roll(Question::Resend, &parcel);
        if again.chance(self.plan.weather.resend.ppm) {
            let after = again.again().below(delay * 2);
            self.agenda.note(self.now + after, Event::Resend(parcel));
        }
        let down_until = self.restart_at[usize::from(node)];
        let lane = &mut self.lanes[usize::from(client)][usize::from(node)];
        let mut at = self.now.max(down_until) + delay;
        if ordered {
            at = at.max(lane.last_arrival + 1);
            lane.last_arrival = at;
        }
        self.agenda.note(at, Event::Arrive(parcel));
        self.maybe_break(&parcel, delay);
    }

    /// How long a message is under way, in nanoseconds.
    fn delay(&mut self, question: Question, parcel: &Parcel) -> TrueTime {
        let options = &self.plan.weather.delay;
        let timeout = self.scope().config.settings().node_timeout;
        if let Some(round_trip) = &options.round_trip {
            // Both halves of one length.
            let whole = round_trip.sample(self.roll(Question::RequestDelay, parcel));
            let request = whole / 2;
            if question != Question::RequestDelay {
                return whole - request;
            }
            if whole > timeout * NANOS {
                self.watch.counts.met(Hazard::Delay);
            }
            return request;
        }
        let roll = self.roll(question, parcel);
        let length = roll.again();
        let (shortest, longest) = options.latency;
        let micros = if roll.chance(options.stuck_ppm) {
            length.between(timeout, options.stuck_max)
        } else if roll.chance(options.stuck_ppm + options.slow_ppm) {
            length.between(longest, options.slow_max)
        } else {
            length.between(shortest, longest)
        };
        if micros > timeout {
            self.watch.counts.met(Hazard::Delay);
        }
        let rest = length.again().below(NANOS);
        // A tick is long: of the messages that could be there within it half should be.
        let swift = I::IN_TICKS && length.again().again().chance(500_000);
        micros * NANOS + if swift { rest / 8 } else { rest }
    }

    fn is_lost(&mut self, question: Question, parcel: &Parcel) -> bool {
        let chance = self.plan.weather.loss.ppm;
        if self.losses_left == 0 || !self.roll(question, parcel).chance(chance) {
            return false;
        }
        // As with the budgets of the world, the greatest is without limit.
        self.losses_left -= u8::from(self.losses_left < u8::MAX);
        self.watch.counts.met(Hazard::Loss);
        true
    }

    // ---- at the node -------------------------------------------------------------------------

    /// A command reaches its node on a connection that is still there.
    pub(crate) fn arrive(&mut self, parcel: Parcel) {
        let current = self.lane(&parcel).epoch == parcel.epoch;
        if current && !self.is_held(&parcel, Way::Request, Event::Arrive(parcel)) {
            self.execute(parcel);
        }
    }

    /// A command of a failed connection reaches its node after all.
    pub(crate) fn stray(&mut self, parcel: Parcel) {
        let frozen_until = self.frozen_until[usize::from(parcel.node)];
        if frozen_until > self.now {
            self.agenda.note(frozen_until, Event::Stray(parcel));
        } else if self.execute(parcel) {
            self.watch.counts.met(Hazard::StrayRan);
        }
    }

    fn execute(&mut self, parcel: Parcel) -> bool {
        let ordered = self.scope().ordered();
        let (c, n) = (usize::from(parcel.client), usize::from(parcel.node));
        let pipe = self.world.pipes[c][n];
        let Some(index) = self.position(&parcel, false) else { return false };
        if self.world.nodes[n].down || !pipe.may_run(index, ordered) {
            return false;
        }
        let waits = |earlier: Message| earlier.answer().is_none() && earlier.age() == 0;
        if !ordered && pipe.iter().take(index).any(waits) {
            self.watch.counts.met(Hazard::Overtaking);
        }
        let timeout = self.scope().config.settings().node_timeout * NANOS;
        let awaited = matches!(parcel.command, Command::Set | Command::Adopt | Command::Extend);
        if awaited && self.now - parcel.sent_at > timeout {
            self.watch.counts.met(Hazard::LateExecution);
        }
        if parcel.command == Command::Kill {
            self.watch.counts.met(Hazard::Kill);
        }
        let (client, node, index) = (parcel.client, parcel.node, index as u8);
        let _ = self.take(Step::Run { client, node, index });
        if self.lane(&parcel).epoch == parcel.epoch {
            self.send_back(parcel);
        }
        true
    }

    /// Schedules the answer to a command that has just run.
    fn send_back(&mut self, parcel: Parcel) {
        let ordered = self.scope().ordered();
        let mute = self.lane(&parcel).mute;
        if mute || self.is_lost(Question::AnswerLost, &parcel) {
            if !mute {
                self.lanes[usize::from(parcel.client)][usize::from(parcel.node)].mute = ordered;
                self.notice_silence(&parcel);
            }
            return;
        }
        let delay = self.delay(Question::AnswerDelay, &parcel);
        let lane = &mut self.lanes[usize::from(parcel.client)][usize::from(parcel.node)];
        let mut at = self.now + delay;
        if ordered {
            at = at.max(lane.last_answer + 1);
            lane.last_answer = at;
        }
        self.agenda.note(at, Event::Answer(parcel));
    }

    // ---- at the client -----------------------------------------------------------------------

    /// An answer reaches its client, or waits until the client is scheduled again.
    pub(crate) fn answer(&mut self, parcel: Parcel) {
        let (client, node) = (parcel.client, parcel.node);
        if self.lane(&parcel).epoch != parcel.epoch {
            return;
        }
        if self.waits_for_resume(client, Event::Answer(parcel))
            || self.is_held(&parcel, Way::Answer, Event::Answer(parcel))
        {
            return;
        }
        let Some(index) = self.position(&parcel, true) else { return };
        if !self.world.pipes[usize::from(client)][usize::from(node)]
            .may_arrive(index, self.scope().ordered())
        {
            return;
        }
        let mut known = self.lengths(client);
        known[usize::from(node)] -= 1;
        let effects = self.take(Step::Reply { client, node, index: index as u8 });
        self.follow(client, known, &effects);
    }

    fn lane(&self, parcel: &Parcel) -> &Lane {
        &self.lanes[usize::from(parcel.client)][usize::from(parcel.node)]
    }

    /// Where in its pipe a message is now. On one connection answers come in order, so there the
    /// next answer is whichever is first.
    pub(crate) fn position(&self, parcel: &Parcel, answered: bool) -> Option<usize> {
        let pipe = &self.world.pipes[usize::from(parcel.client)][usize::from(parcel.node)];
        let age = (self.lane(parcel).epoch - parcel.epoch).min(FORGOTTEN);
        let first = answered && self.scope().ordered();
        pipe.iter().position(|message| {
            let same =
                message.command() == parcel.command && message.generation() == parcel.generation;
            u32::from(message.age()) == age
                && message.answer().is_some() == answered
                && (same || first)
        })
    }
}
