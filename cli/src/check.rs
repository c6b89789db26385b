//! `leasehold check`: the verdict table.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use leasehold::protocol::{Extend, Mutant, Span, Transport};
use leasehold_model::scopes::{Cell, Overrides, Part, quick};
use leasehold_model::{CellReport, Control, check_cell};
use leasehold_world::{Claim, Lifecycle, Scope};

use crate::exit::{Ending, Failure, say, write};
use crate::verdict::{BrokenClaim, Verdict};
use crate::{expected, table};

/// Options of `leasehold check`.
#[derive(clap::Args, Debug)]
pub(crate) struct CheckArgs {
    /// Which cells are searched
    #[arg(long, default_value = "quick", value_parser = ["quick"])]
    scope: String,
    /// Only this program: detached, sleep, double_check or joined
    #[arg(long)]
    lifecycle: Option<Lifecycle>,
    /// Only this extend operation: touch or touch_or_set
    #[arg(long)]
    extend: Option<Extend>,
    /// Only this transport: fifo or pooled
    #[arg(long)]
    transport: Option<Transport>,
    /// Only the cells with so many clients (1 or 2); with 2 also those that the scope leaves out
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=2))]
    clients: Option<u8>,
    /// So many nodes (1 to 5) instead of 3; nothing is then expected of the verdicts
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=5))]
    nodes: Option<u8>,
    /// This TTL in ticks; nothing is then expected of the verdicts
    #[arg(long, value_parser = clap::value_parser!(i64).range(1..=60))]
    ttl: Option<Span>,
    /// Break one rule of the machine on purpose, to see that it is noticed
    #[arg(long)]
    mutant: Option<Mutant>,
    /// Stop after so many seconds; the result is then TRUNCATED
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Where verdicts.md and the counterexamples are written
    #[arg(long, default_value = "reports", value_name = "DIR")]
    reports: PathBuf,
    /// Another data file of expectations
    #[arg(long, value_name = "FILE")]
    expected: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
}

impl CheckArgs {
    fn overrides(&self) -> Overrides {
        let all_pairs = self.clients == Some(2);
        Overrides { nodes: self.nodes, ttl: self.ttl, mutant: self.mutant, all_pairs }
    }

    fn wants(&self, cell: &Cell) -> bool {
        let clients = cell.settings.as_ref().map_or(2, |settings| settings.roles.len() as u8);
        self.lifecycle.is_none_or(|wanted| wanted == cell.lifecycle)
            && self.extend.is_none_or(|wanted| wanted == cell.extend)
            && self.transport.is_none_or(|wanted| wanted == cell.transport)
            && self.clients.is_none_or(|wanted| wanted == clients)
    }

    /// Whether these are the constants that the expectations speak of.
    fn has_own_constants(&self) -> bool {
        self.nodes.is_some() || self.ttl.is_some() || self.clients == Some(2)
    }

    /// Whether every cell of the scope is searched as it is.
    fn is_whole(&self) -> bool {
        let narrowed = self.lifecycle.is_some()
            || self.extend.is_some()
            || self.transport.is_some()
            || self.clients.is_some()
            || self.mutant.is_some();
        !narrowed && !self.has_own_constants()
    }
}

/// Runs the command.
pub(crate) fn run(args: &CheckArgs) -> Result<Ending, Failure> {
    let expectations = expected::read(args.expected.as_deref())?;
    let cells: Vec<Cell> =
        quick(args.overrides()).into_iter().filter(|cell| args.wants(cell)).collect();
    if cells.is_empty() {
        let message = "no cell has these properties; leave one of the options out";
        return Err(Failure::Argument(message.to_owned()));
    }
    if args.is_whole() {
        // Before the search, not after it.
        crate::exit::prepare(&args.reports.join("counterexamples"))?;
    }
    let stop = stop_on_ctrl_c();
    let verdicts = search_all(args, &cells, &stop)?;
    let complaints = complaints(args, &cells, &verdicts, &expectations);
    if args.json {
        let whole = serde_json::json!({ "verdicts": verdicts, "complaints": complaints });
        say(whole);
    } else {
        say(table::for_terminal(&cells, &verdicts));
        complaints.iter().for_each(|complaint| say(format!("NOT AS EXPECTED  {complaint}")));
    }
    if verdicts.iter().any(|verdict| verdict.truncated) {
        say_unless(args.json, "TRUNCATED: stopped before the end; nothing was written");
        return Ok(Ending::Truncated);
    }
    if args.is_whole() {
        write_reports(&args.reports, &cells, &verdicts)?;
        if let Some(path) = show_first(&args.reports) {
            say_unless(args.json, &path);
        }
    }
    let conclusion = if complaints.is_empty() { "As expected." } else { "Not as expected." };
    say_unless(args.json, conclusion);
    Ok(if complaints.is_empty() { Ending::AsClaimed } else { Ending::Broken })
}

fn say_unless(silent: bool, text: &str) {
    if !silent {
        say(text);
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

fn search_all(
    args: &CheckArgs,
    cells: &[Cell],
    stop: &AtomicBool,
) -> Result<Vec<Verdict>, Failure> {
    let bar = progress_bar(cells.len() as u64, args.json);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let deadline = args.timeout.map(|seconds| now() + Duration::from_secs(seconds));
    let before = AtomicUsize::new(0);
    let mut verdicts = Vec::with_capacity(cells.len());
    for cell in cells {
        // A rule broken by the caller must be noticed in every cell of what ships.
        let mutated = args.mutant.is_some() && cell.lifecycle == Lifecycle::Joined;
        let ships = cell.ships() || mutated;
        let mut verdict = Verdict { cell: cell.name(), ships, ..Verdict::default() };
        bar.set_message(verdict.cell.clone());
        if let Some(settings) = &cell.settings {
            let scope = Scope::new(settings.clone())?;
            let progress = |states: usize| {
                bar.set_prefix(format!("{} states", before.load(Ordering::Relaxed) + states));
                bar.tick();
                let late = deadline.is_some_and(|deadline| now() >= deadline);
                !late && !stop.load(Ordering::Relaxed)
            };
            let control = Control { threads, progress: &progress, second_opinion_up_to: 100_000 };
            let started = now();
            let report = check_cell(&scope, &control)
                .map_err(|error| Failure::Cell { cell: verdict.cell.clone(), error })?;
            before.fetch_add(report.unique, Ordering::Relaxed);
            verdict.settings = Some(settings.clone());
            fill(&mut verdict, report, started.elapsed());
        }
        verdicts.push(verdict);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(verdicts)
}

/// The clock of the progress display and of the seconds in the table; no verdict depends on it.
#[expect(clippy::disallowed_methods, reason = "display and --timeout only")]
fn now() -> Instant {
    Instant::now()
}

fn fill(verdict: &mut Verdict, report: CellReport, took: Duration) {
    verdict.states = Some(report.unique);
    verdict.generated = report.generated;
    verdict.confirmed = report.second_opinion == Some(report.unique);
    verdict.vacuous = report.unseen;
    verdict.truncated = report.truncated;
    verdict.seconds = took.as_secs_f64();
    verdict.broken = (report.broken.into_iter())
        .map(|broken| BrokenClaim {
            claim: broken.claim.name(),
            steps: broken.trace.steps.len(),
            trace: Some(broken.trace),
        })
        .collect();
}

fn progress_bar(cells: u64, hidden: bool) -> ProgressBar {
    let bar = if hidden { ProgressBar::hidden() } else { ProgressBar::new(cells) };
    let style = "{bar:20} {pos}/{len} cells  {prefix}  {elapsed} (about {eta} left)  {msg}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}

/// Everything that is not as it should be, in sentences.
fn complaints(
    args: &CheckArgs,
    cells: &[Cell],
    verdicts: &[Verdict],
    expectations: &[expected::Expectation],
) -> Vec<String> {
    let mut complaints = Vec::new();
    for verdict in verdicts.iter().filter(|verdict| !verdict.truncated) {
        if verdict.ships {
            for broken in &verdict.broken {
                let Verdict { cell, .. } = verdict;
                let sentence = Claim::named(broken.claim).map_or("", Claim::verdict);
                complaints.push(format!(
                    "{cell}: what ships breaks \"{}\" in {} steps: {sentence}",
                    broken.claim, broken.steps
                ));
            }
        }
        // With one node there is no minority, and with other constants some dangers are far away.
        if !args.has_own_constants() && !verdict.vacuous.is_empty() {
            let unseen = verdict.vacuous.join("; ");
            complaints.push(format!("{}: vacuous, never seen: {unseen}", verdict.cell));
        }
    }
    if !args.has_own_constants() {
        let done: Vec<Verdict> =
            verdicts.iter().filter(|verdict| !verdict.truncated).cloned().collect();
        complaints.extend(expected::differences(&done, expectations, args.is_whole()));
    }
    if args.is_whole() {
        complaints.extend(unreached_hazards(cells, verdicts));
    }
    complaints
}

/// The hazards that the table exists to show: each must be reached by some broken lifecycle.
fn unreached_hazards(cells: &[Cell], verdicts: &[Verdict]) -> Vec<String> {
    let reached = |claim: Claim| {
        cells.iter().zip(verdicts).any(|(cell, verdict)| {
            cell.part == Part::Hazards
                && verdict.broken.iter().any(|broken| broken.claim == claim.name())
        })
    };
    [Claim::NoStrayMessage, Claim::TrueCause, Claim::NoOrphan, Claim::NoZombie]
        .into_iter()
        .filter(|claim| !reached(*claim))
        .map(|claim| format!("no cell reached this hazard: {}", claim.verdict()))
        .collect()
}

/// The claims whose counterexamples are kept, most telling first.
const TELLING: [Claim; 6] = [
    Claim::WindowExclusion,
    Claim::Continuity,
    Claim::NoStrayMessage,
    Claim::TrueCause,
    Claim::NoOrphan,
    Claim::NoZombie,
];

/// How to see the failure that this project began with, if its counterexample was written.
fn show_first(folder: &Path) -> Option<String> {
    let name = "hazards-detached-touch-fifo-no-stray-message.trace";
    let path = folder.join("counterexamples").join(name);
    let found = path.exists();
    found.then(|| format!("go-redsync #158, step by step:  leasehold replay {}", path.display()))
}

/// Writes the table, and the minimal counterexamples of the hazards of every broken cell; of a cell
/// without such a hazard, the shortest of all.
fn write_reports(folder: &Path, cells: &[Cell], verdicts: &[Verdict]) -> Result<(), Failure> {
    write(&folder.join("verdicts.md"), &table::for_report(cells, verdicts))?;
    for verdict in verdicts {
        let telling =
            |broken: &&BrokenClaim| TELLING.iter().any(|claim| claim.name() == broken.claim);
        let mut kept: Vec<&BrokenClaim> = verdict.broken.iter().filter(telling).collect();
        if kept.is_empty() {
            kept.extend(verdict.broken.iter().min_by_key(|broken| broken.steps));
        }
        for broken in kept {
            if let Some(trace) = &broken.trace {
                let name = format!("{} {}", verdict.cell, broken.claim).replace(['/', ' '], "-");
                let path = folder.join("counterexamples").join(name + ".trace");
                write(&path, &trace.to_string())?;
            }
        }
    }
    Ok(())
}
