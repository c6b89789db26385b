//! One lease from the first `SET` to the last acknowledged release.
//!
//! ```text
//! Idle -> Acquiring -> Held <-> (a renewal round is open)
//!             |          |  `--> Lost              final, told at `valid_until` at the latest
//!             |          v
//!             |       Stopping                     belief has ended, and nothing is sent any
//!             |          v                         more but releases
//!             |       Draining -> Releasing
//!             |                       v
//!             `- denied ---------> Released
//! ```
//!
//! In place of its release it may be handed over to another process (see `hand_over.rs`):
//!
//! ```text
//! Held -> HandingOver -> HandedOver        belief has ended, and nothing is sent any more
//!              `--> Draining -> ...        if that takes too long
//! Idle -> Acquiring -> Held                the adopter, by a round of its own
//! ```
//!
//! A lease has one token and never another, so no command of one lease can touch the next one.
//! Whatever its phase, it keeps two debts until they are paid: commands that may still run
//! ([`Lease::unresolved`]) and releases that no node has acknowledged yet ([`Lease::owed`]).

use super::answer::Command;
use super::config::{Config, Extend};
use super::instant::Instant;
use super::nodes::NodeSet;
use super::round::{Round, Verdict};
use super::rules::{Rules, Sound};

mod answers;
mod hand_over;
mod interface;
mod release;
mod symmetry;

pub use interface::{Commands, Event, Input, LossCause, Moment, Output, Phase, Timer};

/// One lease. `R` are its [`Rules`], `I` its clock, `V` its token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lease<R, I, V> {
    rules: R,
    phase: Phase,
    token: V,
    /// The end of belief while [`Phase::Held`].
    valid_until: I,
    /// The next deadline of the phase, other than the end of belief.
    wake: I,
    /// The acquisition, or the renewal under way.
    round: Round<I>,
    /// Nodes with a `SET` or an extend of this lease that may still run.
    pending: NodeSet,
    /// Of these, nodes where it was sent on a connection that has failed since.
    stray: NodeSet,
    /// Nodes that may store the token and have not acknowledged a release.
    owed: NodeSet,
    /// Of these, nodes with a release under way on the present connection.
    releasing: NodeSet,
    /// The token it took over, if it began with an adoption.
    adopted: Option<V>,
}

/// The lease that ships.
pub type SoundLease<I, V> = Lease<Sound, I, V>;

/// Whose turn it is to build an [`Output`]: the configuration, the moment, and what was said.
struct Step<'a, I> {
    config: &'a Config,
    moment: Moment<I>,
    output: Output<I>,
}

impl<R, I, V> Lease<R, I, V> {
    /// Where it is in its life.
    #[inline]
    pub fn phase(&self) -> Phase {
        self.phase
    }
}

impl<R: Rules, I: Instant, V: Copy> Lease<R, I, V> {
    /// A lease in [`Phase::Idle`].
    pub fn new(rules: R) -> Self
    where
        V: Default,
    {
        Lease { rules, ..Lease::default() }
    }

    /// Another lease, under the same rules.
    #[must_use]
    pub fn anew(&self) -> Self
    where
        V: Default,
    {
        Lease::new(self.rules)
    }

    /// Its token, once started.
    pub fn token(&self) -> V {
        self.token
    }

    /// Whether the holder may believe at `now` that it holds the lock.
    pub fn believes(&self, now: I) -> bool {
        let gives = matches!(self.phase, Phase::HandingOver | Phase::HandedOver);
        let believing = self.phase == Phase::Held || gives && self.rules.believes_after_hand_over();
        believing && self.rules.believed(now, self.valid_until)
    }

    /// The end of belief, while held.
    pub fn valid_until(&self) -> Option<I> {
        (self.phase == Phase::Held).then_some(self.valid_until)
    }

    /// The token that it took over, or tries to, if it began with [`Input::Adopt`]: what
    /// [`Command::Adopt`] compares with.
    pub fn adopted(&self) -> Option<V> {
        self.adopted
    }

    /// Nodes with a command of this lease, other than a release, that may still run.
    pub fn unresolved(&self) -> NodeSet {
        self.pending
    }

    /// Nodes that may store the token and have not acknowledged a release.
    pub fn owed(&self) -> NodeSet {
        self.owed
    }

    /// Whether a renewal is under way.
    pub fn renewing(&self) -> bool {
        self.phase == Phase::Held && self.round.is_open()
    }

    /// Whether the lease is over and owes nothing: it can be forgotten.
    pub fn is_settled(&self) -> bool {
        let over = self.phase == Phase::Idle || self.phase.is_over();
        over && self.owed.is_empty() && self.pending.is_empty()
    }

    /// The next moment at which the machine wants [`Input::Tick`], and why.
    pub fn deadline(&self) -> Option<(I, Timer)> {
        match self.phase {
            Phase::Idle | Phase::Released | Phase::Lost | Phase::HandedOver => None,
            Phase::Acquiring => Some((self.wake, Timer::AttemptTimeout)),
            Phase::Held if self.expires_first() => Some((self.valid_until, Timer::Expiry)),
            Phase::Held if self.round.is_open() => Some((self.wake, Timer::RenewalTimeout)),
            Phase::Held => Some((self.wake, Timer::Renew)),
            Phase::Stopping => Some((self.wake, Timer::Release)),
            Phase::Draining | Phase::Releasing => Some((self.wake, Timer::ReleaseTimeout)),
            Phase::HandingOver => Some((self.wake, Timer::HandOverTimeout)),
        }
    }

    fn expires_first(&self) -> bool {
        self.rules.wakes_at_expiry()
            && self.valid_until <= self.wake
            && self.rules.expired(self.valid_until, self.valid_until, self.round.is_open())
    }

    /// One step: takes one input at one moment, and says what to send and what to tell.
    pub fn handle(&mut self, config: &Config, moment: Moment<I>, input: Input<V>) -> Output<I> {
        let mut step = Step { config, moment, output: Output::NOTHING };
        // Before anything else: an answer or a stop that comes too late finds the lease lost.
        if self.phase == Phase::Held
            && self.rules.expired(moment.now, self.valid_until, self.round.is_open())
        {
            self.lose(&mut step, LossCause::Expired);
        }
        match input {
            Input::Start(token) => self.start(&mut step, token, None),
            Input::Adopt { token, from } => self.start(&mut step, token, Some(from)),
            Input::Answer { node, command, answer } => match command {
                Command::Set | Command::Adopt | Command::Extend => {
                    self.resolve(&mut step, node, command, answer);
                }
                Command::Release => self.acknowledge(&mut step, node, answer),
                Command::Kill => self.killed(&mut step, node, answer),
            },
            Input::Tick => self.tick(&mut step),
            Input::Stop => self.stop(&mut step),
            Input::HandOver => self.hand_over(&mut step),
            Input::Reset { node } => self.reset(&mut step, node),
            Input::Connected { node, new_process } => {
                self.connected(&mut step, node, new_process);
            }
        }
        step.output
    }

    // ---- acquire -----------------------------------------------------------------------------

    fn start(&mut self, step: &mut Step<'_, I>, token: V, adopted: Option<V>) {
        if self.phase != Phase::Idle {
            return;
        }
        (self.token, self.adopted) = (token, adopted);
        self.phase = Phase::Acquiring;
        let adopts = adopted.is_some();
        self.ask(step, if adopts { Command::Adopt } else { Command::Set });
        if adopts && self.rules.adopts_on_trust() {
            return self.win(step);
        }
        self.judge(step);
    }

    /// Begins a round. `t0` is the moment of this step, before anything of it is sent.
    fn ask(&mut self, step: &mut Step<'_, I>, command: Command) {
        let config = step.config;
        let now = step.moment.now;
        // At most one command per lease and node is ever pending: a node whose earlier one is
        // still open is skipped. So is a node that may have lost its memory.
        let open = self.pending.or(step.moment.guarded);
        let asked = NodeSet::all(config.nodes()).and(step.moment.reachable).without(open);
        self.round = Round::begin(now, config.nodes(), asked);
        self.pending = self.pending.or(asked);
        self.wake = now.plus(config.settings().node_timeout);
        match command {
            Command::Set => step.output.commands.set = asked,
            Command::Adopt => step.output.commands.adopt = asked,
            Command::Extend | Command::Release | Command::Kill => {
                step.output.commands.extend = asked;
            }
        }
        if command != Command::Extend || config.extend() == Extend::TouchOrSet {
            self.owed = self.owed.or(asked);
        }
    }

    /// Looks at the round under way and acts on its verdict.
    fn judge(&mut self, step: &mut Step<'_, I>) {
        let verdict = self.round.verdict(self.rules.quorum(step.config.nodes()));
        match (self.phase, verdict) {
            (Phase::Acquiring | Phase::Held, Verdict::Won) => self.win(step),
            (Phase::Acquiring, Verdict::Lost) => self.deny(step),
            (Phase::Held, Verdict::Lost) => self.fail_renewal(step),
            _ => {}
        }
    }

    /// A quorum agreed. It counts only if what is left of the lease, from before the first send,
    /// is not over already.
    fn win(&mut self, step: &mut Step<'_, I>) {
        let now = step.moment.now;
        let t0 = self.round.t0;
        let until = self.rules.valid_until(step.config, t0, now);
        let acquiring = self.phase == Phase::Acquiring;
        let missing = self.round.tally.missing;
        if !self.rules.believed(now, until) {
            return if acquiring { self.deny(step) } else { self.fail_renewal(step) };
        }
        self.valid_until = if acquiring { until } else { self.valid_until.max(until) };
        self.phase = Phase::Held;
        self.round = Round::default();
        self.wake = t0.plus(step.config.settings().renew_every);
        let valid_until = self.valid_until;
        step.output.event = Some(if acquiring {
            Event::Acquired { valid_until }
        } else {
            Event::Extended { valid_until }
        });
        if !acquiring && step.config.settings().repair {
            self.repair(step, missing);
        }
    }

    /// Sets the key anew at nodes that had lost it when a quorum extended it: else a rolling
    /// restart, one node at a time, ends every long lease. What is set counts in later rounds only.
    fn repair(&mut self, step: &mut Step<'_, I>, missing: NodeSet) {
        let nodes = missing.and(step.moment.reachable).without(self.pending);
        self.pending = self.pending.or(nodes);
        self.owed = self.owed.or(nodes);
        step.output.commands.set = nodes;
    }

    /// The nodes had their time. Those that have not answered may still store the token, so their
    /// release is owed like any other.
    fn give_up(&mut self, step: &mut Step<'_, I>) {
        if self.rules.silence_is_no() {
            self.owed = self.owed.without(self.pending);
            self.pending = NodeSet::EMPTY;
        }
        self.deny(step);
    }

    fn deny(&mut self, step: &mut Step<'_, I>) {
        step.output.event = Some(Event::Denied(self.round.tally));
        self.end(Phase::Released);
        self.send_releases(step);
    }

    // ---- hold --------------------------------------------------------------------------------

    fn fail_renewal(&mut self, step: &mut Step<'_, I>) {
        let tally = self.round.tally;
        let quorum = self.rules.quorum(step.config.nodes());
        if self.round.disproves(step.config.nodes(), quorum) {
            let taken = !tally.foreign.is_empty();
            self.lose(step, if taken { LossCause::Taken } else { LossCause::Gone });
            return;
        }
        self.round = Round::default();
        self.wake = step.moment.now.plus(step.config.settings().renew_retry);
        step.output.event = Some(Event::RenewalFailed(tally));
    }

    fn lose(&mut self, step: &mut Step<'_, I>, cause: LossCause) {
        step.output.event = Some(Event::Lost(cause));
        self.end(Phase::Lost);
        self.send_releases(step);
    }

    /// Ends belief and every round; `wake` is forgotten, debts are not.
    fn end(&mut self, phase: Phase) {
        self.phase = phase;
        self.round = Round::default();
        self.valid_until = I::default();
        self.wake = I::default();
    }

    fn tick(&mut self, step: &mut Step<'_, I>) {
        let due = self.deadline().is_some_and(|(at, _)| at <= step.moment.now);
        if !due {
            return;
        }
        match self.phase {
            Phase::Idle | Phase::Released | Phase::Lost | Phase::HandedOver => {}
            Phase::Acquiring => self.give_up(step),
            Phase::Held if self.round.is_open() => self.fail_renewal(step),
            Phase::Held => {
                self.ask(step, Command::Extend);
                self.judge(step);
            }
            Phase::Stopping => {
                if self.rules.renews_while_stopping() {
                    self.ask(step, Command::Extend);
                }
                self.begin_release(step);
            }
            Phase::Draining | Phase::Releasing => self.report_released(step),
            Phase::HandingOver => self.begin_release(step),
        }
    }

    // ---- stop, drain, release ----------------------------------------------------------------

    fn stop(&mut self, step: &mut Step<'_, I>) {
        match self.phase {
            Phase::Held => {
                self.end(Phase::Stopping);
                self.wake = step.moment.now;
            }
            Phase::Acquiring | Phase::HandingOver => self.begin_release(step),
            Phase::Idle => self.phase = Phase::Released,
            Phase::Stopping
            | Phase::Draining
            | Phase::Releasing
            | Phase::Released
            | Phase::Lost
            | Phase::HandedOver => {}
        }
    }
}
