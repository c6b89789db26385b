//! The seeded simulator's side: the world of [`leasehold_world`], sampled.
//!
//! A seed is expanded into the constants of one run, the [`Plan`]; every single decision of the
//! run is a fixed mix of the seed and the event it is about. Time is virtual, in microseconds on
//! every clock, each running at its own rate. The world decides nothing and the simulator changes
//! nothing but by its steps, so a run *is* its list of steps: [`record`] writes it down as the same
//! trace file that the checker writes.
//!
//! It knows nothing of Redis, sockets, threads or the time of day. The same seed gives the same
//! steps on every machine.

mod agenda;
mod campaign;
mod cause;
mod clock;
mod counts;
mod dice;
mod faults;
mod options;
mod outcome;
mod plan;
mod post;
mod run;
mod users;
mod watch;

pub use campaign::{Campaign, KEPT, campaign};
pub use cause::Cause;
pub use counts::{Counts, Hazard, Told};
pub use options::{ClientCount, NodeCount, Options, OptionsError, Profile};
pub use outcome::{Broken, Outcome, Taken, TraceHash};
pub use plan::{Clocks, Habits, Plan, Weather};

use leasehold::protocol::Micros;
use leasehold_world::trace::Line;
use leasehold_world::{Claim, Trace, WorldTime};

use agenda::Agenda;
use run::Run;

/// Runs one seed.
pub fn simulate(seed: u64, options: &Options) -> Outcome {
    simulate_in(seed, options, &mut Agenda::default())
}

/// The same, in the room that an earlier run has left.
fn simulate_in(seed: u64, options: &Options, agenda: &mut Agenda) -> Outcome {
    dispatch(&Plan::from_seed(seed, options), agenda, false).0
}

/// Runs one seed and writes its steps down.
///
/// If a claim was broken the trace ends with the step that breaks it. A broken program goes on
/// after the first broken claim until its user reads "lock already taken"; if that happens, the
/// trace ends there and names the claim which *that* step breaks.
pub fn record(seed: u64, options: &Options) -> (Outcome, Trace) {
    record_plan(&Plan::from_seed(seed, options))
}

/// Runs a plan, which need not be the one that its seed draws.
pub fn simulate_plan(plan: &Plan) -> Outcome {
    dispatch(plan, &mut Agenda::default(), false).0
}

/// Runs a plan and writes its steps down, as [`record`] does for a seed.
pub fn record_plan(plan: &Plan) -> (Outcome, Trace) {
    let (outcome, lines, ended_by) = dispatch(plan, &mut Agenda::default(), true);
    let mut steps = lines.unwrap_or_default();
    let mut breaks = ended_by;
    if let (None, Some(broken)) = (ended_by, outcome.broken) {
        steps.truncate(broken.step as usize);
        breaks = Some(broken.claim);
    }
    let trace = Trace {
        unit: Micros::UNIT.to_owned(),
        scope: plan.scope.clone(),
        breaks,
        seed: Some(plan.seed),
        steps,
    };
    (outcome, trace)
}

type Ending = (Outcome, Option<Vec<Line>>, Option<Claim>);

/// Runs a plan in a world of its size.
fn dispatch(plan: &Plan, agenda: &mut Agenda, recording: bool) -> Ending {
    macro_rules! sizes {
        ($(($node_count:ident, $nodes:literal): $($client_count:ident $clients:literal),+;)+) => {
            match (plan.nodes, plan.clients) {
                $($((NodeCount::$node_count, ClientCount::$client_count) => {
                    Run::<$nodes, $clients>::to_end(plan, agenda, recording)
                })+)+
            }
        };
    }
    sizes! {
        (One, 1): One 1, Two 2, Three 3;
        (Three, 3): One 1, Two 2, Three 3;
        (Five, 5): One 1, Two 2, Three 3;
    }
}
