//! SPIN on the same transition system.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::process::{Command, Output};

use leasehold_world::Scope;
use tempfile::TempDir;

use crate::measure::{Measured, children_cpu_s};

/// The model.
const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/spin/redlock.pml");
/// The longest path, well above what there is; and the size of the hash table, 2^24 slots.
const LIMITS: [&str; 2] = ["-m10000", "-w24"];

/// A compiled verifier.
#[derive(Debug)]
pub struct Verifier {
    directory: TempDir,
    /// States before the first of the world: the setting-up is one.
    extra: usize,
}

impl Verifier {
    /// Compiles the model for `scope`, from the beginning or from the moment client 0 holds; `None`
    /// if SPIN or a C compiler is missing.
    pub fn compile(scope: &Scope, held: bool) -> Option<Verifier> {
        let directory = tempfile::tempdir().expect("a directory for the verifier");
        let settings = scope.settings();
        let defines = [
            format!("-DNODES={}", settings.nodes),
            format!("-DTTL={}", settings.ttl),
            format!("-DNODE_TIMEOUT={}", settings.node_timeout),
            format!("-DRELEASE_WITHIN={}", settings.release_within),
            format!("-DSTOPS_0={}", u8::from(scope.role(0).stops)),
            format!("-DSTOPS_1={}", u8::from(scope.role(1).stops)),
            format!("-DHELD_AT_START={}", u8::from(held)),
        ];
        let mut spin = Command::new("spin");
        // Without -o2, SPIN forgets what is written and never read: the observer's notes.
        spin.args(&defines).args(["-o2", "-a", MODEL]);
        present(directory.path(), &mut spin)?;
        let mut gcc = Command::new("gcc");
        gcc.args(["-O2", "-DSAFETY", "-DMEMLIM=8000", "-o", "pan", "pan.c"]);
        present(directory.path(), &mut gcc)?;
        Some(Verifier { directory, extra: usize::from(held) })
    }

    /// Searches the whole model once.
    pub fn measure(&self) -> Measured {
        let before = children_cpu_s();
        let mut pan = Command::new(self.directory.path().join("pan"));
        let output = run(self.directory.path(), pan.args(LIMITS)).expect("the verifier");
        let cpu_s = children_cpu_s() - before;
        let text = String::from_utf8_lossy(&output.stdout);
        let ended = text.contains("errors: 0") && !text.contains("not completed");
        assert!(output.status.success() && ended && !text.contains("error:"), "{text}");
        Measured {
            unique: count(&text, "states, stored") - self.extra,
            generated: count(&text, "transitions (= stored+matched)") - self.extra,
            cpu_s,
            ..Measured::default()
        }
    }
}

/// Runs a program that must succeed if it exists.
fn present(directory: &Path, command: &mut Command) -> Option<()> {
    match run(directory, command) {
        Ok(output) => {
            let (out, err) = (&output.stdout, &output.stderr);
            let said = || [String::from_utf8_lossy(out), String::from_utf8_lossy(err)].concat();
            assert!(output.status.success(), "{command:?}: {}", said());
            Some(())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{command:?}: {error}"),
    }
}

fn run(directory: &Path, command: &mut Command) -> io::Result<Output> {
    command.current_dir(directory).output()
}

/// The number before `what`, which SPIN writes as a floating-point number when it is large.
fn count(text: &str, what: &str) -> usize {
    let line = text.lines().find_map(|line| line.trim().strip_suffix(what));
    let number = line.and_then(|line| line.trim().parse::<f64>().ok());
    number.unwrap_or_else(|| panic!("no {what:?} in {text}")) as usize
}
