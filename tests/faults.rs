//! Contenders on real servers whose connections are cut and whose processes are stopped, again and
//! again: nobody enters twice, and nothing is left behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use leasehold::protocol::{Extend, Retry};
use leasehold::{Client, Loss};
use leasehold_tests::proxy::Proxy;
use leasehold_tests::{PATIENCE, Server, now, servers, stored, urls};
use tokio::time::{sleep, timeout};

const LONG: Duration = Duration::from_secs(600);
const UNDER_FAULTS: Duration = Duration::from_secs(4);

/// A small sequence of numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// One fault after the other, at one server at a time; all is well when it returns.
fn inject(servers: &[Server], proxies: &[Proxy], seed: u64) {
    let mut numbers = Numbers(seed);
    let started = now();
    while started.elapsed() < UNDER_FAULTS {
        let at = numbers.below(servers.len() as u64) as usize;
        let wait = |length_ms| thread::sleep(Duration::from_millis(length_ms));
        match numbers.below(4) {
            0 => proxies[at].cut(),
            1 => {
                servers[at].pause();
                wait(numbers.below(60));
                servers[at].resume();
            }
            2 => {
                // What was under way arrives when the next connection is in use already.
                proxies[at].hold();
                wait(numbers.below(30));
                proxies[at].cut();
                wait(numbers.below(60));
                proxies[at].deliver();
            }
            _ => {
                servers[at].query::<()>(&["SCRIPT", "FLUSH"]);
            }
        }
        wait(numbers.below(40));
    }
}

/// Acquires and releases until told to stop; gives up some attempts midway.
async fn contend(
    client: Client,
    seed: u64,
    stop: Arc<AtomicBool>,
    inside: Arc<AtomicUsize>,
) -> u32 {
    let mut numbers = Numbers(seed);
    let mut entered = 0;
    while !stop.load(Ordering::SeqCst) {
        let patience = Duration::from_millis(numbers.below(200));
        let Ok(acquired) = timeout(patience, client.acquire("k")).await else { continue };
        let guard = acquired.unwrap();
        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two are inside");
        sleep(Duration::from_millis(numbers.below(3))).await;
        assert!(guard.is_held());
        inside.fetch_sub(1, Ordering::SeqCst);
        entered += 1;
        if numbers.below(2) == 0 {
            drop(guard);
        } else {
            let _ = guard.release().await.unwrap();
        }
    }
    entered
}

async fn contenders_under_faults(extend: Extend, seed: u64) {
    let servers = servers(3);
    let proxies: Vec<Proxy> = servers.iter().map(Proxy::start).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let inside = Arc::new(AtomicUsize::new(0));
    let (mut clients, mut tasks) = (Vec::new(), Vec::new());
    for contender in 1..=3 {
        let client = Client::builder()
            .nodes(proxies.iter().map(Proxy::url))
            .ttl(LONG)
            .restart_guard(false)
            .extend(extend)
            .renew_every(Duration::from_millis(2))
            .node_timeout(Duration::from_millis(30))
            .release_within(PATIENCE)
            .retry(Retry { attempts: None, delay_min: 1_000, delay_max: 10_000 })
            .connect_timeout(PATIENCE)
            .connect()
            .await
            .unwrap();
        let (stop, inside) = (Arc::clone(&stop), Arc::clone(&inside));
        tasks.push(tokio::spawn(contend(client.clone(), seed + contender, stop, inside)));
        clients.push(client);
    }
    let servers = tokio::task::spawn_blocking(move || {
        inject(&servers, &proxies, seed);
        (servers, proxies)
    });
    let (servers, _proxies) = servers.await.unwrap();
    stop.store(true, Ordering::SeqCst);
    let mut entered = 0;
    for task in tasks {
        entered += task.await.unwrap();
    }
    assert!(entered > 10, "{entered}");
    // With a TTL of ten minutes, only what was released is gone.
    for client in clients {
        assert!(client.shutdown().await.unwrap().unsettled.is_empty());
    }
    for server in &servers {
        assert_eq!(server.get("k"), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_faults_one_at_a_time_enters_and_nothing_is_left() {
    contenders_under_faults(Extend::Touch, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewals_that_may_set_leave_nothing_either() {
    contenders_under_faults(Extend::TouchOrSet, 2).await;
}

/// While a server that is stopped keeps the shutdown waiting, the others have given the key away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guard_believes_no_longer_when_its_client_begins_to_shut_down() {
    let servers = servers(3);
    let nodes = || Client::builder().nodes(urls(&servers)).restart_guard(false);
    let builder = || nodes().ttl(LONG).release_within(PATIENCE);
    let first = builder().connect_timeout(PATIENCE).connect().await.unwrap();
    let second = builder().connect_timeout(PATIENCE).connect().await.unwrap();
    let guard = first.acquire("k").await.unwrap();
    assert!(guard.is_held());
    servers[2].pause();
    let shutdown = tokio::spawn(first.shutdown());

    let next = timeout(PATIENCE, second.acquire("k")).await.unwrap().unwrap();
    assert!(next.is_held() && !shutdown.is_finished());
    assert!(!guard.is_held(), "two believe");
    assert!(guard.remaining().is_zero() && guard.valid_until() <= now());
    assert_eq!(timeout(PATIENCE, guard.lost()).await.unwrap(), Loss::Closed);

    // What came of the release is told when it is known, and not before.
    let mut release = pin!(guard.release());
    assert!(timeout(Duration::from_millis(50), &mut release).await.is_err());
    servers[2].resume();
    assert!(timeout(PATIENCE, release).await.unwrap().unwrap().unsettled.is_empty());
    assert!(shutdown.await.unwrap().unwrap().unsettled.is_empty());
    assert!(next.is_held());
}

/// A firewall that has forgotten a connection: bytes are taken, nothing comes, and nobody ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_brings_nothing_any_more_is_made_anew() {
    let server = Server::start();
    let proxy = Proxy::start(&server);
    let client = Client::builder().node(proxy.url()).connect_timeout(PATIENCE).connect();
    let client = client.await.unwrap();
    client.acquire("k").await.unwrap().release().await.unwrap();
    proxy.hold();
    let guard = client.lock("k").acquire_within(PATIENCE).await.unwrap();
    assert!(guard.is_held());
    // What was under way until then was killed before anything else was sent.
    proxy.deliver();
    assert!(guard.release().await.unwrap().unsettled.is_empty());
    assert!(client.shutdown().await.unwrap().unsettled.is_empty());
    assert_eq!(stored(&[server], "k"), 0);
}
