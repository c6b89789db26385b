//! A node that restarts empty while a lease rests on it.

use std::time::Duration;

use leasehold::{AcquireError, Client, Guard, Vote};

use super::{CaseError, KEY, Outcome, Owners, builder, calls, servers};
use crate::{Program, Server, block_on, eventually, now};

/// Of the first lease, and of the guard.
const TTL: Duration = Duration::from_secs(3);

/// A lease of the first two servers only: the third is taken while they are asked.
pub(super) async fn hold_two(client: &Client, servers: &[Server]) -> Result<Guard, CaseError> {
    let third = &servers[2];
    third.query::<()>(&["SET", KEY, "another"])?;
    let before = calls(third, "set");
    let guard = client.lock(KEY).no_renewal().try_acquire().await?;
    // Until it has refused.
    if !eventually(|| calls(third, "set") > before) {
        return Err(CaseError::Schedule("the third server was not asked".to_owned()));
    }
    third.query::<()>(&["DEL", KEY])?;
    Ok(guard)
}

/// A holds at two nodes of three, the second restarts empty, and B asks.
pub(super) fn run(program: Program, guarded: bool) -> Result<Outcome, CaseError> {
    let mut servers = servers(program, 3)?;
    block_on(async move {
        let client = |ttl| builder(&servers).ttl(ttl).max_ttl(TTL).restart_guard(guarded);
        let first = client(TTL).connect().await?;
        let second = client(Duration::from_millis(1_000)).connect().await?;
        let held = hold_two(&first, &servers).await?;
        let mut owners = Owners::default();
        let before = owners.at(&servers)?;
        servers[1].restart()?;
        let began = now();
        let mut refused = 0;
        let other = loop {
            match second.try_acquire(KEY).await {
                Ok(guard) => break guard,
                Err(AcquireError::Exhausted { last, .. }) => {
                    let guarded = |vote: &Vote| matches!(vote, Vote::Guarded { .. });
                    refused += u32::from(last.iter().any(|(_, vote)| guarded(vote)));
                }
                Err(error) => return Err(error.into()),
            }
            if began.elapsed() > crate::PATIENCE {
                return Err(CaseError::Schedule("the second lease never came".to_owned()));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let happened = held.is_held() && other.is_held();
        if guarded && refused == 0 {
            return Err(CaseError::Schedule("the guard was never asked".to_owned()));
        }
        let after = owners.at(&servers)?;
        let (evidence, measured) = if happened {
            let left = held.remaining().as_millis();
            (
                format!("both held; stored: {before}, then {after}"),
                format!("the first for {left} ms more"),
            )
        } else {
            let late = held.valid_until().elapsed().as_millis();
            (
                "refused until the first had ended".to_owned(),
                format!("{refused} times refused under the guard, granted {late} ms after that"),
            )
        };
        Ok(Outcome { happened, evidence, measured })
    })
}
