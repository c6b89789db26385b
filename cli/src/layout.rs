//! How tables are laid out.

use std::fmt::Write;

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
