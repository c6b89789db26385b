//! The search: attempts, and the smallest schedule so far.

use leasehold_world::Trace;

use super::act::Manner;
use super::attempt::{Goal, Taken, Unit, attempt};
use super::schedule::Schedule;
use super::{keeps, sizes, steps, times};
use crate::cause::Cause;

/// What is being taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Steps.
    Steps,
    /// Time.
    Times,
    /// Clients and nodes.
    Sizes,
    /// What the constants allow beyond what is used.
    Constants,
    /// Steps once more, several at a time.
    Combinations,
}

impl Pass {
    /// Its name on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Pass::Steps => "steps",
            Pass::Times => "time",
            Pass::Sizes => "clients and nodes",
            Pass::Constants => "constants",
            Pass::Combinations => "several steps at once",
        }
    }
}

/// How far a search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being taken away.
    pub pass: Pass,
    /// How many schedules were taken again.
    pub attempts: u64,
    /// How many steps the smallest one has.
    pub steps: usize,
    /// How many clients.
    pub clients: usize,
    /// How many nodes.
    pub nodes: u8,
}

/// The search under way.
pub(super) struct Search<'a> {
    smallest: Schedule,
    unit: Unit,
    goal: Goal,
    cause: Option<Cause>,
    like: &'a Trace,
    progress: &'a mut dyn FnMut(&Progress) -> bool,
    pass: Pass,
    attempts: u64,
    stopped: bool,
}

impl<'a> Search<'a> {
    /// Nothing was tried yet.
    pub(super) fn new(
        whole: Schedule,
        unit: Unit,
        (goal, cause): (Goal, Option<Cause>),
        like: &'a Trace,
        progress: &'a mut dyn FnMut(&Progress) -> bool,
    ) -> Self {
        Search {
            smallest: whole,
            unit,
            goal,
            cause,
            like,
            progress,
            pass: Pass::Steps,
            attempts: 0,
            stopped: false,
        }
    }

    /// Takes away until nothing can be.
    pub(super) fn run(&mut self) {
        loop {
            let before = self.smallest.weight();
            for pass in [Pass::Steps, Pass::Times, Pass::Sizes, Pass::Constants] {
                self.enter(pass);
            }
            if self.smallest.weight() == before {
                // Costs most, so it is done last.
                self.enter(Pass::Combinations);
            }
            if self.stopped || self.smallest.weight() == before {
                return;
            }
        }
    }

    fn enter(&mut self, pass: Pass) {
        self.pass = pass;
        match pass {
            Pass::Steps => steps::chunks(self),
            Pass::Times => times::times(self),
            Pass::Sizes => sizes::sizes(self),
            Pass::Constants => sizes::constants(self),
            Pass::Combinations => {
                steps::combinations(self);
                sizes::other_constants(self);
            }
        }
    }

    /// The smallest schedule so far.
    pub(super) fn smallest(&self) -> &Schedule {
        &self.smallest
    }

    /// The same, for good.
    pub(super) fn into_smallest(self) -> Schedule {
        self.smallest
    }

    /// How many schedules were taken again.
    pub(super) fn attempts(&self) -> u64 {
        self.attempts
    }

    /// Whether it was not stopped.
    pub(super) fn finished(&self) -> bool {
        !self.stopped
    }

    /// The unit of time.
    pub(super) fn unit(&self) -> Unit {
        self.unit
    }

    /// Takes the smallest schedule once more, to see what it leaves of the budgets.
    pub(super) fn retake(&self) -> Option<Taken> {
        attempt(&self.smallest, self.unit, self.goal, Manner::Verbatim)
    }

    /// Adopts `candidate`, or what can be taken of it, if it is simpler than the smallest one and
    /// shows the same failure.
    pub(super) fn tries(&mut self, candidate: &Schedule) -> bool {
        let manners: &[Manner] = match self.unit {
            Unit::Ticks => &[Manner::Named, Manner::Verbatim],
            Unit::Micros => &[Manner::Named, Manner::Elastic, Manner::Verbatim],
        };
        manners.iter().any(|&manner| self.tries_by(candidate, manner, |_| true))
    }

    /// The same, if deadlines move with the constants and it takes fewer steps.
    pub(super) fn tries_for_fewer_steps(&mut self, candidate: &Schedule) -> bool {
        let most = self.smallest.acts.len();
        self.tries_by(candidate, Manner::Elastic, |simpler| simpler.acts.len() < most)
    }

    fn tries_by(
        &mut self,
        candidate: &Schedule,
        manner: Manner,
        suits: impl Fn(&Schedule) -> bool,
    ) -> bool {
        let progress = Progress {
            pass: self.pass,
            attempts: self.attempts,
            steps: self.smallest.acts.len(),
            clients: self.smallest.scope.clients(),
            nodes: self.smallest.scope.config.nodes(),
        };
        self.stopped = self.stopped || !(self.progress)(&progress);
        if self.stopped {
            return false;
        }
        self.attempts += 1;
        let Some(taken) = attempt(candidate, self.unit, self.goal, manner) else { return false };
        let simpler = Schedule { scope: candidate.scope.clone(), acts: taken.acts };
        if simpler.weight() >= self.smallest.weight()
            || !suits(&simpler)
            || !self.keeps_cause(&simpler)
        {
            return false;
        }
        self.smallest = simpler;
        true
    }

    fn keeps_cause(&self, schedule: &Schedule) -> bool {
        let trace = schedule.trace(self.unit, self.like);
        let told = keeps::told_last(&trace);
        told.is_ok_and(|told| told.map(|told| told.cause) == self.cause)
    }
}
