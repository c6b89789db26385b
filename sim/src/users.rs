//! The users: when they want the lock, how long they work, and what they do when denied.

use leasehold::protocol::Span;
use leasehold_world::message::CAPACITY;
use leasehold_world::threaded::{Main, Move};
use leasehold_world::{Program, Report, Step, WorldTime};

use crate::agenda::Event;
use crate::clock::{NANOS, TrueTime};
use crate::counts::Hazard;
use crate::dice::Question;
use crate::run::Run;

/// How often in a run a user finds the lock not ready to be started and waits.
const PATIENCE: u8 = 60;

/// A client whose pipes are fuller than this is not started: the world has room for eight messages.
const ROOM_FOR_START: usize = CAPACITY - 4;

/// What the simulator knows of a user.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct User<I> {
    /// Whether the next start is on the agenda.
    pub(crate) start_noted: bool,
    /// For which lease the stop is on the agenda.
    stop_noted: u8,
    /// What the client's clock showed when the present lease was started.
    began: I,
    /// The last lease that was held.
    held: u8,
    /// How many acquisitions in a row were denied.
    attempt: u32,
    /// How often a start had to wait.
    waits: u8,
    /// When the client is scheduled again, if it is paused.
    pub(crate) resumes_at: TrueTime,
    /// How many decisions were taken for it.
    pub(crate) decisions: u64,
}

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    /// The user wants the lock.
    pub(crate) fn start(&mut self, client: u8) {
        let c = usize::from(client);
        if self.waits_for_resume(client, Event::Start(client)) {
            return;
        }
        let overlaps = self.overlaps(client);
        if !self.may_start(client, overlaps) {
            self.users[c].waits += 1;
            if self.users[c].waits < PATIENCE {
                let after = self.think(client) + 1;
                self.note(self.now + after, Event::Start(client));
            }
            return;
        }
        if overlaps {
            self.watch.counts.met(Hazard::Overlap);
        }
        self.users[c].start_noted = false;
        self.users[c].began = self.world.clients[c].now;
        self.lanes[c].iter_mut().for_each(crate::post::Lane::restart_numbers);
        let adopts = self.adopts(client);
        self.act(client, if adopts { Step::Adopt(client) } else { Step::Start(client) });
        self.maybe_cancel(client);
        self.maybe_pause(client);
    }

    /// The user has begun to acquire, and may think better of it.
    fn maybe_cancel(&mut self, client: u8) {
        let ppm = self.plan.weather.cancel.ppm;
        let roll = self.roll_for(Question::Cancel, client);
        if roll.chance(ppm) {
            let longest = self.scope().config.settings().node_timeout * NANOS;
            let generation = self.world.clients[usize::from(client)].generation;
            let at = self.now + roll.again().below(longest);
            self.note(at, Event::Cancel { client, generation });
        }
    }

    /// The user gives an acquisition up before it is decided.
    pub(crate) fn cancel(&mut self, client: u8, generation: u8) {
        if self.waits_for_resume(client, Event::Cancel { client, generation }) {
            return;
        }
        let state = &self.world.clients[usize::from(client)];
        let acquiring = match &state.program {
            Program::Joined(joined) => joined.may_stop(true) && !joined.may_stop(false),
            Program::Threaded(_) => false,
        };
        let possible = self.scope().role(client).stops && self.world.faults.cancels > 0;
        if acquiring && possible && state.generation == generation {
            self.watch.counts.met(Hazard::Cancel);
            self.act(client, Step::Stop(client));
        }
    }

    /// Whether the user of a broken program begins the next lease though the renewer of the last
    /// one still runs.
    fn overlaps(&mut self, client: u8) -> bool {
        let possible = self.world.faults.overlaps > 0
            && match &self.world.clients[usize::from(client)].program {
                Program::Joined(_) => false,
                Program::Threaded(threaded) => threaded.may_overlap(),
            };
        possible && self.roll_for(Question::Overlap, client).chance(self.plan.weather.overlap.ppm)
    }

    fn may_start(&self, client: u8, overlaps: bool) -> bool {
        let c = usize::from(client);
        let state = &self.world.clients[c];
        let ready = match &state.program {
            Program::Joined(joined) => joined.may_start(),
            Program::Threaded(threaded) => {
                threaded.may(self.scope(), state.now, state.renewals_left, Move::Start) || overlaps
            }
        };
        let room = self.world.pipes[c].iter().all(|pipe| pipe.len() <= ROOM_FOR_START);
        let arrived = !self.adopts(client) || !self.world.ticket.value.is_none();
        ready && room && state.starts_left > 0 && arrived
    }

    fn adopts(&self, client: u8) -> bool {
        self.scope().role(client).adopts
    }

    /// Whether the user hands the lock over when the work is done.
    fn hands_over(&mut self, client: u8) -> bool {
        self.scope().role(client).hands_over
            && self.roll_for(Question::HandOver, client).chance(500_000)
            && self.world.permits(self.scope(), &Step::HandOver(client))
    }

    /// The user has done the work of one lease.
    pub(crate) fn stop(&mut self, client: u8, generation: u8) {
        if self.waits_for_resume(client, Event::Stop { client, generation }) {
            return;
        }
        let state = &self.world.clients[usize::from(client)];
        if state.generation == generation && self.holds(client) {
            let hands_over = self.hands_over(client);
            let step = if hands_over { Step::HandOver(client) } else { Step::Stop(client) };
            self.act(client, step);
            self.maybe_pause(client);
        }
    }

    fn holds(&self, client: u8) -> bool {
        match &self.world.clients[usize::from(client)].program {
            Program::Joined(joined) => joined.may_stop(false),
            Program::Threaded(threaded) => threaded.main == Main::Working,
        }
    }

    /// Whether the present lease is over for the user.
    fn is_over(&self, client: u8) -> bool {
        match &self.world.clients[usize::from(client)].program {
            Program::Joined(joined) => joined.only_owes(),
            Program::Threaded(threaded) => threaded.main == Main::Done,
        }
    }

    /// After a step of a client: its user plans the stop of a lease just acquired, or the next
    /// start after one that is over.
    pub(crate) fn attend(&mut self, client: u8, report: Option<Report<I>>) {
        let c = usize::from(client);
        if matches!(report, Some(Report::Acquired { .. } | Report::Extended { .. })) {
            self.maybe_pause(client);
        }
        let generation = self.world.clients[c].generation;
        if self.holds(client) {
            self.users[c].held = generation;
            self.users[c].attempt = 0;
            if self.users[c].stop_noted != generation && self.scope().role(client).stops {
                self.users[c].stop_noted = generation;
                let done_at = self.work_ends(client);
                let at = self.when(client, done_at);
                self.note(at, Event::Stop { client, generation });
            }
        } else if self.is_over(client)
            && !self.users[c].start_noted
            && self.world.clients[c].starts_left > 0
        {
            self.users[c].start_noted = true;
            self.users[c].attempt += u32::from(self.users[c].held != generation);
            let after = self.think(client);
            self.note(self.now + after, Event::Start(client));
        }
    }

    /// When, on the client's clock, the work of the present lease is done.
    fn work_ends(&mut self, client: u8) -> I {
        let habits = &self.plan.habits;
        let c = usize::from(client);
        let every: Span = self.scope().config.settings().renew_every;
        let manner = self.roll_for(Question::Work, client);
        let length = self.roll_for(Question::WorkLength, client);
        if !manner.chance(habits.tie_ppm) {
            return self.world.clients[c].now.plus(length.between(1, habits.work_max));
        }
        // The shipped machine counts its interval from before it asked, the broken programs from
        // when they had the lock: so their ticks, and a tie with them.
        let from = match &self.world.clients[c].program {
            Program::Joined(_) => self.users[c].began,
            Program::Threaded(_) => self.world.clients[c].now,
        };
        let tie = from.plus(every * length.between(1, 4));
        if manner.again().chance(600_000) {
            return tie;
        }
        tie.plus(length.again().between(-habits.near, habits.near))
    }

    /// How long, in nanoseconds, the user waits before wanting the lock again.
    fn think(&mut self, client: u8) -> TrueTime {
        let habits = &self.plan.habits;
        let attempt = self.users[usize::from(client)].attempt;
        if attempt > 0 {
            let jitter = self.roll_for(Question::Retry, client).jitter();
            if let Some(delay) = habits.retry.delay(attempt, jitter) {
                return delay * NANOS;
            }
            self.users[usize::from(client)].attempt = 0;
        }
        let roll = self.roll_for(Question::Idle, client);
        let at_once = roll.chance(habits.at_once_ppm);
        let longest = if at_once { habits.retry.delay_min } else { habits.idle_max };
        roll.again().below(longest * NANOS)
    }
}
