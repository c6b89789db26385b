//! A lock that goes from one process to another, with nobody in between.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use leasehold::{AcquireError, Client, Event, HandoverError, Loss, Ticket, Vote};
use leasehold_tests::{Server, eventually, ms, now, servers, stored, urls};
use tokio::time::sleep;

async fn client(servers: &[Server]) -> Client {
    let builder = Client::builder().nodes(urls(servers)).restart_guard(false);
    builder.ttl(ms(1_500)).release_within(ms(300)).connect().await.unwrap()
}

/// At how many of three nodes an attempt met with `vote`. With two the verdict falls, and the third
/// may not have answered yet.
fn denied(error: &AcquireError, vote: &Vote) -> usize {
    let AcquireError::Exhausted { last, .. } = error else { panic!("{error:?}") };
    last.iter().filter(|(_, said)| *said == vote).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lock_changes_hands_and_is_never_free() {
    for count in [1, 3] {
        let servers = servers(count);
        let (giver, adopter) = (client(&servers).await, client(&servers).await);
        let mut events = giver.events();
        let guard = giver.acquire("k").await.unwrap();
        // A node that has not answered yet is waited for.
        let lease = guard.lease().clone();
        let ticket = guard.hand_over().await.unwrap();
        assert!(!lease.is_held());
        assert_eq!(lease.lost().await, Loss::Released);
        while !matches!(events.next().await.unwrap(), Event::HandedOver { .. }) {}
        assert!(ticket.remaining_at_handover() > ms(500));
        assert_eq!(stored(&servers, "k"), count);
        // Who has no ticket is kept out.
        assert!(giver.try_acquire("k").await.is_err());

        // As the other process gets it.
        let ticket: Ticket = ticket.to_string().parse().unwrap();
        let adopted = adopter.adopt(&ticket).await.unwrap();
        assert!(adopted.is_held());
        let until = adopted.valid_until();
        assert!(eventually(|| adopted.valid_until() > until + ms(800)), "renewed as any other");
        // The giver's end takes nothing with it.
        let _ = giver.shutdown().await.unwrap();
        assert!(adopted.is_held() && adopted.extend().await.is_ok());
        assert!(adopted.release().await.unwrap().unsettled.is_empty());
        assert_eq!(stored(&servers, "k"), 0);
    }
}

/// Others of the adopting process who wait for the lock cannot have it before it is adopted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_adopts_does_not_wait_behind_those_who_wait() {
    let servers = servers(3);
    let (giver, adopter) = (client(&servers).await, client(&servers).await);
    let guard = giver.acquire("k").await.unwrap();
    let mut events = adopter.events();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let adopter = adopter.clone();
            tokio::spawn(async move { adopter.acquire("k").await.unwrap().release().await })
        })
        .collect();
    while !matches!(events.next().await.unwrap(), Event::Denied { .. }) {}
    let ticket = guard.hand_over().await.unwrap();
    let adopted = adopter.adopt(&ticket).await.unwrap();
    assert!(adopted.is_held() && waiting.iter().all(|task| !task.is_finished()));
    // While it is held here, another ticket can only be an old one.
    let error = adopter.adopt(&ticket).await.unwrap_err();
    assert!(matches!(error, AcquireError::Occupied { ahead: 4, .. }), "{error}");
    let _ = adopted.release().await.unwrap();
    for task in waiting {
        let _ = task.await.unwrap().unwrap();
    }
    assert_eq!(stored(&servers, "k"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_adopted_once() {
    let servers = servers(3);
    let (giver, first, second) =
        (client(&servers).await, client(&servers).await, client(&servers).await);
    let pair = giver.lock_all(["a", "b"]).acquire().await.unwrap();
    let ticket = pair.hand_over().await.unwrap();
    let adopted = first.adopt(&ticket).await.unwrap();
    assert_eq!(adopted.keys().collect::<Vec<_>>(), ["a", "b"]);
    let error = second.adopt(&ticket).await.unwrap_err();
    assert!(denied(&error, &Vote::Taken) >= 2, "{error}");
    // Nor does the clean-up of the second touch it.
    let _ = second.shutdown().await.unwrap();
    assert!(adopted.extend().await.is_ok());
    assert!(stored(&servers, "a") >= 2 && stored(&servers, "b") >= 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_is_late_creates_nothing() {
    let servers = servers(3);
    let (giver, adopter) = (client(&servers).await, client(&servers).await);
    let ticket = giver.acquire("k").await.unwrap().hand_over().await.unwrap();
    assert!(eventually(|| stored(&servers, "k") == 0), "a TTL after the last renewal");
    let error = adopter.adopt(&ticket).await.unwrap_err();
    assert!(denied(&error, &Vote::Missing) >= 2, "{error}");
    assert_eq!(stored(&servers, "k"), 0);

    let other = giver.acquire("k").await.unwrap();
    let error = adopter.adopt(&ticket).await.unwrap_err();
    assert!(denied(&error, &Vote::Taken) >= 1, "{error}");
    assert!(other.extend().await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_cannot_be_drained_is_released() {
    let servers = servers(3);
    let giver = client(&servers).await;
    servers[2].pause();
    let guard = giver.acquire("k").await.unwrap();
    let started = now();
    let error = guard.hand_over().await.unwrap_err();
    assert!(matches!(error, HandoverError::Released { .. }), "{error:?}");
    assert!(started.elapsed() >= ms(300), "it was waited for");
    assert_eq!(stored(&servers[..2], "k"), 0);
    servers[2].resume();
    assert!(eventually(|| stored(&servers, "k") == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_cannot_be_given() {
    let servers = servers(1);
    let giver = client(&servers).await;
    let guard = giver.lock("k").no_renewal().acquire().await.unwrap();
    assert_eq!(guard.lost().await, Loss::Expired);
    let error = guard.hand_over().await.unwrap_err();
    assert!(matches!(error, HandoverError::Lost { loss: Loss::Expired, .. }), "{error:?}");

    let guard = giver.acquire("k").await.unwrap();
    let _ = giver.shutdown().await.unwrap();
    assert_eq!(guard.hand_over().await.unwrap_err(), HandoverError::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_fits_the_lock_it_was_made_for() {
    let servers = servers(1);
    let (giver, adopter) = (client(&servers).await, client(&servers).await);
    let ticket = giver.acquire("k").await.unwrap().hand_over().await.unwrap();
    let error = adopter.lock("another").adopt(&ticket).await.unwrap_err();
    assert!(matches!(error, AcquireError::OtherKey { .. }), "{error:?}");
    let long = adopter.lock("k").ttl(ms(9_000)).adopt(&ticket).await.unwrap();
    assert!(long.remaining() > ms(8_000), "the adopter's own TTL");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hand_over_that_is_dropped_ends_the_lease() {
    let servers = servers(3);
    let giver = client(&servers).await;
    servers[2].pause();
    let guard = giver.acquire("k").await.unwrap();
    tokio::select! {
        biased;
        over = guard.hand_over() => panic!("{over:?}"),
        () = sleep(ms(20)) => {}
    }
    assert!(eventually(|| stored(&servers[..2], "k") == 0));
    servers[2].resume();
    assert!(eventually(|| stored(&servers, "k") == 0));
}
