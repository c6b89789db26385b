//! `leasehold soak`: it finds two holders where there must be two, keeps what it saw when it is
//! stopped, and refuses what makes no sense.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::process::{Command, Output, Stdio};

use leasehold_tests::{binary, eventually, ms, signal};
use serde_json::Value;

fn soak(options: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.arg("soak").args(options).stdin(Stdio::null());
    command
}

fn found(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn clocks_that_run_too_fast_make_two_holders_and_they_are_found() {
    let output = soak(&["--minutes", "0.25", "--fast-clocks", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let found = found(&output);
    assert!(!found["overlaps"].as_array().unwrap().is_empty(), "{found}");
    assert!(found["complete"].as_bool().unwrap(), "{found}");
}

#[test]
fn a_soak_that_is_stopped_tells_what_it_saw_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("soak.md");
    let mut command = soak(&["--minutes", "9", "--report", report.to_str().unwrap()]);
    command.env("TMPDIR", folder.path());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    // Five servers, and recordings.
    let begun = || std::fs::read_dir(folder.path()).unwrap().count() >= 6;
    assert!(eventually(begun));
    std::thread::sleep(ms(6_000));
    signal(child.id(), "INT");
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let text = std::fs::read_to_string(&report).unwrap();
    assert!(
        text.contains("TRUNCATED") && text.contains("| no two held a key at once | 0 overlaps")
    );
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    for minutes in ["0", "-1", "NaN", "1e9"] {
        let output = soak(&[&format!("--minutes={minutes}")]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("--minutes") && said.contains("more than 0"), "{said}");
    }
}
