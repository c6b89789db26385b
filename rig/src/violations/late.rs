//! Commands that arrive late: orphans and zombies.

use std::time::Duration;

use leasehold::AcquireError;
use leasehold_world::Trace;

use super::{CaseError, KEY, Outcome, block_on, builder, calls, servers};
use crate::perform::{Fact, Stage, Verdict};
use crate::{Program, eventually};

/// Counterexamples that the checker found.
macro_rules! found {
    ($name:literal) => {
        include_str!(concat!("../../../reports/counterexamples/", $name, ".trace"))
    };
}

/// The same with the shipped lifecycle, in the worst order that it allows.
macro_rules! shipped {
    ($name:literal) => {
        include_str!(concat!("traces/", $name, ".trace"))
    };
}

pub(super) const LATE_SET: [&str; 2] = [
    found!("faults-joined-touch-pooled-release-does-not-wait-no-orphan"),
    found!("hazards-detached-touch-pooled-no-orphan"),
];
pub(super) const LATE_SET_SHIPPED: [&str; 2] =
    [shipped!("late-set-pooled"), shipped!("late-set-fifo")];
pub(super) const RESET: [&str; 1] =
    [found!("faults-joined-touch-fifo-reset-without-KILL-no-orphan")];
pub(super) const RESET_SHIPPED: [&str; 1] = [shipped!("late-set-reset")];
pub(super) const RENEWAL: [&str; 3] = [
    found!("hazards-detached-touch_or_set-fifo-no-zombie"),
    found!("hazards-double_check-touch_or_set-fifo-no-zombie"),
    found!("hazards-sleep-touch_or_set-pooled-no-zombie"),
];
pub(super) const RENEWAL_SHIPPED: [&str; 3] = [
    shipped!("renewal-at-stop-fifo"),
    shipped!("renewal-at-stop-pooled"),
    shipped!("renewal-at-reset"),
];

/// Performs traces, and looks for orphans and zombies at the servers. It happened if all of them
/// have one.
pub(super) fn performed(program: Program, traces: &[&str]) -> Result<Outcome, CaseError> {
    let mut stage = Stage::start(program)?;
    let mut shown = Vec::new();
    let mut stored = Vec::new();
    for text in traces {
        let unreadable = |why| CaseError::Schedule(format!("a trace: {why}"));
        let trace: Trace = text.parse().map_err(unreadable)?;
        let performance = stage.perform(&trace)?;
        if !performance.verdict.is_as_traced() {
            return Err(CaseError::Schedule(performance.verdict.to_string()));
        }
        let is_late = |fact: &&Fact| matches!(fact, Fact::Orphan { .. } | Fact::Zombie { .. });
        let mut facts = performance.observations.iter().map(|seen| &seen.fact);
        match (facts.find(is_late), &performance.verdict) {
            (Some(fact), _) => shown.push(fact.to_string()),
            (None, Verdict::Nothing) => {
                stored.push(performance.steps.last().map_or("", |last| &last.stored).to_owned());
            }
            (None, other) => return Err(CaseError::Schedule(other.to_string())),
        }
    }
    match (shown.first(), stored.is_empty()) {
        (Some(first), true) => {
            let evidence = format!("{} of {}: {first}", shown.len(), traces.len());
            Ok(outcome(true, evidence))
        }
        (None, false) if stored.iter().all(|stored| stored == "-") => {
            let evidence = format!("{} of {}: nothing is stored", stored.len(), traces.len());
            Ok(outcome(false, evidence))
        }
        _ => {
            let evidence = format!("{shown:?}; left: {stored:?}");
            Ok(outcome(true, evidence))
        }
    }
}

fn outcome(happened: bool, evidence: String) -> Outcome {
    Outcome { happened, evidence, measured: String::new() }
}

/// The library gives up on a server that stands still: the `SET` is under way, and the release
/// is sent behind it. Then the server goes on.
pub(super) fn slow_server(program: Program) -> Result<Outcome, CaseError> {
    let servers = servers(program, 1)?;
    let server = &servers[0];
    block_on(async {
        let wait = Duration::from_millis(100);
        let client = builder(&servers).ttl(Duration::from_secs(20)).node_timeout(wait);
        let client = client.restart_guard(false).connect().await?;
        server.pause()?;
        let denied = client.try_acquire(KEY).await;
        server.resume()?;
        if !matches!(denied, Err(AcquireError::Exhausted { .. })) {
            return Err(CaseError::Schedule("the acquisition was not denied".to_owned()));
        }
        // The release is sent when the client's task is next scheduled.
        let mut waited = Duration::ZERO;
        while calls(server, "eval") == 0 && waited < crate::PATIENCE {
            tokio::time::sleep(Duration::from_millis(5)).await;
            waited += Duration::from_millis(5);
        }
        let (sets, releases) = (calls(server, "set"), calls(server, "eval"));
        if sets != 1 || !eventually(|| calls(server, "eval") > 0) {
            return Err(CaseError::Schedule(format!("{sets} SETs and {releases} releases ran")));
        }
        let left: Option<String> = server.query(&["GET", KEY])?;
        let stored = if left.is_some() { "the key is stored" } else { "nothing is stored" };
        let evidence = format!("the SET ran late, the release behind it; {stored}");
        Ok(outcome(left.is_some(), evidence))
    })
}
