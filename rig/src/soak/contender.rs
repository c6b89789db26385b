//! A process that contends: several tasks on one client, each of which takes a lock, holds it for a
//! while, and gives it up in one way or another, again and again.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use leasehold::{AcquireError, Client, Guard, Loss};
use tokio::time::{sleep, timeout};

use super::draws::Draws;
use super::words::Word;
use super::{ACQUIRE_WITHIN, TTL};
use crate::RigError;
use crate::clock::monotonic_us;
use crate::now;

/// How often a holder says until when it holds.
const TOLD_EVERY: Duration = Duration::from_millis(25);

/// How often a process notices that it runs.
const BEAT: Duration = Duration::from_millis(50);

/// An acquisition that takes longer, while its process runs, hangs.
const LONG_US: i64 = 7_000_000;

/// What a contender is told.
#[derive(Clone, Debug)]
pub struct Contender {
    /// The nodes.
    pub nodes: Vec<String>,
    /// What it draws from.
    pub seed: u64,
    /// Which process it is, counted over the whole run.
    pub process: u64,
    /// How many tasks contend in it.
    pub tasks: u64,
    /// For how many keys.
    pub keys: u64,
}

struct Work {
    client: Client,
    keys: u64,
    holds: AtomicU64,
    stops: AtomicBool,
    /// For how long nothing ran in this process, all in all, in microseconds.
    stood_us: AtomicI64,
}

impl Contender {
    /// Contends until standard input ends, and says on standard output what it holds.
    ///
    /// # Errors
    /// If the client cannot connect, or its end is in disorder.
    pub async fn run(self) -> Result<(), RigError> {
        let failed = |error: leasehold::ConnectError| RigError::Unexpected(error.to_string());
        let builder = Client::builder().nodes(self.nodes.iter().cloned()).ttl(TTL).max_ttl(TTL);
        let client = builder.connect_timeout(crate::PATIENCE).connect().await.map_err(failed)?;
        let work = Arc::new(Work {
            client,
            keys: self.keys,
            holds: AtomicU64::new(0),
            stops: AtomicBool::new(false),
            stood_us: AtomicI64::new(0),
        });
        tokio::spawn(Arc::clone(&work).notice_stops());
        let tasks: Vec<_> = (0..self.tasks)
            .map(|task| {
                let draws = Draws::new(self.seed, self.process * self.tasks + task + 1);
                tokio::spawn(Arc::clone(&work).contend(draws))
            })
            .collect();
        let (told, mut ended) = tokio::sync::oneshot::channel::<()>();
        std::thread::spawn(move || {
            let mut line = String::new();
            // Whatever is said, or the end, is the order to stop.
            let _ = std::io::stdin().lock().read_line(&mut line);
            drop(told);
        });
        let _ = (&mut ended).await;
        work.stops.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await.map_err(|error| RigError::Unexpected(error.to_string()))?;
        }
        let shutdown = work.client.clone().shutdown().await;
        shutdown.map(drop).map_err(|error| RigError::Unexpected(error.to_string()))
    }
}

impl Work {
    /// A process that is stopped for a while is late with everything.
    async fn notice_stops(self: Arc<Work>) {
        let beat_us = BEAT.as_micros() as i64;
        loop {
            let before_us = monotonic_us();
            sleep(BEAT).await;
            let late_us = monotonic_us() - before_us - beat_us;
            if late_us > beat_us {
                self.stood_us.fetch_add(late_us, Ordering::Relaxed);
            }
        }
    }

    async fn contend(self: Arc<Work>, mut draws: Draws) {
        while !self.stops.load(Ordering::Relaxed) {
            let key = format!("soak:{}", draws.below(self.keys));
            if let Some(guard) = self.acquire(&key, &mut draws).await {
                self.hold(guard, &key, &mut draws).await;
            }
            sleep(draws.ms(0, 60)).await;
        }
    }

    async fn acquire(&self, key: &str, draws: &mut Draws) -> Option<Guard> {
        if draws.below(8) == 0 {
            // Whoever loses interest drops the acquisition.
            let lost_interest = timeout(draws.ms(0, 30), self.client.acquire(key)).await;
            return match lost_interest {
                Ok(Ok(guard)) => Some(guard),
                Ok(Err(error)) => self.missed(&error),
                Err(_) => {
                    say(&Word::Missed("dropped".to_owned()));
                    None
                }
            };
        }
        let (began_us, stood_us) = (monotonic_us(), self.stood_us.load(Ordering::Relaxed));
        let acquired = self.client.acquire_within(key, ACQUIRE_WITHIN).await;
        let took_us = monotonic_us() - began_us;
        if took_us > LONG_US {
            // By then the end of a stop has been noticed too.
            sleep(2 * BEAT).await;
            let stood_us = self.stood_us.load(Ordering::Relaxed) - stood_us;
            if took_us - stood_us > LONG_US {
                let what = "us, of which its process stood still for";
                say(&Word::Wrong(format!("an acquisition took {took_us} {what} {stood_us}")));
            }
        }
        match acquired {
            Ok(guard) => Some(guard),
            Err(error) => self.missed(&error),
        }
    }

    fn missed(&self, error: &AcquireError) -> Option<Guard> {
        say(&if matches!(error, AcquireError::Timeout { .. }) {
            Word::Missed("timeout".to_owned())
        } else if matches!(error, AcquireError::Lost { .. }) {
            Word::Missed("late".to_owned())
        } else {
            // Nothing else can come of what is done to servers, network and processes.
            Word::Wrong(error.to_string().replace('\n', " "))
        });
        None
    }

    async fn hold(&self, guard: Guard, key: &str, draws: &mut Draws) {
        let hold = self.holds.fetch_add(1, Ordering::Relaxed);
        let base = (now(), monotonic_us());
        // The clock first: what is held after it was held at it.
        let from_us = monotonic_us();
        let mut until = guard.valid_until();
        if !guard.is_held() {
            return say(&Word::Missed("late".to_owned()));
        }
        say(&Word::Holds { hold, key: key.to_owned(), from_us, until_us: at_us(base, until) });
        // Mostly short; some outlast several renewals.
        let length = if draws.below(6) == 0 { draws.ms(0, 4_000) } else { draws.ms(0, 150) };
        let end = now() + length;
        let lost = loop {
            let wait = TOLD_EVERY.min(end.saturating_duration_since(now()));
            match timeout(wait, guard.lost()).await {
                Ok(loss) => break Some(loss),
                Err(_) if now() >= end => break None,
                Err(_) if guard.valid_until() > until && guard.is_held() => {
                    until = guard.valid_until();
                    say(&Word::Until { hold, until_us: at_us(base, until) });
                }
                Err(_) => {}
            }
        };
        let held_us = monotonic_us();
        let latest = guard.valid_until();
        let (at_us, how) = match lost {
            None if guard.is_held() => (held_us, how_it_is_given_up(draws)),
            lost => (held_us.min(at_us(base, until.max(latest))), cause(lost)),
        };
        say(&Word::Over { hold, at_us, how: how.to_owned() });
        self.give_up(guard, how).await;
    }

    async fn give_up(&self, guard: Guard, how: &str) {
        match how {
            "released" => {
                // What it could not confirm is told; its end is a matter of the TTL then.
                let _ = guard.release().await;
            }
            "handed_over" => {
                let Ok(ticket) = guard.hand_over().await else { return };
                // Adopted by nobody it ends with its TTL; the adopter gives it up at once.
                if let Ok(guard) = self.client.adopt(&ticket).await {
                    let hold = self.holds.fetch_add(1, Ordering::Relaxed);
                    let (base, from_us) = ((now(), monotonic_us()), monotonic_us());
                    let until_us = at_us(base, guard.valid_until());
                    if guard.is_held() {
                        let key = guard.key().to_owned();
                        say(&Word::Holds { hold, key, from_us, until_us });
                        let how = "adopted".to_owned();
                        let over_us = monotonic_us().min(until_us);
                        say(&Word::Over { hold, at_us: over_us, how });
                    }
                }
            }
            _ => drop(guard),
        }
    }
}

fn how_it_is_given_up(draws: &mut Draws) -> &'static str {
    match draws.below(10) {
        0 | 1 => "dropped",
        2 => "handed_over",
        _ => "released",
    }
}

fn cause(lost: Option<Loss>) -> &'static str {
    match lost {
        Some(Loss::Expired) => "expired",
        Some(Loss::Gone) => "gone",
        Some(Loss::Taken) => "taken",
        Some(_) => "ended",
        None => "unseen",
    }
}

/// A moment on the monotonic clock.
fn at_us((instant, us): (Instant, i64), moment: Instant) -> i64 {
    let ahead = moment.saturating_duration_since(instant).as_micros();
    let behind = instant.saturating_duration_since(moment).as_micros();
    us + i64::try_from(ahead).unwrap_or(i64::MAX / 4)
        - i64::try_from(behind).unwrap_or(i64::MAX / 4)
}

/// Nobody who listens is as good as the order to stop, which comes in another way.
fn say(word: &Word) {
    let _ = writeln!(std::io::stdout().lock(), "{word}");
}
