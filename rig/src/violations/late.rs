//! Commands that arrive late: orphans and zombies.

use std::time::Duration;

use leasehold::AcquireError;
use leasehold_world::Trace;

use super::{CaseError, KEY, Outcome, builder, calls, servers};
use crate::perform::{Fact, Stage};
use crate::{Program, block_on, eventually};

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

/// Performs traces, and looks for orphans and zombies at the servers.
pub(super) fn performed(program: Program, traces: &[&str]) -> Result<Outcome, CaseError> {
    let mut stage = Stage::start(program)?;
    let (mut shown, mut clean) = (Vec::new(), 0);
    for text in traces {
        let unreadable = |why| CaseError::Schedule(format!("a trace: {why}"));
        let trace: Trace = text.parse().map_err(unreadable)?;
        let performance = stage.perform(&trace)?;
        if !performance.verdict.is_as_traced() {
            return Err(CaseError::Schedule(performance.verdict.to_string()));
        }
        let left = performance.observations.iter().find_map(|seen| match seen.fact {
            Fact::Orphan { pttl_ms, .. } | Fact::Zombie { pttl_ms, .. } => Some(pttl_ms),
            Fact::LateExtend { .. }
            | Fact::ForeignChanged { .. }
            | Fact::TwoHolders { .. }
            | Fact::Unbacked { .. }
            | Fact::Leftover { .. } => None,
        });
        let stored = performance.steps.last().is_some_and(|last| last.stored != "-");
        match left {
            Some(pttl_ms) => shown.push(pttl_ms),
            None if stored => return Err(CaseError::Schedule("a key is left".to_owned())),
            None => clean += 1,
        }
    }
    let all = traces.len();
    let evidence = match shown.iter().min() {
        Some(pttl_ms) => format!("in {} of {all} traces the key stays {pttl_ms} ms", shown.len()),
        None => format!("after {clean} of {all} traces nothing is stored"),
    };
    Ok(outcome(!shown.is_empty(), evidence))
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
        let evidence = format!("the SET ran late; {stored}");
        Ok(outcome(left.is_some(), evidence))
    })
}
