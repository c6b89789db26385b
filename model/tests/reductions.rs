//! Each reduction keeps every verdict, and merges exactly the states that it says it merges.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use leasehold::protocol::{Extend, Mutant, Ticks, Transport};
use leasehold_model::bfs::{Search, Until, search};
use leasehold_model::scopes::{Overrides, ScopeName};
use leasehold_model::{Control, Outcome, Reduction, Ticked, WorldModel};
use leasehold_world::{Claim, Lifecycle, Role, Scope, Settings, Step};

fn small(lifecycle: Lifecycle, extend: Extend, transport: Transport) -> Settings {
    let cells = ScopeName::Quick.cells(Overrides::default());
    let mut settings = cells
        .into_iter()
        .find(|cell| {
            (cell.lifecycle, cell.extend, cell.transport) == (lifecycle, extend, transport)
        })
        .and_then(|cell| cell.settings)
        .unwrap();
    settings.nodes = 2;
    settings.ttl = 3;
    settings.renew_every = 1;
    settings.node_timeout = 1;
    settings.release_within = 1;
    settings
}

fn run<const N: usize, const C: usize>(settings: &Settings, by: Reduction) -> Search<N, C> {
    let model = WorldModel::<N, C>::new(Scope::new(settings.clone()).unwrap(), by);
    let control = Control { threads: 1, progress: &|_| true, second_opinion_up_to: 0 };
    let found = search(&model, &Until::Exhausted, &control);
    assert_eq!(found.outcome, Outcome::Exhausted);
    found
}

fn verdicts<const N: usize, const C: usize>(search: &Search<N, C>) -> BTreeSet<Claim> {
    search.broken().collect()
}

/// The unreduced search, the one up to names, and the one up to order: equal verdicts; up to names
/// also equal lengths, and as many states as there are classes among the unreduced ones.
fn compare<const N: usize, const C: usize>(settings: &Settings) -> (usize, usize, usize) {
    let scope = Scope::new(settings.clone()).unwrap();
    let time = run::<N, C>(settings, Reduction::Time);
    let names = run::<N, C>(settings, Reduction::Names);
    let order = run::<N, C>(settings, Reduction::Order);
    assert_eq!(verdicts(&time), verdicts(&names), "{settings:?}");
    assert_eq!(verdicts(&time), verdicts(&order), "{settings:?}");
    let classes: BTreeSet<_> = time.states().map(|state| state.canonical(&scope)).collect();
    assert_eq!(classes.len(), names.unique(), "{settings:?}");
    let met: BTreeSet<_> =
        time.states().map(|state| hastened(*state, &scope).canonical(&scope)).collect();
    assert!(met.len() >= order.unique(), "{settings:?}");
    for claim in verdicts(&time) {
        let length = |search: &Search<N, C>| search.path_to(claim).map(|path| path.len());
        assert_eq!(length(&time), length(&names), "{claim:?}");
        assert!(length(&order) <= length(&time), "{claim:?}");
    }
    (time.unique(), names.unique(), order.unique())
}

fn hastened<const N: usize, const C: usize>(
    mut world: Ticked<N, C>,
    scope: &Scope,
) -> Ticked<N, C> {
    world.hasten(scope, scope.mutated);
    world
}

#[test]
fn every_lifecycle_extend_and_transport_keeps_its_verdicts() {
    for lifecycle in Lifecycle::ALL {
        for extend in [Extend::Touch, Extend::TouchOrSet] {
            for transport in [Transport::Fifo, Transport::Pooled] {
                compare::<2, 1>(&small(lifecycle, extend, transport));
            }
        }
    }
}

#[test]
fn every_mutant_and_fault_keeps_its_verdicts() {
    for mutant in Mutant::all() {
        for transport in [Transport::Fifo, Transport::Pooled] {
            let mut settings = small(Lifecycle::Joined, Extend::Touch, transport);
            settings.mutant = Some(mutant.name().to_owned());
            settings.faults.resets = 1;
            compare::<2, 1>(&settings);
            settings.faults.resets = 0;
            settings.faults.pauses = 1;
            compare::<2, 1>(&settings);
        }
    }
}

#[test]
fn two_clients_and_slips_keep_their_verdicts() {
    let mut settings = small(Lifecycle::Joined, Extend::Touch, Transport::Fifo);
    let role = Role { starts: 1, renewals: 0, stops: true, ..Role::default() };
    settings.roles = vec![role, role];
    settings.ttl = 2;
    settings.faults.node_slips = 1;
    compare::<2, 2>(&settings);
}

#[test]
fn what_is_handed_over_keeps_its_verdicts() {
    let broken = [Mutant::HandOverUndrained, Mutant::ReleaseAfterHandOver, Mutant::AdoptRecreates];
    for mutant in broken.map(Some).into_iter().chain([None]) {
        for transport in [Transport::Fifo, Transport::Pooled] {
            let mut settings = small(Lifecycle::Joined, Extend::Touch, transport);
            let once = Role { starts: 1, ..Role::default() };
            let gives = Role { hands_over: true, stops: true, ..once };
            settings.roles = vec![gives, Role { starts: 2, adopts: true, ..once }];
            settings.ttl = 2;
            settings.mutant = mutant.map(|mutant| mutant.name().to_owned());
            compare::<2, 2>(&settings);
        }
    }
}

/// Of clients that are alike each may be the one that outlives the others: its name means nothing.
#[test]
fn the_survivor_of_clients_that_are_alike_may_be_any() {
    let mut settings = small(Lifecycle::Joined, Extend::Touch, Transport::Fifo);
    let role = Role { starts: 1, renewals: 0, stops: false, ..Role::default() };
    settings.roles = vec![role, role];
    settings.nodes = 1;
    settings.ttl = 2;
    settings.faults.heals = 1;
    compare::<1, 2>(&settings);
}

/// A program that has not begun is the same whenever that is.
#[test]
fn the_time_of_the_start_means_nothing() {
    for lifecycle in Lifecycle::ALL {
        let settings = small(lifecycle, Extend::Touch, Transport::Fifo);
        let model = WorldModel::<2, 1>::new(Scope::new(settings).unwrap(), Reduction::Names);
        let started_at = |ticks: i64| {
            let mut world = model.start();
            let even = Step::Advance { nodes: [Ticks(1); 2], clients: [Ticks(1); 1] };
            for step in (0..ticks).map(|_| even).chain([Step::Start(0)]) {
                let _ = world.apply(&model.scope, model.scope.mutated, step);
            }
            model.represent(&mut world);
            world
        };
        for ticks in 1..20 {
            assert_eq!(started_at(ticks), started_at(0), "{lifecycle} after {ticks}");
        }
    }
}

/// Also where the next lease begins with the renewer of the last one still running.
#[test]
fn leases_that_overlap_keep_their_verdicts() {
    for lifecycle in [Lifecycle::Detached, Lifecycle::DoubleCheck] {
        for transport in [Transport::Fifo, Transport::Pooled] {
            let mut settings = small(lifecycle, Extend::Touch, transport);
            settings.nodes = 1;
            settings.roles = vec![Role { starts: 2, renewals: 2, stops: true, ..Role::default() }];
            settings.faults.overlaps = 1;
            settings.faults.stalls = 1;
            let with = compare::<1, 1>(&settings);
            settings.faults.overlaps = 0;
            let without = compare::<1, 1>(&settings);
            assert!(with > without, "{lifecycle} {transport}: {with:?} {without:?}");
        }
    }
}

#[test]
fn three_nodes_merge_nearly_sixfold() {
    let mut settings = small(Lifecycle::Joined, Extend::Touch, Transport::Fifo);
    settings.nodes = 3;
    let (time, names, order) = compare::<3, 1>(&settings);
    // At most 3! by the nodes' names; the order does the rest.
    assert!(time < 6 * names && time * 2 > 9 * names, "{time} {names} {order}");
    assert!(order < names);
}

/// Renaming nodes and clients and then taking a step is the same as taking it and then renaming,
/// and the one may be taken where the other may.
#[test]
fn names_commute_with_steps() {
    let mut settings = small(Lifecycle::Joined, Extend::Touch, Transport::Fifo);
    let role = Role { starts: 1, renewals: 1, stops: true, ..Role::default() };
    settings.roles = vec![role, role];
    settings.ttl = 2;
    settings.faults.heals = 1;
    let scope = Scope::new(settings.clone()).unwrap();
    let states = run::<2, 2>(&settings, Reduction::Order);
    for world in states.states().step_by(97) {
        let mut steps = Vec::new();
        world.enabled(&scope, &mut steps);
        for step in steps {
            let mut there = *world;
            let _ = there.apply(&scope, scope.mutated, step);
            let mut renamed = world.with_nodes(&[1, 0]).with_clients(&[1, 0]);
            assert!(renamed.permits(&scope, &swapped(step)), "{step}");
            let _ = renamed.apply(&scope, scope.mutated, swapped(step));
            assert_eq!(there.canonical(&scope), renamed.canonical(&scope), "{step}");
        }
    }
}

/// The same step with both nodes and both clients exchanged.
fn swapped<I: Copy>(step: Step<I, 2, 2>) -> Step<I, 2, 2> {
    let other = |index: u8| 1 - index;
    match step {
        Step::Start(c) => Step::Start(other(c)),
        Step::Tick(c) => Step::Tick(other(c)),
        Step::Stop(c) => Step::Stop(other(c)),
        Step::HandOver(c) => Step::HandOver(other(c)),
        Step::Adopt(c) => Step::Adopt(other(c)),
        Step::Task(c, task) => Step::Task(other(c), task),
        Step::Stall(c) => Step::Stall(other(c)),
        Step::Pause(c) => Step::Pause(other(c)),
        Step::Resume(c) => Step::Resume(other(c)),
        Step::Run { client, node, index } => {
            Step::Run { client: other(client), node: other(node), index }
        }
        Step::Reply { client, node, index } => {
            Step::Reply { client: other(client), node: other(node), index }
        }
        Step::Reset { client, node } => Step::Reset { client: other(client), node: other(node) },
        Step::Connect { client, node } => {
            Step::Connect { client: other(client), node: other(node) }
        }
        Step::Crash { node, keeps } => Step::Crash { node: other(node), keeps },
        Step::Heal(c) => Step::Heal(other(c)),
        Step::Resend { client, node, index } => {
            Step::Resend { client: other(client), node: other(node), index }
        }
        Step::LoseScripts(node) => Step::LoseScripts(other(node)),
        Step::Restart(node) => Step::Restart(other(node)),
        Step::Advance { nodes: [a, b], clients: [c, d] } => {
            Step::Advance { nodes: [b, a], clients: [d, c] }
        }
    }
}
