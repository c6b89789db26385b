//! The broken lifecycles as programs: a main task, a renewer task, and the scheduler between them.
//!
//! They are composed of the same rounds and the same formula as the shipped machine. What is
//! missing is the join: the renewer's *choosing* a tick, its *check* and its *send* are separate
//! steps, and the main task may cancel and release between any two of them.

use leasehold::protocol::{Answer, Command, NodeSet, Round, Rules, Verdict, validity};

use crate::action::Action;
use crate::effects::Report;
use crate::message::Value;
use crate::scope::{Lifecycle, Scope};
use crate::time::WorldTime;

mod symmetry;

use symmetry::Behind;

/// Where the main task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Main {
    /// Not begun.
    #[default]
    Idle,
    /// Waiting for the nodes.
    Acquiring,
    /// Doing the work that the lock protects.
    Working,
    /// The cancel flag is set; the release comes next, or after the sleep.
    Cancelled,
    /// The releases are sent.
    Unlocking,
    /// Every node has answered its release.
    Done,
}

/// Where the renewer task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Renewer {
    /// Not running, or gone.
    #[default]
    Off,
    /// Waiting for its ticker or the cancel flag.
    Waiting,
    /// It took the tick.
    Chosen,
    /// It has looked at the held flag (`double_check` only).
    Checked,
    /// A renewal is out.
    InFlight,
}

/// Both tasks of one client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Threaded<R, I> {
    rules: R,
    /// The main task.
    pub main: Main,
    /// The renewer task.
    pub renewer: Renewer,
    /// Whether the renewer is not scheduled although it could run.
    pub stalled: bool,
    /// The acquisition, or the renewal under way.
    pub round: Round<I>,
    /// The renewal under way, if it is of the lease before.
    behind: Behind<I>,
    /// The end of belief, as the program computes it.
    pub valid_until: I,
    /// The main task's next deadline.
    wake: I,
    /// The ticker's next tick.
    tick_at: I,
    /// Nodes with an extend that has not been answered.
    pending: NodeSet,
    /// Nodes with a release that has not been answered.
    owed: NodeSet,
}

/// What a task is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// The main task acquires.
    Start,
    /// The main task sets the cancel flag.
    Stop,
    /// The main task, or a round, has waited long enough.
    Timeout,
    /// The main task releases.
    Unlock,
    /// The renewer takes the tick.
    Choose,
    /// The renewer looks at the held flag.
    Check,
    /// The renewer sends the renewal.
    Send,
    /// The renewer sees the cancel flag and ends.
    Quit,
}

impl<R: Rules, I: WorldTime> Threaded<R, I> {
    /// Not begun.
    pub fn new(rules: R) -> Self {
        Threaded { rules, ..Threaded::default() }
    }

    /// Whether the program believes to hold the lock.
    pub fn believes(&self, now: I) -> bool {
        self.main == Main::Working && validity::believed(now, self.valid_until)
    }

    /// Whether the cancel flag is set.
    pub fn stopped(&self) -> bool {
        match self.main {
            Main::Cancelled | Main::Unlocking | Main::Done => true,
            Main::Idle | Main::Acquiring | Main::Working => false,
        }
    }

    /// Whether the releases are sent and the renewer is gone: only answers are missing.
    pub fn only_owes(&self) -> bool {
        matches!(self.main, Main::Unlocking | Main::Done) && self.renewer == Renewer::Off
    }

    /// Whether every release is answered.
    pub fn settled(&self) -> bool {
        self.main == Main::Done
    }

    fn may_start(&self) -> bool {
        let idle = matches!(self.main, Main::Idle | Main::Done);
        idle && self.renewer == Renewer::Off
    }

    /// Whether the next lease could begin with the renewer of this one still running.
    pub fn may_overlap(&self) -> bool {
        self.main == Main::Done && self.renewer != Renewer::Off
    }

    /// Whether it waits for answers to lease `of`, the present one being `generation`.
    pub fn awaits_lease(&self, of: u8, generation: u8) -> bool {
        of == generation || self.behind.0.is_open() && generation.checked_sub(of) == Some(1)
    }

    /// The renewal under way.
    fn renewal(&mut self) -> &mut Round<I> {
        if self.behind.0.is_open() { &mut self.behind.0 } else { &mut self.round }
    }

    fn tick_due(&self, now: I, renewals_left: u8) -> bool {
        self.renewer == Renewer::Waiting && renewals_left > 0 && self.tick_at <= now
    }

    /// Whether the scheduler may let a task make this move now. `Start` and `Stop` are the user's.
    pub fn may(&self, scope: &Scope, now: I, renewals_left: u8, wanted: Move) -> bool {
        let double_check = scope.lifecycle == Lifecycle::DoubleCheck;
        match wanted {
            Move::Start => self.may_start(),
            Move::Stop => self.main == Main::Working,
            Move::Timeout => self.timed_out(scope, now),
            Move::Unlock => self.unlocks(now),
            // The ticker may win the tie with the cancel flag.
            Move::Choose => self.tick_due(now, renewals_left),
            Move::Check => self.in_mid_step() && self.renewer == Renewer::Chosen && double_check,
            Move::Send => {
                let ready = if double_check { Renewer::Checked } else { Renewer::Chosen };
                self.in_mid_step() && self.renewer == ready
            }
            Move::Quit => self.quits(),
        }
    }

    /// Whether the renewer has taken a tick and could go on. A program has one round, and asks for
    /// one thing at a time.
    fn in_mid_step(&self) -> bool {
        let begun = matches!(self.renewer, Renewer::Chosen | Renewer::Checked);
        begun && self.main != Main::Acquiring
    }

    /// Whether a task must run before time passes: all but a stalled renewer.
    pub fn is_urgent(&self, scope: &Scope, now: I, renewals_left: u8) -> bool {
        self.timed_out(scope, now)
            || self.unlocks(now)
            || self.tick_due(now, renewals_left)
            || self.quits()
            || !self.stalled && self.in_mid_step()
    }

    fn timed_out(&self, scope: &Scope, now: I) -> bool {
        self.timeout(scope).is_some_and(|at| at <= now)
    }

    fn unlocks(&self, now: I) -> bool {
        self.main == Main::Cancelled && self.wake <= now
    }

    fn quits(&self) -> bool {
        self.renewer == Renewer::Waiting && self.stopped()
    }

    /// The next moment at which a task becomes urgent by itself.
    pub fn due(&self, scope: &Scope, renewals_left: u8) -> Option<I> {
        let main = if self.main == Main::Cancelled { Some(self.wake) } else { None };
        let waiting = self.renewer == Renewer::Waiting;
        let tick = if waiting && renewals_left > 0 { Some(self.tick_at) } else { None };
        [main, tick, self.timeout(scope)].into_iter().flatten().min()
    }

    /// When the round under way is given up, if ever.
    fn timeout(&self, scope: &Scope) -> Option<I> {
        match (self.main, self.renewer) {
            (Main::Acquiring, _) => Some(self.wake),
            (_, Renewer::InFlight) => {
                let round = if self.behind.0.is_open() { &self.behind.0 } else { &self.round };
                scope.settings().renewal_timeout.map(|after| round.t0.plus(after))
            }
            _ => None,
        }
    }

    /// Makes a move that [`may`](Self::may) be made.
    pub fn make(&mut self, scope: &Scope, now: I, value: Value, wanted: Move) -> Action<I> {
        let mut action = Action::nothing(value.generation());
        let everybody = NodeSet::all(scope.config.nodes());
        let settings = scope.config.settings();
        match wanted {
            Move::Start => {
                *self = self.left_behind();
                self.main = Main::Acquiring;
                self.round = Round::begin(now, scope.config.nodes(), everybody);
                self.wake = now.plus(settings.node_timeout);
                action.commands.set = everybody;
            }
            Move::Stop => {
                self.main = Main::Cancelled;
                let sleeps = scope.lifecycle == Lifecycle::Sleep;
                self.wake = now.plus(if sleeps { settings.renew_every } else { 0 });
                self.valid_until = I::default();
            }
            Move::Timeout if self.main == Main::Acquiring => self.deny(scope, &mut action),
            Move::Timeout => self.finish_renewal(scope, now, &mut action),
            Move::Unlock => self.release(everybody, &mut action),
            Move::Choose => self.renewer = Renewer::Chosen,
            // The held flag is cleared with the cancel flag.
            Move::Check if self.stopped() => self.renewer = Renewer::Waiting,
            Move::Check => self.renewer = Renewer::Checked,
            Move::Send => self.send_renewal(scope, now, &mut action),
            Move::Quit => self.renewer = Renewer::Off,
        }
        if matches!(wanted, Move::Check | Move::Send) {
            self.stalled = false;
        }
        action
    }

    /// What is left when the next lease begins: a renewer, if it still runs.
    fn left_behind(&self) -> Self {
        let Threaded { rules, renewer, stalled, tick_at, round, pending, .. } = *self;
        match renewer {
            Renewer::Off => Threaded::new(rules),
            Renewer::InFlight => {
                let left = Threaded { renewer, tick_at, pending, ..Threaded::new(rules) };
                Threaded { behind: Behind(round), ..left }
            }
            Renewer::Waiting | Renewer::Chosen | Renewer::Checked => {
                Threaded { renewer, stalled, tick_at, ..Threaded::new(rules) }
            }
        }
    }

    fn send_renewal(&mut self, scope: &Scope, now: I, action: &mut Action<I>) {
        let asked = NodeSet::all(scope.config.nodes()).without(self.pending);
        self.renewer = Renewer::InFlight;
        self.round = Round::begin(now, scope.config.nodes(), asked);
        self.pending = self.pending.or(asked);
        action.commands.extend = asked;
    }

    fn release(&mut self, nodes: NodeSet, action: &mut Action<I>) {
        self.main = Main::Unlocking;
        self.wake = I::default();
        self.owed = nodes;
        action.commands.release = nodes;
    }

    fn deny(&mut self, scope: &Scope, action: &mut Action<I>) {
        let taken = !self.round.tally.foreign.is_empty();
        self.round = Round::default();
        action.report = Some(Report::Denied { taken });
        self.release(NodeSet::all(scope.config.nodes()), action);
    }

    /// A node answered. Answers to rounds that are over are dropped.
    pub fn answer(
        &mut self,
        scope: &Scope,
        now: I,
        generation: u8,
        answered: (u8, Command, Answer),
    ) -> Action<I> {
        let mut action = Action::nothing(generation);
        let (node, command, answer) = answered;
        match command {
            Command::Set if self.main == Main::Acquiring && self.round.awaits(node) => {
                self.round.count(node, answer);
                self.judge_acquisition(scope, now, &mut action);
            }
            Command::Extend => {
                self.pending.remove(node);
                let in_flight = self.renewer == Renewer::InFlight;
                let round = self.renewal();
                if in_flight && round.awaits(node) {
                    round.count(node, answer);
                    // As in redsync, the renewal waits for every node.
                    if round.asked.without(round.tally.heard()).is_empty() {
                        self.finish_renewal(scope, now, &mut action);
                    }
                }
            }
            Command::Release => {
                self.owed.remove(node);
                if self.main == Main::Unlocking && self.owed.is_empty() {
                    self.main = Main::Done;
                    action.report = Some(Report::Released { unsettled: NodeSet::EMPTY });
                }
            }
            Command::Set | Command::Adopt | Command::Kill => {}
        }
        action
    }

    /// Whether an answer to `command` would change nothing, now or later.
    pub fn ignores(&self, command: Command, renewals_left: u8) -> bool {
        match command {
            Command::Set => self.main != Main::Acquiring,
            Command::Extend => self.renewer != Renewer::InFlight && renewals_left == 0,
            Command::Release | Command::Adopt | Command::Kill => false,
        }
    }

    /// A connection failed: its round counts an error, its release is never answered.
    pub fn reset(&mut self, scope: &Scope, now: I, generation: u8, node: u8) -> [Action<I>; 2] {
        let of = generation - u8::from(self.behind.0.is_open());
        let renews = self.main != Main::Acquiring || of != generation;
        let set = self.answer(scope, now, generation, (node, Command::Set, Answer::Unknown));
        if !renews {
            return [set, Action::nothing(of)];
        }
        [set, self.answer(scope, now, of, (node, Command::Extend, Answer::Unknown))]
    }

    fn judge_acquisition(&mut self, scope: &Scope, now: I, action: &mut Action<I>) {
        match self.round.verdict(self.rules.quorum(scope.config.nodes())) {
            Verdict::Pending => {}
            Verdict::Lost => self.deny(scope, action),
            Verdict::Won => {
                let t0 = self.round.t0;
                let until = self.rules.valid_until(&scope.config, t0, now);
                if !validity::believed(now, until) {
                    return self.deny(scope, action);
                }
                self.round = Round::default();
                self.main = Main::Working;
                self.wake = I::default();
                self.valid_until = until;
                if self.renewer == Renewer::Off {
                    self.renewer = Renewer::Waiting;
                    self.tick_at = now.plus(scope.config.settings().renew_every);
                }
                action.report = Some(Report::Acquired { valid_until: until });
            }
        }
    }

    /// The renewal is over: what redsync's `Extend` returns is what the user is told.
    fn finish_renewal(&mut self, scope: &Scope, now: I, action: &mut Action<I>) {
        if self.behind.0.is_open() {
            self.pending = NodeSet::EMPTY;
        }
        let round = std::mem::take(self.renewal());
        let quorum = self.rules.quorum(scope.config.nodes());
        let until = self.rules.valid_until(&scope.config, round.t0, now);
        self.renewer = Renewer::Waiting;
        self.tick_at = now.max(self.tick_at.plus(scope.config.settings().renew_every));
        let extended = round.verdict(quorum) == Verdict::Won && validity::believed(now, until);
        action.renewal_outcome = true;
        action.report = Some(if extended {
            if !self.stopped() {
                self.valid_until = until;
            }
            Report::Extended { valid_until: until }
        } else if round.disproves(scope.config.nodes(), quorum) {
            Report::AlreadyTaken
        } else {
            Report::RenewalFailed
        });
    }
}
