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
//! [`Client`], a [`Lock`], a [`Guard`] or a [`Lease`] is a handle, and dropping a guard posts a
//! message. The task decides nothing about leases: it turns replies, failures and deadlines into
//! inputs of [`protocol::Lease`](crate::protocol::Lease) and carries out its commands. Only *when*
//! a lease is renewed is the task's, and who of many asks the nodes.
//!
//! Before a program ends it calls [`Client::shutdown`]: a runtime that ends takes the releases
//! that are queued with it, and their keys live on for a TTL.
//!
//! - [`Client::with_lock`] does work under a lock, stops it in time, and always releases.
//! - [`Client::lock`] chooses TTL, renewal, minimum validity and maximum hold time for one lock.
//! - Those of one client who want one key **wait in line**, in order of arrival. Only the first
//!   asks the nodes, and the next one's request goes out behind its release.
//! - With [`Builder::wake_up`] those who wait in other processes hear of a release at once.
//! - [`Guard::hand_over`] and [`Lock::adopt`] make another process the holder, with nobody in
//!   between.
//! - The **restart guard** ([`Builder::restart_guard`]) is on with three nodes and more: a server
//!   that has just started counts for nothing until every lease it may have forgotten has ended.
//! - Every error tells apart what each node said: [`Votes`].
//! - [`Client::events`], `tracing`, and with the feature `metrics` counters and histograms tell
//!   what happens.
//!
//! A lock of this kind excludes others as long as clocks run at rates within the drift allowance,
//! no majority of the nodes forgets a key before its time, and the holder looks at
//! [`Guard::is_held`] before it acts. No library can keep a process that is paused, or a machine
//! that is suspended, from going on afterwards as if nothing had happened.

mod board;
mod builder;
mod client;
#[cfg(feature = "serde")]
mod client_config;
mod clock;
#[cfg(feature = "__conformance")]
#[doc(hidden)]
pub mod conformance;
mod connect_error;
mod endpoint;
mod entry;
mod error;
mod events;
mod guard;
mod handover;
mod handshake;
mod happenings;
mod key;
mod lease;
mod leases;
mod line;
mod link;
mod listener;
mod lock;
mod node;
mod numbers;
mod plan;
mod recording;
mod report;
mod scripts;
mod starting;
mod stream;
mod task;
#[cfg(feature = "tls")]
mod tls;
mod token;
mod turns;
mod votes;
mod wire;

pub use builder::Builder;
pub use client::Client;
#[cfg(feature = "serde")]
pub use client_config::{ClientConfig, ExtendName};
pub use connect_error::{BadUrl, ConnectError, NodeError, SettingsError, UrlProblem};
pub use endpoint::{Endpoint, IntoEndpoint};
pub use error::{AcquireError, ExtendError, Loss, ReleaseError, Released, WithLockError};
pub use events::{Event, Events};
pub use guard::Guard;
pub use handover::{HandoverError, ParseTicketError, Ticket};
pub use lease::Lease;
pub use lock::Lock;
pub use votes::{Shortfall, Vote, Votes};
