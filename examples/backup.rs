//! A command without async code: it copies files, one machine at a time.
//!
//! `cargo run --example backup -- redis://10.0.0.1 redis://10.0.0.2 redis://10.0.0.3`
#![allow(clippy::print_stdout, reason = "an example talks")]

use std::time::Duration;

use leasehold::blocking::Client;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect(std::env::args().skip(1))?;
    println!("waits for its turn");
    let guard = client.acquire_within("backup", Duration::from_secs(60))?;
    for file in ["accounts", "orders", "invoices"] {
        // Nothing can stop this thread from outside, so it looks before each file.
        guard.ensure_held()?;
        println!("copies {file}");
        std::thread::sleep(Duration::from_millis(100));
    }
    let released = guard.release()?;
    for node in released.unsettled {
        println!("{node} has not acknowledged the release; the key expires there");
    }
    Ok(())
}
