//! What a client refuses, and whether its words help: the value, the rule and the remedy.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::time::Duration;

use leasehold::{Client, ConnectError};
use leasehold_tests::{Server, now, servers, urls};

async fn refusal(builder: leasehold::Builder) -> (ConnectError, String) {
    let error = builder.connect().await.unwrap_err();
    let text = error.to_string();
    (error, text)
}

#[tokio::test]
async fn no_node() {
    let (error, text) = refusal(Client::builder()).await;
    assert!(matches!(error, ConnectError::NoNode));
    assert!(text.contains("redis://"), "{text}");
}

#[tokio::test]
async fn urls_that_are_no_server_are_named_and_passwords_hidden() {
    for url in ["nonsense", "redis://", "redis-sentinel://:secret@h/m", "redis://u:secret@h:x"] {
        let (error, text) = refusal(Client::builder().node(url)).await;
        assert!(matches!(error, ConnectError::BadUrl { .. }), "{error:?}");
        assert!(!text.contains("secret"), "{text}");
        assert!(text.starts_with(&url[..5]), "{text}");
    }
}

#[tokio::test]
async fn a_ttl_of_nothing_or_next_to_nothing() {
    let node = || Client::builder().node("unix:///nowhere");
    let (error, text) = refusal(node().ttl(Duration::ZERO)).await;
    assert!(matches!(error, ConnectError::Settings(_)));
    assert!(text.contains("TTL of 0") && text.contains("at least 1ms"), "{text}");
    let (_, text) = refusal(node().ttl(Duration::from_millis(2))).await;
    assert!(text.contains("2ms") && text.contains("drift"), "{text}");
    let (_, text) = refusal(node().renew_every(Duration::from_secs(20))).await;
    assert!(text.contains("renew_every is 20s"), "{text}");
}

#[tokio::test]
async fn more_nodes_than_a_set_can_name() {
    let urls = (0..300).map(|port| format!("redis://127.0.0.1:{}", 1 + port));
    let (_, text) = refusal(Client::builder().nodes(urls)).await;
    assert!(text.contains("at most 16"), "{text}");
}

#[tokio::test]
async fn one_server_named_twice() {
    let server = Server::start();
    let url = server.url();
    let (error, _) = refusal(Client::builder().node(&url).node(&url)).await;
    assert!(matches!(error, ConnectError::DuplicateNode { .. }));

    let other_name = tempfile::tempdir().unwrap();
    let link = other_name.path().join("s");
    std::os::unix::fs::symlink(server.socket(), &link).unwrap();
    let other_url = format!("unix://{}", link.display());
    let (error, text) = refusal(Client::builder().nodes([&url, &other_url])).await;
    assert!(matches!(error, ConnectError::DuplicateNode { .. }), "{error:?}");
    assert!(text.contains(&url) && text.contains(&other_url), "{text}");
}

#[tokio::test]
async fn a_majority_that_does_not_answer_is_listed_with_reasons() {
    let servers = servers(2);
    servers[1].pause();
    let nodes = urls(&servers).into_iter().chain(["unix:///nowhere/s".to_string()]);
    let builder = Client::builder().nodes(nodes).connect_timeout(Duration::from_millis(1_500));
    let started = now();
    let (error, text) = refusal(builder).await;
    assert!(started.elapsed() < Duration::from_secs(20));
    let ConnectError::Unreachable { ready: 1, nodes, .. } = error else { panic!("{error:?}") };
    assert!(nodes[0].1.is_none() && nodes[1].1.is_some() && nodes[2].1.is_some());
    for part in ["1 of 3", "no answer within 1s", "unix:///nowhere/s: ", "connect_timeout"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_in_the_servers_words() {
    let server = Server::start();
    server.query::<()>(&["CONFIG", "SET", "requirepass", "right"]);
    let quick =
        |url: String| Client::builder().node(url).connect_timeout(Duration::from_millis(500));
    let (_, text) = refusal(quick(server.url())).await;
    assert!(text.contains("NOAUTH"), "{text}");
    let (_, text) = refusal(quick(format!("{}?pass=wrong", server.url()))).await;
    assert!(text.contains("AUTH was refused") && !text.contains("wrong"), "{text}");
    let client = quick(format!("{}?pass=right&db=3", server.url()))
        .connect_timeout(Duration::from_secs(20))
        .connect()
        .await
        .unwrap();
    assert!(client.try_acquire("k").await.unwrap().is_held());
}
