//! The workloads on our own library, with what the programs in `interop` say.

use std::io::Write;
use std::time::Duration;

use leasehold::protocol::Retry;
use leasehold::{AcquireError, Client, ExtendError, Guard, Loss, Vote, Votes};
use tokio::time::{sleep, timeout};

use super::event::{Event, Happening};
use crate::clock::monotonic_us;
use crate::{PATIENCE, RigError, block_on};

/// How the program of our library is called.
pub const USAGE: &str = "renew|contend KEY TTL_MS TASKS RUN_MS SEED guard|no-guard URL...";

/// Runs a workload as the program of our library: `arguments` are those of [`USAGE`].
///
/// # Errors
/// If an argument is wrong, a server cannot be reached, or nobody reads what it says.
pub fn contender(arguments: &[String]) -> Result<(), RigError> {
    let wrong = || RigError::Unexpected(format!("other arguments than {USAGE}"));
    let [workload, key, ttl_ms, tasks, run_ms, seed, option, urls @ ..] = arguments else {
        return Err(wrong());
    };
    let number = |text: &String| text.parse::<u32>().map_err(|_| wrong());
    let ttl = Duration::from_millis(u64::from(number(ttl_ms)?));
    let deadline_us = monotonic_us() + i64::from(number(run_ms)?) * 1_000;
    let (tasks, seed) = (number(tasks)?, number(seed)?);
    let is_guarded = option == "guard";
    block_on(async {
        let retry = Retry { attempts: Some(1), delay_min: 5_000, delay_max: 20_000 };
        let builder = Client::builder().nodes(urls).ttl(ttl).renew_every(ttl / 2).max_ttl(ttl);
        let builder = builder.restart_guard(is_guarded).retry(retry).connect_timeout(PATIENCE);
        let refused = |error| RigError::Unexpected(format!("{error}"));
        let client = builder.connect().await.map_err(refused)?;
        let mut running = Vec::new();
        for number in 0..tasks {
            let key = match workload.as_str() {
                "renew" => format!("{key}:{number}"),
                _ => key.clone(),
            };
            let numbers = Numbers(u64::from(seed) * 1_000_003 + u64::from(number));
            let task = Task { number, key, ttl, deadline_us, client: client.clone(), numbers };
            let is_renewing = workload == "renew";
            running.push(tokio::spawn(async move {
                if is_renewing { task.renew().await } else { task.contend().await }
            }));
        }
        for task in running {
            task.await.map_err(|error| RigError::Unexpected(format!("{error}")))??;
        }
        // What it owes is paid, as far as the nodes can be reached.
        let _ = client.shutdown().await;
        say(&Event::new(monotonic_us(), 0, Happening::Done))
    })
}

struct Task {
    number: u32,
    key: String,
    ttl: Duration,
    deadline_us: i64,
    client: Client,
    numbers: Numbers,
}

/// SplitMix64, as in the other programs.
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

impl Task {
    /// Renewed by the library while the work lasts, which is about as long as the TTL.
    async fn renew(mut self) -> Result<(), RigError> {
        while let Some(guard) = self.acquire(false).await? {
            let spread = Duration::from_micros(self.numbers.below(8_000));
            let work = self.ttl - Duration::from_millis(4) + spread;
            if let Ok(loss) = timeout(work, guard.lost()).await {
                self.failed(loss == Loss::Taken, &loss)?;
            }
            self.release(guard).await?;
            self.numbers.pause(0, 10_000).await;
        }
        Ok(())
    }

    /// Holds the lock for a while, and renews it once in between.
    async fn contend(mut self) -> Result<(), RigError> {
        while let Some(guard) = self.acquire(true).await? {
            let part = self.ttl * 2 / 5;
            sleep(part).await;
            match guard.extend().await {
                Ok(_) => {
                    self.say(Happening::Extended, Some(until_us(&guard)), None)?;
                    sleep(part).await;
                }
                Err(error) => self.failed(is_taken(&error), &error)?,
            }
            self.release(guard).await?;
            self.numbers.pause(0, 20_000).await;
        }
        Ok(())
    }

    /// Asks until it holds the lock, or time is over.
    async fn acquire(&mut self, is_quiet: bool) -> Result<Option<Guard>, RigError> {
        while monotonic_us() < self.deadline_us {
            self.say(Happening::Asks, None, None)?;
            let lock = self.client.lock(&self.key);
            let lock = if is_quiet { lock.no_renewal() } else { lock };
            match lock.try_acquire().await {
                Ok(guard) => {
                    self.say(Happening::Held, Some(until_us(&guard)), None)?;
                    return Ok(Some(guard));
                }
                Err(error) => {
                    let taken = matches!(
                        &error, AcquireError::Exhausted { last, .. } if says_taken(last)
                    );
                    self.say(Happening::Denied, None, Some((taken, error.to_string())))?;
                }
            }
            self.numbers.pause(5_000, 15_000).await;
        }
        Ok(None)
    }

    async fn release(&self, guard: Guard) -> Result<(), RigError> {
        self.say(Happening::Stops, None, None)?;
        match guard.release().await {
            Ok(_) => self.say(Happening::Released, None, None),
            Err(error) => self.say(Happening::Unreleased, None, Some((false, error.to_string()))),
        }
    }

    fn failed(&self, taken: bool, why: &impl ToString) -> Result<(), RigError> {
        self.say(Happening::Failed, None, Some((taken, why.to_string())))
    }

    fn say(
        &self,
        happening: Happening,
        until_us: Option<i64>,
        error: Option<(bool, String)>,
    ) -> Result<(), RigError> {
        let (taken, error) = error.unzip();
        let event = Event::new(monotonic_us(), self.number, happening);
        say(&Event { until_us, taken: taken.unwrap_or(false), error, ..event })
    }
}

fn until_us(guard: &Guard) -> i64 {
    monotonic_us() + i64::try_from(guard.remaining().as_micros()).unwrap_or(i64::MAX)
}

fn says_taken(votes: &Votes) -> bool {
    votes.iter().any(|(_, vote)| *vote == Vote::Taken)
}

fn is_taken(error: &ExtendError) -> bool {
    match error {
        ExtendError::Failed { last, .. } => says_taken(last),
        ExtendError::Lost { loss, .. } => *loss == Loss::Taken,
        ExtendError::Closed | _ => false,
    }
}

fn say(event: &Event) -> Result<(), RigError> {
    let line = serde_json::to_string(event).unwrap_or_default();
    let told = writeln!(std::io::stdout().lock(), "{line}");
    told.map_err(RigError::system("what the program says"))
}
