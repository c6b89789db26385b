//! Exact counts, mutants that must be noticed, and searches that must not pretend.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use leasehold::protocol::Mutant;
use leasehold_model::scopes::{Cell, Group, Overrides, ScopeName};
use leasehold_model::{Broken, CellReport, Control, check_cell, shortest};
use leasehold_world::{Claim, Lifecycle, Role, Scope, Settings, Trace, replay};

fn control<'a>() -> Control<'a> {
    Control { threads: 2, progress: &|_| true, second_opinion_up_to: 300_000 }
}

fn check(settings: Settings) -> CellReport {
    check_cell(&Scope::new(settings).unwrap(), &control()).unwrap()
}

fn hazards_of(lifecycle: Lifecycle) -> impl Iterator<Item = Cell> {
    ScopeName::Quick
        .cells(Overrides::default())
        .into_iter()
        .filter(move |cell| cell.group == Group::Hazards && cell.lifecycle == lifecycle)
}

fn shipped() -> Settings {
    hazards_of(Lifecycle::Joined).next().and_then(|cell| cell.settings).unwrap()
}

/// Two clients that only acquire, or of which the first also renews.
fn contended(renewals: u8, stops: bool) -> Settings {
    Settings {
        ttl: 3,
        renew_every: 1,
        node_timeout: 2,
        release_within: 1,
        roles: vec![
            Role { starts: 1, renewals, stops: false, ..Role::default() },
            Role { starts: 1, renewals: 0, stops, ..Role::default() },
        ],
        ..shipped()
    }
}

fn broken(report: &CellReport) -> Vec<Claim> {
    broken_of(&report.broken)
}

/// Golden numbers. A change that moves one says why.
#[test]
fn the_joined_cells_hold_with_exactly_so_many_states() {
    let counts = [26_598, 23_160, 23_344, 21_077];
    for (cell, states) in hazards_of(Lifecycle::Joined).zip(counts) {
        let report = check(cell.settings.clone().unwrap());
        assert_eq!(broken(&report), [], "{}", cell.name());
        assert_eq!(report.unseen, Vec::<&str>::new(), "{}", cell.name());
        assert_eq!(report.unique, states, "{}", cell.name());
        assert_eq!(report.second_opinion, Some(states), "{}", cell.name());
        assert!(!report.truncated);
    }
}

#[test]
fn one_thread_counts_what_two_count() {
    let scope = Scope::new(shipped()).unwrap();
    let one = check_cell(&scope, &Control { threads: 1, ..control() }).unwrap();
    assert_eq!(one, check(shipped()));
}

/// Breaks one rule and expects a claim to break, in a counterexample that the real world repeats;
/// with the rule sound, nothing breaks in the same scope.
fn kills(mutant: Mutant, claim: Claim, settings: Settings) {
    let sound = check(settings.clone());
    assert_eq!(broken(&sound), [], "sound rules under {settings:?}");
    let scope =
        Scope::new(Settings { mutant: Some(mutant.name().to_owned()), ..settings }).unwrap();
    let found = shortest(&scope, &[claim], &control()).unwrap().broken;
    assert_eq!(broken_of(&found), [claim], "{mutant:?} survived");
    replays(&found[0].trace);
}

fn broken_of(found: &[Broken]) -> Vec<Claim> {
    found.iter().map(|broken| broken.claim).collect()
}

/// The trace, written, read and taken again in the unreduced world, ends in the claim it names.
fn replays(trace: &Trace) {
    let read: Trace = trace.to_string().parse().unwrap();
    let replayed = replay(&read).unwrap();
    let claim = trace.breaks.unwrap();
    assert!(replayed.broken.contains(&(trace.steps.len(), claim)), "{trace}");
}

#[test]
fn a_quorum_of_one_less_breaks_exclusion() {
    kills(Mutant::QuorumLessOne, Claim::WindowExclusion, contended(0, false));
}

#[test]
fn an_extension_after_expiry_is_told_late() {
    kills(Mutant::ExtendAfterExpiry, Claim::LossTold, shipped());
}

#[test]
fn an_extension_after_expiry_lets_an_interloper_in() {
    let extend = "touch_or_set".to_owned();
    let settings = Settings { extend, nodes: 1, ..contended(1, true) };
    kills(Mutant::ExtendAfterExpiry, Claim::Continuity, settings);
}

#[test]
fn a_renewal_while_stopping_is_noticed() {
    kills(Mutant::RenewWhileStopping, Claim::NoRenewalAfterStop, shipped());
}

#[test]
fn validity_from_the_end_of_the_round_is_not_backed() {
    kills(Mutant::FromRoundEnd, Claim::ValidityBacked, shipped());
    kills(Mutant::FromRoundEnd, Claim::WindowExclusion, contended(0, false));
}

#[test]
fn without_kill_a_reset_leaves_an_orphan() {
    let mut settings = shipped();
    settings.faults.resets = 1;
    kills(Mutant::NoKillAfterReset, Claim::NoLeftover, settings);
}

#[test]
fn a_release_that_does_not_wait_leaves_an_orphan_in_a_pool() {
    let settings = Settings { transport: "pooled".to_owned(), ..shipped() };
    kills(Mutant::ReleaseBeforeDrain, Claim::NoOrphan, settings);
}

/// What Redlock assumes is needed: without it exclusion falls, with the allowance it stands.
#[test]
fn exclusion_needs_its_assumptions() {
    let exclusion_breaks = |change: &dyn Fn(&mut Settings)| {
        let mut settings = Settings { nodes: 1, ..contended(0, false) };
        change(&mut settings);
        let scope = Scope::new(settings).unwrap();
        let found = shortest(&scope, &[Claim::WindowExclusion], &control()).unwrap().broken;
        found.iter().for_each(|broken| replays(&broken.trace));
        !found.is_empty()
    };
    assert!(exclusion_breaks(&|settings| {
        settings.nodes = 3;
        settings.faults.node_slips = 1;
    }));
    assert!(exclusion_breaks(&|settings| settings.faults.client_slips = 1));
    assert!(exclusion_breaks(&|settings| settings.faults.crashes_losing = 1));
    assert!(!exclusion_breaks(&|settings| settings.faults.crashes_keeping = 1));
    assert!(!exclusion_breaks(&|settings| {
        settings.faults.node_slips = 1;
        settings.drift_floor = 1;
    }));
}

#[test]
fn a_stopped_search_says_that_it_was_stopped() {
    let control = Control { threads: 2, progress: &|_| false, second_opinion_up_to: 0 };
    let report = check_cell(&Scope::new(contended(1, true)).unwrap(), &control).unwrap();
    assert!(report.truncated);
}

#[test]
fn a_size_that_is_not_built_in_is_an_error() {
    let scope = Scope::new(Settings { nodes: 7, ..shipped() }).unwrap();
    let error = check_cell(&scope, &control()).unwrap_err().to_string();
    assert_eq!(error, "7 nodes and 1 clients: 1 to 5 nodes and 1 to 3 clients can be searched");
}
