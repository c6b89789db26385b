//! What a run costs in memory: little, and no more for a long one than for a short one.

use allocation_counter::measure;
use leasehold::protocol::{Extend, Transport};
use leasehold_sim::{ClientCount, NodeCount, Options, Profile, place_of, simulate};
use leasehold_world::Lifecycle;

/// The most memory of a running world, in bytes: what it asks for, and its place on the stack.
const MOST: u64 = 64 * 1024;

/// The same with 64 clients on five nodes, which are 320 connections.
const MOST_CROWDED: u64 = 96 * 1024;

/// The most allocations of a run: its constants, their names, and an agenda that grows a few times.
/// A campaign keeps the agenda from run to run.
const ALLOCATIONS: u64 = 64;

/// Runs one seed. Returns its steps, its allocations, and the most bytes it held at once.
fn cost(seed: u64, options: &Options) -> (u32, u64, u64) {
    let mut steps = 0;
    let info = measure(|| steps = simulate(seed, options).steps);
    (steps, info.count_total, info.bytes_max)
}

#[test]
fn a_running_world_is_small_and_allocates_nothing_per_event() {
    let (mut longest, mut most) = (0, 0);
    for profile in Profile::all() {
        for lifecycle in Lifecycle::ALL {
            let options = Options {
                profile,
                lifecycle,
                extend: Extend::Touch,
                transport: Transport::Fifo,
                ..Options::default()
            };
            for seed in 0..20 {
                let (steps, allocations, bytes) = cost(seed, &options);
                // Each key has a world of its own.
                let keys = if profile == Profile::Contention { 8 } else { 1 };
                assert!(allocations <= ALLOCATIONS * keys, "{options:?}, {seed}: {allocations}");
                longest = longest.max(steps);
                most = most.max(bytes);
            }
        }
    }
    assert!(longest >= 1_000, "{longest} steps: too short to tell");
    assert!(most + place_of::<9, 3>() as u64 <= MOST, "{most} bytes");
}

/// Also where most is going on at once.
#[test]
fn a_crowded_world_is_small() {
    let options = Options {
        nodes: NodeCount::try_from(5).ok(),
        clients: ClientCount::try_from(64).ok(),
        profile: Profile::Contention,
        ..Options::default()
    };
    for seed in 0..20 {
        let (steps, _, bytes) = cost(seed, &options);
        let all = bytes + place_of::<5, 64>() as u64;
        assert!(all <= MOST_CROWDED, "{steps} steps, {all} bytes");
    }
}
