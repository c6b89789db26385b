//! Other people's libraries, and ours beside them, under the same faults.
//!
//! Each library has a program that runs a [`Workload`] on three servers and says what it is told
//! and believes ([`Event`]); the programs lie in `interop`, ours is [`contender`]. Between each
//! program and each server stands a [`Proxy`](crate::Proxy). What servers execute they tell
//! themselves, by `MONITOR`; two windows of belief are compared by the clock that all processes of
//! a machine share.

mod contender;
mod event;
mod judge;
mod ledger;
mod monitor;
mod program;
mod report;
#[cfg(test)]
mod tests;
mod trial;

pub use contender::{USAGE, contender};
pub use event::{Event, Happening};
pub use program::{Library, Places};
pub use report::{Counts, ForeignReport, Skipped, Trial};

use serde::Serialize;

use crate::RigError;
use crate::proxy::Rule;

/// The TTL of leases, in milliseconds, as it was measured for issue #158.
pub const TTL_MS: u64 = 200;
/// The TTL where servers restart: longer than clients take to connect again.
pub const TTL_OVER_RESTARTS_MS: u64 = 1_000;

/// What the programs do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Workload {
    /// That of go-redsync's issue #158, by eight tasks of one program with a key each.
    Renew,
    /// One key, by three programs.
    Contend,
}

/// What goes wrong meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// Nothing; requests take 1 to 5 ms.
    Delays,
    /// The same, and of a hundred commands each one is lost, its reply is lost, it breaks its
    /// connection, or it arrives when its client has gone.
    Faults,
    /// As the first, and of a thousand commands three are lost and of three the reply, each with
    /// whatever comes after it on its connection, which nobody ends: as with a firewall that has
    /// forgotten it.
    Silences,
    /// As the first, and two of the three servers restart empty, now and then. That is more than
    /// Redlock promises to bear; the restart guard bears it. Leases and trials are longer.
    Restarts,
}

/// How a programme runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where programs are.
    pub places: Places,
    /// How long each trial lasts, in milliseconds.
    pub trial_ms: u64,
    /// What faults and work are drawn from.
    pub seed: u64,
    /// Which libraries.
    pub libraries: Vec<Library>,
    /// Whether a library that cannot be had is an error.
    pub is_every_required: bool,
}

/// Runs each library through every trial. `progress` is told what begins.
///
/// # Errors
/// If a server or a program fails in a way that is no result, or a library cannot be had where
/// every one is required.
pub fn programme(
    options: &Options,
    progress: &mut dyn FnMut(&str),
) -> Result<ForeignReport, RigError> {
    let (seed, trial_ms) = (options.seed, options.trial_ms);
    let (mut trials, mut skipped) = (Vec::new(), Vec::new());
    for library in options.libraries.iter().copied() {
        progress(&format!("{}: building", library.name()));
        let start = match options.places.program(library) {
            Ok(start) => start,
            Err(why) if options.is_every_required || library.is_ours() => {
                return Err(RigError::required(library, &why));
            }
            Err(why) => {
                skipped.push(Skipped { library, why });
                continue;
            }
        };
        for (workload, network) in trials_of(library) {
            let (does, meanwhile) = (workload.name(), network.name());
            progress(&format!("{}: {does}, {meanwhile}", library.name()));
            trials.push(trial::trial(options, &start, library, (workload, network))?);
        }
    }
    trials.sort_by_key(|trial| (trial.workload, trial.network, trial.library));
    Ok(ForeignReport { seed, trial_ms, ttl_ms: TTL_MS, trials, skipped })
}

/// What a library is put through.
fn trials_of(library: Library) -> Vec<(Workload, Network)> {
    // What is different there is how it renews, and what it does after a restart.
    match library {
        Library::LeaseholdUnguarded => vec![(Workload::Contend, Network::Restarts)],
        Library::GoRedsyncSetNx => {
            vec![(Workload::Renew, Network::Delays), (Workload::Renew, Network::Faults)]
        }
        Library::Leasehold | Library::GoRedsync | Library::Rslock | Library::NodeRedlock => vec![
            (Workload::Renew, Network::Delays),
            (Workload::Renew, Network::Faults),
            (Workload::Renew, Network::Silences),
            (Workload::Contend, Network::Delays),
            (Workload::Contend, Network::Faults),
            (Workload::Contend, Network::Silences),
            (Workload::Contend, Network::Restarts),
        ],
    }
}

impl Workload {
    /// Its name on the command line of a program.
    pub fn name(self) -> &'static str {
        match self {
            Workload::Renew => "renew",
            Workload::Contend => "contend",
        }
    }

    /// How many programs, and how many tasks each.
    fn shape(self) -> (u64, u64) {
        match self {
            Workload::Renew => (1, 8),
            Workload::Contend => (3, 1),
        }
    }
}

impl Network {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Network::Delays => "delays",
            Network::Faults => "faults",
            Network::Silences => "silences",
            Network::Restarts => "restarts",
        }
    }

    fn ttl_ms(self) -> u64 {
        match self {
            Network::Delays | Network::Faults | Network::Silences => TTL_MS,
            Network::Restarts => TTL_OVER_RESTARTS_MS,
        }
    }

    /// How many times as long as others a trial lasts.
    fn trials(self) -> u64 {
        match self {
            Network::Delays | Network::Faults | Network::Silences => 1,
            Network::Restarts => 2,
        }
    }

    fn rules(self) -> Result<Vec<Rule>, RigError> {
        let texts: &[&str] = match self {
            Network::Delays | Network::Restarts => &["delay 1ms..5ms"],
            Network::Silences => &[
                "delay 1ms..5ms",
                "drop SET,EVALSHA,EVAL 0.3%",
                "drop-reply SET,EVALSHA,EVAL 0.3%",
            ],
            Network::Faults => &[
                "delay 1ms..5ms",
                "drop 100ms SET,EVALSHA,EVAL 1%",
                "drop-reply 100ms SET,EVALSHA,EVAL 1%",
                "reset SET,EVALSHA,EVAL 1%",
                "half-open 150ms SET,EVALSHA,EVAL 1%",
            ],
        };
        texts.iter().map(|text| text.parse().map_err(RigError::from)).collect()
    }
}
