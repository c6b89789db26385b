//! How what is shown is laid out: lines and tables that fit a terminal, bars of progress, and the
//! tables of a report.

use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};

/// The widest line.
pub(crate) const WIDTH: usize = 100;

/// Lines of at most [`WIDTH`], those after the first behind `indent` spaces.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let indent = " ".repeat(indent);
    textwrap::fill(text, textwrap::Options::new(WIDTH).subsequent_indent(&indent))
}

/// An empty table of at most [`WIDTH`] with this header, and numbers in these columns.
pub(crate) fn table(header: &[&str], numbers: &[usize]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH as u16)
        .set_header(header);
    for &column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A bar that grows to `length` and shows what `template` says, or none.
pub(crate) fn bar(length: u64, template: &str, hidden: bool) -> ProgressBar {
    let bar = if hidden { ProgressBar::hidden() } else { ProgressBar::new(length) };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Adds a table in Markdown to a report.
pub(crate) fn add_table<const N: usize>(
    text: &mut String,
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    let head = [header.map(str::to_owned), header.map(|_| "---".to_owned())];
    for cells in head.into_iter().chain(rows) {
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
}
