//! Faults: connections, servers, schedulers, clocks.

use leasehold::protocol::{Micros, Span};
use leasehold_world::message::Link;
use leasehold_world::step::TaskMove;
use leasehold_world::threaded::Move;
use leasehold_world::{Program, Step};

use crate::agenda::{Event, Parcel};
use crate::clock::NANOS;
use crate::dice::Question;
use crate::run::Run;

/// A connection with more messages than this under way is not reset: the world has room for eight,
/// and a new connection brings three.
const ROOM_FOR_RESET: usize = 3;

impl<const N: usize, const C: usize> Run<'_, N, C> {
    // ---- connections -------------------------------------------------------------------------

    /// A command has been sent: it may be the last on its connection, or to its server.
    pub(crate) fn maybe_break(&mut self, parcel: &Parcel, delay: i64) {
        let weather = &self.plan.weather;
        let Parcel { client, node, epoch, .. } = *parcel;
        if self.scope().ordered() && self.roll(Question::Reset, parcel).chance(weather.reset_ppm) {
            let after = self.roll(Question::ResetDelay, parcel).below(delay * 2);
            self.agenda.note(self.now + after, Event::Reset { client, node, epoch });
        }
        let crash = self.roll(Question::Crash, parcel);
        if crash.chance(weather.crash_ppm) {
            let after = crash.again().below(delay * 2);
            let length = self.roll(Question::Down, parcel).between(1_000, weather.down_max);
            self.agenda.note(self.now + after, Event::Crash { node, length });
        }
        let leap = self.roll(Question::Leap, parcel);
        if leap.chance(weather.leap_ppm) {
            let by = leap.again().below(weather.leap_max);
            self.agenda.note(self.now + delay, Event::Leap { node, by });
        }
    }

    /// A connection has fallen silent. Sooner or later it is given up.
    pub(crate) fn notice_silence(&mut self, parcel: &Parcel) {
        if !self.scope().ordered() {
            return;
        }
        let Parcel { client, node, epoch, .. } = *parcel;
        let settings = self.scope().config.settings();
        let (soon, late) = (settings.node_timeout, settings.ttl * 2);
        let after = self.roll(Question::ResetDelay, parcel).between(soon, late);
        self.agenda.note(self.now + after * NANOS, Event::Reset { client, node, epoch });
    }

    /// A connection fails, if it is still the one that was meant.
    pub(crate) fn reset(&mut self, client: u8, node: u8, epoch: u16) {
        let (c, n) = (usize::from(client), usize::from(node));
        if self.waits_for_resume(client, Event::Reset { client, node, epoch }) {
            return;
        }
        let pipe = &self.world.pipes[c][n];
        let possible = self.world.faults.resets > 0
            && self.lanes[c][n].epoch == epoch
            && pipe.link == Link::Up
            && pipe.len() <= ROOM_FOR_RESET;
        if !possible {
            return;
        }
        let mut known = self.lengths(client);
        let effects = self.take(Step::Reset { client, node });
        self.lanes[c][n].renew(self.now);
        let pipe = &self.world.pipes[c][n];
        known[n] = pipe.iter().filter(|message| message.age() > 0).count();
        self.schedule_strays(client, node, epoch);
        self.await_connection(client, node);
        self.follow(client, known, &effects);
    }

    /// Of the commands on a connection that has just failed, a prefix still runs, in order, later.
    fn schedule_strays(&mut self, client: u8, node: u8, epoch: u16) {
        let pipe = self.world.pipes[usize::from(client)][usize::from(node)];
        let weather = &self.plan.weather;
        let mut at = self.now;
        for (index, message) in pipe.iter().enumerate().filter(|(_, message)| message.age() == 1) {
            let parcel = Parcel {
                client,
                node,
                command: message.command(),
                generation: message.generation(),
                epoch,
                ordinal: index as u8,
                sent_at: self.now,
            };
            let identity = parcel.identity() | u64::from(epoch) << 40;
            if !self.dice.roll(Question::StrayRuns, identity).chance(weather.stray_ppm) {
                break;
            }
            let delay = self.dice.roll(Question::StrayDelay, identity).below(weather.stray_max);
            at = (self.now + delay * NANOS).max(at + 1);
            self.agenda.note(at, Event::Stray(parcel));
        }
    }

    /// The shipped lifecycle's driver connects again after a while; the broken programs' library
    /// has done so at once.
    fn await_connection(&mut self, client: u8, node: u8) {
        let (c, n) = (usize::from(client), usize::from(node));
        if self.world.pipes[c][n].link == Link::Up {
            return;
        }
        let identity =
            u64::from(client) | u64::from(node) << 8 | u64::from(self.lanes[c][n].epoch) << 16;
        let after =
            self.dice.roll(Question::Connect, identity).below(self.plan.weather.connect_max);
        let from = self.now.max(self.restart_at[n]);
        self.agenda.note(from + after * NANOS + 1, Event::Connect { client, node });
    }

    /// There is a connection again, unless the server is down: then its restart brings one.
    pub(crate) fn connect(&mut self, client: u8, node: u8) {
        let (c, n) = (usize::from(client), usize::from(node));
        if self.waits_for_resume(client, Event::Connect { client, node }) {
            return;
        }
        if !self.world.nodes[n].down && self.world.pipes[c][n].link != Link::Up {
            self.act(client, Step::Connect { client, node });
        }
    }

    // ---- servers -----------------------------------------------------------------------------

    /// A server dies, and with it every connection to it.
    pub(crate) fn crash(&mut self, node: u8, length: Span) {
        let n = usize::from(node);
        let faults = &self.world.faults;
        let keeps = faults.crashes_losing == 0;
        let left = if keeps { faults.crashes_keeping } else { faults.crashes_losing };
        if left == 0 || self.world.nodes[n].down {
            return;
        }
        let mut known: [[usize; N]; C] = std::array::from_fn(|c| self.lengths(c as u8));
        let effects = self.take(Step::Crash { node, keeps });
        self.restart_at[n] = self.now + length * NANOS;
        self.agenda.note(self.restart_at[n], Event::Restart(node));
        for (c, known) in known.iter_mut().enumerate() {
            known[n] = 0;
            self.lanes[c][n].renew(self.now);
            self.await_connection(c as u8, node);
            self.follow(c as u8, *known, &effects);
        }
    }

    /// A server is back.
    pub(crate) fn restart(&mut self, node: u8) {
        if self.world.nodes[usize::from(node)].down {
            let _ = self.take(Step::Restart(node));
        }
    }

    /// A node's clock leaps ahead while nothing else moves.
    pub(crate) fn leap(&mut self, node: u8, by: Span) {
        if self.world.is_urgent(self.scope()) {
            return;
        }
        let mut nodes = [Micros(0); N];
        nodes[usize::from(node)] = Micros(by);
        self.history.leaps(node);
        let _ = self.take(Step::Advance { nodes, clients: [Micros(0); C] });
    }

    // ---- schedulers --------------------------------------------------------------------------

    /// A client has reported something or begun something: it may not be scheduled for a while.
    pub(crate) fn maybe_pause(&mut self, client: u8) {
        let weather = &self.plan.weather;
        let roll = self.roll_for(Question::Pause, client);
        if !roll.chance(weather.pause_ppm) {
            return;
        }
        let renew_every = self.scope().config.settings().renew_every;
        let after = self.roll_for(Question::PauseDelay, client).below(renew_every);
        let length = self.roll_for(Question::PauseLength, client).between(1_000, weather.pause_max);
        self.agenda.note(self.now + after * NANOS, Event::Pause { client, length });
    }

    /// A client is not scheduled for a while.
    pub(crate) fn pause(&mut self, client: u8, length: Span) {
        let c = usize::from(client);
        if self.world.faults.pauses == 0 || self.world.clients[c].paused {
            return;
        }
        let _ = self.take(Step::Pause(client));
        self.users[c].resumes_at = self.now + length * NANOS;
        self.agenda.note(self.users[c].resumes_at, Event::Resume(client));
    }

    /// A client is scheduled again.
    pub(crate) fn resume(&mut self, client: u8) {
        if self.world.clients[usize::from(client)].paused {
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
        let weather = &self.plan.weather;
        let roll = self.roll_for(Question::Stall, client);
        let possible = self.world.faults.stalls > 0 && self.next_towards_send(client).is_some();
        if !possible || !roll.chance(weather.stall_ppm) || self.watch.is_over() {
            return;
        }
        let _ = self.take(Step::Stall(client));
        let length = self.roll_for(Question::StallLength, client).between(1, weather.stall_max);
        self.agenda.note(self.now + length * NANOS, Event::Wake(client));
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
