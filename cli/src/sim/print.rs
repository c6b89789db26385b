//! The result of a campaign in tables that fit a hundred columns.

use std::time::Duration;

use indicatif::HumanCount;
use leasehold_sim::{Cause, CauseCount, FailedSeed, Least, Options, Results, Shard};

use super::args::typed;
use super::progress::per_second;
use crate::layout::table;

/// How many failing seeds are told one by one, and how many that were not the same twice.
const SHOWN: usize = 3;

/// A row of counts: what, and how often.
type Row = (&'static str, u64);

/// Everything that is printed of a result.
pub(super) fn tables(results: &Results) -> String {
    let counts = &results.counts;
    let zeroes = results.never_happened();
    // What cannot happen under these options is left out; what should have happened is not.
    let matters = |(name, count): &Row| *count > 0 || zeroes.contains(name);
    let faults: Vec<Row> = counts.hazards().filter(matters).collect();
    let reports: Vec<Row> = counts.reports().filter(matters).collect();
    let dangers: Vec<Row> = counts.witnesses().filter(matters).collect();
    let mut parts = vec![
        title(results),
        beside(("fault injected", &faults), ("told to a user", &reports)),
        one_by_one("danger approached", &dangers),
        causes(results),
        kinds(results),
        speed(results),
        slack(results),
        format!("digest of all runs: {:016x}", results.digest),
    ];
    parts.retain(|part| !part.is_empty());
    let never =
        |name| format!("NEVER HAPPENED  {name}: a campaign of this size should have met it");
    parts.extend(zeroes.iter().map(never));
    let given = typed(&results.options);
    parts.extend(results.failures.iter().take(SHOWN).map(|failure| told(failure, &given)));
    parts.extend(differences(results));
    parts.push(conclusion(results));
    parts.join("\n")
}

fn title(results: &Results) -> String {
    let mut words = words(&results.options);
    if results.shard != Shard::WHOLE {
        let all = range(&results.seeds);
        words.push_str(&format!(", shard {} of seeds {all}", results.shard));
    }
    let seeds = range(&results.shard.seeds(&results.seeds));
    format!("Seeds {seeds}: {words}")
}

/// The options in words.
pub(super) fn words(options: &Options) -> String {
    let mut words = vec![
        options.lifecycle.to_string(),
        options.extend.to_string(),
        options.transport.to_string(),
        format!("profile {}", options.profile),
    ];
    words.extend(options.mutant.map(|mutant| format!("mutant {}", mutant.name())));
    words.extend(options.nodes.map(|count| format!("{} nodes", count.number())));
    words.extend(options.clients.map(|count| format!("{} clients", count.number())));
    words.join(", ")
}

/// How near two clients came to believing at once; nothing, if no client followed another.
fn slack(results: &Results) -> String {
    results.least_slack.map_or(String::new(), |Least { ns, seed }| {
        let time = length(Some(ns));
        format!("least slack, from one client's belief to the next client's: {time} (seed {seed})")
    })
}

/// `none`, `12.3 us`, `-3.400 ms`, `1.250 s`.
pub(super) fn length(ns: Option<i64>) -> String {
    let Some(ns) = ns else { return "none".to_owned() };
    let us = ns as f64 / 1e3;
    match us.abs() {
        small if small < 1e3 => format!("{us:.1} us"),
        middle if middle < 1e6 => format!("{:.3} ms", us / 1e3),
        _ => format!("{:.3} s", us / 1e6),
    }
}

pub(super) fn range(seeds: &std::ops::Range<u64>) -> String {
    format!("{}..{}", seeds.start, seeds.end)
}

fn count(count: u64) -> String {
    HumanCount(count).to_string()
}

/// Two lists of counts in one table.
fn beside(left: (&str, &[Row]), right: (&str, &[Row])) -> String {
    let mut table = table(&[left.0, "times", right.0, "times"], &[1, 3]);
    let cells = |rows: &[Row], index: usize| match rows.get(index) {
        Some(&(name, times)) => [name.to_owned(), count(times)],
        None => [String::new(), String::new()],
    };
    for index in 0..left.1.len().max(right.1.len()) {
        table.add_row([cells(left.1, index), cells(right.1, index)].concat());
    }
    table.to_string()
}

fn one_by_one(what: &str, rows: &[Row]) -> String {
    let mut table = table(&[what, "runs"], &[1]);
    rows.iter().for_each(|&(name, runs)| {
        table.add_row([name.to_owned(), count(runs)]);
    });
    if rows.is_empty() { String::new() } else { table.to_string() }
}

fn causes(results: &Results) -> String {
    let header = ["Root cause of \"lock already taken\"", "times", "first seed", "what happened"];
    let mut table = table(&header, &[1, 2]);
    for CauseCount { cause, count: times, first_seed } in results.counts.message_causes() {
        if let Some(first) = first_seed {
            table.add_row([cause.name(), &count(times), &first.to_string(), cause.explanation()]);
        }
    }
    if table.is_empty() { String::new() } else { table.to_string() }
}

fn kinds(results: &Results) -> String {
    let mut table = table(&["claim broken", "root cause", "runs", "first seed"], &[2, 3]);
    for kind in &results.kinds {
        let cause = kind.cause.map_or("", Cause::name);
        let (runs, first) = (count(kind.runs), kind.first.to_string());
        table.add_row([kind.claim.name(), cause, &runs, &first]);
    }
    if table.is_empty() {
        return String::new();
    }
    let given = typed(&results.options);
    format!("{table}\nTo see one:\n    leasehold replay SEED{given} --claim CLAIM")
}

fn speed(results: &Results) -> String {
    let elapsed = Duration::from_millis(results.elapsed_ms.max(1));
    let rate = |sum: u64| HumanCount(per_second(sum, elapsed));
    let (steps, virtual_s) = (results.counts.steps, results.counts.virtual_us / 1_000_000);
    format!(
        "{} seeds, {} steps, {} s of virtual time in {:.1} s:\n\
         {} seeds/s, {} steps/s, {} virtual s/s",
        HumanCount(results.run),
        HumanCount(steps),
        HumanCount(virtual_s),
        elapsed.as_secs_f64(),
        rate(results.run),
        rate(steps),
        rate(virtual_s),
    )
}

fn told(failure: &FailedSeed, given: &str) -> String {
    let FailedSeed { seed, broken, .. } = failure;
    let (claim, verdict) = (broken.claim.name(), broken.claim.verdict());
    format!(
        "seed {seed}: step {}: {claim}: {verdict}\n    leasehold replay {seed}{given}",
        broken.step
    )
}

fn differences(results: &Results) -> Vec<String> {
    let told = |other: &leasehold_sim::Difference| {
        let what = match other.step {
            Some(step) => format!("step {step}"),
            None => "the outcome after the same steps".to_owned(),
        };
        let (first, second) = (&other.first, &other.second);
        format!("NOT DETERMINISTIC  seed {}: {what}: first {first:?}, then {second:?}", other.seed)
    };
    results.differences.iter().take(SHOWN).map(told).collect()
}

fn conclusion(results: &Results) -> String {
    let run = results.run;
    let mut lines = vec![match results.failures_total {
        0 => "Nothing broke.".to_owned(),
        failing => format!("{failing} of {run} seeds broke a claim."),
    }];
    if results.twice {
        lines.push(match results.differences_total {
            0 => "Every seed was run twice and took the same steps both times.".to_owned(),
            differing => format!("{differing} of {run} seeds were not the same twice."),
        });
    }
    if results.truncated {
        let wanted = results.shard.seeds(&results.seeds);
        lines.push(match wanted.end - wanted.start {
            all if all > run => format!("TRUNCATED: {run} of {all} seeds were run."),
            _ => format!("TRUNCATED: stopped after {run} seeds, before the time was over."),
        });
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use leasehold::protocol::Mutant;
    use leasehold_sim::{Difference, campaign};
    use leasehold_world::Lifecycle;

    use super::*;

    fn results(options: Options) -> Results {
        let campaign = campaign(0..300, &options, 2, &|_, _| {}, &AtomicBool::new(false));
        let seeds = 0..300;
        Results { elapsed_ms: 1_234, ..Results::of(&campaign, &options, seeds, Shard::WHOLE) }
    }

    #[test]
    fn every_line_of_a_table_fits() {
        for lifecycle in Lifecycle::ALL {
            for mutant in [None, Some(Mutant::NoKillAfterReset)] {
                let options = Options { lifecycle, mutant, ..Options::default() };
                let mut results = results(options);
                results.counts.steps = u64::MAX / 3;
                // A command is one line, however long.
                let is_command = |line: &&str| line.starts_with("    leasehold replay ");
                for line in tables(&results).lines().filter(|line| !is_command(line)) {
                    assert!(line.chars().count() <= 100, "{line}");
                }
            }
        }
    }

    #[test]
    fn every_fault_danger_and_broken_claim_is_in_the_tables() {
        let results = results(Options { lifecycle: Lifecycle::Detached, ..Options::default() });
        let text = tables(&results);
        let counts = &results.counts;
        let rows = counts.hazards().chain(counts.reports()).chain(counts.witnesses());
        for (name, times) in rows.chain(counts.breaks()).filter(|(_, times)| *times > 0) {
            let row = |line: &str| line.contains(name) && line.contains(&count(times));
            let broken = results.kinds.iter().any(|kind| kind.claim.name() == name);
            assert!(broken || text.lines().any(row), "{name} {times} in\n{text}");
            assert!(text.contains(name), "{name} in\n{text}");
        }
        for kind in &results.kinds {
            let row =
                |line: &str| line.contains(kind.claim.name()) && line.contains(&count(kind.runs));
            assert!(text.lines().any(row), "{kind:?}");
        }
        assert!(text.contains("virtual s/s") && text.contains("seeds/s"), "{text}");
        assert!(text.contains("leasehold replay 0 --lifecycle detached"), "{text}");
    }

    #[test]
    fn what_is_not_as_claimed_is_told() {
        let mut results = results(Options::default());
        assert!(tables(&results).ends_with("Nothing broke."), "{}", tables(&results));
        results.twice = true;
        assert!(tables(&results).ends_with("the same steps both times."), "{}", tables(&results));
        let (first, second) = ("start c0".to_owned(), "stop c0".to_owned());
        results.differences = vec![Difference { seed: 7, step: Some(3), first, second }];
        results.differences_total = 1;
        let text = tables(&results);
        let wanted = "NOT DETERMINISTIC  seed 7: step 3: first \"start c0\", then \"stop c0\"";
        assert!(text.contains(wanted), "{text}");
        assert!(text.ends_with("1 of 300 seeds were not the same twice."), "{text}");
        results.truncated = true;
        results.seeds = 0..1_000;
        assert!(tables(&results).ends_with("TRUNCATED: 300 of 1000 seeds were run."));
        results.counts = leasehold_sim::Counts::default();
        results.run = 1_000;
        let text = tables(&results);
        assert!(text.contains("NEVER HAPPENED  messages lost"), "{text}");
    }
}
