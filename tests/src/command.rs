//! The program, run to its end.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::binary;

/// What a command said, and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// All of the standard output.
    pub stdout: String,
    /// All of the standard error.
    pub stderr: String,
}

impl Ended {
    /// The standard output of a command that complained of nothing.
    ///
    /// # Panics
    /// If it complained of something.
    pub fn quiet(self) -> (i32, String) {
        assert_eq!(self.stderr, "", "{}", self.stdout);
        (self.code, self.stdout)
    }
}

impl From<Output> for Ended {
    /// # Panics
    /// If a signal ended it, or it did not print text.
    fn from(output: Output) -> Ended {
        let code = output.status.code().unwrap_or_else(|| panic!("{output:?}"));
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ended { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// The program with these arguments, in `folder`, so that what it writes by default is written
/// there. Nobody types anything.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary().canonicalize().expect("the program"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end.
pub fn leasehold(folder: &Path, arguments: &[&str]) -> Ended {
    command(folder, arguments).output().expect("the program runs").into()
}
