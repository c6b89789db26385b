//! The result, for machines and as a table.

use std::collections::BTreeMap;

use serde::Serialize;

use super::program::Library;
use super::{Network, TTL_OVER_RESTARTS_MS, Workload};

/// What all libraries did under the same faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForeignReport {
    /// What faults and work were drawn from.
    pub seed: u64,
    /// How long each trial lasted, in milliseconds.
    pub trial_ms: u64,
    /// The TTL of the leases, in milliseconds.
    pub ttl_ms: u64,
    /// One library, one workload, one network each.
    pub trials: Vec<Trial>,
    /// Libraries that could not be had.
    pub skipped: Vec<Skipped>,
}

/// A library that could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Which.
    pub library: Library,
    /// Why not.
    pub why: String,
}

/// One library, one workload, one network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// Which library.
    pub library: Library,
    /// What its programs did.
    pub workload: Workload,
    /// What went wrong meanwhile.
    pub network: Network,
    /// What was seen.
    pub counts: Counts,
    /// The faults that were injected, by name.
    pub injected: BTreeMap<String, u64>,
}

/// What was seen in a trial, by the programs and by the servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Attempts to acquire that were granted.
    pub acquired: u64,
    /// Attempts that were not granted, or failed.
    pub denied: u64,
    /// Attempts that lasted more than two seconds, which is ten TTLs, or never ended.
    pub hung: u64,
    /// The longest attempt, in milliseconds.
    pub slowest_ms: u64,
    /// Renewals that servers executed, each at one server.
    pub renewals: u64,
    /// Those that a server executed after it had executed a release of the same lease.
    pub strays: u64,
    /// Those that stored the key again after its release.
    pub zombies: u64,
    /// Acquisitions that stored a key after the release of the same lease had been executed there.
    pub orphans: u64,
    /// Leases that a server stored and whose release never came there, so that they ended with
    /// their TTL.
    pub unreleased: u64,
    /// Failed renewals of a key that nobody else uses, told as "already taken". Only where each
    /// task has a key of its own.
    pub false_taken: Option<u64>,
    /// Times in which a task believed to hold the lock that another believed to hold. Only where
    /// tasks share a key.
    pub overlaps: Option<u64>,
    /// The longest of them, in microseconds.
    pub overlap_us: u64,
    /// Programs that crashed, or did not end when told so and were killed.
    pub ended_badly: u64,
}

impl ForeignReport {
    /// As a section of Markdown: a table for each workload, and what the columns mean.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "Three servers, leases of {} ms, one faulty network between each program and each \
             server; {} s a trial, seed {}. Where two of the three servers restart empty every \
             3.5 s, leases last {} ms and trials twice as long.\n",
            self.ttl_ms,
            self.trial_ms as f64 / 1_000.0,
            self.seed,
            TTL_OVER_RESTARTS_MS
        );
        for workload in Workload::ALL {
            text += &format!("\n### {}\n\n{}\n\n", workload.title(), workload.meaning());
            text += &self.table(workload);
        }
        for Skipped { library, why } in &self.skipped {
            text += &format!("\nskipped: {}: {why}\n", library.name());
        }
        text + "\n" + MEANING
    }

    fn table(&self, workload: Workload) -> String {
        let mut text = workload.columns().to_owned();
        let count = text.lines().next().map_or(0, |line| line.matches('|').count() - 1);
        text += &format!("\n|---|---{}|\n", "|--:".repeat(count.saturating_sub(2)));
        for trial in self.trials.iter().filter(|trial| trial.workload == workload) {
            let Counts { acquired, renewals, strays, zombies, orphans, .. } = trial.counts;
            let Counts { denied, unreleased, hung, slowest_ms, ended_badly, .. } = trial.counts;
            text += &format!("| {} | {}", trial.network.name(), trial.library.name());
            text += &format!(" | {acquired} | {denied}");
            match workload {
                Workload::Renew => {
                    let told = trial.counts.false_taken.unwrap_or(0);
                    text += &format!(" | {renewals} | {strays} | {zombies} | {told}");
                }
                Workload::Contend => {
                    let overlaps = trial.counts.overlaps.unwrap_or(0);
                    let longest = trial.counts.overlap_us / 1_000;
                    text += &format!(" | {overlaps} | {longest} | {strays} | {zombies}");
                }
            }
            text += &format!(" | {orphans} | {unreleased} | {hung} | {slowest_ms}");
            text += &format!(" | {ended_badly} |\n");
        }
        text
    }
}

impl Workload {
    /// Both.
    pub const ALL: [Workload; 2] = [Workload::Renew, Workload::Contend];

    fn title(self) -> &'static str {
        match self {
            Workload::Renew => "The workload of issue #158",
            Workload::Contend => "Contention",
        }
    }

    fn meaning(self) -> &'static str {
        match self {
            Workload::Renew => {
                "Eight tasks, each with a key of its own: acquire, work for the TTL ± 4 ms while a \
                 renewal runs at every half of the TTL, stop the renewer, release. node-redlock by \
                 its `using`, leasehold by itself, the others by the loop of the issue."
            }
            Workload::Contend => {
                "Three processes on one key: acquire, work for 2/5 of the TTL, renew, work for 2/5 \
                 of the TTL, release."
            }
        }
    }

    fn columns(self) -> &'static str {
        match self {
            Workload::Renew => {
                "| network | library | acquired | denied | renewals | strays | zombies | \
                 false \"taken\" | orphans | unreleased | hung | slowest ms | ended badly |"
            }
            Workload::Contend => {
                "| network | library | acquired | denied | overlaps | longest ms | strays | \
                 zombies | orphans | unreleased | hung | slowest ms | ended badly |"
            }
        }
    }
}

const MEANING: &str = "\
- **delays**: requests take 1 to 5 ms. **faults**: the same, and of a hundred commands one is lost
  and one has its reply lost, each with the connection, which is reset 100 ms later; one resets its
  connection; and one ends its connection for the client and arrives 150 ms later. **silences**:
  of a thousand commands three are lost, and three replies, each with the connection, which stays
  open. **restarts**: as delays, and servers restart.
- **denied**: attempts that were not granted, whatever the reason; each is followed by another.
- **renewals**: extensions that servers executed. Every count of commands is each server's own,
  from its `MONITOR`.
- **strays**: those executed after a release of the same lease at the same server.
- **zombies**: strays that stored the key again.
- **false \"taken\"**: renewals that failed with words that say so, of a key that nobody else uses.
  rslock says the same when servers are silent.
- **orphans**: keys that an acquisition stored after its own clean-up had been executed there.
- **unreleased**: keys that were stored and whose release was never executed there: others wait
  for the TTL.
- **overlaps**: windows of belief, from the return of the acquisition to the stop or the end that
  the library names, that begin inside another's.
- **hung**: single attempts to acquire that took more than two seconds, or never ended.
- **ended badly**: programs that crashed, or were killed as they did not end within five seconds.
";
