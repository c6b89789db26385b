//! `leasehold advise`: which TTL, interval and time-out suit a situation, found by simulation.

mod args;
mod json;
mod sentences;
mod text;
mod units;

pub(crate) use args::AdviseArgs;

use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::ProgressBar;
use leasehold_sim::advise::{Advice, Control, Goal, Situation, Verdict, advise};

use crate::check::{now, stop_on_ctrl_c};
use crate::exit::{Ending, Failure, say};
use crate::layout::bar;

/// A minute, in microseconds.
const MINUTE_US: u64 = 60_000_000;

/// Everything that is printed.
struct Report<'a> {
    situation: &'a Situation,
    goal: &'a Goal,
    advice: &'a Advice,
    seed: u64,
}

/// Runs the command.
pub(crate) fn run(args: &AdviseArgs) -> Result<Ending, Failure> {
    let situation = args.situation()?;
    let goal = args.goal(&situation)?;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let bar = progress_bar(args.json);
    let expect = |held_us: u64| bar.inc_length(held_us / MINUTE_US);
    let progress = |held_us: u64| bar.inc(held_us / MINUTE_US);
    let stop = stop_on_ctrl_c();
    let deadline = args.minutes.map(|minutes| now() + Duration::from_secs_f64(minutes * 60.0));
    let go_on = || {
        let late = deadline.is_some_and(|deadline| now() >= deadline);
        !late && !stop.load(Ordering::Relaxed)
    };
    let control = Control {
        threads: args.threads.map_or_else(cores, usize::from),
        seed: args.seed,
        go_on: &go_on,
        expect: &expect,
        progress: &progress,
    };
    let advice = advise(&situation, &goal, &control)?;
    bar.finish_and_clear();
    let report = Report { situation: &situation, goal: &goal, advice: &advice, seed: args.seed };
    if args.json {
        say(json::json(&report)?);
    } else {
        say(text::text(&report)?);
    }
    Ok(match advice.verdict {
        _ if advice.truncated => Ending::Truncated,
        Verdict::NoTarget | Verdict::Met => Ending::AsClaimed,
        Verdict::NotMet | Verdict::NotShown { .. } => Ending::Broken,
    })
}

/// A bar over the minutes for which leases are held. It grows as it turns out how long it takes.
fn progress_bar(hidden: bool) -> ProgressBar {
    bar(0, "{bar:20} {pos}/{len} minutes of holding  {elapsed} (about {eta} left)", hidden)
}
