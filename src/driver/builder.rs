//! What a client can be told before it starts.

use std::string::{String, ToString};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;
use std::vec::Vec;

use tokio::sync::{mpsc, oneshot};

use super::client::{Client, Shared};
use super::clock::{Clock, span_of};
use super::connect_error::{BadUrl, ConnectError};
use super::endpoint::{Endpoint, IntoEndpoint};
use super::events::Feed;
use super::leases::Leases;
use super::link::Link;
use super::listener::Listener;
use super::node::Node;
use super::plan::Options;
use super::recording::Tape;
use super::report::Report;
use super::starting::Starting;
use super::task::Task;
use super::token::Jitter;
use crate::protocol::{Drift, Extend, Retry, Rules, Sound};

/// How long one connection may take until the node has answered the handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(1);

/// Settings of a [`Client`]. Only the nodes are required.
#[derive(Clone)]
#[must_use = "a builder does nothing until connect is called"]
pub struct Builder {
    nodes: Vec<Result<Endpoint, BadUrl>>,
    #[cfg(feature = "tls")]
    trust: Option<super::tls::Trust>,
    pub(super) options: Options,
    pub(super) connect_timeout: Duration,
    pub(super) retry: Retry,
    pub(super) redact: bool,
    pub(super) wake_up: bool,
    recordings: Option<std::path::PathBuf>,
}

impl core::fmt::Debug for Builder {
    /// Without the URLs, which may hold passwords.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = f.debug_struct("Builder");
        shown.field("nodes", &self.nodes.len()).field("options", &self.options);
        shown.field("connect_timeout", &self.connect_timeout).field("retry", &self.retry);
        shown.field("wake_up", &self.wake_up);
        shown.field("redact_keys", &self.redact).finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            nodes: Vec::new(),
            #[cfg(feature = "tls")]
            trust: None,
            options: Options::default(),
            connect_timeout: Duration::from_secs(3),
            retry: Retry { attempts: None, delay_min: 50_000, delay_max: 250_000 },
            redact: false,
            wake_up: false,
            recordings: None,
        }
    }
}

impl Builder {
    /// Adds a node: a URL such as `redis://host:port`, `redis://user:password@host:port/db`,
    /// `rediss://host:port` (TLS, with the feature `tls`) or `unix:///path`, a `redis::Client`, or
    /// a `redis::ConnectionInfo`.
    ///
    /// All clients of a lock must name the same nodes, each an independent server.
    pub fn node(mut self, node: impl IntoEndpoint) -> Builder {
        self.nodes.push(node.into_endpoint());
        self
    }

    /// Adds several nodes.
    pub fn nodes<E: IntoEndpoint>(mut self, nodes: impl IntoIterator<Item = E>) -> Builder {
        self.nodes.extend(nodes.into_iter().map(IntoEndpoint::into_endpoint));
        self
    }

    /// Whom nodes over TLS must be vouched for by, and the certificate that this client shows, if
    /// any. Default: whom the system trusts, and none.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, config: impl Into<Arc<rustls::ClientConfig>>) -> Builder {
        self.trust = Some(config.into());
        self
    }

    /// How long a key lives at a node unless it is renewed: how long a lock stays held after its
    /// holder has died. Rounded down to whole milliseconds. Default: 10 s.
    pub fn ttl(mut self, ttl: Duration) -> Builder {
        self.options.ttl = ttl;
        self
    }

    /// The allowance for clocks that run at different rates: so many parts per million of the TTL,
    /// and a fixed part. Default: 10 000 ppm (1 %) and 2 ms.
    pub fn drift(mut self, factor_ppm: u32, floor: Duration) -> Builder {
        self.options.drift = Drift { factor_ppm, floor: span_of(floor) };
        self
    }

    /// How long after the start of a renewal the next one starts, at the latest; up to a tenth of
    /// that earlier, at random. Default: a third of the TTL.
    pub fn renew_every(mut self, interval: Duration) -> Builder {
        self.options.renew_every = Some(interval);
        self
    }

    /// How long an attempt or a renewal waits for silent nodes when it is undecided without them.
    /// Default: a twentieth of the TTL, at least 50 ms and at most 500 ms, and never more than a
    /// quarter of the TTL.
    pub fn node_timeout(mut self, timeout: Duration) -> Builder {
        self.options.node_timeout = Some(timeout);
        self
    }

    /// How long a release waits for every node to acknowledge it before it is reported with the
    /// rest unsettled, and how long [`Client::shutdown`] waits. Default: a quarter of the TTL, at
    /// least 250 ms and at most 2 s.
    pub fn release_within(mut self, bound: Duration) -> Builder {
        self.options.release_within = Some(bound);
        self
    }

    /// How long [`connect`](Self::connect) waits for a majority of the nodes. Default: 3 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Builder {
        self.connect_timeout = timeout;
        self
    }

    /// How often and after which delays a denied acquisition is attempted again; the delays are in
    /// microseconds. Default: without limit, after 50 to 250 ms, uniformly at random.
    pub fn retry(mut self, retry: Retry) -> Builder {
        self.retry = retry;
        self
    }

    /// What a renewal does at a node where the key is gone. Default: nothing, [`Extend::Touch`].
    ///
    /// [`Extend::TouchOrSet`] survives a node that lost its memory, but where `CLIENT KILL` is not
    /// permitted a released lock may come back for one TTL after a connection has failed.
    pub fn extend(mut self, extend: Extend) -> Builder {
        self.options.extend = extend;
        self
    }

    /// Whether a renewal that a majority accepted sets the key anew at a node that has lost it.
    /// Default: no.
    ///
    /// Without it a rolling restart of the servers, one at a time, ends every lease that outlives
    /// it: no node that has forgotten the key ever stores it again for that lease. What is set so
    /// counts from the next renewal on. The checker searches it with every fault alone, and it
    /// holds; of its pairs with other faults some were not searched to the end
    /// (`reports/nightly.truncated.md`), which is why it is asked for.
    pub fn repair(mut self, on: bool) -> Builder {
        self.options.repair = on;
        self
    }

    /// The longest TTL that **any** client of these nodes uses. It must be the same at all of
    /// them: it is how long the restart guard waits. Longer TTLs are refused. Default: 30 s.
    pub fn max_ttl(mut self, longest: Duration) -> Builder {
        self.options.max_ttl = longest;
        self
    }

    /// Whether a node counts only once its process has been up for [`max_ttl`](Self::max_ttl) and
    /// a second more. Default: with three nodes or more.
    ///
    /// A node that restarts has forgotten whom it granted a lock to, unless it writes every change
    /// to disk at once. Counted at once, it helps a second client to a majority while the first
    /// one still holds the lock. So its answers do not count until every lease that it may have
    /// forgotten has ended; also those of servers that were never used before. Redlock promises
    /// nothing across restarts without such a guard, and this one promises it only if every client
    /// has it. Turn it off for tests on servers started for them.
    pub fn restart_guard(mut self, on: bool) -> Builder {
        self.options.restart_guard = Some(on);
        self
    }

    /// Whether those who wait hear of a release at once, from clients of other processes too, and
    /// do not only ask again after the delays of [`retry`](Self::retry). Default: no.
    ///
    /// Each release then publishes on the channel `leasehold:released:` and the key, and a client
    /// with somebody waiting has one more connection, to one node at a time. It is a hint: what is
    /// lost of it costs a delay. All clients of a lock should choose the same. A user of the server
    /// whose channels are restricted needs `&leasehold:released:*`.
    pub fn wake_up(mut self, on: bool) -> Builder {
        self.wake_up = on;
        self
    }

    /// Whether logs and errors leave out the keys. Events show them always. Default: no.
    pub fn redact_keys(mut self, redact: bool) -> Builder {
        self.redact = redact;
        self
    }

    /// Writes what this client's machines are told, and what they say, to a new file in `folder`,
    /// for `leasehold conform`. Default: nothing is written, unless the environment variable
    /// `LEASEHOLD_RECORD` names a folder, which records every client of the process.
    ///
    /// The file holds tokens, and on Unix only its owner may read it. See
    /// [`record`](crate::record).
    #[cfg(feature = "record")]
    pub fn record(mut self, folder: impl Into<std::path::PathBuf>) -> Builder {
        self.recordings = Some(folder.into());
        self
    }

    /// Connects: starts the client's task and waits until a majority of the nodes is ready, and a
    /// moment more for the others.
    ///
    /// To be called in a tokio runtime with its I/O and time drivers enabled; the client lives as
    /// long as that runtime. Cancel safe: a dropped future leaves nothing behind.
    ///
    /// # Errors
    /// [`ConnectError`]: no node, a URL that names no single Redis server, one server named twice,
    /// settings that cannot work, or no majority within [`connect_timeout`](Self::connect_timeout).
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let endpoints = self.endpoints()?;
        let plan = Arc::new(self.options.plan(endpoints.len())?);
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let (clock, jitter) = (Clock::start(), Jitter::draw().map_err(ConnectError::NoRandomness)?);
        let names: Arc<[String]> = endpoints.iter().map(|node| node.name().to_string()).collect();
        let patience = self.connect_timeout.min(HANDSHAKE_MAX);
        let (extend, max_ttl) = (plan.config.extend(), Sound.guards_for(&plan.config));
        let link = |endpoint: Endpoint| Link::new(endpoint, extend, patience, clock.now());
        let listener =
            self.wake_up.then(|| Listener::new(endpoints.iter().cloned().map(link).collect()));
        let node = |endpoint: Endpoint| {
            let name = endpoint.name().to_string();
            let link = link(endpoint);
            Node::new(name, link, extend, max_ttl, clock)
        };
        let nodes = endpoints.into_iter().map(node).collect();
        let (mailbox, letters) = mpsc::unbounded_channel();
        let (reply, started) = oneshot::channel();
        let starting = Starting::new(self.connect_timeout, clock.now(), reply);
        let feed = Arc::new(Feed::default());
        let report = Report {
            feed: Arc::clone(&feed),
            names: Arc::clone(&names),
            redact: self.redact,
            quorum: Sound.quorum(plan.config.nodes()),
            tape: Tape::begin(self.recordings.as_deref(), &names)?,
        };
        let leases = Leases::new(jitter, report.clone());
        let within = plan.config.settings().release_within;
        let mut task = Task::new(clock, nodes, leases, report, within, starting, letters);
        task.listener = listener;
        runtime.spawn(task);
        let (options, retry, redact) = (self.options, self.retry, self.redact);
        let last_call = AtomicU64::new(0);
        let shared =
            Shared { clock, names, options, plan, retry, redact, feed, mailbox, last_call };
        let client = Client::new(Arc::new(shared));
        started.await.map_err(|_| ConnectError::Closed)??;
        Ok(client)
    }

    fn endpoints(&self) -> Result<Vec<Endpoint>, ConnectError> {
        if self.nodes.is_empty() {
            return Err(ConnectError::NoNode);
        }
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for node in &self.nodes {
            let endpoint = node.clone()?;
            if let Some(first) = endpoints.iter().find(|first| first.name() == endpoint.name()) {
                let (first, second) = (first.name().to_string(), endpoint.name().to_string());
                return Err(ConnectError::DuplicateNode { first, second });
            }
            endpoints.push(endpoint);
        }
        #[cfg(feature = "tls")]
        self.trust(&mut endpoints)?;
        Ok(endpoints)
    }

    #[cfg(feature = "tls")]
    fn trust(&self, endpoints: &mut [Endpoint]) -> Result<(), ConnectError> {
        let mut trust = self.trust.clone();
        for endpoint in endpoints.iter_mut().filter(|endpoint| endpoint.is_over_tls()) {
            if trust.is_none() {
                trust = Some(super::tls::system_trust()?);
            }
            endpoint.trust.clone_from(&trust);
        }
        Ok(())
    }
}
