//! Other people's libraries and ours under the same faults, for a short while.
//!
//! What is asserted is what must be true of ours. What the others do is counted, and left to the
//! report: a short while may show anything. A library whose tools are missing is skipped and said
//! so; with `REQUIRE_ALL=1` that is a failure.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "these are tests")]

use leasehold_rig::foreign::{Library, Network, Options, Workload, programme};
use leasehold_tests::{binary, done, places};

fn options(libraries: Vec<Library>, trial_ms: u64) -> Options {
    let places = places(vec![binary().into(), "foreign-contender".into()]);
    let is_every_required = std::env::var("REQUIRE_ALL").is_ok_and(|all| all == "1");
    Options { places, trial_ms, seed: 158, libraries, is_every_required }
}

#[test]
fn what_cannot_be_had_is_skipped_with_the_reason_or_an_error_where_all_is_required() {
    let others = Library::ALL.into_iter().filter(|library| !library.is_ours()).collect();
    let mut options = options(others, 1);
    options.places.interop = "/nowhere".into();
    options.is_every_required = false;
    let report = done(programme(&options, &mut |_| ()));
    assert_eq!((report.trials.len(), report.skipped.len()), (0, 4));
    assert_eq!(report.skipped[2].why, "/nowhere/rslock is not here");
    let text = report.markdown();
    assert!(text.contains("skipped: rslock 0.10.0: /nowhere/rslock is not here"), "{text}");
    options.is_every_required = true;
    let error = programme(&options, &mut |_| ()).unwrap_err().to_string();
    assert_eq!(error, "go-redsync 4.16.0 cannot be had: /nowhere/go-redsync is not here");
    options.libraries = vec![Library::Leasehold];
    options.is_every_required = false;
    options.places.ours = vec!["/nowhere".into()];
    let error = programme(&options, &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("/nowhere is missing; run: cargo build"), "{error}");
}

#[test]
fn ours_does_under_every_fault_what_it_must() {
    let options = options(vec![Library::Leasehold, Library::LeaseholdUnguarded], 3_500);
    let report = done(programme(&options, &mut |what| eprintln!("{what}")));
    eprintln!("{}", report.markdown());
    assert_eq!(report.trials.len(), 8);
    for trial in &report.trials {
        let counts = trial.counts;
        assert!(counts.acquired > 0, "{trial:?}");
        let wrong = [counts.strays, counts.zombies, counts.orphans, counts.ended_badly];
        assert_eq!(wrong, [0; 4], "{trial:?}");
        assert_eq!(counts.false_taken.unwrap_or(0), 0, "{trial:?}");
        if trial.library == Library::Leasehold {
            assert_eq!(counts.overlaps.unwrap_or(0), 0, "{trial:?}");
        }
        if trial.workload == Workload::Renew {
            assert!(counts.renewals > 0, "{trial:?}");
        }
        let kinds = trial.injected.values().filter(|count| **count > 0).count();
        assert!(kinds > 0, "{trial:?}");
        assert!(trial.network != Network::Faults || kinds > 1, "{trial:?}");
    }
}

#[test]
fn others_run_through_the_same_trials() {
    let all = Library::ALL.into_iter().filter(|library| !library.is_ours());
    let options = options(all.collect(), 400);
    let report = done(programme(&options, &mut |what| eprintln!("{what}")));
    eprintln!("{}", report.markdown());
    for skipped in &report.skipped {
        eprintln!("SKIPPED: {}: {}", skipped.library.name(), skipped.why);
    }
    let trials = report.trials.iter().filter(|trial| trial.network == Network::Delays);
    for trial in trials {
        assert!(trial.counts.acquired > 0, "{trial:?}");
    }
    // The report is for machines too.
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["ttl_ms"], 200);
    assert_eq!(json["trials"].as_array().unwrap().len(), report.trials.len());
}
