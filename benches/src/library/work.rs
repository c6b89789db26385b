//! What a client does in its turns. It runs in a process of its own.
#![allow(clippy::print_stdout, reason = "that is how it tells what its turns have cost")]

use std::io::{BufRead, Write, stdin, stdout};
use std::str::FromStr;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::cores::pin;
use super::figures::{Figures, Turn, now};
use super::peers::{ByHand, Leasehold, Locks, Peer, Raw, Rslock};

/// What a client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// One task acquires and releases a key that nobody else wants, again and again.
    Cycles,
    /// One task acquires a key that nobody else wants, and leaves the release to another. Only the
    /// acquisition is measured.
    Acquisitions,
    /// Tasks on keys of their own acquire and release.
    OwnKeys,
    /// Tasks on one key acquire, hold for a millisecond, release, and pause for a millisecond.
    OneKey,
    /// So many leases, held and renewed.
    Leases,
}

impl Work {
    const ALL: [Work; 5] =
        [Work::Cycles, Work::Acquisitions, Work::OwnKeys, Work::OneKey, Work::Leases];

    fn name(self) -> &'static str {
        match self {
            Work::Cycles => "cycles",
            Work::Acquisitions => "acquisitions",
            Work::OwnKeys => "own-keys",
            Work::OneKey => "one-key",
            Work::Leases => "leases",
        }
    }
}

/// On what a client runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// tokio's current-thread runtime.
    One,
    /// tokio's multi-thread runtime, with two workers.
    Many,
}

impl Threads {
    const ALL: [Threads; 2] = [Threads::One, Threads::Many];

    /// How the table names it.
    pub fn name(self) -> &'static str {
        match self {
            Threads::One => "current-thread",
            Threads::Many => "multi-thread",
        }
    }

    fn runtime(self) -> Runtime {
        let mut builder = match self {
            Threads::One => Builder::new_current_thread(),
            Threads::Many => Builder::new_multi_thread(),
        };
        builder.worker_threads(2).enable_all().build().expect("a runtime")
    }
}

/// One client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What it does.
    pub work: Work,
    /// With what.
    pub peer: Peer,
    /// On what.
    pub threads: Threads,
    /// On which core.
    pub core: usize,
    /// How many tasks, or leases.
    pub many: usize,
    /// The key, or what all its keys begin with.
    pub key: String,
    /// The nodes.
    pub urls: Vec<String>,
}

impl Task {
    /// The arguments of its process.
    pub fn to_args(&self) -> Vec<String> {
        let Task { work, peer, threads, core, many, key, urls } = self;
        let mut args = vec![work.name().to_owned(), peer.name().to_owned()];
        args.extend([threads.name().to_owned(), core.to_string(), many.to_string(), key.clone()]);
        args.extend_from_slice(urls);
        args
    }

    /// The task with these arguments.
    ///
    /// # Panics
    /// If there is none.
    pub fn from_args(args: &[String]) -> Task {
        let [work, peer, threads, core, many, key, urls @ ..] = args else {
            panic!("too few arguments: {args:?}")
        };
        let work = Work::ALL.into_iter().find(|known| known.name() == work);
        let threads = Threads::ALL.into_iter().find(|known| known.name() == threads);
        Task {
            work: work.expect("a known work"),
            peer: Peer::from_str(peer).expect("a known peer"),
            threads: threads.expect("known threads"),
            core: core.parse().expect("the number of a core"),
            many: many.parse().expect("a count"),
            key: key.clone(),
            urls: urls.to_vec(),
        }
    }

    /// Takes a turn for every line of the input, which says for how many milliseconds, and prints
    /// what it has cost.
    pub fn run(&self) {
        pin(self.core);
        let runtime = self.threads.runtime();
        match self.peer {
            Peer::Leasehold => {
                self.run_many(&runtime, runtime.block_on(Leasehold::connect(&self.urls)));
            }
            Peer::Rslock => self.run_many(&runtime, Rslock::new(&self.urls)),
            Peer::ByHand => self.run_one(&runtime, runtime.block_on(ByHand::connect(&self.urls))),
            Peer::Raw => match self.work {
                Work::OwnKeys => self.run_batches(Raw::connect(&self.urls)),
                Work::Cycles | Work::Acquisitions | Work::OneKey | Work::Leases => {
                    self.run_one(&runtime, Raw::connect(&self.urls));
                }
            },
        }
    }

    /// With locks that can be shared.
    fn run_many<L: Locks + Clone>(&self, runtime: &Runtime, mut locks: L) {
        match self.work {
            Work::Cycles => return self.run_one(runtime, locks),
            Work::Acquisitions | Work::OwnKeys | Work::OneKey | Work::Leases => {}
        }
        // Whoever connects late does so now.
        let held = runtime.block_on(locks.acquire(&self.key));
        runtime.block_on(locks.release(held));
        take_turns(|length| {
            let (task, locks) = (self.clone(), locks.clone());
            let turn = async move {
                match task.work {
                    Work::Acquisitions => task.acquisitions(locks, length).await,
                    Work::OwnKeys | Work::OneKey => task.tasks(locks, length).await,
                    Work::Cycles | Work::Leases => task.leases(locks, length).await,
                }
            };
            runtime.block_on(runtime.spawn(turn)).expect("a turn that ends")
        });
    }

    /// With locks that only one task can use.
    fn run_one<L: Locks>(&self, runtime: &Runtime, locks: L) {
        let mut idle = Some(locks);
        take_turns(|length| {
            let mut locks = idle.take().expect("nobody else uses it");
            let key = self.key.clone();
            let turn = async move {
                // What the others have driven out of the caches is not measured.
                for _ in 0..WARM_UP {
                    cycle(&mut locks, &key).await;
                }
                let (turn, mut took) = (Turn::begin(), Vec::new());
                while !turn.is_over(length) {
                    let began = now();
                    cycle(&mut locks, &key).await;
                    took.push(began.elapsed());
                }
                (turn.end(took), locks)
            };
            let (figures, locks) = runtime.block_on(runtime.spawn(turn)).expect("a turn that ends");
            idle = Some(locks);
            figures
        });
    }

    /// The same as many tasks on keys of their own, without waiting for each.
    fn run_batches(&self, mut locks: Raw) {
        let keys: Vec<String> = (0..self.many).map(|at| self.key_of(at)).collect();
        take_turns(|length| {
            let (turn, mut took) = (Turn::begin(), Vec::new());
            while !turn.is_over(length) {
                let began = now();
                locks.batch(&keys);
                took.extend(vec![began.elapsed(); keys.len()]);
            }
            turn.end(took)
        });
    }

    fn key_of(&self, at: usize) -> String {
        format!("{}:{at}", self.key)
    }

    async fn acquisitions<L: Locks + Clone>(&self, mut locks: L, length: Duration) -> Figures {
        let (turn, mut took, mut releases) = (Turn::begin(), Vec::new(), JoinSet::new());
        for at in 0.. {
            if turn.is_over(length) {
                break;
            }
            let began = now();
            let held = locks.acquire(&self.key_of(at)).await;
            took.push(began.elapsed());
            let mut locks = locks.clone();
            releases.spawn(async move { locks.release(held).await });
            tokio::time::sleep(MILLISECOND).await;
            while releases.try_join_next().is_some() {}
        }
        let figures = turn.end(took);
        releases.join_all().await;
        figures
    }

    async fn tasks<L: Locks + Clone>(&self, locks: L, length: Duration) -> Figures {
        let (turn, began, mut tasks) = (Turn::begin(), now(), JoinSet::new());
        for at in 0..self.many {
            let (mut locks, own) = (locks.clone(), self.work == Work::OwnKeys);
            let key = if own { self.key_of(at) } else { self.key.clone() };
            tasks.spawn(async move {
                let mut took = Vec::new();
                while began.elapsed() < length {
                    let asked = now();
                    let held = locks.acquire(&key).await;
                    if own {
                        locks.release(held).await;
                        took.push(asked.elapsed());
                        continue;
                    }
                    took.push(asked.elapsed());
                    tokio::time::sleep(MILLISECOND).await;
                    locks.release(held).await;
                    tokio::time::sleep(MILLISECOND).await;
                }
                took
            });
        }
        let took = tasks.join_all().await;
        let (least, most) = (took.iter().map(Vec::len).min(), took.iter().map(Vec::len).max());
        let share = least.unwrap_or(0) as f64 / most.unwrap_or(0) as f64;
        Figures { share, ..turn.end(took.concat()) }
    }

    /// Acquires them all, and measures while they are held: the memory from the start, the time
    /// from then on. How often they were renewed, the servers know.
    async fn leases<L: Locks + Clone>(&self, locks: L, length: Duration) -> Figures {
        let (whole, mut tasks) = (Turn::begin(), JoinSet::new());
        for task in 0..HANDS {
            let (mut locks, this) = (locks.clone(), self.clone());
            tasks.spawn(async move {
                let mut all = Vec::new();
                for at in (task..this.many).step_by(HANDS) {
                    all.push(locks.acquire(&this.key_of(at)).await);
                }
                all
            });
        }
        let held = tasks.join_all().await;
        println!("{}", whole.end(Vec::new()));
        let turn = Turn::begin();
        tokio::time::sleep(length).await;
        let figures = turn.end(vec![Duration::ZERO; self.many]);
        let grown = whole.end(Vec::new()).grown;
        let mut lost = 0.0;
        for held in held.iter().flatten() {
            lost += f64::from(u8::from(!L::is_held(held)));
        }
        Figures { grown, lost, ..figures }
    }
}

/// Cycles at the beginning of a turn that are not measured.
const WARM_UP: usize = 20;

/// Tasks that acquire leases.
const HANDS: usize = 64;

const MILLISECOND: Duration = Duration::from_millis(1);

async fn cycle<L: Locks>(locks: &mut L, key: &str) {
    let held = locks.acquire(key).await;
    locks.release(held).await;
}

fn take_turns(mut turn: impl FnMut(Duration) -> Figures) {
    println!("ready");
    for line in stdin().lock().lines() {
        let length = line.expect("a line").trim().parse().expect("milliseconds");
        println!("{}", turn(Duration::from_millis(length)));
        stdout().flush().expect("somebody who reads");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_the_same_in_its_process() {
        for (work, peer) in Work::ALL.into_iter().zip([Peer::Raw, Peer::ByHand, Peer::Rslock]) {
            let (key, urls) = ("k".to_owned(), vec!["redis://127.0.0.1:1".to_owned(); 3]);
            let threads = Threads::Many;
            let task = Task { work, peer, threads, core: 1, many: 64, key, urls };
            assert_eq!(Task::from_args(&task.to_args()), task);
        }
    }
}
