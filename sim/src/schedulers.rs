//! Schedulers: clients that are not scheduled, machines that are suspended, renewers that stall.

use leasehold::protocol::Span;
use leasehold_world::step::TaskMove;
use leasehold_world::threaded::Move;
use leasehold_world::{Program, Step, WorldTime};

use crate::agenda::Event;
use crate::clock::NANOS;
use crate::counts::Hazard;
use crate::dice::Question;
use crate::run::Run;

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    /// A client has reported something or begun something: it may not be scheduled for a while.
    pub(crate) fn maybe_pause(&mut self, client: u8) {
        let options = &self.plan.weather.pause;
        if options.ppm == 0 && options.suspend_ppm == 0 {
            return;
        }
        let roll = self.roll_for(Question::Pause, client);
        let suspends = roll.again().chance(options.suspend_ppm);
        if !suspends && !roll.chance(options.ppm) {
            return;
        }
        let renew_every = self.scope().config.settings().renew_every;
        let after = self.roll_for(Question::PauseDelay, client).below(renew_every);
        let shortest = Self::MILLI.min(options.longest);
        let length =
            self.roll_for(Question::PauseLength, client).between(shortest, options.longest);
        let event = Event::Pause { client, length, suspends };
        self.note(self.now + after * NANOS, event);
    }

    /// A client is not scheduled for a while. If its machine is suspended its clock stands still
    /// too, as the clock of Rust's `Instant` does on Linux.
    pub(crate) fn pause(&mut self, client: u8, length: Span, suspends: bool) {
        let c = usize::from(client);
        let state = &self.world.clients[c];
        if self.world.faults.pauses == 0 || state.paused || state.generation == 0 {
            return;
        }
        let _ = self.take(Step::Pause(client));
        if suspends {
            self.watch.counts.met(Hazard::Suspend);
        }
        self.client_clocks[c].stands_still = suspends;
        self.users[c].resumes_at = self.now + length * NANOS;
        self.agenda.note(self.users[c].resumes_at, Event::Resume(client));
    }

    /// A client is scheduled again.
    pub(crate) fn resume(&mut self, client: u8) {
        let c = usize::from(client);
        if self.world.clients[c].paused {
            self.client_clocks[c].stands_still = false;
            let _ = self.take(Step::Resume(client));
        }
    }

    /// If the client is not scheduled, notes the event anew for when it is.
    pub(crate) fn waits_for_resume(&mut self, client: u8, event: Event) -> bool {
        let c = usize::from(client);
        let paused = self.world.clients[c].paused;
        if paused {
            self.agenda.note(self.users[c].resumes_at, event);
        }
        paused
    }

    /// A renewer of a broken program has made a step towards its renewal: the scheduler may leave
    /// it there for a while.
    pub(crate) fn maybe_stall(&mut self, client: u8) {
        let options = &self.plan.weather.stall;
        let roll = self.roll_for(Question::Stall, client);
        let possible = self.world.faults.stalls > 0 && self.next_towards_send(client).is_some();
        if !possible || !roll.chance(options.ppm) || self.watch.is_over() {
            return;
        }
        let _ = self.take(Step::Stall(client));
        let length = self.roll_for(Question::StallLength, client).between(1, options.longest);
        self.note(self.now + length * NANOS, Event::Wake(client));
    }

    /// A stalled renewer goes on.
    pub(crate) fn wake(&mut self, client: u8) {
        if self.waits_for_resume(client, Event::Wake(client)) {
            return;
        }
        if !self.world.clients[usize::from(client)].is_stalled() {
            return;
        }
        if let Some(task) = self.next_towards_send(client) {
            self.act(client, Step::Task(client, task));
            if task == TaskMove::Check {
                self.maybe_stall(client);
            }
        }
    }

    /// The step that a renewer which has chosen its tick takes next.
    fn next_towards_send(&self, client: u8) -> Option<TaskMove> {
        let client = &self.world.clients[usize::from(client)];
        let Program::Threaded(threaded) = &client.program else { return None };
        let may =
            |wanted: Move| threaded.may(self.scope(), client.now, client.renewals_left, wanted);
        [(TaskMove::Check, Move::Check), (TaskMove::Send, Move::Send)]
            .into_iter()
            .find(|&(_, wanted)| may(wanted))
            .map(|(task, _)| task)
    }
}
