//! The reports in the repository are not prose: every counterexample happens as it is written.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use leasehold::protocol::Mutant;
use leasehold_model::scopes::{Overrides, ScopeName};
use leasehold_tests::binary;
use leasehold_world::{Claim, Lifecycle, Settings, Trace, replay};

fn reports() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports")
}

/// Every counterexample, with its file's name.
fn counterexamples() -> Vec<(String, Trace)> {
    traces_in("counterexamples")
}

fn traces_in(folder: &str) -> Vec<(String, Trace)> {
    let mut files: Vec<PathBuf> = fs::read_dir(reports().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "trace"))
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
    for (name, trace) in all.into_iter().chain(traces_in("mutants")) {
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
fn every_mutant_has_a_counterexample_and_a_line_in_the_table() {
    let table = fs::read_to_string(reports().join("mutants.md")).unwrap();
    let traces = traces_in("mutants");
    for mutant in Mutant::all() {
        let name = format!("{}.trace", mutant.name());
        let (_, trace) = traces.iter().find(|(known, _)| *known == name).unwrap();
        assert_eq!(trace.scope.settings().mutant.as_deref(), Some(mutant.name()));
        let row = |line: &str| {
            line.starts_with(&format!("| {} |", mutant.name()))
                && line.contains(&format!(" | {} | ", trace.steps.len()))
        };
        assert!(table.lines().any(row), "{name}");
    }
}

/// The seeds are run again: the table of the simulator says what they show.
#[test]
fn every_mutant_is_killed_by_the_seed_in_the_table() {
    let table = fs::read_to_string(reports().join("mutants.md")).unwrap();
    let head = "| mutant | profile | transport | seeds | noticed by |\n";
    let (_, rows) = table.split_once(head).unwrap();
    let rows: Vec<&str> = rows.lines().skip(1).take_while(|line| line.starts_with('|')).collect();
    let run_again: Vec<String> = leasehold_sim::trials()
        .iter()
        .map(|trial| {
            let kill = trial.hunt(0..10_000).unwrap_or_else(|| panic!("{trial:?}"));
            let (name, options) = (trial.mutant.name(), trial.options);
            let (seeds, claim) = (kill.seed + 1, kill.claim.name());
            let (profile, transport) = (options.profile, options.transport);
            format!("| {name} | {profile} | {transport} | {seeds} | {claim} |")
        })
        .collect();
    assert_eq!(rows, run_again);
}

#[test]
fn every_picture_shows_its_counterexample() {
    let shown = tempfile::tempdir().unwrap();
    for folder in ["counterexamples", "mutants"] {
        for (name, trace) in traces_in(folder) {
            let picture = reports().join(folder).join(name.replace(".trace", ".svg"));
            let drawn = fs::read_to_string(picture).unwrap();
            let now = shown.path().join(&name);
            let path = reports().join(folder).join(&name);
            let args = [path.as_os_str(), "--svg".as_ref(), now.as_os_str()];
            let output = Command::new(binary()).arg("replay").args(args).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{name}: {}", trace.steps.len());
            assert!(drawn == fs::read_to_string(now).unwrap(), "{name}");
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
fn what_ships_has_no_counterexample_within_its_assumptions() {
    let cells = ScopeName::Ci.cells(Overrides::default());
    let beyond: Vec<&Settings> =
        cells.iter().filter(|cell| cell.beyond).filter_map(|cell| cell.settings.as_ref()).collect();
    for (name, trace) in counterexamples() {
        let settings = trace.scope.settings();
        let broken_on_purpose = settings.mutant.is_some() || beyond.contains(&settings);
        assert!(trace.scope.lifecycle != Lifecycle::Joined || broken_on_purpose, "{name}");
    }
}

#[test]
fn the_verdicts_name_every_lifecycle_and_every_counterexample() {
    let read = |name: &str| fs::read_to_string(reports().join(name)).unwrap();
    let verdicts = read("verdicts.md") + &read("ci.md");
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
            line.contains(&cell) && (length(",") || length(" |"))
        };
        assert!(verdicts.lines().any(|line| row(&line)), "{name}");
    }
}
