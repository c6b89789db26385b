//! One scope, searched to its end and simulated.

use leasehold::protocol::Ticks;
use leasehold_model::bfs::{Search, Until, search};
use leasehold_model::cell::CellError;
use leasehold_model::scopes::Small;
use leasehold_model::{Control, Outcome, Reduction, Ticked, WorldModel};
use leasehold_sim::{Plan, walk};
use leasehold_world::{Scope, Settings, Step, Trace, World, with_size};
use serde::Serialize;

use crate::exit::Failure;

/// What came of a scope.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Held {
    pub(super) scope: String,
    pub(super) settings: Settings,
    /// The checker's states, up to names and to the origin of time.
    pub(super) states: usize,
    /// Steps of all seeds.
    pub(super) steps: u64,
    /// How many of the checker's states the seeds visited.
    pub(super) visited: usize,
    /// Steps that led where the checker has not been.
    pub(super) outside: u64,
    #[serde(skip)]
    pub(super) first_outside: Option<Outside>,
}

/// A step that led where the checker has not been.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    pub(super) seed: u64,
    pub(super) why: &'static str,
    /// The seed's steps up to that one.
    pub(super) trace: Trace,
}

/// Searches `scope`, and runs the seeds `0..seeds` in a world of the constants `simulated`, which
/// are the same unless it is to be shown that this would be noticed. None if `control` said stop.
pub(super) fn hold(
    scope: &Small,
    simulated: &Settings,
    seeds: u64,
    control: &Control<'_>,
) -> Result<Option<Held>, Failure> {
    let searched = Scope::new(scope.settings.clone())?;
    let simulated = Scope::new(simulated.clone())?;
    let (nodes, clients) = (searched.config.nodes(), searched.clients());
    let error = CellError::Size { nodes, clients };
    let size = || Err(Failure::Cell { cell: scope.name.clone(), error });
    let found = with_size!(
        searched,
        |N, C| Ok(hold_in::<N, C>(&searched, &simulated, seeds, control)),
        size()
    )?;
    let named = |sample: Sample, states| Held {
        scope: scope.name.clone(),
        settings: scope.settings.clone(),
        states,
        steps: sample.steps,
        visited: sample.visited.iter().filter(|&&visited| visited).count(),
        outside: sample.outside,
        first_outside: sample.first_outside,
    };
    Ok(found.map(|(sample, states)| named(sample, states)))
}

/// What some of the seeds visited.
struct Sample {
    steps: u64,
    /// Of each of the checker's states, whether it was visited.
    visited: Vec<bool>,
    outside: u64,
    first_outside: Option<Outside>,
}

fn hold_in<const N: usize, const C: usize>(
    searched: &Scope,
    simulated: &Scope,
    seeds: u64,
    control: &Control<'_>,
) -> Option<(Sample, usize)> {
    // Not up to order: a step that is taken at once skips a state that a seed may visit.
    let model = WorldModel::<N, C>::new(searched.clone(), Reduction::Names);
    let search = search(&model, &Until::Exhausted, control);
    if search.outcome != Outcome::Exhausted {
        return None;
    }
    let threads = control.threads.max(1) as u64;
    let part = |thread: u64| seeds * thread / threads..seeds * (thread + 1) / threads;
    let samples: Vec<Sample> = std::thread::scope(|scope| {
        let (model, search) = (&model, &search);
        let work: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || sample(model, search, simulated, part(thread))))
            .collect();
        let joined = work.into_iter().map(|thread| thread.join().unwrap_or_else(resume));
        joined.collect()
    });
    // In the order of the seeds, so that the first is the first on any number of threads.
    let all = samples.into_iter().reduce(Sample::and)?;
    Some((all, search.unique()))
}

/// A thread that panicked panics here.
fn resume<T>(panic: Box<dyn std::any::Any + Send>) -> T {
    std::panic::resume_unwind(panic)
}

impl Sample {
    fn and(mut self, later: Sample) -> Sample {
        self.steps += later.steps;
        self.outside += later.outside;
        for (visited, also) in self.visited.iter_mut().zip(later.visited) {
            *visited |= also;
        }
        self.first_outside = self.first_outside.or(later.first_outside);
        self
    }
}

fn sample<const N: usize, const C: usize>(
    model: &WorldModel<N, C>,
    search: &Search<N, C>,
    simulated: &Scope,
    seeds: std::ops::Range<u64>,
) -> Sample {
    let visited = vec![false; search.unique()];
    let mut sample = Sample { steps: 0, visited, outside: 0, first_outside: None };
    for seed in seeds {
        let trace = walk(&Plan::in_ticks(seed, simulated.clone()));
        sample.follow(model, search, simulated, trace);
    }
    sample
}

impl Sample {
    /// Takes the steps of one seed again, from their text, and looks each state up.
    fn follow<const N: usize, const C: usize>(
        &mut self,
        model: &WorldModel<N, C>,
        search: &Search<N, C>,
        scope: &Scope,
        trace: Trace,
    ) {
        let mut world: Ticked<N, C> = World::new(scope, scope.mutated);
        self.visited[search.number_of(&model.start()).unwrap_or_default()] = true;
        for (index, line) in trace.steps.iter().enumerate() {
            self.steps += 1;
            let why = match line.step.parse::<Step<Ticks, N, C>>() {
                Ok(step) if world.permits(scope, &step) => {
                    let _ = world.apply(scope, scope.mutated, step);
                    let mut state = world;
                    model.represent(&mut state);
                    let number = search.number_of(&state);
                    number.map_or(Some("an unknown state"), |number| {
                        self.visited[number] = true;
                        None
                    })
                }
                Ok(_) => Some("not permitted"),
                Err(_) => Some("no step"),
            };
            let Some(why) = why else { continue };
            self.outside += 1;
            if self.first_outside.is_none() {
                let seed = trace.seed.unwrap_or_default();
                let steps = trace.steps[..=index].to_vec();
                let trace = Trace { steps, ..trace.clone() };
                self.first_outside = Some(Outside { seed, why, trace });
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use leasehold_model::scopes::small;

    use super::*;

    fn held(simulated: impl Fn(&mut Settings)) -> Held {
        let scope = small().into_iter().find(|scope| scope.name == "joined, touch, fifo").unwrap();
        let mut settings = scope.settings.clone();
        simulated(&mut settings);
        let control = Control { threads: 2, progress: &|_| true, second_opinion_up_to: 0 };
        hold(&scope, &settings, 40, &control).unwrap().unwrap()
    }

    #[test]
    fn a_world_of_other_constants_is_noticed() {
        assert_eq!(held(|_| {}).outside, 0);
        assert!(held(|settings| settings.ttl += 1).outside > 0);
        assert!(held(|settings| settings.release_within += 1).outside > 0);
        assert!(held(|settings| settings.roles[0].renewals += 1).outside > 0);
    }
}
