//! Many seeds on several threads, with a result that does not depend on how many.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::agenda::Agenda;
use crate::counts::Counts;
use crate::options::Options;
use crate::outcome::{Outcome, TraceHash};
use crate::simulate_in;

/// How many seeds a thread takes at a time.
const CHUNK: u64 = 64;

/// How many failing runs are kept.
pub const KEPT: usize = 100;

/// What came of many seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// How many seeds were run: all of them, or those before the stop.
    pub seeds: u64,
    /// What happened in all of them.
    pub counts: Counts,
    /// The first failing runs, by seed: those that broke a claim.
    pub failures: Vec<Outcome>,
    /// How many there were in all.
    pub failures_total: u64,
    /// One hash over the hashes of all runs, by seed.
    pub digest: u64,
}

/// What came of one chunk.
#[derive(Default)]
struct Chunk {
    counts: Counts,
    failures: Vec<Outcome>,
    failures_total: u64,
    hashes: Vec<u64>,
}

/// What came of all chunks so far. Chunks that came too early wait.
#[derive(Default)]
struct Merger {
    total: Chunk,
    seeds: u64,
    digest: TraceHash,
    waiting: BTreeMap<u64, Chunk>,
    next: u64,
}

impl Merger {
    fn take(&mut self, number: u64, chunk: Chunk) {
        self.waiting.insert(number, chunk);
        while let Some(chunk) = self.waiting.remove(&self.next) {
            self.next += 1;
            self.append(chunk);
        }
    }

    fn append(&mut self, chunk: Chunk) {
        self.seeds += chunk.hashes.len() as u64;
        chunk.hashes.iter().for_each(|&hash| self.digest.add(hash));
        self.total.counts.add(&chunk.counts);
        self.total.failures_total += chunk.failures_total;
        let room = KEPT - self.total.failures.len();
        self.total.failures.extend(chunk.failures.into_iter().take(room));
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
            let chunk = run_chunk(from..seeds.end.min(from + CHUNK), options, &mut agenda);
            let (done, failed) = {
                let mut merger = merger.lock().unwrap_or_else(PoisonError::into_inner);
                merger.take(number, chunk);
                (merger.seeds, merger.total.failures_total)
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
    let merger = merger.into_inner().unwrap_or_else(PoisonError::into_inner);
    Campaign {
        seeds: merger.seeds,
        counts: merger.total.counts,
        failures: merger.total.failures,
        failures_total: merger.total.failures_total,
        digest: merger.digest.finish(),
    }
}

fn run_chunk(seeds: Range<u64>, options: &Options, agenda: &mut Agenda) -> Chunk {
    let mut chunk = Chunk::default();
    for seed in seeds {
        let outcome = simulate_in(seed, options, agenda);
        chunk.counts.add(&outcome.counts);
        chunk.hashes.push(outcome.hash);
        if outcome.broken.is_some() {
            chunk.failures_total += 1;
            if chunk.failures.len() < KEPT {
                chunk.failures.push(outcome);
            }
        }
    }
    chunk
}
