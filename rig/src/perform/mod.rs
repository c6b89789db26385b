//! A trace performed on real servers: every step of the world is done, and every answer and every
//! key must be what the trace's world says.
//!
//! The world is applied alongside and supplies what the clients send; whatever it says of a server
//! is compared with what the server says, and at the first difference the performance ends. So
//! the beliefs, and what breaks, follow from real answers. Facts that can be seen at the servers
//! (an orphan, a zombie, two holders) are found a second time, from their replies and keys alone,
//! and must agree. `docs/validation.md` says how a step becomes real.

mod arrive;
mod compare;
mod facts;
mod line;
mod outcome;
mod run;
mod sending;
mod stage;
#[cfg(test)]
mod tests;
mod verdict;

pub use facts::{Fact, Observation};
pub use outcome::{Difference, Disagreement, PerformError, Performance, Performed, Side, Verdict};
pub use stage::Stage;

use leasehold::protocol::{Command, Rules};
use leasehold_world::{Scope, Trace};

use crate::Program;

/// How long a tick takes on a server, in milliseconds.
pub const TICK_MS: i64 = 1_000;

/// Performs `trace` on servers that are started for it. Who performs many starts one [`Stage`].
///
/// # Errors
/// If the program is missing, a server fails, or the trace cannot be taken.
pub fn perform(trace: &Trace, program: Program) -> Result<Performance, PerformError> {
    Stage::start(program)?.perform(trace)
}

/// Whether a rule that is broken on purpose in `scope` is one of the scripts. The servers run the
/// scripts that ship, and then they must not do what the trace says.
pub fn breaks_a_script(scope: &Scope) -> bool {
    let rules = scope.mutated;
    let scripts = [Command::Extend, Command::Release, Command::Adopt];
    scripts.into_iter().any(|command| !rules.compares(command))
        || rules.adopts_missing()
        || rules.extends_by(&scope.config) != scope.config.extend()
}
