//! The table as a file.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::table::{HEADS, Row};

/// Writes the rows as Markdown to `reports/bench.md`.
///
/// # Panics
/// If that folder cannot be written to.
pub fn write(rows: &[Row], cores: usize, runs: usize) {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports");
    let (date, redis) = (said("date", &["-u", "+%F"]), redis_version());
    let commit = said("git", &["describe", "--always", "--dirty", "--abbrev=12"]);
    let missed = rows.iter().filter(|row| !row.passes()).count();
    let mut text = format!(
        "# The library on real Redis\n\n\
         Written by `cargo bench -p leasehold-benches --bench library -- --report`. The bench says \
         what each row is.\n\n\
         {date}, commit {commit}, {cores} cores, Redis {redis} on the loopback interface, medians \
         of {runs} runs. {missed} of {} rows miss their bar.\n\n",
        rows.len()
    );
    let mut line = |cells: &[String]| writeln!(text, "| {} |", cells.join(" | "));
    let rule = ["---", "---:", "---:", "---:", "---:", "---:", "---"].map(str::to_owned);
    let lines = [HEADS.map(str::to_owned), rule].into_iter().chain(rows.iter().map(Row::cells));
    for cells in lines {
        line(&cells).expect("a string");
    }
    fs::write(reports.join("bench.md"), text).expect("the folder of the reports");
}

fn redis_version() -> String {
    let version = said("redis-server", &["--version"]);
    let number = version.split_whitespace().find_map(|word| word.strip_prefix("v="));
    number.unwrap_or("of an unknown version").to_owned()
}

/// What a program prints; nothing if it cannot.
fn said(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}
