//! Every "lock already taken" and every lost lease has one cause, the same in the run and in the
//! replay of its trace, and a chain of steps that shows it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use leasehold::protocol::{Extend, Mutant, Transport};
use leasehold_sim::{Cause, Explained, Fault, Options, Profile, Told, cause_of, explain, record};
use leasehold_world::{Lifecycle, Trace};

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

/// What holds for every explanation.
fn examine(explained: &Explained, trace: &Trace) {
    let chain = &explained.chain;
    let at = |step: usize| trace.steps[step - 1].step.as_str();
    assert_eq!(chain.last().map(|reason| reason.step), Some(explained.step), "{explained:?}");
    assert!(chain.windows(2).all(|pair| pair[0].step < pair[1].step), "{explained:?}");
    assert!(chain.iter().all(|reason| !reason.sentence.is_empty()), "{explained:?}");
    let has = |verb: &str| chain.iter().any(|reason| at(reason.step).starts_with(verb));
    let says = |words: &str| chain.iter().any(|reason| reason.sentence.contains(words));
    let expired = explained.told == Told::LostExpired;
    assert!(expired || says("runs the renewal") || says("runs the stray renewal"), "{explained:?}");
    match explained.cause {
        Cause::StrayRenewalAfterRelease | Cause::OwnNextLease => {
            assert!(has("stop") && says("runs the release"), "{explained:?}");
        }
        Cause::TakenByAnother if expired => assert!(says("told that it holds"), "{explained:?}"),
        Cause::TakenByAnother => {
            assert!(says("expires at") && says("is there"), "{explained:?}");
        }
        Cause::ExpiredNobodyHolds if expired => {
            assert!(has("pause") || says("no renewal"), "{explained:?}");
        }
        Cause::ExpiredNobodyHolds | Cause::NodeClockAhead => {
            assert!(says("expires at"), "{explained:?}");
        }
        Cause::NodeLostState => assert!(has("crash"), "{explained:?}"),
        Cause::LateOrRepeatedCommand => assert!(chain.len() > 1, "{explained:?}"),
        Cause::RealContention => assert!(says("is there"), "{explained:?}"),
        Cause::DeletedByAnother => assert!(says("deletes"), "{explained:?}"),
    }
}

#[test]
fn a_replay_explains_what_the_run_did() {
    let (mut messages, mut losses) = ([0; Cause::ALL.len()], [0; Cause::ALL.len()]);
    for options in every_option() {
        for seed in 0..150 {
            let (outcome, trace) = record(seed, &options);
            let all = explain(&trace).unwrap();
            for explained in &all {
                examine(explained, &trace);
                let of = if explained.told.is_loss() { &mut losses } else { &mut messages };
                of[explained.cause as usize] += 1;
            }
            assert_eq!(cause_of(&trace), Ok(all.last().map(|explained| explained.cause)));
            if trace.steps.len() < outcome.steps as usize {
                // It ends with the step that breaks the first claim.
                continue;
            }
            let counts = &outcome.counts;
            for cause in Cause::ALL {
                let with = |loss: bool| {
                    let same = |explained: &&Explained| {
                        (explained.told.is_loss(), explained.cause) == (loss, cause)
                    };
                    all.iter().filter(same).count() as u64
                };
                assert_eq!(counts.cause(cause), with(false), "seed {seed} of {options:?}");
                assert_eq!(counts.cause_of_loss(cause), with(true), "seed {seed} of {options:?}");
            }
            if let Some(taken) = outcome.taken {
                let same = |explained: &&Explained| explained.step == taken.step as usize;
                let found = all.iter().find(same).map(|found| (found.client, found.cause));
                assert_eq!(found, Some((taken.client, taken.cause)), "seed {seed} of {options:?}");
            }
        }
    }
    for cause in [
        Cause::StrayRenewalAfterRelease,
        Cause::TakenByAnother,
        Cause::ExpiredNobodyHolds,
        Cause::LateOrRepeatedCommand,
        Cause::RealContention,
    ] {
        assert!(messages[cause as usize] > 0, "{cause:?}");
    }
    for cause in [Cause::TakenByAnother, Cause::ExpiredNobodyHolds, Cause::LateOrRepeatedCommand] {
        assert!(losses[cause as usize] > 0, "{cause:?}");
    }
}

/// Runs seeds until one shows `cause`.
fn found(cause: Cause, options: &Options) -> bool {
    (0..2_000).any(|seed| {
        let (outcome, trace) = record(seed, options);
        let met = outcome.counts.cause(cause) > 0;
        if met {
            // A trace ends with what breaks first, which may be earlier.
            let all = explain(&trace).unwrap();
            all.iter().for_each(|explained| examine(explained, &trace));
        }
        met
    })
}

#[test]
fn causes_beyond_the_assumptions_are_found_without_them() {
    let under = |fault: Fault| Options {
        lifecycle: Lifecycle::Detached,
        profile: Profile::Only(fault),
        ..Options::default()
    };
    let pooled = Options { transport: Transport::Pooled, ..under(Fault::Overlap) };
    let any_value = Options { mutant: Some(Mutant::ReleaseAnyValue), ..under(Fault::Delay) };
    assert!(found(Cause::NodeLostState, &under(Fault::Amnesia)));
    assert!(found(Cause::OwnNextLease, &pooled));
    assert!(found(Cause::DeletedByAnother, &any_value));
    assert!(found(Cause::NodeClockAhead, &under(Fault::Jump)));
}

#[test]
fn everything_told_is_counted_with_a_cause_and_a_first_seed() {
    for options in every_option() {
        for seed in 0..100 {
            let counts = record(seed, &options).0.counts;
            let sum = |wanted: &[Told]| wanted.iter().map(|&told| counts.told(told)).sum::<u64>();
            let messages = counts.message_causes().map(|row| row.count).sum::<u64>();
            let losses = counts.loss_causes().map(|row| row.count).sum::<u64>();
            assert_eq!(messages, sum(&[Told::AlreadyTaken]));
            assert_eq!(losses, sum(&[Told::LostExpired, Told::LostGone, Told::LostTaken]));
            for row in counts.message_causes().chain(counts.loss_causes()) {
                assert_eq!(row.first_seed, (row.count > 0).then_some(seed));
            }
        }
    }
}
