//! Those of one process who want one key: in order of arrival, and only the first asks the nodes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use leasehold::AcquireError;
use leasehold::protocol::Retry;
use leasehold_tests::proxy::Proxy;
use leasehold_tests::{LONG, PATIENCE, Server, builder, ms, now, servers, stored, urls};
use tokio::task::{LocalSet, spawn_local, yield_now};
use tokio::time::{sleep, timeout};

/// Commands that all servers have executed for locks, those within scripts included.
fn commands(servers: &[Server], names: &[&str]) -> u64 {
    let of = |server: &Server| -> u64 {
        let stats: String = server.query(&["INFO", "commandstats"]);
        let lines = stats.lines().filter_map(|line| line.strip_prefix("cmdstat_"));
        let counted = lines.filter_map(|line| {
            let (name, rest) = line.split_once(":calls=")?;
            let count = rest.split(',').next()?.parse::<u64>().unwrap();
            names.contains(&name).then_some(count)
        });
        counted.sum()
    };
    servers.iter().map(of).sum()
}

const OF_A_LOCK: [&str; 6] = ["set", "eval", "evalsha", "get", "del", "pexpire"];

#[tokio::test]
async fn sixty_four_tasks_get_one_key_in_order_of_arrival_for_four_commands_each_per_node() {
    for count in [1, 3, 5] {
        let servers = servers(count);
        // A slow server of a busy machine is no reason for a second attempt.
        let client = builder(urls(&servers)).node_timeout(ms(14_000)).connect().await.unwrap();
        let before = commands(&servers, &OF_A_LOCK);
        let (arrivals, granted) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
        let local = LocalSet::new();
        for _ in 0..64 {
            let (client, arrivals, granted) = (client.clone(), arrivals.clone(), granted.clone());
            local.spawn_local(async move {
                for _ in 0..4 {
                    let place = arrivals.replace(arrivals.get() + 1);
                    let guard = client.acquire("k").await.unwrap();
                    assert!(guard.is_held());
                    granted.borrow_mut().push(place);
                    yield_now().await;
                    drop(guard);
                }
            });
        }
        local.await;
        assert_eq!(*granted.borrow(), (0..256).collect::<Vec<_>>());
        assert!(client.shutdown().await.unwrap().unsettled.is_empty());
        let each = (commands(&servers, &OF_A_LOCK) - before) as f64 / 256.0;
        let bound = 1.1 * 4.0 * count as f64;
        assert!(each <= bound, "{each} commands per acquisition at {count} nodes");
        assert_eq!(stored(&servers, "k"), 0);
    }
}

#[tokio::test]
async fn whoever_leaves_the_line_lets_the_others_move_up() {
    let servers = servers(3);
    let client = builder(urls(&servers)).connect().await.unwrap();
    let holder = client.acquire("k").await.unwrap();
    let wait = |within: Duration| {
        let client = client.clone();
        async move { client.acquire_within("k", within).await }
    };
    LocalSet::new()
        .run_until(async {
            let leaves = spawn_local(wait(LONG));
            let gives_up = spawn_local(wait(ms(50)));
            let stays = spawn_local(wait(LONG));
            let error = gives_up.await.unwrap().unwrap_err();
            let AcquireError::Timeout { attempts: 0, last: None, .. } = &error else {
                panic!("{error:?}")
            };
            assert_eq!(
                error.to_string(),
                "\"k\" was not acquired within 50ms; no attempt came to an end"
            );
            leaves.abort();
            drop(holder);
            let guard = timeout(PATIENCE, stays).await.unwrap().unwrap().unwrap();
            assert!(guard.release().await.unwrap().unsettled.is_empty());
        })
        .await;
}

#[tokio::test]
async fn a_first_in_line_that_is_dropped_at_any_moment_wakes_the_next() {
    let servers = servers(3);
    let (client, other) =
        (builder(urls(&servers)).connect().await, builder(urls(&servers)).connect().await);
    let (client, other) = (client.unwrap(), other.unwrap());
    for step in 0..40 {
        let theirs = other.acquire("k").await.unwrap();
        let dropped = timeout(Duration::from_micros(step * 100), client.acquire("k"));
        let (dropped, next, ()) = tokio::join!(
            dropped,
            async {
                yield_now().await;
                timeout(PATIENCE, client.acquire("k")).await.unwrap().unwrap()
            },
            async {
                sleep(ms(5)).await;
                assert!(theirs.release().await.unwrap().unsettled.is_empty());
            }
        );
        assert!(dropped.is_err());
        assert!(next.release().await.unwrap().unsettled.is_empty());
    }
}

#[tokio::test]
async fn only_the_first_in_line_asks_the_nodes_while_another_process_holds() {
    let servers = servers(3);
    let theirs = builder(urls(&servers)).connect().await.unwrap();
    let retry = Retry { attempts: None, delay_min: 20_000, delay_max: 20_000 };
    let client = builder(urls(&servers)).retry(retry).connect().await.unwrap();
    let _held = theirs.acquire("k").await.unwrap();
    let before = commands(&servers, &["set"]);
    let began = now();
    let waiting = (0..16).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.acquire_within("k", ms(600)).await })
    });
    for (place, waiting) in waiting.collect::<Vec<_>>().into_iter().enumerate() {
        let error = waiting.await.unwrap().unwrap_err();
        assert!(matches!(error, AcquireError::Timeout { .. }), "{error:?}");
        let attempts: usize = if place == 0 { 3 } else { 0 };
        let AcquireError::Timeout { attempts: made, last, .. } = &error else { panic!() };
        assert!(*made as usize >= attempts && last.is_some() >= (place == 0), "{error}");
    }
    // One attempt every 20 ms; those behind may get a first attempt when all leave at once.
    let most = 3 * (began.elapsed().as_millis() as u64 / 20 + 1 + 16);
    let sets = commands(&servers, &["set"]) - before;
    assert!((3..=most).contains(&sets), "{sets} of at most {most}");
}

#[tokio::test]
async fn one_attempt_does_not_wait_in_line() {
    let servers = servers(1);
    let client = builder(urls(&servers)).connect().await.unwrap();
    let _held = client.acquire("k").await.unwrap();
    let before = commands(&servers, &OF_A_LOCK);
    let error = client.try_acquire("k").await.unwrap_err();
    assert!(matches!(error, AcquireError::Occupied { ahead: 1, .. }), "{error:?}");
    assert_eq!(commands(&servers, &OF_A_LOCK), before);
    assert!(client.try_acquire("other").await.unwrap().is_held());
}

#[tokio::test]
async fn those_who_wait_are_told_of_a_shutdown() {
    let servers = servers(1);
    let client = builder(urls(&servers)).connect().await.unwrap();
    let _held = client.acquire("k").await.unwrap();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.acquire("k").await }
    });
    sleep(ms(10)).await;
    assert!(client.shutdown().await.unwrap().unsettled.is_empty());
    let error = timeout(PATIENCE, waiting).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error, AcquireError::Closed);
}

/// Without a delay, and with nobody to ask, an attempt costs no time: it must leave some to
/// others.
#[tokio::test]
async fn attempts_without_delay_do_not_starve_the_runtime() {
    let mut servers = servers(3);
    let retry = Retry { attempts: None, delay_min: 0, delay_max: 0 };
    let client = builder(urls(&servers)).retry(retry).connect().await.unwrap();
    servers.iter_mut().for_each(|server| server.kill());
    let error = timeout(PATIENCE, client.acquire_within("k", ms(200))).await.unwrap().unwrap_err();
    let AcquireError::Timeout { attempts, last: Some(last), .. } = &error else {
        panic!("{error:?}")
    };
    assert!((1..=201).contains(attempts), "{attempts}");
    assert!(last.to_string().contains("3 of 3 not sent: "), "{last}");
}

/// Whatever comes before, the line moves on: two clients, two keys, calls of every kind, cut short
/// at any moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_every_kind_exclude_each_other_and_leave_nobody_waiting() {
    let servers = servers(3);
    let retry = Retry { attempts: None, delay_min: 1_000, delay_max: 3_000 };
    let inside: [Arc<AtomicUsize>; 2] = Default::default();
    let mut tasks = Vec::new();
    let mut clients = Vec::new();
    for of_client in 0..2_u32 {
        let client = builder(urls(&servers)).retry(retry).connect().await.unwrap();
        clients.push(client.clone());
        for task in 0..8 {
            let (client, inside) = (client.clone(), inside.clone());
            tasks.push(tokio::spawn(async move {
                let mut random = 1 + of_client * 8 + task;
                let mut dice = move |sides: u32| {
                    random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (random >> 16) % sides
                };
                for _ in 0..60 {
                    let at = dice(2) as usize;
                    let key = ["a", "b"][at];
                    let short = Duration::from_micros(u64::from(dice(3_000)));
                    let acquired = match dice(3) {
                        0 => client.try_acquire(key).await,
                        1 => client.acquire_within(key, ms(u64::from(dice(20)))).await,
                        _ => match timeout(short, client.acquire(key)).await {
                            Ok(acquired) => acquired,
                            Err(_) => continue,
                        },
                    };
                    let Ok(guard) = acquired else { continue };
                    assert_eq!(inside[at].fetch_add(1, Ordering::SeqCst), 0);
                    if dice(4) == 0 {
                        guard.extend().await.unwrap();
                    }
                    yield_now().await;
                    assert_eq!(inside[at].fetch_sub(1, Ordering::SeqCst), 1);
                    match dice(2) {
                        0 => drop(guard),
                        _ => assert!(guard.release().await.unwrap().unsettled.is_empty()),
                    }
                }
            }));
        }
    }
    for task in tasks {
        timeout(PATIENCE, task).await.unwrap().unwrap();
    }
    for key in ["a", "b"] {
        for client in &clients {
            let guard = timeout(PATIENCE, client.acquire(key)).await.unwrap().unwrap();
            assert!(guard.release().await.unwrap().unsettled.is_empty());
        }
        assert_eq!(stored(&servers, key), 0);
    }
}

/// Letters are read some at a time, so that nodes work on the first while the next are read: but
/// none is left unread.
#[tokio::test]
async fn whoever_asks_for_keys_of_their_own_is_heard_before_anybody_is_answered() {
    let server = Server::start();
    let proxy = Proxy::start(&server);
    let client = builder([proxy.url()]).node_timeout(ms(14_000)).connect().await.unwrap();
    proxy.add("delay-reply 60s SET".parse().unwrap());
    let local = LocalSet::new();
    for at in 0..100 {
        let client = client.clone();
        local.spawn_local(async move { client.acquire(&format!("k{at}")).await });
    }
    let all_are_heard = async {
        while server.query::<u64>(&["DBSIZE"]) < 100 {
            sleep(ms(1)).await;
        }
    };
    timeout(ms(10_000), local.run_until(all_are_heard)).await.unwrap();
}
