//! The Redlock state machine, pure: it knows nothing of Redis, tokio, sockets, clocks or random
//! numbers. Time, tokens and answers come in as data; commands and events go out as data.
//!
//! Read it in this order; each file is one idea.
//!
//! 1. [`validity`]: the one formula. A lease counted from before the first send, for its TTL less
//!    an allowance for drift, and nothing in between.
//! 2. [`round`]: one command to N nodes, tallied into *pending*, *won* or *lost*.
//! 3. [`lease`]: acquire, hold, renew, stop, drain, release or hand over, composed of rounds.
//! 4. [`retry`] and [`renewal`]: how long a denied acquisition waits, and when a lease is renewed.
//! 5. [`guard`]: how long a restarted node counts for nothing.
//! 6. [`rules`]: the decisions the machine takes, each in one named function, so that the checker
//!    can ask what happens when one of them is wrong ([`mutants`]).
//!
//! The same code runs under the model checker (time in ticks), under the simulator and in the
//! library (time in microseconds).

pub mod answer;
pub mod config;
pub mod guard;
pub mod instant;
pub mod lease;
pub mod mutants;
pub mod nodes;
#[cfg(test)]
mod properties;
pub mod renewal;
pub mod retry;
pub mod round;
pub mod rules;
pub mod validity;

pub use answer::{Answer, Command};
pub use config::{Config, ConfigError, Extend, Settings, Transport};
pub use instant::{Instant, Micros, Span, Ticks};
pub use lease::{Commands, Event, Input, Lease, LossCause, Moment, Output, Phase, Timer};
pub use mutants::{Mutant, Mutated};
pub use nodes::{NodeSet, Nodes};
pub use retry::Retry;
pub use round::{Round, Tally, Verdict};
pub use rules::{Rules, Sound};
pub use validity::Drift;
