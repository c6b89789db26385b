//! Taking the steps of a trace again.

use leasehold::protocol::{Micros, Rules, Ticks};

use crate::narrate::narrate;
use crate::properties::{CLAIMS, Claim};
use crate::step::{ParseStepError, Step};
use crate::time::WorldTime;
use crate::trace::{Line, Trace};
use crate::world::World;

/// A trace taken again, with what every step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Each step, with its note, and the state that matters after it.
    pub moments: Vec<Frame>,
    /// The claims that broke, each with the first step (from 1) after which it did.
    pub broken: Vec<(usize, Claim)>,
}

/// One step of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The clock of the first client, since the beginning.
    pub elapsed: i64,
    /// The step and its note.
    pub line: Line,
    /// Who believes, and what every node stores.
    pub state: String,
}

/// Why a trace cannot be taken again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A line is not a step.
    #[error("line {line}: {error}")]
    Step {
        /// Which line.
        line: usize,
        /// What is wrong with it.
        error: ParseStepError,
    },
    /// A step may not be taken where it stands.
    #[error(
        "line {line}: \"{step}\" is not enabled there; an earlier step was changed or removed: put \
         it back, or take this one out too"
    )]
    NotEnabled {
        /// Which line.
        line: usize,
        /// The step.
        step: String,
    },
    /// A world of that size is not built in.
    #[error(
        "a world of {nodes} nodes and {clients} clients: built in are 1 to 5 nodes with 1 to 3 \
         clients, and in microseconds also 6 to 9 with 3, and 1, 3 or 5 with 64"
    )]
    Size {
        /// How many nodes.
        nodes: u8,
        /// How many clients.
        clients: usize,
    },
    /// The unit is neither ticks nor microseconds.
    #[error("line 2: unit {0:?}: it is \"ticks\" or \"us\"")]
    Unit(String),
}

/// Evaluates an expression with the size of a scope as constants:
/// `with_size!(scope, |N, C| f::<N, C>(args), otherwise)`.
#[macro_export]
macro_rules! with_size {
    ($scope:expr, |$n:ident, $c:ident| $body:expr, $otherwise:expr) => {
        $crate::with_size!(@ $scope, $n, $c, $body, $otherwise;
            1 1, 2 1, 3 1, 4 1, 5 1, 1 2, 2 2, 3 2, 4 2, 5 2, 1 3, 2 3, 3 3, 4 3, 5 3)
    };
    (@ $scope:expr, $n:ident, $c:ident, $body:expr, $otherwise:expr;
        $($nodes:literal $clients:literal),+) => {
        match ($scope.config.nodes(), $scope.clients()) {
            $(($nodes, $clients) => {
                const $n: usize = $nodes;
                const $c: usize = $clients;
                $body
            })+
            _ => $otherwise,
        }
    };
}

/// The same for the sizes of the simulator as well: up to 9 nodes, and 64 clients.
#[macro_export]
macro_rules! with_any_size {
    ($scope:expr, |$n:ident, $c:ident| $body:expr, $otherwise:expr) => {
        $crate::with_size!(@ $scope, $n, $c, $body, $otherwise;
            1 1, 2 1, 3 1, 4 1, 5 1, 1 2, 2 2, 3 2, 4 2, 5 2, 1 3, 2 3, 3 3, 4 3, 5 3,
            6 3, 7 3, 8 3, 9 3, 1 64, 3 64, 5 64)
    };
}

/// Takes every step of `trace`, from the beginning.
///
/// # Errors
/// The first line that is no step, or no step that may be taken there.
pub fn replay(trace: &Trace) -> Result<Replay, ReplayError> {
    let scope = &trace.scope;
    let size = || Err(ReplayError::Size { nodes: scope.config.nodes(), clients: scope.clients() });
    match trace.unit.as_str() {
        Ticks::UNIT => with_size!(scope, |N, C| take::<Ticks, N, C>(trace), size()),
        Micros::UNIT => with_any_size!(scope, |N, C| take::<Micros, N, C>(trace), size()),
        other => Err(ReplayError::Unit(other.to_owned())),
    }
}

fn take<I: WorldTime, const N: usize, const C: usize>(
    trace: &Trace,
) -> Result<Replay, ReplayError> {
    let scope = &trace.scope;
    let mut world: World<_, I, N, C> = World::new(scope, scope.mutated);
    let mut replay = Replay { moments: Vec::with_capacity(trace.steps.len()), broken: Vec::new() };
    for (index, line) in trace.steps.iter().enumerate() {
        let number = line.number;
        let step: Step<I, N, C> =
            (line.step.parse()).map_err(|error| ReplayError::Step { line: number, error })?;
        if !world.permits(scope, &step) {
            return Err(ReplayError::NotEnabled { line: number, step: line.step.clone() });
        }
        let effects = world.apply(scope, scope.mutated, step);
        for claim in CLAIMS {
            let fresh = replay.broken.iter().all(|(_, known)| *known != claim);
            if fresh && claim.applies(scope) && !claim.holds(&world, scope) {
                replay.broken.push((index + 1, claim));
            }
        }
        replay.moments.push(Frame {
            elapsed: world.clients[0].now.offset(),
            line: Line { number, step: line.step.clone(), note: narrate(&step, &effects) },
            state: describe(&world),
        });
    }
    Ok(replay)
}

/// Who believes and what is stored, in one short line.
pub fn describe<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    world: &World<R, I, N, C>,
) -> String {
    let mut words = Vec::with_capacity(N + C);
    for node in &world.nodes {
        words.push(if node.down {
            "down".to_owned()
        } else if node.key.is_none() {
            "-".to_owned()
        } else {
            format!("{:?}", node.key)
        });
    }
    words.push("|".to_owned());
    for (c, client) in world.clients.iter().enumerate() {
        words.push(if client.believes() { format!("c{c} believes") } else { String::new() });
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}
