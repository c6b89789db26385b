//! The same seed gives the same steps: in one run and the next, on one thread and on two.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use leasehold::protocol::{Extend, Transport};
use leasehold_sim::{
    Campaign, ClientCount, NodeCount, Options, Profile, TraceHash, campaign, record, simulate,
};
use leasehold_world::Lifecycle;

fn every_option() -> impl Iterator<Item = Options> {
    Lifecycle::ALL.into_iter().flat_map(|lifecycle| {
        [Transport::Fifo, Transport::Pooled].into_iter().flat_map(move |transport| {
            [Extend::Touch, Extend::TouchOrSet].into_iter().map(move |extend| Options {
                lifecycle,
                transport,
                extend,
                ..Options::default()
            })
        })
    })
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for options in every_option() {
        for seed in 0..40 {
            let (first, second) = (simulate(seed, &options), simulate(seed, &options));
            assert_eq!(first, second);
            let (recorded, trace) = record(seed, &options);
            assert_eq!(first, recorded);
            assert!(trace.steps.len() <= first.steps as usize);
        }
    }
}

#[test]
fn the_hash_of_a_seed_is_fixed() {
    let detached = Options { lifecycle: Lifecycle::Detached, ..Options::default() };
    let pooled = Options { transport: Transport::Pooled, ..Options::default() };
    let hashes: Vec<u64> = [Options::default(), detached, pooled]
        .iter()
        .flat_map(|options| [0, 1, 158].map(|seed| simulate(seed, options).hash))
        .collect();
    assert_eq!(hashes, GOLDEN, "{hashes:#x?}");
}

/// Changed only together with the protocol, the world or the plan, and then on purpose.
const GOLDEN: [u64; 9] = [
    1330173391096445890,
    12496954297081894850,
    16492007028691354443,
    840121663574181008,
    1102159472982762830,
    18087230865241453113,
    832106826953109708,
    1116811664898433762,
    13828611952453312841,
];

/// Of the shipped lifecycle, and of a broken one.
#[test]
fn the_digests_of_every_profile_are_fixed() {
    let digest = |profile: Profile, lifecycle: Lifecycle| {
        let options = Options { profile, lifecycle, ..Options::default() };
        campaign(0..60, &options, 1, &|_, _| {}, &AtomicBool::new(false)).digest
    };
    let digests: Vec<(&str, u64, u64)> = Profile::all()
        .map(|profile| {
            let of = |lifecycle| digest(profile, lifecycle);
            (profile.name(), of(Lifecycle::Joined), of(Lifecycle::Detached))
        })
        .collect();
    assert_eq!(digests, DIGESTS);
}

/// As [`GOLDEN`], for sixty seeds of each profile.
const DIGESTS: [(&str, u64, u64); 23] = [
    ("calm", 0xb4280025bab738f4, 0x57940450d85c2244),
    ("swarm", 0x050660183de09e1e, 0xdc17e485ac6558f6),
    ("hostile", 0xb0c71a8a53b888c8, 0xe8a5891ad50fc34a),
    ("drift", 0x57fba0ba07e86c7b, 0xbb73ab092f3c00e3),
    ("restart", 0xcb668512e5bb1677, 0x21dd6f6cc5056757),
    ("repair", 0x10951426cc292b62, 0x21dd6f6cc5056757),
    ("contention", 0x72837d38fa407ddf, 0x7b90845e2df3d4ae),
    ("handover", 0x06ccb135d6f36033, 0xdc17e485ac6558f6),
    ("delay", 0xe01082b53ac90e68, 0x807c80506c581fad),
    ("loss", 0xaa28c3241befd7cc, 0x5f525e043ba07ff8),
    ("partition", 0x278a0046379291f5, 0xd20f3289b90aebb1),
    ("reset", 0xddcc682bb9c5d5e6, 0x4fb4644680f1b276),
    ("crash", 0x43e781c409ae33df, 0xbe7bf59345f81f01),
    ("amnesia", 0x8dd3357855ef4e85, 0xfe9b8acac5d091ad),
    ("freeze", 0x931545fb5a73af4a, 0x7b5d4e340a98b0ac),
    ("pause", 0x027662458213bfdc, 0x492c1953a8a87d75),
    ("stall", 0xb4280025bab738f4, 0x95ae9b270057eee9),
    ("suspend", 0x5fa0bc110f41832e, 0xf636507c8a004a75),
    ("jump", 0xbc3ee903ee29195f, 0x71a1303ddc4cce27),
    ("resend", 0x27a554024118cb61, 0x1f4eb729ae6157d9),
    ("scripts", 0x9637762bc916f15f, 0x1280716d9cf50cd4),
    ("cancel", 0x53c3cdae2f77c5ab, 0x22f75b7ba11695e1),
    ("overlap", 0xb4280025bab738f4, 0x6bb47d21ebd884b7),
];

fn on_threads(threads: usize) -> Campaign {
    let options = Options { lifecycle: Lifecycle::Detached, ..Options::default() };
    campaign(100..733, &options, threads, &|_, _| {}, &AtomicBool::new(false))
}

#[test]
fn threads_make_no_difference() {
    let (one, two) = (on_threads(1), on_threads(2));
    assert_eq!(one, two);
    assert_eq!((one.seeds, one.counts.runs), (633, 633));
    let options = Options { lifecycle: Lifecycle::Detached, ..Options::default() };
    let sum = (100..733).fold(0_u64, |sum, seed| {
        let mut hash = TraceHash::default();
        hash.add(seed);
        hash.add(simulate(seed, &options).hash);
        sum.wrapping_add(hash.finish())
    });
    assert_eq!(one.digest, sum);
}

#[test]
fn a_stopped_campaign_is_a_prefix() {
    let stop = AtomicBool::new(false);
    let most = AtomicU64::new(0);
    let progress = |done: u64, _: u64| {
        most.fetch_max(done, Ordering::Relaxed);
        stop.store(true, Ordering::Relaxed);
    };
    let options = Options::default();
    let stopped = campaign(0..100_000, &options, 2, &progress, &stop);
    assert!(stopped.seeds > 0 && stopped.seeds < 1_000, "{}", stopped.seeds);
    assert_eq!(most.into_inner(), stopped.seeds);
    let whole = campaign(0..stopped.seeds, &options, 1, &|_, _| {}, &AtomicBool::new(false));
    assert_eq!(whole, stopped);
}

#[test]
fn every_size_is_simulated() {
    for nodes in 1..=9 {
        for clients in [1, 2, 3, 4, 17, 64] {
            let (number, wanted) = (nodes, usize::from(clients));
            let (nodes, clients) = (NodeCount::try_from(nodes), ClientCount::try_from(clients));
            let options =
                Options { nodes: nodes.ok(), clients: clients.ok(), ..Options::default() };
            if options.check().is_err() {
                continue;
            }
            let outcome = simulate(7, &options);
            assert_eq!(outcome.settings.nodes, number);
            let active = outcome.settings.roles.iter().filter(|role| role.starts > 0).count();
            assert_eq!(active, wanted);
            assert!(outcome.steps > 1);
        }
    }
}
