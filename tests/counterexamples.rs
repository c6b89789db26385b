//! The reports in the repository are not prose: every counterexample happens as it is written.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};

use leasehold_world::{Claim, Lifecycle, Trace, replay};

fn reports() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports")
}

/// Every counterexample, with its file's name.
fn counterexamples() -> Vec<(String, Trace)> {
    let mut files: Vec<PathBuf> = fs::read_dir(reports().join("counterexamples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let trace = fs::read_to_string(&path).unwrap().parse();
        (name.clone(), trace.unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    files.into_iter().map(read).collect()
}

#[test]
fn every_counterexample_breaks_its_claim_with_its_last_step() {
    let all = counterexamples();
    assert!(all.len() >= 20, "{} counterexamples", all.len());
    for (name, trace) in all {
        let replayed = replay(&trace).unwrap_or_else(|error| panic!("{name}: {error}"));
        let claim = trace.breaks.unwrap_or_else(|| panic!("{name} names no claim"));
        let broke = replayed.broken.iter().find(|(_, broken)| *broken == claim);
        assert_eq!(broke, Some(&(trace.steps.len(), claim)), "{name}: {:?}", replayed.broken);
        for (frame, line) in replayed.moments.iter().zip(&trace.steps) {
            assert_eq!(frame.line, *line, "{name}: a note that is not what happens");
        }
    }
}

#[test]
fn a_file_is_named_by_what_it_shows() {
    for (name, trace) in counterexamples() {
        let settings = trace.scope.settings();
        let dashed = |text: &str| text.replace(' ', "-");
        let claim = dashed(trace.breaks.map_or("", Claim::name));
        assert!(name.ends_with(&format!("-{claim}.trace")), "{name}");
        for part in [&settings.lifecycle, &settings.extend, &settings.transport] {
            assert!(name.contains(&format!("-{part}-")), "{name} lacks {part}");
        }
    }
}

#[test]
fn what_ships_has_no_counterexample_without_a_broken_rule() {
    for (name, trace) in counterexamples() {
        let broken_on_purpose = trace.scope.settings().mutant.is_some();
        assert!(trace.scope.lifecycle != Lifecycle::Joined || broken_on_purpose, "{name}");
    }
}

#[test]
fn the_verdicts_name_every_lifecycle_and_every_counterexample() {
    let verdicts = fs::read_to_string(reports().join("verdicts.md")).unwrap();
    // A hazard and its number are held together.
    let verdicts = verdicts.replace('\u{a0}', " ");
    for lifecycle in Lifecycle::ALL {
        assert!(verdicts.contains(&format!("| {lifecycle} |")), "{lifecycle}");
    }
    for (name, trace) in counterexamples() {
        let settings = trace.scope.settings();
        // The row of its cell, with the length of the counterexample.
        let row = |line: &&str| {
            let cell = format!("| {} | {} | ", settings.extend, settings.transport);
            let length = |end: &str| line.contains(&format!(" {}{end}", trace.steps.len()));
            line.starts_with(&format!("| {}", settings.lifecycle))
                && line.contains(&cell)
                && (length(",") || length(" |"))
        };
        assert!(verdicts.lines().any(|line| row(&line)), "{name}");
    }
}
