//! What all connections of a proxy share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::sleep_until;

use super::decide::{Decider, Injected, Request, Verdict};
use super::rule::{Newcomers, Rule};
use crate::now;

/// The network that a proxy is.
#[derive(Debug)]
pub(super) struct Net {
    started: Instant,
    decider: Mutex<Decider>,
    /// What rules that were taken away had done.
    past: Mutex<Vec<Injected>>,
    /// The partition by hand; told anew also when rules change.
    partition: watch::Sender<Option<Newcomers>>,
    lines: Mutex<BTreeMap<u64, watch::Sender<Line>>>,
    connections: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) replies: AtomicU64,
}

/// The state of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Requests wait.
    pub(super) is_held: bool,
    /// The client's side has ended, and the server's is to know nothing of it.
    pub(super) is_cut: bool,
    /// The server's side ends when it has got everything that was kept.
    pub(super) ends_after: bool,
    /// Both sides end at once.
    pub(super) is_aborted: bool,
}

impl Net {
    pub(super) fn new(seed: u64, rules: Vec<Rule>) -> Net {
        Net {
            started: now(),
            decider: Mutex::new(Decider::new(seed, rules)),
            past: Mutex::default(),
            partition: watch::Sender::new(None),
            lines: Mutex::default(),
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            replies: AtomicU64::new(0),
        }
    }

    /// A connection was made: its number, and its state.
    pub(super) fn open(&self) -> (u64, watch::Sender<Line>) {
        let mut lines = locked(&self.lines);
        let number = self.connections.fetch_add(1, Ordering::SeqCst) + 1;
        let line = watch::Sender::new(Line::default());
        lines.insert(number, line.clone());
        (number, line)
    }

    pub(super) fn close(&self, number: u64) {
        locked(&self.lines).remove(&number);
    }

    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn open_connections(&self) -> usize {
        locked(&self.lines).len()
    }

    /// Changes every connection that there is.
    pub(super) fn each(&self, change: impl Fn(&mut Line)) {
        locked(&self.lines).values().for_each(|line| line.send_modify(&change));
    }

    pub(super) fn add(&self, rule: Rule) {
        locked(&self.decider).add(rule);
        self.partition.send_modify(|_| ());
    }

    pub(super) fn clear(&self) {
        let done = locked(&self.decider).clear();
        locked(&self.past).extend(done);
        self.partition.send_modify(|_| ());
    }

    pub(super) fn injected(&self) -> Vec<Injected> {
        let mut all = locked(&self.past).clone();
        all.extend(locked(&self.decider).injected());
        all
    }

    pub(super) fn set_partition(&self, newcomers: Option<Newcomers>) {
        self.partition.send_replace(newcomers);
    }

    /// What is to be done with this request, which arrives now.
    pub(super) fn decide(&self, connection: u64, number: u64, words: &[&[u8]]) -> Verdict {
        let now_us = self.now_us();
        locked(&self.decider).decide(Request { connection, number, words, now_us })
    }

    /// Whether new connections are refused now.
    pub(super) fn refuses(&self) -> bool {
        let refuses = matches!(self.parted(), Some((Newcomers::Refuse, _)));
        if refuses {
            locked(&self.decider).met_partition(self.now_us());
        }
        refuses
    }

    /// Waits until nothing parts client and server. The answer is whether something did.
    pub(super) async fn passable(&self) -> bool {
        let mut has_met = false;
        let mut changes = self.partition.subscribe();
        loop {
            changes.mark_unchanged();
            let Some((_, until_us)) = self.parted() else { return has_met };
            if !has_met {
                locked(&self.decider).met_partition(self.now_us());
                has_met = true;
            }
            match until_us {
                // The sender lives as long as this.
                None => drop(changes.changed().await),
                Some(until_us) => tokio::select! {
                    _ = changes.changed() => {}
                    () = sleep_until(self.at(until_us).into()) => {}
                },
            }
        }
    }

    fn parted(&self) -> Option<(Newcomers, Option<u64>)> {
        let by_hand = self.partition.borrow().map(|newcomers| (newcomers, None));
        by_hand.or_else(|| locked(&self.decider).partition(self.now_us()))
    }

    /// A moment of the proxy's own time.
    pub(super) fn at(&self, us: u64) -> Instant {
        self.started + Duration::from_micros(us)
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// What is inside is whole also if a thread that changed it has panicked.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
