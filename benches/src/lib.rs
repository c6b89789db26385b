//! What the benches measure, the yardsticks beside it, and the ratios: `checker` our searches,
//! and `library` ([`library`]) the lock on real Redis servers.
//!
//! Every search runs in a process of its own ([`job`]), so that its CPU time and its memory are
//! its own. A measured number means little on a shared machine; the ratio of two numbers measured
//! in turns means more, and only ratios have bars.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench that cannot measure fails by panicking"
)]

pub mod bare_loop;
pub mod begun;
pub mod job;
pub mod library;
pub mod measure;
pub mod scopes;
pub mod spin;
pub mod table;
pub mod turmoil_loop;
pub mod two_phase_commit;
