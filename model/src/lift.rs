//! From a path of the reduced space to a trace of the real one.
//!
//! In the reduced space the names of nodes and clients, and the origin of time, change from state
//! to state. Lifting walks the unreduced world along the path: at each state it takes a step whose
//! result has the next state as its representative. One exists, since representatives of one class
//! have the same successors; a path that cannot be lifted is an error in a reduction.

use leasehold::protocol::Ticks;
use leasehold_world::trace::Line;
use leasehold_world::{Claim, Step, Trace, World, WorldTime, narrate};

use crate::model::{Ticked, WorldModel};

/// A path that no sequence of real steps follows: two worlds were merged that are not alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no real step leads from state {at} of the path to the next: a reduction is unsound")]
pub struct NotLiftable {
    /// The state, from 0, at which it failed.
    pub at: usize,
}

/// The trace that follows `path` and ends by breaking `claim`.
///
/// # Errors
/// If no real step leads from one state to the next.
pub fn lift<const N: usize, const C: usize>(
    model: &WorldModel<N, C>,
    path: &[Ticked<N, C>],
    claim: Claim,
) -> Result<Trace, NotLiftable> {
    let scope = &model.scope;
    let mut world: Ticked<N, C> = World::new(scope, scope.mutated);
    let mut lines = Vec::with_capacity(path.len());
    for (at, wanted) in path.iter().skip(1).enumerate() {
        let (step, next) = real_step(model, &world, wanted).ok_or(NotLiftable { at })?;
        let effects = world.apply(scope, scope.mutated, step);
        world = next;
        let note = narrate(&step, &effects);
        lines.push(Line { number: 0, step: step.to_string(), note });
    }
    Ok(Trace {
        unit: Ticks::UNIT.to_owned(),
        scope: scope.clone(),
        breaks: Some(claim),
        seed: None,
        steps: lines,
    })
}

fn real_step<const N: usize, const C: usize>(
    model: &WorldModel<N, C>,
    world: &Ticked<N, C>,
    wanted: &Ticked<N, C>,
) -> Option<(Step<Ticks, N, C>, Ticked<N, C>)> {
    let mut steps = Vec::new();
    world.enabled(&model.scope, &mut steps);
    steps.into_iter().find_map(|step| {
        let mut next = *world;
        let _ = next.apply(&model.scope, model.scope.mutated, step);
        let mut representative = next;
        model.represent(&mut representative);
        (representative == *wanted).then_some((step, next))
    })
}
