//! One setting, measured: run after run until leases were held for long enough.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use leasehold_world::ScopeError;

use super::{HOUR, Rate, Setting, Situation};
use crate::agenda::Agenda;
use crate::counts::Told;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::simulate_plan_in;
use crate::tenure::Tenure;

/// So many runs are begun together; more would be no faster, and the result must not depend on the
/// number of threads.
const BATCH: u64 = 4;
/// So many losses are enough to know how often there is one.
const ENOUGH_LOSSES: u64 = 2_000;
/// So many runs more than those needed are made if leases are not held for most of the time.
const EXTRA_RUNS: u64 = 4 * BATCH;

/// How a measurement is made, and who may end it.
pub struct Control<'a> {
    /// On how many threads. The result does not depend on it.
    pub threads: usize,
    /// The seed of the first run; those of the others follow.
    pub seed: u64,
    /// Asked now and then: whether to go on.
    pub go_on: &'a (dyn Fn() -> bool + Sync),
    /// Told beforehand for how long leases will be held in all that is to come, in microseconds.
    pub expect: &'a dyn Fn(u64),
    /// Told after each run for how long leases were held in it, in microseconds.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// What came of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The setting.
    pub setting: Setting,
    /// How long leases were held, and how many were lost.
    pub tenure: Tenure,
    /// How many runs were made.
    pub runs: u64,
    /// In how many of them a claim was broken: only if an assumption fails.
    pub runs_broken: u64,
    /// How many renewals failed, of all that were tried.
    pub renewals_failed: u64,
    /// Whether it was stopped before its end.
    pub truncated: bool,
}

impl Measured {
    /// Nothing yet.
    pub fn new(setting: Setting) -> Measured {
        Measured {
            setting,
            tenure: Tenure::default(),
            runs: 0,
            runs_broken: 0,
            renewals_failed: 0,
            truncated: false,
        }
    }

    /// For how long leases were held, in hours.
    pub fn hours(&self) -> f64 {
        self.tenure.held_us as f64 / HOUR as f64
    }

    /// How many leases are lost in an hour of holding.
    pub fn rate(&self) -> Rate {
        Rate::of(self.tenure.losses, self.hours())
    }

    /// How many renewals fail in an hour of holding.
    pub fn failing_per_hour(&self) -> f64 {
        self.renewals_failed as f64 / self.hours()
    }

    /// Goes on until leases were held for `held_us` in all, or enough of them were lost.
    ///
    /// # Errors
    /// A setting that the protocol refuses.
    pub fn until(
        &mut self,
        held_us: u64,
        situation: &Situation,
        control: &Control<'_>,
    ) -> Result<(), ScopeError> {
        let plan = situation.plan(&self.setting, control.seed)?;
        let length = plan.heal_after.max(1).unsigned_abs();
        let most_runs = (2 * (held_us / length)).saturating_add(EXTRA_RUNS);
        self.truncated = false;
        while self.tenure.held_us < held_us
            && self.tenure.losses < ENOUGH_LOSSES
            && self.runs < most_runs
        {
            let seeds = (0..BATCH).map(|run| control.seed.wrapping_add(self.runs + run));
            let plans: Result<Vec<Plan>, ScopeError> =
                seeds.map(|seed| situation.plan(&self.setting, seed)).collect();
            let outcomes = run_all(&plans?, control);
            self.truncated = outcomes.len() < BATCH as usize;
            outcomes.iter().for_each(|outcome| self.note(outcome));
            if self.truncated {
                break;
            }
        }
        Ok(())
    }

    fn note(&mut self, outcome: &Outcome) {
        self.runs += 1;
        self.tenure.add(&outcome.tenure);
        self.runs_broken += u64::from(outcome.broken.is_some());
        self.renewals_failed += outcome.counts.told(Told::RenewalFailed);
    }
}

/// Runs the plans on several threads. The outcomes are those of the first of them, in order; of
/// all, unless it was stopped.
fn run_all(plans: &[Plan], control: &Control<'_>) -> Vec<Outcome> {
    let next = AtomicU64::new(0);
    let outcomes: Mutex<Vec<Option<Outcome>>> = Mutex::new(vec![None; plans.len()]);
    let work = || {
        let mut agenda = Agenda::default();
        while (control.go_on)() {
            let index = next.fetch_add(1, Ordering::Relaxed) as usize;
            let Some(plan) = plans.get(index) else { break };
            let outcome = simulate_plan_in(plan, &mut agenda);
            (control.progress)(outcome.tenure.held_us);
            outcomes.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(outcome);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..control.threads.min(plans.len()) {
            scope.spawn(work);
        }
        work();
    });
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.into_iter().map_while(|outcome| outcome).collect()
}

/// Hours as the microseconds that are counted.
pub fn hours_us(hours: f64) -> u64 {
    (hours.max(0.0) * HOUR as f64) as u64
}
