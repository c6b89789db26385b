//! Servers of many tests at once leave nothing behind, whatever becomes of the tests.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::path::PathBuf;
use std::thread;

use leasehold_rig::{Program, Server, eventually};

#[test]
fn forty_tests_with_five_servers_each_leave_nothing_behind() {
    let test = |number: usize| {
        let servers: Vec<Server> =
            (0..5).map(|_| Server::start(Program::Redis, &[]).unwrap()).collect();
        let seen: Vec<(u32, PathBuf)> =
            servers.iter().map(|one| (one.process(), one.directory().to_owned())).collect();
        let failing = thread::spawn(move || {
            servers[number % 5].pause().unwrap();
            assert_ne!(number % 10, 0, "one test in ten fails");
        });
        (seen, failing.join().is_err())
    };
    // A few at a time: as many as tests run in parallel.
    let of = move |lane: usize| (lane..40).step_by(8).map(test).collect::<Vec<_>>();
    let lanes: Vec<_> = (0..8).map(|lane| thread::spawn(move || of(lane))).collect();
    let tests: Vec<_> = lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect();
    assert_eq!(tests.iter().filter(|(_, failed)| *failed).count(), 4);
    for (process, directory) in tests.into_iter().flat_map(|(seen, _)| seen) {
        let process = PathBuf::from(format!("/proc/{process}"));
        assert!(eventually(|| !process.exists()), "{} lives", process.display());
        assert!(!directory.exists(), "{} is left", directory.display());
    }
}
