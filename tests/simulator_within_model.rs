//! The simulator visits no state that the checker has not visited, in every small scope; and the
//! report says how much of them it visits.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use leasehold_tests::binary;

fn covers(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(fs::canonicalize(binary()).unwrap());
    command.arg("covers").args(arguments).current_dir(folder).stdin(Stdio::null());
    command.output().unwrap()
}

/// As many seeds in each scope as the report speaks of: it is written anew and compared.
#[test]
fn no_seed_leaves_the_states_of_the_checker() {
    let folder = tempfile::tempdir().unwrap();
    let output = covers(folder.path(), &["--json"]);
    assert!(output.status.success(), "{output:?}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["complaints"], serde_json::json!([]));
    let scopes = told["scopes"].as_array().unwrap();
    assert!(scopes.len() > 30, "{}", scopes.len());
    for scope in scopes {
        let number = |name: &str| scope[name].as_u64().unwrap();
        assert_eq!(number("outside"), 0, "{scope}");
        // A sample that visits next to nothing would show nothing.
        assert!(number("visited") >= 500 && number("steps") > 20_000, "{scope}");
    }
    let written = fs::read_to_string(folder.path().join("reports/covers.md")).unwrap();
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/covers.md");
    assert_eq!(written, fs::read_to_string(committed).unwrap());
}

#[test]
fn one_scope_is_asked_for_by_a_word_and_writes_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let output = covers(folder.path(), &["--seeds", "9", "--only", "joined, touch, fifo"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("joined, touch, fifo") && !text.contains("sleep"), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let output = covers(folder.path(), &["--only", "nope"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("\"nope\""));
}
