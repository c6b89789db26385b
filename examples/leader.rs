//! One of several processes leads, for as long as it can renew its lease; when it falls, another
//! takes over. Ctrl-C hands the lead on at once.
//!
//! `cargo run --example leader -- redis://10.0.0.1 redis://10.0.0.2 redis://10.0.0.3`
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::time::Duration;

use leasehold::{Client, Guard, Loss};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Heard from the first moment on, not only from where it is waited for.
    let mut stop = signal(SignalKind::interrupt())?;
    // A lead that is lost by a crash stays empty for a TTL. A release is heard of at once.
    let builder = Client::builder().nodes(std::env::args().skip(1)).ttl(Duration::from_secs(5));
    let client = builder.wake_up(true).connect().await?;
    loop {
        println!("follows");
        let guard = tokio::select! {
            guard = client.acquire("leader") => guard?,
            _ = stop.recv() => break,
        };
        println!("leads");
        tokio::select! {
            loss = lead(&guard) => println!("leads no more: {loss}"),
            _ = stop.recv() => {
                guard.release().await?;
                break;
            }
        }
    }
    client.shutdown().await?;
    Ok(())
}

/// What a leader does, until it is none. It looks at its lease before each thing it does.
async fn lead(guard: &Guard) -> Loss {
    let mut heartbeat = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            loss = guard.lost() => return loss,
            _ = heartbeat.tick() => {
                if let Err(loss) = guard.ensure_held() {
                    return loss;
                }
                // Here it does what only a leader may do.
            }
        }
    }
}
