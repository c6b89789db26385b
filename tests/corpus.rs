//! The seeds in the repository: schedules that the simulator found and shrank, one for each way in
//! which a broken lifecycle is known to fail. Each is replayed as it is written, whatever has
//! become of the seed since.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use leasehold_sim::cause_of;
use leasehold_world::{Claim, Lifecycle, Replay, Settings, Trace, replay};

/// A schedule of the corpus: where it lies, and what it does.
struct Schedule {
    folder: String,
    name: String,
    trace: Trace,
    replayed: Replay,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn corpus() -> Vec<Schedule> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut corpus = Vec::new();
    for folder in entries(&root().join("reports/seeds")) {
        for path in entries(&folder) {
            let text = fs::read_to_string(&path).unwrap();
            let trace: Trace =
                text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(trace.to_string(), text, "{}", path.display());
            let replayed =
                replay(&trace).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let (folder, name) = (name(&folder), name(&path));
            corpus.push(Schedule { folder, name, trace, replayed });
        }
    }
    corpus
}

/// The cell that a schedule belongs to, as it is called in tables.
fn cell(settings: &Settings) -> String {
    let Settings { lifecycle, extend, transport, .. } = settings;
    format!("{lifecycle}/{extend}/{transport}")
}

#[test]
fn every_schedule_breaks_what_it_says_with_its_last_step() {
    for Schedule { folder, name, trace, replayed } in corpus() {
        let claim = trace.breaks.unwrap_or_else(|| panic!("{folder}/{name} names no claim"));
        let broke = replayed.broken.iter().find(|(_, broken)| *broken == claim);
        assert_eq!(broke, Some(&(trace.steps.len(), claim)), "{folder}/{name}");
        for (frame, line) in replayed.moments.iter().zip(&trace.steps) {
            assert_eq!(frame.line, *line, "{folder}/{name}: a note that is not what happens");
        }
    }
}

#[test]
fn a_schedule_is_named_by_its_seed_and_by_what_it_shows() {
    for Schedule { folder, name, trace, .. } in corpus() {
        let claim = trace.breaks.map_or("", Claim::name).replace(' ', "-");
        let seed = trace.seed.unwrap_or_else(|| panic!("{folder}/{name} names no seed"));
        let named = name.strip_suffix(".trace").unwrap_or_else(|| panic!("{folder}/{name}"));
        let rest = named.strip_prefix(&format!("{seed}-{claim}"));
        let said = rest.unwrap_or_else(|| panic!("{folder}/{name}"));
        let cause = cause_of(&trace).unwrap().map_or(String::new(), |cause| {
            format!("-{}", cause.name().replace([',', '\''], "").replace(' ', "-"))
        });
        assert!(said.is_empty() || said == cause, "{folder}/{name}: the cause is {cause}");
        let cell = cell(trace.scope.settings()).replace('/', "-");
        assert!(folder.starts_with(&cell), "{folder}/{name}");
    }
}

#[test]
fn nothing_that_ships_is_in_the_corpus() {
    for Schedule { folder, name, trace, .. } in corpus() {
        let ships = trace.scope.lifecycle == Lifecycle::Joined;
        assert!(!ships || trace.scope.settings().mutant.is_some(), "{folder}/{name}");
    }
}

/// What the checker is expected to find in each cell of the table, the simulator has found too.
#[test]
fn every_known_hazard_of_a_broken_lifecycle_has_a_schedule() {
    let mut shown: BTreeMap<String, Vec<Claim>> = BTreeMap::new();
    for Schedule { trace, replayed, .. } in corpus() {
        let last = trace.steps.len();
        let by_last = replayed.broken.iter().filter(|(step, _)| *step == last);
        let claims = shown.entry(cell(trace.scope.settings())).or_default();
        claims.extend(by_last.map(|(_, claim)| *claim));
    }
    let expected = fs::read_to_string(root().join("cli/expected.json")).unwrap();
    let expected: Vec<serde_json::Value> = serde_json::from_str(&expected).unwrap();
    let mut cells = 0;
    for wanted in &expected {
        let Some(cell) = wanted["cell"].as_str().unwrap().strip_prefix("hazards/") else {
            continue;
        };
        let breaks = wanted["breaks"].as_object().unwrap();
        cells += usize::from(!breaks.is_empty());
        for name in breaks.keys() {
            let claim = Claim::named(name).unwrap();
            let found = shown.get(cell).is_some_and(|claims| claims.contains(&claim));
            assert!(found, "{cell}: no schedule breaks \"{name}\"");
        }
    }
    assert_eq!(cells, 12);
}
