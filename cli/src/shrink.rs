//! `leasehold shrink`: a failing run reduced to the few steps that matter.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::ProgressBar;
use leasehold_draw::space_time_with;
use leasehold_sim::shrink::{Extent, Progress};
use leasehold_sim::{Shrunk, explain, shrink};
use leasehold_world::{Claim, Trace, replay};

use crate::check::stop_on_ctrl_c;
use crate::exit::{Ending, Failure, say};
use crate::layout::{bar, wrapped};
use crate::replay::{json as timeline, load, print as print_timeline};
use crate::sim::{Drawn, claim_named};
use crate::why;

/// How many attempts pass between two looks at the progress bar.
const SHOW_EVERY: u64 = 64;

/// Options of `leasehold shrink`.
#[derive(clap::Args, Debug)]
pub(crate) struct ShrinkArgs {
    /// A seed, or a trace file
    #[arg(value_name = "SEED|FILE")]
    what: String,
    /// What the seed is expanded with; as for `leasehold sim`
    #[command(flatten)]
    drawn: Drawn,
    /// Take a seed up to the step that breaks this claim, for instance "no orphan"
    #[arg(long, value_parser = claim_named)]
    claim: Option<Claim>,
    /// Write the shrunk trace to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Draw a space-time picture of it to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Stop after taking so many schedules again; the result is then TRUNCATED
    #[arg(long, value_name = "NUMBER")]
    attempts: Option<u64>,
    /// Print JSON instead of a timeline
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &ShrinkArgs) -> Result<Ending, Failure> {
    let (path, trace) = load(&args.what, &args.drawn, args.claim)?;
    for file in [&args.out, &args.svg].into_iter().flatten() {
        // Before the work, not after it.
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        crate::exit::prepare(folder.unwrap_or(Path::new(".")))?;
    }
    let shrunk = shrunk(args, &path, &trace)?;
    let unplayable = |error| Failure::Replay { path: path.clone(), error };
    let replayed = replay(&shrunk.trace).map_err(unplayable)?;
    if let Some(out) = &args.out {
        crate::exit::write(out, &shrunk.trace.to_string())?;
    }
    if let Some(svg) = &args.svg {
        let picture = space_time_with(&shrunk.trace, why::extras(shrunk.told.as_ref()));
        crate::exit::write(svg, &picture.map_err(unplayable)?)?;
    }
    if args.json {
        let explained = explain(&shrunk.trace).map_err(unplayable)?;
        say(json(&shrunk, timeline(&shrunk.trace, &replayed, &explained)));
    } else {
        print_timeline(&shrunk.trace, &replayed);
        print(args, &shrunk);
    }
    Ok(if shrunk.finished { Ending::AsClaimed } else { Ending::Truncated })
}

/// Shrinks with a progress bar, until nothing can be taken away or somebody wants to stop.
fn shrunk(args: &ShrinkArgs, path: &Path, trace: &Trace) -> Result<Shrunk, Failure> {
    let bar = progress_bar(trace.steps.len(), args.json);
    let stop = stop_on_ctrl_c();
    let wanted = |progress: &Progress| {
        let enough = args.attempts.is_some_and(|most| progress.attempts >= most);
        !enough && !AtomicBool::load(&stop, Ordering::Relaxed)
    };
    let mut progress = |progress: &Progress| {
        if progress.attempts.is_multiple_of(SHOW_EVERY) {
            let Progress { pass, attempts, steps, clients, nodes } = *progress;
            let spared = trace.steps.len().saturating_sub(steps);
            bar.set_position(spared as u64);
            bar.set_message(format!(
                "{steps} steps, {clients} clients, {nodes} nodes left, {attempts} attempts: {}",
                pass.name()
            ));
        }
        wanted(progress)
    };
    let shrunk = shrink(trace, &mut progress);
    bar.finish_and_clear();
    shrunk.map_err(|error| Failure::Shrink { path: path.to_owned(), error })
}

fn progress_bar(steps: usize, hidden: bool) -> ProgressBar {
    let bar = bar(steps as u64, "{bar:20} {elapsed}  {msg}", hidden);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn print(args: &ShrinkArgs, shrunk: &Shrunk) {
    let Shrunk { trace, claim, before, after, .. } = shrunk;
    say(wrapped(&format!("Still broken: {}: {}", claim.name(), claim.verdict()), 4));
    if let Some(told) = &shrunk.told {
        say(wrapped(&why::sentence(told), 4));
    }
    let time = |extent: &Extent| duration(extent.elapsed, &trace.unit);
    say(format!("{:>16} {:>12} {:>12}", "", "before", "after"));
    for (name, before, after) in [
        ("steps", before.steps.to_string(), after.steps.to_string()),
        ("clients", before.clients.to_string(), after.clients.to_string()),
        ("nodes", before.nodes.to_string(), after.nodes.to_string()),
        ("virtual time", time(before), time(after)),
    ] {
        say(format!("{name:>16} {before:>12} {after:>12}"));
    }
    if !shrunk.finished {
        let attempts = shrunk.attempts;
        say(format!("TRUNCATED: stopped after {attempts} attempts; less may be enough"));
    }
    match &args.out {
        Some(out) => {
            let path = out.display();
            say(format!("Written to {path}; to take it again:\n    leasehold replay {path}"));
        }
        None => say("Not written; --out FILE keeps it"),
    }
}

/// A span for people.
fn duration(span: i64, unit: &str) -> String {
    if unit == "us" { format!("{:.3} s", span as f64 / 1e6) } else { format!("{span} {unit}") }
}

fn json(shrunk: &Shrunk, timeline: serde_json::Value) -> serde_json::Value {
    let extent = |extent: &Extent| {
        serde_json::json!({
            "steps": extent.steps,
            "clients": extent.clients,
            "nodes": extent.nodes,
            "elapsed": extent.elapsed,
        })
    };
    serde_json::json!({
        "claim": shrunk.claim.name(),
        "verdict": shrunk.claim.verdict(),
        "cause": shrunk.told.as_ref().map(|told| told.cause.name()),
        "explanation": shrunk.told.as_ref().map(|told| told.explanation()),
        "unit": shrunk.trace.unit,
        "before": extent(&shrunk.before),
        "after": extent(&shrunk.after),
        "attempts": shrunk.attempts,
        "truncated": !shrunk.finished,
        "trace": shrunk.trace.to_string(),
        "replay": timeline,
    })
}
