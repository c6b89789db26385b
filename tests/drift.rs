//! `leasehold drift` as a process: its report is the one that is kept, byte by byte.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use leasehold_tests::binary;

fn drift(arguments: &[&str]) -> Output {
    let mut command = Command::new(fs::canonicalize(binary()).unwrap());
    command.arg("drift").args(arguments).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn the_report_is_what_the_command_writes() {
    let folder = tempfile::tempdir().unwrap();
    let output = drift(&["--reports", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("36 of 36 thresholds are as predicted"), "{printed}");
    // What is written is told with a path that is not ours to choose.
    let table = printed.lines().filter(|line| !line.starts_with("Written:"));
    let wide: Vec<&str> = table.filter(|line| line.chars().count() > 100).collect();
    assert_eq!(wide, Vec::<&str>::new());
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/maps");
    for name in ["drift-continuous.md", "drift-continuous.svg"] {
        let written = fs::read(folder.path().join("maps").join(name)).unwrap();
        assert!(written == fs::read(kept.join(name)).unwrap(), "{name}: run leasehold drift");
    }
}

#[test]
fn machines_get_every_threshold() {
    let folder = tempfile::tempdir().unwrap();
    let output = drift(&["--json", "--reports", folder.path().to_str().unwrap()]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = found["thresholds"].as_array().unwrap();
    assert_eq!(rows.len(), 36);
    for row in rows {
        assert_eq!(row["as_predicted"], true, "{row}");
        let worst = &row["worst_case"];
        let ppb = |name: &str| worst[name].as_i64().unwrap();
        assert!(ppb("holds_ppb") <= ppb("predicted_ppb"), "{row}");
        assert!(ppb("predicted_ppb") <= ppb("overlaps_ppb"), "{row}");
    }
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let output = drift(&["--reports", file.to_str().unwrap()]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(4), 0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("cannot write"));
}
