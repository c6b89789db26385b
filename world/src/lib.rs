//! All that a client cannot control: nodes, network, clocks, schedulers and faults, and the
//! programs that use the lease.
//!
//! One function carries the project: [`World::apply`]. The checker *enumerates* steps, the
//! simulator *samples* them, replay *reads* them from a file. A counterexample and a failing seed
//! are therefore the same thing, a list of [`Step`]s, written as a [`trace`].
//!
//! The world contains the shipped machine itself ([`leasehold::protocol::Lease`]); the broken
//! lifecycles are programs composed of the same rounds. It knows no rates, no probabilities and no
//! sockets, and it decides nothing by itself: every choice is a step.

pub mod action;
pub mod canonical;
pub mod client;
pub mod effects;
mod enabled;
mod follow;
mod hasten;
pub mod healed;
pub mod joined;
mod links;
pub mod message;
pub mod narrate;
pub mod node;
mod observer;
mod pack;
pub mod properties;
pub mod replay;
pub mod scope;
pub mod step;
pub mod suspects;
pub mod threaded;
pub mod ticket;
pub mod time;
pub mod trace;
pub mod witnesses;
pub mod world;

pub use client::{Client, Program};
pub use effects::{Breach, Breaches, Effects, Executed, Report};
pub use follow::{Followed, Judged, Refused, Stray, Strayed, follow, judge};
pub use message::{Message, Pipe, Value};
pub use narrate::narrate;
pub use node::Node;
pub use properties::{CLAIMS, Claim};
pub use replay::{Frame, Replay, ReplayError, describe, replay};
pub use scope::{Faults, Lifecycle, Role, Scope, ScopeError, Settings};
pub use step::{ParseStepError, Step};
pub use suspects::{ClaimSet, ClientSet, Concerned, concerned, dangers, suspects};
pub use ticket::Ticket;
pub use time::WorldTime;
pub use trace::{Trace, TraceError};
pub use witnesses::{WITNESSES, Witness, approached};
pub use world::World;
