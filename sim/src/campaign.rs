//! Many seeds on several threads, with a result that does not depend on how many.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::agenda::Agenda;
use crate::counts::Counts;
use crate::kinds::{Kind, Kinds};
use crate::options::Options;
use crate::outcome::{Outcome, TraceHash};
use crate::twice::{Difference, Recorded, run_twice};
use crate::{record_whole, simulate_in};

/// How many seeds a thread takes at a time.
const CHUNK: u64 = 64;

/// How many failing runs are kept.
pub const KEPT: usize = 100;

/// What came of many seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Campaign {
    /// How many seeds were run: all of them, or those before the stop.
    pub seeds: u64,
    /// What happened in all of them.
    pub counts: Counts,
    /// The first failing runs, by seed: those that broke a claim.
    pub failures: Vec<Outcome>,
    /// How many there were in all.
    pub failures_total: u64,
    /// The failing runs by what they broke, each kind with its first seed.
    pub kinds: Vec<Kind>,
    /// The first seeds whose second run was not the same as the first, if all were run twice.
    pub differences: Vec<Difference>,
    /// How many there were in all.
    pub differences_total: u64,
    /// One hash over the seeds and the hashes of all runs: see [`TraceHash`].
    pub digest: u64,
    /// The least [slack](Outcome::slack_ns) of all runs; none if in no run a client followed
    /// another.
    pub least_slack: Option<Least>,
}

/// The least slack, and the first seed that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Least {
    /// In nanoseconds of true time.
    pub ns: i64,
    /// The seed.
    pub seed: u64,
}

impl Least {
    /// The lesser of two.
    pub(crate) fn of(one: Option<Least>, other: Option<Least>) -> Option<Least> {
        one.into_iter().chain(other).min()
    }
}

/// What came of some seeds that follow each other.
#[derive(Default)]
struct Chunk {
    sum: Campaign,
    kinds: Kinds,
}

impl Chunk {
    /// Adds the run of the next seed.
    fn note(&mut self, outcome: Outcome) {
        self.sum.seeds += 1;
        self.sum.counts.add(&outcome.counts);
        let mut hash = TraceHash::default();
        hash.add(outcome.seed);
        hash.add(outcome.hash);
        self.sum.digest = self.sum.digest.wrapping_add(hash.finish());
        let slack = outcome.slack_ns.map(|ns| Least { ns, seed: outcome.seed });
        self.sum.least_slack = Least::of(self.sum.least_slack, slack);
        if outcome.broken.is_some() {
            self.kinds.note(&outcome);
            self.sum.failures_total += 1;
            if self.sum.failures.len() < KEPT {
                self.sum.failures.push(outcome);
            }
        }
    }

    /// Adds the seeds that follow.
    fn append(&mut self, next: Chunk) {
        let Campaign { seeds, counts, failures, failures_total, .. } = next.sum;
        let Campaign { differences, differences_total, digest, .. } = next.sum;
        self.sum.seeds += seeds;
        self.sum.counts.add(&counts);
        self.sum.failures.extend(failures);
        self.sum.failures.truncate(KEPT);
        self.sum.failures_total += failures_total;
        next.kinds.list().into_iter().for_each(|kind| self.kinds.add(kind));
        self.sum.differences.extend(differences);
        self.sum.differences.truncate(KEPT);
        self.sum.differences_total += differences_total;
        self.sum.digest = self.sum.digest.wrapping_add(digest);
        self.sum.least_slack = Least::of(self.sum.least_slack, next.sum.least_slack);
    }

    fn into_campaign(self) -> Campaign {
        Campaign { kinds: self.kinds.list(), ..self.sum }
    }
}

/// What came of all chunks so far. Chunks that came too early wait.
#[derive(Default)]
struct Merger {
    total: Chunk,
    waiting: BTreeMap<u64, Chunk>,
    next: u64,
}

impl Merger {
    fn take(&mut self, number: u64, chunk: Chunk) {
        self.waiting.insert(number, chunk);
        while let Some(chunk) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.total.append(chunk);
        }
    }
}

/// Runs every seed of `seeds` on `threads` threads. `progress` is told, now and then, how many
/// seeds are done and how many of them failed. When `stop` becomes true the threads finish the
/// seeds that they have begun, and the campaign ends with those.
pub fn campaign(
    seeds: Range<u64>,
    options: &Options,
    threads: usize,
    progress: &(dyn Fn(u64, u64) + Sync),
    stop: &AtomicBool,
) -> Campaign {
    let run = |seeds: Range<u64>, agenda: &mut Agenda| {
        let mut chunk = Chunk::default();
        seeds.for_each(|seed| chunk.note(simulate_in(seed, options, agenda)));
        chunk
    };
    conduct(seeds, threads, &run, progress, stop)
}

/// The same, with every seed run twice: the second time on another thread and in fresh room. The
/// [differences](Campaign::differences) say where a second run was not the same.
pub fn campaign_twice(
    seeds: Range<u64>,
    options: &Options,
    threads: usize,
    progress: &(dyn Fn(u64, u64) + Sync),
    stop: &AtomicBool,
) -> Campaign {
    let first = |seed, agenda: &mut Agenda| record_whole(seed, options, agenda);
    let again = |seed| record_whole(seed, options, &mut Agenda::default());
    conduct(seeds, threads, &twice(&first, &again), progress, stop)
}

/// Runs every seed of a chunk with `first` and with `again`.
fn twice(
    first: &(dyn Fn(u64, &mut Agenda) -> Recorded + Sync),
    again: &(dyn Fn(u64) -> Recorded + Sync),
) -> impl Fn(Range<u64>, &mut Agenda) -> Chunk + Sync {
    move |seeds, agenda| {
        let (outcomes, differences) = run_twice(seeds, &mut |seed| first(seed, agenda), again);
        let mut chunk = Chunk::default();
        outcomes.into_iter().for_each(|outcome| chunk.note(outcome));
        chunk.sum.differences_total = differences.len() as u64;
        chunk.sum.differences = differences;
        chunk
    }
}

/// Has chunks of `seeds` run by `run` on `threads` threads, and puts them together in order.
fn conduct(
    seeds: Range<u64>,
    threads: usize,
    run: &(dyn Fn(Range<u64>, &mut Agenda) -> Chunk + Sync),
    progress: &(dyn Fn(u64, u64) + Sync),
    stop: &AtomicBool,
) -> Campaign {
    let next = AtomicU64::new(0);
    let merger = Mutex::new(Merger::default());
    let work = || {
        let mut agenda = Agenda::default();
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let from = seeds.start.saturating_add(number.saturating_mul(CHUNK));
            if from >= seeds.end {
                break;
            }
            let chunk = run(from..seeds.end.min(from.saturating_add(CHUNK)), &mut agenda);
            let (done, failed) = {
                let mut merger = merger.lock().unwrap_or_else(PoisonError::into_inner);
                merger.take(number, chunk);
                (merger.total.sum.seeds, merger.total.sum.failures_total)
            };
            progress(done, failed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(work);
        }
        work();
    });
    merger.into_inner().unwrap_or_else(PoisonError::into_inner).total.into_campaign()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_that_differ_are_named_in_order_and_counted() {
        let options = Options::default();
        let first = |seed, agenda: &mut Agenda| record_whole(seed, &options, agenda);
        let again = |seed: u64| {
            let (outcome, mut trace) = record_whole(seed, &options, &mut Agenda::default());
            if seed.is_multiple_of(2) {
                trace.steps.truncate(3);
            }
            (outcome, trace)
        };
        let never = AtomicBool::new(false);
        let campaign = conduct(0..300, 2, &twice(&first, &again), &|_, _| {}, &never);
        assert_eq!((campaign.seeds, campaign.differences_total), (300, 150));
        let seeds: Vec<u64> = campaign.differences.iter().map(|other| other.seed).collect();
        assert_eq!(seeds, (0..KEPT as u64).map(|half| half * 2).collect::<Vec<_>>());
        assert!(campaign.differences.iter().all(|other| other.step == Some(4)));
    }
}
