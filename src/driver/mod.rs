//! The lock on real Redis: the pure machine of [`protocol`](crate::protocol), run by tokio.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = leasehold::Client::builder()
//!     .nodes(["redis://10.0.0.1", "redis://10.0.0.2", "redis://10.0.0.3"])
//!     .ttl(Duration::from_secs(10))
//!     .connect()
//!     .await?;
//!
//! let guard = client.acquire("nightly-report").await?;
//! tokio::select! {
//!     () = write_report() => {}
//!     cause = guard.lost() => eprintln!("stopped: {cause}"),
//! }
//! let released = guard.release().await?;
//! for node in released.unsettled {
//!     eprintln!("{node} has not acknowledged the release");
//! }
//! # Ok(())
//! # }
//! # async fn write_report() {}
//! ```
//!
//! A [`Client`] is one task. It owns a connection per node, every lease and one timer; a
//! [`Client`] or a [`Guard`] is a handle, and dropping one posts a message. The task decides
//! nothing about leases: it turns replies, failures and deadlines into inputs of
//! [`protocol::Lease`](crate::protocol::Lease) and carries out its commands.
//!
//! A lock of this kind excludes others as long as clocks run at rates within the drift allowance,
//! no majority of the nodes forgets a key before its time, and the holder looks at
//! [`Guard::is_held`] before it acts. No library can keep a process that is paused, or a machine
//! that is suspended, from going on afterwards as if nothing had happened.

mod builder;
mod client;
mod clock;
mod endpoint;
mod error;
mod guard;
mod handshake;
mod happenings;
mod leases;
mod link;
mod node;
mod starting;
mod stream;
mod task;
mod token;
mod wire;

pub use builder::Builder;
pub use client::Client;
pub use error::{
    AcquireError, ConnectError, Loss, NodeError, ReleaseError, Released, SettingsError, UrlProblem,
    Vote, Votes,
};
pub use guard::Guard;
