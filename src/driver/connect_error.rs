//! Why a client could not be made. Each message names the value, the rule and a remedy.

use std::fmt;
use std::io;
use std::string::String;
use std::time::Duration;
use std::vec::Vec;

use super::votes::short;
use crate::protocol::ConfigError;

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
    #[error(transparent)]
    BadUrl(#[from] BadUrl),
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
    /// A node asks for TLS, and the system has no certificates to trust it by.
    #[error("no certificate authorities of the system ({0}); give the builder a TLS configuration")]
    Trust(String),
    /// The system gives a blocking client no thread.
    #[error("no thread for the client: {0}")]
    NoThread(io::Error),
    /// What the client does cannot be written down.
    #[error("no recording in {}: {error}; name a folder that can be written", folder.display())]
    Recording {
        /// The folder.
        folder: std::path::PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Not called from within a tokio runtime.
    #[error("no tokio runtime here: a client lives in one; call connect from async code")]
    NoRuntime,
    /// The system has no random numbers.
    #[error("no random numbers from the system: {0}")]
    NoRandomness(getrandom::Error),
    /// The runtime was shut down while connecting.
    #[error("the tokio runtime was shut down while the client was connecting")]
    Closed,
}

/// A URL that names no single, plain Redis server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {problem}")]
#[non_exhaustive]
pub struct BadUrl {
    /// The URL, its password hidden.
    pub url: String,
    /// What is wrong with it.
    pub problem: UrlProblem,
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
    /// It asks for TLS, and this library was built without.
    #[error("TLS needs leasehold's feature `tls`; turn it on in Cargo.toml")]
    Tls,
    /// It asks for TLS without looking at the certificate.
    #[error(
        "a certificate that is not looked at proves nothing; leave #insecure out and give the \
         builder a TLS configuration that trusts the server"
    )]
    Insecure,
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
                Some(error) => write!(f, "{separator}{}: {error}", short(name))?,
                None => write!(f, "{separator}{}: ready", short(name))?,
            }
        }
        Ok(())
    }
}

/// A setting that cannot work, in units that people use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsError {
    /// A rule of the protocol is broken; its spans are in microseconds.
    Rule(ConfigError),
    /// A lock of several keys names none.
    NoKey,
    /// More validity is asked for than any lease has.
    MinValidity {
        /// What was asked for.
        minimum: Duration,
        /// The TTL.
        ttl: Duration,
    },
    /// The work would be stopped before it begins.
    Grace {
        /// What was asked for.
        grace: Duration,
        /// The TTL.
        ttl: Duration,
    },
}

impl core::error::Error for SettingsError {}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |span: i64| Duration::from_micros(span.unsigned_abs());
        let rule = match self {
            SettingsError::Rule(rule) => *rule,
            SettingsError::NoKey => return f.write_str("a lock of no keys; name at least one"),
            SettingsError::MinValidity { minimum, ttl } => {
                return write!(
                    f,
                    "a minimum validity of {minimum:?}: a lease of {ttl:?} never has so much; \
                     ask for less, or choose a longer TTL"
                );
            }
            SettingsError::Grace { grace, ttl } => {
                return write!(
                    f,
                    "a grace of {grace:?}: a lease of {ttl:?} never lasts so long; \
                     choose a shorter grace, or a longer TTL"
                );
            }
        };
        match rule {
            ConfigError::NoNodes | ConfigError::TooManyNodes(_) | ConfigError::NegativeDrift(_) => {
                rule.fmt(f)
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
