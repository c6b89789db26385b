//! `sim` as a process: campaigns by seeds and by time, in shards and whole, stopped and to the end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use leasehold_tests::command::{Ended, command, leasehold};
use leasehold_tests::signal;
use leasehold_world::Trace;

/// Its exit code and what it printed; nothing may go wrong on the way.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    leasehold(folder, arguments).quiet()
}

/// Refused with `code` and an error that says `what`, and nothing printed.
fn refused(folder: &Path, arguments: &[&str], code: i32, what: &[&str]) {
    let Ended { code: ended, stdout, stderr: error } = leasehold(folder, arguments);
    assert_eq!((ended, stdout.as_str()), (code, ""), "{arguments:?}: {error}");
    for word in what {
        assert!(error.contains(word), "{arguments:?}: {error}");
    }
}

/// Every file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> =
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect();
    found.sort();
    found
}

/// A result without the one line that another run does not repeat.
fn timeless(json: &str) -> String {
    let kept: Vec<&str> = json.lines().filter(|line| !line.contains("\"elapsed_ms\"")).collect();
    assert_eq!(kept.len() + 1, json.lines().count(), "{json}");
    kept.join("\n")
}

fn number(json: &str, field: &str) -> u64 {
    serde_json::from_str::<serde_json::Value>(json).unwrap()[field].as_u64().unwrap()
}

const DETACHED: [&str; 3] = ["sim", "--lifecycle", "detached"];

#[test]
fn what_ships_holds_and_the_tables_fit() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = run(folder.path(), &["sim", "--check-determinism"]);
    assert_eq!(code, 0, "{text}");
    for wanted in [
        "Seeds 0..1000: joined, touch, fifo, profile swarm",
        "messages lost",
        "a release takes time",
        "seeds/s",
        "steps/s",
        "virtual s/s",
        "Nothing broke.",
        "Every seed was run twice and took the same steps both times.",
    ] {
        assert!(text.contains(wanted), "{wanted:?} is not in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn seeds_that_fail_on_purpose_are_saved_only_when_asked_for_and_only_a_few() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = run(folder.path(), &DETACHED);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("Root cause of \"lock already taken\""), "{text}");
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());

    let (code, text) = run(folder.path(), &[&DETACHED[..], &["--save", "kept"]].concat());
    assert_eq!(code, 1, "{text}");
    let saved = files(&folder.path().join("kept/detached-touch-fifo"));
    assert!((4..=10).contains(&saved.len()), "{saved:?}");
    assert_eq!(files(folder.path()), saved);
    for path in &saved {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(text.contains(name), "{name} in\n{text}");
        let trace: Trace = fs::read_to_string(path).unwrap().parse().unwrap();
        let claim = trace.breaks.unwrap().name();
        assert!(name.contains(&claim.replace(' ', "-")), "{name}: {claim}");
        let (code, timeline) = run(folder.path(), &["replay", path.to_str().unwrap()]);
        assert!(code == 1 && timeline.contains(&format!("*** {claim}: ")), "{name}: {timeline}");
    }
    // The same seeds give the same bytes.
    let (_, _) =
        run(folder.path(), &[&DETACHED[..], &["--save", "again", "--threads", "1"]].concat());
    for path in saved {
        let again = folder
            .path()
            .join("again")
            .join(path.strip_prefix(folder.path().join("kept")).unwrap());
        assert_eq!(fs::read(&path).unwrap(), fs::read(again).unwrap(), "{}", path.display());
    }
}

#[test]
fn a_seed_is_shown_up_to_the_claim_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let replay = |claim: &str| {
        run(folder.path(), &["replay", "0", "--lifecycle", "detached", "--claim", claim])
    };
    for claim in ["no renewal after stop", "order at the node", "no stray message"] {
        let (code, text) = replay(claim);
        assert_eq!(code, 1);
        let last = text.lines().rfind(|line| line.contains("*** ")).unwrap();
        // Nothing follows but the causes of what was told.
        let rest = text.split_once(last).unwrap().1;
        assert!(rest == "\n" || rest.starts_with("\nStep "), "{text}");
        assert!(text.contains(&format!("*** {claim}: ")), "{text}");
    }
    let unbroken = ["replay", "1", "--claim", "no orphan"];
    refused(folder.path(), &unbroken, 2, &["seed 1 does not break \"no orphan\"", "--claim"]);
    let unknown = ["replay", "1", "--claim", "nothing"];
    refused(folder.path(), &unknown, 2, &["nothing", "no orphan", "window exclusion"]);
    let file = ["replay", "x.trace", "--claim", "no orphan"];
    refused(folder.path(), &file, 2, &["--claim goes with a seed"]);
}

#[test]
fn shards_merge_to_the_whole_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let seeds = [&DETACHED[..], &["--seeds", "100..633", "--json"]].concat();
    let mut names = Vec::new();
    for (shard, threads) in [("3/3", "1"), ("1/3", "2"), ("2/3", "1")] {
        let arguments = [&seeds[..], &["--shard", shard, "--threads", threads]].concat();
        let (code, json) = run(folder.path(), &arguments);
        assert_eq!(code, 1, "{json}");
        let name = format!("{}.json", shard.replace('/', "-of-"));
        fs::write(folder.path().join(&name), json).unwrap();
        names.push(name);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let merge =
        |options: &[&str]| run(folder.path(), &[&["sim", "merge"], &names[..], options].concat());
    let (code, merged) = merge(&["--json"]);
    assert_eq!(code, 1);
    let (_, whole) = run(folder.path(), &seeds);
    assert_eq!(timeless(&merged), timeless(&whole));
    // The tables are the same too, but for how long it took.
    let tables = |text: String| {
        let timed = |line: &&str| !line.contains("seeds/s") && !line.contains("virtual time");
        text.lines().filter(timed).map(str::to_owned).collect::<Vec<_>>()
    };
    let (_, text) = run(folder.path(), &seeds[..seeds.len() - 1]);
    assert_eq!(tables(merge(&[]).1), tables(text));
    // So are the seeds that are saved.
    let saved = |from: &str| {
        let below = folder.path().join(from);
        let paths = files(&below);
        assert!(!paths.is_empty());
        let file = |path: &PathBuf| {
            (path.strip_prefix(&below).unwrap().to_owned(), fs::read(path).unwrap())
        };
        paths.iter().map(file).collect::<Vec<_>>()
    };
    merge(&["--save", "merged"]);
    run(folder.path(), &[&seeds[..], &["--save", "whole"]].concat());
    assert_eq!(saved("merged"), saved("whole"));
}

#[test]
fn what_cannot_be_merged_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, arguments: &[&str]| {
        let (_, json) = run(folder.path(), &[&["sim", "--json"], arguments].concat());
        fs::write(folder.path().join(name), json).unwrap();
    };
    write("a.json", &["--seeds", "0..40", "--shard", "1/3"]);
    write("b.json", &["--seeds", "0..40", "--shard", "2/3"]);
    write("c.json", &["--seeds", "0..40", "--shard", "3/3", "--lifecycle", "sleep"]);
    let refused = |files: &[&str], code: i32, what: &[&str]| {
        refused(folder.path(), &[&["sim", "merge"], files].concat(), code, what);
    };
    refused(&["a.json", "b.json"], 2, &["shard 3/3 is missing", "run it with --shard"]);
    refused(&["a.json", "b.json", "a.json"], 2, &["a.json and a.json are both shard 1/3"]);
    let other = ["a.json and c.json are not of one campaign: --lifecycle joined, and sleep"];
    refused(&["a.json", "b.json", "c.json"], 2, &other);
    refused(&["nowhere.json"], 4, &["cannot read nowhere.json"]);
    refused(&[], 2, &["FILE"]);
    let text = fs::read_to_string(folder.path().join("a.json")).unwrap();
    let alter = |name: &str, from: &str, to: &str| {
        assert!(text.contains(from));
        fs::write(folder.path().join(name), text.replacen(from, to, 1)).unwrap();
    };
    alter("wrong.json", "\"runs\": 13", "\"runs\": \"x\"");
    refused(&["wrong.json"], 2, &["wrong.json: ", "line 19 column"]);
    alter("newer.json", "\"format\": 1", "\"format\": 2");
    refused(&["newer.json"], 2, &["newer.json: format 2, and this program reads format 1"]);
    fs::write(folder.path().join("cut.json"), &text[..200]).unwrap();
    refused(&["cut.json"], 2, &["cut.json: ", "line "]);
}

#[test]
fn a_campaign_by_time_is_a_campaign_by_seeds() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["sim", "--minutes", "0.02", "--from", "500", "--json"];
    let (code, timed) = run(folder.path(), &arguments);
    assert_eq!(code, 0, "{timed}");
    assert!(number(&timed, "elapsed_ms") >= 1_200, "{timed}");
    let seeds = format!("500..{}", 500 + number(&timed, "seeds_run"));
    let (_, same) = run(folder.path(), &["sim", "--seeds", &seeds, "--json"]);
    assert_eq!(timeless(&timed), timeless(&same));
}

#[test]
fn a_campaign_that_is_interrupted_keeps_what_it_found_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let campaigns = [
        (&["sim", "--minutes", "60"][..], false),
        (&["sim", "--minutes", "60", "--json"], true),
        (&["sim", "--seeds", "0..1000000000", "--threads", "1"], false),
        (&["sim", "--seeds", "0..1000000000", "--shard", "2/9", "--json"], true),
    ];
    let running =
        campaigns.map(|(how, json)| (how, json, command(folder.path(), how).spawn().unwrap()));
    // Long enough for a busy machine to start them.
    thread::sleep(Duration::from_secs(3));
    running.iter().for_each(|(_, _, child)| signal(child.id(), "INT"));
    for (how, json, child) in running {
        let (code, text) = Ended::from(child.wait_with_output().unwrap()).quiet();
        assert_eq!(code, 3, "{how:?}: {text}");
        if json {
            assert!(number(&text, "seeds_run") > 0, "{text}");
            assert!(text.contains("\"truncated\": true"), "{text}");
            fs::write(folder.path().join("stopped.json"), &text).unwrap();
        } else {
            assert!(text.contains("\nTRUNCATED: ") && text.contains("messages lost"), "{text}");
        }
    }
    let shard = ["sim", "merge", "stopped.json"];
    refused(folder.path(), &shard, 2, &["shards 1/9, 3/9, 4/9,", "are missing"]);
}

#[test]
fn steering_finds_what_seeds_do_not_and_keeps_its_steps() {
    let folder = tempfile::tempdir().unwrap();
    let steer = ["sim", "--steer", "slack", "--seeds", "0..400", "--mutant", "no-drift"];
    let steered = |more: &[&str]| run(folder.path(), &[&steer[..], more].concat());
    let (code, text) = steered(&["--save", "kept"]);
    assert_eq!(code, 1, "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 100 || line.starts_with("saved: ")),
        "{text}"
    );
    for wanted in ["least slack", "window exclusion: two clients believe", "believed at once, for"]
    {
        assert!(text.contains(wanted), "{wanted:?} is not in\n{text}");
    }
    let saved = files(&folder.path().join("kept/joined-touch-fifo-no-drift"));
    let exclusion = |path: &&PathBuf| path.to_str().unwrap().ends_with("window-exclusion.trace");
    let path = saved.iter().find(exclusion).unwrap().to_str().unwrap();
    let trace: Trace = fs::read_to_string(path).unwrap().parse().unwrap();
    assert_eq!(trace.seed, None);
    let (code, timeline) = run(folder.path(), &["replay", path]);
    assert!(code == 1 && timeline.contains("*** window exclusion: "), "{timeline}");
    // The seeds as they are do not break it.
    let (_, plain) = run(folder.path(), &[&["sim"], &steer[3..]].concat());
    assert!(plain.contains("least slack, from") && !plain.contains("window exclusion"), "{plain}");
    // The same bytes on one thread and on two.
    let (_, one) = steered(&["--json", "--threads", "1"]);
    assert_eq!(one, steered(&["--json", "--threads", "2"]).1);
    let value: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert!(value["overlap"]["slack_ns"].as_i64().unwrap() < 0, "{one}");
    assert_eq!(value["runs"].as_u64().unwrap() % 16, 0, "{one}");
}

#[test]
fn what_ships_is_not_steered_into_anything_and_a_search_by_time_is_one_by_seeds() {
    let folder = tempfile::tempdir().unwrap();
    let steer = ["sim", "--steer", "slack", "--json"];
    let (code, timed) = run(folder.path(), &[&steer[..], &["--minutes", "0.02"]].concat());
    assert_eq!(code, 0, "{timed}");
    let seeds = format!("0..{}", number(&timed, "runs"));
    let (_, same) = run(folder.path(), &[&steer[..], &["--seeds", &seeds]].concat());
    assert_eq!(timed, same);
    let (code, text) = run(folder.path(), &["sim", "--steer", "slack", "--seeds", "0..40"]);
    assert!(code == 0 && text.ends_with("Nothing broke. 40 runs were made.\n"), "{text}");
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str], what: &[&str]| {
        refused(folder.path(), &[&["sim"], arguments].concat(), 2, what);
    };
    refused(&["--seeds", "0..9", "--minutes", "1"], &["--seeds", "--minutes"]);
    refused(&["--minutes", "1", "--shard", "1/2"], &["--minutes", "--shard"]);
    refused(&["--from", "7"], &["--minutes"]);
    refused(&["--steer", "slack", "--shard", "1/2"], &["--steer", "--shard"]);
    refused(&["--steer", "slack", "--check-determinism"], &["--check-determinism"]);
    refused(&["--steer", "luck"], &["luck", "slack"]);
    refused(&["--minutes", "0"], &["minutes are a number above 0"]);
    refused(&["--shard", "3/2"], &["\"3/2\" is no shard", "3/8"]);
    refused(&["--seeds", "9..3"], &["A below B"]);
    refused(&["--profile", "nope"], &["--profile", "swarm"]);
    refused(&["--seeds", "0..9", "merge", "x.json"], &["merge"]);
    assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_before_the_campaign() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "mine").unwrap();
    let arguments = ["sim", "--minutes", "60", "--save", "file/below"];
    refused(folder.path(), &arguments, 4, &["cannot write", "below"]);
}
