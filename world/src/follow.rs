//! Recordings of real clients as paths of the world.
//!
//! Each lease of a recording is followed in a world of its own, with one client and the nodes of
//! the recording: every input is a step, and each must be [permitted](crate::World::permits) where
//! it stands, send the same commands, tell the same, leave the machine in the same state, and do
//! none of what must never happen in a step ([`Breach`]).
//!
//! What the servers stored is not recorded, and others use them too. So before a command runs, the
//! key of its node is put as the recorded answer says it was; the rest is the world's. A command
//! runs when its answer arrives, or never.

mod judge;
mod path;

use std::collections::BTreeMap;

use leasehold::protocol::{Command, Config, Input};
use leasehold::record::{Line, Opened, Recording, Step as Recorded};

use crate::effects::Breach;
use crate::scope::{Faults, Role, Scope, ScopeError, Settings};
use crate::with_size;
use path::Path;

pub use judge::{Judged, Refused, judge};

/// What has become of the leases of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Followed {
    /// Leases that are paths of the world to their end.
    pub leases: u64,
    /// Steps that the world took for them.
    pub steps: u64,
    /// Leases that met with something the world does not have, by what that was. Up to there they
    /// are paths.
    pub beyond: BTreeMap<&'static str, u64>,
}

impl Followed {
    /// Both together.
    #[must_use]
    pub fn and(mut self, other: &Followed) -> Followed {
        self.leases += other.leases;
        self.steps += other.steps;
        for (what, count) in &other.beyond {
            *self.beyond.entry(what).or_default() += count;
        }
        self
    }
}

/// Where a recorded lease leaves the world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: lease {lease}: {stray}")]
pub struct Strayed {
    /// Which line, counted from 1.
    pub line: usize,
    /// Which lease.
    pub lease: u64,
    /// How.
    pub stray: Stray,
}

/// How a recorded lease leaves the world.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Stray {
    /// The step may not be taken there.
    #[error("\"{0}\" is not enabled in the world")]
    NotEnabled(String),
    /// The world's client sends or tells something else.
    #[error("\"{0}\" makes the client of the world send or tell something else")]
    OtherOutput(String),
    /// The world's client is in another state.
    #[error("\"{0}\" leaves the client of the world in another state")]
    OtherState(String),
    /// It does what must never happen.
    #[error("\"{step}\" does what must never happen: {breach:?}")]
    Breach {
        /// The step.
        step: String,
        /// What it does.
        breach: Breach,
    },
    /// An answer that the node of the world does not give, to a command that is not next.
    #[error("the answer to {0:?} is not the next one on that connection")]
    NotNext(Command),
    /// The configuration is none of a world.
    #[error("{0}")]
    Scope(ScopeError),
}

/// Why a lease is followed no further.
enum Halt {
    Strays(Stray),
    Beyond(&'static str),
}

impl From<Stray> for Halt {
    fn from(stray: Stray) -> Halt {
        Halt::Strays(stray)
    }
}

type Lines<'a> = [(usize, &'a Recorded)];

/// What a lease was told to keep to, and its steps with their lines.
type Life<'a> = (Config, Vec<(usize, &'a Recorded)>);

/// Follows every lease of a recording that [conforms](leasehold::record::conform).
///
/// # Errors
/// The first lease that leaves the world.
pub fn follow(recording: &Recording) -> Result<Followed, Strayed> {
    let mut leases: BTreeMap<u64, Life<'_>> = BTreeMap::new();
    for (line, number) in recording.lines.iter().zip(2..) {
        match line {
            Line::Lease(Opened { lease, config, .. }) => {
                leases.insert(*lease, (*config, Vec::new()));
            }
            Line::Step(step) => {
                let known = leases.get_mut(&step.lease);
                known.into_iter().for_each(|(_, steps)| steps.push((number, step)));
            }
            Line::Begin(_) | Line::Node(_) | Line::End(_) => {}
        }
    }
    let mut found = Followed::default();
    for (lease, (config, steps)) in leases {
        let (taken, ended) = follow_lease(&config, &steps);
        found.steps += taken.steps;
        match ended {
            Ok(()) => found.leases += 1,
            Err(Halt::Beyond(what)) => *found.beyond.entry(what).or_default() += 1,
            Err(Halt::Strays(stray)) => return Err(Strayed { line: taken.line, lease, stray }),
        }
    }
    Ok(found)
}

/// How far a lease was followed.
#[derive(Clone, Copy, Default)]
struct Taken {
    line: usize,
    steps: u64,
}

fn follow_lease(config: &Config, steps: &Lines<'_>) -> (Taken, Result<(), Halt>) {
    let adopts = steps.first().is_some_and(|(_, step)| matches!(step.input, Input::Adopt { .. }));
    let scope = match scope_of(config, adopts) {
        Ok(scope) => scope,
        Err(error) => return (Taken::default(), Err(Stray::Scope(error).into())),
    };
    // A scope with one client has no other size.
    with_size!(
        scope,
        |N, C| {
            debug_assert_eq!(C, 1);
            let mut path = Path::<N>::new(&scope);
            let ended = path.follow(steps);
            (path.taken, ended)
        },
        (Taken::default(), Err(Halt::Beyond("more nodes than a world with one client has")))
    )
}

/// One client that may do anything, and every fault.
fn scope_of(config: &Config, adopts: bool) -> Result<Scope, ScopeError> {
    const ANY: u8 = u8::MAX;
    let settings = config.settings();
    let role = Role { starts: 1, renewals: ANY, stops: true, ttl: None, hands_over: true, adopts };
    Scope::new(Settings {
        lifecycle: "joined".to_owned(),
        extend: settings.extend.name().to_owned(),
        transport: settings.transport.name().to_owned(),
        nodes: settings.nodes,
        ttl: settings.ttl,
        drift_ppm: settings.drift.factor_ppm,
        drift_floor: settings.drift.floor,
        renew_every: settings.renew_every,
        renew_retry: settings.renew_retry,
        node_timeout: settings.node_timeout,
        release_within: settings.release_within,
        renewal_timeout: None,
        roles: vec![role],
        faults: Faults {
            resets: ANY,
            crashes_losing: ANY,
            pauses: ANY,
            script_losses: ANY,
            cancels: ANY,
            ..Faults::default()
        },
        restart_delay: 0,
        max_ttl: settings.max_ttl,
        repair: settings.repair,
        mutant: None,
    })
}
