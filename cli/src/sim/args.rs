//! What is typed behind `leasehold sim`, and the same options typed back.

use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use leasehold::protocol::{Extend, Mutant, Transport};
use leasehold_sim::{
    ClientCount, NodeCount, Options, OptionsError, Profile, Shard, record, record_breaking,
};
use leasehold_world::{CLAIMS, Claim, Lifecycle, Trace};

use super::causes::CausesArgs;
use super::steer::Measure;
use crate::exit::Failure;

/// What a seed is expanded with.
#[derive(clap::Args, Debug)]
pub(crate) struct Drawn {
    /// Which faults are put in, and how strong: calm, swarm, hostile, drift, restart, repair,
    /// contention, handover, or one alone: delay, loss, partition, reset, crash, amnesia, freeze,
    /// pause, stall, suspend, jump, resend, scripts, cancel, overlap
    #[arg(long, default_value_t)]
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
    /// The same, checked.
    pub(super) fn options(&self) -> Result<Options, Failure> {
        let argument = |error: OptionsError| Failure::Argument(error.to_string());
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

    /// The options that differ from the defaults, as they are typed.
    pub(crate) fn typed(&self) -> Result<String, Failure> {
        Ok(typed(&self.options()?))
    }

    /// The trace of one seed, up to the step that breaks `claim` or, if none is given, what says
    /// most.
    pub(crate) fn record(&self, seed: u64, claim: Option<Claim>) -> Result<Trace, Failure> {
        let options = self.options()?;
        let Some(claim) = claim else { return Ok(record(seed, &options).1) };
        record_breaking(seed, &options, claim).ok_or_else(|| {
            let name = claim.name();
            Failure::Argument(format!(
                "seed {seed} does not break \"{name}\"; leave --claim out to see what it does"
            ))
        })
    }
}

/// The options that differ from the defaults, as they are typed.
pub(super) fn typed(options: &Options) -> String {
    let Options { profile, lifecycle, extend, transport, mutant, nodes, clients } = *options;
    let ships = Options::default();
    let given = [
        ("profile", (profile != ships.profile).then(|| profile.to_string())),
        ("lifecycle", (lifecycle != ships.lifecycle).then(|| lifecycle.to_string())),
        ("extend", (extend != ships.extend).then(|| extend.to_string())),
        ("transport", (transport != ships.transport).then(|| transport.to_string())),
        ("nodes", nodes.map(|count| count.number().to_string())),
        ("clients", clients.map(|count| count.number().to_string())),
        ("mutant", mutant.map(|mutant| mutant.name().to_owned())),
    ];
    let typed = |(name, value): (&str, Option<String>)| value.map(|it| format!(" --{name} {it}"));
    given.into_iter().filter_map(typed).collect()
}

/// The claim of that name.
pub(crate) fn claim_named(name: &str) -> Result<Claim, String> {
    Claim::named(name).ok_or_else(|| {
        let known: Vec<&str> = CLAIMS.into_iter().map(Claim::name).collect();
        format!("not a claim; it is one of: {}", known.join(", "))
    })
}

/// Seeds from the first up to and without the second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seeds(pub(super) Range<u64>);

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

/// For how long seeds are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Minutes(pub(super) Duration);

impl FromStr for Minutes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rule = "minutes are a number above 0, for instance 10 or 0.5";
        let minutes: f64 = text.parse().map_err(|_| rule)?;
        let length = Duration::try_from_secs_f64(minutes * 60.0).map_err(|_| rule)?;
        if length.is_zero() { Err(rule.to_owned()) } else { Ok(Minutes(length)) }
    }
}

/// Options of `leasehold sim`.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct SimArgs {
    #[command(flatten)]
    pub(super) campaign: CampaignArgs,
    #[command(subcommand)]
    pub(super) instead: Option<Instead>,
}

/// What `leasehold sim` does instead of running seeds.
#[derive(clap::Subcommand, Debug)]
pub(super) enum Instead {
    /// Put the results of all shards together, each written with --json
    Merge(MergeArgs),
}

/// Options of a campaign.
#[derive(clap::Args, Debug)]
pub(super) struct CampaignArgs {
    /// Which seeds, from the first up to and without the second
    #[arg(long, default_value = "0..1000", value_name = "A..B")]
    pub(super) seeds: Seeds,
    /// Instead: as many seeds as can be run in so many minutes
    #[arg(long, conflicts_with = "seeds")]
    pub(super) minutes: Option<Minutes>,
    /// The first of those seeds
    #[arg(long, value_name = "SEED", requires = "minutes", default_value_t = 0,
        value_parser = clap::value_parser!(u64).range(..1 << 63))]
    pub(super) from: u64,
    /// Only part i of n of the seeds, for instance 3/8; `leasehold sim merge` puts them together
    #[arg(long, value_name = "i/n", conflicts_with = "minutes")]
    pub(super) shard: Option<Shard>,
    #[command(flatten)]
    pub(super) drawn: Drawn,
    /// Instead of the seeds as they come: keep the runs with the least slack, change them a little
    /// and run them again, as many runs as there are seeds, or until two clients believe at once
    #[arg(long, value_name = "MEASURE", conflicts_with_all = ["shard", "check_determinism"])]
    pub(super) steer: Option<Measure>,
    /// Run every seed twice, the second time on another thread, and compare the runs step by step
    #[arg(long)]
    pub(super) check_determinism: bool,
    /// Threads; as many as there are cores if not given. The result does not depend on it
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,
    #[command(flatten)]
    pub(super) output: Output,
}

impl CampaignArgs {
    /// How many threads.
    pub(super) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, usize::from)
    }
}

/// Options of `leasehold sim merge`.
#[derive(clap::Args, Debug)]
pub(super) struct MergeArgs {
    /// The results of all shards
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) output: Output,
}

/// How a result is given.
#[derive(clap::Args, Debug, Default)]
pub(super) struct Output {
    /// Save failing seeds as trace files, the first that broke each claim, a few at most. Without
    /// it they go to reports/seeds if what ships broke
    #[arg(long, value_name = "DIR")]
    pub(super) save: Option<PathBuf>,
    #[command(flatten)]
    pub(super) causes: CausesArgs,
    /// Print JSON instead of tables
    #[arg(long)]
    pub(super) json: bool,
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

    #[test]
    fn minutes_are_a_number_above_zero() {
        assert_eq!("10".parse(), Ok(Minutes(Duration::from_secs(600))));
        assert_eq!("0.5".parse(), Ok(Minutes(Duration::from_secs(30))));
        for wrong in ["", "0", "-1", "NaN", "inf", "1e300", "ten", "1e-300"] {
            assert!(wrong.parse::<Minutes>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn options_are_typed_as_they_were_given() {
        assert_eq!(typed(&Options::default()), "");
        let options = Options {
            lifecycle: Lifecycle::Sleep,
            extend: Extend::TouchOrSet,
            transport: Transport::Pooled,
            mutant: Some(Mutant::NoKillAfterReset),
            nodes: NodeCount::try_from(5).ok(),
            clients: ClientCount::try_from(2).ok(),
            ..Options::default()
        };
        let wanted = " --lifecycle sleep --extend touch_or_set --transport pooled --nodes 5 \
                      --clients 2 --mutant no-kill-after-reset";
        assert_eq!(typed(&options), wanted);
    }
}
