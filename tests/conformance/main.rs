//! Is `world/` right about Redis? The same operations on its node and on real servers in virtual
//! time must give the same replies and leave the same keys, to the millisecond.
//!
//! `LEASEHOLD_SEQUENCES` is how many sequences are tried on each server, `LEASEHOLD_SEED` which. See
//! `docs/conformance.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "these are tests")]
#![allow(clippy::wildcard_enum_match_arm, reason = "the replies of Redis are many, and grow")]
#![expect(clippy::print_stdout, reason = "what was met is told with --nocapture")]

mod connection;
mod model;
mod rig;
mod sequence;

use std::cell::RefCell;

use leasehold::protocol::{Micros, Mutated};
use leasehold_tests::program::Program;
use leasehold_world::WorldTime;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use model::{Model, Twist};
use rig::Rig;
use sequence::{Sequence, sequences};

/// How many sequences each server is tried with.
const SEQUENCES: u32 = 10_000;

fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: a number")))
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
    let result = TestRunner::new(config).run(&sequences(3), |sequence| {
        let model = Model::<I>::new(&sequence, rules, twist);
        rig.borrow_mut().run(&sequence, model).map_err(TestCaseError::fail)
    });
    result.map_err(|error| match error {
        TestError::Fail(why, sequence) => (why.message().to_owned(), sequence),
        TestError::Abort(why) => panic!("{why}"),
    })
}

fn agrees(program: Program) {
    if !program.is_here() {
        return;
    }
    let mut rig = Rig::start(program);
    let count = number("LEASEHOLD_SEQUENCES", SEQUENCES.into()) as u32;
    let began = leasehold_tests::now();
    if let Err((why, sequence)) = tried::<Micros>(&mut rig, count, Mutated(None), None) {
        panic!("{} and the model disagree: {why}\n{sequence:#?}", program.name());
    }
    println!("{}: {count} sequences in {:.1?}", program.name(), began.elapsed());
    rig.met.iter().for_each(|(what, times)| println!("{times:>9}  {what}"));
}

#[test]
fn redis_and_the_world_agree() {
    agrees(Program::Redis);
}

#[test]
fn valkey_and_the_world_agree() {
    agrees(Program::Valkey);
}
