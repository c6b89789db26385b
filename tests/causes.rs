//! What `replay` and `sim --causes` say about causes: for people and for machines.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};

use leasehold_sim::Cause;
use leasehold_tests::command;

/// The exit code and what was printed.
fn leasehold(arguments: &[&str]) -> (i32, String) {
    command::leasehold(Path::new("."), arguments).quiet()
}

fn scenario(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    folder.join(name).with_extension("trace")
}

fn narrow(text: &str) {
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 100).collect();
    assert_eq!(wide, Vec::<&str>::new());
}

#[test]
fn a_replay_ends_with_the_cause_and_the_steps_that_show_it() {
    let path = scenario("03-tick-wins-tie-with-cancel");
    let (code, text) = leasehold(&["replay", path.to_str().unwrap()]);
    assert_eq!(code, 1);
    let end = text.find("Step 13: c0 reads").map(|at| &text[at..]).unwrap();
    let wanted = "\
Step 13: c0 reads \"lock already taken\". Cause: stray renewal after own release:
    the renewal was sent after the stop and ran after the lease's own release: nobody had taken the
    lock
         6  the stop of c0/1 is accepted
         9  c0 sends the renewal of c0/1
        10  n0 runs the release of c0/1
        12  n0 runs the renewal sent in step 9: nothing there
        13  c0 is told \"lock already taken\"
";
    assert_eq!(end, wanted);
    narrow(end);
}

#[test]
fn a_loss_is_explained_and_a_clean_trace_is_not() {
    let path = scenario("loss-renewal-unanswered");
    let (code, text) = leasehold(&["replay", path.to_str().unwrap()]);
    assert_eq!(code, 0);
    let wanted = "c0 has lost its lease (lost: expired). Cause: late or repeated command:";
    assert!(text.contains(wanted), "{text}");
    let path = scenario("01-renewal-before-release");
    let (_, text) = leasehold(&["replay", path.to_str().unwrap()]);
    assert!(!text.contains("Cause"), "{text}");
}

#[test]
fn machines_read_the_same() {
    let path = scenario("10-stalled-renewal-gives-two-messages");
    let (_, text) = leasehold(&["replay", path.to_str().unwrap(), "--json"]);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let explained = json["explained"].as_array().unwrap();
    let steps: Vec<u64> = explained.iter().map(|one| one["step"].as_u64().unwrap()).collect();
    assert_eq!(steps, [16, 20]);
    for one in explained {
        assert_eq!(one["cause"], Cause::StrayRenewalAfterRelease.name());
        assert_eq!(one["told"], "lock already taken");
        let chain = one["chain"].as_array().unwrap();
        assert_eq!(chain.last().unwrap()["step"], one["step"]);
    }
}

#[test]
fn a_picture_says_the_cause_and_marks_the_steps_that_show_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut shown = 0;
    for entry in fs::read_dir(scenario("01").parent().unwrap()).unwrap() {
        let (trace, picture) = (entry.unwrap().path(), folder.path().join("drawn.svg"));
        let file = (trace.to_str().unwrap(), picture.to_str().unwrap());
        let (_, text) = leasehold(&["replay", file.0, "--json", "--svg", file.1]);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let drawn = fs::read_to_string(&picture).unwrap();
        let explained = json["explained"].as_array().unwrap();
        assert_eq!(drawn.contains("Root cause: "), !explained.is_empty(), "{trace:?}");
        let told = |one: &&serde_json::Value| {
            let name = one["cause"].as_str().unwrap().replace('\'', "&apos;");
            drawn.contains(&format!("Root cause: {name}"))
        };
        let Some(root) = explained.iter().find(told) else { continue };
        let reasons = root["chain"].as_array().unwrap().len();
        assert!(drawn.matches("WHY: ").count() >= reasons, "{trace:?}");
        shown += 1;
    }
    assert!(shown > 10, "{shown}");
}

const DETACHED: [&str; 5] = ["sim", "--lifecycle", "detached", "--seeds", "0..300"];

/// The rows of the table: each cause with how often it was met, and its first seed.
fn rows(text: &str) -> Vec<(Cause, u64, Option<u64>)> {
    let row = |line: &str| {
        let row = line.strip_prefix("│ ")?;
        let cause = Cause::ALL.into_iter().find(|cause| row.starts_with(cause.name()))?;
        let words: Vec<&str> = row[cause.name().len()..].split_whitespace().collect();
        let first = words.get(words.len() - 2)?.parse().ok();
        Some((cause, words.first()?.parse().ok()?, first))
    };
    text.lines().filter_map(row).collect()
}

#[test]
fn a_campaign_counts_its_causes_and_names_the_first_seed_of_each() {
    let (code, text) = leasehold(&[&DETACHED[..], &["--causes"]].concat());
    assert_eq!(code, 1);
    let table = text.find("\"lock already taken\": ").map(|at| &text[at..]).unwrap();
    narrow(table);
    let rows = rows(table);
    assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), Cause::ALL);
    let total: u64 = rows.iter().map(|row| row.1).sum();
    assert!(table.starts_with(&format!("\"lock already taken\": {total}\n")), "{table}");
    assert!(table.contains("Lost leases: 0"), "the broken programs do not tell: {table}");
    for (cause, count, first) in rows {
        assert_eq!(count > 0, first.is_some(), "{cause:?}");
        let Some(seed) = first else { continue };
        let (_, replayed) = leasehold(&["replay", &seed.to_string(), "--lifecycle", "detached"]);
        assert!(replayed.contains(cause.name()), "seed {seed}: {replayed}");
    }
}

#[test]
fn the_counts_are_drawn_and_written_for_machines() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("causes.svg");
    let arguments = [&DETACHED[..], &["--json", "--svg", picture.to_str().unwrap()]].concat();
    let (_, text) = leasehold(&arguments);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (counts, firsts) = (&json["causes"], &json["causes_first_seeds"]);
    assert_eq!(counts.as_object().unwrap().len(), Cause::ALL.len());
    let drawn = fs::read_to_string(&picture).unwrap();
    let mut met = 0;
    for name in Cause::ALL.map(Cause::name) {
        assert!(drawn.contains(&name.replace('\'', "&apos;")), "{name}");
        let count = counts[name].as_u64().unwrap();
        if count > 0 {
            met += 1;
            let first = &firsts[name];
            assert!(drawn.contains(&format!("{count}, first in seed {first}")), "{name}");
        }
    }
    assert!(met > 1, "{text}");
    let again = folder.path().join("again.svg");
    let arguments = [&DETACHED[..], &["--threads", "1", "--svg", again.to_str().unwrap()]].concat();
    let _ = leasehold(&arguments);
    assert_eq!(fs::read_to_string(again).unwrap(), drawn, "threads make no difference");
}
