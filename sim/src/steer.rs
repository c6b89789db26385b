//! Steering: a search among plans for the least slack.
//!
//! Plain seeds are thrown at random, and few of them come near the end of a belief while somebody
//! else wants the lock. Here the plans that came nearest are kept, changed a little, and
//! run again. What is changed stays within what the profile assumes, so under the shipped rules no
//! slack is below zero, however long the search; under a broken rule some are.
//!
//! Each run of a search has a seed of its own, and what is changed is drawn from it. All runs of
//! one round start from what was kept when the round began, so the result does not depend on the
//! number of threads.

mod change;

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use leasehold_world::{CLAIMS, Claim};

use crate::agenda::Agenda;
use crate::draw::Draw;
use crate::of_every_key;
use crate::options::Options;
use crate::outcome::Outcome;
use crate::plan::Plan;

/// How many plans are run in a round.
const ROUND: u64 = 16;
/// How many plans are kept for their slack, and as many for their spare.
const KEPT: usize = 4;
/// How often a plan is not a change of one that was kept but that of a seed.
const FRESH_PPM: u32 = 125_000;

/// A run that a search came upon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steered {
    /// The how manieth run of the search it was, counted from 1.
    pub run: u64,
    /// Its plan: with [`simulate_plan`](crate::simulate_plan) it can be run again.
    pub plan: Plan,
    /// Its [slack](Outcome::slack_ns).
    pub slack_ns: Option<i64>,
    /// Its [spare](Outcome::spare_ns).
    pub spare_ns: Option<i64>,
}

/// The first run that broke a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The claim.
    pub claim: Claim,
    /// The run. [`record_plan_breaking`](crate::record_plan_breaking) shows how.
    pub by: Steered,
}

/// What plans are kept for.
type Measure = fn(&Steered) -> Option<i64>;

/// What was reached after so many rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// How many rounds.
    pub rounds: u64,
    /// How many runs they had.
    pub runs: u64,
    /// The least slack so far.
    pub slack_ns: Option<i64>,
    /// The least spare so far.
    pub spare_ns: Option<i64>,
}

/// What came of a search.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// The last round.
    pub last: Round,
    /// The first round, and every other one that came nearer than all before.
    pub nearer: Vec<Round>,
    /// The run with the least slack.
    pub least_slack: Option<Steered>,
    /// The run with the least spare.
    pub least_spare: Option<Steered>,
    /// The claims that were broken, each with the first run that did, in the order of the runs.
    pub found: Vec<Found>,
    /// Whether it was stopped before its end.
    pub truncated: bool,
}

impl Search {
    /// How many runs were made.
    pub fn runs(&self) -> u64 {
        self.last.runs
    }

    /// The run in which two clients believed at once, with which the search has ended.
    pub fn overlap(&self) -> Option<&Steered> {
        self.least_slack.as_ref().filter(|run| run.slack_ns.is_some_and(|slack| slack < 0))
    }

    fn note(&mut self, run: &Steered, outcome: &Outcome) {
        for claim in CLAIMS.into_iter().filter(|&claim| outcome.counts.broken(claim) > 0) {
            if self.found.iter().all(|found| found.claim != claim) {
                self.found.push(Found { claim, by: run.clone() });
            }
        }
        self.last.runs = run.run;
        let Round { slack_ns, spare_ns, .. } = &mut self.last;
        let less = |new: Option<i64>, old: Option<i64>| {
            new.is_some_and(|new| old.is_none_or(|old| new < old))
        };
        if less(run.slack_ns, *slack_ns) {
            (*slack_ns, self.least_slack) = (run.slack_ns, Some(run.clone()));
        }
        if less(run.spare_ns, *spare_ns) {
            (*spare_ns, self.least_spare) = (run.spare_ns, Some(run.clone()));
        }
    }

    /// A round is over.
    fn end_round(&mut self) {
        self.last.rounds += 1;
        let reached = |round: &Round| (round.slack_ns, round.spare_ns);
        if self.nearer.last().map(reached) != Some(reached(&self.last)) {
            self.nearer.push(self.last);
        }
    }
}

/// Searches with as many runs as there are seeds, or until a round in which two clients believe at
/// once. The first round is of the first seeds as they are. `progress` is told of each round. When
/// `stop` becomes true, the runs that have begun are the last: they are those with which a search
/// of so many seeds begins.
pub fn steer(
    seeds: Range<u64>,
    options: &Options,
    threads: usize,
    progress: &dyn Fn(&Round),
    stop: &AtomicBool,
) -> Search {
    let mut search = Search::default();
    let mut kept = Kept::default();
    let most = seeds.end.saturating_sub(seeds.start);
    while search.runs() < most && search.overlap().is_none() {
        let before = search.runs();
        let plans: Vec<Plan> = (before..most.min(before + ROUND))
            .map(|run| {
                let seed = seeds.start + run;
                if before == 0 { fresh(seed, options) } else { kept.changed(seed, options) }
            })
            .collect();
        let wanted = plans.len();
        let outcomes = run_all(plans, threads, stop);
        search.truncated = outcomes.len() < wanted;
        for (run, (plan, outcome)) in (before + 1..).zip(outcomes) {
            let Outcome { slack_ns, spare_ns, .. } = outcome;
            let steered = Steered { run, plan, slack_ns, spare_ns };
            search.note(&steered, &outcome);
            kept.note(steered);
        }
        if search.runs() > before {
            search.end_round();
            progress(&search.last);
        }
        if search.truncated {
            break;
        }
    }
    search
}

/// What a seed draws. The run goes on after the first broken claim, which must not hide that two
/// clients believe later.
fn fresh(seed: u64, options: &Options) -> Plan {
    let mut plan = Plan { goes_on: true, ..Plan::from_seed(seed, options) };
    plan.arranged.measures_spare = true;
    change::tamed(plan)
}

/// The best so far, of both kinds: a run with little slack has a rival who comes at the right
/// moment, and one with little spare has a moment that is right.
#[derive(Default)]
struct Kept {
    by_slack: Vec<Steered>,
    by_spare: Vec<Steered>,
}

impl Kept {
    fn note(&mut self, run: Steered) {
        let lists: [(&mut Vec<Steered>, Measure); 2] =
            [(&mut self.by_slack, |run| run.slack_ns), (&mut self.by_spare, |run| run.spare_ns)];
        for (list, of) in lists {
            let Some(measure) = of(&run) else { continue };
            let place = list.partition_point(|known| of(known).is_some_and(|ns| ns < measure));
            // What differs in nothing that matters is as good as known.
            let known = list.get(place).is_some_and(|known| of(known) == Some(measure));
            if place < KEPT && !known {
                list.insert(place, run.clone());
                list.truncate(KEPT);
            }
        }
    }

    /// One of them with a few changes, all drawn from the seed; or what the seed itself draws.
    fn changed(&self, seed: u64, options: &Options) -> Plan {
        // Another stream than that of the seed's plan.
        let mut draw = Draw::new(!seed);
        let all: Vec<&Steered> = self.by_slack.iter().chain(&self.by_spare).collect();
        if all.is_empty() || draw.chance(FRESH_PPM) {
            return fresh(seed, options);
        }
        let parent = all[draw.below(all.len() as i64) as usize];
        // Of several keys, all are run.
        let mut plan = Plan { key: 0, ..parent.plan.clone() };
        change::some(&mut plan, &Plan::from_seed(seed, options), &mut draw);
        plan
    }
}

/// Runs the plans on several threads. The outcomes are those of the first of them, in order; of
/// all, unless it was stopped.
fn run_all(plans: Vec<Plan>, threads: usize, stop: &AtomicBool) -> Vec<(Plan, Outcome)> {
    let next = AtomicU64::new(0);
    let done: Mutex<Vec<Option<(Plan, Outcome)>>> = Mutex::new(vec![None; plans.len()]);
    let work = || {
        let mut agenda = Agenda::default();
        while !stop.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed) as usize;
            let Some(plan) = plans.get(index) else { break };
            let (outcome, plan) = of_every_key(plan.clone(), &mut agenda);
            done.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some((plan, outcome));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(plans.len()) {
            scope.spawn(work);
        }
        work();
    });
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.into_iter().map_while(|run| run).collect()
}
