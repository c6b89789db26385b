//! `leasehold check --mutants`: each rule broken on purpose must be noticed, by the checker and by
//! the simulator.

use leasehold_model::scopes::mutants::{Trial, trials};
use leasehold_model::{Outcome, check_cell, shortest};
use leasehold_world::Scope;
use serde::Serialize;

use super::search::{Limits, progress_bar};
use super::{CheckArgs, reports};
use crate::exit::{Ending, Failure, say, write};
use seeds::{Hunt, hunt};

mod seeds;
mod text;

/// What came of a mutant.
#[derive(Clone, Debug, Serialize)]
struct Fate {
    mutant: &'static str,
    place: &'static str,
    claim: &'static str,
    /// States of the whole scope under sound rules, where the claim holds.
    sound_states: usize,
    /// Whether the claim breaks under sound rules too: then nothing is shown.
    sound_breaks: bool,
    /// The length of the shortest counterexample; none if the mutant survived.
    steps: Option<usize>,
    /// States visited until it was found.
    visited: usize,
    seconds: f64,
    truncated: bool,
    /// What came of it among the seeds.
    simulator: Hunt,
    simulator_seconds: f64,
}

impl Fate {
    fn complaints(&self) -> impl Iterator<Item = String> {
        let Fate { mutant, claim, place, simulator, .. } = self;
        let of_search = if self.sound_breaks {
            Some(format!("{mutant}: sound rules break \"{claim}\" there too ({place})"))
        } else {
            let survived = format!("{mutant} SURVIVED: \"{claim}\" holds in spite of it ({place})");
            self.steps.is_none().then_some(survived)
        };
        let Hunt { profile, transport, .. } = simulator;
        let survived = format!(
            "{mutant} SURVIVED {} seeds of the simulator (profile {profile}, {transport})",
            seeds::SEEDS
        );
        let of_seeds = simulator.seeds.is_none().then_some(survived);
        let of_search = of_search.filter(|_| !self.truncated);
        of_search.into_iter().chain(of_seeds.filter(|_| !simulator.truncated))
    }
}

/// Runs the command.
pub(super) fn run(args: &CheckArgs) -> Result<Ending, Failure> {
    crate::exit::prepare(&args.reports.join("mutants"))?;
    let limits = Limits::new(args);
    let trials = trials();
    let campaigns = leasehold_sim::trials();
    let bar = progress_bar(trials.len() as u64, args.json);
    let mut fates = Vec::with_capacity(trials.len());
    for (trial, campaign) in trials.iter().zip(&campaigns) {
        debug_assert_eq!(trial.mutant, campaign.mutant);
        bar.set_message(trial.mutant.name());
        let watch = |states: usize| {
            bar.set_prefix(format!("{states} states"));
            bar.tick();
        };
        fates.push(decide(args, &limits, &watch, (trial, campaign))?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let complaints: Vec<String> = fates.iter().flat_map(Fate::complaints).collect();
    let truncated = fates.iter().any(|fate| fate.truncated || fate.simulator.truncated);
    if args.json {
        say(serde_json::json!({ "mutants": fates, "complaints": complaints }));
    } else {
        say(text::for_terminal(&fates));
        complaints.iter().for_each(|complaint| say(format!("NOT AS EXPECTED  {complaint}")));
    }
    if truncated {
        super::say_unless(args.json, "TRUNCATED: stopped before the end; nothing was written");
        return Ok(Ending::Truncated);
    }
    write(&args.reports.join("mutants.md"), &text::for_report(&fates))?;
    let (searched, simulated, all) =
        (killed_by_search(&fates), killed_by_seeds(&fates), fates.len());
    let killed = format!(
        "Mutants killed: {searched} of {all} by the checker, {simulated} by the simulator."
    );
    super::say_unless(args.json, &killed);
    Ok(if complaints.is_empty() { Ending::AsClaimed } else { Ending::Broken })
}

fn killed_by_search(fates: &[Fate]) -> usize {
    fates.iter().filter(|fate| fate.steps.is_some()).count()
}

fn killed_by_seeds(fates: &[Fate]) -> usize {
    fates.iter().filter(|fate| fate.simulator.seeds.is_some()).count()
}

/// Searches the scope under sound rules to the end, and under the broken one until it is noticed;
/// then runs seeds until one notices it.
fn decide(
    args: &CheckArgs,
    limits: &Limits,
    watch: &(dyn Fn(usize) + Sync),
    (trial, campaign): (&Trial, &leasehold_sim::Trial),
) -> Result<Fate, Failure> {
    let failed = |error| Failure::Cell { cell: trial.mutant.name().to_owned(), error };
    let sound = Scope::new(trial.settings.clone())?;
    let broken = Scope::new(trial.mutated())?;
    let (report, _) = limits.during(watch, |control| check_cell(&sound, control));
    let report = report.map_err(failed)?;
    let (found, took) = limits.during(watch, |control| shortest(&broken, &[trial.claim], control));
    let found = found.map_err(failed)?;
    if let Some(counterexample) = found.broken.first() {
        let folder = args.reports.join("mutants");
        reports::write_trace(&folder, trial.mutant.name(), &counterexample.trace)?;
    }
    let (simulator, hunted) = limits.during(watch, |control| hunt(campaign, control));
    Ok(Fate {
        mutant: trial.mutant.name(),
        place: trial.place,
        claim: trial.claim.name(),
        sound_states: report.unique,
        sound_breaks: report.seen_broken.contains(&trial.claim),
        steps: found.broken.first().map(|broken| broken.trace.steps.len()),
        visited: found.visited,
        seconds: took.as_secs_f64(),
        truncated: report.truncated || found.outcome == Outcome::Truncated,
        simulator,
        simulator_seconds: hunted.as_secs_f64(),
    })
}
