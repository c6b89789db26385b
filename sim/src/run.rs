//! One run: true time, the agenda, and the world they drive. First with faults, then
//! [healed](crate::heal).
//!
//! Each turn is one of three: an event of the agenda, a move that some client must make before
//! time passes, or the passing of time until the next of either. Where an event and a move fall on
//! the same instant, or several moves do, the seed says which comes first.

use leasehold::protocol::{Mutated, Span};
use leasehold_world::threaded::Move;
use leasehold_world::trace::Line;
use leasehold_world::{Effects, Program, Scope, Step, World, WorldTime};

use crate::agenda::{Agenda, Event, Parcel};
use crate::clock::{Clock, NANOS, TrueTime};
use crate::dice::{Dice, Question, Roll};
use crate::history::History;
use crate::holder::Holder;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::post::Lane;
use crate::users::User;
use crate::walls::{WALLS, Wall};
use crate::watch::{STEPS, Watch};
use leasehold_world::step::TaskMove;

/// No run takes longer, in true time, unless it is to last: one hour.
const HORIZON: TrueTime = 3_600_000_000_000;

/// A bound on turns that take no step, for every [`STEPS`] steps.
const TURNS: u32 = 20_000;

/// How many moves at one instant are told apart; the clients with later ones are served next.
const MOVES: usize = 18;

/// A move that a client can make: a task of a broken program, or a tick of the shipped one.
#[derive(Clone, Copy)]
struct OneMove {
    client: u8,
    task: Option<TaskMove>,
}

/// The moves that clients can make at one instant.
struct Moves {
    list: [OneMove; MOVES],
    len: usize,
}

/// One run under way.
pub(crate) struct Run<'a, I, const N: usize, const C: usize> {
    pub(crate) plan: &'a Plan,
    pub(crate) dice: Dice<'a>,
    pub(crate) world: World<Mutated, I, N, C>,
    pub(crate) now: TrueTime,
    pub(crate) agenda: &'a mut Agenda,
    pub(crate) lanes: [[Lane; N]; C],
    pub(crate) users: [User<I>; C],
    /// When each node is or was back.
    pub(crate) restart_at: [TrueTime; N],
    /// Until when each node stands still.
    pub(crate) frozen_until: [TrueTime; N],
    /// The walls that stand or stood.
    pub(crate) walls: [Wall; WALLS],
    pub(crate) walls_raised: usize,
    /// When each client must move next, unless something happens to it before.
    pub(crate) dues: [TrueTime; C],
    pub(crate) losses_left: u8,
    pub(crate) history: History<I, N, C>,
    pub(crate) watch: Watch,
    pub(crate) holder: Holder,
    /// No event is later.
    pub(crate) horizon: TrueTime,
    pub(crate) node_clocks: [Clock; N],
    pub(crate) client_clocks: [Clock; C],
}

impl<'a, I: WorldTime, const N: usize, const C: usize> Run<'a, I, N, C> {
    /// The shortest time that somebody is out of order: a millisecond, or no tick at all.
    pub(crate) const MILLI: Span = if I::IN_TICKS { 0 } else { 1_000 };

    /// Runs `plan` to its end. The steps are written down only if they are wanted.
    pub(crate) fn to_end(
        plan: &'a Plan,
        agenda: &'a mut Agenda,
        recording: bool,
    ) -> (Outcome, Option<Vec<Line>>, Option<leasehold_world::Claim>) {
        agenda.clear();
        let scope = &plan.scope;
        let lasting = plan.arranged.lasting;
        let most_steps = lasting.map_or(STEPS, |lasting| lasting.steps);
        let observed_from = lasting.map_or(0, |lasting| lasting.observed_from * NANOS);
        let mut run = Run::<I, N, C> {
            plan,
            dice: Dice::salted(plan.seed, plan.key, &plan.arranged.salts),
            world: World::new(scope, scope.mutated),
            now: 0,
            agenda,
            lanes: [[Lane::default(); N]; C],
            users: [User::default(); C],
            restart_at: [0; N],
            frozen_until: [0; N],
            walls: [Wall::default(); WALLS],
            walls_raised: 0,
            dues: [TrueTime::MAX; C],
            losses_left: plan.weather.loss.most,
            history: History::new(),
            watch: Watch::new(plan, most_steps, recording),
            holder: Holder::observed_from(observed_from),
            horizon: lasting.map_or(HORIZON, |lasting| lasting.length * NANOS),
            node_clocks: std::array::from_fn(|n| Clock::new(plan.clocks.node_rates[n])),
            client_clocks: std::array::from_fn(|c| Clock::new(plan.clocks.client_rates[c])),
        };
        run.begin();
        let mut turns = 0;
        let most_turns = (most_steps / STEPS).max(1).saturating_mul(TURNS);
        let heal_at = plan.heal_after.saturating_mul(NANOS);
        while !run.watch.is_over() && turns < most_turns && run.now < heal_at && run.turn() {
            turns += 1;
        }
        run.heal();
        run.outcome()
    }

    fn outcome(self) -> (Outcome, Option<Vec<Line>>, Option<leasehold_world::Claim>) {
        let (slack_ns, spare_ns) = (self.holder.slack, self.holder.spare);
        let tenure = self.tenure();
        let Watch { steps, hash, mut counts, broken, taken, ended_by, lines, .. } = self.watch;
        let virtual_us = (self.now / NANOS).unsigned_abs();
        counts.steps = steps.into();
        counts.virtual_us = virtual_us;
        counts.seen_in(self.plan.seed);
        let outcome = Outcome {
            seed: self.plan.seed,
            settings: self.plan.scope.settings().clone(),
            steps,
            virtual_us,
            hash: hash.finish(),
            broken,
            taken,
            counts,
            slack_ns,
            spare_ns,
            tenure,
        };
        (outcome, lines, ended_by)
    }

    pub(crate) fn scope(&self) -> &'a Scope {
        &self.plan.scope
    }

    /// The clocks show what they show, and the users make up their minds.
    fn begin(&mut self) {
        let clocks = &self.plan.clocks;
        let nodes = std::array::from_fn(|n| I::at(clocks.node_offsets[n]));
        let clients = std::array::from_fn(|c| I::at(clocks.client_offsets[c]));
        if !I::IN_TICKS {
            let _ = self.take(Step::Advance { nodes, clients });
        }
        for c in 0..C as u8 {
            let ttl = self.scope().config.ttl();
            let longest = if I::IN_TICKS { 2 * ttl } else { ttl / 2 };
            let drawn = self.dice.roll(Question::FirstStart, c.into()).below(longest) * NANOS;
            let arranged = self.plan.arranged.first_starts_ns;
            let after = arranged.and_then(|starts| starts.get(usize::from(c)).copied());
            self.users[usize::from(c)].start_noted = true;
            self.note(after.unwrap_or(drawn), Event::Start(c));
        }
        self.begin_lasting();
    }

    /// One event, one move, or the passing of time. False if nothing is left to happen.
    fn turn(&mut self) -> bool {
        let event_due = self.agenda.next_at().is_some_and(|at| at < self.instant_ends());
        let moves = self.moves();
        if moves.len == 0 {
            return if event_due { self.event() } else { self.pass_time() };
        }
        let first = Question::Turn;
        if event_due && self.dice.roll(first, self.watch.steps.into()).chance(500_000) {
            return self.event();
        }
        self.make_move(&moves);
        true
    }

    /// Takes the next event of the agenda.
    fn event(&mut self) -> bool {
        let at = self.agenda.next_at().unwrap_or(self.now);
        let Some(event) = self.agenda.pop() else { return false };
        if at > self.now {
            self.advance_to(at);
        }
        match event {
            Event::Arrive(parcel) => self.arrive(parcel),
            Event::Stray(parcel) => self.stray(parcel),
            Event::Answer(parcel) => self.answer(parcel),
            Event::Start(client) => self.start(client),
            Event::Stop { client, generation } => self.stop(client, generation),
            Event::Wake(client) => self.wake(client),
            Event::Cancel { client, generation } => self.cancel(client, generation),
            Event::Pause { client, length, suspends } => self.pause(client, length, suspends),
            Event::Resume(client) => self.resume(client),
            Event::Reset { client, node, epoch } => self.reset(client, node, epoch),
            Event::Connect { client, node } => self.connect(client, node),
            Event::Resend(parcel) => self.resend(parcel),
            Event::Crash { node, keeps, length } => self.crash(node, keeps, length),
            Event::Freeze { node, length } => self.freeze(node, length),
            Event::Forget(node) => self.forget(node),
            Event::Restart(node) => self.restart(node),
            Event::Leap { node, by } => self.leap(node, by),
            Event::NextReset { client, node, number } => self.next_reset(client, node, number),
            Event::NextPause { client, number } => self.next_pause(client, number),
        }
        true
    }

    // ---- steps -------------------------------------------------------------------------------

    /// Takes one step. The only place where the world changes.
    pub(crate) fn take(&mut self, step: Step<I, N, C>) -> Effects<I> {
        let scope = self.scope();
        debug_assert!(self.world.permits(scope, &step), "seed {}: {step}", self.plan.seed);
        let effects = self.world.apply(scope, scope.mutated, step);
        self.note_due(&step);
        self.history.note(&self.world, scope, &step, &effects);
        self.watch.note(&self.world, scope, &step, &effects);
        self.note_belief(&step, effects.report);
        for verdict in self.history.verdicts(&self.world, scope, &step, &effects).iter().flatten() {
            self.watch.note_verdict(&self.world, scope, verdict);
        }
        effects
    }

    /// Takes a step of a client, schedules what it sent, and lets its user see.
    pub(crate) fn act(&mut self, client: u8, step: Step<I, N, C>) {
        let known = self.lengths(client);
        let effects = self.take(step);
        self.follow(client, known, &effects);
    }

    /// After a step: notes when the clients that it concerns must move next.
    fn note_due(&mut self, step: &Step<I, N, C>) {
        match *step {
            Step::Start(c)
            | Step::Tick(c)
            | Step::Stop(c)
            | Step::HandOver(c)
            | Step::Adopt(c)
            | Step::Task(c, _)
            | Step::Stall(c)
            | Step::Pause(c)
            | Step::Resume(c)
            | Step::Reply { client: c, .. }
            | Step::Reset { client: c, .. }
            | Step::Connect { client: c, .. } => self.note_due_of(usize::from(c)),
            Step::Crash { .. } | Step::Heal(_) => (0..C).for_each(|c| self.note_due_of(c)),
            // A tick may slip; otherwise what is due stays due at the same true time.
            Step::Advance { .. } if I::IN_TICKS => (0..C).for_each(|c| self.note_due_of(c)),
            Step::Advance { .. }
            | Step::Run { .. }
            | Step::Restart(_)
            | Step::Resend { .. }
            | Step::LoseScripts(_) => {}
        }
    }

    fn note_due_of(&mut self, c: usize) {
        let (scope, client) = (self.scope(), &self.world.clients[c]);
        let next = || client.next_due(scope).map(|at| self.when(c as u8, at));
        self.dues[c] = if client.paused {
            TrueTime::MAX
        } else if client.is_urgent(scope) {
            self.now
        } else {
            next().unwrap_or(TrueTime::MAX)
        };
    }

    // ---- moves -------------------------------------------------------------------------------

    fn moves(&self) -> Moves {
        let scope = self.scope();
        let mut moves = Moves { list: [OneMove { client: 0, task: None }; MOVES], len: 0 };
        for (c, _) in self.dues.iter().enumerate().filter(|&(_, &due)| due <= self.now) {
            let client = &self.world.clients[c];
            if !client.is_urgent(scope) {
                continue;
            }
            match &client.program {
                Program::Joined(_) => moves.add(c as u8, None),
                Program::Threaded(threaded) => {
                    for task in TaskMove::ALL {
                        let wanted = task.as_move();
                        let held_up =
                            threaded.stalled && matches!(wanted, Move::Check | Move::Send);
                        let left = client.renewals_left;
                        if !held_up && threaded.may(scope, client.now, left, wanted) {
                            moves.add(c as u8, Some(task));
                        }
                    }
                }
            }
        }
        moves
    }

    fn make_move(&mut self, moves: &Moves) {
        let roll = self.dice.roll(Question::Move, self.watch.steps.into());
        let OneMove { client, task } = moves.list[roll.below(moves.len as i64) as usize];
        self.act(client, task.map_or(Step::Tick(client), |task| Step::Task(client, task)));
        if matches!(task, Some(TaskMove::Choose | TaskMove::Check)) {
            self.maybe_stall(client);
        }
    }

    /// A decision about a message.
    pub(crate) fn roll(&self, question: Question, parcel: &Parcel) -> Roll {
        self.dice.roll(question, parcel.identity())
    }

    /// A decision about something that a client has done.
    pub(crate) fn roll_for(&mut self, question: Question, client: u8) -> Roll {
        let generation = self.world.clients[usize::from(client)].generation;
        let user = &mut self.users[usize::from(client)];
        user.decisions += 1;
        let identity = u64::from(client) | u64::from(generation) << 8 | user.decisions << 16;
        self.dice.roll(question, identity)
    }
}

impl Moves {
    fn add(&mut self, client: u8, task: Option<TaskMove>) {
        if let Some(slot) = self.list.get_mut(self.len) {
            *slot = OneMove { client, task };
            self.len += 1;
        }
    }
}
