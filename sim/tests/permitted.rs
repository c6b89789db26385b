//! The simulator takes no step that the world does not permit, whatever the profile; and a trace
//! that says what it breaks does break it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use leasehold::protocol::{Extend, Micros, Transport};
use leasehold_sim::{Options, Plan, Profile, record, walk};
use leasehold_world::{
    CLAIMS, Lifecycle, Step, Trace, Witness, World, approached, concerned, dangers, suspects,
    with_any_size,
};

/// Takes the steps of a trace again, from their text, asking the world's leave each time, and every
/// question, whether the step is suspected or not.
fn replay<const N: usize, const C: usize>(trace: &Trace) -> Result<(), String> {
    let scope = &trace.scope;
    let mut world = World::<_, Micros, N, C>::new(scope, scope.mutated);
    for (number, line) in (1..).zip(&trace.steps) {
        let step: Step<Micros, N, C> = line.step.parse().map_err(|error| format!("{error}"))?;
        if !world.permits(scope, &step) {
            return Err(format!("step {}: {step} is not permitted", number));
        }
        let before = world;
        let effects = world.apply(scope, scope.mutated, step);
        let suspected = suspects(&step, &effects, world.breaches);
        let near = dangers(&step, &effects);
        let among = concerned(&step, &effects);
        for claim in CLAIMS {
            let broke = claim.holds(&before, scope) && !claim.holds(&world, scope);
            let came = !Witness(claim).seen(&before) && Witness(claim).seen(&world);
            let noticed = suspected.contains(claim) && !claim.holds_among(among, &world, scope);
            let met = approached(near, among.clients, &world).contains(claim);
            if broke && !noticed || came && !met {
                return Err(format!("{step}: nobody asked about {}", claim.name()));
            }
        }
    }
    match trace.breaks.filter(|claim| claim.holds(&world, scope)) {
        Some(claim) => Err(format!("{} holds at the end", claim.name())),
        None => Ok(()),
    }
}

fn replayed(trace: &Trace) -> Result<(), String> {
    let size = (trace.scope.config.nodes(), trace.scope.clients());
    let other = Err(format!("{size:?}: a size that is not built in"));
    with_any_size!(trace.scope, |N, C| replay::<N, C>(trace), other)
}

/// The four ways to extend and to reach a node, in turns.
fn options(profile: Profile, lifecycle: Lifecycle, seed: u64) -> Options {
    let transport = if seed % 2 < 1 { Transport::Fifo } else { Transport::Pooled };
    let extend = if seed % 4 < 2 { Extend::Touch } else { Extend::TouchOrSet };
    Options { profile, lifecycle, transport, extend, ..Options::default() }
}

#[test]
fn every_step_of_every_profile_is_permitted() {
    let (mut runs, mut steps) = (0, 0);
    for profile in Profile::all() {
        for lifecycle in Lifecycle::ALL {
            for seed in 0..40 {
                let options = options(profile, lifecycle, seed);
                let mut plan = Plan::from_seed(seed, &options);
                for key in 0..plan.keys {
                    plan.key = key;
                    let trace = walk(&plan);
                    runs += 1;
                    steps += trace.steps.len();
                    assert_eq!(replayed(&trace), Ok(()), "seed {seed}, key {key} of {options:?}");
                }
            }
        }
    }
    assert!(runs >= 3_360 && steps > 50 * runs, "{steps} steps in {runs} runs");
}

#[test]
fn every_trace_breaks_what_it_says() {
    let mut broken = 0;
    for profile in Profile::all() {
        for lifecycle in Lifecycle::ALL {
            for seed in 0..12 {
                let options = options(profile, lifecycle, seed);
                let (outcome, trace) = record(seed, &options);
                assert_eq!(outcome.broken.is_some(), trace.breaks.is_some());
                broken += usize::from(outcome.broken.is_some());
                let read: Trace = trace.to_string().parse().unwrap();
                assert_eq!((&read.scope, read.breaks), (&trace.scope, trace.breaks));
                assert_eq!(replayed(&read), Ok(()), "seed {seed} of {options:?}");
            }
        }
    }
    assert!(broken > 100, "{broken}");
}
