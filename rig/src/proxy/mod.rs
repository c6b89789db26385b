//! A TCP address in front of a server: a network that delays, loses, repeats and breaks what
//! passes.
//!
//! It reads frames of RESP, so that a fault can be told by the command that it strikes, and passes
//! them on unchanged. Bytes that are no RESP, and what follows them on that connection, pass as
//! they are: then no rule strikes any more, and only what is done to whole connections does. The
//! same goes for replication, from its `PSYNC` on. Frames have bounds: [`LONGEST_FRAME`],
//! [`LONGEST_LINE`], [`MOST_ELEMENTS`].
//!
//! What a client sent before its connection ended still arrives: such requests are strays, which
//! the server may execute at any later time. Times are those of timers: rounded up to a
//! millisecond.

mod decide;
mod frame;
mod grammar;
mod net;
mod relay;
mod rule;
mod upstream;

pub use decide::Injected;
pub use frame::{
    FrameError, LONGEST_FRAME, LONGEST_LINE, MOST_ELEMENTS, Splitter, Way, is_push, words,
};
pub use grammar::{GRAMMAR, RuleError};
pub use rule::{CommandName, Fault, Newcomers, Only, Pick, Rule, Silence, Spread, Window};
pub use upstream::Upstream;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::RigError;
use net::Net;

/// A proxy in front of one server. It passes everything on, but for what its [`Rule`]s say and what
/// is done to it by hand. Dropping it ends its connections and frees its address.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    net: Arc<Net>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a proxy has seen and done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Connections made through it.
    pub connections: u64,
    /// Frames from clients.
    pub requests: u64,
    /// Frames from the server that answer requests.
    pub replies: u64,
    /// Each rule and what it did, those that were taken away first.
    pub rules: Vec<Injected>,
}

impl Proxy {
    /// Starts one on a free port of this machine, with seed 0.
    ///
    /// # Errors
    /// If the system refuses a port or a thread.
    pub fn start(to: impl Into<Upstream>, rules: Vec<Rule>) -> Result<Proxy, RigError> {
        Proxy::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), to, rules, 0)
    }

    /// Starts one at an address of its own; port 0 is any free one. The same seed draws the same
    /// chances and delays for the same requests of the same connections.
    ///
    /// # Errors
    /// If the address cannot be had, or the system refuses a thread.
    pub fn listen(
        at: SocketAddr,
        to: impl Into<Upstream>,
        rules: Vec<Rule>,
        seed: u64,
    ) -> Result<Proxy, RigError> {
        let refused = |error| RigError::Listen { address: at, error };
        let listener = TcpListener::bind(at).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().map_err(RigError::system("a proxy"))?;
        let (net, to) = (Arc::new(Net::new(seed, rules)), Arc::new(to.into()));
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&net);
        let run = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, to, shared) => {}
                    _ = stopped => {}
                }
            });
        };
        let thread = thread::Builder::new().name("proxy".to_owned()).spawn(run);
        let thread = thread.map_err(RigError::system("a thread for a proxy"))?;
        Ok(Proxy { address, net, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port where it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL for a client.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// From now on this rule holds too, after those that there are. Its counting begins now.
    pub fn add(&self, rule: Rule) {
        self.net.add(rule);
    }

    /// Takes all rules away. What they have delayed or held back stays so.
    pub fn clear(&self) {
        self.net.clear();
    }

    /// Holds back what is sent on the present connections. Later ones are not concerned.
    pub fn hold(&self) {
        self.net.each(|line| line.is_held = true);
    }

    /// Lets go of what is held back.
    pub fn deliver(&self) {
        self.net.each(|line| line.is_held = false);
    }

    /// Ends every connection for its client. The server does not notice, and what is held back
    /// stays so.
    pub fn cut(&self) {
        self.net.each(|line| line.is_cut = true);
    }

    /// Aborts every connection on both sides. What is held back is lost.
    pub fn reset(&self) {
        self.net.each(|line| line.is_aborted = true);
    }

    /// Parts clients and server, until [`heal`](Self::heal): nothing passes. What is sent meanwhile
    /// arrives afterwards.
    pub fn part(&self, newcomers: Newcomers) {
        self.net.set_partition(Some(newcomers));
    }

    /// Ends what [`part`](Self::part) began. Partitions by rules are not concerned.
    pub fn heal(&self) {
        self.net.set_partition(None);
    }

    /// How many connections were made through it, those that have ended included.
    pub fn connections(&self) -> usize {
        usize::try_from(self.net.connections()).unwrap_or(usize::MAX)
    }

    /// How many connections are open, for the server at least.
    pub fn open_connections(&self) -> usize {
        self.net.open_connections()
    }

    /// What it has seen and done so far.
    pub fn injected(&self) -> Counts {
        Counts {
            connections: self.net.connections(),
            requests: self.net.requests.load(Ordering::SeqCst),
            replies: self.net.replies.load(Ordering::SeqCst),
            rules: self.net.injected(),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Its thread ends, and with it everything that it owns.
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, to: Arc<Upstream>, net: Arc<Net>) {
    // It fails only outside a runtime.
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::spawn(relay::relay(client, Arc::clone(&to), Arc::clone(&net)));
            }
            // There are no more descriptors; there may be again.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
