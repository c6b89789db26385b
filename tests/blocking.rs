//! The lock for programs without async code.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::thread;
use std::time::Duration;

use leasehold::blocking::Client;
use leasehold::{AcquireError, ConnectError, Loss, WithLockError};
use leasehold_tests::{Server, eventually, servers, stored, urls};

fn client(servers: &[Server]) -> Client {
    let builder = leasehold::Client::builder().nodes(urls(servers)).restart_guard(false);
    Client::connect_with(builder.ttl(Duration::from_millis(900))).unwrap()
}

#[test]
fn a_lock_is_acquired_renewed_and_released() {
    let servers = servers(3);
    let client = client(&servers);
    let guard = client.acquire("k").unwrap();
    let until = guard.valid_until();
    // Three renewals, which this thread knows nothing of.
    assert!(eventually(|| guard.valid_until() > until + Duration::from_millis(600)));
    assert!(guard.ensure_held().is_ok() && guard.extend().is_ok());
    assert!(matches!(client.try_acquire("k"), Err(AcquireError::Occupied { .. })));
    let short = Duration::from_millis(20);
    assert!(matches!(client.acquire_within("k", short), Err(AcquireError::Timeout { .. })));
    assert!(guard.release().unwrap().unsettled.is_empty());
    assert_eq!(stored(&servers, "k"), 0);
    assert!(client.shutdown().unwrap().unsettled.is_empty());
}

#[test]
fn threads_wait_in_line() {
    let servers = servers(1);
    let client = client(&servers);
    let mut held = client.acquire("k").unwrap();
    for _ in 0..3 {
        let next = client.clone();
        let waiting = thread::spawn(move || next.acquire("k").unwrap());
        held.release().unwrap();
        held = waiting.join().unwrap();
        assert!(held.is_held());
    }
}

#[test]
fn whoever_drops_everything_leaves_nothing() {
    let servers = servers(3);
    let client = client(&servers);
    let guard = client.lock_all(["a", "b"]).acquire().unwrap();
    drop(client);
    assert!(guard.is_held());
    drop(guard);
    // The drop has waited for it.
    assert_eq!([stored(&servers, "a"), stored(&servers, "b")], [0, 0]);
}

#[test]
fn work_counts_only_under_the_lock() {
    let servers = servers(1);
    let client = client(&servers);
    assert!(client.with_lock("k", |lease| lease.is_held()).unwrap());
    assert_eq!(stored(&servers, "k"), 0);
    let lost = client.with_lock("k", |lease| {
        servers[0].query::<()>(&["SET", "k", "another's"]);
        assert!(eventually(|| !lease.is_held()));
    });
    let Err(WithLockError::Lost { loss, .. }) = lost else { panic!("{lost:?}") };
    assert_eq!(loss, Loss::Taken);
    assert_eq!(servers[0].get("k").unwrap(), "another's");
}

#[test]
fn loss_is_told_to_a_thread_that_waits() {
    let servers = servers(1);
    let client = client(&servers);
    let guard = client.lock("k").with(|lock| lock.no_renewal()).acquire().unwrap();
    assert_eq!(guard.lost(), Loss::Expired);
    assert!(!guard.is_held());
}

#[test]
fn nobody_there_is_an_error() {
    let builder = leasehold::Client::builder().node("unix:///nowhere");
    let error = Client::connect_with(builder.connect_timeout(Duration::from_millis(50)));
    assert!(matches!(error, Err(ConnectError::Unreachable { .. })), "{error:?}");
}
