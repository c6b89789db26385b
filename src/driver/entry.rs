//! One lease in the table of its client: the machine, its timetable, and the handle that looks on.

mod shown;

use std::sync::Arc;
use std::vec::Vec;

use tokio::sync::oneshot;

use super::error::Loss;
use super::key::Key;
use super::leases::{End, Extended, LeaseId, Scene, Standing};
use super::line::{Ask, Call};
use super::plan::Plan;
use super::report::Report;
use super::token::{Jitter, Token};
use super::votes::{Outcomes, Shortfall, Votes};
use crate::protocol::{
    Answer, Command, Commands, Event, Extend, Input, Instant, Lease, LossCause, Micros, Moment,
    NodeSet, Output, Phase, Sound, Span, Tally, Timer, renewal, validity,
};

pub(super) struct Entry {
    id: LeaseId,
    pub(super) machine: Lease<Sound, Micros, Token>,
    pub(super) key: Key,
    pub(super) plan: Arc<Plan>,
    pub(super) call: Call,
    /// When it wants to be woken, as the table knows it.
    pub(super) deadline: Option<Micros>,
    /// Whoever asked, unless the attempt was denied and they look at another one.
    ask: Option<Ask>,
    /// The round under way, or the last one.
    outcomes: Outcomes,
    /// When the next renewal is due.
    renew_at: Option<Micros>,
    /// Renewals that have failed since the last that did not.
    failures: u32,
    /// When it has been held for as long as it may be.
    hold_until: Option<Micros>,
    /// Those who asked for a renewal that has not begun.
    wanting: Vec<oneshot::Sender<Extended>>,
    /// Those who asked for the renewal that is under way.
    awaiting: Vec<oneshot::Sender<Extended>>,
    /// Nodes with a `SET` that may still run.
    setting: NodeSet,
    /// Nodes with a command on a connection that has failed, which may still run.
    stray: NodeSet,
}

impl Entry {
    pub(super) fn new(id: LeaseId, ask: Ask) -> Entry {
        Entry {
            id,
            machine: Lease::new(Sound),
            key: ask.key.clone(),
            plan: Arc::clone(&ask.plan),
            call: ask.call,
            deadline: None,
            ask: Some(ask),
            outcomes: Outcomes::default(),
            renew_at: None,
            failures: 0,
            hold_until: None,
            wanting: Vec::new(),
            awaiting: Vec::new(),
            setting: NodeSet::EMPTY,
            stray: NodeSet::EMPTY,
        }
    }

    /// Nodes where something is owed or may still run.
    pub(super) fn debts(&self) -> NodeSet {
        self.machine.owed().or(self.machine.unresolved())
    }

    pub(super) fn is_forgettable(&self, hopeless: NodeSet) -> bool {
        let over = self.machine.phase().is_over();
        let unresolved = self.machine.unresolved().without(hopeless);
        self.machine.is_settled() || over && self.machine.owed().is_empty() && unresolved.is_empty()
    }

    pub(super) fn is_in_trouble(&self) -> bool {
        self.failures > 0 && self.plan.renew_every.is_some() && self.occupies()
    }

    /// Whether it has its key, or asks for it: whether others of this client wait behind it.
    fn occupies(&self) -> bool {
        match self.machine.phase() {
            Phase::Idle | Phase::Acquiring | Phase::Held => true,
            Phase::Stopping
            | Phase::Draining
            | Phase::Releasing
            | Phase::Released
            | Phase::Lost
            | Phase::HandingOver
            | Phase::HandedOver => false,
        }
    }

    /// A renewal is to begin now, or when the one under way is over.
    pub(super) fn want_renewal(&mut self, now: Micros, by: Option<oneshot::Sender<Extended>>) {
        // Whoever asks of a lease that is over sees that nobody is there to answer.
        if self.machine.valid_until().is_some() {
            self.wanting.extend(by);
            self.renew_at = Some(now);
        }
    }

    /// Whether what may still run at `node` of a failed connection can be left to run.
    ///
    /// An extend that changes only a key with the own value can: it never brings anything back, and
    /// does nothing that a later one does not. A `SET` cannot: it may store the key after the
    /// release, so that node stays out of this lease until its connection is known to be gone.
    pub(super) fn may_forgive(&self, node: u8) -> bool {
        let touches = self.plan.config.extend() == Extend::Touch && !self.setting.contains(node);
        touches && self.stray.contains(node)
    }

    /// When it wants to be woken. The machine would renew at once; the timetable knows better.
    pub(super) fn next_deadline(&self) -> Option<Micros> {
        let (at, timer) = self.machine.deadline()?;
        let at = match (timer, self.machine.valid_until()) {
            (Timer::Renew, Some(end)) => self.renew_at.map_or(end, |renewal| renewal.min(end)),
            _ => at,
        };
        let hold = self.hold_until.filter(|_| self.machine.valid_until().is_some());
        Some(hold.map_or(at, |hold| hold.min(at)))
    }

    /// One step of the machine, and what follows from it for everybody else.
    pub(super) fn step(
        &mut self,
        input: Input<Token>,
        scene: &Scene<'_>,
        jitter: &mut Jitter,
        report: &Report,
    ) -> (Commands, Option<End>) {
        let (occupied, now) = (self.occupies(), scene.moment.now);
        let too_long = self.hold_until.is_some_and(|until| until <= now);
        if too_long && self.machine.valid_until().is_some_and(|end| validity::believed(now, end)) {
            self.lose(Loss::HeldTooLong, report);
            let mut commands = self.give_up(scene, report);
            // What has happened besides still counts for what is owed.
            let output = self.handle(scene.moment, input, report);
            commands.kill = output.commands.kill;
            commands.release = commands.release.or(output.commands.release);
            return (commands, Some(End::Over));
        }
        let in_round = self.machine.renewing();
        let idle = self.machine.phase() == Phase::Held && !in_round;
        let starts = matches!(input, Input::Start(_) | Input::Adopt { .. });
        let ticks = idle && matches!(input, Input::Tick);
        self.count(input);
        let Output { mut commands, event } = self.handle(scene.moment, input, report);
        let expired = event == Some(Event::Lost(LossCause::Expired));
        if starts || ticks && !expired && (self.machine.renewing() || event.is_some()) {
            let asked = commands.set.or(commands.adopt).or(commands.extend);
            self.outcomes = Outcomes::begin(scene.moment, asked);
            self.awaiting.append(&mut self.wanting);
        }
        let unresolved = self.machine.unresolved();
        self.setting = self.setting.or(commands.set).or(commands.adopt).and(unresolved);
        self.stray = self.stray.and(unresolved);
        if expired && in_round {
            self.show_votes(Some(scene.witness.votes(&self.outcomes, Shortfall::NoQuorum)));
        }
        let denied = event.and_then(|event| self.tell(event, scene, jitter, report, &mut commands));
        self.end_belief();
        let end = match denied {
            Some(ask) => Some(End::Denied(ask)),
            None => (occupied && !self.occupies()).then_some(End::Over),
        };
        (commands, end)
    }

    /// The one place where the machine is told anything.
    fn handle(
        &mut self,
        moment: Moment<Micros>,
        input: Input<Token>,
        report: &Report,
    ) -> Output<Micros> {
        let output = self.machine.handle(&self.plan.config, moment, input);
        report.tape.step(self.id, moment, input, &output, &self.machine);
        output
    }

    /// Takes note of what an input says about the round under way.
    fn count(&mut self, input: Input<Token>) {
        match input {
            Input::Answer {
                node,
                command: Command::Set | Command::Adopt | Command::Extend,
                answer,
            } => self.outcomes.count(node, answer),
            Input::Reset { node } if self.machine.unresolved().contains(node) => {
                self.outcomes.count(node, Answer::Unknown);
                self.stray.insert(node);
            }
            Input::Answer { .. }
            | Input::Reset { .. }
            | Input::Start(_)
            | Input::Adopt { .. }
            | Input::Tick
            | Input::Stop
            | Input::HandOver
            | Input::Connected { .. } => {}
        }
    }

    /// Ends a lease that is believed.
    fn give_up(&mut self, scene: &Scene<'_>, report: &Report) -> Commands {
        let stopped = self.handle(scene.moment, Input::Stop, report);
        debug_assert_eq!(stopped.commands, Commands::default());
        self.handle(scene.moment, Input::Tick, report).commands
    }

    /// Tells everybody what has happened. The answer: whoever was denied.
    fn tell(
        &mut self,
        event: Event<Micros>,
        scene: &Scene<'_>,
        jitter: &mut Jitter,
        report: &Report,
        commands: &mut Commands,
    ) -> Option<Ask> {
        let now = scene.moment.now;
        let votes = |entry: &Entry, shortfall| scene.witness.votes(&entry.outcomes, shortfall);
        match event {
            Event::Acquired { valid_until } => {
                let left = valid_until.since(now);
                if let Some(shortfall) = self.falls_short(left) {
                    let votes = votes(self, shortfall);
                    *commands = self.give_up(scene, report);
                    return self.deny(votes, report);
                }
                self.hold_until = self.plan.max_hold.map(|length| now.plus(length));
                self.schedule(jitter);
                self.show_held(valid_until);
                report.acquired(self.key.shown(), self.ask.as_ref(), now);
            }
            Event::Extended { valid_until } => {
                let before = self.shown_end().map_or(0, |end| end.since(now));
                let left = valid_until.since(now);
                self.show_held(valid_until);
                if let Some(shortfall) = self.falls_short(left) {
                    self.renewal_failed(votes(self, shortfall), now, report);
                    return None;
                }
                self.failures = 0;
                self.schedule(jitter);
                self.hasten(now);
                self.answer_awaiting(|| Ok(()));
                report.extended(self.key.shown(), self.call, before, left);
            }
            Event::Denied(tally) => {
                let shortfall = self.shortfall(&tally, report);
                return self.deny(votes(self, shortfall), report);
            }
            Event::RenewalFailed(tally) => {
                let votes = votes(self, self.shortfall(&tally, report));
                self.renewal_failed(votes, now, report);
            }
            Event::Lost(cause) => {
                if cause != LossCause::Expired {
                    self.show_votes(Some(votes(self, Shortfall::NoQuorum)));
                }
                self.lose(cause.into(), report);
            }
            Event::Released { unsettled } => {
                self.show_unsettled(unsettled);
                // Of a denied attempt and a lost lease nobody waits for the release.
                if self.show(Standing::Released) {
                    report.released(self.key.shown(), self.call, unsettled);
                }
            }
            Event::HandedOver { valid_until } => {
                self.show(Standing::HandedOver { token: self.machine.token(), valid_until });
                report.handed_over(self.key.shown(), self.call);
            }
        }
        None
    }

    /// Why the machine did not accept a round that came out so.
    fn shortfall(&self, tally: &Tally, report: &Report) -> Shortfall {
        // Two accounts of one round.
        debug_assert_eq!(self.outcomes.granted(), tally.done);
        let granted = tally.done.len() >= report.quorum;
        if granted { Shortfall::TooLate } else { Shortfall::NoQuorum }
    }

    fn deny(&mut self, votes: Arc<Votes>, report: &Report) -> Option<Ask> {
        let mut ask = self.ask.take()?;
        ask.attempts = ask.attempts.saturating_add(1);
        report.denied(self.key.shown(), self.call, ask.attempts, &votes);
        // Known to whoever gives up waiting, and nothing to wake anybody for.
        ask.handle.send_if_modified(|shown| {
            (shown.attempts, shown.votes) = (ask.attempts, Some(votes));
            false
        });
        Some(ask)
    }

    /// A renewal was not accepted, or left less than was asked for. The lease is held still.
    fn renewal_failed(&mut self, votes: Arc<Votes>, now: Micros, report: &Report) {
        self.failures = self.failures.saturating_add(1);
        let left = self.machine.valid_until().map_or(0, |end| end.since(now));
        let delay = renewal::backoff(self.plan.renew_retry, self.failures, left);
        self.renew_at = self.plan.renew_every.map(|_| now.plus(delay));
        self.hasten(now);
        self.show_votes(Some(Arc::clone(&votes)));
        self.answer_awaiting(|| Err(Some(Arc::clone(&votes))));
        report.renewal_failed(self.key.shown(), self.call, &votes);
    }

    /// The lease is over without having been asked for.
    pub(super) fn lose(&mut self, loss: Loss, report: &Report) {
        let held = self.machine.valid_until().is_some() || self.shown_end().is_some();
        if held && self.show(Standing::Lost(loss)) {
            let votes =
                self.ask.as_ref().and_then(|ask| ask.handle.look(|shown| shown.votes.clone()));
            report.lost(self.key.shown(), self.call, loss, votes.as_ref());
        }
        self.wanting.clear();
        self.answer_awaiting(|| Err(None));
    }

    /// Whether what is left of a lease is less than was asked for.
    fn falls_short(&self, left: Span) -> Option<Shortfall> {
        let minimum = self.plan.min_validity;
        (left < minimum).then(|| Shortfall::short(left, minimum))
    }

    /// Who asked for a renewal while another was under way does not wait for the timetable.
    fn hasten(&mut self, now: Micros) {
        if !self.wanting.is_empty() {
            self.renew_at = Some(now);
        }
    }

    fn schedule(&mut self, jitter: &mut Jitter) {
        let random = jitter.next();
        let every = self.plan.renew_every;
        self.renew_at = every.map(|every| renewal::due(self.outcomes.begun, every, random));
    }

    fn answer_awaiting(&mut self, answer: impl Fn() -> Extended) {
        for waiting in self.awaiting.drain(..) {
            // Whoever asked may have stopped waiting.
            let _ = waiting.send(answer());
        }
    }
}
