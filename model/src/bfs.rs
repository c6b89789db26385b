//! An exact breadth-first search: full states, parent pointers, and an outcome that says whether
//! it ended by itself.
//!
//! It is the second opinion beside stateright, and the only source of lengths: stateright's own
//! breadth-first search does not return shortest paths.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};
use leasehold::protocol::Ticks;
use leasehold_world::{Claim, Step};

use crate::control::Control;
use crate::model::{Ticked, WorldModel};

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every reachable state was visited.
    Exhausted,
    /// Everything that was looked for is found; the rest was not visited.
    Found,
    /// It was stopped before it could end.
    Truncated,
}

/// One visited state: where it came from, and by which step.
struct Visit<const N: usize, const C: usize> {
    state: Ticked<N, C>,
    parent: u32,
    step: Option<Step<Ticks, N, C>>,
}

/// The visited states in order of discovery, and the first that breaks each claim.
pub struct Search<const N: usize, const C: usize> {
    visits: Vec<Visit<N, C>>,
    first: BTreeMap<Claim, u32>,
    /// How it ended.
    pub outcome: Outcome,
}

/// When to stop before everything is visited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// Never.
    Exhausted,
    /// When each of these is broken.
    Broken(Vec<Claim>),
}

/// Searches `model` breadth first.
pub fn search<const N: usize, const C: usize>(
    model: &WorldModel<N, C>,
    until: &Until,
    control: &Control<'_>,
) -> Search<N, C> {
    let hasher = DefaultHashBuilder::default();
    let mut table: HashTable<u32> = HashTable::new();
    let mut search =
        Search { visits: Vec::new(), first: BTreeMap::new(), outcome: Outcome::Exhausted };
    let claims: Vec<Claim> = model.claims().collect();
    search.visit(model, &claims, Visit { state: model.start(), parent: 0, step: None });
    table.insert_unique(hash(&hasher, &search.visits[0].state), 0, |_| 0);
    let mut steps = Vec::new();
    let mut next = 0;
    while next < search.visits.len() {
        if let Until::Broken(wanted) = until
            && wanted.iter().all(|claim| search.first.contains_key(claim))
        {
            search.outcome = Outcome::Found;
            return search;
        }
        if next % 1024 == 0 && !control.go_on(search.visits.len()) {
            search.outcome = Outcome::Truncated;
            return search;
        }
        let state = search.visits[next].state;
        steps.clear();
        state.enabled(&model.scope, &mut steps);
        for &step in &steps {
            let state = model.step(&state, step);
            let hashed = hash(&hasher, &state);
            let visits = &search.visits;
            if table.find(hashed, |&seen| visits[seen as usize].state == state).is_none() {
                let index = visits.len() as u32;
                table.insert_unique(hashed, index, |&seen| {
                    hash(&hasher, &visits[seen as usize].state)
                });
                let visit = Visit { state, parent: next as u32, step: Some(step) };
                search.visit(model, &claims, visit);
            }
        }
        next += 1;
    }
    search
}

fn hash(hasher: &DefaultHashBuilder, state: &impl Hash) -> u64 {
    hasher.hash_one(state)
}

impl<const N: usize, const C: usize> Search<N, C> {
    fn visit(&mut self, model: &WorldModel<N, C>, claims: &[Claim], visit: Visit<N, C>) {
        let index = self.visits.len() as u32;
        for &claim in claims {
            if !self.first.contains_key(&claim) && !claim.holds(&visit.state, &model.scope) {
                self.first.insert(claim, index);
            }
        }
        self.visits.push(visit);
    }

    /// The visited states, in order of discovery.
    pub fn states(&self) -> impl Iterator<Item = &Ticked<N, C>> {
        self.visits.iter().map(|visit| &visit.state)
    }

    /// How many states were visited.
    pub fn unique(&self) -> usize {
        self.visits.len()
    }

    /// The claims that were seen to break.
    pub fn broken(&self) -> impl Iterator<Item = Claim> + '_ {
        self.first.keys().copied()
    }

    /// The states from the first to the nearest that breaks `claim`. The names in them change from
    /// one to the next: it is a path of the reduced space and has yet to be lifted.
    pub fn path_to(&self, claim: Claim) -> Option<Vec<Ticked<N, C>>> {
        let mut index = *self.first.get(&claim)?;
        let mut path = Vec::new();
        loop {
            let visit = &self.visits[index as usize];
            path.push(visit.state);
            if visit.step.is_none() {
                path.reverse();
                return Some(path);
            }
            index = visit.parent;
        }
    }
}
