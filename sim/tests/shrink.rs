//! A shrunk schedule shows the same failure, nothing can be taken from it, and what cannot be
//! shrunk is refused by name.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use leasehold::protocol::{Extend, Mutant, Transport};
use leasehold_sim::shrink::{Pass, Progress};
use leasehold_sim::{Cause, NodeCount, Options, ShrinkError, Shrunk, record, shrink};
use leasehold_world::trace::Line;
use leasehold_world::{Claim, Lifecycle, ReplayError, Trace, replay};
use proptest::prelude::*;

fn whole(trace: &Trace) -> Shrunk {
    let shrunk = shrink(trace, &mut |_| true).unwrap();
    assert!(shrunk.finished);
    shrunk
}

fn of(lifecycle: Lifecycle) -> Options {
    Options { lifecycle, ..Options::default() }
}

/// The traces of so many seeds that break something.
fn failing(seeds: u64, options: &Options) -> Vec<Trace> {
    let traces = (0..seeds).map(|seed| record(seed, options).1);
    traces.filter(|trace| trace.breaks.is_some()).collect()
}

/// The root cause in a trace that breaks `claim`, found as the shrinking finds it.
fn cause(trace: &Trace, claim: Claim) -> Option<Cause> {
    let trace = Trace { breaks: Some(claim), ..trace.clone() };
    told(&shrink(&trace, &mut |_| false).unwrap())
}

fn told(shrunk: &Shrunk) -> Option<Cause> {
    shrunk.told.as_ref().map(|told| told.cause)
}

/// The same trace without one step; the others stay as they are.
fn without(trace: &Trace, place: usize) -> Trace {
    let mut left = trace.clone();
    left.steps.remove(place);
    left
}

/// Whether a trace can be taken and breaks `claim` for `wanted`.
fn shows(trace: &Trace, claim: Claim, wanted: Option<Cause>) -> bool {
    let broken = replay(trace).map(|replayed| replayed.broken).unwrap_or_default();
    broken.iter().any(|(_, one)| *one == claim) && cause(trace, claim) == wanted
}

/// Everything that holds for what is left of any trace.
fn examine(trace: &Trace, shrunk: &Shrunk) {
    let (claim, left) = (shrunk.claim, &shrunk.trace);
    assert!(left.steps.len() <= trace.steps.len());
    assert_eq!(shrunk.after.steps, left.steps.len());
    assert!(shrunk.after.clients <= shrunk.before.clients);
    assert!(shrunk.after.nodes <= shrunk.before.nodes);
    let replayed = replay(left).unwrap();
    // Its last step is the failure: the first that breaks the claim, or the first that tells.
    match &shrunk.told {
        Some(told) => assert_eq!(told.step, left.steps.len(), "{left}"),
        None => assert!(replayed.broken.contains(&(left.steps.len(), claim)), "{left}"),
    }
    assert!(replayed.broken.iter().any(|(_, broken)| *broken == claim), "{left}");
    assert_eq!(left.breaks, Some(claim));
    assert_eq!((&left.unit, left.seed), (&trace.unit, trace.seed));
    // As a file it is the same, notes and all.
    let read: Trace = left.to_string().parse().unwrap();
    assert_eq!(read.to_string(), left.to_string());
    let notes = replayed.moments.iter().map(|frame| frame.line.note.as_str());
    assert!(notes.eq(left.steps.iter().map(|line| line.note.as_str())));
    for place in 0..left.steps.len() {
        let fewer = without(left, place);
        assert!(!shows(&fewer, claim, told(shrunk)), "step {} can be spared:\n{left}", place + 1);
    }
    let again = whole(left);
    assert_eq!((again.trace.to_string(), told(&again)), (left.to_string(), told(shrunk)));
}

#[test]
fn issue_158_takes_twelve_steps_with_one_client_and_one_node() {
    let echoes = failing(120, &of(Lifecycle::Detached)).into_iter().map(|trace| whole(&trace));
    let echoes: Vec<Shrunk> = echoes
        .filter(|shrunk| {
            shrunk.claim == Claim::NoStrayMessage
                && told(shrunk) == Some(Cause::StrayRenewalAfterRelease)
        })
        .collect();
    assert!(echoes.len() >= 20, "{} seeds", echoes.len());
    assert!(echoes.iter().filter(|shrunk| shrunk.before.nodes == 3).count() >= 10);
    // Hardly ever what a second client did is part of it.
    let alone =
        || echoes.iter().filter(|shrunk| (shrunk.after.clients, shrunk.after.nodes) == (1, 1));
    assert!(alone().count() * 10 >= echoes.len() * 9, "{} of {}", alone().count(), echoes.len());
    for Shrunk { trace, after, .. } in alone() {
        assert!(after.steps <= 12, "{trace}");
        // One interval passes, from the acquisition to the tick that falls together with the stop.
        let settings = trace.scope.settings();
        assert_eq!(after.elapsed, settings.renew_every, "{trace}");
        assert!(digits(after.elapsed) <= 2, "{trace}");
        assert_eq!(settings.roles.len(), 1);
        let role = settings.roles[0];
        assert_eq!((role.starts, role.renewals, role.stops), (1, 1, true));
        assert_eq!(settings.faults, leasehold_world::Faults::default());
        let last = &trace.steps[trace.steps.len() - 1].note;
        assert!(last.ends_with("ERROR \"lock already taken\""), "{last}");
    }
}

/// How many digits stand before the trailing zeros.
fn digits(span: i64) -> usize {
    span.to_string().trim_end_matches('0').len()
}

/// From these schedules no single step can be taken, no client, and no node with all it does.
#[test]
fn what_seems_to_be_the_end_is_not() {
    for (name, steps) in [
        // One node must live through what several did.
        ("nodes_of_different_roles", 10),
        // Several steps must go at once.
        ("steps_spared_together", 9),
        // With another interval there are fewer renewals to live through.
        ("another_interval", 7),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stuck");
        let text = fs::read_to_string(folder.join(name).with_extension("trace")).unwrap();
        let trace: Trace = text.parse().unwrap();
        for place in 0..trace.steps.len() {
            let fewer = without(&trace, place);
            assert!(!shows(&fewer, trace.breaks.unwrap(), cause(&trace, trace.breaks.unwrap())));
        }
        let shrunk = whole(&trace);
        assert!(shrunk.after.steps <= steps, "{name}: {}", shrunk.trace);
        assert_eq!((shrunk.after.clients, shrunk.after.nodes), (1, 1), "{name}: {}", shrunk.trace);
        examine(&trace, &shrunk);
    }
}

#[test]
fn the_cause_that_the_run_had_stays() {
    let mut causes = BTreeSet::new();
    for (lifecycle, transport) in
        [(Lifecycle::Detached, Transport::Fifo), (Lifecycle::Sleep, Transport::Pooled)]
    {
        for seed in 0..120 {
            let (outcome, trace) = record(seed, &Options { transport, ..of(lifecycle) });
            let Some(taken) = outcome
                .taken
                .filter(|taken| trace.breaks.is_some() && taken.step as usize == trace.steps.len())
            else {
                continue;
            };
            let shrunk = whole(&trace);
            assert_eq!(told(&shrunk), Some(taken.cause), "seed {seed}:\n{}", shrunk.trace);
            causes.insert(taken.cause);
        }
    }
    assert!(causes.len() >= 3, "{causes:?}");
}

#[test]
fn the_same_trace_shrinks_to_the_same_bytes() {
    for trace in failing(10, &of(Lifecycle::Sleep)) {
        assert_eq!(whole(&trace), whole(&trace));
    }
}

#[test]
fn what_a_mutant_breaks_is_shrunk() {
    for (mutant, transport, steps) in [
        (Mutant::QuorumLessOne, Transport::Fifo, 8),
        (Mutant::ExtendAfterExpiry, Transport::Fifo, 16),
        (Mutant::RenewWhileStopping, Transport::Fifo, 5),
        (Mutant::FromRoundEnd, Transport::Fifo, 5),
        (Mutant::NoKillAfterReset, Transport::Fifo, 14),
        (Mutant::ReleaseBeforeDrain, Transport::Pooled, 12),
    ] {
        let options = Options { mutant: Some(mutant), transport, ..Options::default() };
        let trace = (0..400)
            .map(|seed| record(seed, &options).1)
            .find(|trace| trace.breaks.is_some())
            .unwrap();
        let shrunk = whole(&trace);
        examine(&trace, &shrunk);
        assert!(shrunk.after.steps <= steps, "{mutant:?}:\n{}", shrunk.trace);
        assert_eq!(shrunk.trace.scope.settings().mutant.as_deref(), Some(mutant.name()));
    }
}

/// A quorum that is one too small needs another node, and an overlap needs another client.
#[test]
fn who_is_needed_stays() {
    let mutant = Some(Mutant::QuorumLessOne);
    let traces = failing(300, &Options { mutant, ..Options::default() });
    let mut overlaps = 0;
    for trace in traces.iter().filter(|trace| trace.breaks == Some(Claim::WindowExclusion)) {
        let shrunk = whole(trace);
        assert_eq!((shrunk.after.clients, shrunk.after.nodes), (2, 3), "{}", shrunk.trace);
        overlaps += 1;
    }
    assert!(overlaps > 0);
}

/// Every trace in a folder, with its path.
fn traces_in(folder: &str) -> Vec<(PathBuf, Trace)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let traces = paths.filter(|path| path.extension().is_some_and(|kind| kind == "trace"));
    traces.map(|path| (path.clone(), fs::read_to_string(path).unwrap().parse().unwrap())).collect()
}

#[test]
fn counterexamples_of_the_checker_are_shrunk_too() {
    let traces = ["reports/counterexamples", "reports/mutants"].map(traces_in).concat();
    assert!(traces.len() >= 30, "{}", traces.len());
    for (path, trace) in traces {
        let shrunk = whole(&trace);
        assert_eq!(Some(shrunk.claim), trace.breaks, "{}", path.display());
        examine(&trace, &shrunk);
    }
}

/// Schedules written by hand: some tell of several messages, and of some no time passes.
#[test]
fn scenarios_are_shrunk_too() {
    let traces = traces_in("tests/scenarios");
    let breaks = |trace: &Trace| !replay(trace).unwrap().broken.is_empty();
    let failing: Vec<_> = traces.into_iter().filter(|(_, trace)| breaks(trace)).collect();
    assert!(failing.len() >= 10, "{}", failing.len());
    for (_, trace) in failing {
        examine(&trace, &whole(&trace));
    }
}

#[test]
fn time_that_does_not_pass_is_left_out() {
    let trace = failing(10, &of(Lifecycle::Detached)).remove(0);
    let (nodes, clients) = (trace.scope.config.nodes(), trace.scope.clients());
    let zeros = |count: usize| " 0".repeat(count);
    let still = format!("advance n{} c{}", zeros(nodes.into()), zeros(clients));
    let shrunk = whole(&trace);
    let mut idle = trace;
    idle.steps.insert(1, Line { number: 0, step: still, note: String::new() });
    assert_eq!(whole(&idle).trace, shrunk.trace);
    assert!(!shrink(&idle, &mut |_| false).unwrap().finished);
}

#[test]
fn a_search_that_is_stopped_keeps_the_smallest_schedule_so_far() {
    let options = Options { nodes: NodeCount::try_from(3).ok(), ..of(Lifecycle::Detached) };
    let trace = failing(10, &options).remove(0);
    let mut before = usize::MAX;
    for limit in [0, 1, 10, 100, 300] {
        let mut last: Option<Progress> = None;
        let shrunk = shrink(&trace, &mut |progress| {
            last = Some(*progress);
            progress.attempts < limit
        })
        .unwrap();
        assert!(!shrunk.finished);
        assert_eq!(shrunk.attempts, limit);
        let last = last.unwrap();
        assert_eq!((last.attempts, last.steps), (limit, shrunk.after.steps));
        assert!(shows(&shrunk.trace, shrunk.claim, told(&shrunk)));
        assert!(shrunk.after.steps <= before);
        before = shrunk.after.steps;
    }
    assert!(before < trace.steps.len() / 2);
}

#[test]
fn every_pass_is_made() {
    let trace = failing(10, &of(Lifecycle::Detached)).remove(0);
    let mut passes = Vec::new();
    let progress = &mut |progress: &Progress| {
        if passes.last() != Some(&progress.pass) {
            passes.push(progress.pass);
        }
        true
    };
    shrink(&trace, progress).unwrap();
    let first = [Pass::Steps, Pass::Times, Pass::Sizes, Pass::Constants];
    assert_eq!(passes[..4], first);
    assert_eq!(passes.last(), Some(&Pass::Combinations));
}

#[test]
fn what_cannot_be_shrunk_is_refused_by_name() {
    let refused = |trace: &Trace| shrink(trace, &mut |_| true).unwrap_err();
    let sound = record(1, &Options::default()).1;
    let error = refused(&sound);
    let steps = sound.steps.len();
    assert_eq!(error, ShrinkError::BreaksNothing { steps, line: 0 });
    assert!(error.to_string().contains("only a failing run can be shrunk"), "{error}");

    let (said, found, line) = (Claim::NoOrphan, None, 0);
    let lies = Trace { breaks: Some(said), ..sound.clone() };
    assert_eq!(refused(&lies), ShrinkError::BreaksOther { said, found, line });

    let text = failing(4, &of(Lifecycle::Detached)).remove(0).to_string();
    let broken: Trace = text.parse().unwrap();
    // Without its last step it does not break what it says.
    let last = broken.steps.len() - 1;
    let error = refused(&without(&broken, last));
    let line = broken.steps[last].number - 1;
    assert!(error.to_string().starts_with(&format!("line {line}: ")), "{error}");
    assert!(error.to_string().contains("put it back"), "{error}");
    // Without an earlier one a later one is impossible.
    let place = broken.steps.iter().position(|line| line.step.starts_with("start")).unwrap();
    let error = refused(&without(&broken, place));
    assert!(matches!(error, ShrinkError::Replay(ReplayError::NotEnabled { .. })), "{error}");
    let unit = Trace { unit: "years".to_owned(), ..broken };
    assert!(refused(&unit).to_string().contains("years"));
}

fn any_options() -> impl Strategy<Value = Options> {
    let mutants = [
        None,
        Some(Mutant::QuorumLessOne),
        Some(Mutant::RenewWhileStopping),
        Some(Mutant::NoKillAfterReset),
        Some(Mutant::ReleaseBeforeDrain),
    ];
    let extends = [Extend::Touch, Extend::TouchOrSet];
    let transports = [Transport::Fifo, Transport::Pooled];
    (0usize..4, 0usize..2, 0usize..2, 0usize..5).prop_map(
        move |(lifecycle, extend, transport, mutant)| Options {
            lifecycle: Lifecycle::ALL[lifecycle],
            extend: extends[extend],
            transport: transports[transport],
            mutant: mutants[mutant],
            ..Options::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn whatever_fails_is_shrunk_to_what_nothing_can_be_taken_from(
        seed in 0u64..100_000,
        options in any_options(),
    ) {
        let trace = record(seed, &options).1;
        prop_assume!(trace.breaks.is_some());
        examine(&trace, &whole(&trace));
    }
}
