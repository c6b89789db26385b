//! What came of one run.

use leasehold_world::{Claim, Settings};

use crate::cause::Cause;
use crate::counts::Counts;
use crate::tenure::Tenure;

/// A claim that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub claim: Claim,
    /// By which step, counted from 1.
    pub step: u32,
}

/// A "lock already taken": what a redsync user would have read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Who read it.
    pub client: u8,
    /// In which step, counted from 1.
    pub step: u32,
    /// Its one root cause.
    pub cause: Cause,
}

/// What came of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The constants that it drew.
    pub settings: Settings,
    /// How many steps were taken.
    pub steps: u32,
    /// How much virtual time passed, in microseconds.
    pub virtual_us: u64,
    /// The hash over every step: see [`TraceHash`].
    pub hash: u64,
    /// The first claim that was broken.
    pub broken: Option<Broken>,
    /// The "lock already taken" that ended the run, or else the first one.
    pub taken: Option<Taken>,
    /// What happened.
    pub counts: Counts,
    /// The least slack: how long, in nanoseconds of true time, after the end of one client's
    /// belief the next client's began. Below zero, the second one began so long before the end of
    /// the first. `None` if no client followed another. A belief that its own user ended by a stop
    /// is left out: what follows then follows from its release, and is never at stake.
    pub slack_ns: Option<i64>,
    /// The least spare: how long, in nanoseconds of true time, after a belief had run out no
    /// majority of nodes could have granted the lock to anybody else. No slack after that belief
    /// could have been less. Below zero, a majority was free so long before, which a claim misses
    /// if no step falls in between. `None` if no belief ran out, and in a run that does not
    /// [measure it](crate::Arranged::measures_spare).
    pub spare_ns: Option<i64>,
    /// How long leases were held, and how many were lost: of interest in a run that
    /// [lasts](crate::Lasting).
    pub tenure: Tenure,
}

impl Outcome {
    /// Takes in what came of the next key of the same seed.
    pub(crate) fn and(&mut self, next: Outcome) {
        let mut hash = TraceHash(self.hash);
        hash.add(next.hash);
        self.hash = hash.finish();
        self.steps += next.steps;
        self.virtual_us = self.virtual_us.max(next.virtual_us);
        self.broken = self.broken.or(next.broken);
        self.taken = self.taken.or(next.taken);
        self.slack_ns = self.slack_ns.into_iter().chain(next.slack_ns).min();
        self.spare_ns = self.spare_ns.into_iter().chain(next.spare_ns).min();
        self.tenure.add(&next.tenure);
        let virtual_us = self.virtual_us;
        self.counts.add(&next.counts);
        // Of one run still, and its keys live in the same time.
        (self.counts.runs, self.counts.virtual_us) = (1, virtual_us);
    }
}

/// A 64-bit hash over steps, fixed for good: two runs with the same hash took the same steps.
///
/// It is FNV-1a over 64-bit words instead of bytes, with one shift so that high bits reach low
/// ones: `h = (h ^ word) * 0x100000001b3; h = h ^ (h >> 32)`, from `0xcbf29ce484222325`. A step
/// is one word, `verb | a << 8 | b << 16 | c << 24`, with verbs numbered as
/// [`Step`](leasehold_world::Step) lists them and its fields in order; the amounts of an `advance`
/// follow as one word: the sum of `amount * (2 * place + 1) * 0x9e3779b97f4a7c15`, places counted
/// from 0, nodes before clients.
///
/// A campaign's digest is a sum, so that those of its parts can be added: modulo 2⁶⁴, of the same
/// hash over two words for each run, its seed and its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceHash(u64);

impl Default for TraceHash {
    fn default() -> Self {
        TraceHash(0xcbf2_9ce4_8422_2325)
    }
}

impl TraceHash {
    /// Takes one word in.
    pub fn add(&mut self, word: u64) {
        let product = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        self.0 = product ^ (product >> 32);
    }

    /// Several amounts as one word.
    pub(crate) fn fold(amounts: impl Iterator<Item = i64>) -> u64 {
        let mut odd = 0x9e37_79b9_7f4a_7c15_u64;
        let mut sum = 0_u64;
        for amount in amounts {
            sum = sum.wrapping_add(amount.cast_unsigned().wrapping_mul(odd));
            odd = odd.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(2));
        }
        sum
    }

    /// The hash so far.
    pub fn finish(self) -> u64 {
        self.0
    }
}
