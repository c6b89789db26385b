//! Clocks of servers that jump or drift.

use std::time::Duration;

use leasehold::protocol::Retry;
use leasehold::{AcquireError, Client, Guard, Vote};

use super::restart::hold_two;
use super::{CaseError, KEY, Outcome, Owners, builder, servers};
use crate::{Program, RigError, Server, block_on};

/// Of the lease that the jump passes.
const TTL: Duration = Duration::from_secs(30);

/// A holds at two nodes of three, the clock of the second jumps past A's end, or does not, and B
/// asks once.
pub(super) fn jump(program: Program, jumps: bool) -> Result<Outcome, CaseError> {
    let servers = servers(program, 3)?;
    block_on(async move {
        let client = || builder(&servers).ttl(TTL);
        let (first, second) = (client().connect().await?, client().connect().await?);
        let held = hold_two(&first, &servers).await?;
        if jumps {
            let by_us = TTL.as_micros() as i64 + 1_000;
            servers[1].clock().ok_or(RigError::NoClock)?.step(by_us)?;
        }
        let mut owners = Owners::default();
        let before = owners.at(&servers)?;
        let (happened, said) = match second.lock(KEY).retry(Retry::NEVER).acquire().await {
            Ok(other) => (held.is_held() && other.is_held(), "both held".to_owned()),
            Err(AcquireError::Exhausted { last, .. }) if held.is_held() => {
                let taken = last.iter().filter(|(_, vote)| matches!(vote, Vote::Taken)).count();
                (false, format!("refused, taken at {taken} of 3"))
            }
            Err(error) => return Err(error.into()),
        };
        let after = owners.at(&servers)?;
        let evidence = format!("{said}; stored: {before}, then {after}");
        Ok(Outcome { happened, evidence, measured: String::new() })
    })
}

/// The allowance for drift: 10 % and 2 ms of 2 s.
const FACTOR_PPM: u32 = 100_000;
const DRIFT_TTL: Duration = Duration::from_secs(2);

/// Within the allowance for the TTL, `d / (2 T - d)` = 5.3 %.
pub(super) const WITHIN_PPM: i64 = 53_000;
/// A key lives for 1.5 s, and a lease of it is believed for 1.8 s.
pub(super) const BEYOND_PPM: i64 = 300_000;

/// Leases in turn, each held to its end, on a node whose clock is too fast.
const TURNS: usize = 3;

/// A client that does nothing unless it is asked: not even to clean up a lease that has ended, so
/// that keys end by the clock of their server alone.
struct Idle {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Idle {
    fn connect(servers: &[Server]) -> Result<Idle, CaseError> {
        let runtime = crate::runtime()?;
        let floor = Duration::from_millis(2);
        let client = builder(servers).ttl(DRIFT_TTL).drift(FACTOR_PPM, floor);
        let client = runtime.block_on(client.connect())?;
        Ok(Idle { runtime, client })
    }

    fn acquire(&self) -> Result<Guard, CaseError> {
        Ok(self.runtime.block_on(self.client.lock(KEY).no_renewal().acquire())?)
    }
}

/// Leases in turn. It happened if one was believed while the next was, on the clock of this
/// process.
pub(super) fn drift(program: Program, ahead_ppm: i64) -> Result<Outcome, CaseError> {
    let servers = servers(program, 1)?;
    servers[0].clock().ok_or(RigError::NoClock)?.run(ahead_ppm)?;
    let clients = [Idle::connect(&servers)?, Idle::connect(&servers)?];
    let mut overlap = Duration::ZERO;
    let mut gap = Duration::MAX;
    let mut last = clients[0].acquire()?;
    for turn in 1..=TURNS {
        let next = clients[turn % 2].acquire()?;
        if next.is_held() && last.is_held() {
            overlap = last.remaining();
            break;
        }
        gap = gap.min(last.valid_until().elapsed());
        last = next;
    }
    let happened = !overlap.is_zero();
    let (found, measured) = if happened {
        ("two believed at once", format!("for {} ms", overlap.as_millis()))
    } else {
        let gap = gap.as_millis();
        (
            "never two at once",
            format!("{TURNS} leases in turn, each {gap} ms or more after the last"),
        )
    };
    let percent = ahead_ppm as f64 / 10_000.0;
    Ok(Outcome { happened, evidence: format!("{percent} % fast: {found}"), measured })
}
