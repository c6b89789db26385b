//! What a search has met so far, shared by its threads.

use std::sync::atomic::{AtomicU32, Ordering};

use leasehold::protocol::Rules;
use leasehold_world::{CLAIMS, Claim, Scope, WITNESSES, Witness, World, WorldTime};

/// The claims and witnesses of one scope, one bit each, and which of them were met.
///
/// Every state is held against all of them. Stateright looks up each of its properties by name in
/// a map for every state, which for all of these would cost more than the search itself; so it is
/// given one property that stands for all claims, and this.
#[derive(Debug)]
pub struct Findings {
    claims: u32,
    broken: AtomicU32,
    witnesses: u32,
    seen: AtomicU32,
}

fn bits(wanted: impl Iterator<Item = bool>) -> u32 {
    wanted.enumerate().fold(0, |bits, (index, wanted)| bits | u32::from(wanted) << index)
}

/// The indices of the bits that are set.
fn indices(mut bits: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let index = bits.trailing_zeros();
        bits &= bits.checked_sub(1)?;
        Some(index as usize)
    })
}

impl Findings {
    /// Nothing met yet, of all that says anything about `scope`.
    pub fn new(scope: &Scope) -> Self {
        Findings {
            claims: bits(CLAIMS.iter().map(|claim| claim.applies(scope))),
            broken: AtomicU32::new(0),
            witnesses: bits(WITNESSES.iter().map(|witness| witness.0.applies(scope))),
            seen: AtomicU32::new(0),
        }
    }

    /// Looks at one state for what has not been met yet. Returns whether it breaks nothing new.
    pub fn look<R: Rules, I: WorldTime, const N: usize, const C: usize>(
        &self,
        world: &World<R, I, N, C>,
        scope: &Scope,
    ) -> bool {
        let unseen = self.witnesses & !self.seen.load(Ordering::Relaxed);
        for index in indices(unseen) {
            if WITNESSES[index].seen(world) {
                self.seen.fetch_or(1 << index, Ordering::Relaxed);
            }
        }
        let unbroken = self.claims & !self.broken.load(Ordering::Relaxed);
        let mut holds = true;
        for index in indices(unbroken) {
            if !CLAIMS[index].holds(world, scope) {
                self.broken.fetch_or(1 << index, Ordering::Relaxed);
                holds = false;
            }
        }
        holds
    }

    /// The claims that broke.
    pub fn broken(&self) -> Vec<Claim> {
        indices(self.broken.load(Ordering::Relaxed)).map(|index| CLAIMS[index]).collect()
    }

    /// The witnesses that were never seen.
    pub fn unseen(&self) -> Vec<Witness> {
        let unseen = self.witnesses & !self.seen.load(Ordering::Relaxed);
        indices(unseen).map(|index| WITNESSES[index]).collect()
    }
}
