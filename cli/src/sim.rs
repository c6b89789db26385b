//! `leasehold sim`: seeds through the same world, in virtual time.

use std::ops::Range;
use std::str::FromStr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use leasehold::protocol::{Extend, Mutant, Transport};
use leasehold_sim::{
    Campaign, Cause, ClientCount, NodeCount, Options, Outcome, Profile, campaign, record,
};
use leasehold_world::{Lifecycle, Trace};

use crate::check::stop_on_ctrl_c;
use crate::exit::{Ending, Failure, say};

/// From how many seeds on everything that can happen must have happened.
const ENOUGH_SEEDS: u64 = 1000;
/// How many failing seeds are printed.
const SHOWN: usize = 5;

/// What a seed is expanded with.
#[derive(clap::Args, Debug)]
pub(crate) struct Drawn {
    /// Which faults are put in, and how strong: calm, swarm, hostile, drift, restart, repair,
    /// contention, or one alone: delay, loss, partition, reset, crash, amnesia, freeze, pause,
    /// stall, suspend, jump, resend, scripts, cancel
    #[arg(long, default_value = "swarm")]
    profile: Profile,
    /// Which program: detached, sleep, double_check or joined
    #[arg(long, default_value = "joined")]
    lifecycle: Lifecycle,
    /// Which extend operation: touch or touch_or_set
    #[arg(long, default_value = "touch")]
    extend: Extend,
    /// Which transport: fifo or pooled
    #[arg(long, default_value = "fifo")]
    transport: Transport,
    /// So many nodes (1 to 9) instead of a number drawn from the seed
    #[arg(long)]
    nodes: Option<u8>,
    /// So many clients (1 to 64) instead of a number drawn from the seed
    #[arg(long)]
    clients: Option<u8>,
    /// Break one rule of the machine on purpose, to see that it is noticed
    #[arg(long)]
    mutant: Option<Mutant>,
}

impl Drawn {
    fn options(&self) -> Result<Options, Failure> {
        let argument = |error: leasehold_sim::OptionsError| Failure::Argument(error.to_string());
        let options = Options {
            profile: self.profile,
            lifecycle: self.lifecycle,
            extend: self.extend,
            transport: self.transport,
            mutant: self.mutant,
            nodes: self.nodes.map(NodeCount::try_from).transpose().map_err(argument)?,
            clients: self.clients.map(ClientCount::try_from).transpose().map_err(argument)?,
        };
        options.check().map_err(argument)?;
        Ok(options)
    }

    /// The trace of one seed.
    pub(crate) fn record(&self, seed: u64) -> Result<Trace, Failure> {
        Ok(record(seed, &self.options()?).1)
    }

    /// The options that differ from the defaults, as they are typed.
    fn typed(&self) -> String {
        let mut typed = String::new();
        if self.profile != Profile::default() {
            typed += &format!(" --profile {}", self.profile);
        }
        if self.lifecycle != Lifecycle::Joined {
            typed += &format!(" --lifecycle {}", self.lifecycle);
        }
        if self.extend != Extend::default() {
            typed += &format!(" --extend {}", self.extend);
        }
        if self.transport != Transport::default() {
            typed += &format!(" --transport {}", self.transport);
        }
        for (name, number) in [("nodes", self.nodes), ("clients", self.clients)] {
            typed += &number.map_or(String::new(), |number| format!(" --{name} {number}"));
        }
        typed + &self.mutant.map_or(String::new(), |mutant| format!(" --mutant {}", mutant.name()))
    }
}

/// Seeds from the first up to and without the second.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seeds(Range<u64>);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rule = "seeds are given as A..B with A below B, for instance 0..1000";
        let (from, to) = text.split_once("..").ok_or(rule)?;
        let (from, to): (u64, u64) =
            (from.parse().map_err(|_| rule)?, to.parse().map_err(|_| rule)?);
        if from < to { Ok(Seeds(from..to)) } else { Err(rule.to_owned()) }
    }
}

/// Options of `leasehold sim`.
#[derive(clap::Args, Debug)]
pub(crate) struct SimArgs {
    /// Which seeds, from the first up to and without the second
    #[arg(long, default_value = "0..1000", value_name = "A..B")]
    seeds: Seeds,
    #[command(flatten)]
    drawn: Drawn,
    /// Threads; as many as there are cores if not given. The result does not depend on it
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &SimArgs) -> Result<Ending, Failure> {
    let options = args.drawn.options()?;
    let seeds = args.seeds.0.clone();
    let asked = seeds.end - seeds.start;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.map_or_else(cores, usize::from);
    let bar = progress_bar(asked, args.json);
    let progress = |done: u64, failed: u64| {
        bar.set_position(done);
        bar.set_message(format!("{failed} failing"));
    };
    let stop = stop_on_ctrl_c();
    let started = now();
    let result = campaign(seeds, &options, threads, &progress, &stop);
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let truncated = stop.load(Ordering::Relaxed) && result.seeds < asked;
    let zeroes = if result.seeds >= ENOUGH_SEEDS && result.failures_total == 0 {
        result.counts.zeroes(&options)
    } else {
        Vec::new()
    };
    if args.json {
        say(json(&result, &zeroes, truncated));
    } else {
        print(args, &result, &zeroes, seconds);
        if truncated {
            say(format!("TRUNCATED: {} of {asked} seeds were run", result.seeds));
        }
    }
    Ok(if result.failures_total > 0 || !zeroes.is_empty() {
        Ending::Broken
    } else if truncated {
        Ending::Truncated
    } else {
        Ending::AsClaimed
    })
}

fn progress_bar(seeds: u64, hidden: bool) -> ProgressBar {
    let bar = if hidden { ProgressBar::hidden() } else { ProgressBar::new(seeds) };
    let style = "{bar:20} {pos}/{len} seeds  {per_sec}  {elapsed} (about {eta} left)  {msg}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar
}

/// The clock of the progress display and of the rates; no run depends on it.
#[expect(clippy::disallowed_methods, reason = "display only")]
fn now() -> Instant {
    Instant::now()
}

fn print(args: &SimArgs, result: &Campaign, zeroes: &[&str], seconds: f64) {
    let counts = &result.counts;
    let virtual_seconds = counts.virtual_us as f64 / 1e6;
    say(format!(
        "{} seeds, {} steps, {virtual_seconds:.0} s of virtual time in {seconds:.1} s \
         ({:.0} seeds/s, {:.0} steps/s)",
        result.seeds,
        counts.steps,
        result.seeds as f64 / seconds,
        counts.steps as f64 / seconds,
    ));
    // What cannot happen under these options is left out; what should have happened is not.
    let matters = |(name, count): &(&str, u64)| *count > 0 || zeroes.contains(name);
    section("Faults injected", counts.hazards().filter(matters));
    section("Reported", counts.reports().filter(matters));
    section("Dangers approached (runs)", counts.witnesses().filter(matters));
    section("Causes of \"lock already taken\"", counts.causes().filter(|(_, n)| *n > 0));
    section("Claims broken (runs)", counts.breaks().filter(|(_, n)| *n > 0));
    say(format!("digest of all runs: {:016x}", result.digest));
    for name in zeroes {
        say(format!("NEVER HAPPENED  {name}: a campaign of this size should have met it"));
    }
    for outcome in result.failures.iter().take(SHOWN) {
        say(failure(outcome, &args.drawn.typed()));
    }
    for cause in Cause::ALL {
        if let Some(outcome) = first_with(result, cause) {
            say(message(outcome));
        }
    }
    match result.failures_total {
        0 => say("Nothing broke."),
        n => say(format!("{n} of {} seeds broke a claim.", result.seeds)),
    }
}

fn section(title: &str, rows: impl Iterator<Item = (&'static str, u64)>) {
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        say(title);
        rows.iter().for_each(|(name, count)| say(format!("  {count:>12}  {name}")));
    }
}

fn failure(outcome: &Outcome, typed: &str) -> String {
    let broken = outcome.broken.map_or(String::new(), |broken| {
        format!("step {}: {}: {}", broken.step, broken.claim.name(), broken.claim.verdict())
    });
    format!("seed {}: {broken}\n    leasehold replay {}{typed}", outcome.seed, outcome.seed)
}

/// The first failing run in which somebody read "lock already taken" for this cause.
fn first_with(result: &Campaign, cause: Cause) -> Option<&Outcome> {
    let has = |outcome: &&Outcome| outcome.taken.is_some_and(|taken| taken.cause == cause);
    result.failures.iter().find(has)
}

fn message(outcome: &Outcome) -> String {
    outcome.taken.map_or(String::new(), |taken| {
        format!(
            "seed {}: c{} reads \"lock already taken\" in step {}. Root cause: {}:\n    {}",
            outcome.seed,
            taken.client,
            taken.step,
            taken.cause.name(),
            taken.cause.explanation(),
        )
    })
}

fn json(result: &Campaign, zeroes: &[&str], truncated: bool) -> serde_json::Value {
    let map = |rows: &mut dyn Iterator<Item = (&'static str, u64)>| {
        rows.map(|(name, count)| (name.to_owned(), count.into())).collect::<serde_json::Map<_, _>>()
    };
    let counts = &result.counts;
    let failures = result.failures.iter().map(|outcome| {
        serde_json::json!({
            "seed": outcome.seed,
            "claim": outcome.broken.map(|broken| broken.claim.name()),
            "step": outcome.broken.map(|broken| broken.step),
            "cause": outcome.taken.map(|taken| taken.cause.name()),
        })
    });
    serde_json::json!({
        "seeds": result.seeds,
        "steps": counts.steps,
        "virtual_us": counts.virtual_us,
        "digest": format!("{:016x}", result.digest),
        "faults": map(&mut counts.hazards()),
        "reported": map(&mut counts.reports()),
        "dangers": map(&mut counts.witnesses()),
        "causes": map(&mut counts.causes()),
        "broken": map(&mut counts.breaks()),
        "failures_total": result.failures_total,
        "failures": failures.collect::<Vec<_>>(),
        "never_happened": zeroes,
        "truncated": truncated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_ranges_are_two_numbers_in_order() {
        assert_eq!("3..7".parse(), Ok(Seeds(3..7)));
        for wrong in ["", "7", "7..", "..7", "7..3", "3..3", "a..b", "1..2..3", "-1..2"] {
            assert!(wrong.parse::<Seeds>().is_err(), "{wrong}");
        }
    }
}
