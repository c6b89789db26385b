//! How often each cause was met, and in which run first.

use crate::cause::Cause;

/// How often something had each cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Causes {
    counts: [u64; Cause::ALL.len()],
    /// The least seed in which it did.
    first_seeds: [Option<u64>; Cause::ALL.len()],
}

impl Causes {
    /// Notes one.
    pub(crate) fn met(&mut self, cause: Cause) {
        self.counts[cause as usize] += 1;
    }

    /// How often a cause was met.
    pub(crate) fn count(&self, cause: Cause) -> u64 {
        self.counts[cause as usize]
    }

    /// Adds what was met elsewhere.
    pub(crate) fn add(&mut self, other: &Causes) {
        for (into, from) in self.counts.iter_mut().zip(other.counts) {
            *into = into.saturating_add(from);
        }
        for (into, from) in self.first_seeds.iter_mut().zip(other.first_seeds) {
            *into = [*into, from].into_iter().flatten().min();
        }
    }

    /// Notes that all this was met in the run of `seed`.
    pub(crate) fn seen_in(&mut self, seed: u64) {
        for (first, count) in self.first_seeds.iter_mut().zip(self.counts) {
            *first = (count > 0).then_some(seed);
        }
    }

    /// Those of a file: a count for every cause, in order, and the first seeds of those met.
    /// None if there are too few counts or too many, or if a cause was met in no seed, or not met
    /// in one.
    pub(crate) fn from_file(counts: Vec<u64>, firsts: &[(Cause, u64)]) -> Option<Causes> {
        let mut causes = Causes { counts: counts.try_into().ok()?, ..Causes::default() };
        firsts.iter().for_each(|&(cause, seed)| causes.first_seeds[cause as usize] = Some(seed));
        let same = causes.rows().all(|row| (row.count > 0) == row.first_seed.is_some());
        same.then_some(causes)
    }

    /// Every cause, in order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = CauseCount> + '_ {
        let rows = Cause::ALL.into_iter().zip(self.counts).zip(self.first_seeds);
        rows.map(|((cause, count), first_seed)| CauseCount { cause, count, first_seed })
    }
}

/// How often something had this cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CauseCount {
    /// Which cause.
    pub cause: Cause,
    /// How often.
    pub count: u64,
    /// The least seed in which it did, if any.
    pub first_seed: Option<u64>,
}
