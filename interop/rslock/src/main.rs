//! The two workloads that every library runs, and what it says meanwhile: ../README.md.
//!
//! `rslock renew|contend KEY TTL_MS TASKS RUN_MS SEED OPTION URL...`

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rslock::{Lock, LockError, LockManager};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use tokio::time::sleep;

/// CLOCK_MONOTONIC, in microseconds.
fn monotonic() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

/// What one user of the lock knows.
#[derive(Clone)]
struct Task {
    number: usize,
    key: String,
    ttl: Duration,
    deadline: i64,
    locks: LockManager,
}

/// SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    async fn pause(&mut self, from_us: u64, width_us: u64) {
        sleep(Duration::from_micros(from_us + self.below(width_us))).await;
    }
}

fn until(lock: &Lock) -> Value {
    let left = i64::try_from(lock.validity_time).unwrap_or(i64::MAX);
    json!({ "until_us": monotonic() + left * 1_000 })
}

/// The library says the same when the nodes are silent.
fn why(error: &LockError) -> Value {
    let taken = matches!(error, LockError::Unavailable);
    json!({ "taken": taken, "error": error.to_string() })
}

impl Task {
    fn say(&self, event: &str, more: Value) {
        let mut line = json!({ "at_us": monotonic(), "task": self.number, "event": event });
        if let (Value::Object(line), Value::Object(more)) = (&mut line, more) {
            line.extend(more);
        }
        writeln!(std::io::stdout().lock(), "{line}").expect("somebody reads it");
    }

    async fn acquire(&self, numbers: &mut Numbers) -> Option<Lock> {
        while monotonic() < self.deadline {
            self.say("asks", Value::Null);
            match self.locks.lock(self.key.as_bytes(), self.ttl).await {
                Ok(lock) => {
                    self.say("held", until(&lock));
                    return Some(lock);
                }
                Err(error) => self.say("denied", why(&error)),
            }
            numbers.pause(5_000, 15_000).await;
        }
        None
    }

    async fn extend(&self, lock: &Lock) -> bool {
        match self.locks.extend(lock, self.ttl).await {
            Ok(extended) => {
                self.say("extended", until(&extended));
                true
            }
            Err(error) => {
                self.say("failed", why(&error));
                false
            }
        }
    }

    async fn release(&self, lock: &Lock) {
        self.say("stops", Value::Null);
        self.locks.unlock(lock).await;
        self.say("released", Value::Null);
    }

    /// The loop of go-redsync's issue #158. The library's own renewal, `using`, is for TTLs over
    /// half a second.
    async fn renew(self, mut numbers: Numbers) {
        while let Some(lock) = self.acquire(&mut numbers).await {
            let lock = Arc::new(lock);
            let stop = Arc::new(AtomicBool::new(false));
            let (renewer, held, told) = (self.clone(), Arc::clone(&lock), Arc::clone(&stop));
            tokio::spawn(async move {
                let period = renewer.ttl / 2;
                let mut ticks =
                    tokio::time::interval_at(tokio::time::Instant::now() + period, period);
                loop {
                    ticks.tick().await;
                    if told.load(Ordering::SeqCst) {
                        break;
                    }
                    renewer.extend(&held).await;
                }
            });
            let least = u64::try_from(self.ttl.as_micros()).unwrap_or(u64::MAX) - 4_000;
            numbers.pause(least, 8_000).await;
            stop.store(true, Ordering::SeqCst);
            self.release(&lock).await;
            numbers.pause(0, 10_000).await;
        }
    }

    /// Holds the lock for a while, and renews it once in between.
    async fn contend(self, mut numbers: Numbers) {
        while let Some(lock) = self.acquire(&mut numbers).await {
            let part = self.ttl * 2 / 5;
            sleep(part).await;
            if self.extend(&lock).await {
                sleep(part).await;
            }
            self.release(&lock).await;
            numbers.pause(0, 20_000).await;
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [workload, key, ttl, tasks, run, seed, _option, urls @ ..] = words.as_slice() else {
        panic!("renew|contend KEY TTL_MS TASKS RUN_MS SEED OPTION URL...");
    };
    let number = |text: &str| text.parse::<u64>().expect("a whole number");
    let deadline = monotonic() + i64::try_from(number(run)).expect("a time") * 1_000;
    let mut locks = LockManager::new(urls.to_vec());
    // One attempt each; the loop asks again, as with the other libraries.
    locks.set_retry(1, Duration::from_millis(200));
    let is_renewing = workload == "renew";
    let mut all = Vec::new();
    for at in 0..number(tasks) {
        let numbers = Numbers(number(seed).wrapping_mul(1_000_003).wrapping_add(at));
        let key = if is_renewing { format!("{key}:{at}") } else { key.clone() };
        let ttl = Duration::from_millis(number(ttl));
        let number = usize::try_from(at).expect("a small number");
        let task = Task { number, key, ttl, deadline, locks: locks.clone() };
        all.push(tokio::spawn(async move {
            if is_renewing { task.renew(numbers).await } else { task.contend(numbers).await }
        }));
    }
    for task in all {
        task.await.expect("no task panics");
    }
    writeln!(std::io::stdout(), "{}", json!({ "at_us": monotonic(), "task": 0, "event": "done" }))
        .expect("somebody reads it");
}
