//! Why somebody was told that the lock is taken, or that a lease is lost: computed from any trace,
//! with the steps that show it.

use leasehold::protocol::{Micros, Ticks};
use leasehold_world::{ReplayError, Step, Trace, World, WorldTime, with_any_size, with_size};

use crate::argument::{Case, chain};
use crate::cause::Cause;
use crate::counts::Told;
use crate::history::{History, Verdict};
use crate::journal::Journal;

/// A "lock already taken" or a lost lease, explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What was told: "lock already taken", or how a lease was lost.
    pub told: Told,
    /// Whose user was told.
    pub client: u8,
    /// In which step, counted from 1.
    pub step: usize,
    /// The one root cause.
    pub cause: Cause,
    /// The steps that show it, in order; the last is the one in which it was told.
    pub chain: Vec<Reason>,
}

impl Explained {
    /// What happened, in one sentence.
    pub fn explanation(&self) -> &'static str {
        self.cause.explanation_of(self.told)
    }
}

/// One step of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Which step of the trace, counted from 1.
    pub step: usize,
    /// What it adds.
    pub sentence: String,
}

/// Explains every "lock already taken" and every lost lease of `trace`, in order.
///
/// # Errors
/// As [`leasehold_world::replay()`]: the first line that is no step, or no step that may be taken
/// there.
pub fn explain(trace: &Trace) -> Result<Vec<Explained>, ReplayError> {
    let scope = &trace.scope;
    let size = || Err(ReplayError::Size { nodes: scope.config.nodes(), clients: scope.clients() });
    match trace.unit.as_str() {
        Ticks::UNIT => with_size!(scope, |N, C| take::<Ticks, N, C>(trace), size()),
        Micros::UNIT => with_any_size!(scope, |N, C| take::<Micros, N, C>(trace), size()),
        other => Err(ReplayError::Unit(other.to_owned())),
    }
}

/// The root cause of the last "lock already taken" or lost lease of `trace`, if there is any.
///
/// # Errors
/// As [`explain`].
pub fn cause_of(trace: &Trace) -> Result<Option<Cause>, ReplayError> {
    Ok(explain(trace)?.last().map(|explained| explained.cause))
}

fn take<I: WorldTime, const N: usize, const C: usize>(
    trace: &Trace,
) -> Result<Vec<Explained>, ReplayError> {
    let scope = &trace.scope;
    let mut world: World<_, I, N, C> = World::new(scope, scope.mutated);
    let mut history = History::<I, N, C>::new();
    let mut journal = Journal::default();
    let mut explained = Vec::new();
    for (index, line) in trace.steps.iter().enumerate() {
        let step: Step<I, N, C> =
            (line.step.parse()).map_err(|error| ReplayError::Step { line: line.number, error })?;
        if !world.permits(scope, &step) {
            let (line, step) = (line.number, line.step.clone());
            return Err(ReplayError::NotEnabled { line, step });
        }
        let effects = world.apply(scope, scope.mutated, step);
        history.note(&world, scope, &step, &effects);
        journal.note(&world, &step, &effects);
        for verdict in history.verdicts(&world, scope, &step, &effects) {
            let Some(Verdict { client, told, cause }) = verdict else { continue };
            let lost = told.is_loss();
            let renewed = history.renewal(client);
            let case = Case {
                told,
                step: index + 1,
                cause,
                value: if lost {
                    world.clients[usize::from(client)].value(client)
                } else {
                    renewed.value
                },
                evidence: history.evidence(scope, client, cause),
                done: renewed.done,
                never_renewed: history.never_renewed(&world, client),
            };
            let chain = chain(&journal, &case);
            explained.push(Explained { told, client, step: index + 1, cause, chain });
        }
    }
    Ok(explained)
}
