//! Futures dropped at every await point: no key is left behind, and nothing hangs.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use leasehold::{AcquireError, ExtendError, Loss, ReleaseError};
use leasehold_tests::proxy::Proxy;
use leasehold_tests::{LONG, PATIENCE, Server, builder, eventually, ms, servers, stored, urls};
use tokio::time::timeout;

/// Polls `future` so many times, each when it has been woken; its output, if it came to that.
async fn polled<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// As [`eventually`], in a runtime that has only this thread to do what is waited for.
async fn in_time(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(ms(1)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap();
}

/// Drops what `call` makes after poll k, for every k until it comes to its end. How many polls
/// that took.
async fn dropped_after_every_poll<F: Future>(
    call: impl Fn() -> F,
    mut after: impl AsyncFnMut(),
) -> usize {
    for polls in 0..1_000 {
        let output = polled(call(), polls).await;
        let ended = output.is_some();
        drop(output);
        after().await;
        if ended {
            return polls;
        }
    }
    panic!("no end within 1000 polls")
}

#[tokio::test]
async fn an_acquisition_dropped_after_any_poll_leaves_no_key() {
    for count in [1, 3] {
        let servers = servers(count);
        let client = builder(urls(&servers)).connect().await.unwrap();
        let gone = async || in_time(|| stored(&servers, "k") == 0).await;
        let mut most = dropped_after_every_poll(|| client.acquire("k"), gone).await;
        most = most.max(dropped_after_every_poll(|| client.try_acquire("k"), gone).await);
        most = most.max(dropped_after_every_poll(|| client.acquire_within("k", LONG), gone).await);
        assert!(most >= 2, "{most} polls");
        // Nobody is in line any more.
        assert!(client.try_acquire("k").await.unwrap().is_held());
        assert!(client.shutdown().await.unwrap().unsettled.is_empty());
        gone().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acquisition_dropped_after_any_poll_leaves_no_key_at_a_stalled_node() {
    let servers = servers(3);
    let client = builder(urls(&servers)).node_timeout(ms(20)).connect().await.unwrap();
    for stalled in [1, 2] {
        for held in [false, true] {
            if held {
                servers[2].query::<()>(&["SET", "k", "another"]);
            }
            servers[..stalled].iter().for_each(Server::pause);
            // With two nodes stopped, or one and another's key, it would go on for ever.
            for polls in 0..6 {
                drop(polled(timeout(ms(60), client.acquire("k")), polls).await);
            }
            servers[..stalled].iter().for_each(Server::resume);
            servers[2].query::<()>(&["DEL", "k"]);
            // Behind everything that could set it there.
            let last = timeout(PATIENCE, client.acquire("last")).await.unwrap().unwrap();
            assert!(last.release().await.unwrap().unsettled.is_empty());
            assert!(eventually(|| stored(&servers, "k") == 0));
            std::thread::sleep(ms(20));
            assert_eq!(stored(&servers, "k"), 0, "{stalled} stalled, {held}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acquisition_dropped_on_a_connection_that_is_held_up_leaves_no_key() {
    let server = Server::start();
    let proxy = Proxy::start(&server);
    let client = builder(Vec::from([proxy.url()])).connect().await.unwrap();
    for polls in 0..5 {
        proxy.hold();
        drop(polled(timeout(ms(30), client.acquire("k")), polls).await);
        proxy.deliver();
        let last = timeout(PATIENCE, client.acquire("last")).await.unwrap().unwrap();
        assert!(last.release().await.unwrap().unsettled.is_empty());
        assert_eq!(stored(std::slice::from_ref(&server), "k"), 0, "after {polls} polls");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_dropped_after_any_poll_releases_all_the_same() {
    let servers = servers(3);
    let client = builder(urls(&servers)).connect().await.unwrap();
    for polls in 0..4 {
        let guard = client.acquire("k").await.unwrap();
        drop(polled(guard.release(), polls).await);
        assert!(eventually(|| stored(&servers, "k") == 0), "after {polls} polls");
    }
}

#[tokio::test]
async fn an_extension_dropped_after_any_poll_leaves_the_lease_as_it_was() {
    let servers = servers(3);
    let client = builder(urls(&servers)).connect().await.unwrap();
    let guard = client.lock("k").no_renewal().acquire().await.unwrap();
    let held = async || assert!(guard.is_held());
    assert!(dropped_after_every_poll(|| guard.extend(), held).await >= 2);
    assert!(dropped_after_every_poll(|| timeout(ms(5), guard.lost()), held).await >= 2);
    assert_eq!(stored(&servers, "k"), 3);
    assert!(guard.release().await.unwrap().unsettled.is_empty());
    assert_eq!(stored(&servers, "k"), 0);
}

#[tokio::test]
async fn work_under_a_lock_dropped_after_any_poll_leaves_no_key() {
    let servers = servers(3);
    let client = builder(urls(&servers)).connect().await.unwrap();
    let work = || {
        client.with_lock("k", |lease| async move {
            assert!(lease.is_held());
            tokio::task::yield_now().await;
            tokio::time::sleep(ms(2)).await;
        })
    };
    let gone = async || in_time(|| stored(&servers, "k") == 0).await;
    assert!(dropped_after_every_poll(work, gone).await >= 4);
}

#[tokio::test]
async fn connecting_dropped_after_any_poll_leaves_no_connection() {
    let servers = servers(3);
    let connections = || servers[0].query::<String>(&["CLIENT", "LIST"]).lines().count();
    let gone = async || in_time(|| connections() == 1).await;
    let connect = || builder(urls(&servers)).connect();
    assert!(dropped_after_every_poll(connect, gone).await >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_dropped_after_its_first_poll_ends_the_client() {
    let servers = servers(3);
    let client = builder(urls(&servers)).connect().await.unwrap();
    let guard = client.acquire("k").await.unwrap();
    let other = client.clone();
    drop(polled(client.shutdown(), 1).await);
    assert_eq!(timeout(PATIENCE, guard.lost()).await.unwrap(), Loss::Closed);
    assert!(eventually(|| stored(&servers, "k") == 0));
    assert!(matches!(other.acquire("k").await, Err(AcquireError::Closed)));
}

#[test]
fn another_runtime_is_told_that_the_client_has_ended() {
    let servers = servers(1);
    let own = tokio::runtime::Runtime::new().unwrap();
    let client = own.block_on(builder(urls(&servers)).ttl(ms(700)).connect()).unwrap();
    let held = own.block_on(client.acquire("k")).unwrap();
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // While it lives, it serves other runtimes too.
    other.block_on(async {
        let guard = timeout(PATIENCE, client.acquire("elsewhere")).await.unwrap().unwrap();
        assert!(guard.extend().await.is_ok());
        assert!(guard.release().await.unwrap().unsettled.is_empty());
    });
    let waiting = {
        let client = client.clone();
        std::thread::spawn(move || {
            let third = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            third.block_on(async { timeout(PATIENCE, client.acquire("k")).await.unwrap() })
        })
    };
    std::thread::sleep(ms(50));
    let mut events = client.events();
    drop(own);
    assert_eq!(waiting.join().unwrap().unwrap_err(), AcquireError::Closed);
    other.block_on(async {
        let late = timeout(PATIENCE, client.acquire("l")).await.unwrap();
        assert_eq!(late.unwrap_err(), AcquireError::Closed);
        let within = timeout(PATIENCE, client.acquire_within("l", LONG)).await.unwrap();
        assert_eq!(within.unwrap_err(), AcquireError::Closed);
        let work = timeout(PATIENCE, client.with_lock("l", |_| async {})).await.unwrap();
        assert!(work.is_err());
        let extended = timeout(PATIENCE, held.extend()).await.unwrap();
        assert_eq!(extended.unwrap_err(), ExtendError::Closed);
        while timeout(PATIENCE, events.next()).await.unwrap().is_some() {}
        assert_eq!(client.events().next().await, None);
        assert_eq!(timeout(PATIENCE, held.lost()).await.unwrap(), Loss::Expired);
        assert_eq!(timeout(PATIENCE, held.release()).await.unwrap(), Err(ReleaseError::Closed));
        let down = timeout(PATIENCE, client.shutdown()).await.unwrap();
        assert_eq!(down, Err(ReleaseError::Closed));
    });
}
