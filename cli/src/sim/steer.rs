//! `leasehold sim --steer slack`: a search for the least slack, instead of seeds as they come.

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use leasehold_sim::steer::{Found, Round, Search, Steered, steer};
use leasehold_sim::{Options, record_plan_breaking};
use leasehold_world::Trace;

use super::args::CampaignArgs;
use super::print::{length, range, words};
use super::progress::{Goal, Progress};
use super::{give_saved, save};
use crate::check::stop_on_ctrl_c;
use crate::exit::{Ending, Failure, say};
use crate::layout::table;

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Measure {
    /// The time from the end of one client's belief to the beginning of the next client's
    Slack,
}

/// What was searched, and what came of it.
struct Steering {
    options: Options,
    seeds: Range<u64>,
    search: Search,
    truncated: bool,
}

/// Runs the command.
pub(super) fn run(args: &CampaignArgs) -> Result<Ending, Failure> {
    if let Some(folder) = &args.output.save {
        crate::exit::prepare(folder)?;
    }
    let interrupted = stop_on_ctrl_c();
    let steering = searched(args, &interrupted)?;
    if args.output.json {
        say(steering.json());
    } else {
        say(steering.text());
    }
    let Steering { options, seeds, search, truncated } = &steering;
    let broken = !search.found.is_empty() || search.overlap().is_some();
    let write = |folder: &Path| save_found(search, options, seeds.start, folder, &interrupted);
    give_saved(&args.output, options, !search.found.is_empty(), &write)?;
    Ok(match (broken, truncated) {
        (true, _) => Ending::Broken,
        (false, true) => Ending::Truncated,
        (false, false) => Ending::AsClaimed,
    })
}

/// Searches, until the runs are done, the time is over, or `interrupted`.
fn searched(args: &CampaignArgs, interrupted: &AtomicBool) -> Result<Steering, Failure> {
    let options = args.drawn.options()?;
    let all = args.minutes.map_or(args.seeds.0.clone(), |_| args.from..u64::MAX);
    let goal = args.minutes.map_or(Goal::Seeds(all.end - all.start), |it| Goal::Time(it.0));
    let over = AtomicBool::new(false);
    let display = Progress::start(goal, args.output.json);
    let progress = |round: &Round| {
        display.show_steered(round.runs, &length(round.slack_ns));
        if display.is_over() || interrupted.load(Ordering::Relaxed) {
            over.store(true, Ordering::Relaxed);
        }
    };
    let search = steer(all.clone(), &options, args.threads(), &progress, &over);
    display.finish();
    // What was run in a given time is a whole of its own.
    let timed = args.minutes.is_some();
    let seeds = if timed { all.start..all.start + search.runs().max(1) } else { all };
    let stopped = interrupted.load(Ordering::Relaxed);
    let truncated = search.truncated && (stopped || !timed);
    Ok(Steering { options, seeds, search, truncated })
}

/// Saves the first run that broke each claim, a few at most.
fn save_found(
    search: &Search,
    options: &Options,
    from: u64,
    folder: &Path,
    stop: &AtomicBool,
) -> Result<Vec<save::Saved>, Failure> {
    let folder = folder.join(save::name_of(options));
    let mut saved = Vec::new();
    for Found { claim, by } in save::most_telling(&search.found, |found| found.claim) {
        let name = format!("steered-{from}-run-{}-{}", by.run, claim.name());
        let path = folder.join(save::as_file(&name));
        let whole = record_plan_breaking(&by.plan, *claim);
        let whole = whole.ok_or_else(|| Failure::NotAgain { path: path.clone() })?;
        // Its seed alone would draw another run.
        saved.push(save::write_shrunk(path, &Trace { seed: None, ..whole }, stop)?);
    }
    Ok(saved)
}

impl Steering {
    fn text(&self) -> String {
        let Steering { options, seeds, search, .. } = self;
        let mut nearer = table(&["rounds", "runs", "least slack", "least spare"], &[0, 1, 2, 3]);
        for round in &search.nearer {
            let Round { rounds, runs, slack_ns, spare_ns } = round;
            let cells =
                [rounds.to_string(), runs.to_string(), length(*slack_ns), length(*spare_ns)];
            nearer.add_row(cells);
        }
        let mut lines = vec![
            format!("Steered from seeds {}: {}", range(seeds), words(options)),
            nearer.to_string(),
            "Slack: from the end of one client's belief to the beginning of the next client's.\n\
             Spare: from there until a majority of nodes could have granted the lock to another."
                .to_owned(),
        ];
        lines.extend(search.found.iter().map(told));
        lines.extend(search.overlap().map(|run| {
            let overlap = length(run.slack_ns.map(i64::saturating_neg));
            format!("run {}: two clients believed at once, for {overlap}", run.run)
        }));
        lines.push(self.conclusion());
        lines.join("\n")
    }

    fn conclusion(&self) -> String {
        let Search { found, .. } = &self.search;
        let runs = self.search.runs();
        let broken = match found.len() {
            0 if self.search.overlap().is_some() => String::new(),
            0 => "Nothing broke. ".to_owned(),
            1 => "One claim broke. ".to_owned(),
            several => format!("{several} claims broke. "),
        };
        if self.truncated {
            return format!("{broken}TRUNCATED: stopped after {runs} runs.");
        }
        format!("{broken}{runs} runs were made.")
    }

    fn json(&self) -> String {
        let Steering { options, seeds, search, truncated } = self;
        let run = |run: &Steered| {
            serde_json::json!({
                "run": run.run,
                "slack_ns": run.slack_ns,
                "spare_ns": run.spare_ns,
            })
        };
        let round = |round: &Round| {
            serde_json::json!({
                "rounds": round.rounds,
                "runs": round.runs,
                "least_slack_ns": round.slack_ns,
                "least_spare_ns": round.spare_ns,
            })
        };
        let found =
            |found: &Found| serde_json::json!({ "claim": found.claim.name(), "run": found.by.run });
        let value = serde_json::json!({
            "steer": "slack",
            "program": env!("CARGO_PKG_VERSION"),
            "options": options,
            "seeds": { "from": seeds.start, "to": seeds.end },
            "runs": search.runs(),
            "truncated": truncated,
            "nearer": search.nearer.iter().map(round).collect::<Vec<_>>(),
            "least_slack": search.least_slack.as_ref().map(run),
            "least_spare": search.least_spare.as_ref().map(run),
            "broken": search.found.iter().map(found).collect::<Vec<_>>(),
            "overlap": search.overlap().map(run),
        });
        format!("{value:#}")
    }
}

fn told(found: &Found) -> String {
    let Found { claim, by } = found;
    format!("run {}: {}: {}", by.run, claim.name(), claim.verdict())
}
