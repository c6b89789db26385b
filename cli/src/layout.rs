//! How what is printed is laid out: lines and tables that fit a terminal, and tables of a report.

use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

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
