//! `leasehold conform` as a process, on recordings of a program that knows nothing of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use leasehold_tests::{binary, servers, urls};

/// The exit code, and what was printed.
fn conform(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(binary());
    let output = command.arg("conform").args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Locks a key by `leasehold run`, recorded by the environment alone.
fn record(folder: &Path) -> PathBuf {
    let servers = servers(3);
    let mut command = Command::new(binary());
    command.args(["run", "--key", "k", "--no-restart-guard"]);
    for url in urls(&servers) {
        command.args(["--node", &url]);
    }
    let output = command.args(["--", "true"]).env("LEASEHOLD_RECORD", folder).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn a_program_is_recorded_by_its_environment_and_what_it_did_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let file = record(folder.path());
    let (file, place) = (file.to_str().unwrap(), folder.path().to_str().unwrap());
    let (code, printed, _) = conform(&[place]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.starts_with("1 of 1 recordings conform: leases 1, "), "{printed}");
    assert!(printed.lines().all(|line| line.chars().count() <= 100), "{printed}");
    let (code, printed, _) = conform(&["--json", file, place]);
    let told: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((code, told["recordings"].as_array().unwrap().len()), (0, 2));
    assert_eq!(told["recordings"][1]["paths"], 1);

    // Another answer than there was.
    let text = fs::read_to_string(file).unwrap();
    let granted = r#""command":"set","answer":"done""#;
    let changed = text.replacen(granted, &granted.replace("done", "foreign"), 1);
    assert_ne!(changed, text);
    fs::write(file, changed).unwrap();
    let (code, printed, _) = conform(&[place]);
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains(&format!("{file}: line ")), "{printed}");
    assert!(printed.contains("0 of 1 recordings conform"), "{printed}");
}

#[test]
fn what_is_no_recording_is_refused_with_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let (code, _, error) = conform(&[place]);
    assert_eq!((code, error.lines().count()), (2, 1), "{error}");
    assert!(error.contains("no recording in that folder"), "{error}");
    let file = folder.path().join("a.jsonl");
    fs::write(&file, "leasehold trace 1\n").unwrap();
    let (code, _, error) = conform(&[file.to_str().unwrap()]);
    assert_eq!((code, error.lines().count()), (2, 1), "{error}");
    assert!(error.contains("a.jsonl: line 1: not a recording"), "{error}");
    let (code, _, error) = conform(&[&format!("{place}/none.jsonl")]);
    assert_eq!((code, error.lines().count()), (4, 1), "{error}");
}
