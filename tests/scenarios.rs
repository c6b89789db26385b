//! The interleavings of go-redsync #158, and some of faults, as schedules written by hand; each
//! shows what it is named after and breaks exactly the claims that it should.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use leasehold_world::{Claim, Trace, replay};

const LATE_MESSAGE: [Claim; 4] =
    [Claim::OrderAtNode, Claim::NothingReportedAfter, Claim::TrueCause, Claim::NoStrayMessage];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Plays the scenario `name`: exactly the claims `broken` break, and what happens in the end
/// contains `shown`.
fn shows(name: &str, broken: &[Claim], shown: &str) {
    let text = fs::read_to_string(folder().join(name).with_extension("trace")).unwrap();
    let trace: Trace = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
    let replayed = replay(&trace).unwrap_or_else(|error| panic!("{name}: {error}"));
    let found: BTreeSet<Claim> = replayed.broken.iter().map(|(_, claim)| *claim).collect();
    assert_eq!(found, broken.iter().copied().collect(), "{name}");
    let last = replayed.moments.last().unwrap();
    assert!(last.line.note.contains(shown), "{name}: {}", last.line.note);
    for (frame, line) in replayed.moments.iter().zip(&trace.steps) {
        assert_eq!(frame.line, *line, "{name}: a note that is not what happens");
    }
}

#[test]
fn a_renewal_before_the_release_is_fine() {
    shows("01-renewal-before-release", &[], "RELEASED");
}

#[test]
fn a_release_that_overtakes_a_renewal_in_flight_gives_the_message() {
    shows("02-release-overtakes-renewal-in-flight", &LATE_MESSAGE, "lock already taken");
}

#[test]
fn a_tick_that_wins_the_tie_gives_the_message() {
    let broken = [&LATE_MESSAGE[..], &[Claim::NoRenewalAfterStop]].concat();
    shows("03-tick-wins-tie-with-cancel", &broken, "lock already taken");
}

#[test]
fn a_cancel_that_wins_the_tie_is_clean() {
    shows("04-cancel-wins-tie-with-tick", &[], "RELEASED");
}

#[test]
fn a_renewal_answered_after_the_release_was_sent_is_reported_too_late() {
    let broken = [Claim::NothingReportedAfter];
    shows("08-renewal-answered-after-release", &broken, "RELEASED");
}

#[test]
fn a_key_that_expired_first_gives_the_message_and_nobody_took_it() {
    shows("12-key-expired-first", &[Claim::TrueCause], "lock already taken");
}

#[test]
fn a_client_is_denied_by_its_own_earlier_value() {
    shows("15-denied-by-own-corpse", &[], "DENIED: taken");
}

#[test]
fn a_late_set_is_an_orphan() {
    let broken = [Claim::NoOrphan, Claim::NoLeftover];
    shows("16-late-set-after-clean-up", &broken, "RELEASED");
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
    shows("17-renewal-brings-released-lock-back", &broken, "EXTENDED");
}

#[test]
fn a_stray_runs_after_the_release_unless_its_connection_is_killed() {
    shows("reset-stray-without-kill", &[Claim::NoOrphan], "stray SET");
    shows("reset-stray-with-kill", &[], "hears missing from n0 to its release");
}

#[test]
fn a_holder_that_slept_past_its_lease_is_told_of_the_loss_first() {
    shows("pause-past-ttl-of-holder", &[], "LOST: expired");
}

#[test]
fn every_scenario_is_played() {
    let source = include_str!("scenarios.rs");
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(source.contains(&format!("shows(\"{name}\"")), "{name}");
    }
}
