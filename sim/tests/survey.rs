//! Long campaigns, for a release build:
//! `cargo test -p leasehold-sim --release --test survey -- --ignored --nocapture`.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use leasehold::protocol::{Extend, Mutant, Transport};
use leasehold_sim::{Campaign, Options, campaign};
use leasehold_world::Lifecycle;

fn run(seeds: u64, options: &Options) -> Campaign {
    campaign(0..seeds, options, 2, &|_, _| {}, &AtomicBool::new(false))
}

fn report(what: &str, options: &Options, campaign: &Campaign) -> String {
    let Campaign { seeds, counts, .. } = campaign;
    let each = Duration::from_micros(counts.virtual_us / seeds);
    let mut lines = vec![format!(
        "{what}: {} failures in {seeds} seeds; {} steps and {each:?} of virtual time per seed",
        campaign.failures_total,
        counts.steps / seeds,
    )];
    let rows = counts.breaks().chain(counts.causes()).filter(|(_, count)| *count > 0);
    lines.extend(rows.map(|(name, count)| format!("    {count:>8}  {name}")));
    if let Some(first) = campaign.failures.first() {
        lines.push(format!("    first: seed {} {:?} {:?}", first.seed, first.broken, first.taken));
    }
    lines.push(format!("    zero: {:?}; digest {:016x}", counts.zeroes(options), campaign.digest));
    lines.join("\n")
}

#[test]
#[ignore = "a hundred thousand seeds: for a release build"]
fn the_shipped_lifecycle_holds_for_a_hundred_thousand_seeds() {
    let options = Options::default();
    let campaign = run(100_000, &options);
    println!("{}", report("joined+touch+fifo", &options, &campaign));
    let counts = &campaign.counts;
    for (name, count) in counts.hazards().chain(counts.reports()).chain(counts.witnesses()) {
        println!("    {count:>8}  {name}");
    }
    assert_eq!(campaign.failures_total, 0);
}

#[test]
#[ignore = "prints the table of all lifecycles: for a release build"]
fn table_of_lifecycles() {
    for lifecycle in Lifecycle::ALL {
        for transport in [Transport::Fifo, Transport::Pooled] {
            for extend in [Extend::Touch, Extend::TouchOrSet] {
                let options = Options { lifecycle, transport, extend, ..Options::default() };
                let campaign = run(10_000, &options);
                let what = format!("{lifecycle}+{extend}+{transport}");
                println!("{}", report(&what, &options, &campaign));
            }
        }
    }
}

#[test]
#[ignore = "prints the table of mutants: for a release build"]
fn table_of_mutants() {
    for mutant in Mutant::all() {
        for transport in [Transport::Fifo, Transport::Pooled] {
            let options = Options { mutant: Some(mutant), transport, ..Options::default() };
            let campaign = run(10_000, &options);
            let what = format!("{} on {transport}", mutant.name());
            println!("{}", report(&what, &options, &campaign));
        }
    }
}

/// A lease may be forgotten as settled while its last release is still unanswered. That answer,
/// heard two leases later, must not acknowledge the release of another lease.
#[test]
fn an_answer_to_a_forgotten_lease_changes_nothing() {
    assert_eq!(leasehold_sim::simulate(5_662, &Options::default()).broken, None);
}
