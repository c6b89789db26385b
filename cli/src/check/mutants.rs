//! `leasehold check --mutants`: each rule broken on purpose must be noticed.

use std::fmt::Write;

use comfy_table::{ContentArrangement, Table, presets};
use leasehold_model::scopes::mutants::{Trial, trials};
use leasehold_model::{Outcome, check_cell, shortest};
use leasehold_world::Scope;
use serde::Serialize;

use super::search::{Limits, progress_bar};
use super::{CheckArgs, reports};
use crate::exit::{Ending, Failure, say, write};

/// What came of a trial.
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
}

impl Fate {
    fn complaint(&self) -> Option<String> {
        let Fate { mutant, claim, place, .. } = self;
        if self.truncated {
            return None;
        }
        if self.sound_breaks {
            return Some(format!("{mutant}: sound rules break \"{claim}\" there too ({place})"));
        }
        let survived = format!("{mutant} SURVIVED: \"{claim}\" holds in spite of it ({place})");
        self.steps.is_none().then_some(survived)
    }
}

/// Runs the command.
pub(super) fn run(args: &CheckArgs) -> Result<Ending, Failure> {
    crate::exit::prepare(&args.reports.join("mutants"))?;
    let limits = Limits::new(args);
    let trials = trials();
    let bar = progress_bar(trials.len() as u64, args.json);
    let mut fates = Vec::with_capacity(trials.len());
    for trial in &trials {
        bar.set_message(trial.mutant.name());
        let watch = |states: usize| {
            bar.set_prefix(format!("{states} states"));
            bar.tick();
        };
        fates.push(decide(args, &limits, &watch, trial)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let complaints: Vec<String> = fates.iter().filter_map(Fate::complaint).collect();
    let truncated = fates.iter().any(|fate| fate.truncated);
    if args.json {
        say(serde_json::json!({ "mutants": fates, "complaints": complaints }));
    } else {
        say(for_terminal(&fates));
        complaints.iter().for_each(|complaint| say(format!("NOT AS EXPECTED  {complaint}")));
    }
    if truncated {
        super::say_unless(args.json, "TRUNCATED: stopped before the end; nothing was written");
        return Ok(Ending::Truncated);
    }
    write(&args.reports.join("mutants.md"), &for_report(&fates))?;
    let killed = format!("{} of {} mutants killed.", killed(&fates), fates.len());
    super::say_unless(args.json, &killed);
    Ok(if complaints.is_empty() { Ending::AsClaimed } else { Ending::Broken })
}

fn killed(fates: &[Fate]) -> usize {
    fates.iter().filter(|fate| fate.steps.is_some()).count()
}

/// Searches the scope under sound rules to the end, and under the broken one until it is noticed.
fn decide(
    args: &CheckArgs,
    limits: &Limits,
    watch: &(dyn Fn(usize) + Sync),
    trial: &Trial,
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
    })
}

const HEADER: [&str; 6] = ["mutant", "where", "noticed by", "steps", "visited", "sound states"];

fn cells_of(fate: &Fate) -> [String; 6] {
    let steps = fate.steps.map_or("SURVIVED".to_owned(), |steps| steps.to_string());
    let steps = if fate.truncated { "TRUNCATED".to_owned() } else { steps };
    [
        fate.mutant.to_owned(),
        fate.place.to_owned(),
        fate.claim.to_owned(),
        steps,
        fate.visited.to_string(),
        fate.sound_states.to_string(),
    ]
}

fn for_terminal(fates: &[Fate]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(100)
        .set_header(HEADER);
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
    }
    for fate in fates {
        table.add_row(cells_of(fate));
    }
    format!(
        "{table}\nsteps: of the shortest counterexample. visited: states until it was found, \
         breadth first.\nsound states: the whole scope under sound rules, where the claim holds."
    )
}

fn for_report(fates: &[Fate]) -> String {
    let mut text = String::from(
        "# Mutants\n\nWritten by `leasehold check --mutants`. Each line breaks one rule of the \
         machine on purpose. Under sound rules\nits scope was searched to the end and the claim \
         holds there (\"sound states\" of them); with the rule broken,\nit breaks in \
         so many steps, after so many states of a breadth-first search. A mutant that\nsurvived \
         would fail the command. The counterexamples lie in `mutants/`.\n\n",
    );
    let line = |text: &mut String, cells: [String; 6]| {
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    line(&mut text, HEADER.map(str::to_owned));
    line(&mut text, HEADER.map(|_| "---".to_owned()));
    fates.iter().for_each(|fate| line(&mut text, cells_of(fate)));
    let _ = writeln!(text, "\n{} of {} killed.", killed(fates), fates.len());
    text += "\n## Times\n\nSeconds until each was noticed, on the machine that wrote this; not \
             compared.\n\n";
    for fate in fates {
        let _ = writeln!(text, "- {}: {:.1}", fate.mutant, fate.seconds);
    }
    text
}
