//! The driver runs the rules that ship, and leaves their arithmetic to the protocol.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};

fn driver_sources() -> Vec<(PathBuf, String)> {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/driver");
    let paths = fs::read_dir(driver).unwrap().map(|entry| entry.unwrap().path());
    let sources: Vec<_> =
        paths.map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect();
    assert!(sources.len() > 5);
    sources
}

fn files_with(word: &str) -> Vec<String> {
    let sources = driver_sources();
    let found = sources.iter().filter(|(_, text)| text.contains(word));
    found.map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn only_the_sound_rules_are_named() {
    for word in ["Mutated", "Mutant", "ReleaseBeforeDrain"] {
        assert_eq!(files_with(word), Vec::<String>::new(), "{word}");
    }
    assert!(!files_with("Sound").is_empty());
}

#[test]
fn one_file_reads_the_clock() {
    for word in ["Instant::now", "SystemTime"] {
        assert!(files_with(word).iter().all(|file| file == "clock.rs"), "{word}");
    }
}

#[test]
fn files_are_short() {
    for (path, text) in driver_sources() {
        assert!(text.lines().count() < 400, "{}", path.display());
    }
}
