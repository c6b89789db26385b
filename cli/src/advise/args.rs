//! What `leasehold advise` is told.

use std::path::{Path, PathBuf};

use leasehold::protocol::{Drift, Span};
use leasehold_sim::Quantiles;
use leasehold_sim::advise::{Goal, Setting, Situation, hours_us};

use super::units::{
    distribution, length, mean_between, milliseconds, per_hour, positive, some_milliseconds,
};
use crate::exit::Failure;

/// So many TTLs are lease-hours enough for a first look at one setting.
const TTLS: f64 = 18_000.0;

/// Options of `leasehold advise`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit codes: 0 the target is met, or there is none; 1 it is not met, or could not be shown to be;
2 an argument is wrong; 3 TRUNCATED; 4 a file could not be read.

What is counted: one client that holds leases of the shipped lifecycle, one connection to each node.
Messages, pauses and failures strike independently of each other; where yours come together, losses
do too.")]
#[allow(clippy::doc_markdown, reason = "these are shown as they are")]
pub(crate) struct AdviseArgs {
    /// The TTL that you have or think of
    #[arg(long, value_name = "MS", value_parser = some_milliseconds, allow_negative_numbers = true)]
    ttl_ms: Span,
    /// The renewal interval; a third of the TTL if not given
    #[arg(long, value_name = "MS", value_parser = some_milliseconds, allow_negative_numbers = true)]
    renew_every_ms: Option<Span>,
    /// How long a renewal waits for its nodes; the library's time-out for this TTL if not given
    #[arg(long, value_name = "MS", value_parser = some_milliseconds, allow_negative_numbers = true)]
    node_timeout_ms: Option<Span>,
    /// How many nodes
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9),
        allow_negative_numbers = true)]
    nodes: u8,
    /// How long a command and its answer take together
    #[arg(long, value_name = "P50,P99,MAX", value_parser = distribution,
        allow_hyphen_values = true, required_unless_present = "latency_file")]
    latency_ms: Option<Quantiles>,
    /// The same as a file of samples, one length in ms on each line
    #[arg(long, value_name = "FILE", conflicts_with = "latency_ms")]
    latency_file: Option<PathBuf>,
    /// Of a million messages so many are never answered, nor is what follows on the connection
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=500_000),
        allow_negative_numbers = true)]
    loss_ppm: u32,
    /// How long such a connection stays silent before it fails. Linux gives one up after 924.6 s
    #[arg(long, value_name = "MS", default_value = "924600", value_parser = some_milliseconds,
        allow_negative_numbers = true)]
    silence_ms: Span,
    /// How often each connection fails, and is made again at once
    #[arg(long, value_name = "N", default_value_t = 0.0, value_parser = per_hour,
        allow_negative_numbers = true)]
    reset_per_hour: f64,
    /// For how long the client is not scheduled when it is paused, for instance by a garbage
    /// collector
    #[arg(long, value_name = "LENGTH|P50,P99,MAX", value_parser = distribution,
        allow_hyphen_values = true, requires = "pauses_per_hour")]
    pause_ms: Option<Quantiles>,
    /// How often it is paused
    #[arg(long, value_name = "N", value_parser = per_hour, allow_negative_numbers = true,
        requires = "pause_ms")]
    pauses_per_hour: Option<f64>,
    /// By how much at most the rates of the clocks are off
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=500_000),
        allow_negative_numbers = true)]
    drift_ppm: u32,
    /// How many lost leases per day of holding are tolerable
    #[arg(long, value_name = "N", value_parser = positive, allow_negative_numbers = true)]
    target_loss_per_day: Option<f64>,
    /// For how long your leases are held: an old one may have lost nodes that a young one has
    #[arg(long, value_name = "HOURS", default_value_t = 1.0, value_parser = positive,
        allow_negative_numbers = true)]
    hold_hours: f64,
    /// For how long leases are held under each setting; as long as a first look takes if not
    /// given, and then longer where that is needed to show that the target is met
    #[arg(long, value_name = "HOURS", value_parser = positive, allow_negative_numbers = true)]
    lease_hours: Option<f64>,
    /// Stop after so many minutes; the result is then TRUNCATED
    #[arg(long, value_name = "MINUTES", value_parser = positive, allow_negative_numbers = true)]
    pub(super) minutes: Option<f64>,
    /// The same seed and options give the same result
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
    /// Threads; as many as there are cores if not given. The result does not depend on it
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(super) threads: Option<u16>,
    /// Print JSON instead of tables
    #[arg(long)]
    pub(super) json: bool,
}

impl AdviseArgs {
    /// What the lease has to live with.
    pub(super) fn situation(&self) -> Result<Situation, Failure> {
        let round_trip = match (&self.latency_ms, &self.latency_file) {
            (Some(given), _) => *given,
            (None, Some(path)) => samples(path)?,
            (None, None) => Quantiles::constant(0),
        };
        Ok(Situation {
            nodes: self.nodes,
            drift: Drift { factor_ppm: 10_000, floor: 2_000 },
            round_trip,
            loss_ppm: self.loss_ppm,
            silence: self.silence_ms,
            reset_every: mean_between(self.reset_per_hour),
            pause_every: mean_between(self.pauses_per_hour.unwrap_or(0.0)),
            pause_length: self.pause_ms.unwrap_or(Quantiles::constant(0)),
            clocks_off_ppm: self.drift_ppm,
            held_for: hours_us(self.hold_hours).cast_signed(),
            repair: false,
        })
    }

    /// What is asked for.
    pub(super) fn goal(&self, situation: &Situation) -> Result<Goal, Failure> {
        let given = self.setting();
        refuse(&given, situation)?;
        let usual = TTLS * given.ttl as f64 / 3.6e9;
        Ok(Goal {
            given,
            target_per_hour: self.target_loss_per_day.map(|per_day| per_day / 24.0),
            held_us: hours_us(self.lease_hours.unwrap_or(usual)),
            no_longer: self.lease_hours.is_some(),
        })
    }

    fn setting(&self) -> Setting {
        let usual = Setting::customary(self.ttl_ms / 1_000 * 1_000);
        Setting {
            renew_every: self.renew_every_ms.unwrap_or(usual.renew_every),
            node_timeout: self.node_timeout_ms.unwrap_or(usual.node_timeout),
            ..usual
        }
    }
}

/// Says in the words of the command line what the protocol would refuse.
fn refuse(given: &Setting, situation: &Situation) -> Result<(), Failure> {
    let argument = |text: String| Err(Failure::Argument(text));
    let allowance = situation.drift.allowance(given.ttl);
    if given.ttl <= allowance {
        return argument(format!(
            "--ttl-ms: a TTL of {} must exceed its drift allowance of {}; choose a longer TTL",
            length(given.ttl),
            length(allowance)
        ));
    }
    if given.renew_every + allowance >= given.ttl {
        return argument(format!(
            "--renew-every-ms: an interval of {} must be shorter than the TTL of {} less its drift \
             allowance of {}; a third of the TTL is customary",
            length(given.renew_every),
            length(given.ttl),
            length(allowance)
        ));
    }
    Ok(())
}

/// The latencies in a file.
fn samples(path: &Path) -> Result<Quantiles, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Read { path: path.to_owned(), error })?;
    let mut samples = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let sample = milliseconds(line).map_err(|rule| {
            let place = format!("{}, line {number}", path.display());
            Failure::Argument(format!("{place}: {:?} is {rule}", line.trim()))
        })?;
        samples.push(sample);
    }
    Quantiles::of_samples(samples).map_err(|error| {
        let remedy = "write one length in ms on each line";
        Failure::Argument(format!("{}: {error}; {remedy}", path.display()))
    })
}
