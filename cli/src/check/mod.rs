//! `leasehold check`: the verdict table.

use std::path::PathBuf;

use leasehold::protocol::{Extend, Mutant, Span, Transport};
use leasehold_model::scopes::{Cell, Overrides, ScopeName};
use leasehold_world::Lifecycle;

use crate::exit::{Ending, Failure, say};
use crate::map::MapName;
use crate::verdict::Verdict;
use crate::{expected, map, table};

mod complaints;
mod mutants;
mod reports;
mod search;

pub(crate) use search::{now, progress_bar, stop_on_ctrl_c};

/// Options of `leasehold check`.
#[derive(clap::Args, Debug)]
pub(crate) struct CheckArgs {
    /// What is searched: quick (a minute), ci (all faults, ten minutes), nightly (pairs of faults),
    /// or one group of these: hazards, exclusion, faults, slips, restart, reset, pause, pooled,
    /// repair, library, pairs, sizes
    #[arg(long, default_value = "quick", value_name = "SCOPE")]
    scope: ScopeName,
    /// Instead: break every rule of the machine, one at a time, and see that each is noticed
    #[arg(long, conflicts_with_all = ["scope", "lifecycle", "extend", "transport", "clients",
        "nodes", "ttl", "mutant", "expected"])]
    mutants: bool,
    /// Instead: search a range of constants and draw where a claim turns
    #[arg(long, value_name = "MAP", conflicts_with_all = ["scope", "mutants", "lifecycle",
        "extend", "transport", "clients", "nodes", "ttl", "mutant", "expected", "cell_timeout",
        "memory"])]
    map: Option<MapName>,
    /// Only this program: detached, sleep, double_check or joined
    #[arg(long)]
    lifecycle: Option<Lifecycle>,
    /// Only this extend operation: touch or touch_or_set
    #[arg(long)]
    extend: Option<Extend>,
    /// Only this transport: fifo or pooled
    #[arg(long)]
    transport: Option<Transport>,
    /// Only the cells with so many clients (1 to 3); with 2 also those that quick leaves out
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
    clients: Option<u8>,
    /// So many nodes (1 to 5) instead of the scope's; nothing is then expected of the verdicts
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
    /// Give up a cell after so many seconds and go on with the next; the result is then TRUNCATED
    #[arg(long, value_name = "SECONDS")]
    cell_timeout: Option<u64>,
    /// Give up a cell when the program uses more memory than this; the result is then TRUNCATED
    #[arg(long, value_name = "GIB", default_value_t = 20)]
    memory: u64,
    /// Where the tables and the counterexamples are written
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

    /// Whether these are not the constants that the expectations speak of.
    fn has_own_constants(&self) -> bool {
        self.nodes.is_some() || self.ttl.is_some() || self.clients == Some(2)
    }

    /// Whether cells of the scope are left out, or searched otherwise.
    fn is_narrowed(&self) -> bool {
        self.lifecycle.is_some()
            || self.extend.is_some()
            || self.transport.is_some()
            || self.clients.is_some()
            || self.mutant.is_some()
            || self.has_own_constants()
    }

    /// Whether every cell of a named scope is searched as it is, so that reports are written.
    fn is_whole(&self) -> bool {
        !self.is_narrowed() && !matches!(self.scope, ScopeName::Only(_))
    }
}

/// Runs the command.
pub(crate) fn run(args: &CheckArgs) -> Result<Ending, Failure> {
    if args.mutants {
        return mutants::run(args);
    }
    if let Some(name) = args.map {
        let CheckArgs { timeout, ref reports, json, .. } = *args;
        return map::run(name, &map::Options { timeout, reports, json });
    }
    let expectations = expected::read(args.expected.as_deref())?;
    let cells: Vec<Cell> =
        args.scope.cells(args.overrides()).into_iter().filter(|cell| args.wants(cell)).collect();
    if cells.is_empty() {
        let message = "no cell has these properties; leave one of the options out";
        return Err(Failure::Argument(message.to_owned()));
    }
    if args.is_whole() {
        // Before the search, not after it.
        crate::exit::prepare(&args.reports.join("counterexamples"))?;
    }
    let verdicts = search::search_all(args, &cells)?;
    let complaints = complaints::complaints(args, &cells, &verdicts, &expectations);
    if args.json {
        say(serde_json::json!({ "verdicts": verdicts, "complaints": complaints }));
    } else {
        say(table::for_terminal(&cells, &verdicts));
        complaints.iter().for_each(|complaint| say(format!("NOT AS EXPECTED  {complaint}")));
    }
    let truncated = verdicts.iter().any(|verdict| verdict.truncated);
    if args.is_whole() {
        let kept = reports::write_all(args, &cells, &verdicts, truncated)?;
        say_unless(args.json, &kept);
    }
    if truncated {
        say_unless(args.json, "TRUNCATED: stopped before the end");
        return Ok(Ending::Truncated);
    }
    let conclusion = if complaints.is_empty() { "As expected." } else { "Not as expected." };
    say_unless(args.json, conclusion);
    Ok(if complaints.is_empty() { Ending::AsClaimed } else { Ending::Broken })
}

fn say_unless(silent: bool, text: &str) {
    if !silent && !text.is_empty() {
        say(text);
    }
}

/// Whether any claim must hold in this cell, whatever else is expected of it.
fn must_hold(args: &CheckArgs, cell: &Cell) -> bool {
    // A rule broken by the caller must be noticed in every cell of what ships.
    cell.ships() || args.mutant.is_some() && cell.lifecycle == Lifecycle::Joined
}

/// A verdict on a cell that has not been searched yet.
fn unsearched(args: &CheckArgs, cell: &Cell) -> Verdict {
    Verdict { cell: cell.name(), ships: must_hold(args, cell), ..Verdict::default() }
}
