//! One attempt: what is left of a schedule is really taken again, from the beginning.

use leasehold::protocol::{Micros, Rules, Ticks};
use leasehold_world::trace::Line;
use leasehold_world::{
    Claim, Effects, Faults, ReplayError, Report, Scope, Step, Trace, World, WorldTime,
    with_any_size, with_size,
};

use super::act::{Act, Manner, resized};
use super::pace::Pace;
use super::schedule::Schedule;

/// The unit of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Ticks,
    Micros,
}

/// Evaluates an expression with the clock and the size of a world as types.
macro_rules! in_world {
    ($unit:expr, $scope:expr, |$time:ident, $n:ident, $c:ident| $body:expr, $otherwise:expr) => {
        match $unit {
            Unit::Ticks => {
                type $time = Ticks;
                with_size!($scope, |$n, $c| $body, $otherwise)
            }
            Unit::Micros => {
                type $time = Micros;
                with_any_size!($scope, |$n, $c| $body, $otherwise)
            }
        }
    };
}

impl Unit {
    /// That of `trace`.
    pub(super) fn of(trace: &Trace) -> Result<Unit, ReplayError> {
        match trace.unit.as_str() {
            Ticks::UNIT => Ok(Unit::Ticks),
            Micros::UNIT => Ok(Unit::Micros),
            other => Err(ReplayError::Unit(other.to_owned())),
        }
    }

    /// Its name in trace files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Unit::Ticks => Ticks::UNIT,
            Unit::Micros => Micros::UNIT,
        }
    }
}

/// The steps of `trace`, and when `claim` breaks.
pub(super) fn acts_of(trace: &Trace, claim: Claim, unit: Unit) -> Result<Read, ReplayError> {
    let scope = &trace.scope;
    let size = || Err(ReplayError::Size { nodes: scope.config.nodes(), clients: scope.clients() });
    in_world!(unit, scope, |I, N, C| read::<I, N, C>(trace, claim), size())
}

/// The steps of a trace as they were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) acts: Vec<Act>,
    /// How many steps there are when the claim breaks for the first time.
    pub(super) first: Option<usize>,
    /// How many there are when it breaks for the first time with something being told.
    pub(super) first_told: Option<usize>,
}

fn read<I: WorldTime, const N: usize, const C: usize>(
    trace: &Trace,
    claim: Claim,
) -> Result<Read, ReplayError> {
    let scope = &trace.scope;
    let mut world: World<_, I, N, C> = World::new(scope, scope.mutated);
    let acts = Vec::with_capacity(trace.steps.len());
    let mut read = Read { acts, first: None, first_told: None };
    for line in &trace.steps {
        let number = line.number;
        let step: Step<I, N, C> =
            (line.step.parse()).map_err(|error| ReplayError::Step { line: number, error })?;
        let act = Act::of(&step, &world, scope);
        // Where no time passes at all there is nothing to take away.
        if act.meant(&world, scope, Manner::Verbatim).is_some() {
            read.acts.push(act);
        }
        let effects = world.apply(scope, scope.mutated, step);
        let taken = read.acts.len();
        for (first, tells) in [(&mut read.first, false), (&mut read.first_told, true)] {
            if first.is_none() && is_reached(claim, tells, &world, scope, &effects) {
                *first = Some(taken);
            }
        }
    }
    Ok(read)
}

/// What was taken in an attempt that reached the goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The steps, up to and with the one that reaches the goal.
    pub(super) acts: Vec<Act>,
    /// How often each fault might still have struck after them.
    pub(super) faults_left: Faults,
    /// How many starts and renewals each client had left.
    pub(super) roles_left: Vec<(u8, u8)>,
}

/// What the last step has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Goal {
    /// The claim that breaks.
    pub(super) claim: Claim,
    /// Whether "lock already taken" or the loss of a lease is told.
    pub(super) tells: bool,
    /// How far the clocks may run apart.
    pub(super) pace: Pace,
}

/// Whether `claim` is broken and, if that is wanted, somebody has just been told.
fn is_reached<R: Rules, I: WorldTime, const N: usize, const C: usize>(
    claim: Claim,
    wants_told: bool,
    world: &World<R, I, N, C>,
    scope: &Scope,
    effects: &Effects<I>,
) -> bool {
    let told = || matches!(effects.report, Some(Report::AlreadyTaken | Report::Lost(_)));
    !claim.holds(world, scope) && (!wants_told || told())
}

/// Takes what can be taken of `schedule`, up to the step that reaches `goal`; none if no step does.
pub(super) fn attempt(
    schedule: &Schedule,
    unit: Unit,
    goal: Goal,
    manner: Manner,
) -> Option<Taken> {
    let Schedule { scope, acts } = schedule;
    let paced = unit == Unit::Ticks || goal.pace.admits(schedule);
    if !goal.claim.applies(scope) || !paced {
        return None;
    }
    in_world!(unit, scope, |I, N, C| take::<I, N, C>(scope, acts, goal, manner), None)
}

fn take<I: WorldTime, const N: usize, const C: usize>(
    scope: &Scope,
    acts: &[Act],
    goal: Goal,
    manner: Manner,
) -> Option<Taken> {
    let mut world: World<_, I, N, C> = World::new(scope, scope.mutated);
    let mut taken = Vec::with_capacity(acts.len());
    for act in acts {
        let Some(step) = act.meant(&world, scope, manner) else { continue };
        if !world.permits(scope, &step) {
            continue;
        }
        taken.push(Act::of(&step, &world, scope));
        let effects = world.apply(scope, scope.mutated, step);
        if is_reached(goal.claim, goal.tells, &world, scope, &effects) {
            let left =
                world.clients.iter().map(|client| (client.starts_left, client.renewals_left));
            let (roles_left, faults_left) = (left.collect(), world.faults);
            return Some(Taken { acts: taken, faults_left, roles_left });
        }
    }
    None
}

/// The steps as text.
pub(super) fn lines_of(schedule: &Schedule, unit: Unit) -> Vec<Line> {
    let Schedule { scope, acts } = schedule;
    in_world!(unit, scope, |I, N, C| acts.iter().map(line_of::<I, N, C>).collect(), Vec::new())
}

fn line_of<I: WorldTime, const N: usize, const C: usize>(act: &Act) -> Line {
    let step: Step<I, N, C> = resized(&act.step);
    Line { number: 0, step: step.to_string(), note: String::new() }
}
