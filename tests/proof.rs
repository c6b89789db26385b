//! Every step of docs/proof.md that z3 can check, checked; and each file says something.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The line before the last assertion of a file that expects `unsat`: the claim, negated.
const GOAL: &str = "\n; goal\n";
const CHECK: &str = "\n(check-sat)\n";
/// The condition on drift and rates, where a file has it.
const DRIFT: &str = "(assert (>= (* d (+ 1 rho)) (* T 2 rho)))\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What z3 says about `text`: `sat`, `unsat`, or what is wrong with it.
fn z3(text: &str) -> String {
    let mut command = Command::new("z3");
    command.args(["-in", "-T:120"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut solver = match command.spawn() {
        Ok(solver) => solver,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("z3 is missing, and the proofs cannot be checked: apt-get install z3")
        }
        Err(error) => panic!("z3 does not start: {error}"),
    };
    // Closed at the end of the statement, so that z3 sees the end of its input. It may have given
    // up before: then what it printed says why.
    let _ = solver.stdin.take().unwrap().write_all(text.as_bytes());
    let output = solver.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Every file of proofs/, by name.
fn proofs() -> BTreeMap<String, String> {
    let files = fs::read_dir(root().join("proofs")).unwrap();
    let proofs: BTreeMap<String, String> = files
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    assert!(proofs.len() >= 10, "{}", proofs.len());
    proofs
}

fn expected(text: &str) -> &str {
    text.lines().next().and_then(|line| line.strip_prefix("; expect: ")).unwrap_or("nothing")
}

/// Those that claim that something is impossible.
fn impossible() -> impl Iterator<Item = (String, String)> {
    proofs().into_iter().filter(|(_, text)| expected(text) == "unsat")
}

#[test]
fn z3_says_what_each_file_expects() {
    for (name, text) in proofs() {
        assert!(matches!(expected(&text), "sat" | "unsat"), "{name}: {}", expected(&text));
        assert!(text.ends_with(CHECK), "{name} does not end with (check-sat)");
        assert_eq!(text.matches("(check-sat)").count(), 1, "{name}");
        assert_eq!(z3(&text), expected(&text), "{name}");
    }
}

#[test]
fn premises_without_their_goal_can_be_met() {
    for (name, text) in impossible() {
        let (premises, rest) = text.split_once(GOAL).unwrap_or_else(|| panic!("{name}: no goal"));
        let goal = rest.strip_suffix(&CHECK[1..]).unwrap();
        assert!(goal.starts_with("(assert "), "{name}");
        assert_eq!(goal.matches("(assert ").count(), 1, "{name}: the goal is one assertion");
        assert_eq!(z3(&format!("{premises}{CHECK}")), "sat", "{name} shows nothing");
    }
}

#[test]
fn without_the_drift_condition_nothing_is_excluded() {
    let mut found = 0;
    for (name, text) in impossible().filter(|(_, text)| text.contains(DRIFT)) {
        found += 1;
        assert_eq!(z3(&text.replace(DRIFT, "")), "sat", "{name} does not need it");
    }
    assert_eq!(found, 3);
}

#[test]
fn the_document_lists_each_file_with_what_it_expects() {
    let document = fs::read_to_string(root().join("docs/proof.md")).unwrap();
    let mut listed = BTreeMap::new();
    for row in document.lines().filter(|line| line.starts_with("| [")) {
        let (_, link) = row.split_once("](../proofs/").unwrap_or_else(|| panic!("{row}"));
        let (name, rest) = link.split_once(')').unwrap();
        let answer = rest.split('|').nth(1).unwrap().trim();
        assert_eq!(listed.insert(name.to_owned(), answer.to_owned()), None, "{name} twice");
    }
    let there: BTreeMap<String, String> =
        proofs().into_iter().map(|(name, text)| (name, expected(&text).to_owned())).collect();
    assert_eq!(listed, there);
    assert_eq!(document.matches(".smt2").count(), listed.len(), "one is named outside the table");
}
