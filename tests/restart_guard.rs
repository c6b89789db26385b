//! The restart guard on real servers: one that has just started counts for nothing, and says so.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::time::Duration;

use leasehold::{AcquireError, Builder, Client, Event, Guard, Vote};
use leasehold_tests::{PATIENCE, Server, ms, now, servers, stored, urls};
use tokio::time::timeout;

fn builder(servers: &[Server]) -> Builder {
    Client::builder().nodes(urls(servers)).connect_timeout(PATIENCE)
}

#[tokio::test]
async fn freshly_started_servers_say_when_leases_can_start() {
    let servers = servers(3);
    let client = builder(&servers).connect().await.unwrap();
    let error = client.try_acquire("k").await.unwrap_err();
    let AcquireError::Exhausted { attempts: 1, last, .. } = &error else { panic!("{error:?}") };
    let all = last.iter().all(|(_, vote)| matches!(vote, Vote::Guarded { .. }));
    assert!(all, "{error}");
    let wait = last.guarded_for().unwrap();
    assert!(wait > Duration::from_secs(20) && wait <= Duration::from_secs(31), "{wait:?}");
    let text = error.to_string();
    assert!(text.starts_with("no quorum for \"k\": 3 of 3 nodes started "), "{text}");
    assert!(text.contains(" ago; leases can start in ") && text.contains(" s; "), "{text}");
    assert!(text.ends_with("restart guard, can be turned off for tests"), "{text}");
    // Nothing was sent: a guarded node is not asked.
    assert_eq!(stored(&servers, "k"), 0);
    let sets: String = servers[0].query(&["INFO", "commandstats"]);
    assert!(!sets.contains("cmdstat_set:"), "{sets}");
}

#[tokio::test]
async fn one_node_alone_and_a_guard_turned_off_are_not_guarded() {
    let one = servers(1);
    let client = builder(&one).connect().await.unwrap();
    assert!(client.try_acquire("k").await.unwrap().is_held());
    let three = servers(3);
    let client = builder(&three).restart_guard(false).connect().await.unwrap();
    assert!(client.try_acquire("k").await.unwrap().is_held());
    let guarded = builder(&one).restart_guard(true).connect().await.unwrap();
    assert!(guarded.try_acquire("l").await.is_err());
}

/// Waits until the servers count.
async fn hold(client: &Client) -> Guard {
    timeout(PATIENCE, client.acquire("k")).await.unwrap().unwrap()
}

/// The failure that the guard is for: A holds at two nodes of three, one of them restarts empty,
/// and B, with a shorter TTL, finds two nodes that do not know of A.
#[tokio::test]
async fn a_restarted_node_helps_nobody_to_a_second_lease() {
    let mut servers = servers(3);
    let waits = ms(2_500);
    let settings = || builder(&servers).max_ttl(waits);
    let first = settings().ttl(waits).connect().await.unwrap();
    let second = settings().ttl(ms(500)).connect().await.unwrap();
    drop(hold(&first).await);
    // At two nodes only: the third refuses this once.
    servers[2].query::<()>(&["SET", "k", "another", "PX", "100"]);
    let held = first.lock("k").no_renewal().try_acquire().await.unwrap();
    tokio::time::sleep(ms(150)).await;
    assert_eq!(stored(&servers[2..], "k"), 0);

    let mut events = second.events();
    let began = now();
    servers[1].restart();
    let mut event = timeout(PATIENCE, events.next()).await.unwrap().unwrap();
    while matches!(event, Event::NodeDown { .. }) {
        event = timeout(PATIENCE, events.next()).await.unwrap().unwrap();
    }
    let Event::NodeUp { new_process: true, counts_in: Some(wait), .. } = event else {
        panic!("{event:?}")
    };
    assert!(wait <= waits, "{wait:?}");
    // Both nodes without the key would grant it, and one of them does not count.
    let error = second.try_acquire("k").await.unwrap_err().to_string();
    assert!(held.is_held(), "after {:?}", began.elapsed());
    assert!(error.contains("; 1 of 3 nodes started "), "{error}");

    let late = timeout(PATIENCE, second.acquire("k")).await.unwrap().unwrap();
    assert!(!held.is_held() && late.is_held());

    // Without the guard, it does count.
    drop(late);
    let careless = || builder(&servers).restart_guard(false);
    let first = careless().ttl(ms(10_000)).connect().await.unwrap();
    let second = careless().ttl(ms(500)).connect().await.unwrap();
    servers[2].query::<()>(&["SET", "c", "another", "PX", "100"]);
    let held = first.lock("c").no_renewal().acquire().await.unwrap();
    tokio::time::sleep(ms(150)).await;
    servers[1].restart();
    let both = timeout(PATIENCE, second.acquire("c")).await.unwrap().unwrap();
    assert!(held.is_held() && both.is_held(), "two holders");
}

/// A connection that is made anew to the same process is no restart.
#[tokio::test]
async fn a_process_that_was_watched_long_enough_counts_at_once_on_a_new_connection() {
    let servers = servers(3);
    let client = builder(&servers).max_ttl(ms(1_000)).ttl(ms(1_000)).connect().await.unwrap();
    drop(hold(&client).await);
    for server in &servers {
        server.query::<()>(&["CLIENT", "KILL", "TYPE", "normal"]);
    }
    let mut events = client.events();
    let mut up = 0;
    while up < 3 {
        if let Event::NodeUp { new_process, counts_in, .. } = events.next().await.unwrap() {
            assert_eq!((new_process, counts_in), (false, None));
            up += 1;
        }
    }
}

#[tokio::test]
async fn a_ttl_beyond_the_longest_is_refused() {
    let node = |at: u32| format!("unix:///nowhere/{at}");
    let nodes = (0..3).map(node);
    let error = Client::builder().nodes(nodes).ttl(Duration::from_secs(60)).connect().await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("60s") && text.contains("30s") && text.contains("max_ttl"), "{text}");
}
