//! A node that has lost a key, and a lease that goes on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use leasehold::{Client, Guard, Loss};
use leasehold_tests::{Server, builder, eventually, ms, servers, stored, urls};

async fn held(servers: &[Server], repair: bool) -> (Client, Guard) {
    let client = builder(urls(servers)).ttl(ms(3_000)).repair(repair).connect().await.unwrap();
    let guard = client.acquire("k").await.unwrap();
    assert!(eventually(|| stored(servers, "k") == 3));
    (client, guard)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_one_node_has_lost_is_set_again() {
    let servers = servers(3);
    let (client, guard) = held(&servers, true).await;
    let token = servers[1].get("k");
    servers[0].flush();
    guard.extend().await.unwrap();
    assert!(eventually(|| stored(&servers, "k") == 3));
    assert_eq!(servers[0].get("k"), token);
    // And goes with the release, as everywhere.
    assert!(guard.release().await.unwrap().unsettled.is_empty());
    assert_eq!(stored(&servers, "k"), 0);
    assert!(client.shutdown().await.unwrap().unsettled.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_anothers_meanwhile_is_left_alone() {
    let servers = servers(3);
    let (_client, guard) = held(&servers, true).await;
    servers[0].query::<()>(&["SET", "k", "another"]);
    for _ in 0..3 {
        guard.extend().await.unwrap();
    }
    assert_eq!(servers[0].get("k").unwrap(), "another");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_ends_only_leases_that_are_not_repaired() {
    for repair in [true, false] {
        let mut servers = servers(3);
        let (_client, guard) = held(&servers, repair).await;
        for node in 0..3 {
            servers[node].restart();
            if repair {
                // Before the next restart; the renewals in the background see to it.
                assert!(eventually(|| stored(&servers, "k") == 3), "node {node}");
            }
        }
        if repair {
            assert!(guard.is_held() && guard.extend().await.is_ok());
        } else {
            assert!(matches!(guard.lost().await, Loss::Gone | Loss::Expired));
        }
    }
}
