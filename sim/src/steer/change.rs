//! Small changes of a plan, each within what its profile assumes.

use leasehold_world::{Faults, Scope};

use crate::dice::Salts;
use crate::draw::{Draw, WHOLE};
use crate::plan::{Clocks, Plan};

/// How many changes are made at once at most.
const MOST: i64 = 3;

/// Makes some changes, with what `other`, the plan of a seed of the same options, has where that
/// fits.
pub(super) fn some(plan: &mut Plan, other: &Plan, draw: &mut Draw) {
    for _ in 0..draw.between(1, MOST) {
        one(plan, other, draw);
    }
}

fn one(plan: &mut Plan, other: &Plan, draw: &mut Draw) {
    match draw.below(8) {
        // Other dice for one kind of decisions, and the same for all others.
        0..3 => {
            let kind = draw.below(Salts::KINDS as i64) as usize;
            plan.arranged.salts.change(kind, draw.below(i64::MAX).unsigned_abs());
        }
        3 => rates(plan, draw),
        4 => {
            let ttl = plan.scope.config.ttl();
            plan.heal_after = draw.between(ttl, ttl * 30);
        }
        5 => plan.habits = other.habits,
        6 => {
            let (shortest, longest) = plan.weather.delay.latency;
            let shorter = draw.between(1, shortest.max(1));
            plan.weather.delay.latency = (shorter, shorter + draw.between(0, longest - shortest));
        }
        _ => weather(plan, other),
    }
}

/// Every clock as fast or as slow as the drift theorem allows: each as it comes, or all nodes fast
/// and all clients slow.
fn rates(plan: &mut Plan, draw: &mut Draw) {
    let most = most_off(plan);
    let worst = draw.chance(500_000);
    let mut rate = |sign: i64| {
        let off = if worst { sign * most } else { draw.pick([-most, 0, most]) };
        WHOLE + off
    };
    plan.clocks.node_rates.iter_mut().for_each(|node| *node = rate(1));
    plan.clocks.client_rates.iter_mut().for_each(|client| *client = rate(-1));
}

/// Keeps every clock within the drift theorem.
pub(super) fn tamed(mut plan: Plan) -> Plan {
    let most = most_off(&plan);
    let Clocks { node_rates, client_rates, .. } = &mut plan.clocks;
    let rates = node_rates.iter_mut().chain(client_rates);
    rates.for_each(|rate| *rate = (*rate).clamp(WHOLE - most, WHOLE + most));
    plan
}

/// How far off a clock may run, in parts per million: less by one, as where plans are drawn, than
/// what the longest TTL of any client tolerates.
fn most_off(plan: &Plan) -> i64 {
    let ttl = plan.scope.longest_ttl();
    plan.scope.config.settings().drift.tolerated_ppb(ttl) / 1_000 - 1
}

/// The other one's weather, and the budgets for it.
fn weather(plan: &mut Plan, other: &Plan) {
    let mut weather = other.weather;
    let mut settings = plan.scope.settings().clone();
    if settings.max_ttl.is_none() && other.scope.settings().max_ttl.is_some() {
        // Where the guard is off that keeps the other one safe, no server may forget.
        weather.crash.losing_ppm = 0;
    }
    settings.faults = Faults { heals: settings.faults.heals, ..weather.budgets() };
    if let Ok(scope) = Scope::new(settings) {
        plan.scope = scope;
        plan.weather = weather;
    }
}
