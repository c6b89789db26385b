//! Programs that show how leasehold is used: `cargo run --example cron -- redis://a redis://b`.
//!
//! They are the files next to this package's `Cargo.toml`; its tests run each of them against real
//! servers.
