//! `leasehold conform`: recordings of real clients, taken again through the same machine.

use std::fs;
use std::path::{Path, PathBuf};

use leasehold::record::{Conformity, EXTENSION};
use leasehold_world::{Followed, Judged, judge};

use crate::exit::{Ending, Failure, say};

/// Options of `leasehold conform`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
A recording is written by a client with the feature `record`: for one client by Builder::record, for
every client of a process by the environment variable LEASEHOLD_RECORD, which names a folder.

Every lease is taken again through the machine that the checker searches, and what it says must be
the same. What the recording tells must be possible: answers come in order, to what was sent on that
connection, time does not run back, and so on. And each lease must be a path of the checker's world,
as far as that has what happened; see docs/recordings.md.")]
pub(crate) struct ConformArgs {
    /// A recording, or a folder of them
    #[arg(value_name = "FILE|FOLDER", required = true)]
    paths: Vec<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// One recording that was looked at.
struct Looked {
    path: PathBuf,
    judged: Judged,
}

/// Runs the command.
pub(crate) fn run(args: &ConformArgs) -> Result<Ending, Failure> {
    let mut files = Vec::new();
    for path in &args.paths {
        collect(path, &mut files)?;
    }
    let looked = files.into_iter().map(look).collect::<Result<Vec<_>, Failure>>()?;
    if args.json {
        say(json(&looked));
    } else {
        print(&looked);
    }
    let conforms = looked.iter().all(|looked| looked.judged.outcome.is_ok());
    Ok(if conforms { Ending::AsClaimed } else { Ending::Broken })
}

/// A file, or the recordings of a folder in the order of their names.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let failed = |error| Failure::Read { path: path.to_owned(), error };
    let entries = fs::read_dir(path).map_err(failed)?;
    let found: Result<Vec<PathBuf>, _> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut found = found.map_err(failed)?;
    found.retain(|path| path.extension().is_some_and(|known| known == EXTENSION));
    found.sort();
    if found.is_empty() {
        return Err(Failure::Argument(format!(
            "{}: no recording in that folder; their names end with .{EXTENSION}",
            path.display()
        )));
    }
    files.append(&mut found);
    Ok(())
}

fn look(path: PathBuf) -> Result<Looked, Failure> {
    let bytes = fs::read(&path).map_err(|error| Failure::Read { path: path.clone(), error })?;
    match judge(&bytes) {
        Ok(judged) => Ok(Looked { path, judged }),
        Err(error) => Err(Failure::Recording { path, error }),
    }
}

fn print(looked: &[Looked]) {
    let (mut all, mut paths) = (Conformity::default(), Followed::default());
    for Looked { path, judged } in looked {
        let path = path.display();
        match &judged.outcome {
            Ok((found, followed)) => {
                (all, paths) = (all.and(*found), paths.and(followed));
            }
            Err(refused) => say(format!("{path}: {refused}")),
        }
        if !judged.complete {
            say(format!("{path}: not ended in order; what its client did last may be missing"));
        }
    }
    let conform = looked.iter().filter(|looked| looked.judged.outcome.is_ok()).count();
    let Conformity { leases, steps, commands, resets, idle, forgiven, latest_tick_us, .. } = all;
    say(format!(
        "{conform} of {} recordings conform: leases {leases}, steps {steps}, commands {commands}, \
         failed connections {resets}.",
        looked.len()
    ));
    say(format!(
        "Steps that changed nothing: {idle}. Extends left to run unkilled: {forgiven}. \
         Latest tick: {:.1} ms.",
        latest_tick_us as f64 / 1e3
    ));
    say(format!("Paths of the checker's world: leases {}, steps {}.", paths.leases, paths.steps));
    for (what, count) in &paths.beyond {
        say(format!("Leases followed up to {what}, which the world does not have: {count}."));
    }
}

fn json(looked: &[Looked]) -> serde_json::Value {
    let one = |Looked { path, judged }: &Looked| match &judged.outcome {
        Ok((found, followed)) => serde_json::json!({
            "file": path, "complete": judged.complete, "conforms": true,
            "paths": followed.leases, "path_steps": followed.steps, "beyond": followed.beyond,
            "leases": found.leases, "steps": found.steps, "commands": found.commands,
            "resets": found.resets, "idle": found.idle, "forgiven": found.forgiven,
            "latest_tick_us": found.latest_tick_us,
        }),
        Err(refused) => serde_json::json!({
            "file": path, "complete": judged.complete, "conforms": false,
            "line": refused.line(), "why": refused.to_string(),
        }),
    };
    serde_json::json!({ "recordings": looked.iter().map(one).collect::<Vec<_>>() })
}
