//! The shipped lifecycle as a program: the library's own machine, and the user above it.

use std::hash::{Hash, Hasher};

use leasehold::protocol::{
    Answer, Command, Config, Event, Input, Lease, LossCause, Moment, NodeSet, Phase, Rules, Span,
    Timer,
};

use crate::action::Action;
use crate::effects::Report;
use crate::message::Value;
use crate::time::WorldTime;

/// The present lease, and the one before it as long as it owes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Joined<R, I> {
    /// The present lease.
    pub lease: Lease<R, I, Value>,
    /// The one before it: only its debts matter.
    pub previous: Lease<R, I, Value>,
}

/// Mostly there is no previous lease that owes anything, and then nothing of it is hashed.
impl<R: Hash, I: Hash> Hash for Joined<R, I> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.lease.hash(state);
        let owes = self.previous.phase() != Phase::Idle;
        state.write_u8(owes.into());
        if owes {
            self.previous.hash(state);
        }
    }
}

impl<R: Rules, I: WorldTime> Joined<R, I> {
    /// Nothing asked yet.
    pub fn new(rules: R) -> Self {
        Joined { lease: Lease::new(rules), previous: Lease::new(rules) }
    }

    /// Whether another lease may be started: the present one is over, and the one before it is
    /// paid off.
    pub fn may_start(&self) -> bool {
        let over = self.lease.phase() == Phase::Idle || self.only_owes();
        over && self.previous.is_settled()
    }

    /// Whether the user may stop it: a lease that is held, or also one being acquired if that may
    /// be cancelled.
    pub fn may_stop(&self, may_cancel: bool) -> bool {
        let undecided = matches!(self.lease.phase(), Phase::Acquiring | Phase::HandingOver);
        self.held() || may_cancel && undecided
    }

    /// Whether the stop was accepted.
    pub fn stopped(&self) -> bool {
        match self.lease.phase() {
            Phase::Stopping
            | Phase::Draining
            | Phase::Releasing
            | Phase::Released
            | Phase::HandingOver
            | Phase::HandedOver => true,
            Phase::Idle | Phase::Acquiring | Phase::Held | Phase::Lost => false,
        }
    }

    /// Whether the end has been reported and only debts remain.
    pub fn only_owes(&self) -> bool {
        self.lease.phase().is_over()
    }

    /// Whether the user waits for the release, or for the lease to be handed over.
    pub fn releasing(&self) -> bool {
        match self.lease.phase() {
            Phase::Stopping | Phase::Draining | Phase::Releasing | Phase::HandingOver => true,
            Phase::Idle
            | Phase::Acquiring
            | Phase::Held
            | Phase::Released
            | Phase::Lost
            | Phase::HandedOver => false,
        }
    }

    /// Whether lease `generation`, where `present` is the present one, is over with every release
    /// acknowledged.
    pub fn settled(&self, generation: u8, present: u8) -> bool {
        let (lease, forgotten) = match present.saturating_sub(generation) {
            0 => (&self.lease, false),
            1 => (&self.previous, self.previous.phase() == Phase::Idle),
            // A third lease starts only when the first one is paid off.
            _ => return true,
        };
        forgotten || lease.phase().pays_debts() && lease.owed().is_empty()
    }

    /// When the machine wants to be woken. Without renewals left, a renewal is not a reason.
    pub fn due(&self, renewals_left: u8) -> Option<I> {
        match self.lease.deadline()? {
            (_, Timer::Renew) if renewals_left == 0 => self.lease.valid_until(),
            (at, _) => Some(at),
        }
    }

    /// Whether the present lease is held, so that it may believe now or later.
    pub fn held(&self) -> bool {
        self.lease.phase() == Phase::Held
    }

    /// The token that the present lease took over or tries to, if it began with an adoption.
    pub fn adopted(&self) -> Option<Value> {
        self.lease.adopted()
    }

    /// Whether the present lease tries to take over another.
    pub fn adopting(&self) -> bool {
        self.lease.phase() == Phase::Acquiring && self.adopted().is_some()
    }

    /// The token that lease `generation` compares with in its adoption, where `present` is the
    /// present one; none if it began with none.
    pub(crate) fn adopted_by(&self, generation: u8, present: u8) -> Value {
        let lease = if generation == present { &self.lease } else { &self.previous };
        lease.adopted().unwrap_or(Value::NONE)
    }

    /// The same leases with every moment moved by `by`, and none before `oldest`.
    #[must_use]
    pub fn shift(self, by: Span, oldest: I) -> Self {
        let mut joined = self;
        joined.lease = self.lease.shift(by, oldest);
        if self.previous.phase() != Phase::Idle {
            joined.previous = self.previous.shift(by, oldest);
        }
        joined
    }

    /// The same leases with the nodes renamed.
    #[must_use]
    pub fn permute(self, order: &[u8]) -> Self {
        let mut joined = self;
        joined.lease = self.lease.permute(order);
        if self.previous.phase() != Phase::Idle {
            joined.previous = self.previous.permute(order);
        }
        joined
    }

    /// The same leases, without the previous one if nobody asks for it any more.
    #[must_use]
    pub fn without_dead(mut self) -> Self {
        if self.previous.phase() != Phase::Idle && self.previous.is_settled() {
            self.previous = self.previous.anew();
        }
        self
    }

    /// The same leases of a client with another number.
    #[must_use]
    pub fn relabel(self, client: u8) -> Self {
        let renamed = |lease: Lease<R, I, Value>| lease.relabel(lease.token().relabel(client));
        Joined { lease: renamed(self.lease), previous: renamed(self.previous) }
    }

    /// All that both leases know of one node, as bits.
    pub fn view_of(&self, node: u8) -> u32 {
        u32::from(self.lease.view_of(node)) << 16 | u32::from(self.previous.view_of(node))
    }

    /// Hands one input to the lease it concerns.
    pub fn handle(
        &mut self,
        config: &Config,
        moment: Moment<I>,
        input: Input<Value>,
        generation: u8,
        previous: bool,
    ) -> Action<I> {
        let lease = if previous { &mut self.previous } else { &mut self.lease };
        let held = lease.phase() == Phase::Held;
        let expired = held && !lease.believes(moment.now);
        let output = lease.handle(config, moment, input);
        let lost = matches!(output.event, Some(Event::Lost(_)));
        Action {
            generation,
            commands: output.commands,
            report: output.event.map(report),
            renewal_outcome: matches!(
                output.event,
                Some(Event::Extended { .. } | Event::RenewalFailed(_))
            ),
            late_loss: expired && output.event.is_some() && !lost,
        }
    }

    /// Starts the next lease, by an adoption if there is something to adopt; the present one
    /// becomes the previous.
    pub fn start(
        &mut self,
        config: &Config,
        moment: Moment<I>,
        rules: R,
        (value, adopted): (Value, Option<Value>),
    ) -> Action<I> {
        self.previous = self.lease;
        self.lease = Lease::new(rules);
        let input = match adopted {
            None => Input::Start(value),
            Some(from) => Input::Adopt { token: value, from },
        };
        self.handle(config, moment, input, value.generation(), false)
    }

    /// A connection failed or came back: both leases are told.
    pub fn link_changed(
        &mut self,
        config: &Config,
        moment: Moment<I>,
        input: Input<Value>,
        generation: u8,
    ) -> [Action<I>; 2] {
        let previous = self.handle(config, moment, input, generation.saturating_sub(1), true);
        let mut present = self.handle(config, moment, input, generation, false);
        // One connection, one KILL: it goes first and answers for both leases.
        present.commands.kill = present.commands.kill.without(previous.commands.kill);
        [previous, present]
    }

    /// The answer to a KILL concerns both leases; any other only its own.
    pub fn answer(
        &mut self,
        config: &Config,
        moment: Moment<I>,
        answered: (u8, Command, Answer),
        of: u8,
        generation: u8,
    ) -> [Action<I>; 2] {
        let (node, command, answer) = answered;
        let input = Input::Answer { node, command, answer };
        let mut actions =
            [Action::nothing(generation.saturating_sub(1)), Action::nothing(generation)];
        let to_both = command == Command::Kill;
        if to_both || generation.checked_sub(of) == Some(1) {
            actions[0] = self.handle(config, moment, input, generation.saturating_sub(1), true);
            actions[0].report = None;
        }
        if to_both || of == generation {
            actions[1] = self.handle(config, moment, input, generation, false);
        }
        actions
    }
}

/// An event of the library's machine as the world reports it.
pub(crate) fn report<I>(event: Event<I>) -> Report<I> {
    match event {
        Event::Acquired { valid_until } => Report::Acquired { valid_until },
        Event::Denied(tally) => Report::Denied { taken: tally.foreign != NodeSet::EMPTY },
        Event::Extended { valid_until } => Report::Extended { valid_until },
        Event::RenewalFailed(_) => Report::RenewalFailed,
        Event::Lost(cause) => Report::Lost(cause),
        Event::Released { unsettled } => Report::Released { unsettled },
        Event::HandedOver { valid_until } => Report::HandedOver { valid_until },
    }
}

/// Whether a report claims that somebody else has the lock.
pub fn claims_taken<I>(report: &Report<I>) -> bool {
    match report {
        Report::AlreadyTaken | Report::Lost(LossCause::Taken) | Report::Denied { taken: true } => {
            true
        }
        Report::Acquired { .. }
        | Report::Denied { taken: false }
        | Report::Extended { .. }
        | Report::RenewalFailed
        | Report::Lost(LossCause::Expired | LossCause::Gone)
        | Report::Released { .. }
        | Report::HandedOver { .. } => false,
    }
}
