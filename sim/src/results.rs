//! The result of a campaign or of a shard of one: everything that is printed, and enough to be
//! merged with the results of the other shards.

use std::ops::Range;

use leasehold_world::Claim;
use serde::{Deserialize, Serialize};

use crate::campaign::{Campaign, KEPT, Least};
use crate::counts::Counts;
use crate::file::File;
use crate::kinds::Kind;
use crate::options::Options;
use crate::outcome::{Broken, Outcome, Taken};
use crate::shard::Shard;
use crate::twice::Difference;

/// The version of the file format. A file of another one is not read.
pub const FORMAT: u32 = 1;

/// From how many seeds on everything that can happen must have happened.
const ENOUGH_SEEDS: u64 = 1000;

/// A seed that broke a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedSeed {
    /// The seed.
    pub seed: u64,
    /// The first claim that it broke.
    pub broken: Broken,
    /// The "lock already taken" that ended the run, or else the first one.
    pub taken: Option<Taken>,
}

impl FailedSeed {
    fn of(outcome: &Outcome) -> Option<FailedSeed> {
        let Outcome { seed, broken, taken, .. } = *outcome;
        broken.map(|broken| FailedSeed { seed, broken, taken })
    }
}

/// The result of a campaign, or of one shard of it.
///
/// With serde it is written and read as a file that is complete: the results of all shards make,
/// [merged](crate::merge()), the result of the whole, `elapsed_ms` apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "File", into = "File")]
pub struct Results {
    /// The version of the program that ran it. Another one may draw other runs from a seed.
    pub program: String,
    /// What was simulated.
    pub options: Options,
    /// The seeds of all shards, from the first up to and without the second.
    pub seeds: Range<u64>,
    /// Which part of them was to be run.
    pub shard: Shard,
    /// Whether every seed was run twice and the runs compared.
    pub twice: bool,
    /// How many seeds were run: a prefix of the shard's.
    pub run: u64,
    /// Whether the campaign was stopped before its end.
    pub truncated: bool,
    /// The sum over the seeds that were run: see [`TraceHash`](crate::TraceHash).
    pub digest: u64,
    /// What happened.
    pub counts: Counts,
    /// The least slack, and its seed; none if in no run a client followed another.
    pub least_slack: Option<Least>,
    /// The first failing seeds, in order; [`KEPT`] at most.
    pub failures: Vec<FailedSeed>,
    /// How many there were in all.
    pub failures_total: u64,
    /// The failing runs by what they broke.
    pub kinds: Vec<Kind>,
    /// The first seeds whose second run was not the same; [`KEPT`] at most.
    pub differences: Vec<Difference>,
    /// How many there were in all.
    pub differences_total: u64,
    /// How long it took on the machine that ran it, in milliseconds; of shards, the sum.
    pub elapsed_ms: u64,
}

impl Results {
    /// The result of a campaign over the part `shard` of `seeds`.
    pub fn of(campaign: &Campaign, options: &Options, seeds: Range<u64>, shard: Shard) -> Results {
        let Campaign { failures_total, differences_total, digest, .. } = *campaign;
        let wanted = shard.seeds(&seeds);
        Results {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            options: *options,
            seeds,
            shard,
            twice: false,
            run: campaign.seeds,
            truncated: campaign.seeds < wanted.end - wanted.start,
            digest,
            counts: campaign.counts,
            least_slack: campaign.least_slack,
            failures: campaign.failures.iter().filter_map(FailedSeed::of).collect(),
            failures_total,
            kinds: campaign.kinds.clone(),
            differences: campaign.differences.clone(),
            differences_total,
            elapsed_ms: 0,
        }
    }

    /// What never happened and should have in a campaign of this size: hazards that were not met,
    /// reports that nobody made, dangers that were not approached. Nothing is expected of fewer
    /// than a thousand seeds, nor of runs that end early because they fail.
    pub fn never_happened(&self) -> Vec<&'static str> {
        let expects = self.run >= ENOUGH_SEEDS && self.failures_total == 0;
        if expects { self.counts.zeroes(&self.options) } else { Vec::new() }
    }

    /// Whether all that was run is as claimed.
    pub fn is_as_claimed(&self) -> bool {
        self.failures_total == 0 && self.differences_total == 0 && self.never_happened().is_empty()
    }

    /// The first rule that these results break, if they do not come from a campaign.
    pub(crate) fn check(&self) -> Result<(), ResultsError> {
        if self.seeds.is_empty() {
            return Err(ResultsError::Seeds { from: self.seeds.start, to: self.seeds.end });
        }
        let wanted = self.shard.seeds(&self.seeds);
        let length = wanted.end.saturating_sub(wanted.start);
        if self.run > length || self.run < length && !self.truncated {
            let (shard, truncated) = (self.shard, self.truncated);
            return Err(ResultsError::Run { run: self.run, shard, length, truncated });
        }
        let inside = |seed: u64| wanted.contains(&seed);
        let failed: Vec<u64> = self.failures.iter().map(|failure| failure.seed).collect();
        let differ: Vec<u64> = self.differences.iter().map(|other| other.seed).collect();
        for (list, seeds, total) in [
            ("failures", failed, self.failures_total),
            ("differences", differ, self.differences_total),
        ] {
            let in_order = seeds.windows(2).all(|pair| pair[0] < pair[1]);
            let complete = seeds.len() as u64 == total.min(KEPT as u64);
            if !in_order || !complete || total > self.run || !seeds.into_iter().all(inside) {
                return Err(ResultsError::List(list));
            }
        }
        let in_order = |pair: &[Kind]| {
            let key = |kind: &Kind| (kind.claim, kind.cause);
            key(&pair[0]) < key(&pair[1])
        };
        let possible = |kind: &Kind| inside(kind.first) && (1..=self.run).contains(&kind.runs);
        if !self.kinds.windows(2).all(in_order) || !self.kinds.iter().all(possible) {
            return Err(ResultsError::List("kinds"));
        }
        let causes = self.counts.message_causes().chain(self.counts.loss_causes());
        if !causes.filter_map(|row| row.first_seed).all(inside) {
            return Err(ResultsError::FirstSeeds);
        }
        match self.least_slack.filter(|least| !inside(least.seed)) {
            Some(Least { seed, .. }) => Err(ResultsError::LeastSlack { seed, shard: self.shard }),
            None => Ok(()),
        }
    }
}

/// Why a file is not the result of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// The file has another format.
    #[error(
        "format {0}, and this program reads format {FORMAT}; merge with the program that wrote it"
    )]
    Format(u32),
    /// There are no seeds.
    #[error("seeds: from {from} to {to} there is none")]
    Seeds {
        /// The first.
        from: u64,
        /// The one after the last.
        to: u64,
    },
    /// Other seeds were run than the shard has.
    #[error(
        "seeds_run: {run} of the {length} seeds of shard {shard} were run, \
         and it says that truncated is {truncated}"
    )]
    Run {
        /// How many were run.
        run: u64,
        /// The shard.
        shard: Shard,
        /// How many it has.
        length: u64,
        /// Whether it says that it was stopped.
        truncated: bool,
    },
    /// The digest is not 16 hexadecimal digits.
    #[error("digest: {0:?} is not 16 hexadecimal digits")]
    Digest(String),
    /// A table has a row that this program does not know, or the same row twice.
    #[error("{table}: {row:?} is unknown to this program, or stands there twice")]
    UnknownRow {
        /// Which table.
        table: &'static str,
        /// Which row.
        row: String,
    },
    /// A table lacks a row.
    #[error("{table}: {row:?} is missing")]
    MissingRow {
        /// Which table.
        table: &'static str,
        /// Which row.
        row: &'static str,
    },
    /// No claim has that name.
    #[error("{0:?} is no claim of this program")]
    Claim(String),
    /// No cause has that name.
    #[error("{0:?} is no cause of this program")]
    Cause(String),
    /// Entries that no campaign gives.
    #[error("{0}: entries out of order, outside the shard, or more or fewer than there must be")]
    List(&'static str),
    /// A cause that was met has no first seed, or one outside the shard; or it was not met.
    #[error("a first seed of a cause is missing, outside the shard, or of a cause never met")]
    FirstSeeds,
    /// The least slack is that of a seed which was not run.
    #[error("least_slack: seed {seed} is none of shard {shard}")]
    LeastSlack {
        /// The seed.
        seed: u64,
        /// The shard.
        shard: Shard,
    },
    /// What never happened does not follow from the counts.
    #[error("never_happened: not what follows from the counts")]
    NeverHappened,
}

impl ResultsError {
    /// The claim called `name`.
    pub(crate) fn claim(name: &str) -> Result<Claim, ResultsError> {
        Claim::named(name).ok_or_else(|| ResultsError::Claim(name.to_owned()))
    }
}
