//! Searching cells, with progress, and stopping when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use leasehold_model::scopes::{Cell, ScopeName};
use leasehold_model::{CellReport, Control, check_cell};
use leasehold_world::Scope;

use super::{CheckArgs, unsearched};
use crate::exit::Failure;
use crate::layout::bar;
use crate::verdict::{BrokenClaim, Verdict};

/// What tells a search to stop: Ctrl-C, the time, the memory.
pub(super) struct Limits {
    stop: Arc<AtomicBool>,
    deadline: Option<Instant>,
    cell_timeout: Option<Duration>,
    memory_bytes: u64,
    threads: usize,
    second_opinion_up_to: usize,
}

impl Limits {
    pub(super) fn new(args: &CheckArgs) -> Self {
        Limits {
            stop: stop_on_ctrl_c(),
            deadline: args.timeout.map(|seconds| now() + Duration::from_secs(seconds)),
            cell_timeout: args.cell_timeout.map(Duration::from_secs),
            memory_bytes: args.memory << 30,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            // The second search takes as long as the first, and ten times its memory.
            second_opinion_up_to: match args.scope {
                ScopeName::Quick => 100_000,
                ScopeName::Ci | ScopeName::Nightly | ScopeName::Only(_) => 600_000,
            },
        }
    }

    /// Runs one search and says how long it took. `watch` is told the number of states.
    pub(super) fn during<T>(
        &self,
        watch: &(dyn Fn(usize) + Sync),
        search: impl FnOnce(&Control<'_>) -> T,
    ) -> (T, Duration) {
        let started = now();
        let progress = |states: usize| {
            watch(states);
            let over = |deadline: Instant| now() >= deadline;
            let late = self.deadline.is_some_and(over)
                || self.cell_timeout.is_some_and(|limit| over(started + limit));
            !late && !self.stop.load(Ordering::Relaxed) && memory_in_use() < self.memory_bytes
        };
        let control = Control {
            threads: self.threads,
            progress: &progress,
            second_opinion_up_to: self.second_opinion_up_to,
        };
        let found = search(&control);
        (found, started.elapsed())
    }
}

/// A flag that Ctrl-C sets; a second Ctrl-C ends the program at once.
pub(crate) fn stop_on_ctrl_c() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    // Without a handler Ctrl-C simply ends the program, and nothing half written is left.
    let _ = ctrlc::set_handler(handler);
    stop
}

/// The resident memory of this program in bytes; 0 where the system does not tell.
fn memory_in_use() -> u64 {
    const PAGE: u64 = 4096;
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let resident = pages.as_deref().and_then(|text| text.split_whitespace().nth(1));
    resident.and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * PAGE)
}

/// Searches every cell.
pub(super) fn search_all(args: &CheckArgs, cells: &[Cell]) -> Result<Vec<Verdict>, Failure> {
    let limits = Limits::new(args);
    let bar = progress_bar(cells.len() as u64, args.json);
    let before = AtomicUsize::new(0);
    let mut verdicts = Vec::with_capacity(cells.len());
    for cell in cells {
        let mut verdict = unsearched(args, cell);
        bar.set_message(verdict.cell.clone());
        if let Some(settings) = &cell.settings {
            let scope = Scope::new(settings.clone())?;
            let watch = |states: usize| {
                bar.set_prefix(format!("{} states", before.load(Ordering::Relaxed) + states));
                bar.tick();
            };
            let (report, took) = limits.during(&watch, |control| check_cell(&scope, control));
            let report =
                report.map_err(|error| Failure::Cell { cell: verdict.cell.clone(), error })?;
            before.fetch_add(report.unique, Ordering::Relaxed);
            verdict.settings = Some(settings.clone());
            fill(&mut verdict, report, took);
        }
        verdicts.push(verdict);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(verdicts)
}

/// The clock of the progress display, the limits and the seconds in the tables; no verdict depends
/// on it.
#[expect(clippy::disallowed_methods, reason = "display and limits only")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn fill(verdict: &mut Verdict, report: CellReport, took: Duration) {
    verdict.states = Some(report.unique);
    verdict.generated = report.generated;
    verdict.confirmed = report.second_opinion == Some(report.unique);
    verdict.vacuous = report.unseen;
    verdict.truncated = report.truncated;
    verdict.seconds = took.as_secs_f64();
    let known: Vec<&str> = report.broken.iter().map(|broken| broken.claim.name()).collect();
    let seen = report.seen_broken.iter().map(|claim| claim.name());
    verdict.unmeasured = seen.filter(|name| !known.contains(name)).collect();
    verdict.broken = (report.broken.into_iter())
        .map(|broken| BrokenClaim {
            claim: broken.claim.name(),
            steps: broken.trace.steps.len(),
            trace: Some(broken.trace),
        })
        .collect();
}

/// A bar over so many cells, trials or the like.
pub(crate) fn progress_bar(cells: u64, hidden: bool) -> ProgressBar {
    let template = "{bar:20} {pos}/{len}  {prefix}  {elapsed} (about {eta} left)  {msg}";
    bar(cells, template, hidden)
}
