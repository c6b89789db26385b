//! The library against real Redis servers: what it promises, with nodes well, stopped, cut off and
//! restarted.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use leasehold::driver::Vote;
use leasehold::protocol::{Extend, Retry};
use leasehold::{AcquireError, Builder, Client, Loss, ReleaseError};
use leasehold_tests::proxy::Proxy;
use leasehold_tests::{LONG, PATIENCE, Server, eventually, ms, now, servers, stored, urls};
use tokio::time::{sleep, timeout};

fn builder(servers: &[Server]) -> Builder {
    Client::builder().nodes(urls(servers)).connect_timeout(PATIENCE).restart_guard(false)
}

async fn client(servers: &[Server], ttl: Duration) -> Client {
    builder(servers).ttl(ttl).connect().await.unwrap()
}

/// Nobody has the key, and nobody will: the releases are behind everything that could set it.
fn gone_for_good(servers: &[Server], key: &str) -> bool {
    let gone = || stored(servers, key) == 0;
    let went = eventually(gone);
    std::thread::sleep(ms(50));
    went && gone()
}

// ---- nodes that are well ------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_excludes_another() {
    for count in [1, 3, 5] {
        let servers = servers(count);
        let (first, second) = (client(&servers, LONG).await, client(&servers, LONG).await);
        let guard = first.acquire("k").await.unwrap();
        assert!(guard.is_held());
        assert_eq!(guard.key(), "k");
        assert!(guard.remaining() <= LONG && guard.valid_until() > now());

        let denied = second.try_acquire("k").await.unwrap_err();
        let AcquireError::Exhausted { attempts: 1, last, .. } = denied else { panic!("{denied}") };
        let taken = last.iter().filter(|&(_, vote)| *vote == Vote::Taken).count();
        assert!(taken > count / 2, "{last}");
        let late = second.acquire_within("k", ms(300)).await.unwrap_err();
        assert!(matches!(late, AcquireError::Timeout { last: Some(_), .. }), "{late}");

        assert!(guard.release().await.unwrap().unsettled.is_empty());
        assert!(second.try_acquire("k").await.unwrap().is_held());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contenders_enter_one_at_a_time() {
    let servers = servers(3);
    let inside = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let retry = Retry { attempts: None, delay_min: 1_000, delay_max: 20_000 };
        let client = builder(&servers).ttl(LONG).retry(retry).connect().await.unwrap();
        let inside = Arc::clone(&inside);
        tasks.push(tokio::spawn(async move {
            for _ in 0..10 {
                let guard = client.acquire("k").await.unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                sleep(ms(1)).await;
                assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                assert!(guard.release().await.unwrap().unsettled.is_empty());
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(stored(&servers, "k"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_renewed_for_as_long_as_its_guard_lives() {
    for count in [1, 3, 5] {
        let servers = servers(count);
        let client = client(&servers, ms(700)).await;
        let guard = client.acquire("k").await.unwrap();
        let first_end = guard.valid_until();
        sleep(ms(2_100)).await;
        assert!(guard.is_held() && guard.valid_until() > first_end);
        assert_eq!(stored(&servers, "k"), count);
        guard.release().await.unwrap().unsettled.clear();
        assert_eq!(stored(&servers, "k"), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_plain_and_the_value_unique() {
    let servers = servers(1);
    let client = client(&servers, LONG).await;
    let mut values = Vec::new();
    for _ in 0..3 {
        let guard = client.acquire("a key: verbatim\r\n").await.unwrap();
        let value = servers[0].get("a key: verbatim\r\n").unwrap();
        assert_eq!(value.len(), 24);
        assert!(value.ends_with("=="));
        assert!(!values.contains(&value));
        values.push(value);
        let left: i64 = servers[0].query(&["PTTL", "a key: verbatim\r\n"]);
        assert!((50_000..=60_000).contains(&left), "{left}");
        assert!(guard.release().await.unwrap().unsettled.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_guard_frees_its_key() {
    let servers = servers(3);
    let client = client(&servers, LONG).await;
    drop(client.acquire("k").await.unwrap());
    // Behind the releases on every connection, so it needs no second attempt.
    assert!(client.try_acquire("k").await.unwrap().is_held());
    drop(client);
    assert!(gone_for_good(&servers, "k"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acquisition_dropped_at_any_moment_leaves_no_key() {
    let servers = servers(3);
    let client = client(&servers, LONG).await;
    for step in 0..60 {
        let acquiring = client.acquire("k");
        if let Ok(guard) = timeout(Duration::from_micros(step * 25), acquiring).await {
            drop(guard.unwrap());
        }
    }
    assert!(gone_for_good(&servers, "k"));
    assert!(client.try_acquire("k").await.unwrap().is_held());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_has_thousands_of_leases() {
    let servers = servers(3);
    let client = builder(&servers).ttl(LONG).node_timeout(PATIENCE).connect().await.unwrap();
    let mut tasks = Vec::new();
    for lease in 0..2_000 {
        let client = client.clone();
        tasks.push(tokio::spawn(async move { client.try_acquire(&format!("k{lease}")).await }));
    }
    let mut guards = Vec::new();
    for task in tasks {
        guards.push(task.await.unwrap().unwrap());
    }
    assert!(guards.iter().all(leasehold::Guard::is_held));
    assert_eq!(servers[0].query::<usize>(&["DBSIZE"]), 2_000);
    drop(guards);
    assert!(eventually(|| servers.iter().all(|server| server.query::<usize>(&["DBSIZE"]) == 0)));
}

// ---- loss ---------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_whose_keys_are_deleted_is_lost_as_gone() {
    for count in [1, 3] {
        let servers = servers(count);
        let client = client(&servers, ms(1_500)).await;
        let guard = client.acquire("k").await.unwrap();
        servers.iter().for_each(Server::flush);
        assert_eq!(timeout(PATIENCE, guard.lost()).await.unwrap(), Loss::Gone);
        assert!(!guard.is_held() && guard.remaining().is_zero() && guard.valid_until() <= now());
        let late = guard.release().await;
        assert!(
            matches!(late, Err(ReleaseError::Lost { loss: Loss::Gone, last: Some(_) })),
            "{late:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_whose_keys_are_overwritten_is_lost_as_taken() {
    let servers = servers(3);
    let client = client(&servers, ms(1_500)).await;
    let guard = client.acquire("k").await.unwrap();
    servers[0].query::<()>(&["SET", "k", "another"]);
    servers[1].query::<()>(&["DEL", "k"]);
    servers[1].query::<()>(&["LPUSH", "k", "another type"]);
    assert_eq!(timeout(PATIENCE, guard.lost()).await.unwrap(), Loss::Taken);
    drop(guard);
    assert!(eventually(|| servers[2].get("k").is_none()));
    assert_eq!(servers[0].get("k").as_deref(), Some("another"));
    assert_eq!(servers[1].query::<String>(&["TYPE", "k"]), "list");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_quorum_is_told_when_the_lease_ends() {
    let servers = servers(3);
    let client = client(&servers, ms(1_000)).await;
    let guard = client.acquire("k").await.unwrap();
    servers[0].pause();
    servers[1].pause();
    assert_eq!(timeout(PATIENCE, guard.lost()).await.unwrap(), Loss::Expired);
    assert!(!guard.is_held() && guard.valid_until() <= now());
    let denied = client.try_acquire("k").await.unwrap_err();
    assert!(matches!(denied, AcquireError::Exhausted { .. }), "{denied}");
    servers[0].resume();
    servers[1].resume();
    assert!(timeout(PATIENCE, client.acquire("k")).await.unwrap().unwrap().is_held());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn losing_the_script_cache_costs_one_renewal_and_no_lease() {
    let servers = servers(3);
    let client = client(&servers, ms(1_500)).await;
    let guard = client.acquire("k").await.unwrap();
    for server in &servers {
        server.query::<()>(&["SCRIPT", "FLUSH"]);
    }
    sleep(ms(3_000)).await;
    assert!(guard.is_held());
    assert!(guard.release().await.unwrap().unsettled.is_empty());
}

// ---- nodes that are stopped ---------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_minority_does_not_matter() {
    for (count, stopped) in [(3, 1), (5, 2)] {
        let servers = servers(count);
        // Nothing that takes less than the node time-out can have waited for a stopped node.
        let unhurried = builder(&servers).ttl(LONG).node_timeout(ms(14_000));
        let unhurried = unhurried.connect().await.unwrap();
        let quick = builder(&servers).ttl(ms(1_000)).connect().await.unwrap();
        servers[..stopped].iter().for_each(Server::pause);
        drop(timeout(ms(10_000), unhurried.acquire("u")).await.unwrap().unwrap());
        let guard = quick.acquire("k").await.unwrap();
        sleep(ms(2_000)).await;
        assert!(guard.is_held());

        let unsettled = guard.release().await.unwrap().unsettled;
        assert_eq!(unsettled, quick.nodes()[..stopped]);
        servers[..stopped].iter().for_each(Server::resume);
        assert!(gone_for_good(&servers, "k") && gone_for_good(&servers, "u"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_acquisition_leaves_no_orphan_at_a_stalled_node() {
    let servers = servers(3);
    let client = client(&servers, LONG).await;
    for server in &servers[1..] {
        server.query::<()>(&["SET", "k", "another"]);
    }
    servers[0].pause();
    assert!(client.try_acquire("k").await.is_err());
    let given_up = timeout(ms(20), client.acquire("k")).await;
    assert!(given_up.is_err());
    servers[0].resume();
    assert!(gone_for_good(&servers[..1], "k"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connecting_does_not_wait_for_a_stopped_minority() {
    let servers = servers(3);
    servers[2].pause();
    let client = client(&servers, LONG).await;
    assert!(client.try_acquire("k").await.unwrap().is_held());
    servers[2].resume();
    // The third joins once it has answered.
    let used = || servers[2].query::<String>(&["CLIENT", "LIST"]).lines().count() > 1;
    assert!(eventually(used));
}

// ---- connections that fail ----------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_connections_are_replaced_and_the_lease_goes_on() {
    let servers = servers(3);
    let client = client(&servers, ms(2_000)).await;
    let guard = client.acquire("k").await.unwrap();
    for _ in 0..5 {
        for server in &servers {
            server.query::<()>(&["CLIENT", "KILL", "TYPE", "normal"]);
        }
        sleep(ms(500)).await;
    }
    assert!(guard.is_held());
    assert_eq!(stored(&servers, "k"), 3);
    assert!(guard.release().await.unwrap().unsettled.is_empty());
    assert_eq!(stored(&servers, "k"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_minority_is_used_again() {
    let mut servers = servers(3);
    let client = client(&servers, ms(1_500)).await;
    let guard = client.acquire("k").await.unwrap();
    servers[0].restart();
    sleep(ms(2_000)).await;
    assert!(guard.is_held());
    assert!(servers[0].get("k").is_none(), "a renewal does not bring a key back");
    assert!(guard.release().await.unwrap().unsettled.is_empty());
    servers[1].kill();
    let guard = client.acquire("k").await.unwrap();
    assert!(servers[0].get("k").is_some());
    assert!(guard.release().await.unwrap().unsettled.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_may_set_brings_a_lost_key_back() {
    let servers = servers(3);
    let setting = builder(&servers).ttl(ms(1_500)).extend(Extend::TouchOrSet);
    let client = setting.connect().await.unwrap();
    let guard = client.acquire_within("k", Duration::MAX).await.unwrap();
    servers[0].flush();
    assert!(eventually(|| stored(&servers, "k") == 3));
    servers[0].query::<()>(&["SET", "k", "another"]);
    sleep(ms(1_500)).await;
    assert!(guard.is_held());
    assert!(guard.release().await.unwrap().unsettled.is_empty());
    assert_eq!(servers[0].get("k").as_deref(), Some("another"));
    assert_eq!(stored(&servers[1..], "k"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_single_node_has_forgotten_the_lease() {
    let mut servers = servers(1);
    let client = client(&servers, ms(1_500)).await;
    let guard = client.acquire("k").await.unwrap();
    servers[0].restart();
    assert_eq!(timeout(PATIENCE, guard.lost()).await.unwrap(), Loss::Gone);
    assert!(timeout(PATIENCE, client.acquire("k")).await.unwrap().unwrap().is_held());
}

/// A `SET` that is under way when its connection fails arrives after the release that was sent on
/// the next connection. The server must not execute it any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stray_set_of_a_cut_connection_is_killed_before_the_release() {
    let server = Server::start();
    let proxy = Proxy::start(&server);
    let node = Client::builder().node(proxy.url()).ttl(LONG).node_timeout(ms(14_000));
    let client = node.connect().await.unwrap();
    for _ in 0..5 {
        proxy.hold();
        let asking = tokio::spawn({
            let client = client.clone();
            async move { client.try_acquire("k").await }
        });
        sleep(ms(20)).await;
        proxy.cut();
        assert!(timeout(PATIENCE, asking).await.unwrap().unwrap().is_err());
        // Behind the release, on the new connection.
        let guard = timeout(PATIENCE, client.acquire("next")).await.unwrap().unwrap();
        proxy.deliver();
        assert!(guard.release().await.unwrap().unsettled.is_empty());
        assert!(gone_for_good(std::slice::from_ref(&server), "k"));
    }
}

/// Where `CLIENT KILL` is not permitted, the release is sent all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_permission_to_kill_leases_are_released_still() {
    let server = Server::start();
    server.query::<()>(&["ACL", "SETUSER", "default", "-client|kill"]);
    let proxy = Proxy::start(&server);
    let client = Client::builder().node(proxy.url()).ttl(LONG).connect().await.unwrap();
    server.pause();
    assert!(timeout(ms(10), client.acquire("k")).await.is_err());
    let before = proxy.connections();
    proxy.cut();
    assert!(eventually(|| proxy.connections() > before));
    server.resume();
    let guard = timeout(PATIENCE, client.acquire("next")).await.unwrap().unwrap();
    assert!(guard.release().await.unwrap().unsettled.is_empty());
    // Every release has been acknowledged, and nothing else keeps a lease in the client.
    assert!(client.shutdown().await.unwrap().unsettled.is_empty());
}

// ---- ends ---------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_releases_everything_and_tells_the_guards() {
    let servers = servers(3);
    let client = client(&servers, LONG).await;
    let other = client.clone();
    let (kept, dropped) = (client.acquire("a").await.unwrap(), client.acquire("b").await.unwrap());
    drop(dropped);
    assert!(client.shutdown().await.unwrap().unsettled.is_empty());
    assert_eq!(stored(&servers, "a") + stored(&servers, "b"), 0);
    assert!(!kept.is_held());
    assert_eq!(kept.lost().await, Loss::Closed);
    assert!(matches!(other.acquire("a").await, Err(AcquireError::Closed)));
    assert_eq!(other.shutdown().await, Err(ReleaseError::Closed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_is_bounded_while_a_node_is_stopped() {
    let servers = servers(3);
    let client = builder(&servers).ttl(LONG).release_within(ms(300)).connect().await.unwrap();
    let _guard = client.acquire("k").await.unwrap();
    servers[1].pause();
    let names = client.nodes().to_vec();
    let released = timeout(PATIENCE, client.shutdown()).await.unwrap().unwrap();
    assert_eq!(released.unsettled, names[1..2]);
    // What was sent before the end is carried out when the node goes on.
    servers[1].resume();
    assert!(gone_for_good(&servers, "k"));
}

#[test]
fn after_the_runtime_has_ended_calls_fail_and_do_not_hang() {
    let servers = servers(1);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(client(&servers, ms(500)));
    let guard = runtime.block_on(client.acquire("k")).unwrap();
    let second = runtime.block_on(client.acquire("l")).unwrap();
    drop(runtime);
    let other = tokio::runtime::Runtime::new().unwrap();
    other.block_on(async {
        let late = timeout(PATIENCE, client.acquire("k")).await.unwrap();
        assert!(matches!(late, Err(AcquireError::Closed)));
        assert_eq!(timeout(PATIENCE, guard.lost()).await.unwrap(), Loss::Expired);
        assert!(!guard.is_held());
        assert_eq!(timeout(PATIENCE, second.release()).await.unwrap(), Err(ReleaseError::Closed));
    });
}
