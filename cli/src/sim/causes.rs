//! `leasehold sim --causes`: how often each cause was met, as a table and as a picture.

use std::path::PathBuf;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use leasehold_draw::{Bar, BarChart, BarGroup};
use leasehold_sim::{CauseCount, Counts};

use crate::exit::{Failure, say};

/// The length of the longest bar of a table, in characters.
const LONGEST: u64 = 32;

/// Options of `leasehold sim` about causes.
#[derive(clap::Args, Debug, Default)]
pub(super) struct CausesArgs {
    /// Print how often each cause of a "lock already taken" and of a lost lease was met, and where
    /// first
    #[arg(long)]
    causes: bool,
    /// Draw the table of causes as a bar chart to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

impl CausesArgs {
    /// Prints and draws what is wanted of `counts`; `typed` are the options that
    /// were asked for. As JSON the table is part of the whole.
    pub(super) fn show(&self, counts: &Counts, typed: &str, json: bool) -> Result<(), Failure> {
        let groups = groups(counts);
        if self.causes && !json {
            groups.iter().for_each(|(title, rows)| say(table(title, rows)));
            say(format!("A seed is taken again with: leasehold replay SEED{typed}"));
        }
        let Some(path) = &self.svg else { return Ok(()) };
        let chart = chart(counts, typed, &groups).draw();
        let picture = chart.map_err(|error| Failure::Argument(error.to_string()))?;
        crate::exit::write(path, &picture)
    }
}

type Group = (String, Vec<CauseCount>);

/// The messages and the losses.
fn groups(counts: &Counts) -> [Group; 2] {
    let group = |title: &str, rows: Vec<CauseCount>| {
        let total: u64 = rows.iter().map(|row| row.count).sum();
        (format!("{title}: {total}"), rows)
    };
    [
        group("\"lock already taken\"", counts.message_causes().collect()),
        group("Lost leases", counts.loss_causes().collect()),
    ]
}

fn table(title: &str, rows: &[CauseCount]) -> String {
    let most = rows.iter().map(|row| row.count).max().unwrap_or(0);
    if most == 0 {
        return title.to_owned();
    }
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["cause", "times", "", "first seed"]);
    for row in rows {
        let first = row.first_seed.map_or("-".to_owned(), |seed| seed.to_string());
        let (name, count) = (row.cause.name().to_owned(), row.count.to_string());
        table.add_row([name, count, bar(row.count, most), first]);
    }
    for column in [1, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    format!("{title}\n{table}")
}

/// A bar of at most [`LONGEST`] characters; never nothing for what was met.
fn bar(count: u64, most: u64) -> String {
    let eighths = u128::from(count) * u128::from(LONGEST * 8) / u128::from(most.max(1));
    let eighths = (eighths as usize).max(usize::from(count > 0));
    let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8];
    let bar = "█".repeat(eighths / 8) + rest;
    format!("{bar:<width$}", width = LONGEST as usize)
}

fn chart(counts: &Counts, typed: &str, groups: &[Group]) -> BarChart {
    let bar = |row: &CauseCount| Bar {
        label: row.cause.name().to_owned(),
        count: row.count,
        note: row.first_seed.map_or(String::new(), |seed| format!("first in seed {seed}")),
    };
    let group = |(title, rows): &Group| BarGroup {
        title: title.clone(),
        // A group of which there is nothing to show keeps its title.
        bars: rows.iter().map(bar).filter(|_| rows.iter().any(|row| row.count > 0)).collect(),
    };
    let options = if typed.is_empty() { String::new() } else { format!(",{typed}") };
    BarChart {
        title: "Causes of \"lock already taken\" and of lost leases".to_owned(),
        subtitle: format!(
            "{} seeds{options}; each message and each loss has one cause",
            counts.runs
        ),
        groups: groups.iter().map(group).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_count_and_never_nothing_for_what_was_met() {
        let full = |count: u64, most: u64| bar(count, most).trim_end().to_owned();
        assert_eq!(full(7, 7), "█".repeat(32));
        assert_eq!(full(1, 2), "█".repeat(16));
        assert_eq!(full(1, 1_000_000), "▏");
        assert_eq!(full(0, 9), "");
        assert_eq!(full(0, 0), "");
        assert_eq!(full(u64::MAX, u64::MAX), "█".repeat(32));
        assert!(bar(3, 9).chars().count() == 32);
    }
}
