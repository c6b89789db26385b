//! The interleavings of go-redsync #158, and some of faults, as schedules written by hand; each
//! shows what it is named after, breaks exactly the claims that it should, and has the cause that
//! it should. `docs/causes.md` lists them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use leasehold_sim::{Cause, Explained, cause_of, explain};
use leasehold_world::{Claim, Trace, replay};

const LATE_MESSAGE: [Claim; 4] =
    [Claim::OrderAtNode, Claim::NothingReportedAfter, Claim::TrueCause, Claim::NoStrayMessage];

/// The same, and the renewal was sent after the stop.
fn stray_message() -> Vec<Claim> {
    [&LATE_MESSAGE[..], &[Claim::NoRenewalAfterStop]].concat()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// The scenario `name`.
fn read(name: &str) -> Trace {
    let text = fs::read_to_string(folder().join(name).with_extension("trace")).unwrap();
    text.parse().unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Plays the scenario `name`: exactly the claims `broken` break, what happens in the end contains
/// `shown`, and each "lock already taken" and lost lease has its one cause of `causes`; there are
/// none if it is clean.
fn shows(name: &str, broken: &[Claim], shown: &str, causes: &[Cause]) {
    let trace = read(name);
    let replayed = replay(&trace).unwrap_or_else(|error| panic!("{name}: {error}"));
    let found: BTreeSet<Claim> = replayed.broken.iter().map(|(_, claim)| *claim).collect();
    assert_eq!(found, broken.iter().copied().collect(), "{name}");
    let last = replayed.moments.last().unwrap();
    assert!(last.line.note.contains(shown), "{name}: {}", last.line.note);
    for (frame, line) in replayed.moments.iter().zip(&trace.steps) {
        assert_eq!(frame.line, *line, "{name}: a note that is not what happens");
    }
    let explained = explain(&trace).unwrap();
    let found: Vec<Cause> = explained.iter().map(|explained| explained.cause).collect();
    assert_eq!(found, causes, "{name}");
    assert_eq!(cause_of(&trace), Ok(causes.last().copied()), "{name}");
    for Explained { step, chain, .. } in &explained {
        assert!(chain.len() > 2, "{name}: {chain:?}");
        assert_eq!(chain.last().unwrap().step, *step, "{name}: {chain:?}");
    }
}

/// The numbers and sentences of the only chain of the scenario `name`.
fn chain(name: &str) -> Vec<String> {
    let explained = explain(&read(name)).unwrap();
    assert_eq!(explained.len(), 1, "{name}");
    let lines = explained[0].chain.iter().map(|why| format!("{}: {}", why.step, why.sentence));
    lines.collect()
}

#[test]
fn a_renewal_before_the_release_is_fine() {
    shows("01-renewal-before-release", &[], "RELEASED", &[]);
}

#[test]
fn a_release_that_overtakes_a_renewal_in_flight_gives_the_message() {
    let cause = Cause::LateOrRepeatedCommand;
    let shown = "lock already taken";
    shows("02-release-overtakes-renewal-in-flight", &LATE_MESSAGE, shown, &[cause]);
}

#[test]
fn a_tick_that_wins_the_tie_gives_the_message() {
    let cause = Cause::StrayRenewalAfterRelease;
    shows("03-tick-wins-tie-with-cancel", &stray_message(), "lock already taken", &[cause]);
}

#[test]
fn a_cancel_that_wins_the_tie_is_clean() {
    shows("04-cancel-wins-tie-with-tick", &[], "RELEASED", &[]);
}

#[test]
fn an_old_renewal_meets_the_own_next_lease() {
    let broken = [Claim::OrderAtNode, Claim::NothingReportedAfter];
    let cause = Cause::OwnNextLease;
    shows("05-own-next-lease-is-the-taker", &broken, "lock already taken", &[cause]);
}

/// The renewer reads the value that the shared object holds when it sends.
#[test]
fn a_stale_renewer_extends_the_next_lease_and_nobody_notices() {
    shows("06-stale-renewer-extends-the-next-lease", &[], "EXTENDED", &[]);
}

#[test]
fn another_that_took_the_released_lock_makes_the_message_true() {
    let broken = [Claim::NoRenewalAfterStop, Claim::OrderAtNode, Claim::NothingReportedAfter];
    let cause = Cause::RealContention;
    shows("07-taken-by-another-after-own-release", &broken, "lock already taken", &[cause]);
}

#[test]
fn a_renewal_answered_after_the_release_was_sent_is_reported_too_late() {
    let broken = [Claim::NothingReportedAfter];
    shows("08-renewal-answered-after-release", &broken, "RELEASED", &[]);
}

#[test]
fn one_node_in_order_does_not_help_where_a_quorum_is_not() {
    let cause = Cause::LateOrRepeatedCommand;
    shows("09-order-differs-per-node", &LATE_MESSAGE, "lock already taken", &[cause]);
}

#[test]
fn a_renewer_that_stalls_past_its_next_tick_gives_two_messages() {
    let causes = [Cause::StrayRenewalAfterRelease; 2];
    let name = "10-stalled-renewal-gives-two-messages";
    shows("10-stalled-renewal-gives-two-messages", &stray_message(), "already taken", &causes);
    let steps: Vec<usize> = explain(&read(name)).unwrap().iter().map(|told| told.step).collect();
    assert_eq!(steps, [16, 20]);
}

#[test]
fn a_library_that_sends_again_gives_the_message_though_the_lease_was_extended() {
    let cause = Cause::LateOrRepeatedCommand;
    let shown = "lock already taken";
    shows("11-repeated-by-the-library-after-release", &LATE_MESSAGE, shown, &[cause]);
}

#[test]
fn a_key_that_expired_first_gives_the_message_and_nobody_took_it() {
    let cause = Cause::ExpiredNobodyHolds;
    shows("12-key-expired-first", &[Claim::TrueCause], "lock already taken", &[cause]);
}

#[test]
fn a_key_that_expired_first_may_have_been_taken() {
    let cause = Cause::TakenByAnother;
    shows("12-key-expired-and-another-took-it", &[], "lock already taken", &[cause]);
}

const TWO_HOLDERS: [Claim; 2] = [Claim::WindowExclusion, Claim::ValidityBacked];

#[test]
fn a_node_that_restarts_empty_lets_another_in() {
    let cause = Cause::NodeLostState;
    shows("13-restart-while-held", &TWO_HOLDERS, "lock already taken", &[cause]);
}

/// An evicted key is a node that loses what it stored. The world has one fault for that, a crash;
/// on a pool with nothing under way, and back at once, nobody can tell the two apart.
#[test]
fn a_node_that_evicts_the_key_lets_another_in() {
    let cause = Cause::NodeLostState;
    shows("13-eviction-while-held", &TWO_HOLDERS, "LOST: taken", &[cause]);
}

/// A replica that is promoted before it has seen the key is, to its clients, a server that dies
/// and is back at once without it. What it may have had of older keys is not expressed.
#[test]
fn a_node_that_fails_over_to_a_replica_without_the_key_lets_another_in() {
    let cause = Cause::NodeLostState;
    shows("13-failover-while-held", &TWO_HOLDERS, "lock already taken", &[cause]);
}

#[test]
fn a_network_error_is_not_taken() {
    shows("14-network-error-is-not-taken", &[], "renewal failed", &[]);
}

#[test]
fn a_client_is_denied_by_its_own_earlier_value() {
    shows("15-denied-by-own-corpse", &[], "DENIED: taken", &[]);
}

#[test]
fn a_late_set_is_an_orphan() {
    let broken = [Claim::NoOrphan, Claim::NoLeftover];
    shows("16-late-set-after-clean-up", &broken, "RELEASED", &[]);
}

#[test]
fn a_late_renewal_that_may_set_is_a_zombie() {
    let broken = [
        Claim::NoRenewalAfterStop,
        Claim::OrderAtNode,
        Claim::NothingReportedAfter,
        Claim::NoZombie,
        Claim::NoLeftover,
    ];
    shows("17-renewal-brings-released-lock-back", &broken, "EXTENDED", &[]);
}

#[test]
fn a_renewal_that_may_set_hides_a_holder_in_between() {
    shows("17-renewal-hides-a-holder-in-between", &[Claim::Continuity], "EXTENDED", &[]);
}

/// The answer to the renewal of one lease is written into the next: the shared object's `until`.
#[test]
fn an_older_until_is_written_into_the_next_lease() {
    let broken = [Claim::NothingReportedAfter];
    let shown = "EXTENDED, valid until 8";
    shows("18-older-until-is-written-into-the-next-lease", &broken, shown, &[]);
    let trace = read("18-older-until-is-written-into-the-next-lease");
    assert!(trace.steps[15].note.contains("ACQUIRED, valid until 9"));
}

/// Two tasks that share one lock object share its value too, so that comparing it is in vain: the
/// world plays them as two clients and a release that does not compare.
#[test]
fn a_shared_object_deletes_the_lease_of_the_other_task() {
    let broken = [Claim::ValidityBacked, Claim::OwnKeysOnly, Claim::TrueCause];
    let cause = Cause::DeletedByAnother;
    shows("19-shared-object-deletes-the-others-lease", &broken, "lock already taken", &[cause]);
}

#[test]
fn a_node_whose_clock_runs_ahead_drops_the_key_early() {
    let broken = [Claim::ValidityBacked, Claim::TrueCause];
    shows("node-clock-runs-ahead", &broken, "lock already taken", &[Cause::NodeClockAhead]);
}

#[test]
fn a_stray_runs_after_the_release_unless_its_connection_is_killed() {
    shows("reset-stray-without-kill", &[Claim::NoOrphan], "stray SET", &[]);
    shows("reset-stray-with-kill", &[], "hears missing from n0 to its release", &[]);
}

#[test]
fn a_holder_that_slept_past_its_lease_is_told_of_the_loss_first() {
    let cause = Cause::ExpiredNobodyHolds;
    shows("pause-past-ttl-of-holder", &[], "LOST: expired", &[cause]);
}

#[test]
fn a_holder_that_slept_while_another_took_the_lock_is_told_so() {
    shows("loss-taken-while-paused", &[], "LOST: expired", &[Cause::TakenByAnother]);
}

#[test]
fn a_lease_whose_renewal_is_not_answered_expires() {
    shows("loss-renewal-unanswered", &[], "LOST: expired", &[Cause::LateOrRepeatedCommand]);
}

#[test]
fn a_lease_whose_node_is_down_expires() {
    shows("loss-node-down", &[], "LOST: expired", &[Cause::LateOrRepeatedCommand]);
    shows("loss-node-lost-its-state", &[], "LOST: expired", &[Cause::NodeLostState]);
}

#[test]
fn the_chain_of_issue_158_names_the_stop_the_release_and_the_renewal() {
    let wanted = [
        "6: the stop of c0/1 is accepted",
        "9: c0 sends the renewal of c0/1",
        "10: n0 runs the release of c0/1",
        "12: n0 runs the renewal sent in step 9: nothing there",
        "13: c0 is told \"lock already taken\"",
    ];
    assert_eq!(chain("03-tick-wins-tie-with-cancel"), wanted);
}

#[test]
fn the_chain_of_a_clock_measures_it() {
    let chain = chain("node-clock-runs-ahead");
    let wanted = "10: c0/1 expires at n0: since step 2 its clock has moved by 6, c0's by 5";
    assert!(chain.contains(&wanted.to_owned()), "{chain:?}");
}

#[test]
fn the_chain_of_a_pause_names_it() {
    let wanted = [
        "3: c0 is told that it holds c0/1",
        "4: c0 is not scheduled",
        "10: the validity of c0/1 is over",
        "12: c0 is scheduled again",
        "13: c0 is told that c0/1 is lost: expired; it has sent no renewal since",
    ];
    assert_eq!(chain("pause-past-ttl-of-holder"), wanted);
}

/// Every scenario, by name.
fn scenarios() -> Vec<String> {
    let mut names: Vec<String> = (fs::read_dir(folder()).unwrap())
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_scenario_is_played() {
    let source = include_str!("scenarios.rs");
    for name in scenarios() {
        assert!(source.contains(&format!("shows(\"{name}\"")), "{name}");
    }
}

#[test]
fn every_interleaving_has_a_scenario_and_every_cause_is_shown() {
    let names = scenarios();
    for number in 1..=19 {
        let prefix = format!("{number:02}-");
        assert!(names.iter().any(|name| name.starts_with(&prefix)), "{number}");
    }
    let shown: BTreeSet<Cause> = names
        .iter()
        .flat_map(|name| explain(&read(name)).unwrap())
        .map(|told| told.cause)
        .collect();
    assert_eq!(shown, Cause::ALL.into_iter().collect());
}

/// The page names every cause and every scenario, and what each scenario shows.
#[test]
fn the_page_of_causes_is_complete() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/causes.md");
    let page = fs::read_to_string(page).unwrap();
    for cause in Cause::ALL {
        assert!(page.contains(&format!("| {} |", cause.name())), "{cause:?}");
    }
    for name in scenarios() {
        let row = page.lines().find(|line| line.contains(&format!("/{name}.trace)")));
        let row = row.unwrap_or_else(|| panic!("{name} is not on the page"));
        let causes: BTreeSet<Cause> =
            explain(&read(&name)).unwrap().into_iter().map(|told| told.cause).collect();
        for cause in Cause::ALL {
            assert_eq!(row.contains(cause.name()), causes.contains(&cause), "{name}: {cause:?}");
        }
        assert_eq!(row.contains("no message"), causes.is_empty(), "{name}");
    }
}
