//! A job that many hosts start at the same minute, and one of them does.
//!
//! `cargo run --example cron -- redis://10.0.0.1 redis://10.0.0.2 redis://10.0.0.3`
//!
//! Hosts do not start at the same moment: their clocks differ, and so does what keeps them busy. A
//! job that takes a second would be done again by the host that comes two seconds later. So the
//! lock is kept for longer than hosts may be apart, also when the work has come to its end.
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::time::Duration;

use leasehold::{AcquireError, Client};

/// No two hosts start further apart than that.
const APART_MAX: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect(std::env::args().skip(1)).await?;
    let guard = match client.try_acquire("cron:nightly-report").await {
        Ok(guard) => guard,
        Err(error @ (AcquireError::Exhausted { .. } | AcquireError::Occupied { .. })) => {
            println!("not this host: {error}");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let next_host_may_ask = tokio::time::sleep(APART_MAX);
    tokio::select! {
        () = write_report() => {}
        loss = guard.lost() => return Err(loss.into()),
    }
    next_host_may_ask.await;
    guard.release().await?;
    // Before a program ends: a runtime that ends takes what is queued with it.
    client.shutdown().await?;
    Ok(())
}

async fn write_report() {
    println!("this host writes the report");
}
