//! Everything that is performed without a trace being named.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use leasehold_rig::Program;
use leasehold_rig::perform::{Performance, Stage, Verdict, breaks_a_script};
use leasehold_rig::violations::{CASES, Case, Outcome, Setup};
use leasehold_world::Trace;

use super::ValidateArgs;
use crate::check::{now, progress_bar};
use crate::exit::Failure;
use crate::replay::read;

/// The folders of traces, from that of the reports.
const FOLDERS: [&str; 4] = ["counterexamples", "mutants", "seeds", "../tests/scenarios"];

/// What is to be done.
pub(super) struct Programme {
    programs: Vec<Program>,
    traces: Vec<Kept>,
}

/// A trace that is kept.
pub(super) struct Kept {
    /// The folder it is in, and its name there.
    pub(super) folder: String,
    pub(super) name: String,
    path: PathBuf,
    trace: Trace,
}

/// What came of it.
pub(super) struct Found {
    /// The servers, by name and version.
    pub(super) servers: Vec<String>,
    pub(super) traces: Vec<Row>,
    pub(super) cases: Vec<CaseRow>,
    pub(super) truncated: bool,
    pub(super) took: Duration,
}

/// What came of one trace on all servers.
pub(super) struct Row {
    pub(super) folder: String,
    pub(super) name: String,
    pub(super) steps: usize,
    /// Whether it must not be possible: a script is broken in it, and real servers run sound ones.
    pub(super) must_differ: bool,
    /// By server.
    pub(super) results: Vec<Performance>,
}

impl Row {
    pub(super) fn is_as_expected(&self) -> bool {
        self.results.iter().all(|performance| match &performance.verdict {
            Verdict::Disagrees(_) => self.must_differ,
            Verdict::Same { .. } | Verdict::Nothing => !self.must_differ,
            Verdict::Otherwise { .. } | Verdict::Unseen { .. } | Verdict::Differs(..) => false,
        })
    }
}

/// What came of one case on all servers.
pub(super) struct CaseRow {
    pub(super) case: Case,
    /// By server.
    pub(super) results: Vec<Outcome>,
}

impl CaseRow {
    pub(super) fn is_as_expected(&self) -> bool {
        self.results.iter().all(|outcome| outcome.happened == self.case.must_happen())
    }
}

impl Found {
    pub(super) fn is_as_expected(&self) -> bool {
        self.traces.iter().all(Row::is_as_expected)
            && self.cases.iter().all(CaseRow::is_as_expected)
    }
}

impl Programme {
    /// Reads every trace, so that a bad one is told before anything is done.
    pub(super) fn begin(args: &ValidateArgs) -> Result<Programme, Failure> {
        let programs = match args.server {
            Some(program) => vec![program],
            None if Program::Valkey.found().is_some() => vec![Program::Redis, Program::Valkey],
            None => vec![Program::Redis],
        };
        let mut traces = Vec::new();
        for folder in FOLDERS {
            collect(&args.from.join(folder), folder, &mut traces)?;
        }
        Ok(Programme { programs, traces })
    }

    /// Performs all of it.
    pub(super) fn run(self, stop: &AtomicBool, hidden: bool) -> Result<Found, Failure> {
        let started = now();
        let row = |kept: &Kept| Row {
            folder: kept.folder.clone(),
            name: kept.name.clone(),
            steps: kept.trace.steps.len(),
            must_differ: breaks_a_script(&kept.trace.scope),
            results: Vec::new(),
        };
        let case = |case| CaseRow { case, results: Vec::new() };
        let mut found = Found {
            servers: Vec::new(),
            traces: self.traces.iter().map(row).collect(),
            cases: CASES.into_iter().map(case).collect(),
            truncated: false,
            took: Duration::ZERO,
        };
        let each = self.traces.len() + CASES.len();
        let bar = progress_bar((self.programs.len() * each) as u64, hidden);
        for &program in &self.programs {
            bar.set_prefix(program.name());
            if self.on(program, &mut found, (stop, &bar))? {
                found.truncated = true;
                break;
            }
        }
        bar.finish_and_clear();
        found.traces.retain(|row| !row.results.is_empty());
        found.cases.retain(|row| !row.results.is_empty());
        found.took = started.elapsed();
        Ok(found)
    }

    /// Performs all of it on one kind of server. Whether it was stopped.
    fn on(
        &self,
        program: Program,
        found: &mut Found,
        (stop, bar): (&AtomicBool, &indicatif::ProgressBar),
    ) -> Result<bool, Failure> {
        let mut stage = Stage::start(program).map_err(Failure::Rig)?;
        found.servers.push(stage.version().to_owned());
        for (kept, row) in self.traces.iter().zip(&mut found.traces) {
            bar.set_message(kept.name.clone());
            let result = stage.perform(&kept.trace);
            // What was under way when it was stopped does not count.
            if stop.load(Ordering::Relaxed) {
                return Ok(true);
            }
            let failed = |error| Failure::Perform { path: kept.path.clone(), error };
            row.results.push(result.map_err(failed)?);
            bar.inc(1);
        }
        let setup = Setup { program, holder: holder()? };
        for row in &mut found.cases {
            bar.set_message(row.case.name());
            let result = row.case.run(&setup);
            if stop.load(Ordering::Relaxed) {
                return Ok(true);
            }
            let case = row.case.name();
            let failed = |error| Failure::Case { case, error: Box::new(error) };
            row.results.push(result.map_err(failed)?);
            bar.inc(1);
        }
        Ok(false)
    }
}

/// This program again, as the process that is paused.
fn holder() -> Result<(PathBuf, Vec<String>), Failure> {
    let path = std::env::current_exe();
    let unread = |error| Failure::Read { path: PathBuf::from("the path of this program"), error };
    Ok((path.map_err(unread)?, vec!["validate-holder".to_owned()]))
}

/// The traces in a folder and those below it, by name.
fn collect(path: &Path, folder: &str, traces: &mut Vec<Kept>) -> Result<(), Failure> {
    let unread = |error| Failure::Read { path: path.to_owned(), error };
    let entries = fs::read_dir(path).map_err(unread)?.collect::<Result<Vec<_>, _>>();
    let mut paths: Vec<PathBuf> =
        entries.map_err(unread)?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, &format!("{folder}/{name}"), traces)?;
        } else if path.extension().is_some_and(|extension| extension == "trace") {
            let trace = read(&path)?;
            let folder = folder.trim_start_matches("../tests/").to_owned();
            traces.push(Kept { folder, name, path, trace });
        }
    }
    Ok(())
}
