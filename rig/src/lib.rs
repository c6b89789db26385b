//! Real Redis servers, owned by this process, and everything that can be done to them.
//!
//! A [`Server`] starts in milliseconds on a unix socket in a directory of its own, and is gone with
//! its owner, however that ends. Its wall clock can be [commanded](Clock): then real Redis runs in
//! virtual time. A [`Connection`] carries the bytes of the library's driver. A [`Proxy`] is a
//! network between clients and a server, with faults that it understands by command.
//!
//! A trace can be [performed](perform) on them, and [violations] brought about. [`foreign`] holds
//! other libraries against ours under the same faults. In a [`soak`] ours is under all of them.

mod clock;
mod connection;
mod error;
pub mod foreign;
pub mod perform;
mod processes;
mod program;
pub mod proxy;
mod server;
pub mod soak;
pub mod violations;

pub use clock::Clock;
pub use connection::Connection;
pub use error::RigError;
pub use program::Program;
pub use proxy::Proxy;
pub use server::Server;

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

/// How long a server may take to start, and anything else that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks again and again, for a long time if need be, whether something has become true.
pub fn eventually(holds: impl Fn() -> bool) -> bool {
    let started = now();
    while started.elapsed() < PATIENCE {
        if holds() {
            return true;
        }
        thread::sleep(Duration::from_millis(2));
    }
    false
}

/// The clock, for bounds that are generous.
#[expect(clippy::disallowed_methods, reason = "real servers take real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Does what waits, to its end, on this thread.
///
/// # Errors
/// What `work` fails with, or if the system refuses a runtime.
pub fn block_on<T, E: From<RigError>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    runtime()?.block_on(work)
}

/// A runtime on the thread that calls it.
fn runtime() -> Result<Runtime, RigError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(RigError::system("a runtime"))
}

/// Whether a program can be started.
fn runs(program: &Path, argument: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(argument).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
