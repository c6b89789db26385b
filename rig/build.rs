//! Makes the library that commands the wall clock of a Redis server under test.
//!
//! It is a library of its own, made by the compiler directly: linked into a test, its functions
//! would replace the test's own clock.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "this is how a build script speaks")]

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo names the package's folder");
    let source = Path::new(&folder).join("clock/preload.rs");
    println!("cargo::rerun-if-changed={}", source.display());
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").expect("cargo names the folder for what is built");
    let library = Path::new(&out).join("libleasehold_clock.so");
    let target = env::var("TARGET").expect("cargo names the target");
    if !["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"].contains(&target.as_str()) {
        // The library calls the kernel and the C library by itself. Who needs it is told so.
        std::fs::write(&library, []).expect("the folder for what is built can be written");
        return;
    }
    let compiler = env::var("RUSTC").expect("cargo names the compiler");
    let mut command = Command::new(compiler);
    command.args(["--edition", "2024", "--crate-type", "cdylib", "--crate-name"]);
    command.args(["leasehold_clock", "-C", "opt-level=2", "-C", "panic=abort", "-D", "warnings"]);
    command.args(["--target", &target, "-o"]).arg(&library).arg(&source);
    let status = command.status().expect("the compiler runs");
    assert!(status.success(), "clock/preload.rs does not compile");
}
