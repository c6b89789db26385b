//! What each node said, in every error: told apart, and worded to be read.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use leasehold::protocol::Retry;
use leasehold::{AcquireError, Event, ExtendError, Loss, ReleaseError};
use leasehold::{Shortfall, Vote, Votes};
use leasehold_tests::proxy::Proxy;
use leasehold_tests::{PATIENCE, Server, builder, eventually, ms, servers, stored, urls};
use tokio::time::{sleep, timeout};

fn denied(error: &AcquireError) -> &Votes {
    let AcquireError::Exhausted { last, .. } = error else { panic!("{error:?}") };
    last
}

fn vote(votes: &Votes, node: usize) -> Vote {
    votes.iter().nth(node).unwrap().1.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_tells_apart_what_each_node_said() {
    // With five grants it would be held: it is decided by the last of those that may still grant.
    let mut servers = servers(9);
    let proxy = Proxy::start(&servers[5]);
    let mut urls = urls(&servers);
    urls[5] = proxy.url();
    let client = builder(urls).node_timeout(ms(500)).connect().await.unwrap();
    servers[1].query::<()>(&["SET", "orders:42", "another"]);
    servers[2].query::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    servers[3].pause();
    servers[4].kill();
    sleep(ms(100)).await;
    proxy.hold();
    let asking = tokio::spawn({
        let client = client.clone();
        async move { client.try_acquire("orders:42").await }
    });
    sleep(ms(100)).await;
    proxy.cut();
    let error = timeout(PATIENCE, asking).await.unwrap().unwrap().unwrap_err();
    let votes = denied(&error);
    assert_eq!(vote(votes, 0), Vote::Granted);
    assert_eq!(vote(votes, 1), Vote::Taken);
    assert!(matches!(vote(votes, 2), Vote::Refused { reply } if reply.contains("OOM")), "{error}");
    assert!(matches!(vote(votes, 4), Vote::NotSent { .. }), "{error}");
    assert_eq!(vote(votes, 5), Vote::CutOff);
    let silent = vote(votes, 3);
    assert!(matches!(silent, Vote::NoAnswer { after } if after >= ms(400)), "{error}");
    assert_eq!(votes.shortfall(), Shortfall::NoQuorum);
    let text = error.to_string();
    let start = format!("no quorum for \"orders:42\": 4 of 9 granted ({}, ", client.nodes()[0]);
    assert!(text.starts_with(&start), "{text}");
    for words in
        ["1 taken (", "1 refused: OOM", "1 no answer in ", "1 not sent: ", "1 connection failed"]
    {
        assert!(text.contains(words), "{words} in {text}");
    }
    servers[3].resume();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_told_with_the_time_it_lasted() {
    let servers = servers(3);
    let client = builder(urls(&servers)).node_timeout(ms(50)).connect().await.unwrap();
    servers[1..].iter().for_each(Server::pause);
    let error = client.try_acquire("k").await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("1 of 3 granted (") && text.contains("2 no answer in "), "{text}");
    let silent = |vote: &Vote| matches!(vote, Vote::NoAnswer { after } if *after >= ms(50));
    assert_eq!(denied(&error).iter().filter(|(_, vote)| silent(vote)).count(), 2, "{text}");
    let few = Retry { attempts: Some(3), delay_min: 1, delay_max: 1 };
    let error = client.lock("k").retry(few).acquire().await.unwrap_err();
    assert!(error.to_string().contains("in 3 attempts; the last: "), "{error}");
    let error = client.acquire_within("k", ms(400)).await.unwrap_err();
    let AcquireError::Timeout { attempts, last, .. } = &error else { panic!("{error:?}") };
    assert!(*attempts >= 1 && last.is_some(), "{error}");
    assert!(error.to_string().contains("no answer in"), "{error}");
    servers[1..].iter().for_each(Server::resume);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grant_that_comes_too_late_or_leaves_too_little_is_none() {
    let servers = servers(1);
    let client = builder(urls(&servers)).node_timeout(ms(14_000)).connect().await.unwrap();
    let short = client.lock("k").ttl(ms(20_000)).min_validity(ms(19_750));
    servers[0].pause();
    let asking = tokio::spawn(async move { short.try_acquire().await });
    sleep(ms(100)).await;
    servers[0].resume();
    let error = timeout(PATIENCE, asking).await.unwrap().unwrap().unwrap_err();
    let shortfall = denied(&error).shortfall();
    let Shortfall::ShortValidity { left, minimum } = shortfall else { panic!("{error}") };
    assert!(left < ms(19_750) && minimum == ms(19_750), "{error}");
    assert!(error.to_string().contains("of the lease left, at least 19.75s asked for"), "{error}");
    assert!(eventually(|| stored(&servers, "k") == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_that_leaves_too_little_has_failed_and_holds() {
    let servers = servers(1);
    let client = builder(urls(&servers)).node_timeout(ms(14_000)).connect().await.unwrap();
    let lock = client.lock("k").ttl(ms(20_000)).no_renewal().min_validity(ms(19_650));
    let guard = lock.acquire().await.unwrap();
    let before = guard.valid_until();
    servers[0].pause();
    let lease = guard.lease().clone();
    let asking = tokio::spawn(async move { lease.extend().await });
    sleep(ms(200)).await;
    servers[0].resume();
    let error = timeout(PATIENCE, asking).await.unwrap().unwrap().unwrap_err();
    let ExtendError::Failed { last, .. } = &error else { panic!("{error:?}") };
    assert!(matches!(last.shortfall(), Shortfall::ShortValidity { .. }), "{error}");
    assert!(guard.is_held() && guard.valid_until() > before);
    assert!(guard.extend().await.unwrap() > before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewal_tells_apart_what_each_node_said() {
    let servers = servers(3);
    let client = builder(urls(&servers)).node_timeout(ms(200)).connect().await.unwrap();
    servers.iter().for_each(|server| server.query::<()>(&["SET", "k", "another"]));
    let mut events = client.events();
    let lock = client.lock("k").no_renewal();
    let asking = tokio::spawn(async move { lock.acquire().await });
    let denied = timeout(PATIENCE, events.next()).await.unwrap();
    assert!(matches!(denied, Some(Event::Denied { .. })), "{denied:?}");
    // Before the next attempt, so that all three grant it.
    servers.iter().for_each(Server::flush);
    let guard = timeout(PATIENCE, asking).await.unwrap().unwrap().unwrap();
    assert_eq!(guard.last_failure(), None, "an attempt is no renewal");
    let before = guard.valid_until();
    assert!(guard.extend().await.unwrap() > before);
    assert_eq!(guard.last_failure(), None);
    // The last of the three answers, which nobody has waited for.
    sleep(ms(50)).await;

    servers[0].flush();
    servers[1].pause();
    let mut events = client.events();
    let error = guard.extend().await.unwrap_err();
    let ExtendError::Failed { last, .. } = &error else { panic!("{error:?}") };
    assert_eq!(vote(last, 0), Vote::Missing);
    assert!(matches!(vote(last, 1), Vote::NoAnswer { .. }), "{error}");
    assert_eq!(vote(last, 2), Vote::Granted);
    assert!(error.to_string().contains("held until the end it has: 1 of 3 granted"), "{error}");
    assert!(guard.is_held() && guard.last_failure().as_ref() == Some(last));
    let event = timeout(PATIENCE, events.next()).await.unwrap().unwrap();
    assert!(matches!(event, Event::RenewalFailed { key, votes } if key == "k" && votes == *last));

    // Its command before is still open.
    let error = guard.extend().await.unwrap_err();
    let ExtendError::Failed { last, .. } = &error else { panic!("{error:?}") };
    assert_eq!(vote(last, 1), Vote::Busy);

    servers[1].resume();
    servers[2].query::<()>(&["SET", "k", "another"]);
    // Not before the answer that was outstanding.
    assert!(eventually(|| servers[1].get("k").is_some()));
    let mut error = guard.extend().await.unwrap_err();
    while matches!(error, ExtendError::Failed { .. }) {
        error = guard.extend().await.unwrap_err();
    }
    let ExtendError::Lost { loss: Loss::Taken, last: Some(last), .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((vote(last, 0), vote(last, 2)), (Vote::Missing, Vote::Taken));
    assert!(!guard.is_held() && guard.ensure_held() == Err(Loss::Taken));
    let late = guard.release().await.unwrap_err();
    let ReleaseError::Lost { loss: Loss::Taken, last: Some(said) } = &late else {
        panic!("{late:?}")
    };
    assert_eq!(said, last);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_left_out_where_they_are_not_to_be_shown() {
    let servers = servers(1);
    servers[0].query::<()>(&["SET", "secret", "another"]);
    let client = builder(urls(&servers)).redact_keys(true).connect().await.unwrap();
    let error = client.try_acquire("secret").await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("secret") && shown.contains("redacted"), "{shown}");
}

// ---- connections that cannot be killed ----------------------------------------------------------

fn forbid_kill(server: &Server) {
    server.query::<()>(&["ACL", "SETUSER", "default", "-client|kill"]);
}

/// A renewal under way when its connection fails may run at any time, where it cannot be killed.
/// It changes nothing that a later one does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_kill_is_refused_a_lease_goes_on_being_renewed_there() {
    let server = Server::start();
    forbid_kill(&server);
    let proxy = Proxy::start(&server);
    let client =
        builder(Vec::from([proxy.url()])).node_timeout(ms(14_000)).connect().await.unwrap();
    let guard = client.lock("k").no_renewal().acquire().await.unwrap();
    proxy.hold();
    {
        let extending = guard.extend();
        assert!(timeout(ms(50), extending).await.is_err());
    }
    let before = proxy.connections();
    proxy.cut();
    assert!(eventually(|| proxy.connections() > before));
    let extend = async {
        // Until the new connection can be used.
        while guard.extend().await.is_err() {
            sleep(ms(5)).await;
        }
    };
    timeout(PATIENCE, extend).await.unwrap();
    proxy.deliver();
    sleep(ms(50)).await;
    assert!(guard.extend().await.is_ok());
    assert!(guard.release().await.unwrap().unsettled.is_empty());
    assert_eq!(stored(std::slice::from_ref(&server), "k"), 0);
    assert!(client.shutdown().await.unwrap().unsettled.is_empty());
}

/// A `SET` under way may yet store the key, so that node is not asked again. What it stores after
/// the release lives for one TTL, and the release says where.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_kill_is_refused_a_set_that_may_still_run_is_told_as_unsettled() {
    let servers = servers(3);
    forbid_kill(&servers[0]);
    let proxy = Proxy::start(&servers[0]);
    let mut urls = urls(&servers);
    urls[0] = proxy.url();
    let client = builder(urls).connect().await.unwrap();
    proxy.hold();
    let guard = client.lock("k").ttl(ms(2_000)).no_renewal().acquire().await.unwrap();
    let mut events = client.events();
    proxy.cut();
    loop {
        if let Event::NodeUp { .. } = timeout(PATIENCE, events.next()).await.unwrap().unwrap() {
            break;
        }
    }
    for _ in 0..5 {
        sleep(ms(20)).await;
        assert!(guard.extend().await.is_ok());
    }
    let statistics = servers[0].query::<String>(&["INFO", "commandstats"]);
    assert!(!statistics.contains("_evalsha:"), "{statistics}");
    assert_eq!(stored(&servers, "k"), 2);
    assert_eq!(guard.release().await.unwrap().unsettled, client.nodes()[..1]);
    assert_eq!(stored(&servers, "k"), 0);
    proxy.deliver();
    drop(client);
    // Gone at the latest when its TTL is over.
    assert!(eventually(|| stored(&servers, "k") == 0));
}
