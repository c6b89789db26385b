//! Rules about the sources that no compiler checks.
#![allow(clippy::panic, clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};

/// A source file: its path from the root of the workspace, and its text.
type Source = (String, String);

/// Files that may be longer than [`LONGEST`], each with its reason.
const LONG: [(&str, &str); 0] = [];

/// The most lines of a file, tests excepted.
const LONGEST: usize = 400;

fn root() -> PathBuf {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap()
}

/// Every Rust source of the workspace.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in
        ["src", "world", "model", "sim", "draw", "rig", "cli", "tests", "examples", "benches"]
    {
        collect(&root().join(folder), &mut sources);
    }
    assert!(sources.len() > 50, "{}", sources.len());
    sources.sort();
    sources
}

fn collect(folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            sources.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

fn sources_in(folder: &str) -> Vec<Source> {
    let found: Vec<Source> =
        sources().into_iter().filter(|(name, _)| name.starts_with(folder)).collect();
    assert!(!found.is_empty(), "{folder}");
    found
}

/// Whether a file holds nothing but tests.
fn is_test(name: &str) -> bool {
    name.starts_with("tests/")
        || name.contains("/tests/")
        || name.starts_with("src/protocol/properties/")
}

/// The text before the tests, without comments; lines keep their numbers.
fn code(text: &str) -> Vec<(usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let uncommented = |line| str::split_once(line, "//").map_or(line, |(code, _)| code);
    (1..).zip(text[..end].lines().map(uncommented)).collect()
}

/// Each line of code of `sources` that `wrong` holds for.
fn lines_where(sources: &[Source], wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for (name, text) in sources {
        let lines = code(text).into_iter().filter(|(_, line)| wrong(line));
        found.extend(lines.map(|(number, line)| format!("{name}:{number}: {}", line.trim())));
    }
    found
}

const NONE: Vec<String> = Vec::new();

#[test]
fn the_protocol_is_free_of_the_world() {
    let protocol: Vec<Source> =
        sources_in("src/protocol/").into_iter().filter(|(name, _)| !is_test(name)).collect();
    let words = ["std::", "extern crate", "redis", "tokio", "println!", "dbg!", "unsafe"];
    for word in words {
        assert_eq!(lines_where(&protocol, |line| line.contains(word)), NONE, "{word}");
    }
    let conditional = |line: &str| line.contains("cfg(") && line.trim() != "#[cfg(test)]";
    assert_eq!(lines_where(&protocol, conditional), NONE);
    // The tests too are the only thing that is ever left out.
    for (name, text) in &protocol {
        for line in text.lines().filter(|line| line.contains("cfg(")) {
            assert_eq!(line.trim(), "#[cfg(test)]", "{name}");
        }
        assert!(!text.contains("extern crate std"), "{name}");
    }
}

#[test]
fn quorums_and_validity_are_computed_in_one_place() {
    let outside: Vec<Source> = sources()
        .into_iter()
        .filter(|(name, _)| {
            // What is claimed is computed independently of what is tested; and the simulator's
            // plan draws clock rates at the limit of the drift theorem.
            !name.starts_with("src/protocol/")
                && !["world/src/properties.rs", "sim/src/plan.rs"].contains(&name.as_str())
                && !is_test(name)
        })
        .collect();
    let squeezed = |line: &str| line.split_whitespace().collect::<String>();
    for arithmetic in ["/2+1", "-drift", "-config.drift", "-self.drift", ".div_ceil(2)", ">>1)+1"] {
        let wrong = |line: &str| squeezed(line).contains(arithmetic);
        assert_eq!(lines_where(&outside, wrong), NONE, "{arithmetic}");
    }
}

#[test]
fn files_are_short_enough_to_read() {
    let sources = sources();
    let is_long = |(name, text): &&Source| !is_test(name) && text.lines().count() > LONGEST;
    let long: Vec<&str> = sources.iter().filter(is_long).map(|(name, _)| name.as_str()).collect();
    let allowed: Vec<&str> = LONG.iter().map(|(name, _)| *name).collect();
    assert_eq!(long, allowed);
}

#[test]
fn lines_fit_a_hundred_columns() {
    let mut wide = Vec::new();
    for (name, text) in sources() {
        for (number, line) in (1..).zip(text.lines()) {
            if line.chars().count() > 100 {
                wide.push(format!("{name}:{number}"));
            }
        }
    }
    assert_eq!(wide, NONE);
}

#[test]
fn names_say_what_is_inside() {
    for (name, text) in sources() {
        for vague in ["utils", "util", "common", "helpers", "helper", "manager", "misc"] {
            let part = |part: &str| part == vague || part == format!("{vague}.rs");
            assert!(!name.split('/').any(part), "{name}");
            let declared = |line: &str| {
                let line = line.trim().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
                line.starts_with(&format!("mod {vague}"))
            };
            assert!(!text.lines().any(declared), "{name} declares {vague}");
        }
    }
}

#[test]
fn the_driver_runs_the_rules_that_ship() {
    let driver = sources_in("src/driver/");
    for word in ["Mutated", "Mutant", "ReleaseBeforeDrain"] {
        assert_eq!(lines_where(&driver, |line| line.contains(word)), NONE, "{word}");
    }
    assert!(!lines_where(&driver, |line| line.contains("Sound")).is_empty());
}

#[test]
fn one_file_of_the_driver_reads_the_clock() {
    let others: Vec<Source> = sources_in("src/driver/")
        .into_iter()
        .filter(|(name, _)| name != "src/driver/clock.rs")
        .collect();
    for word in ["Instant::now", "SystemTime"] {
        assert_eq!(lines_where(&others, |line| line.contains(word)), NONE, "{word}");
    }
}

#[test]
fn no_test_is_left_out_without_a_reason() {
    // Put together, so that this line is none.
    let silent = concat!("#[", "ignore]");
    for (name, text) in sources() {
        assert!(!text.contains(silent), "{name}");
    }
}

/// The page about metrics names those that there are, with the same words as the source.
#[test]
fn every_metric_is_on_its_page() {
    let source = fs::read_to_string(root().join("src/driver/numbers.rs")).unwrap();
    let page = fs::read_to_string(root().join("docs/observability.md")).unwrap();
    let rows = |text: &str, prefix: &str| -> Vec<String> {
        let rows = text.lines().filter_map(|line| line.strip_prefix(prefix));
        rows.filter(|row| row.contains("leasehold_")).map(str::to_owned).collect()
    };
    let told = rows(&source, "//! | ");
    assert!(told.len() > 5, "{told:?}");
    assert_eq!(told, rows(&page, "| "));
    for row in &told {
        let name = row.split('`').nth(1).unwrap();
        assert!(source.matches(name).count() >= 2, "{name} is not recorded");
    }
}

/// The lints forbid `unsafe` in the workspace. What is preloaded into servers is not of it.
#[test]
fn unsafe_code_is_in_one_place_and_says_why_it_is_right() {
    // Put together, so that this file has none.
    let word = concat!("uns", "afe");
    let uses: Vec<String> = ["{", "fn", "extern", "impl", "("]
        .iter()
        .map(|next| format!("{word} {next}").replace(" (", "("))
        .collect();
    let one = "rig/clock/preload.rs";
    let (here, others): (Vec<Source>, Vec<Source>) =
        sources().into_iter().partition(|(name, _)| name == one);
    let found = |line: &str| uses.iter().any(|each| line.contains(each.as_str()));
    assert_eq!(lines_where(&others, found), NONE);
    let [(_, text)] = here.as_slice() else { panic!("{one} is missing") };
    let lines: Vec<&str> = text.lines().collect();
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(&uses[0])) {
        let before = &lines[number.saturating_sub(4)..number];
        let said = before.iter().any(|line| line.trim().starts_with("// SAFETY: "));
        assert!(said, "{one}:{}: {line}", number + 1);
    }
}
