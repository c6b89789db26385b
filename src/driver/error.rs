//! What can go wrong once there is a client, one enum per operation. Each message names the value
//! and what happened, and tells apart what each node said.

use std::fmt;
use std::string::String;
use std::time::Duration;
use std::vec::Vec;

use super::connect_error::SettingsError;
use super::votes::Votes;
use crate::protocol::{LossCause, NodeSet};

/// Why a lock was not acquired. Keys are shown as [`Builder::redact_keys`] says.
///
/// [`Builder::redact_keys`]: super::Builder::redact_keys
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// The time given was over first.
    #[error("{key:?} was not acquired within {waited:?}{}", Last(*attempts, last.as_ref()))]
    Timeout {
        /// The key.
        key: String,
        /// The time given.
        waited: Duration,
        /// How many attempts were denied. With 0, others of this client were ahead all the time,
        /// or the first attempt was not decided.
        attempts: u32,
        /// What the nodes said in the last attempt that came to an end.
        last: Option<Votes>,
    },
    /// Every attempt that the retry policy allows was denied.
    #[error("no quorum for {key:?}{}: {last}", Attempts(*attempts))]
    Exhausted {
        /// The key.
        key: String,
        /// How many were made.
        attempts: u32,
        /// What the nodes said in the last of them.
        last: Votes,
    },
    /// One attempt was wanted, and others of this client hold the key or wait for it. No node was
    /// asked.
    #[error("{key:?} is held or awaited within this process: {ahead} ahead; no node was asked")]
    Occupied {
        /// The key.
        key: String,
        /// How many are ahead, the holder included.
        ahead: usize,
    },
    /// It was acquired, and lost before the caller looked: the program was paused or starved.
    #[error("{key:?} was acquired, and lost before this task ran: {loss}")]
    Lost {
        /// The key.
        key: String,
        /// Why.
        loss: Loss,
    },
    /// A ticket of another lock was to be adopted.
    #[error("the ticket is of {ticket:?}, not of {key:?}; adopt it with the lock it was made for")]
    OtherKey {
        /// The key of the lock.
        key: String,
        /// The key of the ticket.
        ticket: String,
    },
    /// The options of the lock cannot work.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The client was shut down, or the runtime it lived in has ended.
    #[error("the client is closed; connect a new one")]
    Closed,
    /// The system has no random numbers to make a token of.
    #[error("no random numbers from the system: {0}")]
    NoRandomness(getrandom::Error),
}

struct Last<'a>(u32, Option<&'a Votes>);

impl fmt::Display for Last<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Last(1, Some(votes)) => write!(f, "; in 1 attempt: {votes}"),
            Last(count, Some(votes)) => write!(f, "; in the last of {count} attempts: {votes}"),
            Last(_, None) => f.write_str("; no attempt came to an end"),
        }
    }
}

struct Attempts(u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | 1 => Ok(()),
            count => write!(f, " in {count} attempts; the last"),
        }
    }
}

/// Why a renewal that was asked for did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtendError {
    /// Too few nodes agreed, or they left less of the lease than was asked for. It is held still,
    /// until the end that it has.
    #[error("{key:?} was not renewed as asked, and is held until the end it has: {last}")]
    Failed {
        /// The key.
        key: String,
        /// What each node said.
        last: Votes,
    },
    /// The lease is over.
    #[error("{key:?} cannot be renewed: {loss}{}", Said(last.as_ref()))]
    Lost {
        /// The key.
        key: String,
        /// Why it is over.
        loss: Loss,
        /// What each node said in the last renewal, if that has failed.
        last: Option<Votes>,
    },
    /// The client or its runtime has ended.
    #[error("the client is closed; the lease ends with its TTL")]
    Closed,
}

pub(super) struct Said<'a>(pub(super) Option<&'a Votes>);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(votes) => write!(f, "; the nodes said: {votes}"),
            None => Ok(()),
        }
    }
}

/// Why work under a lock has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WithLockError {
    /// The lock was not acquired, and the work not begun.
    #[error(transparent)]
    Acquire(#[from] AcquireError),
    /// The lease was lost, or about to run out without renewal: the work was stopped, or had come
    /// to an end too late.
    #[error("the work under {key:?} was stopped: {loss}{}", Said(last.as_ref()))]
    Lost {
        /// The key.
        key: String,
        /// Why. [`Loss::Expired`] also where the lease was about to expire.
        loss: Loss,
        /// What each node said in the last renewal, if that has failed.
        last: Option<Votes>,
    },
}

/// Why a lease ended without having been released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Loss {
    /// No renewal succeeded before the lease ran out.
    #[error("the lease ran out before a renewal succeeded")]
    Expired,
    /// The key is gone from so many nodes that no majority stores it.
    #[error("the key is gone from the nodes")]
    Gone,
    /// The same, and another holder's value was seen.
    #[error("the lock was taken by another")]
    Taken,
    /// It was held for as long as its lock allows.
    #[error("the lock was held for as long as it may be")]
    HeldTooLong,
    /// Its guard released it, or handed it over.
    #[error("it was released")]
    Released,
    /// The client was shut down while the guard lived.
    #[error("the client was shut down")]
    Closed,
}

impl From<LossCause> for Loss {
    fn from(cause: LossCause) -> Loss {
        match cause {
            LossCause::Expired => Loss::Expired,
            LossCause::Gone => Loss::Gone,
            LossCause::Taken => Loss::Taken,
        }
    }
}

/// Why a release has nothing to report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The lease was over before it was released, so the last of the work was not protected.
    #[error("the lease was lost before it was released: {loss}{}", Said(last.as_ref()))]
    Lost {
        /// Why.
        loss: Loss,
        /// What each node said in the last renewal, if that has failed.
        last: Option<Votes>,
    },
    /// The client or its runtime has ended. The keys expire with their TTL.
    #[error("the client is closed; what it had not released expires with its TTL")]
    Closed,
}

/// A release that is over for the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// Nodes that have not acknowledged it in time. The client keeps trying as long as it lives;
    /// otherwise the key expires there with its TTL.
    pub unsettled: Vec<String>,
}

impl Released {
    pub(super) fn new(names: &[String], unsettled: NodeSet) -> Released {
        let named = names.iter().zip(0..).filter(|&(_, node)| unsettled.contains(node));
        Released { unsettled: named.map(|(name, _)| name.clone()).collect() }
    }
}
