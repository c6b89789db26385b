//! A seed, expanded: a stream of numbers for the constants of a run. Single events have
//! [dice](crate::dice).

use leasehold::protocol::Span;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// One million: the whole, in parts per million.
pub(crate) const WHOLE: i64 = 1_000_000;

/// How a profile wants a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mix {
    /// In no run.
    Never,
    /// In some runs, as strong as the seed says.
    Sometimes,
    /// In every run, as strong as the seed says.
    Always,
    /// In every run, and four times as strong.
    Strong,
}

/// The stream. What is drawn from it in which order is part of every seed's meaning, so a fault
/// that is off takes its numbers all the same.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    pub(crate) fn new(seed: u64) -> Draw {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Draw(ChaCha8Rng::from_seed(key))
    }

    pub(crate) fn below(&mut self, limit: i64) -> i64 {
        ((u128::from(self.0.next_u64()) * u128::from(limit.max(1).unsigned_abs())) >> 64) as i64
    }

    pub(crate) fn between(&mut self, low: Span, high: Span) -> Span {
        low + self.below(high - low + 1)
    }

    pub(crate) fn chance(&mut self, ppm: u32) -> bool {
        self.below(WHOLE) < i64::from(ppm)
    }

    pub(crate) fn pick<T: Copy, const K: usize>(&mut self, from: [T; K]) -> T {
        from[self.below(K as i64) as usize]
    }

    /// How often a fault strikes: a number between `weak` and `strong` if it is on, 0 if not.
    /// Where the profile leaves it to the seed, it is on in four seeds of ten.
    pub(crate) fn strength(&mut self, mix: Mix, weak: u32, strong: u32) -> u32 {
        let on = self.chance(400_000);
        let strength = self.between(weak.into(), strong.into()) as u32;
        match mix {
            Mix::Never => 0,
            Mix::Sometimes if !on => 0,
            Mix::Sometimes | Mix::Always => strength,
            Mix::Strong => strength.saturating_mul(4).min(WHOLE as u32),
        }
    }
}
