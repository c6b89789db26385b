//! Redlock leases on Redis, run by a state machine that is model-checked and simulated.
//!
//! - [`protocol`] is the machine: pure, `no_std`, without clock, random numbers or I/O.
//! - `driver` (feature `driver`, on by default) runs it on tokio against real Redis servers.
//!
//! The checker, the simulator and this library run the *same* [`protocol::Lease`].
//!
#![cfg_attr(feature = "driver", doc = include_str!("guide.md"))]
#![no_std]

#[cfg(any(feature = "driver", feature = "record", test))]
extern crate std;

#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(feature = "driver")]
pub mod driver;
pub mod protocol;
#[cfg(feature = "record")]
pub mod record;

#[cfg(feature = "driver")]
pub use driver::{
    AcquireError, BadUrl, Builder, Client, ConnectError, Endpoint, Event, Events, ExtendError,
    Guard, HandoverError, IntoEndpoint, Lease, Lock, Loss, ParseTicketError, ReleaseError,
    Released, SettingsError, Shortfall, Ticket, UrlProblem, Vote, Votes, WithLockError,
};

#[cfg(feature = "serde")]
pub use driver::{ClientConfig, ExtendName};

/// The README's example, compiled.
#[cfg(all(doctest, feature = "driver"))]
#[doc = include_str!("../README.md")]
pub struct Readme;
