//! Is `world/` right about Redis? The same operations on its node and on real servers in virtual
//! time must give the same replies and leave the same keys, to the millisecond.
//!
//! `LEASEHOLD_SEQUENCES` is how many sequences are tried on each server, `LEASEHOLD_SEED` which.
//! See `docs/conformance.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]
#![allow(clippy::wildcard_enum_match_arm, reason = "the replies of Redis are many, and grow")]
#![expect(clippy::print_stdout, reason = "what was met is told with --nocapture")]

mod connection;
mod differences;
mod model;
mod mutants;
mod rig;
mod sequence;
mod several;
mod uptime;

use std::cell::RefCell;

use leasehold::protocol::{Micros, Mutated};
use leasehold_tests::{Program, is_here};
use leasehold_world::WorldTime;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use model::{Model, Twist};
use rig::{Outcome, Rig};
use sequence::{Sequence, sequences};

/// How many sequences each server is tried with.
const SEQUENCES: u32 = 10_000;

fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| {
        text.parse().unwrap_or_else(|_| panic!("{name}={text}: a number"))
    })
}

/// Tries `count` sequences on a server and on models with the clock `I`. The first disagreement,
/// made as short as it gets, or what was met.
fn tried<I: WorldTime>(
    rig: &mut Rig,
    count: u32,
    rules: Mutated,
    twist: Option<Twist>,
) -> Result<(), (String, Sequence)> {
    let seed = RngSeed::Fixed(number("LEASEHOLD_SEED", 0));
    let config = Config {
        cases: count,
        rng_seed: seed,
        failure_persistence: None,
        max_shrink_iters: 5_000,
        ..Config::default()
    };
    let rig = RefCell::new(rig);
    let run = |sequence: &Sequence| {
        rig.borrow_mut().run(sequence, Model::<I>::new(sequence, rules, twist))
    };
    let result = TestRunner::new(config)
        .run(&sequences(3), |sequence| run(&sequence).map_err(TestCaseError::fail));
    result.map_err(|error| match error {
        TestError::Fail(why, sequence) => shortened(why.message().to_owned(), sequence, run),
        TestError::Abort(why) => panic!("{why}"),
    })
}

/// Leaves out operations for as long as there is a disagreement. Proptest does so too, but never
/// comes back to one that was needed until another became simpler.
fn shortened(
    mut why: String,
    mut sequence: Sequence,
    run: impl Fn(&Sequence) -> Outcome,
) -> (String, Sequence) {
    let mut at = 0;
    while at < sequence.ops.len() {
        let mut shorter = sequence.clone();
        shorter.ops.remove(at);
        match run(&shorter) {
            Err(still) => (why, sequence, at) = (still, shorter, 0),
            Ok(()) => at += 1,
        }
    }
    (why, sequence)
}

fn agrees(program: Program) {
    if !is_here(program) {
        return;
    }
    let mut rig = Rig::start(program);
    let count = number("LEASEHOLD_SEQUENCES", SEQUENCES.into()) as u32;
    let began = leasehold_tests::now();
    if let Err((why, sequence)) = tried::<Micros>(&mut rig, count, Mutated(None), None) {
        panic!("{} and the model disagree: {why}\n{sequence:#?}", program.name());
    }
    println!("{}: {count} sequences in {:.1?}", rig.version(), began.elapsed());
    rig.met.iter().for_each(|(what, times)| println!("{times:>9}  {what}"));
    if count >= SEQUENCES {
        let missed: Vec<&&str> =
            TO_MEET.iter().filter(|&&what| !rig.met.contains_key(what)).collect();
        assert!(missed.is_empty(), "{count} sequences, and never: {missed:?}");
    }
}

/// What a run of full length meets, or it shows little.
const TO_MEET: [&str; 26] = [
    "Set: Done",
    "Set: Foreign",
    "Set: Refused",
    "Extend: Done",
    "Extend: Foreign",
    "Extend: Missing",
    "Extend: Refused",
    "Release: Done",
    "Release: Foreign",
    "Release: Missing",
    "stray Set: Done",
    "stray Extend: Done",
    "stray Extend: Refused",
    "stray Release: Done",
    "Set in the last microsecond of a key: Foreign",
    "Extend in the last microsecond of a key: Done",
    "Release in the last microsecond of a key: Done",
    "Set in the first microsecond without a key: Done",
    "Extend in the first microsecond without a key: Missing",
    "Release in the first microsecond without a key: Missing",
    "kill of strays",
    "several commands in one message",
    "clock jumped back",
    "crash, state kept",
    "crash, state lost",
    "taken as Stream: 1",
];

#[test]
fn redis_and_the_world_agree() {
    agrees(Program::Redis);
}

#[test]
fn valkey_and_the_world_agree() {
    agrees(Program::Valkey);
}
