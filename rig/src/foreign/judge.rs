//! What programs have said, counted.

use std::collections::BTreeMap;

use super::event::{Event, Happening};

/// An attempt to acquire hangs if it lasts longer, in microseconds: ten TTLs. Less may be a machine
/// that is busy.
pub(super) const HANG_US: i64 = 2_000_000;

/// What programs believed and were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Beliefs {
    /// Attempts that were granted.
    pub(super) acquired: u64,
    /// Attempts that were not.
    pub(super) denied: u64,
    /// Attempts that took longer than [`HANG_US`], or never ended.
    pub(super) hung: u64,
    /// The longest attempt, in microseconds.
    pub(super) slowest_us: i64,
    /// Renewals that failed with "already taken".
    pub(super) told_taken: u64,
    /// Windows of belief that began in another task's.
    pub(super) overlaps: u64,
    /// The longest time of two in their windows, in microseconds.
    pub(super) overlap_us: i64,
}

/// A time in which a task believed to hold the lock.
#[derive(Clone, Copy, Debug)]
struct Window {
    from_us: i64,
    end_us: i64,
    task: (usize, u32),
}

/// Counts what `programs` have said, each by itself in order. If `is_one_key` all their tasks have
/// used one key, else each its own. `ended_us` is when the last of them had ended.
pub(super) fn judge(programs: &[Vec<Event>], is_one_key: bool, ended_us: i64) -> Beliefs {
    let mut beliefs = Beliefs::default();
    let mut windows = Vec::new();
    for (program, events) in programs.iter().enumerate() {
        let mut tasks: BTreeMap<u32, Vec<&Event>> = BTreeMap::new();
        for event in events {
            tasks.entry(event.task).or_default().push(event);
        }
        for (number, events) in tasks {
            attempts(&events, ended_us, &mut beliefs);
            windows.extend(beliefs_of(&events, (program, number), ended_us));
        }
    }
    if is_one_key {
        overlaps(windows, &mut beliefs);
    }
    beliefs
}

fn attempts(events: &[&Event], ended_us: i64, beliefs: &mut Beliefs) {
    let mut asked_us = None;
    let mut ended = |asked_us: Option<i64>, at_us: i64| {
        let Some(asked_us) = asked_us else { return };
        let took_us = at_us - asked_us;
        beliefs.slowest_us = beliefs.slowest_us.max(took_us);
        beliefs.hung += u64::from(took_us > HANG_US);
    };
    for event in events {
        match event.event {
            Happening::Asks => asked_us = Some(event.at_us),
            Happening::Held => ended(asked_us.take(), event.at_us),
            Happening::Denied => ended(asked_us.take(), event.at_us),
            Happening::Extended
            | Happening::Failed
            | Happening::Stops
            | Happening::Released
            | Happening::Unreleased
            | Happening::Done => {}
        }
    }
    ended(asked_us, ended_us);
    let count = |wanted: Happening| events.iter().filter(|it| it.event == wanted).count() as u64;
    beliefs.acquired += count(Happening::Held);
    beliefs.denied += count(Happening::Denied);
    let told_taken = |it: &&&Event| it.event == Happening::Failed && it.taken;
    beliefs.told_taken += events.iter().filter(told_taken).count() as u64;
}

fn beliefs_of(events: &[&Event], task: (usize, u32), ended_us: i64) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut present: Option<Window> = None;
    for event in events {
        let until_us = event.until_us.unwrap_or(i64::MAX);
        match event.event {
            Happening::Held => {
                present = Some(Window { from_us: event.at_us, end_us: until_us, task });
            }
            Happening::Extended => {
                // What had ended before is a window of its own.
                if let Some(before) = present.filter(|before| before.end_us < event.at_us) {
                    windows.push(before);
                    present = Some(Window { from_us: event.at_us, ..before });
                }
                if let Some(present) = &mut present {
                    present.end_us = until_us;
                }
            }
            Happening::Stops => {
                let end = |it: Window| Window { end_us: it.end_us.min(event.at_us), ..it };
                windows.extend(present.take().map(end));
            }
            Happening::Asks
            | Happening::Denied
            | Happening::Failed
            | Happening::Released
            | Happening::Unreleased
            | Happening::Done => {}
        }
    }
    windows.extend(present.map(|it| Window { end_us: it.end_us.min(ended_us), ..it }));
    windows
}

fn overlaps(mut windows: Vec<Window>, beliefs: &mut Beliefs) {
    windows.sort_by_key(|window| (window.from_us, window.task));
    let mut open: Vec<Window> = Vec::new();
    for window in windows {
        open.retain(|other| other.end_us > window.from_us);
        let others = open.iter().filter(|other| other.task != window.task);
        let longest = others.map(|other| other.end_us.min(window.end_us) - window.from_us).max();
        if let Some(together_us) = longest.filter(|together_us| *together_us > 0) {
            beliefs.overlaps += 1;
            beliefs.overlap_us = beliefs.overlap_us.max(together_us);
        }
        open.push(window);
    }
}
