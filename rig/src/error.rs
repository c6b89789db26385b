//! What goes wrong with real servers.

use std::io;
use std::net::SocketAddr;
use std::process::ExitStatus;

use crate::PATIENCE;
use crate::proxy::RuleError;

/// Why something cannot be done with a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RigError {
    /// A program is not here.
    #[error("{program} is missing; install it: {advice}")]
    Missing {
        /// Its name.
        program: &'static str,
        /// The command that installs it.
        advice: &'static str,
    },
    /// A server ended as soon as it had started.
    #[error("{program} ended at once ({status}): {log}")]
    Ended {
        /// Its name.
        program: &'static str,
        /// How.
        status: ExitStatus,
        /// What it had to say.
        log: String,
    },
    /// A server, or something it should do, did not come.
    #[error("{what} did not come within {} s", PATIENCE.as_secs())]
    Patience {
        /// What was waited for.
        what: &'static str,
    },
    /// The system refused something.
    #[error("{what}: {error}")]
    System {
        /// What was tried.
        what: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// A server did not answer, or with an error.
    #[error("{command}: {error}")]
    Query {
        /// What it was asked.
        command: String,
        /// What came instead.
        error: redis::RedisError,
    },
    /// A server closed a connection.
    #[error("the server closed the connection")]
    Closed,
    /// A server said something that cannot be used.
    #[error("the server said {0}")]
    Unexpected(String),
    /// A proxy cannot have its address.
    #[error(
        "cannot listen on {address}: {error}; choose another address, or port 0 for a free one"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        error: io::Error,
    },
    /// A proxy cannot stand in front of this.
    #[error("\"{url}\" is no server to forward to: {why}")]
    Upstream {
        /// What was given.
        url: String,
        /// What it should be.
        why: &'static str,
    },
    /// A text is no rule of a proxy.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A library that is to be compared cannot be had.
    #[error("{library} cannot be had: {why}")]
    Library {
        /// Which.
        library: &'static str,
        /// Why not.
        why: String,
    },
    /// There are no clocks to command on this system.
    #[error("clocks of servers can be commanded on Linux with glibc only, on x86-64 and ARM64")]
    NoClock,
}

impl RigError {
    /// Makes an error of the system one of these.
    pub(crate) fn system(what: &'static str) -> impl FnOnce(io::Error) -> RigError {
        move |error| RigError::System { what, error }
    }
}
