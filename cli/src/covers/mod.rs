//! `leasehold covers`: the simulator held against the checker, and the checker against it.
//!
//! Both drive the same world, one by chance and one exhaustively. So in the checker's own unit of
//! time every state that a seed visits must be one that the search has visited; and the part of
//! them that the seeds visit says how good a sample they are.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use leasehold_model::Control;
use leasehold_model::scopes::{Small, small};

use crate::check::{progress_bar, stop_on_ctrl_c};
use crate::exit::{Ending, Failure, prepare, say, write};
use within::{Held, hold};

mod text;
mod within;

/// Options of `leasehold covers`.
#[derive(clap::Args, Debug)]
pub(crate) struct CoversArgs {
    /// How many seeds are run in each scope, from 0 on
    #[arg(long, default_value_t = 4000, value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Only the scopes with this in their names; no report is written then
    #[arg(long, value_name = "WORD")]
    only: Option<String>,
    /// Where the table is written, and the trace of a seed that leaves the checker's states
    #[arg(long, default_value = "reports", value_name = "DIR")]
    reports: PathBuf,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &CoversArgs) -> Result<Ending, Failure> {
    prepare(&args.reports)?;
    let mut scopes = small();
    scopes.retain(|scope| args.only.as_ref().is_none_or(|word| scope.name.contains(word)));
    if scopes.is_empty() {
        let names: Vec<String> = small().into_iter().map(|scope| scope.name).collect();
        let word = args.only.as_deref().unwrap_or_default();
        let known = names.join("; ");
        return Err(Failure::Argument(format!("no scope has {word:?} in its name: {known}")));
    }
    let Some(all) = hold_all(args, &scopes)? else {
        say_unless(args.json, "TRUNCATED: stopped before the end; nothing was written");
        return Ok(Ending::Truncated);
    };
    let complaints = complaints(args, &all)?;
    if args.json {
        say(serde_json::json!({ "scopes": all, "complaints": complaints }));
    } else {
        say(text::for_terminal(&all));
        complaints.iter().for_each(|complaint| say(format!("NOT AS EXPECTED  {complaint}")));
    }
    if args.only.is_none() {
        write(&args.reports.join("covers.md"), &text::for_report(args.seeds, &all))?;
    }
    say_unless(args.json, &text::conclusion(&all));
    Ok(if complaints.is_empty() { Ending::AsClaimed } else { Ending::Broken })
}

fn say_unless(silent: bool, text: &str) {
    if !silent {
        say(text);
    }
}

/// Every scope, searched and simulated; none if it was stopped.
fn hold_all(args: &CoversArgs, scopes: &[Small]) -> Result<Option<Vec<Held>>, Failure> {
    let stop = stop_on_ctrl_c();
    let bar = progress_bar(scopes.len() as u64, args.json);
    let progress = |states: usize| {
        bar.set_prefix(format!("{states} states"));
        bar.tick();
        !stop.load(Ordering::Relaxed)
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let control = Control { threads, progress: &progress, second_opinion_up_to: 0 };
    let mut all = Vec::with_capacity(scopes.len());
    for scope in scopes {
        bar.set_message(scope.name.clone());
        let Some(held) = hold(scope, &scope.settings, args.seeds, &control)? else {
            bar.finish_and_clear();
            return Ok(None);
        };
        all.push(held);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Some(all))
}

/// A sentence for each scope that a seed leaves; the trace of the first such seed is written.
fn complaints(args: &CoversArgs, all: &[Held]) -> Result<Vec<String>, Failure> {
    let mut complaints = Vec::new();
    for held in all {
        let Some(first) = &held.first_outside else { continue };
        let name = format!("{} seed {}.trace", held.scope, first.seed);
        let path = args.reports.join("outside").join(name.replace(',', "").replace(' ', "-"));
        write(&path, &first.trace.to_string())?;
        complaints.push(format!(
            "{}: {} steps lead where the checker has not been; the first is step {} of seed {}, \
             \"{}\": {}; see {}",
            held.scope,
            held.outside,
            first.trace.steps.len(),
            first.seed,
            first.trace.steps.last().map_or("", |line| line.step.as_str()),
            first.why,
            path.display()
        ));
    }
    Ok(complaints)
}
