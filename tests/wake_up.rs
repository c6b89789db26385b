//! Who waits in another process hears of a release.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::time::Duration;

use leasehold::protocol::Retry;
use leasehold::{Client, Guard, Lock};
use leasehold_tests::{PATIENCE, Server, eventually, now, servers, urls};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Much longer than anything here takes.
const NEVER: Retry = Retry { attempts: None, delay_min: 60_000_000, delay_max: 60_000_000 };

async fn client(servers: &[Server], wake_up: bool) -> Client {
    let builder = Client::builder().nodes(urls(servers)).restart_guard(false).retry(NEVER);
    builder.wake_up(wake_up).ttl(Duration::from_secs(30)).connect().await.unwrap()
}

/// Somebody who has been denied, and listens at `at`.
async fn waiting(lock: Lock, server: &Server, keys: usize) -> JoinHandle<Guard> {
    let asking = tokio::spawn(async move { lock.acquire().await.unwrap() });
    let started = now();
    let listens = || {
        let channels: Vec<String> = server.query(&["PUBSUB", "CHANNELS", "leasehold:released:*"]);
        channels.len() == keys
    };
    while !listens() {
        assert!(started.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // The attempt with which it makes sure that it has missed nothing.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!asking.is_finished());
    asking
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_wakes_whoever_waits_elsewhere() {
    for count in [1, 3] {
        let servers = servers(count);
        let (here, there) = (client(&servers, true).await, client(&servers, true).await);
        let held = here.acquire("k").await.unwrap();
        let asking = waiting(there.lock("k"), &servers[0], 1).await;
        let _ = held.release().await.unwrap();
        let guard = timeout(PATIENCE, asking).await.expect("a delay is a minute").unwrap();
        assert!(guard.is_held());
        // Nobody waits any more, and the next hint says so.
        let _ = guard.release().await.unwrap();
        let channels = || servers[0].query::<Vec<String>>(&["PUBSUB", "CHANNELS"]);
        assert!(eventually(|| channels().is_empty()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_of_several_keys_wakes() {
    let servers = servers(1);
    let (here, there) = (client(&servers, true).await, client(&servers, true).await);
    let held = here.acquire("b").await.unwrap();
    let asking = waiting(there.lock_all(["a", "b", "c"]), &servers[0], 3).await;
    drop(held);
    assert!(timeout(PATIENCE, asking).await.unwrap().unwrap().is_held());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_gone_is_not_listened_to() {
    let mut servers = servers(3);
    let (here, there) = (client(&servers, true).await, client(&servers, true).await);
    let held = here.acquire("k").await.unwrap();
    let asking = waiting(there.lock("k"), &servers[0], 1).await;
    servers[0].kill();
    let listens = || {
        servers[1..]
            .iter()
            .any(|server| !server.query::<Vec<String>>(&["PUBSUB", "CHANNELS"]).is_empty())
    };
    assert!(eventually(listens));
    drop(held);
    assert!(timeout(PATIENCE, asking).await.unwrap().unwrap().is_held());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_it_nothing_is_published() {
    let servers = servers(1);
    let client = client(&servers, false).await;
    client.acquire("k").await.unwrap().release().await.unwrap();
    let info: String = servers[0].query(&["INFO", "commandstats"]);
    assert!(!info.contains("cmdstat_publish") && !info.contains("cmdstat_subscribe"), "{info}");
}
