//! The simulator's side: the first seed that tells a mutant from the sound rules.

use leasehold_model::Control;
use leasehold_sim::Trial;
use serde::Serialize;

/// A mutant that outlives so many seeds has survived.
pub(super) const SEEDS: u64 = 10_000;

/// After so many seeds it is asked whether to go on.
const AT_ONCE: u64 = 100;

/// What came of a mutant's campaign.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Hunt {
    pub(super) profile: &'static str,
    pub(super) transport: &'static str,
    /// How many seeds were run until one killed it, that one included; none if it survived.
    pub(super) seeds: Option<u64>,
    /// What that seed broke; none if it survived.
    pub(super) claim: Option<&'static str>,
    pub(super) truncated: bool,
}

/// Runs the seeds from 0 on, until one kills the mutant of `trial`.
pub(super) fn hunt(trial: &Trial, control: &Control<'_>) -> Hunt {
    let mut hunt = Hunt {
        profile: trial.options.profile.name(),
        transport: trial.options.transport.name(),
        seeds: None,
        claim: None,
        truncated: false,
    };
    let mut from = 0;
    while from < SEEDS && hunt.seeds.is_none() && !hunt.truncated {
        let to = SEEDS.min(from + AT_ONCE);
        if let Some(kill) = trial.hunt(from..to) {
            hunt.seeds = Some(kill.seed + 1);
            hunt.claim = Some(kill.claim.name());
        }
        from = to;
        hunt.truncated = !control.go_on(0);
    }
    hunt
}
