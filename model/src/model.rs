//! The world as a stateright [`Model`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use leasehold::protocol::{Mutated, Ticks};
use leasehold_world::{CLAIMS, Claim, Scope, Step, World};
use stateright::{Model, Property};

use crate::findings::Findings;

/// The world that the checker searches: time in ticks, rules with at most one broken on purpose.
pub type Ticked<const N: usize, const C: usize> = World<Mutated, Ticks, N, C>;

/// A world to search, under one scope.
#[derive(Clone, Debug)]
pub struct WorldModel<const N: usize, const C: usize> {
    /// The constants.
    pub scope: Scope,
    /// Which states are one.
    pub reduction: Reduction,
    /// Once set, no state has successors: the only way to stop stateright without its calling the
    /// search complete.
    pub halt: Arc<AtomicBool>,
    /// What its states were seen to break, and to approach.
    pub findings: Arc<Findings>,
}

/// Which worlds count as one state. Each keeps every verdict; tests compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Those that differ only by the origin of time.
    Time,
    /// And those that differ only by names, or by what nobody reads any more. Paths keep their
    /// lengths.
    Names,
    /// And those that differ only by steps that nobody can notice (`hasten`). Paths get shorter.
    Order,
}

impl<const N: usize, const C: usize> WorldModel<N, C> {
    /// The world of `scope`, searched up to `reduction`.
    pub fn new(scope: Scope, reduction: Reduction) -> Self {
        let findings = Arc::new(Findings::new(&scope));
        WorldModel { scope, reduction, halt: Arc::new(AtomicBool::new(false)), findings }
    }

    /// The initial state.
    pub fn start(&self) -> Ticked<N, C> {
        let mut world = World::new(&self.scope, self.scope.mutated);
        self.represent(&mut world);
        world
    }

    /// Turns `world` into the state that stands for it in the search.
    pub fn represent(&self, world: &mut Ticked<N, C>) {
        match self.reduction {
            Reduction::Time => world.to_origin(&self.scope),
            Reduction::Names => world.make_canonical(&self.scope),
            Reduction::Order => {
                world.hasten(&self.scope, self.scope.mutated);
                world.make_canonical(&self.scope);
            }
        }
    }

    /// The state after `step`.
    pub fn step(&self, state: &Ticked<N, C>, step: Step<Ticks, N, C>) -> Ticked<N, C> {
        let mut next = *state;
        let _ = next.apply(&self.scope, self.scope.mutated, step);
        self.represent(&mut next);
        next
    }

    /// The claims that say anything about this scope.
    pub fn claims(&self) -> impl Iterator<Item = Claim> + '_ {
        CLAIMS.into_iter().filter(|claim| claim.applies(&self.scope))
    }
}

impl<const N: usize, const C: usize> Model for WorldModel<N, C> {
    type State = Ticked<N, C>;
    type Action = Step<Ticks, N, C>;

    fn init_states(&self) -> Vec<Self::State> {
        vec![self.start()]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        if !self.halt.load(Ordering::Relaxed) {
            state.enabled(&self.scope, actions);
        }
    }

    fn next_state(&self, state: &Self::State, step: Self::Action) -> Option<Self::State> {
        Some(self.step(state, step))
    }

    /// All claims as one (see [`Findings`]), and one that never fails: stateright stops when each
    /// of its properties has been decided, and this search is to end by itself.
    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(EVERY_CLAIM, |model: &Self, state: &Ticked<N, C>| {
                model.findings.look(state, &model.scope)
            }),
            Property::always("the search goes on", |_, _| true),
        ]
    }
}

/// The property that stands for all claims.
pub const EVERY_CLAIM: &str = "every claim holds";
