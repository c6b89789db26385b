//! What the simulator must show: the shipped lifecycle holds, everything else falls, and each
//! falls for its own reason. Same options, same weather for all.

use std::sync::atomic::AtomicBool;

use leasehold::protocol::{Mutant, Transport};
use leasehold_sim::{
    Campaign, Cause, ClientCount, Fault, Options, Plan, Profile, Told, campaign, simulate_plan,
    trials,
};
use leasehold_world::{Claim, Lifecycle};

fn run(seeds: u64, options: &Options) -> Campaign {
    campaign(0..seeds, options, 2, &|_, _| {}, &AtomicBool::new(false))
}

fn of(lifecycle: Lifecycle) -> Options {
    Options { lifecycle, ..Options::default() }
}

#[test]
fn the_shipped_lifecycle_holds() {
    let options = Options::default();
    let campaign = run(2_000, &options);
    let first = campaign.failures.first().map(|outcome| (outcome.seed, outcome.broken));
    assert_eq!(first, None);
    assert_eq!(campaign.counts.zeroes(&options), Vec::<&str>::new());
}

#[test]
fn the_shipped_lifecycle_holds_on_a_pool() {
    let options = Options { transport: Transport::Pooled, ..Options::default() };
    let campaign = run(1_000, &options);
    let first = campaign.failures.first().map(|outcome| (outcome.seed, outcome.broken));
    assert_eq!(first, None);
    assert_eq!(campaign.counts.zeroes(&options), Vec::<&str>::new());
}

#[test]
fn issue_158_is_found() {
    let options = of(Lifecycle::Detached);
    let campaign = run(1_000, &options);
    let counts = &campaign.counts;
    assert!(counts.told(Told::AlreadyTaken) > 0);
    assert!(counts.cause(Cause::StrayRenewalAfterRelease) > 0);
    assert!(counts.broken(Claim::NoStrayMessage) > 0);
    assert_eq!(counts.zeroes(&options), Vec::<&str>::new());
}

#[test]
fn the_advice_of_the_article_is_not_enough() {
    for lifecycle in [Lifecycle::Sleep, Lifecycle::DoubleCheck] {
        let campaign = run(1_000, &of(lifecycle));
        let counts = &campaign.counts;
        assert!(campaign.failures_total > 0, "{lifecycle}");
        assert!(counts.cause(Cause::StrayRenewalAfterRelease) > 0, "{lifecycle}");
        assert!(counts.cause(Cause::ExpiredNobodyHolds) > 0, "{lifecycle}");
        assert!(counts.cause(Cause::TakenByAnother) > 0, "{lifecycle}");
    }
}

#[test]
fn on_a_pool_a_late_command_is_a_cause_too() {
    let options = Options { transport: Transport::Pooled, ..of(Lifecycle::Detached) };
    let counts = run(4_000, &options).counts;
    assert!(counts.cause(Cause::LateOrRepeatedCommand) > 0);
    assert!(counts.cause(Cause::RealContention) > 0);
}

#[test]
fn every_mutant_is_killed() {
    let trials = trials();
    assert_eq!(trials.len(), Mutant::all().count());
    for trial in trials {
        let kill = trial.hunt(0..10_000);
        assert!(kill.is_some(), "{} lives", trial.mutant.name());
    }
}

#[test]
fn one_client_is_fooled_without_any_rival() {
    let options = Options { clients: ClientCount::try_from(1).ok(), ..of(Lifecycle::Detached) };
    let campaign = run(300, &options);
    assert!(campaign.counts.cause(Cause::StrayRenewalAfterRelease) > 0);
    assert_eq!(campaign.counts.cause(Cause::TakenByAnother), 0);
}

// ---- the assumptions, and what happens without them ------------------------------------------

/// Every node runs fast and every client slow, by `rho` parts per million.
fn with_rates(seed: u64, rho: i64) -> Plan {
    let mut plan = Plan::from_seed(seed, &Options::default());
    plan.clocks.node_rates.fill(1_000_000 + rho);
    plan.clocks.client_rates.fill(1_000_000 - rho);
    plan
}

/// What the drift theorem allows, in parts per million: d / (2T - d).
fn allowed(plan: &Plan) -> i64 {
    let (ttl, drift) = (plan.scope.config.ttl(), plan.scope.config.drift());
    drift * 1_000_000 / (2 * ttl - drift)
}

#[test]
fn the_drift_theorem_is_sharp() {
    let broken = |beyond: i64| {
        let runs = (0..1_500).map(|seed| {
            let rho = allowed(&with_rates(seed, 0)) + beyond;
            simulate_plan(&with_rates(seed, rho))
        });
        runs.filter_map(|outcome| outcome.broken).map(|broken| broken.claim).collect::<Vec<_>>()
    };
    assert_eq!(broken(-1), []);
    let beyond = broken(1_000);
    assert!(beyond.contains(&Claim::ValidityBacked), "{beyond:?}");
}

#[test]
fn a_node_that_loses_its_state_is_named_as_the_cause() {
    let outcomes = (0..1_500).map(|seed| {
        let profile = Profile::Only(Fault::Amnesia);
        let plan = Plan::from_seed(seed, &Options { profile, ..of(Lifecycle::Detached) });
        simulate_plan(&plan)
    });
    assert!(outcomes.map(|outcome| outcome.counts.cause(Cause::NodeLostState)).sum::<u64>() > 0);
}

#[test]
fn a_node_whose_clock_leaps_is_named_as_the_cause() {
    let outcomes = (0..500).map(|seed| {
        let mut plan = Plan::from_seed(seed, &of(Lifecycle::Detached));
        plan.weather.jump.ppm = 20_000;
        plan.weather.jump.ahead_max = plan.scope.config.ttl() * 2;
        plan.weather.jump.back_max = 0;
        simulate_plan(&plan)
    });
    assert!(outcomes.map(|outcome| outcome.counts.cause(Cause::NodeClockAhead)).sum::<u64>() > 0);
}

#[test]
fn without_its_assumptions_the_shipped_lifecycle_falls_and_says_so() {
    let mut lost = 0;
    let mut broken = 0;
    for seed in 0..1_000 {
        let mut plan = Plan::from_seed(seed, &Options::default());
        plan.weather.jump.ppm = 20_000;
        plan.weather.jump.ahead_max = plan.scope.config.ttl() * 2;
        plan.weather.jump.back_max = 0;
        let outcome = simulate_plan(&plan);
        broken += u64::from(outcome.broken.is_some());
        lost += outcome.counts.told(Told::LostGone) + outcome.counts.told(Told::LostTaken);
    }
    assert!(broken > 0);
    // The run ends where the claim breaks, which is before a renewal can tell.
    assert_eq!(lost, 0);
}
