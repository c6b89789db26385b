//! Exit codes, and the one place where errors are printed.

use std::path::PathBuf;
use std::process::ExitCode;

use leasehold::record::RecordingError;
use leasehold_model::cell::CellError;
use leasehold_rig::RigError;
use leasehold_rig::perform::PerformError;
use leasehold_rig::violations::CaseError;
use leasehold_sim::{MergeError, ShrinkError};
use leasehold_world::{ReplayError, ScopeError, TraceError};

use crate::sim::ReadError;

/// The legend shown by `--help`.
pub(crate) const LEGEND: &str = "\
Exit codes of check, covers, conform, sim, replay and shrink:
  0  everything is as claimed; shrink: nothing can be taken from the schedule any more
  1  a claim broke, a verdict is not the expected one, a seed was not the same twice, or a
     recording shows what cannot be
  2  bad input: an argument, a trace file, a recording, the result of a shard
  3  TRUNCATED: a search, a campaign or a shrinking was stopped before its end
  4  a file could not be read or written
soak: 0 as claimed, 1 not, 3 TRUNCATED; 4 a server could not be started.
validate: 0 real servers do what the traces say (without a trace: all is as expected); 1 they do
  not; 2 a bad trace; 3 TRUNCATED; 4 a file as above, or servers do not start.
doctor: 0 fit, also with warnings; 2 bad input; 5 a server is unfit to hold locks.
proxy: 0 ended by Ctrl-C or after --for; 2 bad input; 4 its address cannot be had.
`leasehold run --help` lists those of run.";

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Everything is as claimed.
    AsClaimed,
    /// A claim broke, or a verdict is not the expected one.
    Broken,
    /// Stopped before its end.
    Truncated,
    /// Servers are unfit to hold locks.
    Unfit,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// An argument is wrong.
    #[error("{0}")]
    Argument(String),
    /// The constants are impossible.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// A cell could not be decided.
    #[error("{cell}: {error}")]
    Cell {
        /// Which.
        cell: String,
        /// Why.
        error: CellError,
    },
    /// A file is not a trace.
    #[error("{}: {error}", path.display())]
    Trace {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: TraceError,
    },
    /// A file is not a recording.
    #[error("{}: {error}", path.display())]
    Recording {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: RecordingError,
    },
    /// A trace cannot be taken again.
    #[error("{}: {error}", path.display())]
    Replay {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: ReplayError,
    },
    /// A trace cannot be shrunk.
    #[error("{}: {error}", path.display())]
    Shrink {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: ShrinkError,
    },
    /// A trace could not be performed.
    #[error("{}: {error}", path.display())]
    Perform {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: PerformError,
    },
    /// A violation could not be brought about.
    #[error("{case}: {error}")]
    Case {
        /// Which.
        case: &'static str,
        /// Why.
        error: Box<CaseError>,
    },
    /// The data file of expectations is malformed.
    #[error("{}: {error}", path.display())]
    Expected {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// A file is not the result of a campaign.
    #[error("{}: {error}", path.display())]
    Results {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: ReadError,
    },
    /// A seed did not run as it had before.
    #[error("{}: the seed runs otherwise now; try --check-determinism", path.display())]
    NotAgain {
        /// Which file it was to be.
        path: PathBuf,
    },
    /// Results are not those of all shards of one campaign.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// A result could not be put into words.
    #[error("the result cannot be written as JSON: {0}")]
    Unwritable(serde_json::Error),
    /// Something about servers failed.
    #[error(transparent)]
    Rig(RigError),
    /// A file could not be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {}: {error}; choose another place", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl Failure {
    fn code(&self) -> u8 {
        match self {
            Failure::Cell { error: CellError::Size { .. }, .. }
            | Failure::Argument(_)
            | Failure::Scope(_)
            | Failure::Trace { .. }
            | Failure::Recording { .. }
            | Failure::Replay { .. }
            | Failure::Shrink { .. }
            | Failure::Expected { .. }
            | Failure::Results { .. }
            | Failure::Merge(_) => 2,
            Failure::Perform { error, .. } => match error {
                PerformError::Server(_) => 4,
                PerformError::OutOfStep { .. } => 1,
                PerformError::Trace(_) | PerformError::Ttl { .. } => 2,
            },
            Failure::Case { error, .. } => match **error {
                CaseError::Server(_) => 4,
                CaseError::Client(_)
                | CaseError::Acquire(_)
                | CaseError::Perform(_)
                | CaseError::Schedule(_) => 1,
            },
            Failure::Cell { .. } | Failure::NotAgain { .. } => 1,
            Failure::Read { .. }
            | Failure::Write { .. }
            | Failure::Unwritable(_)
            | Failure::Rig(_) => 4,
        }
    }
}

/// The exit code; a failure is printed as one line.
pub(crate) fn code(result: Result<Ending, Failure>) -> ExitCode {
    ExitCode::from(match result {
        Ok(Ending::AsClaimed) => 0,
        Ok(Ending::Broken) => 1,
        Ok(Ending::Truncated) => 3,
        Ok(Ending::Unfit) => 5,
        Err(failure) => {
            anstream::eprintln!("leasehold: {failure}");
            failure.code()
        }
    })
}

/// Prints a line to standard output. A reader that has gone away is not an error.
pub(crate) fn say(text: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// Makes sure that files can be written to `folder`, or to what exists of its path; leaves nothing.
pub(crate) fn prepare(folder: &std::path::Path) -> Result<(), Failure> {
    let failed = |error| Failure::Write { path: folder.to_owned(), error };
    let absolute = std::path::absolute(folder).map_err(failed)?;
    if let Some(existing) = absolute.ancestors().find(|ancestor| ancestor.exists()) {
        tempfile::NamedTempFile::new_in(existing).map_err(failed)?;
    }
    Ok(())
}

/// Writes `text` to `path` in one piece: nothing half written is ever seen there. A file that holds
/// it already is left as it is, so that whatever is built from it need not be built anew.
pub(crate) fn write(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    use std::io::Write;
    if std::fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes()) {
        return Ok(());
    }
    let failed = |error| Failure::Write { path: path.to_owned(), error };
    let folder = path.parent().unwrap_or(std::path::Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    #[cfg(unix)]
    builder.permissions(readable);
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
