//! Money moves from one account to another, and both are locked: at once, so that two transfers in
//! opposite directions do not wait for each other for ever.
//!
//! `cargo run --example transfer -- redis://10.0.0.1 redis://10.0.0.2 redis://10.0.0.3`
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::cell::Cell;
use std::time::Duration;

use leasehold::{Client, Loss, WithLockError};

/// Stands for a database. A real one should also check a fencing token, or do this in one
/// transaction: a lock alone cannot stop a process that is paused between its look and its write.
struct Account {
    name: &'static str,
    cents: Cell<i64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect(std::env::args().skip(1)).await?;
    let [ann, bob] = ["ann", "bob"].map(|name| Account { name, cents: Cell::new(1_000) });
    let (there, back) =
        tokio::join!(transfer(&client, &ann, &bob, 700), transfer(&client, &bob, &ann, 200));
    there??;
    back??;
    println!("ann has {}, bob has {}", ann.cents.get(), bob.cents.get());
    client.shutdown().await?;
    Ok(())
}

async fn transfer(
    client: &Client,
    from: &Account,
    to: &Account,
    cents: i64,
) -> Result<Result<(), Loss>, WithLockError> {
    let both = [from, to].map(|account| format!("account:{}", account.name));
    let lock = client.lock_all(both).ttl(Duration::from_secs(5));
    lock.run(|lease| async move {
        let (left, right) = (from.cents.get() - cents, to.cents.get() + cents);
        // Others run meanwhile, and must not have changed what was read.
        tokio::time::sleep(Duration::from_millis(20)).await;
        lease.ensure_held()?;
        from.cents.set(left);
        to.cents.set(right);
        Ok(())
    })
    .await
}
