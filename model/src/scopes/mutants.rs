//! Where each mutant is looked for: a scope in which the claim that notices it holds under sound
//! rules.

use leasehold::protocol::{Extend, Mutant, Transport};
use leasehold_world::{Claim, Faults, Role, Settings};

use super::hand_over::{adopter, giver, gives_and_acquires, of};
use super::{contended, contender, holder, shipped};

/// A mutant, and where it must die.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The rule that is broken.
    pub mutant: Mutant,
    /// The claim that is meant to notice.
    pub claim: Claim,
    /// The scope, under sound rules.
    pub settings: Settings,
    /// The scope in a few words.
    pub place: &'static str,
}

impl Trial {
    /// The scope with the rule broken.
    pub fn mutated(&self) -> Settings {
        Settings { mutant: Some(self.mutant.name().to_owned()), ..self.settings.clone() }
    }
}

/// The trial of every mutant, in the order of [`Mutant::all`].
pub fn trials() -> Vec<Trial> {
    Mutant::all().map(trial).collect()
}

fn trial(mutant: Mutant) -> Trial {
    let (claim, place, settings) = match mutant {
        Mutant::QuorumLessOne
        | Mutant::FromFirstAnswer
        | Mutant::FromRoundEnd
        | Mutant::BelievesAtEnd
        | Mutant::ForeignIsGranted => (Claim::WindowExclusion, "two acquire", two_acquire()),
        Mutant::QuorumHalf => {
            let settings = Settings { nodes: 4, ttl: 2, node_timeout: 1, ..two_acquire() };
            (Claim::WindowExclusion, "two acquire, 4 nodes", settings)
        }
        Mutant::NoDrift => {
            let faults = Faults { node_slips: 1, ..Faults::default() };
            let settings = Settings { drift_floor: 1, faults, ..two_acquire() };
            (Claim::WindowExclusion, "two acquire, a node slips, drift 1", settings)
        }
        Mutant::ExtendAfterExpiry => {
            let extend = Extend::TouchOrSet.name().to_owned();
            let settings = Settings { nodes: 1, extend, ..contended(shipped()) };
            (Claim::Continuity, "two clients, one node, touch_or_set", settings)
        }
        Mutant::LossToldLate => (Claim::LossTold, "one client", shipped()),
        Mutant::MissingIsForeign => {
            // Within the assumptions no quorum ever misses a key that is believed in.
            let faults = Faults { crashes_losing: 1, ..Faults::default() };
            let settings = Settings { nodes: 1, faults, ..shipped() };
            (Claim::TrueCause, "one client, one node dies", settings)
        }
        Mutant::SilenceIsNo => (Claim::NoLeftover, "one client", shipped()),
        Mutant::RenewWhileStopping => (Claim::NoRenewalAfterStop, "one client", shipped()),
        Mutant::LateAnswersCount => {
            let settings = Settings { roles: vec![holder(2)], node_timeout: 1, ..shipped() };
            (Claim::ValidityBacked, "one client, 2 renewals", settings)
        }
        Mutant::NoKillAfterReset => {
            let faults = Faults { resets: 1, ..Faults::default() };
            (Claim::NoOrphan, "one client, a reset", Settings { faults, ..shipped() })
        }
        Mutant::ReleaseBeforeDrain => {
            let transport = Transport::Pooled.name().to_owned();
            (Claim::NoOrphan, "one client, pooled", Settings { transport, ..shipped() })
        }
        Mutant::ReleaseAnyValue => (Claim::OwnKeysOnly, "two acquire", two_acquire()),
        Mutant::ExtendAnyValue => {
            let settings = Settings { nodes: 1, ..contended(shipped()) };
            (Claim::OwnKeysOnly, "two clients, one node", settings)
        }
        Mutant::ExtendRecreates => {
            let transport = Transport::Pooled.name().to_owned();
            let settings = Settings { transport, ..contended(shipped()) };
            (Claim::NoLeftover, "two clients, pooled", settings)
        }
        Mutant::GuardOwnTtl => {
            let faults = Faults { crashes_losing: 1, ..Faults::default() };
            let of_ttl = |ttl| Role { ttl: Some(ttl), ..contender() };
            let roles = vec![of_ttl(3), of_ttl(2)];
            let settings = Settings { nodes: 1, faults, roles, max_ttl: Some(3), ..two_acquire() };
            (Claim::WindowExclusion, "one node dies, TTLs 3 and 2", settings)
        }
        Mutant::HandOverUndrained | Mutant::ReleaseAfterHandOver => {
            (Claim::QuietHandOver, "a giver, an adopter", of(&[giver(0), adopter(1)]))
        }
        Mutant::BelievesAfterHandOver => {
            (Claim::WindowExclusion, "a giver, an adopter", of(&[giver(0), adopter(1)]))
        }
        Mutant::AdoptOnTrust | Mutant::AdoptAnyValue => {
            (Claim::WindowExclusion, "the giver acquires again", gives_and_acquires())
        }
        Mutant::AdoptRecreates => {
            (Claim::Succession, "the giver acquires again", gives_and_acquires())
        }
    };
    Trial { mutant, claim, settings, place }
}

/// Two clients acquire once each and hold until their leases end.
fn two_acquire() -> Settings {
    Settings { roles: vec![contender(); 2], ..contended(shipped()) }
}
