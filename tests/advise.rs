//! `leasehold advise` as a process: what it refuses and how, what it says in plain cases, and that
//! the example in the documentation is what it prints.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::path::Path;

use leasehold_tests::command::{Ended, leasehold};
use serde_json::Value;

fn advise(arguments: &[&str]) -> Ended {
    leasehold(Path::new("."), &[&["advise"], arguments].concat())
}

/// A TTL of ten seconds, round trips of 1 ms at the median, and whatever else.
fn usual(others: &[&str]) -> Ended {
    let usual = ["--ttl-ms", "10000", "--latency-ms", "1,20,500", "--lease-hours", "4"];
    advise(&[usual.as_slice(), others].concat())
}

/// The same as JSON.
fn found(others: &[&str]) -> (i32, Value) {
    let ended = usual(&[&["--json"], others].concat());
    (ended.code, serde_json::from_str(&ended.stdout).unwrap())
}

/// Refused in one line that says `what`.
fn refused(arguments: &[&str], what: &[&str]) {
    let ended = advise(arguments);
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{arguments:?}: {ended:?}");
    let hint = |line: &str| line.contains("try '--help'");
    let lines: Vec<&str> =
        ended.stderr.lines().filter(|line| !line.is_empty() && !hint(line)).collect();
    assert_eq!(lines.len(), 1, "{}", ended.stderr);
    for word in what {
        assert!(lines[0].contains(word), "{word:?} is not in {}", ended.stderr);
    }
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let with = |others: &[&str], what: &[&str]| {
        let usual = ["--ttl-ms", "10000", "--latency-ms", "1,20,500"];
        refused(&[usual.as_slice(), others].concat(), what);
    };
    let late = ["must be shorter than the TTL", "a third"];
    with(
        &["--renew-every-ms", "10000"],
        &[&["--renew-every-ms", "10 s"], late.as_slice()].concat(),
    );
    with(&["--renew-every-ms", "9898"], &[&["9.898 s"], late.as_slice()].concat());
    with(&["--renew-every-ms", "-5"], &["-5", "--renew-every-ms", "a length of time in ms"]);
    with(&["--renew-every-ms", "0"], &["--renew-every-ms", "more than 0"]);
    with(&["--node-timeout-ms", "soon"], &["soon", "--node-timeout-ms", "for instance"]);
    with(&["--nodes", "10"], &["10", "--nodes", "1..=9"]);
    with(&["--nodes", "-1"], &["-1", "--nodes", "1..=9"]);
    with(&["--loss-ppm", "-1"], &["-1", "--loss-ppm", "0..=500000"]);
    with(&["--loss-ppm", "1000000"], &["1000000", "--loss-ppm", "0..=500000"]);
    with(&["--drift-ppm", "-1"], &["-1", "--drift-ppm"]);
    with(&["--reset-per-hour", "-2"], &["-2", "--reset-per-hour", "per hour, from 0 to 3600"]);
    with(&["--pause-ms", "100", "--pauses-per-hour", "x"], &["x", "--pauses-per-hour", "per hour"]);
    with(&["--target-loss-per-day", "0"], &["0", "--target-loss-per-day", "above 0"]);
    with(&["--minutes", "-1"], &["-1", "--minutes", "above 0"]);
    refused(
        &["--ttl-ms", "10000", "--latency-ms", "20,1,500"],
        &["20,1,500", "--latency-ms", "must not fall", "1,20,500"],
    );
    refused(
        &["--ttl-ms", "10000", "--latency-ms", "-1,20,500"],
        &["-1,20,500", "--latency-ms", "a length of time in ms"],
    );
    refused(&["--ttl-ms", "2", "--latency-ms", "1"], &["--ttl-ms", "2 ms", "longer TTL"]);
    refused(&["--ttl-ms", "-2", "--latency-ms", "1"], &["-2", "--ttl-ms", "length of time"]);
}

#[test]
fn what_is_missing_is_named() {
    for (arguments, missing) in [
        (["--ttl-ms", "10000"].as_slice(), "--latency-ms"),
        (&["--latency-ms", "1"], "--ttl-ms"),
        (&["--ttl-ms", "10000", "--latency-ms", "1", "--pause-ms", "5"], "--pauses-per-hour"),
        (&["--ttl-ms", "10000", "--latency-ms", "1", "--pauses-per-hour", "5"], "--pause-ms"),
    ] {
        let ended = advise(arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{ended:?}");
        assert!(ended.stderr.contains(missing), "{ended:?}");
    }
}

#[test]
fn a_file_of_samples_is_read_or_refused_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("samples");
    let path_text = path.to_str().unwrap();
    let arguments = ["--ttl-ms", "10000", "--lease-hours", "1", "--latency-file", path_text];
    for (contents, what) in [
        ("", "no sample: a distribution needs at least one; write one length in ms on each line"),
        ("\n \n", "no sample"),
        ("1\nfast\n", "line 2: \"fast\" is not a length of time in ms"),
        ("1\n-2\n", "line 2: \"-2\""),
    ] {
        fs::write(&path, contents).unwrap();
        refused(&arguments, &[path_text, what]);
    }
    fs::write(&path, "0.5\n1\n\n250\n").unwrap();
    let ended = advise(&arguments);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.contains("1 ms (p50)") && ended.stdout.contains("250 ms (max)"));
    let missing = advise(&["--ttl-ms", "10000", "--latency-file", "/nowhere/samples"]);
    assert_eq!((missing.code, missing.stdout.as_str()), (4, ""));
    assert!(missing.stderr.contains("cannot read /nowhere/samples"), "{missing:?}");
}

#[test]
fn where_nothing_goes_wrong_the_given_setting_is_kept() {
    let (code, found) = found(&[]);
    assert_eq!(code, 0);
    assert_eq!(found["given_index"], found["chosen_index"]);
    assert_eq!(found["verdict"], "no target");
    for row in found["settings"].as_array().unwrap() {
        assert_eq!(row["losses"], 0, "{row}");
        assert!(row["lease_hours"].as_f64().unwrap() >= 4.0);
        assert!(row["at_most"].as_f64().unwrap() <= 0.75, "{row}");
    }
    assert_eq!(found["drift"]["allowance_us"], 102_000);
    assert_eq!(found["drift"]["tolerated_ppb"], 5_126_143);
    assert_eq!(found["survives"]["failed_renewals"], 6);
}

#[test]
fn pauses_beyond_every_ttl_miss_the_target_and_it_says_what_would_help() {
    let pauses = ["--pause-ms", "30000", "--pauses-per-hour", "12", "--target-loss-per-day", "1"];
    let (code, found) = found(&pauses);
    assert_eq!((code, &found["verdict"]), (1, &Value::from("not met")));
    let given = &found["settings"][found["given_index"].as_u64().unwrap() as usize];
    let (least, most) = (given["at_least"].as_f64().unwrap(), given["at_most"].as_f64().unwrap());
    assert!(least < 12.0 && 12.0 < most, "{given}");
    let helps = |name: &str| {
        let help = found["what_would_help"].as_array().unwrap();
        let found = help.iter().find(|what_if| what_if["change"].as_str().unwrap().contains(name));
        found.unwrap()["measured"]["losses"].as_u64().unwrap()
    };
    assert_eq!((helps("no pauses"), helps("a TTL of")), (0, 0));
    assert!(helps("two nodes more") > 20);
}

#[test]
fn clocks_beyond_the_allowance_are_told() {
    let ended = usual(&["--drift-ppm", "6000"]);
    assert!(ended.stdout.contains("which is NOT"), "{}", ended.stdout);
    let ended = usual(&["--drift-ppm", "5000"]);
    assert!(ended.stdout.contains("which is within it"), "{}", ended.stdout);
}

#[test]
fn a_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let lossy = ["--loss-ppm", "300", "--silence-ms", "60000", "--seed", "7"];
    let one = usual(&[lossy.as_slice(), &["--threads", "1"]].concat());
    let two = usual(&[lossy.as_slice(), &["--threads", "2"]].concat());
    assert_eq!(one, two);
    let other = usual(&[&lossy[..4], &["--seed", "8"]].concat());
    assert_ne!(one.stdout, other.stdout);
}

#[test]
fn every_line_fits_and_a_stop_is_told() {
    let lossy = ["--loss-ppm", "300", "--target-loss-per-day", "0.001"];
    let ended = usual(&[lossy.as_slice(), &["--minutes", "0.0005"]].concat());
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stdout.contains("TRUNCATED"));
    let wide: Vec<&str> = ended.stdout.lines().filter(|line| line.chars().count() > 100).collect();
    assert_eq!(wide, Vec::<&str>::new());
    let ended = usual(&["--pause-ms", "9000", "--pauses-per-hour", "60"]);
    assert!(ended.stdout.lines().all(|line| line.chars().count() <= 100), "{}", ended.stdout);
}

#[test]
fn the_example_in_the_documentation_is_what_the_command_prints() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/advise.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once("```console\n$ leasehold advise ").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    // A command over several lines, each but the last with a backslash.
    let mut lines = example.lines();
    let mut command = String::new();
    for line in lines.by_ref() {
        command += line.trim_end_matches('\\');
        if !line.ends_with('\\') {
            break;
        }
    }
    let arguments: Vec<&str> = command.split_whitespace().collect();
    let printed: Vec<&str> = lines.collect();
    let ended = advise(&arguments);
    let expected: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(printed, expected);
}
