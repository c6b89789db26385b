//! One lock of several keys: every node grants all of them or none.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::time::Duration;

use leasehold::{AcquireError, Client, Loss, Vote};
use leasehold_tests::{Server, servers, stored, urls};

const PAIR: [&str; 2] = ["account:2", "account:1"];

async fn client(servers: &[Server]) -> Client {
    let builder = Client::builder().nodes(urls(servers)).restart_guard(false);
    builder.ttl(Duration::from_secs(5)).connect().await.unwrap()
}

#[tokio::test]
async fn all_keys_are_held_extended_and_released_together() {
    for (count, quorum) in [(1, 1), (3, 2)] {
        let servers = servers(count);
        let client = client(&servers).await;
        let guard = client.lock_all(PAIR).try_acquire().await.unwrap();
        assert_eq!(guard.key(), "account:1, account:2");
        assert_eq!(guard.keys().collect::<Vec<_>>(), ["account:1", "account:2"]);
        for server in &servers {
            let [first, second] = PAIR.map(|key| server.get(key));
            assert_eq!(first.unwrap(), second.unwrap());
            for key in PAIR {
                server.query::<()>(&["PEXPIRE", key, "1000"]);
            }
        }
        guard.extend().await.unwrap();
        // A node that has not answered the acquisition yet is not asked.
        let long = |server: &&Server, key| server.query::<i64>(&["PTTL", key]) > 1_000;
        for key in PAIR {
            assert!(servers.iter().filter(|server| long(server, key)).count() >= quorum);
        }
        assert!(guard.release().await.unwrap().unsettled.is_empty());
        assert_eq!(PAIR.map(|key| stored(&servers, key)), [0, 0]);
    }
}

#[tokio::test]
async fn a_node_grants_all_or_none() {
    let servers = servers(3);
    let client = client(&servers).await;
    for server in &servers[1..] {
        server.query::<()>(&["SET", PAIR[0], "another's"]);
    }
    let error = client.lock_all(PAIR).try_acquire().await.unwrap_err();
    let AcquireError::Exhausted { last, .. } = &error else { panic!("{error:?}") };
    assert_eq!(last.iter().filter(|(_, vote)| **vote == Vote::Taken).count(), 2, "{error}");
    assert!(error.to_string().contains("account:1, account:2"), "{error}");
    let _ = client.shutdown().await.unwrap();
    assert_eq!(PAIR.map(|key| stored(&servers, key)), [2, 0]);
}

#[tokio::test]
async fn one_of_the_keys_alone_is_kept_out_and_keeps_out() {
    let servers = servers(1);
    let client = client(&servers).await;
    let pair = client.lock_all(PAIR).try_acquire().await.unwrap();
    let one = client.try_acquire(PAIR[1]).await.unwrap_err();
    assert!(matches!(one, AcquireError::Exhausted { .. }), "{one:?}");
    let _ = pair.release().await.unwrap();
    let one = client.try_acquire(PAIR[1]).await.unwrap();
    let pair = client.lock_all(PAIR).try_acquire().await.unwrap_err();
    assert!(matches!(pair, AcquireError::Exhausted { .. }), "{pair:?}");
    assert!(one.is_held());
}

#[tokio::test]
async fn a_lease_is_lost_with_the_first_of_its_keys() {
    for (take, loss) in [("DEL", Loss::Gone), ("SET", Loss::Taken)] {
        let servers = servers(1);
        let client = client(&servers).await;
        let guard = client.lock_all(PAIR).try_acquire().await.unwrap();
        match take {
            "SET" => servers[0].query::<()>(&["SET", PAIR[0], "another's"]),
            _ => servers[0].query::<()>(&["DEL", PAIR[0]]),
        }
        guard.extend().await.unwrap_err();
        assert_eq!(guard.lost().await, loss);
        let _ = guard.release().await;
        let _ = client.shutdown().await.unwrap();
        // The other key is not left behind, and another's is not touched.
        assert_eq!(servers[0].get(PAIR[1]), None);
        assert_eq!(servers[0].get(PAIR[0]).is_some(), take == "SET");
    }
}

#[tokio::test]
async fn a_key_of_another_type_is_anothers() {
    let servers = servers(1);
    let client = client(&servers).await;
    servers[0].query::<()>(&["LPUSH", PAIR[0], "x"]);
    let error = client.lock_all(PAIR).try_acquire().await.unwrap_err();
    assert!(error.to_string().contains("1 taken"), "{error}");
    assert_eq!(servers[0].get(PAIR[1]), None);
    let kind: String = servers[0].query(&["TYPE", PAIR[0]]);
    assert_eq!(kind, "list");
}

#[tokio::test]
async fn a_node_without_memory_stores_nothing_of_it() {
    let server = Server::start_with(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"]);
    let servers = [server];
    let client = client(&servers).await;
    let error = client.lock_all(PAIR).try_acquire().await.unwrap_err();
    assert!(error.to_string().contains("OOM"), "{error}");
    assert_eq!(PAIR.map(|key| stored(&servers, key)), [0, 0]);
}

#[tokio::test]
async fn no_keys_are_refused() {
    let servers = servers(1);
    let client = client(&servers).await;
    let lock = client.lock_all([""; 0]).ttl(Duration::from_secs(1));
    let error = lock.acquire().await.unwrap_err();
    assert!(error.to_string().contains("name at least one"), "{error}");
}
