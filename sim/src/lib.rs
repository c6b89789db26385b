//! The seeded simulator's side: the world of [`leasehold_world`], sampled.
//!
//! A seed is expanded into the constants of one run, the [`Plan`]; every single decision of the
//! run is a fixed mix of the seed and the event it is about. Time is virtual, in microseconds on
//! every clock, each running at its own rate. The world decides nothing and the simulator changes
//! nothing but by its steps, so a run *is* its list of steps: [`record`] writes it down as the same
//! trace file that the checker writes. [`shrink`](shrink()) reduces a failing one to the few steps
//! that matter.
//!
//! It knows nothing of Redis, sockets, threads or the time of day. The same seed gives the same
//! steps on every machine.

pub mod advise;
mod agenda;
mod argument;
pub mod arranged;
mod campaign;
mod cause;
mod cause_counts;
mod clock;
mod connections;
mod counts;
mod dice;
mod draw;
mod expected;
mod explain;
mod file;
mod heal;
mod history;
mod holder;
mod journal;
mod kinds;
mod lasting;
mod merge;
mod named;
mod options;
mod outcome;
mod passing;
mod plan;
mod post;
mod profile;
pub mod quantiles;
mod results;
mod run;
mod schedulers;
mod servers;
mod shard;
pub mod shrink;
pub mod steer;
mod tenure;
pub mod threshold;
mod ticks;
mod trials;
mod twice;
mod users;
mod walls;
mod watch;
pub mod weather;

pub use arranged::{Arranged, Lasting, Salts};
pub use campaign::{Campaign, KEPT, Least, campaign, campaign_twice};
pub use cause::Cause;
pub use cause_counts::CauseCount;
pub use counts::{Counts, Hazard, Told};
pub use explain::{Explained, Reason, cause_of, explain};
pub use kinds::Kind;
pub use merge::{MergeError, merge};
pub use options::{ClientCount, MOST_CLIENTS, MOST_NODES, NodeCount, Options, OptionsError};
pub use outcome::{Broken, Outcome, Taken, TraceHash};
pub use plan::{Clocks, Habits, Plan};
pub use profile::{Fault, Profile, UnknownProfile};
pub use quantiles::{Quantiles, QuantilesError};
pub use results::{FORMAT, FailedSeed, Results, ResultsError};
pub use shard::{Shard, ShardError};
pub use shrink::{ShrinkError, Shrunk, shrink};
pub use tenure::Tenure;
pub use trials::{Kill, Trial, trials};
pub use twice::Difference;
pub use weather::Weather;

use leasehold::protocol::{Micros, Ticks};
use leasehold_world::trace::Line;
use leasehold_world::{Claim, Trace, WorldTime};

use agenda::Agenda;
use run::Run;

/// The place that a world of so many nodes and clients takes while it runs, in bytes. What it asks
/// for beyond that is its agenda and the names of its settings.
pub const fn place_of<const N: usize, const C: usize>() -> usize {
    size_of::<Run<'static, Micros, N, C>>()
}

/// Runs one seed.
pub fn simulate(seed: u64, options: &Options) -> Outcome {
    simulate_in(seed, options, &mut Agenda::default())
}

/// The same, in the room that an earlier run has left.
fn simulate_in(seed: u64, options: &Options, agenda: &mut Agenda) -> Outcome {
    of_every_key(Plan::from_seed(seed, options), agenda).0
}

/// Runs the world of every key; the outcome is that of all, and the plan that of the first key on
/// which a claim was broken, or else of the first.
fn of_every_key(mut plan: Plan, agenda: &mut Agenda) -> (Outcome, Plan) {
    let mut all = dispatch(&plan, agenda, false).0;
    let mut telling = plan.key;
    for key in 1..plan.keys {
        plan.key = key;
        let one = dispatch(&plan, agenda, false).0;
        if all.broken.is_none() && one.broken.is_some() {
            telling = key;
        }
        all.and(one);
    }
    plan.key = telling;
    (all, plan)
}

/// Runs one seed and writes its steps down; of several keys those of the first on which a claim
/// was broken.
///
/// If a claim was broken the trace ends with the step that breaks it. A broken program goes on
/// after the first broken claim until its user reads "lock already taken"; if that happens, the
/// trace ends there and names the claim which *that* step breaks.
pub fn record(seed: u64, options: &Options) -> (Outcome, Trace) {
    let (outcome, plan) = of_every_key(Plan::from_seed(seed, options), &mut Agenda::default());
    (outcome, record_plan(&plan).1)
}

/// Runs a plan, which need not be the one that its seed draws, for its one key.
pub fn simulate_plan(plan: &Plan) -> Outcome {
    simulate_plan_in(plan, &mut Agenda::default())
}

/// The same, in the room that an earlier run has left.
fn simulate_plan_in(plan: &Plan, agenda: &mut Agenda) -> Outcome {
    dispatch(plan, agenda, false).0
}

/// Runs a plan and writes its steps down, as [`record`] does for a seed.
pub fn record_plan(plan: &Plan) -> (Outcome, Trace) {
    let (outcome, mut trace) = record_plan_whole(plan, &mut Agenda::default());
    if let (None, Some(broken)) = (trace.breaks, outcome.broken) {
        trace.steps.truncate(broken.step as usize);
        trace.breaks = Some(broken.claim);
    }
    (outcome, trace)
}

/// Runs a plan and writes down all of its steps, also those after a claim was broken.
pub fn walk(plan: &Plan) -> Trace {
    let trace = record_plan_whole(plan, &mut Agenda::default()).1;
    Trace { breaks: None, ..trace }
}

/// Runs one seed and writes its steps down up to the one that first breaks `claim`. None if no step
/// does.
///
/// A broken program breaks several claims in one run; [`record`] shows the one that says most.
pub fn record_breaking(seed: u64, options: &Options, claim: Claim) -> Option<Trace> {
    record_plan_breaking(&Plan::from_seed(seed, options), claim)
}

/// The same for a plan.
pub fn record_plan_breaking(plan: &Plan, claim: Claim) -> Option<Trace> {
    let mut plan = plan.clone();
    (0..plan.keys).find_map(|key| {
        plan.key = key;
        let (_, mut trace) = record_plan_whole(&plan, &mut Agenda::default());
        let replayed = leasehold_world::replay(&trace).ok()?;
        let (step, _) = replayed.broken.into_iter().find(|(_, broken)| *broken == claim)?;
        trace.steps.truncate(step);
        trace.breaks = Some(claim);
        Some(trace)
    })
}

/// Runs one seed, in the room that an earlier run has left, and writes all its steps down: those of
/// the key that [`record`] tells of.
fn record_whole(seed: u64, options: &Options, agenda: &mut Agenda) -> (Outcome, Trace) {
    let (outcome, plan) = of_every_key(Plan::from_seed(seed, options), agenda);
    (outcome, record_plan_whole(&plan, agenda).1)
}

fn record_plan_whole(plan: &Plan, agenda: &mut Agenda) -> (Outcome, Trace) {
    let (outcome, lines, breaks) = dispatch(plan, agenda, true);
    let unit = if plan.in_ticks { Ticks::UNIT } else { Micros::UNIT };
    let trace = Trace {
        unit: unit.to_owned(),
        scope: plan.scope.clone(),
        breaks,
        seed: Some(plan.seed),
        steps: lines.unwrap_or_default(),
    };
    (outcome, trace)
}

type Ending = (Outcome, Option<Vec<Line>>, Option<Claim>);

/// Runs a plan in a world of its size.
fn dispatch(plan: &Plan, agenda: &mut Agenda, recording: bool) -> Ending {
    macro_rules! of_size {
        ($time:ty; $($nodes:literal x $($clients:literal),+;)+) => {
            match plan.size() {
                $($(($nodes, $clients) => {
                    Run::<$time, $nodes, $clients>::to_end(plan, agenda, recording)
                })+)+
                other => unreachable!("no plan is made for {other:?} nodes and clients"),
            }
        };
    }
    if plan.in_ticks {
        return of_size!(Ticks; 1 x 1, 2; 2 x 1, 2; 3 x 1, 2; 4 x 1, 2; 5 x 1, 2;);
    }
    of_size! {
        Micros;
        1 x 1, 2, 3, 64;
        2 x 1, 2, 3;
        3 x 1, 2, 3, 64;
        4 x 1, 2, 3;
        5 x 1, 2, 3, 64;
        6 x 3;
        7 x 3;
        8 x 3;
        9 x 3;
    }
}
