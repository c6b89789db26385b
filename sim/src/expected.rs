//! What a thousand seeds or more are expected to meet, to report and to approach.

use leasehold::protocol::{Extend, Mutant, Transport};
use leasehold_world::{Claim, Lifecycle};

use crate::counts::{Hazard, Told};
use crate::options::{ClientCount, Options};
use crate::profile::{Fault, Profile};
use crate::weather::may_meet;

fn joined(options: &Options) -> bool {
    options.lifecycle == Lifecycle::Joined
}

fn fifo(options: &Options) -> bool {
    options.transport == Transport::Fifo
}

fn touch(options: &Options) -> bool {
    options.extend == Extend::Touch
}

fn contended(options: &Options) -> bool {
    options.clients.map(ClientCount::number) != Some(1)
}

fn hands_over(options: &Options) -> bool {
    options.profile == Profile::HandOver && joined(options)
}

/// Whether a thousand seeds meet it.
pub(crate) fn expects_hazard(options: &Options, hazard: Hazard) -> bool {
    let met = |fault: Fault| may_meet(options.profile, fault);
    match hazard {
        Hazard::Delay | Hazard::LateExecution => met(Fault::Delay),
        Hazard::Loss => met(Fault::Loss),
        Hazard::HalfOpen => met(Fault::Loss) && fifo(options),
        Hazard::Partition => met(Fault::Partition),
        Hazard::CrashKeeping => met(Fault::Crash),
        Hazard::CrashLosing => {
            met(Fault::Amnesia) && (joined(options) || matches!(options.profile, Profile::Only(_)))
        }
        Hazard::Freeze => met(Fault::Freeze),
        Hazard::ScriptsLost => met(Fault::Scripts),
        Hazard::JumpAhead | Hazard::JumpBack => met(Fault::Jump),
        Hazard::Resend => met(Fault::Resend),
        Hazard::Cancel => met(Fault::Cancel) && joined(options),
        Hazard::Overlap => met(Fault::Overlap) && !joined(options),
        Hazard::Pause => met(Fault::Pause),
        Hazard::Suspend => met(Fault::Suspend),
        Hazard::Reset | Hazard::StrayRan => met(Fault::Reset) && fifo(options),
        Hazard::Kill => {
            let kills = options.mutant != Some(Mutant::NoKillAfterReset);
            met(Fault::Reset) && joined(options) && fifo(options) && kills
        }
        Hazard::Stall => met(Fault::Stall) && !joined(options),
        Hazard::Overtaking => !fifo(options),
    }
}

/// Whether a thousand seeds meet it.
pub(crate) fn expects_report(options: &Options, told: Told) -> bool {
    if told == Told::HandedOver {
        return hands_over(options);
    }
    let wild = matches!(options.profile, Profile::Swarm | Profile::Hostile);
    wild && match told {
        Told::Acquired | Told::Denied | Told::Extended | Told::RenewalFailed | Told::Released => {
            true
        }
        // Where a renewal would set a missing key, somebody else must be there to take it.
        Told::AlreadyTaken => !joined(options) && (touch(options) || contended(options)),
        Told::LostExpired | Told::Unsettled => joined(options),
        // Before the end of belief a quorum keeps the key, unless an assumption fails.
        Told::LostGone | Told::LostTaken | Told::HandedOver => false,
    }
}

/// Whether a thousand seeds meet it.
pub(crate) fn expects_witness(options: &Options, danger: Claim) -> bool {
    if matches!(danger, Claim::QuietHandOver | Claim::AdoptedOnce | Claim::Succession) {
        return hands_over(options);
    }
    let wild = matches!(options.profile, Profile::Swarm | Profile::Hostile);
    wild && match danger {
        Claim::WindowExclusion | Claim::OwnKeysOnly => contended(options),
        Claim::LossTold | Claim::BoundedRelease | Claim::BoundedAcquire => joined(options),
        Claim::RoomForMessages | Claim::QuietHandOver | Claim::AdoptedOnce | Claim::Succession => {
            false
        }
        Claim::ValidityBacked
        | Claim::Continuity
        | Claim::NoRenewalAfterStop
        | Claim::OrderAtNode
        | Claim::NothingReportedAfter
        | Claim::NoOrphan
        | Claim::NoZombie
        | Claim::NoLeftover
        | Claim::Residue
        | Claim::TrueCause
        | Claim::NoStrayMessage => true,
    }
}
