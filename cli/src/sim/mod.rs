//! `leasehold sim`: seeds through the same world, in virtual time.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use leasehold_sim::{Options, Results, Shard, campaign, campaign_twice};

mod args;
mod causes;
mod merge;
mod print;
mod progress;
mod save;
mod steer;

pub(crate) use args::{Drawn, SimArgs, claim_named};
pub(crate) use merge::ReadError;

use args::{CampaignArgs, Instead, Output};
use progress::{Goal, Progress, milliseconds};

use crate::check::stop_on_ctrl_c;
use crate::exit::{Ending, Failure, say};

/// Runs the command.
pub(crate) fn run(args: &SimArgs) -> Result<Ending, Failure> {
    match &args.instead {
        Some(Instead::Merge(args)) => merge::run(args),
        None if args.campaign.steer.is_some() => steer::run(&args.campaign),
        None => run_campaign(&args.campaign),
    }
}

fn run_campaign(args: &CampaignArgs) -> Result<Ending, Failure> {
    if let Some(folder) = &args.output.save {
        // Before the campaign, not after it.
        crate::exit::prepare(folder)?;
    }
    let interrupted = stop_on_ctrl_c();
    give(&results(args, &interrupted)?, &args.output, &interrupted)
}

/// Runs the seeds that are asked for, until they are done or `interrupted`.
fn results(args: &CampaignArgs, interrupted: &AtomicBool) -> Result<Results, Failure> {
    let options = args.drawn.options()?;
    let all = args.minutes.map_or(args.seeds.0.clone(), |_| args.from..u64::MAX);
    let shard = args.shard.unwrap_or(Shard::WHOLE);
    let seeds = shard.seeds(&all);
    let goal = args.minutes.map_or(Goal::Seeds(seeds.end - seeds.start), |it| Goal::Time(it.0));

    let over = AtomicBool::new(false);
    let display = Progress::start(goal, args.output.json);
    let progress = |done: u64, failed: u64| {
        display.show(done, failed);
        if display.is_over() || interrupted.load(Ordering::Relaxed) {
            over.store(true, Ordering::Relaxed);
        }
    };
    let run = if args.check_determinism { campaign_twice } else { campaign };
    let campaign = run(seeds, &options, args.threads(), &progress, &over);
    let elapsed_ms = milliseconds(display.finish());

    // What was run in a given time is a whole of its own.
    let ran = campaign.seeds.max(1);
    let all = args.minutes.map_or(all, |_| args.from..args.from + ran);
    let results = Results::of(&campaign, &options, all, shard);
    let stopped = args.minutes.is_some() && interrupted.load(Ordering::Relaxed);
    let truncated = results.truncated || stopped;
    Ok(Results { twice: args.check_determinism, truncated, elapsed_ms, ..results })
}

/// Prints a result, and saves the failing seeds that are asked for or that nobody expected.
fn give(results: &Results, output: &Output, stop: &AtomicBool) -> Result<Ending, Failure> {
    if output.json {
        say(serde_json::to_string_pretty(results).map_err(Failure::Unwritable)?);
    } else {
        say(print::tables(results));
    }
    output.causes.show(&results.counts, &args::typed(&results.options), output.json)?;
    let write = |folder: &Path| save::save(results, folder, stop);
    give_saved(output, &results.options, results.failures_total > 0, &write)?;
    Ok(if !results.is_as_claimed() {
        Ending::Broken
    } else if results.truncated {
        Ending::Truncated
    } else {
        Ending::AsClaimed
    })
}

/// Has what failed written where it was asked for, or where it belongs if nobody expected it.
fn give_saved(
    output: &Output,
    options: &Options,
    failed: bool,
    write: &dyn Fn(&Path) -> Result<Vec<save::Saved>, Failure>,
) -> Result<(), Failure> {
    match destination(output, options, failed) {
        Some(Destination::Asked(folder)) => tell(output, &write(folder)?),
        // A folder that cannot be written to is then no reason to end otherwise.
        Some(Destination::Unasked(folder)) => match write(folder) {
            Ok(saved) => tell(output, &saved),
            Err(failure) => say_unless(output.json, &format!("not saved: {failure}")),
        },
        None => {}
    }
    Ok(())
}

/// Where failing seeds are saved.
#[derive(Debug, PartialEq, Eq)]
enum Destination<'a> {
    /// Where the user wants them.
    Asked(&'a Path),
    /// In the usual place, because nobody expected that there are any.
    Unasked(&'a Path),
}

fn destination<'a>(output: &'a Output, options: &Options, failed: bool) -> Option<Destination<'a>> {
    let unexpected = failed && save::must_hold(options);
    match &output.save {
        Some(folder) => Some(Destination::Asked(folder)),
        None => unexpected.then_some(Destination::Unasked(Path::new(save::FOLDER))),
    }
}

fn tell(output: &Output, saved: &[save::Saved]) {
    for save::Saved { path, note } in saved {
        say_unless(output.json, &format!("saved: {}  ({note})", path.display()));
    }
}

fn say_unless(silent: bool, text: &str) {
    if !silent {
        say(text);
    }
}

#[cfg(test)]
mod tests {
    use leasehold_world::Lifecycle;

    use super::*;

    #[test]
    fn seeds_are_saved_if_asked_for_or_if_what_ships_breaks() {
        let ships = Options::default();
        let detached = Options { lifecycle: Lifecycle::Detached, ..ships };
        let usual = || Some(Destination::Unasked(Path::new("reports/seeds")));
        let silent = Output { save: None, ..Output::default() };
        assert_eq!(destination(&silent, &ships, false), None);
        assert_eq!(destination(&silent, &ships, true), usual());
        assert_eq!(destination(&silent, &detached, true), None);
        let asked = Output { save: Some("there".into()), ..Output::default() };
        let there = || Some(Destination::Asked(Path::new("there")));
        assert_eq!(destination(&asked, &ships, true), there());
        assert_eq!(destination(&asked, &detached, true), there());
    }
}
