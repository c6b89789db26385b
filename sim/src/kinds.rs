//! Failing runs by what they broke: each claim, and where the claim is about the message "lock
//! already taken", each root cause of it.

use std::collections::BTreeMap;

use leasehold_world::{CLAIMS, Claim};

use crate::cause::Cause;
use crate::outcome::Outcome;

/// Runs that broke the same claim for the same cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The claim.
    pub claim: Claim,
    /// Why somebody read "lock already taken", if the claim is about that message.
    pub cause: Option<Cause>,
    /// How many runs.
    pub runs: u64,
    /// The lowest seed among them.
    pub first: u64,
}

/// All kinds that were met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds(BTreeMap<(Claim, Option<Cause>), (u64, u64)>);

impl Kinds {
    /// Notes every claim that a run has broken.
    pub(crate) fn note(&mut self, outcome: &Outcome) {
        for claim in CLAIMS.into_iter().filter(|&claim| outcome.counts.broken(claim) > 0) {
            let cause = if is_about_the_message(claim) { cause_of(outcome) } else { None };
            self.add(Kind { claim, cause, runs: 1, first: outcome.seed });
        }
    }

    /// Adds runs that were met elsewhere. More than 2⁶⁴ runs stay 2⁶⁴ − 1.
    pub(crate) fn add(&mut self, kind: Kind) {
        let (runs, first) = self.0.entry((kind.claim, kind.cause)).or_insert((0, kind.first));
        *runs = runs.saturating_add(kind.runs);
        *first = kind.first.min(*first);
    }

    /// Each of them, in the order of the claims and the causes.
    pub(crate) fn list(&self) -> Vec<Kind> {
        let kind = |(&(claim, cause), &(runs, first))| Kind { claim, cause, runs, first };
        self.0.iter().map(kind).collect()
    }
}

fn is_about_the_message(claim: Claim) -> bool {
    matches!(claim, Claim::TrueCause | Claim::NoStrayMessage)
}

/// The cause of the message with which the run broke its claim, or of a later one; what was read
/// before is not the failure's.
fn cause_of(outcome: &Outcome) -> Option<Cause> {
    let broken = outcome.broken?;
    outcome.taken.filter(|taken| taken.step >= broken.step).map(|taken| taken.cause)
}
