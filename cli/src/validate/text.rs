//! What was found, for people.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use leasehold_rig::perform::{Disagreement, Performance, Verdict};
use leasehold_world::Trace;

use super::programme::{CaseRow, Found, Row};
use crate::exit::say;
use crate::layout::{add_table, wrapped};

const TRACES: [&str; 4] = ["trace", "steps", "on real servers", "at step"];
const MUTANTS: [&str; 5] = ["broken on purpose", "step", "command", "the trace", "real servers"];
/// As wide as what stands before what happens.
const INDENT: usize = 28;
const CASES: [&str; 5] = ["case", "looked for", "must", "happened", "what shows it"];

/// Prints the timeline of one trace with what the servers said, and the verdict.
pub(super) fn timeline(path: &Path, trace: &Trace, performance: &Performance) {
    let settings = trace.scope.settings();
    say(path.display());
    say(format!(
        "{} with {} over {}: {} nodes, {} clients",
        settings.lifecycle,
        settings.extend,
        settings.transport,
        settings.nodes,
        settings.roles.len(),
    ));
    let head = "what happens, and what is stored";
    say(format!("{:>5} {:>10}  {:<9} {head}", "step", trace.unit, "reply"));
    for (number, step) in (1usize..).zip(&performance.steps) {
        let line = format!("{number:>5} {:>10}  {:<9} {}", step.elapsed, step.reply, step.note);
        say(wrapped(&line, INDENT));
        let before = number.checked_sub(2).and_then(|at| performance.steps.get(at));
        if before.is_none_or(|before| before.stored != step.stored) {
            say(wrapped(&format!("{:INDENT$}{}", "", step.stored), INDENT));
        }
        for (_, claim) in performance.broken.iter().filter(|(at, _)| *at == number) {
            let told = format!("{:INDENT$}*** {}: {}", "", claim.name(), claim.verdict());
            say(wrapped(&told, INDENT));
        }
        for seen in performance.observations.iter().filter(|seen| seen.step == number) {
            say(wrapped(&format!("{:INDENT$}seen: {}", "", seen.fact), INDENT));
        }
    }
    let verdict = format!("{}, on {}", performance.verdict, performance.server);
    say(wrapped(&verdict, 0));
}

/// Prints the tables, short.
pub(super) fn for_terminal(found: &Found) {
    let wrong = found.traces.iter().filter(|row| !row.is_as_expected());
    for row in wrong {
        for performance in &row.results {
            let (folder, name) = (&row.folder, &row.name);
            say(format!(
                "NOT AS EXPECTED  {folder}/{name}: {}, on {}",
                performance.verdict, performance.server
            ));
        }
    }
    for row in &found.cases {
        let CaseRow { case, results } = row;
        for (outcome, server) in results.iter().zip(&found.servers) {
            let verdict = if row.is_as_expected() { "" } else { "NOT AS EXPECTED  " };
            let happened = if outcome.happened { "happened" } else { "did not happen" };
            let comma = if outcome.measured.is_empty() { "" } else { ", " };
            say(format!("{verdict}{} ({server}): {} {happened}", case.name(), case.violation()));
            say(format!("    {}{comma}{}", outcome.evidence, outcome.measured));
        }
    }
    say(format!("\n{}", summary(found)));
    say(format!("{:.1} s", found.took.as_secs_f64()));
}

fn summary(found: &Found) -> String {
    let count = |wanted: fn(&Row) -> bool| found.traces.iter().filter(|row| wanted(row)).count();
    let same = count(|row| !row.must_differ && row.is_as_expected());
    let sound = count(|row| !row.must_differ);
    let refuted = count(|row| row.must_differ && row.is_as_expected());
    let mutants = count(|row| row.must_differ);
    let cases = found.cases.iter().filter(|row| row.is_as_expected()).count();
    format!(
        "{same} of {sound} traces: real servers answer as the trace says, and the same claim \
         breaks, or none.\n{refuted} of {mutants} with a broken script: real servers do not do \
         that.\n{cases} of {} violations: they happened where they must, and nowhere else.",
        found.cases.len()
    )
}

/// The report. What is seen at the servers of other libraries has a report of its own: `--foreign`.
pub(super) fn for_report(found: &Found) -> String {
    let sections = [head(found), violations(found), scripts(found), traces(found)];
    sections.join("\n")
}

fn head(found: &Found) -> String {
    let servers = found.servers.join(" and ");
    let at = commit().map_or(String::new(), |commit| format!(", commit {commit}"));
    let truncated = if found.truncated { "\nTRUNCATED: stopped before its end.\n" } else { "" };
    format!(
        "# On real servers\n\nWritten by `leasehold validate`.\n{servers}{at}.\n{truncated}\n\
         Every trace that is kept was performed on real servers, command by command, in virtual \
         time: each\nreply and each key must be what the trace says. `docs/validation.md` says \
         how, and what that does\nnot show.\n\n{}\n",
        summary(found)
    )
}

/// The commit of what is being run, as far as the folder tells.
fn commit() -> Option<String> {
    let asked = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(asked.stdout).ok()?.trim().to_owned();
    (asked.status.success() && !commit.is_empty()).then_some(commit)
}

fn violations(found: &Found) -> String {
    let mut text = String::from(
        "## Violations, with the library itself\n\nEach breaks an assumption of the lock on \
         purpose; below it stands what ships, under the same\nschedule.\n\n",
    );
    let row = |row: &CaseRow| {
        let must = if row.case.must_happen() { "yes" } else { "no" };
        let word = |happened: bool| if happened { "yes" } else { "no" }.to_owned();
        let happened = one(row.results.iter().map(|outcome| word(outcome.happened)));
        let evidence = one(row.results.iter().map(|outcome| outcome.evidence.clone()));
        let (name, violation) = (row.case.name().to_owned(), row.case.violation().to_owned());
        [name, violation, must.to_owned(), happened, evidence]
    };
    add_table(&mut text, CASES, found.cases.iter().map(row));
    text
}

fn scripts(found: &Found) -> String {
    let mut text = String::from(
        "## Broken scripts\n\nThe servers run the scripts that ship, so these traces must not be \
         possible. The first difference\nis shown.\n\n",
    );
    let row = |row: &&Row| {
        let told = |part: fn(&Disagreement) -> String| {
            one(row.results.iter().map(|performance| match &performance.verdict {
                Verdict::Disagrees(why) => part(why),
                Verdict::Same { .. }
                | Verdict::Nothing
                | Verdict::Otherwise { .. }
                | Verdict::Unseen { .. }
                | Verdict::Differs(..) => format!("THEY DO: {}", performance.verdict),
            }))
        };
        let name = if row.folder == "mutants" { String::new() } else { format!("{}/", row.folder) };
        [
            format!("{name}{}", row.name),
            told(|why| why.step.to_string()),
            told(|why| why.about.clone()),
            told(|why| why.expected.to_string()),
            told(|why| why.got.to_string()),
        ]
    };
    let rows: Vec<&Row> = found.traces.iter().filter(|row| row.must_differ).collect();
    add_table(&mut text, MUTANTS, rows.iter().map(row));
    text
}

fn traces(found: &Found) -> String {
    let mut folders: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in found.traces.iter().filter(|row| !row.must_differ) {
        folders.entry(&row.folder).or_default().push(row);
    }
    let mut text = String::from("## Traces\n");
    for (folder, rows) in folders {
        let _ = writeln!(text, "\n### {folder}\n");
        let row = |row: &&Row| {
            let claim = one(row.results.iter().map(|result| short(&result.verdict).0));
            let step = one(row.results.iter().map(|result| short(&result.verdict).1));
            [row.name.clone(), row.steps.to_string(), claim, step]
        };
        add_table(&mut text, TRACES, rows.iter().map(row));
    }
    text
}

/// A verdict in a table: what breaks, and after which step.
fn short(verdict: &Verdict) -> (String, String) {
    match verdict {
        Verdict::Same { claim, step } => (claim.name().to_owned(), step.to_string()),
        Verdict::Nothing => ("none".to_owned(), "-".to_owned()),
        Verdict::Otherwise { .. }
        | Verdict::Unseen { .. }
        | Verdict::Disagrees(_)
        | Verdict::Differs(..) => (format!("NOT THE SAME: {verdict}"), "-".to_owned()),
    }
}

/// What all servers say; if they do not say the same, what each of them does.
fn one(mut told: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = told.next().into_iter().collect();
    for word in told {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(" / ")
}
