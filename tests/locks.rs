//! Options of a lock, work under a lock, and what is told about both.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use leasehold::{AcquireError, Event, Lease, Loss, ReleaseError, SettingsError, WithLockError};
use leasehold_tests::{PATIENCE, Server, builder, eventually, ms, now, servers, stored, urls};
use tokio::time::{sleep, timeout};

// ---- options ------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_lock_has_a_ttl_of_its_own() {
    let servers = servers(3);
    let client = builder(urls(&servers)).connect().await.unwrap();
    let _long = client.acquire("long").await.unwrap();
    let short = client.lock("short").ttl(ms(5_000)).acquire().await.unwrap();
    let left: i64 = servers[0].query(&["PTTL", "short"]);
    assert!((0..=5_000).contains(&left), "{left}");
    assert!(short.remaining() < ms(5_000));
    assert!(servers[0].query::<i64>(&["PTTL", "long"]) > 50_000);
    assert!(short.extend().await.is_ok());
    assert!(servers[0].query::<i64>(&["PTTL", "short"]) <= 5_000);
    let error = client.lock("k").ttl(ms(1)).acquire().await.unwrap_err();
    assert!(matches!(error, AcquireError::Settings(SettingsError::Rule(_))), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_without_renewal_ends_and_one_that_is_extended_lives() {
    let servers = servers(3);
    let client = builder(urls(&servers)).connect().await.unwrap();
    let lock = |key| client.lock(key).ttl(ms(900)).no_renewal();
    let ends = lock("ends").acquire().await.unwrap();
    let lives = lock("lives").acquire().await.unwrap();
    let until = ends.valid_until();
    for _ in 0..5 {
        sleep(ms(250)).await;
        assert!(lives.extend().await.unwrap() > until);
    }
    assert!(!ends.is_held() && lives.is_held());
    assert_eq!(timeout(PATIENCE, ends.lost()).await.unwrap(), Loss::Expired);
    assert!(ends.extend().await.is_err());
    assert_eq!(ends.release().await, Err(ReleaseError::Lost { loss: Loss::Expired, last: None }));
    assert!(lives.release().await.unwrap().unsettled.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_is_held_no_longer_than_it_may_be() {
    let servers = servers(3);
    let client = builder(urls(&servers)).connect().await.unwrap();
    let lock = client.lock("k").ttl(ms(2_000)).max_hold(ms(300));
    let began = now();
    let guard = lock.acquire().await.unwrap();
    assert!(guard.remaining() <= ms(300));
    assert!(guard.extend().await.unwrap() <= began + ms(1_900), "not beyond the hold time");
    assert_eq!(timeout(PATIENCE, guard.lost()).await.unwrap(), Loss::HeldTooLong);
    assert!(!guard.is_held() && began.elapsed() >= ms(300));
    // Released at once, and others may enter while this guard still lives.
    let next = timeout(PATIENCE, client.acquire("k")).await.unwrap().unwrap();
    assert!(began.elapsed() < ms(1_900), "it waited for the TTL");
    assert!(matches!(
        guard.release().await,
        Err(ReleaseError::Lost { loss: Loss::HeldTooLong, .. })
    ));
    assert!(next.is_held());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_can_be_looked_at_from_anywhere() {
    let servers = servers(3);
    let client = builder(urls(&servers)).connect().await.unwrap();
    let guard = client.acquire("k").await.unwrap();
    let lease = guard.lease().clone();
    let looker = tokio::spawn({
        let lease = lease.clone();
        async move { lease.lost().await }
    });
    assert!(lease.is_held() && lease.ensure_held().is_ok() && lease.key() == "k");
    assert!(lease.remaining() > Duration::ZERO && lease.extend().await.is_ok());
    assert!(guard.release().await.unwrap().unsettled.is_empty());
    assert_eq!(timeout(PATIENCE, looker).await.unwrap().unwrap(), Loss::Released);
    assert_eq!(lease.ensure_held(), Err(Loss::Released));
    assert!(lease.extend().await.is_err() && lease.remaining().is_zero());
}

// ---- work under a lock --------------------------------------------------------------------------

/// Notes, when it is dropped, how long the lease would have lasted.
struct Noted(Lease, Arc<Mutex<Option<Duration>>>);

impl Drop for Noted {
    fn drop(&mut self) {
        *self.1.lock().unwrap() = Some(self.0.remaining());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_done_under_the_lock_and_the_lock_released() {
    let servers = servers(3);
    let client = builder(urls(&servers)).ttl(ms(600)).connect().await.unwrap();
    let done = client
        .with_lock("k", |lease| async move {
            // Longer than a TTL: it is renewed meanwhile.
            sleep(ms(1_500)).await;
            lease.is_held()
        })
        .await;
    assert_eq!(done, Ok(true));
    assert_eq!(stored(&servers, "k"), 0);
    let failed: Result<Result<(), &str>, _> = client.with_lock("k", |_| async { Err("no") }).await;
    assert_eq!(failed, Ok(Err("no")));
    assert_eq!(stored(&servers, "k"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_panics_releases_the_lock() {
    let servers = servers(3);
    let client = builder(urls(&servers)).connect().await.unwrap();
    let working = tokio::spawn({
        let client = client.clone();
        async move { client.with_lock("k", |_| async { panic!("as intended") }).await }
    });
    let ended: Result<Result<(), WithLockError>, _> = working.await;
    assert!(ended.unwrap_err().is_panic());
    assert!(client.try_acquire("k").await.unwrap().is_held());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_stopped_before_a_lease_that_is_not_renewed_ends() {
    let servers = servers(3);
    let client = builder(urls(&servers)).connect().await.unwrap();
    let lock = client.lock("k").ttl(ms(2_000)).grace(ms(800));
    let left = Arc::new(Mutex::new(None));
    let working = lock.run(|lease| {
        let noted = Noted(lease, Arc::clone(&left));
        async move {
            let _noted = noted;
            std::future::pending::<()>().await;
        }
    });
    let stopping = async {
        assert!(eventually(|| stored(&servers, "k") == 3));
        sleep(ms(10)).await;
        servers[..2].iter().for_each(Server::pause);
    };
    let (result, ()) = timeout(PATIENCE, async { tokio::join!(working, stopping) }).await.unwrap();
    // The work has ended, and most of the grace was left of the lease.
    let left = left.lock().unwrap().unwrap();
    assert!(left > ms(300) && left <= ms(800), "{left:?}");
    let error = result.unwrap_err();
    let WithLockError::Lost { loss: Loss::Expired, last: Some(_), .. } = &error else {
        panic!("{error:?}")
    };
    assert!(error.to_string().contains("no answer in"), "{error}");
    servers[..2].iter().for_each(Server::resume);
    assert!(eventually(|| stored(&servers, "k") == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_stopped_when_the_nodes_show_that_the_lock_is_lost() {
    let servers = servers(3);
    let client = builder(urls(&servers)).ttl(ms(1_500)).connect().await.unwrap();
    let work = client.with_lock("k", |lease| {
        servers.iter().for_each(Server::flush);
        async move {
            let _lease = lease;
            std::future::pending::<()>().await;
        }
    });
    let error = timeout(PATIENCE, work).await.unwrap().unwrap_err();
    let WithLockError::Lost { loss: Loss::Gone, last: Some(_), .. } = &error else {
        panic!("{error:?}")
    };
    assert!(error.to_string().contains(" missing ("), "{error}");
}

/// A poll that lasts longer than the lease: what it returns was not done under the lock.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_ends_after_its_lease_has_no_result() {
    let servers = servers(1);
    let client = builder(urls(&servers)).connect().await.unwrap();
    let lock = client.lock("k").ttl(ms(200)).no_renewal();
    let late = lock.run(|_| async { std::thread::sleep(ms(300)) }).await;
    assert!(matches!(late, Err(WithLockError::Lost { loss: Loss::Expired, .. })), "{late:?}");
    let never = client.lock("k").ttl(ms(1)).run(|_| async {}).await;
    assert!(matches!(never, Err(WithLockError::Acquire(AcquireError::Settings(_)))), "{never:?}");
}

// ---- events -------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_to_leases_and_nodes_is_told() {
    let mut servers = servers(3);
    let client = builder(urls(&servers)).ttl(ms(600)).connect().await.unwrap();
    let mut events = client.events();
    let guard = client.acquire("k").await.unwrap();
    assert!(matches!(events.next().await, Some(Event::Acquired { key, .. }) if key == "k"));
    assert!(matches!(events.next().await, Some(Event::Extended { key, .. }) if key == "k"));
    assert!(guard.release().await.unwrap().unsettled.is_empty());
    let mut event = events.next().await.unwrap();
    while matches!(event, Event::Extended { .. }) {
        event = events.next().await.unwrap();
    }
    assert_eq!(event, Event::Released { key: String::from("k"), unsettled: Vec::new() });
    servers[0].query::<()>(&["SET", "t", "another"]);
    servers[1].query::<()>(&["SET", "t", "another"]);
    assert!(client.try_acquire("t").await.is_err());
    let denied = events.next().await.unwrap();
    assert!(matches!(denied, Event::Denied { key, attempt: 1, .. } if key == "t"));
    servers[2].restart();
    let down = timeout(PATIENCE, events.next()).await.unwrap().unwrap();
    assert!(matches!(down, Event::NodeDown { node, .. } if node == client.nodes()[2]));
    let up = timeout(PATIENCE, events.next()).await.unwrap().unwrap();
    assert!(
        matches!(&up, Event::NodeUp { node, new_process: true, counts_in: None }
            if *node == client.nodes()[2]),
        "{up:?}"
    );
    drop(client);
    assert_eq!(timeout(PATIENCE, events.next()).await.unwrap(), None);
}
