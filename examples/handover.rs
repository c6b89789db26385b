//! A new version of a service takes over from the old one, and nobody else gets in between.
//!
//! `cargo run --example handover -- redis://10.0.0.1 …` works until Ctrl-C, then prints a ticket;
//! with `TICKET` set to that, the next one goes on where the first has stopped.
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::time::Duration;

use leasehold::{Client, Ticket};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Heard from the first moment on, not only from where it is waited for.
    let mut stop = signal(SignalKind::interrupt())?;
    let builder = Client::builder().nodes(std::env::args().skip(1)).ttl(Duration::from_secs(20));
    let client = builder.connect().await?;
    let guard = match std::env::var("TICKET") {
        Ok(ticket) => client.adopt(&ticket.parse::<Ticket>()?).await?,
        Err(_) => client.acquire("service").await?,
    };
    println!("works");
    tokio::select! {
        loss = guard.lost() => return Err(loss.into()),
        _ = stop.recv() => {}
    }
    // From here on this process does nothing more under the lock.
    println!("{}", guard.hand_over().await?);
    client.shutdown().await?;
    Ok(())
}
