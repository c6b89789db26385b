//! What must go wrong on real servers, with the real library, when an assumption of the lock is
//! broken on purpose; and what must not, under the same schedule, with the lifecycle and the
//! guards as they are shipped.
//!
//! Every case computes what happened from what the library and the servers say. Whoever runs it
//! compares that with what [must happen](Case::must_happen).

mod clocks;
mod late;
mod paused;
mod restart;

pub use paused::hold_and_write;

use std::path::PathBuf;

use leasehold::{AcquireError, Client, ConnectError};

use crate::perform::PerformError;
use crate::{Program, RigError, Server};

/// The key that all cases are about.
const KEY: &str = "lock";

/// One case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// A node restarts empty within a TTL, and nobody waits for it.
    RestartWithoutGuard,
    /// The same with the restart guard.
    RestartWithGuard,
    /// The clock of one node jumps ahead by a TTL.
    ClockJumps,
    /// The same without the jump.
    ClockStays,
    /// The clock of a node is faster than the allowance for drift covers.
    DriftBeyond,
    /// It is faster, and covered.
    DriftWithin,
    /// The holder is paused between its check and its effect, for longer than its lease.
    HolderPaused,
    /// A late `SET` overtakes its own clean-up in a pool, with a release that does not wait.
    LateSetInPool,
    /// The same schedule with the shipped lifecycle, on a pool and on one connection.
    LateSetAsShipped,
    /// A `SET` survives a reset, and nobody kills its connection.
    ResetWithoutKill,
    /// The same schedule with the shipped lifecycle.
    ResetAsShipped,
    /// A late `touch_or_set` renewal brings the key back after its release.
    LateRenewal,
    /// The same schedule with the shipped lifecycle: at the stop, in a pool, and at a reset.
    LateRenewalAsShipped,
    /// The library itself gives up on a server that stands still, which then goes on.
    SlowServerAsShipped,
}

/// All cases, each violation before the case that spares it.
pub const CASES: [Case; 14] = [
    Case::RestartWithoutGuard,
    Case::RestartWithGuard,
    Case::ClockJumps,
    Case::ClockStays,
    Case::DriftBeyond,
    Case::DriftWithin,
    Case::HolderPaused,
    Case::LateSetInPool,
    Case::LateSetAsShipped,
    Case::ResetWithoutKill,
    Case::ResetAsShipped,
    Case::LateRenewal,
    Case::LateRenewalAsShipped,
    Case::SlowServerAsShipped,
];

impl Case {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Case::RestartWithoutGuard => "a node restarts empty, no guard",
            Case::RestartWithGuard => "a node restarts empty, guarded",
            Case::ClockJumps => "a clock jumps by a TTL",
            Case::ClockStays => "the clock stays",
            Case::DriftBeyond => "drift beyond the allowance",
            Case::DriftWithin => "drift within the allowance",
            Case::HolderPaused => "the holder is paused",
            Case::LateSetInPool => "a late SET in a pool",
            Case::LateSetAsShipped => "a late SET, as shipped",
            Case::ResetWithoutKill => "a reset without KILL",
            Case::ResetAsShipped => "a reset, as shipped",
            Case::LateRenewal => "a late renewal that sets",
            Case::LateRenewalAsShipped => "a late renewal, as shipped",
            Case::SlowServerAsShipped => "a server stands still, as shipped",
        }
    }

    /// What is looked for.
    pub fn violation(self) -> &'static str {
        match self {
            Case::RestartWithoutGuard
            | Case::RestartWithGuard
            | Case::ClockJumps
            | Case::ClockStays
            | Case::DriftBeyond
            | Case::DriftWithin => "two holders",
            Case::HolderPaused => "a late effect",
            Case::LateSetInPool
            | Case::LateSetAsShipped
            | Case::ResetWithoutKill
            | Case::ResetAsShipped
            | Case::SlowServerAsShipped => "an orphan",
            Case::LateRenewal | Case::LateRenewalAsShipped => "a zombie",
        }
    }

    /// Whether the violation must happen; if not, it must not.
    pub fn must_happen(self) -> bool {
        match self {
            Case::RestartWithoutGuard
            | Case::ClockJumps
            | Case::DriftBeyond
            | Case::HolderPaused
            | Case::LateSetInPool
            | Case::ResetWithoutKill
            | Case::LateRenewal => true,
            Case::RestartWithGuard
            | Case::ClockStays
            | Case::DriftWithin
            | Case::LateSetAsShipped
            | Case::ResetAsShipped
            | Case::LateRenewalAsShipped
            | Case::SlowServerAsShipped => false,
        }
    }

    /// Runs it.
    ///
    /// # Errors
    /// If a server or a client fails, or the schedule could not be brought about.
    pub fn run(self, setup: &Setup) -> Result<Outcome, CaseError> {
        let program = setup.program;
        match self {
            Case::RestartWithoutGuard => restart::run(program, false),
            Case::RestartWithGuard => restart::run(program, true),
            Case::ClockJumps => clocks::jump(program, true),
            Case::ClockStays => clocks::jump(program, false),
            Case::DriftBeyond => clocks::drift(program, clocks::BEYOND_PPM),
            Case::DriftWithin => clocks::drift(program, clocks::WITHIN_PPM),
            Case::HolderPaused => paused::run(setup),
            Case::LateSetInPool => late::performed(program, &late::LATE_SET),
            Case::LateSetAsShipped => late::performed(program, &late::LATE_SET_SHIPPED),
            Case::ResetWithoutKill => late::performed(program, &late::RESET),
            Case::ResetAsShipped => late::performed(program, &late::RESET_SHIPPED),
            Case::LateRenewal => late::performed(program, &late::RENEWAL),
            Case::LateRenewalAsShipped => late::performed(program, &late::RENEWAL_SHIPPED),
            Case::SlowServerAsShipped => late::slow_server(program),
        }
    }
}

/// What cases need.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The servers.
    pub program: Program,
    /// A program that calls [`hold_and_write`] with the word that is added to its arguments.
    pub holder: (PathBuf, Vec<String>),
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the violation happened.
    pub happened: bool,
    /// What shows it, or its absence; the same on every run.
    pub evidence: String,
    /// What was measured on the way; empty if nothing was.
    pub measured: String,
}

/// Why a case could not be run.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    /// A server failed.
    #[error(transparent)]
    Server(#[from] RigError),
    /// A client could not be made.
    #[error(transparent)]
    Client(#[from] ConnectError),
    /// A lease that nothing speaks against was not acquired.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
    /// A trace could not be performed.
    #[error(transparent)]
    Perform(#[from] PerformError),
    /// The schedule could not be brought about.
    #[error("the schedule did not come about: {0}")]
    Schedule(String),
}

/// Servers whose clocks go as they should, and that have been up for a minute.
fn servers(program: Program, count: usize) -> Result<Vec<Server>, RigError> {
    let server = |_| {
        let server = Server::start_with_clock(program, &[])?;
        let clock = server.clock().ok_or(RigError::NoClock)?;
        clock.step(60_000_000)?;
        clock.run(0)?;
        if !crate::eventually(|| up_s(&server) >= 60) {
            return Err(RigError::Patience { what: "the uptime of a server" });
        }
        Ok(server)
    };
    (0..count).map(server).collect()
}

/// For how long a server has been up, as far as it tells.
fn up_s(server: &Server) -> i64 {
    let told = server.told("server", "uptime_in_seconds").ok().flatten();
    told.and_then(|seconds| seconds.parse().ok()).unwrap_or(0)
}

/// A client of some servers that asks again soon.
fn builder(servers: &[Server]) -> leasehold::Builder {
    let soon = leasehold::protocol::Retry { attempts: None, delay_min: 5_000, delay_max: 15_000 };
    Client::builder()
        .nodes(servers.iter().map(Server::url))
        .connect_timeout(crate::PATIENCE)
        .retry(soon)
}

/// How often a server has run a command.
fn calls(server: &Server, command: &str) -> u64 {
    let told = server.told("commandstats", &format!("cmdstat_{command}")).ok().flatten();
    let calls = |told: String| told.strip_prefix("calls=")?.split(',').next()?.parse().ok();
    told.and_then(calls).unwrap_or(0)
}

/// Whose value stands in the lock at each server: a letter for each owner, as they are met.
#[derive(Debug, Default)]
struct Owners(Vec<String>);

impl Owners {
    fn at(&mut self, servers: &[Server]) -> Result<String, RigError> {
        let mut letters = Vec::new();
        for server in servers {
            let value: Option<String> = server.query(&["GET", KEY])?;
            letters.push(value.map_or("-".to_owned(), |value| self.letter(value)));
        }
        Ok(letters.join(" "))
    }

    fn letter(&mut self, value: String) -> String {
        let known = self.0.iter().position(|owner| *owner == value);
        let index = known.unwrap_or_else(|| {
            self.0.push(value);
            self.0.len() - 1
        });
        char::from(b'A' + (index % 26) as u8).to_string()
    }
}
