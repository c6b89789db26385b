//! The world as a stateright [`Model`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use leasehold::protocol::{Mutated, Ticks};
use leasehold_world::{CLAIMS, Claim, Scope, Step, WITNESSES, Witness, World};
use stateright::{Model, Property};

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
        WorldModel { scope, reduction, halt: Arc::new(AtomicBool::new(false)) }
    }

    /// The initial state.
    pub fn start(&self) -> Ticked<N, C> {
        self.representative(&World::new(&self.scope, self.scope.mutated))
    }

    /// The state that stands for `world` in the search.
    pub fn representative(&self, world: &Ticked<N, C>) -> Ticked<N, C> {
        match self.reduction {
            Reduction::Time => world.at_origin(&self.scope),
            Reduction::Names => world.canonical(&self.scope),
            Reduction::Order => world.hastened(&self.scope).canonical(&self.scope),
        }
    }

    /// The state after `step`.
    pub fn step(&self, state: &Ticked<N, C>, step: Step<Ticks, N, C>) -> Ticked<N, C> {
        let mut next = *state;
        let _ = next.apply(&self.scope, self.scope.mutated, step);
        self.representative(&next)
    }

    /// The claims that say anything about this scope.
    pub fn claims(&self) -> impl Iterator<Item = Claim> + '_ {
        CLAIMS.into_iter().filter(|claim| claim.applies(&self.scope))
    }

    /// The witnesses of those claims.
    pub fn witnesses(&self) -> impl Iterator<Item = Witness> + '_ {
        WITNESSES.into_iter().filter(|witness| witness.0.applies(&self.scope))
    }
}

/// Stateright takes plain functions as conditions, so each claim and each witness needs one of its
/// own: the index is a constant of the function's type.
fn claim_holds<const K: usize, const N: usize, const C: usize>(
    model: &WorldModel<N, C>,
    state: &Ticked<N, C>,
) -> bool {
    CLAIMS[K].holds(state, &model.scope)
}

fn witness_seen<const K: usize, const N: usize, const C: usize>(
    _: &WorldModel<N, C>,
    state: &Ticked<N, C>,
) -> bool {
    WITNESSES[K].seen(state)
}

macro_rules! for_each_index {
    ($condition:ident: $($k:literal)+) => {
        [$(($k, $condition::<$k, N, C> as fn(&Self, &Ticked<N, C>) -> bool)),+]
    };
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

    fn properties(&self) -> Vec<Property<Self>> {
        let claims = for_each_index!(claim_holds: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
        let witnesses = for_each_index!(witness_seen: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        let always = claims.into_iter().filter(|(k, _)| CLAIMS[*k].applies(&self.scope));
        let sometimes = witnesses.into_iter().filter(|(k, _)| WITNESSES[*k].0.applies(&self.scope));
        always
            .map(|(k, condition)| Property::always(CLAIMS[k].name(), condition))
            .chain(sometimes.map(|(k, seen)| Property::sometimes(WITNESSES[k].name(), seen)))
            .collect()
    }
}
