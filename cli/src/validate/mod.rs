//! `leasehold validate`: counterexamples and shrunk seeds on real servers, and the violations that
//! must happen there.

mod foreign;
mod json;
mod programme;
mod text;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use leasehold_rig::Program;
use leasehold_rig::perform::{Performance, Stage};
use leasehold_rig::violations::hold_and_write;

use crate::check::stop_on_ctrl_c;
use crate::exit::{Ending, Failure, say, write};
use crate::replay::read;
use programme::Programme;

/// Options of `leasehold validate`.
#[derive(clap::Args, Debug)]
pub(crate) struct ValidateArgs {
    /// Trace files; without any, all that are kept, and the violations that must happen
    #[arg(value_name = "TRACE")]
    traces: Vec<PathBuf>,
    /// The servers; without this redis, and for all traces valkey too where it is installed
    #[arg(long, value_name = "redis|valkey", value_parser = program_named)]
    server: Option<Program>,
    /// Where the traces are that are kept
    #[arg(long, value_name = "DIR", default_value = "reports")]
    from: PathBuf,
    /// Where validation.md is written
    #[arg(long, value_name = "DIR", default_value = "reports")]
    reports: PathBuf,
    /// Instead, run other people's libraries and ours under the same faults
    #[arg(long, conflicts_with_all = ["traces", "server"])]
    foreign: bool,
    /// How long each of their trials lasts
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    trial_ms: u64,
    /// Where the programs are that run them
    #[arg(long, value_name = "DIR", default_value = "interop")]
    interop: PathBuf,
    /// Where those are built
    #[arg(long, value_name = "DIR", default_value = "target/interop")]
    built: PathBuf,
    /// Print JSON instead of timelines and tables
    #[arg(long)]
    json: bool,
}

/// Options of the process that is paused.
#[derive(clap::Args, Debug)]
pub(crate) struct HolderArgs {
    /// The server
    url: String,
}

fn program_named(name: &str) -> Result<Program, String> {
    match name {
        "redis" => Ok(Program::Redis),
        "valkey" => Ok(Program::Valkey),
        _ => Err("it is redis or valkey".to_owned()),
    }
}

/// The process that is paused while it holds a lock.
pub(crate) fn hold(args: &HolderArgs) -> Result<Ending, Failure> {
    let failed = |error| Failure::Case { case: "the holder is paused", error: Box::new(error) };
    hold_and_write(&args.url).map_err(failed)?;
    Ok(Ending::AsClaimed)
}

/// Runs the command.
pub(crate) fn run(args: &ValidateArgs) -> Result<Ending, Failure> {
    if args.foreign {
        return foreign::run(args);
    }
    let stop = stop_on_ctrl_c();
    if args.traces.is_empty() { all(args, &stop) } else { some(args, &stop) }
}

/// Performs the traces that were named.
fn some(args: &ValidateArgs, stop: &AtomicBool) -> Result<Ending, Failure> {
    let traces = args.traces.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    let program = args.server.unwrap_or(Program::Redis);
    let mut stage = Stage::start(program).map_err(Failure::Rig)?;
    let mut performed: Vec<(PathBuf, Performance)> = Vec::new();
    for (path, trace) in args.traces.iter().zip(&traces) {
        let result = stage.perform(trace);
        // What was under way when it was stopped does not count.
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let failed = |error| Failure::Perform { path: path.clone(), error };
        let performance = result.map_err(failed)?;
        if !args.json {
            text::timeline(path, trace, &performance);
        }
        performed.push((path.clone(), performance));
    }
    let truncated = performed.len() < traces.len();
    if args.json {
        say(json::traces(&performed, truncated));
    } else if truncated {
        say(format!("TRUNCATED: {} of {} performed", performed.len(), traces.len()));
    }
    let as_traced = performed.iter().all(|(_, performance)| performance.verdict.is_as_traced());
    Ok(match (as_traced, truncated) {
        (false, _) => Ending::Broken,
        (true, true) => Ending::Truncated,
        (true, false) => Ending::AsClaimed,
    })
}

/// Performs every trace that is kept, and brings about the violations.
fn all(args: &ValidateArgs, stop: &AtomicBool) -> Result<Ending, Failure> {
    crate::exit::prepare(&args.reports)?;
    let programme = Programme::begin(args)?;
    let found = programme.run(stop, args.json)?;
    let name = if found.truncated { "validation.truncated.md" } else { "validation.md" };
    let path = args.reports.join(name);
    write(&path, &text::for_report(&found))?;
    if args.json {
        say(json::programme(&found));
    } else {
        text::for_terminal(&found);
        if found.truncated {
            say("TRUNCATED: stopped before the end");
        }
        say(format!("Written: {}", path.display()));
    }
    Ok(match (found.is_as_expected(), found.truncated) {
        (false, _) => Ending::Broken,
        (true, true) => Ending::Truncated,
        (true, false) => Ending::AsClaimed,
    })
}
