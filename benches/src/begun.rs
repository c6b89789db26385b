//! The world searched from a later state than its first.
//!
//! Two clients that race for three nodes reach more than sixty million unreduced states, at the
//! smallest TTL and without stops. From the moment one of them has the lock there are four
//! million, and still one acquires, both expire, stop and release.

use leasehold_model::{Reduction, Ticked, WorldModel};
use leasehold_world::{Claim, Scope, Step, World};
use stateright::{Model, Property};

/// A world to search from `start` on.
#[derive(Clone, Debug)]
pub struct Begun<const N: usize, const C: usize> {
    model: WorldModel<N, C>,
    start: Ticked<N, C>,
    claims: Vec<Claim>,
}

impl<const N: usize, const C: usize> Begun<N, C> {
    /// The world of `scope` from the moment at which client 0 has acquired at every node, searched
    /// up to `reduction` for states that break one of `claims`.
    pub fn held(scope: Scope, reduction: Reduction, claims: Vec<Claim>) -> Self {
        let mut world = World::new(&scope, scope.mutated);
        let mut take = |step| {
            assert!(world.permits(&scope, &step), "{step}");
            let _ = world.apply(&scope, scope.mutated, step);
        };
        take(Step::Start(0));
        for node in 0..N as u8 {
            take(Step::Run { client: 0, node, index: 0 });
            take(Step::Reply { client: 0, node, index: 0 });
        }
        assert!(world.clients[0].believes());
        let model = WorldModel::new(scope, reduction);
        model.represent(&mut world);
        Begun { start: world, model, claims }
    }
}

impl<const N: usize, const C: usize> Model for Begun<N, C> {
    type State = Ticked<N, C>;
    type Action = <WorldModel<N, C> as Model>::Action;

    fn init_states(&self) -> Vec<Self::State> {
        vec![self.start]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Self::Action>) {
        self.model.actions(state, actions);
    }

    fn next_state(&self, state: &Self::State, step: Self::Action) -> Option<Self::State> {
        self.model.next_state(state, step)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("claims", |begun: &Self, state| {
            begun.claims.iter().all(|claim| claim.holds(state, &begun.model.scope))
        })]
    }
}
