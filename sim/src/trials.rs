//! Where each mutant is looked for by the simulator, and how it is told from the sound rules.

use std::ops::Range;

use leasehold::protocol::{Mutant, Transport};
use leasehold_world::{CLAIMS, Claim};

use crate::agenda::Agenda;
use crate::options::Options;
use crate::profile::{Fault, Profile};
use crate::simulate_in;

/// A mutant, and the campaign in which it must die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The rule that is broken.
    pub mutant: Mutant,
    /// What is drawn, and with which transport.
    pub options: Options,
}

/// The seed that killed a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// The seed.
    pub seed: u64,
    /// What it broke that the sound rules do not break with the same seed.
    pub claim: Claim,
}

/// The trial of every mutant, in the order of [`Mutant::all`]: under `swarm` where its weather can
/// show the mutant, or else under the profile that can.
pub fn trials() -> Vec<Trial> {
    Mutant::all().map(trial).collect()
}

fn trial(mutant: Mutant) -> Trial {
    let (profile, transport) = match mutant {
        Mutant::NoDrift => (Profile::Drift, Transport::Fifo),
        Mutant::GuardOwnTtl => (Profile::Restart, Transport::Fifo),
        // Within the assumptions no quorum ever misses a key that is believed in.
        Mutant::MissingIsForeign => (Profile::Only(Fault::Amnesia), Transport::Fifo),
        Mutant::ReleaseBeforeDrain | Mutant::ExtendRecreates => (Profile::Swarm, Transport::Pooled),
        Mutant::HandOverUndrained
        | Mutant::BelievesAfterHandOver
        | Mutant::ReleaseAfterHandOver
        | Mutant::AdoptOnTrust
        | Mutant::AdoptAnyValue
        | Mutant::AdoptRecreates => (Profile::HandOver, Transport::Fifo),
        Mutant::QuorumLessOne
        | Mutant::QuorumHalf
        | Mutant::FromFirstAnswer
        | Mutant::FromRoundEnd
        | Mutant::BelievesAtEnd
        | Mutant::ExtendAfterExpiry
        | Mutant::LossToldLate
        | Mutant::ForeignIsGranted
        | Mutant::LateAnswersCount
        | Mutant::SilenceIsNo
        | Mutant::RenewWhileStopping
        | Mutant::NoKillAfterReset
        | Mutant::ReleaseAnyValue
        | Mutant::ExtendAnyValue => (Profile::Swarm, Transport::Fifo),
    };
    let options = Options { profile, transport, mutant: Some(mutant), ..Options::default() };
    Trial { mutant, options }
}

impl Trial {
    /// The first of `seeds` that kills it, if one does.
    pub fn hunt(&self, mut seeds: Range<u64>) -> Option<Kill> {
        let mut agenda = Agenda::default();
        let sound = Options { mutant: None, ..self.options };
        seeds.find_map(|seed| {
            let mutated = simulate_in(seed, &self.options, &mut agenda);
            mutated.broken?;
            let sound = simulate_in(seed, &sound, &mut agenda);
            let only_mutated = |claim: &Claim| {
                mutated.counts.broken(*claim) > 0 && sound.counts.broken(*claim) == 0
            };
            let first = mutated.broken.map(|broken| broken.claim).filter(only_mutated);
            let claim = first.or_else(|| CLAIMS.into_iter().find(only_mutated))?;
            Some(Kill { seed, claim })
        })
    }
}
