//! The table of scopes, for a terminal and for the report.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};

use super::within::Held;
use crate::layout::add_table;
use crate::table::constants_of;

const HEADER: [&str; 6] = ["scope", "checker's states", "steps", "visited", "part", "outside"];

fn cells_of(held: &Held) -> [String; 6] {
    [
        held.scope.clone(),
        held.states.to_string(),
        held.steps.to_string(),
        held.visited.to_string(),
        percent(held.visited, held.states),
        held.outside.to_string(),
    ]
}

/// One number as a part of another, with one digit, rounded down.
fn percent(part: usize, whole: usize) -> String {
    let thousandths = part * 1000 / whole.max(1);
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

/// The table as it is printed.
pub(super) fn for_terminal(all: &[Held]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header(HEADER);
    table.add_rows(all.iter().map(cells_of));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!(
        "{table}\nsteps: of all seeds. visited: so many of the checker's states. outside: steps \
         that led to none of\nthem, which there must not be."
    )
}

/// What it comes to, in a line.
pub(super) fn conclusion(all: &[Held]) -> String {
    let steps: u64 = all.iter().map(|held| held.steps).sum();
    let outside: u64 = all.iter().map(|held| held.outside).sum();
    let states: usize = all.iter().map(|held| held.states).sum();
    let visited: usize = all.iter().map(|held| held.visited).sum();
    format!(
        "{steps} steps, {outside} of them outside; {visited} of {states} states visited ({}).",
        percent(visited, states)
    )
}

/// The report: the same table in Markdown, and the constants.
pub(super) fn for_report(seeds: u64, all: &[Held]) -> String {
    let mut text = String::from(
        "# The simulator within the checker\n\nWritten by `leasehold covers`. Each scope was \
         searched to its end, by the exact search, up to names and to the\norigin of time; then ",
    );
    let _ = write!(
        text,
        "{seeds} seeds were run in it, in the checker's ticks. Every state that a seed visited \
         was\nlooked up among the checker's: \"outside\" counts the steps that led to none of \
         them, and fails the command.\n\"Part\" is how much of the checker's states the seeds \
         visited, so how good a sample they are.\n\n",
    );
    add_table(&mut text, HEADER, all.iter().map(cells_of));
    let _ = writeln!(text, "\n{}\n\n## Constants\n\nTimes are in ticks.\n", conclusion(all));
    for held in all {
        let line = format!("- **{}**: {}", held.scope, constants_of(&held.settings));
        let options = textwrap::Options::new(110).subsequent_indent("  ");
        text += &textwrap::fill(&line, options);
        text.push('\n');
    }
    text
}
