//! `check` and `replay` as processes: exit codes, one clear line for what is wrong, and nothing
//! half written.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};

use leasehold_tests::command::leasehold;

/// Refused with `code` and one line that says `what`; nothing printed, nothing written.
fn refused(arguments: &[&str], code: i32, what: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let ended = leasehold(folder.path(), arguments);
    assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
    assert_eq!(ended.stdout, "", "{arguments:?}");
    // What is wrong with an argument is followed by a hint.
    let hint = |line: &str| line.starts_with("  [possible values") || line.contains("try '--help'");
    let lines: Vec<&str> =
        ended.stderr.lines().filter(|line| !line.is_empty() && !hint(line)).collect();
    assert_eq!(lines.len(), 1, "{}", ended.stderr);
    for word in what {
        assert!(lines[0].contains(word), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(entries(folder.path()), Vec::<PathBuf>::new(), "{arguments:?}");
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

/// The text of one counterexample.
fn counterexample() -> (PathBuf, String) {
    let mut files = entries(&root().join("reports/counterexamples"));
    files.retain(|path| path.extension().is_some_and(|kind| kind == "trace"));
    files.sort();
    let path = files.remove(0);
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

/// Replays a file with these contents.
fn refused_file(contents: &[u8], what: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.trace");
    fs::write(&path, contents).unwrap();
    let path = path.to_str().unwrap();
    refused(&["replay", path], 2, &[&[path], what].concat());
}

#[test]
fn unknown_names_are_refused() {
    refused(&["check", "--lifecycle", "nope"], 2, &["nope", "double_check or joined"]);
    refused(&["check", "--extend", "nope"], 2, &["nope", "touch or touch_or_set"]);
    refused(&["check", "--transport", "nope"], 2, &["nope", "fifo or pooled"]);
    refused(&["check", "--mutant", "nope"], 2, &["nope", "quorum-less-one"]);
    refused(&["check", "--scope", "nope"], 2, &["nope", "quick, ci or nightly", "slips"]);
    refused(&["check", "--map", "nope"], 2, &["nope"]);
}

#[test]
fn impossible_numbers_are_refused() {
    refused(&["check", "--ttl", "0"], 2, &["--ttl"]);
    refused(&["check", "--nodes", "6"], 2, &["--nodes"]);
    refused(&["check", "--clients", "4"], 2, &["--clients"]);
    // Possible by itself, and too short for the interval of the scope.
    let short = ["check", "--ttl", "1", "--lifecycle", "joined", "--clients", "1"];
    refused(&short, 2, &["renew"]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    refused(&["replay", "/nowhere/x.trace"], 4, &["/nowhere/x.trace", "No such file"]);
    refused(&["replay", "/"], 4, &["cannot read /"]);
    let missing = ["check", "--expected", "/nowhere/expected.json"];
    refused(&missing, 4, &["/nowhere/expected.json"]);
}

#[test]
fn a_file_that_is_no_trace_is_named_with_the_line() {
    let (_, text) = counterexample();
    refused_file(b"", &["line 1", "not a trace file"]);
    refused_file(b"garbage\n", &["line 1", "not a trace file"]);
    refused_file(&[0xff, 0xfe, 0x00, 0x80], &["line 1", "not a trace file"]);
    let second = text.replacen("leasehold trace 1", "leasehold trace 2", 1);
    refused_file(second.as_bytes(), &["line 1", "version \"2\"", "reads version 1"]);
    refused_file(&text.as_bytes()[..text.len() / 2], &["line"]);
    let whole_lines: Vec<&str> = text.lines().collect();
    let half = whole_lines[..whole_lines.len() - 2].join("\n");
    let last = format!("after line {}", whole_lines.len() - 2);
    refused_file(half.as_bytes(), &[&last, "cut short"]);
    let odd = text.replacen("start c0", "dance c0", 1);
    refused_file(odd.as_bytes(), &["line 5", "dance", "not a step"]);
}

#[test]
fn expectations_that_are_not_readable_are_named_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("expected.json");
    fs::write(&path, "[\n{\"cell\": 1}]").unwrap();
    let path = path.to_str().unwrap();
    refused(&["check", "--expected", path], 2, &[path, "line 2"]);
}

#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let (trace, _) = counterexample();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let below = file.join("x.trace");
    let below = below.to_str().unwrap();
    for option in ["--save", "--svg"] {
        let arguments = ["replay", trace.to_str().unwrap(), option, below];
        refused(&arguments, 4, &["cannot write", below]);
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(entries(folder.path()), [file]);
}

#[test]
fn reports_that_cannot_be_written_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let below = file.join("reports");
    let ended = leasehold(folder.path(), &["check", "--reports", below.to_str().unwrap()]);
    assert_eq!(ended.code, 4, "{ended:?}");
    assert!(ended.stderr.contains("cannot write"), "{ended:?}");
    assert_eq!(entries(folder.path()), [file]);
}

#[test]
fn a_counterexample_replays_to_the_same_bytes() {
    let (path, text) = counterexample();
    let claim = text.lines().find_map(|line| line.strip_prefix("breaks ")).unwrap();
    let path = path.to_str().unwrap();
    for options in [&["replay", path][..], &["replay", path, "--json"]] {
        let first = leasehold(&root(), options);
        assert_eq!((first.code, first.stderr.as_str()), (1, ""));
        assert!(first.stdout.contains(claim), "{}", first.stdout);
        assert_eq!(leasehold(&root(), options), first);
    }
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.trace");
    let saved = leasehold(&root(), &["replay", path, "--save", copy.to_str().unwrap()]);
    assert_eq!(saved.code, 1);
    assert_eq!(fs::read_to_string(copy).unwrap(), text);
}

#[test]
fn a_counterexample_is_drawn_to_the_same_bytes() {
    let (path, _) = counterexample();
    let folder = tempfile::tempdir().unwrap();
    let draw = |name: &str, options: &[&str]| {
        let file = folder.path().join(name);
        let arguments =
            [&["replay", path.to_str().unwrap(), "--svg", file.to_str().unwrap()], options];
        let ended = leasehold(folder.path(), &arguments.concat());
        assert_eq!((ended.code, ended.stderr.as_str()), (1, ""));
        (ended.stdout, fs::read_to_string(file).unwrap())
    };
    let (timeline, picture) = draw("x.svg", &[]);
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"), "{picture}");
    assert_eq!(draw("y.svg", &["--json"]).1, picture);
    // The picture comes beside what is printed, not instead of it.
    assert_eq!(timeline, leasehold(folder.path(), &["replay", path.to_str().unwrap()]).stdout);
    // A seed is drawn too, whatever it shows.
    let seed = folder.path().join("seed.svg");
    let ended = leasehold(folder.path(), &["replay", "1", "--svg", seed.to_str().unwrap()]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(fs::read_to_string(seed).unwrap().contains("seed 1"));
}

const ONE_CLIENT: [&str; 5] = ["check", "--lifecycle", "joined", "--clients", "1"];

#[test]
fn an_altered_expectation_is_noticed_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = fs::read_to_string(root().join("cli/expected.json")).unwrap();
    let check = |text: &str| {
        let path = folder.path().join("expected.json");
        fs::write(&path, text).unwrap();
        let arguments = [&ONE_CLIENT[..], &["--expected", path.to_str().unwrap()]].concat();
        leasehold(folder.path(), &arguments)
    };
    let same = check(&shipped);
    assert_eq!((same.code, same.stderr.as_str()), (0, ""), "{}", same.stdout);
    assert!(same.stdout.ends_with("As expected.\n"), "{}", same.stdout);

    let mut cells: Vec<serde_json::Value> = serde_json::from_str(&shipped).unwrap();
    let cell = cells.iter_mut().find(|cell| cell["cell"] == "hazards/joined/touch/fifo").unwrap();
    cell["states"] = (cell["states"].as_u64().unwrap() + 1).into();
    let other = check(&serde_json::to_string(&cells).unwrap());
    assert_eq!(other.code, 1, "{}", other.stdout);
    let complaints: Vec<&str> =
        other.stdout.lines().filter(|line| line.starts_with("NOT AS EXPECTED")).collect();
    assert_eq!(complaints.len(), 1, "{}", other.stdout);
    assert!(complaints[0].contains("hazards/joined/touch/fifo:"), "{complaints:?}");
    // Only a search of every cell writes reports.
    assert_eq!(entries(folder.path()), [folder.path().join("expected.json")]);
}

#[test]
fn a_broken_rule_is_noticed_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = [&ONE_CLIENT[..], &["--mutant", "no-kill-after-reset"]].concat();
    let ended = leasehold(folder.path(), &arguments);
    assert_eq!(ended.code, 1, "{ended:?}");
    let named = |line: &str| {
        line.starts_with("NOT AS EXPECTED  faults/joined/touch/fifo/reset with KILL: ")
            && line.contains("\"no orphan\"")
    };
    assert!(ended.stdout.lines().any(named), "{}", ended.stdout);
    assert_eq!(entries(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_search_that_is_stopped_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let two = ["check", "--lifecycle", "joined", "--clients", "2", "--timeout", "1"];
    let memory = ["check", "--scope", "reset", "--memory", "0"];
    for arguments in [&two[..], &memory, &["check", "--map", "drift", "--timeout", "1"]] {
        let ended = leasehold(folder.path(), arguments);
        assert_eq!(ended.code, 3, "{ended:?}");
        assert!(ended.stdout.contains("TRUNCATED"), "{}", ended.stdout);
        assert_eq!(entries(folder.path()), Vec::<PathBuf>::new());
    }
}

/// What a stopped search of a whole scope found is kept, marked, and in no whole report's place.
#[test]
fn what_a_stopped_search_found_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let ended = leasehold(folder.path(), &["check", "--timeout", "1"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert_eq!(entries(&folder.path().join("reports")).len(), 1);
    let kept = folder.path().join("reports/verdicts.truncated.md");
    assert!(fs::read_to_string(kept).unwrap().contains("**TRUNCATED**"));
}

#[test]
fn an_address_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    refused(&["explore", "--address", &address], 2, &[&address, "choose another"]);
}
