//! Who believed when, and whether two ever did at once.

use std::collections::BTreeMap;

use super::words::Word;

/// A time in which somebody believed to hold a key, on the machine's monotonic clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The process, counted over the whole run.
    pub(super) process: usize,
    pub(super) key: String,
    pub(super) from_us: i64,
    pub(super) to_us: i64,
}

/// Two windows of one key that share a moment.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Overlap {
    /// The key.
    pub key: String,
    /// The two processes, counted over the whole run.
    pub processes: [usize; 2],
    /// For how long both believed, in microseconds.
    pub length_us: i64,
}

/// The locks of one process that have begun.
#[derive(Clone, Debug, Default)]
pub(super) struct Holdings {
    open: BTreeMap<u64, (String, i64, i64)>,
    closed: Vec<(String, i64, i64)>,
}

impl Holdings {
    pub(super) fn hear(&mut self, word: &Word) {
        match word {
            Word::Holds { hold, key, from_us, until_us } => {
                self.open.insert(*hold, (key.clone(), *from_us, *until_us));
            }
            Word::Until { hold, until_us } => {
                if let Some((_, _, end)) = self.open.get_mut(hold) {
                    *end = *until_us;
                }
            }
            Word::Over { hold, at_us, .. } => {
                if let Some((key, from_us, _)) = self.open.remove(hold) {
                    self.closed.push((key, from_us, *at_us));
                }
            }
            Word::Missed(_) | Word::Wrong(_) => {}
        }
    }

    /// All of them, if the process was killed at a moment: what had not ended ended then, or with
    /// the lease.
    pub(super) fn windows(self, process: usize, killed_us: i64) -> impl Iterator<Item = Window> {
        let left =
            self.open.into_values().map(move |(key, from, to)| (key, from, to.min(killed_us)));
        let all = self.closed.into_iter().chain(left);
        all.map(move |(key, from_us, to_us)| Window { process, key, from_us, to_us })
    }
}

/// What the windows of a run show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) windows: usize,
    pub(super) overlaps: Vec<Overlap>,
    /// The shortest time between two holders of one key, in microseconds.
    pub(super) shortest_gap_us: Option<i64>,
}

/// Holds the windows against one another.
pub(super) fn compare(mut windows: Vec<Window>) -> Held {
    let mut held = Held { windows: windows.len(), ..Held::default() };
    windows.sort_by(|a, b| (&a.key, a.from_us).cmp(&(&b.key, b.from_us)));
    let mut latest: Option<&Window> = None;
    for window in &windows {
        if let Some(before) = latest.filter(|before| before.key == window.key) {
            let gap_us = window.from_us - before.to_us;
            if gap_us <= 0 {
                held.overlaps.push(Overlap {
                    key: window.key.clone(),
                    processes: [before.process, window.process],
                    length_us: before.to_us.min(window.to_us) - window.from_us,
                });
            }
            held.shortest_gap_us = Some(held.shortest_gap_us.map_or(gap_us, |it| it.min(gap_us)));
            if before.to_us > window.to_us {
                continue;
            }
        }
        latest = Some(window);
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(process: usize, key: &str, from_us: i64, to_us: i64) -> Window {
        Window { process, key: key.to_owned(), from_us, to_us }
    }

    #[test]
    fn windows_that_share_a_moment_overlap() {
        let apart = vec![window(1, "a", 12, 20), window(0, "a", 0, 10), window(2, "b", 5, 15)];
        let held = compare(apart);
        assert_eq!((held.windows, held.overlaps, held.shortest_gap_us), (3, vec![], Some(2)));
        // The second one ends before the first, and the third begins within the first.
        let nested = vec![window(0, "a", 0, 30), window(1, "a", 5, 6), window(2, "a", 20, 40)];
        let overlaps = compare(nested).overlaps;
        let processes: Vec<_> = overlaps.iter().map(|it| (it.processes, it.length_us)).collect();
        assert_eq!(processes, [([0, 1], 1), ([0, 2], 10)]);
    }

    #[test]
    fn a_lock_ends_with_its_process_or_with_its_lease() {
        let mut holdings = Holdings::default();
        for line in
            ["holds 1 a 0 50", "holds 2 b 0 50", "until 2 90", "holds 3 c 5 80", "over 3 7 x"]
        {
            holdings.hear(&line.parse().unwrap());
        }
        let mut windows: Vec<_> = holdings.windows(4, 60).collect();
        windows.sort_by(|a, b| a.key.cmp(&b.key));
        assert_eq!(windows, [window(4, "a", 0, 50), window(4, "b", 0, 60), window(4, "c", 5, 7)]);
    }
}
