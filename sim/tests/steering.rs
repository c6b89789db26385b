//! Slack and spare: never below zero under the shipped rules, and where the search for them leads.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::sync::atomic::{AtomicBool, Ordering};

use leasehold::protocol::Mutant;
use leasehold_sim::steer::{Search, steer};
use leasehold_sim::{
    Least, Options, Plan, Profile, campaign, record_plan_breaking, simulate, simulate_plan,
};
use leasehold_world::{Claim, replay};

fn options(profile: Profile, mutant: Option<Mutant>) -> Options {
    Options { profile, mutant, ..Options::default() }
}

fn search(from: u64, runs: u64, options: &Options, threads: usize) -> Search {
    steer(from..from + runs, options, threads, &|_| {}, &AtomicBool::new(false))
}

/// The slack of plain seeds that go on after a broken claim, as the runs of a search do.
fn plain(from: u64, runs: u64, options: &Options) -> impl Iterator<Item = Option<i64>> {
    (from..from + runs).map(|seed| {
        let plan = Plan { goes_on: true, ..Plan::from_seed(seed, options) };
        simulate_plan(&plan).slack_ns
    })
}

#[test]
fn no_seed_has_a_slack_below_zero_and_a_campaign_knows_the_least() {
    for profile in [Profile::Swarm, Profile::Hostile, Profile::Restart] {
        let options = options(profile, None);
        let least = (0..400).filter_map(|seed| {
            let ns = simulate(seed, &options).slack_ns?;
            assert!(ns > 0, "{profile}, seed {seed}");
            Some(Least { ns, seed })
        });
        let least = least.min();
        assert!(least.is_some());
        let campaign = campaign(0..400, &options, 2, &|_, _| {}, &AtomicBool::new(false));
        assert_eq!(campaign.least_slack, least, "{profile}");
    }
}

#[test]
fn spare_is_below_zero_where_no_claim_breaks() {
    // Keys expire before belief ends, and no step falls in between: only the measure sees it.
    let options = options(Profile::Drift, Some(Mutant::NoDrift));
    let outcomes = (0..300).map(|seed| {
        let mut plan = Plan::from_seed(seed, &options);
        plan.arranged.measures_spare = true;
        simulate_plan(&plan)
    });
    let negative = |spare: Option<i64>| spare.is_some_and(|spare| spare < 0);
    let unseen = outcomes.filter(|run| negative(run.spare_ns) && run.broken.is_none());
    assert!(unseen.count() > 5);
    assert_eq!(simulate(0, &options).spare_ns, None);
}

#[test]
fn the_shipped_rules_come_nearer_than_seeds_do_and_never_below_zero() {
    let cases = [
        (Profile::Swarm, 0),
        (Profile::Swarm, 100_000),
        (Profile::Swarm, 300_000),
        (Profile::Hostile, 0),
        (Profile::Drift, 300_000),
        (Profile::Restart, 300_000),
    ];
    let nearer = cases.map(|(profile, from)| {
        let (options, runs) = (options(profile, None), 600);
        let search = search(from, runs, &options, 2);
        assert_eq!((search.runs(), search.truncated), (runs, false));
        assert!(search.found.is_empty() && search.overlap().is_none(), "{:?}", search.found);
        let (slack, spare) = (search.last.slack_ns.unwrap(), search.last.spare_ns.unwrap());
        assert!(slack > 0 && spare > 0, "{profile} from {from}: {slack} {spare}");
        let of_seeds = plain(from, runs, &options).flatten().min();
        of_seeds.is_none_or(|of_seeds| slack < of_seeds)
    });
    // It is a search with luck in it, so not in every case.
    assert!(nearer.iter().filter(|&&nearer| nearer).count() >= 4, "{nearer:?}");
}

#[test]
fn some_broken_rules_are_found_with_fewer_runs_than_plain_seeds_take() {
    for (profile, mutant) in
        [(Profile::Swarm, Mutant::NoDrift), (Profile::Swarm, Mutant::FromRoundEnd)]
    {
        let (options, runs) = (options(profile, Some(mutant)), 1_500);
        let starts = [0, 100_000, 200_000, 300_000];
        let found = starts.map(|from| {
            let found = search(from, runs, &options, 2);
            found.overlap().map_or(runs, |overlap| overlap.run)
        });
        let of_seeds = starts.map(|from| {
            let first =
                plain(from, runs, &options).position(|slack| slack.is_some_and(|ns| ns < 0));
            first.map_or(runs, |before| before as u64 + 1)
        });
        let (sum, of_all) = (found.iter().sum::<u64>(), of_seeds.iter().sum::<u64>());
        assert!(sum * 5 < of_all * 4, "{mutant:?}: {found:?}, and seeds {of_seeds:?}");
    }
}

#[test]
fn what_is_found_is_a_trace_that_breaks_the_claim() {
    let options = options(Profile::Swarm, Some(Mutant::NoDrift));
    let search = search(0, 400, &options, 2);
    assert!(search.overlap().is_some());
    let found = search.found.iter().find(|found| found.claim == Claim::WindowExclusion).unwrap();
    let trace = record_plan_breaking(&found.by.plan, found.claim).unwrap();
    let replayed = replay(&trace).unwrap();
    assert!(replayed.broken.contains(&(trace.steps.len(), Claim::WindowExclusion)));
    // It is not what its seed draws.
    assert_ne!(found.by.plan, Plan::from_seed(found.by.plan.seed, &options));
}

#[test]
fn a_search_is_the_same_on_any_number_of_threads_and_its_runs_can_be_run_again() {
    let options = options(Profile::Swarm, Some(Mutant::NoDrift));
    let (one, three) = (search(7, 120, &options, 1), search(7, 120, &options, 3));
    assert_eq!(one, three);
    for run in [one.least_slack, one.least_spare].into_iter().flatten() {
        let again = simulate_plan(&run.plan);
        assert_eq!((again.slack_ns, again.spare_ns), (run.slack_ns, run.spare_ns));
    }
}

#[test]
fn a_stopped_search_is_the_beginning_of_a_longer_one() {
    let options = options(Profile::Swarm, None);
    let stop = AtomicBool::new(false);
    let progress = |round: &leasehold_sim::steer::Round| {
        stop.store(round.rounds >= 4, Ordering::Relaxed);
    };
    let stopped = steer(0..10_000, &options, 2, &progress, &stop);
    assert!(stopped.truncated && stopped.runs() > 0);
    let whole = search(0, stopped.runs(), &options, 1);
    assert_eq!(Search { truncated: true, ..whole }, stopped);
    let never = steer(0..1_000, &options, 2, &|_| {}, &AtomicBool::new(true));
    assert!(never.truncated && never.runs() == 0 && never.nearer.is_empty());
}
