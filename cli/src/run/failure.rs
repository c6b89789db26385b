//! How `leasehold run` ends, and with which exit code.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use leasehold::{AcquireError, ConnectError, Loss};

/// Why the command did not run, or not to its end.
#[derive(Debug)]
pub(super) enum Failure {
    Connect(ConnectError),
    Acquire(AcquireError),
    Interrupted(i32),
    Start { command: OsString, error: io::Error },
    Lost { key: String, loss: Option<Loss> },
    Grace { grace: Duration, ttl: Duration },
    System(io::Error),
}

impl Failure {
    /// The exit code that tells of it.
    pub(super) fn code(&self) -> u8 {
        match self {
            Failure::Connect(ConnectError::Unreachable { .. }) => 69,
            Failure::Connect(_) | Failure::Grace { .. } => 2,
            Failure::Acquire(AcquireError::Timeout { .. } | AcquireError::Exhausted { .. }) => 73,
            Failure::Acquire(_) | Failure::System(_) => 69,
            Failure::Interrupted(signal) => signal_code(*signal),
            Failure::Start { error, .. } => start_code(error),
            Failure::Lost { .. } => 75,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Connect(error) => error.fmt(f),
            Failure::Acquire(error) => error.fmt(f),
            Failure::Interrupted(signal) => write!(f, "ended by signal {signal} while waiting"),
            Failure::Start { command, error } => {
                write!(f, "{}: {error}", command.to_string_lossy())
            }
            Failure::Lost { key, loss: Some(loss) } => {
                write!(f, "lock {key} was lost and the command stopped: {loss}")
            }
            Failure::Lost { key, loss: None } => {
                write!(f, "lock {key} was running out without renewal; the command was stopped")
            }
            Failure::Grace { grace, ttl } => write!(
                f,
                "--grace {grace:?} is more than half of the TTL of {ttl:?}: the command would be \
                 stopped before a renewal could fail; choose a shorter grace or a longer TTL"
            ),
            Failure::System(error) => error.fmt(f),
        }
    }
}

/// The exit code of a command that ended so.
pub(super) fn exit_code(status: ExitStatus) -> u8 {
    match (status.code(), status.signal()) {
        (Some(code), _) => u8::try_from(code & 255).unwrap_or(1),
        (None, Some(signal)) => signal_code(signal),
        (None, None) => 1,
    }
}

/// The exit code of what a signal ended.
pub(super) fn signal_code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(255)
}

/// The exit code of a command that could not be started.
pub(super) fn start_code(error: &io::Error) -> u8 {
    if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_death_by_signal_is_told_as_shells_do() {
        assert_eq!(exit_code(ExitStatus::from_raw(9)), 137);
        assert_eq!(exit_code(ExitStatus::from_raw(3 << 8)), 3);
    }
}
