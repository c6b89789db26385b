//! A trace file is read exactly or refused with the line that is wrong, never guessed at.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "these are tests"
)]

use std::fs;
use std::path::{Path, PathBuf};

use leasehold_world::{ReplayError, Trace, TraceError, replay};
use proptest::prelude::*;

/// Every counterexample in the repository, with its file's name.
fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/counterexamples");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "trace"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn parsed(text: &str) -> Result<Trace, TraceError> {
    text.parse()
}

/// The first line of the file, from 1, that is a step.
fn first_step(text: &str) -> usize {
    text.lines().position(|line| line.trim_start().starts_with("1 ")).unwrap() + 1
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// The file with its steps numbered anew, as somebody who edits it carefully would do.
fn renumbered(lines: &[String]) -> String {
    let mut count = 0;
    let mut text = String::new();
    for line in lines {
        let rest = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
        if rest.len() < line.trim_start().len() && rest.starts_with(' ') {
            count += 1;
            text += &format!("{count:>4}{rest}\n");
        } else if line.starts_with("end ") {
            text += &format!("end {count}\n");
        } else {
            text += &format!("{line}\n");
        }
    }
    text
}

#[test]
fn what_is_written_is_what_was_read() {
    for (name, text) in files() {
        let trace = parsed(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(trace.to_string(), text, "{name}");
        assert_eq!(parsed(&trace.to_string()), Ok(trace), "{name}");
        assert_eq!(renumbered(&lines(&text)), text, "{name}: the test's own renumbering");
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for (name, text) in files() {
        let whole = parsed(&text).unwrap();
        for at in (0..text.len()).filter(|&at| text.is_char_boundary(at)) {
            match parsed(&text[..at]) {
                // Only the last line's end is missing.
                Ok(trace) => {
                    assert_eq!(trace, whole, "{name} cut at {at}");
                    assert_eq!(at, text.len() - 1, "{name}");
                }
                Err(error) => {
                    let error = error.to_string();
                    assert!(error.contains("line "), "{name} cut at {at}: {error}");
                }
            }
        }
    }
}

#[test]
fn a_file_without_its_end_says_that_it_was_cut() {
    for (name, text) in files() {
        let all = lines(&text);
        for kept in first_step(&text) - 1..all.len() {
            let error = parsed(&all[..kept].join("\n")).unwrap_err();
            assert_eq!(error, TraceError::CutShort { lines: kept }, "{name}");
            assert!(error.to_string().contains(&format!("after line {kept} ")), "{name}: {error}");
        }
    }
}

#[test]
fn another_version_is_refused() {
    for (_, text) in files() {
        for version in ["0", "2", "10", "1.0", "", "one", "-1"] {
            let other =
                text.replacen("leasehold trace 1", &format!("leasehold trace {version}"), 1);
            let error = parsed(&other).unwrap_err();
            assert_eq!(error, TraceError::Version(version.to_owned()));
            assert!(error.to_string().starts_with("line 1: trace version"), "{error}");
        }
    }
}

#[test]
fn a_removed_step_is_noticed() {
    for (name, text) in files() {
        let all = lines(&text);
        let first = first_step(&text);
        for at in first..all.len() {
            let mut fewer = all.clone();
            fewer.remove(at - 1);
            let error = parsed(&fewer.join("\n")).unwrap_err();
            let is_last = at == all.len() - 1;
            match error {
                TraceError::Numbering { line, wanted, .. } => {
                    assert_eq!((line, wanted), (at, at - first + 1), "{name}");
                }
                TraceError::WrongEnd { line, .. } => assert!(is_last && line == at, "{name}"),
                other => panic!("{name} without line {at}: {other}"),
            }
        }
    }
}

#[test]
fn two_swapped_steps_are_noticed() {
    for (name, text) in files() {
        let all = lines(&text);
        for at in first_step(&text)..all.len() - 1 {
            let mut swapped = all.clone();
            swapped.swap(at - 1, at);
            let error = parsed(&swapped.join("\n")).unwrap_err();
            assert!(matches!(error, TraceError::Numbering { line, .. } if line == at), "{name}");
        }
    }
}

/// Numbers put right after a removal: the steps that follow no longer fit, or nothing breaks in
/// the same way.
#[test]
fn a_removed_step_with_the_numbers_put_right_never_shows_the_same() {
    for (name, text) in files() {
        let all = lines(&text);
        let whole = parsed(&text).unwrap();
        for at in first_step(&text)..all.len() {
            let mut fewer = all.clone();
            fewer.remove(at - 1);
            let trace = parsed(&renumbered(&fewer)).unwrap();
            assert_eq!(trace.steps.len(), whole.steps.len() - 1);
            match replay(&trace) {
                Err(ReplayError::NotEnabled { line, .. }) => assert!(line >= at, "{name}"),
                Err(other) => panic!("{name} without line {at}: {other}"),
                Ok(replayed) => {
                    let claim = whole.breaks.unwrap();
                    let same = (whole.steps.len(), claim);
                    assert!(!replayed.broken.contains(&same), "{name} without line {at}");
                }
            }
        }
    }
}

#[test]
fn a_line_of_garbage_is_named() {
    for (name, text) in files() {
        let all = lines(&text);
        for at in 1..=all.len() {
            for garbage in ["garbage", "?", "\u{0}", "0  tick c0", "999 tick c0"] {
                let mut more = all.clone();
                more.insert(at - 1, garbage.to_owned());
                let error = parsed(&more.join("\n")).unwrap_err().to_string();
                assert!(error.starts_with(&format!("line {at}: ")), "{name} line {at}: {error}");
            }
        }
        let after = format!("{text}garbage\n");
        let line = all.len() + 1;
        let error = parsed(&after).unwrap_err();
        assert_eq!(error, TraceError::AfterEnd { line, text: "garbage".to_owned() });
    }
}

#[test]
fn a_step_that_is_none_is_named_when_it_is_taken() {
    for (name, text) in files() {
        let all = lines(&text);
        let first = first_step(&text);
        for at in first..all.len() {
            let mut other = all.clone();
            other[at - 1] = format!("{:>4}  dance c0 n0", at - first + 1);
            let error = replay(&parsed(&other.join("\n")).unwrap()).unwrap_err();
            assert!(matches!(&error, ReplayError::Step { line, .. } if *line == at), "{name}");
            let said = error.to_string();
            assert!(said.starts_with(&format!("line {at}: \"dance\"")), "{name}: {said}");
        }
    }
}

#[test]
fn headers_that_are_missing_or_wrong_are_named() {
    let (_, text) = files().remove(0);
    let with = |from: &str, to: &str| parsed(&text.replacen(from, to, 1)).unwrap_err().to_string();
    assert!(with("unit ticks", "ticks").starts_with("line 2: "));
    assert!(with("scope {", "scope ").starts_with("line 3: the scope is malformed"));
    assert!(with("\"ttl\"", "\"tll\"").contains("tll"));
    assert!(with("\"touch\"", "\"poke\"").starts_with("line 3: "));
    assert!(with("\"ttl\":6", "\"ttl\":0").starts_with("line 3: ttl is 0"));
    assert!(with("breaks no", "breaks some").starts_with("line 4: "));
    assert!(with("\nend ", "\nend 1").contains("some are missing or added"));
    let moons = parsed(&text.replacen("unit ticks", "unit moons", 1)).unwrap();
    let error = replay(&moons).unwrap_err().to_string();
    assert!(error.starts_with("line 2: unit \"moons\""), "{error}");
}

/// Mostly a real file, with a piece of it replaced.
fn spoilt() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        "[ 0-9a-z#|{}\",:\n-]{0,20}",
        Just("breaks no zombie\n".to_owned()),
        Just("seed 7\n".to_owned()),
        Just("end 3\n".to_owned()),
    ];
    (prop::sample::select(files()), any::<prop::sample::Index>(), 0usize..40, piece).prop_map(
        |((_, text), at, length, piece)| {
            let characters: Vec<char> = text.chars().collect();
            let at = at.index(characters.len());
            let end = (at + length).min(characters.len());
            let before: String = characters[..at].iter().collect();
            let after: String = characters[end..].iter().collect();
            before + &piece + &after
        },
    )
}

proptest! {
    #[test]
    fn any_text_is_refused_without_panic(text in any::<String>()) {
        prop_assert!(parsed(&text).is_err());
    }

    #[test]
    fn any_text_after_the_first_line_is_read_without_panic(rest in "(?s).{0,200}") {
        let _ = parsed(&format!("leasehold trace 1\n{rest}"));
    }

    #[test]
    fn a_spoilt_file_is_read_exactly_or_refused_with_the_line(text in spoilt()) {
        match parsed(&text) {
            Err(error) => prop_assert!(error.to_string().contains("line "), "{}", error),
            Ok(trace) => {
                prop_assert_eq!(parsed(&trace.to_string()).map(|again| again.to_string()),
                    Ok(trace.to_string()));
                if let Err(error) = replay(&trace) {
                    let told = error.to_string();
                    let size = matches!(error, ReplayError::Size { .. });
                    prop_assert!(size || told.starts_with("line "), "{}", told);
                }
            }
        }
    }
}
