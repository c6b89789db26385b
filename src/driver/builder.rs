//! What a client can be told before it starts.

use std::string::String;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use tokio::sync::{mpsc, oneshot};

use super::client::{Client, Shared};
use super::clock::{Clock, span_of};
use super::endpoint::Endpoint;
use super::error::{ConnectError, SettingsError};
use super::link::Link;
use super::node::Node;
use super::starting::Starting;
use super::task::Task;
use crate::protocol::{Config, Drift, Extend, Retry, Settings};

/// How long one connection may take until the node has answered the handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(1);

/// Settings of a [`Client`]. Only the nodes are required.
#[derive(Clone)]
#[must_use = "a builder does nothing until connect is called"]
pub struct Builder {
    urls: Vec<String>,
    ttl: Duration,
    drift: Drift,
    renew_every: Option<Duration>,
    node_timeout: Option<Duration>,
    release_within: Option<Duration>,
    connect_timeout: Duration,
    retry: Retry,
    extend: Extend,
}

impl core::fmt::Debug for Builder {
    /// Without the URLs, which may hold passwords.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Builder { urls, ttl, retry, extend, .. } = self;
        let mut shown = f.debug_struct("Builder");
        shown.field("nodes", &urls.len()).field("ttl", ttl).field("retry", retry);
        shown.field("extend", extend).finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            urls: Vec::new(),
            ttl: Duration::from_secs(10),
            drift: Drift { factor_ppm: 10_000, floor: 2_000 },
            renew_every: None,
            node_timeout: None,
            release_within: None,
            connect_timeout: Duration::from_secs(3),
            retry: Retry { attempts: None, delay_min: 50_000, delay_max: 250_000 },
            extend: Extend::Touch,
        }
    }
}

impl Builder {
    /// Adds a node: `redis://host:port`, `redis://user:password@host:port/db` or `unix:///path`.
    ///
    /// All clients of a lock must name the same nodes, each an independent server.
    pub fn node(mut self, url: impl Into<String>) -> Builder {
        self.urls.push(url.into());
        self
    }

    /// Adds several nodes.
    pub fn nodes<U: Into<String>>(mut self, urls: impl IntoIterator<Item = U>) -> Builder {
        self.urls.extend(urls.into_iter().map(Into::into));
        self
    }

    /// How long a key lives at a node unless it is renewed: how long a lock stays held after its
    /// holder has died. Rounded down to whole milliseconds. Default: 10 s.
    pub fn ttl(mut self, ttl: Duration) -> Builder {
        self.ttl = ttl;
        self
    }

    /// The allowance for clocks that run at different rates: so many parts per million of the TTL,
    /// and a fixed part. Default: 10 000 ppm (1 %) and 2 ms.
    pub fn drift(mut self, factor_ppm: u32, floor: Duration) -> Builder {
        self.drift = Drift { factor_ppm, floor: span_of(floor) };
        self
    }

    /// How long after the start of a renewal the next one starts. Default: a third of the TTL.
    pub fn renew_every(mut self, interval: Duration) -> Builder {
        self.renew_every = Some(interval);
        self
    }

    /// How long an attempt or a renewal waits for silent nodes when it is undecided without them.
    /// Default: a twentieth of the TTL, at least 50 ms and at most 500 ms, and never more than a
    /// quarter of the TTL.
    pub fn node_timeout(mut self, timeout: Duration) -> Builder {
        self.node_timeout = Some(timeout);
        self
    }

    /// How long a release waits for every node to acknowledge it before it is reported with the
    /// rest unsettled, and how long [`Client::shutdown`] waits. Default: a quarter of the TTL, at
    /// least 250 ms and at most 2 s.
    pub fn release_within(mut self, bound: Duration) -> Builder {
        self.release_within = Some(bound);
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
        self.extend = extend;
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
        let config = self.config(endpoints.len())?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let clock = Clock::start();
        let names = endpoints.iter().map(|endpoint| endpoint.name.clone()).collect();
        let patience = self.connect_timeout.min(HANDSHAKE_MAX);
        let node = |endpoint: Endpoint| {
            let name = endpoint.name.clone();
            Node::new(name, Link::new(endpoint, self.extend, patience, clock.now()), self.extend)
        };
        let nodes = endpoints.into_iter().map(node).collect();
        let (mailbox, letters) = mpsc::unbounded_channel();
        let (reply, started) = oneshot::channel();
        let starting = Starting::new(self.connect_timeout, clock.now(), reply);
        runtime.spawn(Task::new(config, clock, nodes, starting, letters));
        let client = Client::new(Arc::new(Shared::new(clock, names, mailbox, self.retry)));
        started.await.map_err(|_| ConnectError::Closed)??;
        Ok(client)
    }

    fn endpoints(&self) -> Result<Vec<Endpoint>, ConnectError> {
        if self.urls.is_empty() {
            return Err(ConnectError::NoNode);
        }
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for url in &self.urls {
            let endpoint = Endpoint::parse(url)?;
            if let Some(first) = endpoints.iter().find(|first| first.name == endpoint.name) {
                let (first, second) = (first.name.clone(), endpoint.name);
                return Err(ConnectError::DuplicateNode { first, second });
            }
            endpoints.push(endpoint);
        }
        Ok(endpoints)
    }

    fn config(&self, nodes: usize) -> Result<Config, SettingsError> {
        const MS: i64 = 1_000;
        let ttl = span_of(self.ttl) / MS * MS;
        let usual = Settings::customary(u8::try_from(nodes).unwrap_or(u8::MAX), ttl);
        let settings = Settings {
            drift: self.drift,
            renew_every: self.renew_every.map_or(usual.renew_every, span_of),
            node_timeout: self.node_timeout.map_or(usual.node_timeout, span_of),
            release_within: self.release_within.map_or(usual.release_within, span_of),
            extend: self.extend,
            ..usual
        };
        Config::new(settings).map_err(SettingsError)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    fn config(ttl: Duration) -> Result<Config, SettingsError> {
        Builder::default().ttl(ttl).config(3)
    }

    #[test]
    fn defaults_fit_every_ttl() {
        for ttl_ms in [5, 10, 100, 300, 1_000, 10_000, 3_600_000] {
            let config = config(Duration::from_millis(ttl_ms)).unwrap();
            let settings = config.settings();
            assert!(settings.node_timeout * 4 <= settings.ttl, "{settings:?}");
            assert!(settings.renew_every + settings.node_timeout < settings.ttl - config.drift());
        }
    }

    #[test]
    fn a_ttl_that_cannot_work_is_refused_with_the_rule() {
        let zero = config(Duration::from_micros(999)).unwrap_err().to_string();
        assert!(zero.contains("at least 1ms"), "{zero}");
        let short = config(Duration::from_millis(2)).unwrap_err().to_string();
        assert!(short.contains("2ms") && short.contains("longer TTL"), "{short}");
    }
}
