//! Profiles: which faults a campaign puts in.

use std::fmt;
use std::str::FromStr;

use crate::draw::Mix;
use crate::named::named;

named! {
    /// Something that can go wrong in a run. Each has options of its own in
    /// [`Weather`](crate::Weather).
    Fault {
        /// Messages that are slow, or stuck for longer than a lease.
        Delay => "delay",
        /// Messages that never arrive; on one connection, all that follow neither (half-open).
        Loss => "loss",
        /// One direction between some clients and some nodes is cut for a while.
        Partition => "partition",
        /// Connections that fail, whose requests may still run later.
        Reset => "reset",
        /// Servers that die and keep their data.
        Crash => "crash",
        /// Servers that die and lose it.
        Amnesia => "amnesia",
        /// Servers that stand still for a while; their clocks run on.
        Freeze => "freeze",
        /// Clients that are not scheduled for a while; their clocks run on.
        Pause => "pause",
        /// Renewers of the broken programs that are not scheduled in mid-step.
        Stall => "stall",
        /// Clients whose machine is suspended, and whose clock stands still meanwhile.
        Suspend => "suspend",
        /// Servers whose wall clock jumps, ahead or back.
        Jump => "jump",
        /// Client libraries that send a command again by themselves.
        Resend => "resend",
        /// Servers that lose their script cache.
        Scripts => "scripts",
        /// Users who give an acquisition up before it is decided.
        Cancel => "cancel",
        /// Leases of the broken programs that begin while the renewer of the last one still runs.
        Overlap => "overlap",
    }
}

impl Fault {
    /// Whether the shipped lifecycle is claimed to hold under it. Data may be lost where the
    /// restart guard is on.
    pub fn is_assumed(self) -> bool {
        match self {
            Fault::Delay
            | Fault::Loss
            | Fault::Partition
            | Fault::Reset
            | Fault::Crash
            | Fault::Amnesia
            | Fault::Freeze
            | Fault::Pause
            | Fault::Stall
            | Fault::Scripts
            | Fault::Cancel
            | Fault::Overlap => true,
            Fault::Suspend | Fault::Jump | Fault::Resend => false,
        }
    }
}

/// Which constants are drawn, and how wild.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// No fault: usual delays, clocks within the drift allowance.
    Calm,
    /// Each fault is on in some seeds and off in others, each as strong as the seed says, and none
    /// beyond what the library assumes: data is lost only where the restart guard is on, and every
    /// clock keeps within the drift allowance.
    #[default]
    Swarm,
    /// The same faults, all on in every seed, and four times as strong.
    Hostile,
    /// Every clock runs as fast or as slow as the drift theorem allows.
    Drift,
    /// Servers die and forget, clients have TTLs of their own, and the restart guard is on.
    Restart,
    /// The same with quorum repair.
    Repair,
    /// Up to 64 clients on up to 8 keys.
    Contention,
    /// The faults of `swarm`, and every client hands over some of its leases: every other one has
    /// none but those that it adopts.
    HandOver,
    /// One fault in every seed and no other; but leases overlap only where renewers stall.
    Only(Fault),
}

impl Profile {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Profile> {
        let named = [
            Profile::Calm,
            Profile::Swarm,
            Profile::Hostile,
            Profile::Drift,
            Profile::Restart,
            Profile::Repair,
            Profile::Contention,
            Profile::HandOver,
        ];
        named.into_iter().chain(Fault::ALL.map(Profile::Only))
    }

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Calm => "calm",
            Profile::Swarm => "swarm",
            Profile::Hostile => "hostile",
            Profile::Drift => "drift",
            Profile::Restart => "restart",
            Profile::Repair => "repair",
            Profile::Contention => "contention",
            Profile::HandOver => "handover",
            Profile::Only(fault) => fault.name(),
        }
    }

    /// Whether the shipped lifecycle is claimed to hold under it: whether no fault goes beyond
    /// what the library assumes. `amnesia` does, for it is without the guard.
    pub fn is_assumed(self) -> bool {
        match self {
            Profile::Only(fault) => fault != Fault::Amnesia && fault.is_assumed(),
            Profile::Calm
            | Profile::Swarm
            | Profile::Hostile
            | Profile::Drift
            | Profile::Restart
            | Profile::Repair
            | Profile::Contention
            | Profile::HandOver => true,
        }
    }

    /// How it wants a fault.
    pub(crate) fn mix(self, fault: Fault) -> Mix {
        let among = |wanted: &[Fault], mix| if wanted.contains(&fault) { mix } else { Mix::Never };
        match self {
            Profile::Calm => Mix::Never,
            Profile::Swarm | Profile::HandOver if fault.is_assumed() => Mix::Sometimes,
            Profile::Hostile if fault.is_assumed() => Mix::Strong,
            Profile::Swarm | Profile::Hostile | Profile::HandOver => Mix::Never,
            Profile::Drift => among(&[Fault::Delay, Fault::Loss], Mix::Sometimes),
            Profile::Restart | Profile::Repair if fault == Fault::Amnesia => Mix::Strong,
            Profile::Restart | Profile::Repair => {
                among(&[Fault::Delay, Fault::Reset, Fault::Crash], Mix::Sometimes)
            }
            Profile::Contention => {
                among(&[Fault::Delay, Fault::Pause, Fault::Reset], Mix::Sometimes)
            }
            // A renewer that is not held up has ended when the next lease begins.
            Profile::Only(Fault::Overlap) if fault == Fault::Stall => Mix::Strong,
            Profile::Only(only) => among(&[only], Mix::Always),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no profile's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no profile: it is one of {known}",
        known = Profile::all().map(Profile::name).collect::<Vec<_>>().join(", "))]
pub struct UnknownProfile(String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        let known = Profile::all().find(|profile| profile.name() == name);
        known.ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_is_found_by_its_name() {
        for profile in Profile::all() {
            assert_eq!(profile.name().parse(), Ok(profile));
        }
        let error = "wild".parse::<Profile>().unwrap_err().to_string();
        assert!(error.contains("\"wild\"") && error.contains("swarm"), "{error}");
    }

    #[test]
    fn what_is_claimed_to_hold_meets_no_fault_beyond_the_assumptions() {
        for profile in Profile::all().filter(|profile| profile.is_assumed()) {
            for fault in Fault::ALL.into_iter().filter(|fault| !fault.is_assumed()) {
                assert_eq!(profile.mix(fault), Mix::Never, "{profile} {}", fault.name());
            }
        }
    }
}
