//! What can go wrong, one enum per operation. Each message names the value, the rule and a remedy.

use std::fmt;
use std::io;
use std::string::String;
use std::time::Duration;
use std::vec::Vec;

use crate::protocol::{ConfigError, LossCause, NodeSet, Tally};

/// Why a client could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No node was named.
    #[error(
        "no node named: a lease needs at least one Redis server; name 1, 3 or 5 independent ones, \
         such as redis://10.0.0.1:6379"
    )]
    NoNode,
    /// A URL names no single, plain Redis server.
    #[error("{url}: {problem}")]
    BadUrl {
        /// The URL, its password hidden.
        url: String,
        /// What is wrong with it.
        problem: UrlProblem,
    },
    /// Two URLs lead to one server process, so the two would always fail and agree together.
    #[error(
        "{first} and {second} are the same server: the nodes of a lock must be independent \
         servers; name each server once"
    )]
    DuplicateNode {
        /// The node named first.
        first: String,
        /// The node that turned out to be the same.
        second: String,
    },
    /// The numbers do not fit together.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Fewer than a quorum of the nodes answered in time.
    #[error(
        "{ready} of {} nodes answered within {waited:?}, a majority is needed ({}); start the \
         servers, correct their URLs or raise connect_timeout",
        nodes.len(),
        NodeErrors(nodes)
    )]
    Unreachable {
        /// How many nodes were ready.
        ready: usize,
        /// How long they were waited for.
        waited: Duration,
        /// Each node and, unless it was ready, why not.
        nodes: Vec<(String, Option<NodeError>)>,
    },
    /// Not called from within a tokio runtime.
    #[error("no tokio runtime here: a client lives in one; call connect from async code")]
    NoRuntime,
    /// The runtime was shut down while connecting.
    #[error("the tokio runtime was shut down while the client was connecting")]
    Closed,
}

/// Why a URL was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlProblem {
    /// It is not a Redis URL.
    #[error(
        "not a Redis URL; write redis://host:port, redis://user:password@host/db or unix:///path"
    )]
    Unparsable,
    /// It looks like a Redis URL, but a part of it has no meaning.
    #[error("not a usable Redis URL ({0})")]
    Rejected(String),
    /// It names a Sentinel.
    #[error("Redis Sentinel is not supported: a failover forgets locks; name independent servers")]
    Sentinel,
    /// It names a cluster.
    #[error("Redis Cluster is not supported: its nodes are not independent; name single servers")]
    Cluster,
    /// It names several hosts.
    #[error("several hosts in one URL; give one URL per server")]
    List,
    /// It asks for TLS.
    #[error("TLS is not supported; use redis:// within a trusted network or through a tunnel")]
    Tls,
}

/// Why a node is not in use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The connection could not be made, or failed.
    #[error(transparent)]
    Io(io::Error),
    /// It accepts connections, or not even that, and says nothing.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// It closed the connection.
    #[error("it closed the connection")]
    Hangup,
    /// It refused a command that is needed before the node can be used.
    #[error("{command} was refused: {reply}")]
    Refused {
        /// The command.
        command: &'static str,
        /// The server's words.
        reply: String,
    },
    /// It answered with something that no Redis server says.
    #[error("it does not speak the Redis protocol")]
    Protocol,
    /// It is part of a cluster or is a Sentinel.
    #[error("it runs in {0} mode; a lock needs standalone servers")]
    Mode(String),
    /// It is the same server as another node.
    #[error("it is the same server as {0}")]
    Duplicate(String),
}

struct NodeErrors<'a>(&'a [(String, Option<NodeError>)]);

impl fmt::Display for NodeErrors<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, error)) in self.0.iter().enumerate() {
            let separator = if at == 0 { "" } else { "; " };
            match error {
                Some(error) => write!(f, "{separator}{name}: {error}")?,
                None => write!(f, "{separator}{name}: ready")?,
            }
        }
        Ok(())
    }
}

/// A setting that cannot work, in units that people use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettingsError(pub(super) ConfigError);

impl SettingsError {
    /// The rule that was broken, in the protocol's terms; its spans are in microseconds.
    pub fn rule(&self) -> ConfigError {
        self.0
    }
}

impl core::error::Error for SettingsError {}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |span: i64| Duration::from_micros(span.unsigned_abs());
        match self.0 {
            ConfigError::NoNodes | ConfigError::TooManyNodes(_) | ConfigError::NegativeDrift(_) => {
                self.0.fmt(f)
            }
            ConfigError::TtlTooShort { ttl, drift } => write!(
                f,
                "a TTL of {:?} is too short: it must exceed the allowance for clock drift, {:?}; \
                 choose a longer TTL",
                time(ttl),
                time(drift)
            ),
            ConfigError::TtlBeyondMax { ttl, max_ttl } => write!(
                f,
                "a TTL of {:?} exceeds the longest TTL of {:?} that the restart guard waits for; \
                 choose a shorter TTL, or a longer max_ttl at all clients",
                time(ttl),
                time(max_ttl)
            ),
            ConfigError::NotPositive { name: "ttl", .. } => {
                f.write_str("a TTL of 0: it must be at least 1ms; choose a longer TTL")
            }
            ConfigError::NotPositive { name, value } => write!(
                f,
                "{name} is {:?}: it must be positive; leave it out for its default",
                time(value)
            ),
            ConfigError::RenewsTooLate { renew_every, validity } => write!(
                f,
                "renew_every is {:?}, but a lease is valid for {:?} only; renew sooner, a third \
                 of the TTL is customary",
                time(renew_every),
                time(validity)
            ),
        }
    }
}

/// Why a lock was not acquired.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// The time given was over first.
    #[error("not acquired within {waited:?}{}", Last(last.as_ref()))]
    Timeout {
        /// The time given.
        waited: Duration,
        /// What the nodes said in the last attempt that came to an end.
        last: Option<Votes>,
    },
    /// Every attempt that the retry policy allows was denied.
    #[error("not acquired in {attempts} attempt(s){}", Last(Some(last)))]
    Exhausted {
        /// How many were made.
        attempts: u32,
        /// What the nodes said in the last of them.
        last: Votes,
    },
    /// The client was shut down, or the runtime it lived in has ended.
    #[error("the client is closed; connect a new one")]
    Closed,
    /// The system has no random numbers to make a token of.
    #[error("no random numbers from the system: {0}")]
    NoRandomness(getrandom::Error),
}

struct Last<'a>(Option<&'a Votes>);

impl fmt::Display for Last<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(votes) => write!(f, "; the nodes said last: {votes}"),
            None => Ok(()),
        }
    }
}

/// What each node said in one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Votes(Vec<(String, Vote)>);

impl Votes {
    pub(super) fn new(names: &[String], tally: &Tally) -> Votes {
        let vote = |node: u8| {
            if tally.done.contains(node) {
                Vote::Granted
            } else if tally.denied().contains(node) {
                Vote::Taken
            } else if tally.failed.contains(node) {
                Vote::Failed
            } else {
                Vote::Silent
            }
        };
        Votes(names.iter().zip(0..).map(|(name, node)| (name.clone(), vote(node))).collect())
    }

    /// Each node's name and vote, in the order in which the nodes were given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Vote)> {
        self.0.iter().map(|(name, vote)| (name.as_str(), *vote))
    }
}

impl fmt::Display for Votes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, vote)) in self.iter().enumerate() {
            let separator = if at == 0 { "" } else { ", " };
            write!(f, "{separator}{name} {vote}")?;
        }
        Ok(())
    }
}

/// What one node said in one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Vote {
    /// It set the key.
    #[error("granted")]
    Granted,
    /// The key is somebody else's.
    #[error("held by another")]
    Taken,
    /// It is not connected, or answered with an error.
    #[error("failed")]
    Failed,
    /// It did not answer before the attempt was over.
    #[error("silent")]
    Silent,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The lease was over before it was released, so the last of the work was not protected.
    #[error("the lease was lost before it was released: {0}")]
    Lost(Loss),
    /// The client or its runtime has ended. The keys expire with their TTL.
    #[error("the client is closed; what it had not released expires with its TTL")]
    Closed,
}

/// A release that is over for the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
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
