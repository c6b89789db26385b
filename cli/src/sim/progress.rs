//! How far a campaign has come, how fast it is, and when it is to end.

use std::time::{Duration, Instant};

use indicatif::{FormattedDuration, HumanCount, ProgressBar};

use crate::check::now;
use crate::layout::bar;

/// What ends a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// So many seeds.
    Seeds(u64),
    /// So much time.
    Time(Duration),
}

/// The display of one campaign.
pub(super) struct Progress {
    bar: ProgressBar,
    goal: Goal,
    started: Instant,
}

impl Progress {
    /// Starts the clock.
    pub(super) fn start(goal: Goal, hidden: bool) -> Progress {
        Progress { bar: bar(length(goal), "{bar:20} {msg}", hidden), goal, started: now() }
    }

    /// Shows how many seeds are done and how many of them failed.
    pub(super) fn show(&self, done: u64, failed: u64) {
        let elapsed = self.started.elapsed();
        self.bar.set_position(position(self.goal, done, elapsed));
        let failed = format!("{} failing", HumanCount(failed));
        self.bar.set_message(message(self.goal, (done, "seeds"), &failed, elapsed));
    }

    /// Shows how many runs of a search are done, and the least slack so far.
    pub(super) fn show_steered(&self, done: u64, slack: &str) {
        let elapsed = self.started.elapsed();
        self.bar.set_position(position(self.goal, done, elapsed));
        let slack = format!("least slack {slack}");
        self.bar.set_message(message(self.goal, (done, "runs"), &slack, elapsed));
    }

    /// Whether the time is over, if that is the goal.
    pub(super) fn is_over(&self) -> bool {
        match self.goal {
            Goal::Seeds(_) => false,
            Goal::Time(limit) => self.started.elapsed() >= limit,
        }
    }

    /// Removes the display; how long it all took.
    pub(super) fn finish(self) -> Duration {
        self.bar.finish_and_clear();
        self.started.elapsed()
    }
}

fn length(goal: Goal) -> u64 {
    match goal {
        Goal::Seeds(seeds) => seeds,
        Goal::Time(limit) => milliseconds(limit),
    }
}

fn position(goal: Goal, done: u64, elapsed: Duration) -> u64 {
    match goal {
        Goal::Seeds(_) => done,
        Goal::Time(limit) => milliseconds(elapsed.min(limit)),
    }
}

/// The same in whole milliseconds.
pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn message(goal: Goal, (done, what): (u64, &str), found: &str, elapsed: Duration) -> String {
    let rate = HumanCount(per_second(done, elapsed));
    let done_text = HumanCount(done);
    let (of, left) = match goal {
        Goal::Seeds(seeds) => {
            let share = seeds.saturating_sub(done) as f64 / done.max(1) as f64;
            let left = Duration::try_from_secs_f64(elapsed.as_secs_f64() * share);
            (format!(" of {}", HumanCount(seeds)), left.unwrap_or(Duration::MAX))
        }
        Goal::Time(limit) => (String::new(), limit.saturating_sub(elapsed)),
    };
    let left = FormattedDuration(left);
    format!("{done_text}{of} {what}  {rate} {what}/s  {found}  {left} left")
}

/// How many in a second.
pub(super) fn per_second(count: u64, elapsed: Duration) -> u64 {
    // A whole number is enough for a display, and a time of zero gives the largest.
    (count as f64 / elapsed.as_secs_f64()) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_display_tells_rate_failures_and_what_is_left() {
        let elapsed = Duration::from_secs(4);
        let seeds = message(Goal::Seeds(200_000), (50_000, "seeds"), "3 failing", elapsed);
        let wanted = "50,000 of 200,000 seeds  12,500 seeds/s  3 failing  00:00:12 left";
        assert_eq!(seeds, wanted);
        let time =
            message(Goal::Time(Duration::from_secs(90)), (50_000, "seeds"), "0 failing", elapsed);
        assert_eq!(time, "50,000 seeds  12,500 seeds/s  0 failing  00:01:26 left");
        // Nothing is known yet, and nothing is too much.
        assert!(
            message(Goal::Seeds(u64::MAX), (0, "seeds"), "0 failing", Duration::ZERO)
                .contains("0 failing")
        );
        let late = message(Goal::Time(Duration::from_secs(1)), (7, "seeds"), "7 failing", elapsed);
        assert!(late.ends_with("00:00:00 left"), "{late}");
    }
}
