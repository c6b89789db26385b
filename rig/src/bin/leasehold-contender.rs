//! The workloads on our own library, next to those in `interop`.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match leasehold_rig::foreign::contender(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to hear that standard error is closed.
            let _ = writeln!(std::io::stderr(), "leasehold-contender: {error}");
            ExitCode::FAILURE
        }
    }
}
