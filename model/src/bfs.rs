//! An exact breadth-first search: full states, parent pointers, and an outcome that says whether
//! it ended by itself.
//!
//! It is the second opinion beside stateright, and the only source of lengths: stateright's own
//! breadth-first search does not return shortest paths.
//!
//! It runs on several threads and finds the same, in the same order, on any number of them. The
//! visited states lie in shards, by hash. A batch of states is expanded in parallel, while nobody
//! changes a shard; then what it led to is inserted, each shard by one thread, in the order of the
//! batch.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use leasehold_world::Claim;

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

/// When to stop before everything is visited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Until {
    /// Never.
    Exhausted,
    /// When each of these is broken.
    Broken(Vec<Claim>),
}

const SHARDS: usize = 16;
/// How many states are expanded before what they led to is inserted.
const BATCH: usize = 1 << 14;

/// Where a visited state lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    index: u32,
    shard: u8,
}

/// One visited state, and the one it was reached from: itself for the first.
struct Visit<const N: usize, const C: usize> {
    state: Ticked<N, C>,
    parent: Place,
}

/// A state that a batch led to and that was not known before.
struct Reached<const N: usize, const C: usize> {
    hash: u64,
    visit: Visit<N, C>,
}

/// The part of the visited states whose hashes end alike.
struct Shard<const N: usize, const C: usize> {
    table: HashTable<u32>,
    visits: Vec<Visit<N, C>>,
    /// The nearest state that breaks each claim, with its distance.
    first: BTreeMap<Claim, (u32, Place)>,
    /// How many of the visits have been expanded.
    expanded: usize,
}

/// The visited states, and the nearest that breaks each claim.
pub struct Search<const N: usize, const C: usize> {
    shards: Vec<Shard<N, C>>,
    /// How it ended.
    pub outcome: Outcome,
}

const HASHER: FixedState = FixedState::with_seed(0);

fn shard_of(hash: u64) -> usize {
    (hash >> 32) as usize % SHARDS
}

impl<const N: usize, const C: usize> Shard<N, C> {
    fn knows(&self, hash: u64, state: &Ticked<N, C>) -> bool {
        self.find(hash, state).is_some()
    }

    fn find(&self, hash: u64, state: &Ticked<N, C>) -> Option<u32> {
        self.table.find(hash, |&index| self.visits[index as usize].state == *state).copied()
    }

    fn insert(
        &mut self,
        model: &WorldModel<N, C>,
        claims: &[Claim],
        (shard, distance): (u8, u32),
        reached: Reached<N, C>,
    ) {
        let Reached { hash, visit } = reached;
        if self.knows(hash, &visit.state) {
            return;
        }
        let index = self.visits.len() as u32;
        let visits = &self.visits;
        self.table
            .insert_unique(hash, index, |&index| HASHER.hash_one(visits[index as usize].state));
        for &claim in claims {
            if !self.first.contains_key(&claim) && !claim.holds(&visit.state, &model.scope) {
                self.first.insert(claim, (distance, Place { index, shard }));
            }
        }
        self.visits.push(visit);
    }
}

/// Searches `model` breadth first.
pub fn search<const N: usize, const C: usize>(
    model: &WorldModel<N, C>,
    until: &Until,
    control: &Control<'_>,
) -> Search<N, C> {
    let shard = || Shard {
        table: HashTable::new(),
        visits: Vec::new(),
        first: BTreeMap::new(),
        expanded: 0,
    };
    let mut search = Search {
        shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
        outcome: Outcome::Exhausted,
    };
    let claims: Vec<Claim> = model.claims().collect();
    search.begin(model, &claims);
    for distance in 1.. {
        let frontier = search.take_frontier();
        if frontier.is_empty() {
            break;
        }
        for batch in frontier.chunks(BATCH) {
            let led_to = search.expand(model, batch, control.threads);
            search.insert(model, &claims, distance, led_to, control.threads);
            if let Until::Broken(wanted) = until
                && wanted.iter().all(|&claim| search.nearest(claim).is_some())
            {
                search.outcome = Outcome::Found;
                return search;
            }
            if !control.go_on(search.unique()) {
                search.outcome = Outcome::Truncated;
                return search;
            }
        }
    }
    search
}

/// What each part of a batch led to, by shard.
type LedTo<const N: usize, const C: usize> = Vec<Vec<Vec<Reached<N, C>>>>;

impl<const N: usize, const C: usize> Search<N, C> {
    fn begin(&mut self, model: &WorldModel<N, C>, claims: &[Claim]) {
        let state = model.start();
        let hash = HASHER.hash_one(state);
        let shard = shard_of(hash);
        let parent = Place { index: 0, shard: shard as u8 };
        let reached = Reached { hash, visit: Visit { state, parent } };
        self.shards[shard].insert(model, claims, (shard as u8, 0), reached);
    }

    /// The visits that have not been expanded, which then count as expanded.
    fn take_frontier(&mut self) -> Vec<Place> {
        let mut frontier = Vec::new();
        for (shard, part) in self.shards.iter_mut().enumerate() {
            let fresh = part.expanded as u32..part.visits.len() as u32;
            frontier.extend(fresh.map(|index| Place { index, shard: shard as u8 }));
            part.expanded = part.visits.len();
        }
        frontier
    }

    fn expand(&self, model: &WorldModel<N, C>, batch: &[Place], threads: usize) -> LedTo<N, C> {
        let parts = batch.chunks(batch.len().div_ceil(threads.max(1)).max(1));
        std::thread::scope(|scope| {
            let work: Vec<_> =
                parts.map(|part| scope.spawn(move || self.expand_part(model, part))).collect();
            work.into_iter().map(|thread| thread.join().unwrap_or_else(resume)).collect()
        })
    }

    fn expand_part(&self, model: &WorldModel<N, C>, part: &[Place]) -> Vec<Vec<Reached<N, C>>> {
        let mut led_to: Vec<Vec<Reached<N, C>>> =
            std::iter::repeat_with(Vec::new).take(SHARDS).collect();
        let mut steps = Vec::new();
        for &parent in part {
            let state = &self.at(parent).state;
            steps.clear();
            state.enabled(&model.scope, &mut steps);
            for &step in &steps {
                let next = model.step(state, step);
                let hash = HASHER.hash_one(next);
                let shard = shard_of(hash);
                if !self.shards[shard].knows(hash, &next) {
                    led_to[shard].push(Reached { hash, visit: Visit { state: next, parent } });
                }
            }
        }
        led_to
    }

    fn insert(
        &mut self,
        model: &WorldModel<N, C>,
        claims: &[Claim],
        distance: u32,
        led_to: LedTo<N, C>,
        threads: usize,
    ) {
        let mut by_shard: Vec<Vec<Vec<Reached<N, C>>>> =
            std::iter::repeat_with(Vec::new).take(SHARDS).collect();
        for part in led_to {
            for (shard, reached) in part.into_iter().enumerate() {
                by_shard[shard].push(reached);
            }
        }
        let mut work: Vec<_> = self.shards.iter_mut().zip(by_shard).enumerate().collect();
        let each = SHARDS.div_ceil(threads.max(1));
        std::thread::scope(|scope| {
            while !work.is_empty() {
                let mine = work.split_off(work.len().saturating_sub(each));
                scope.spawn(move || {
                    for (number, (shard, reached)) in mine {
                        for reached in reached.into_iter().flatten() {
                            shard.insert(model, claims, (number as u8, distance), reached);
                        }
                    }
                });
            }
        });
    }

    fn at(&self, place: Place) -> &Visit<N, C> {
        &self.shards[usize::from(place.shard)].visits[place.index as usize]
    }

    fn nearest(&self, claim: Claim) -> Option<Place> {
        let found = self.shards.iter().filter_map(|shard| shard.first.get(&claim));
        found.min().map(|&(_, place)| place)
    }

    /// The visited states.
    pub fn states(&self) -> impl Iterator<Item = &Ticked<N, C>> {
        self.shards.iter().flat_map(|shard| shard.visits.iter().map(|visit| &visit.state))
    }

    /// Which of the visited states this is, from 0, in the order of [`states`](Self::states);
    /// none if it was not visited.
    pub fn number_of(&self, state: &Ticked<N, C>) -> Option<usize> {
        let hash = HASHER.hash_one(state);
        let shard = shard_of(hash);
        let before: usize = self.shards[..shard].iter().map(|shard| shard.visits.len()).sum();
        self.shards[shard].find(hash, state).map(|index| before + index as usize)
    }

    /// How many states were visited.
    pub fn unique(&self) -> usize {
        self.shards.iter().map(|shard| shard.visits.len()).sum()
    }

    /// The claims that were seen to break.
    pub fn broken(&self) -> impl Iterator<Item = Claim> + '_ {
        leasehold_world::CLAIMS.into_iter().filter(|&claim| self.nearest(claim).is_some())
    }

    /// The states from the first to the nearest that breaks `claim`. The names in them change from
    /// one to the next: it is a path of the reduced space and has yet to be lifted.
    pub fn path_to(&self, claim: Claim) -> Option<Vec<Ticked<N, C>>> {
        let mut place = self.nearest(claim)?;
        let mut path = Vec::new();
        loop {
            let visit = self.at(place);
            path.push(visit.state);
            if visit.parent == place {
                path.reverse();
                return Some(path);
            }
            place = visit.parent;
        }
    }
}

/// A thread that panicked panics here.
fn resume<T>(panic: Box<dyn std::any::Any + Send>) -> T {
    std::panic::resume_unwind(panic)
}
