//! What happens to the leases and the nodes of a client, as a stream.

use std::string::String;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::vec::Vec;

use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::error::Loss;
use super::votes::Votes;

/// How many events are kept for a reader that is slow.
const KEPT: usize = 1_024;

/// Something that has happened to a lease or to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A lock was acquired.
    Acquired {
        /// The key.
        key: String,
        /// How long that took, from the call on.
        waited: Duration,
        /// Attempts that were denied before.
        denied: u32,
    },
    /// An attempt was denied. Others may follow.
    Denied {
        /// The key.
        key: String,
        /// Which attempt it was, counted from 1.
        attempt: u32,
        /// What each node said.
        votes: Votes,
    },
    /// A lease was renewed.
    Extended {
        /// The key.
        key: String,
        /// How long the lease would have lasted without.
        left: Duration,
        /// How long it lasts now.
        valid_for: Duration,
    },
    /// A renewal failed. The lease is held until its end, and renewed again before.
    RenewalFailed {
        /// The key.
        key: String,
        /// What each node said.
        votes: Votes,
    },
    /// A lease is over without having been released.
    Lost {
        /// The key.
        key: String,
        /// Why.
        loss: Loss,
        /// What each node said in the last renewal, if that has failed.
        votes: Option<Votes>,
    },
    /// A lock was released.
    Released {
        /// The key.
        key: String,
        /// Nodes that have not acknowledged it in time.
        unsettled: Vec<String>,
    },
    /// A lock was handed over.
    HandedOver {
        /// The key.
        key: String,
    },
    /// A node can be used.
    NodeUp {
        /// Its name.
        node: String,
        /// Whether it is known to be another process than before, without what that one stored
        /// in memory.
        new_process: bool,
        /// When it counts, if the restart guard holds it back.
        counts_in: Option<Duration>,
    },
    /// The connection to a node failed.
    NodeDown {
        /// Its name.
        node: String,
        /// Why.
        error: String,
    },
    /// So many events were lost, as they were not read in time.
    Missed(u64),
}

/// The other end of [`Client::events`](super::Client::events).
#[derive(Debug)]
pub struct Events {
    receiver: Option<broadcast::Receiver<Option<Event>>>,
}

impl Events {
    /// Waits for the next event; `None` once the client has ended.
    ///
    /// Cancel safe: no event is lost by dropping the future.
    pub async fn next(&mut self) -> Option<Event> {
        match self.receiver.as_mut()?.recv().await {
            Ok(Some(event)) => Some(event),
            Err(RecvError::Lagged(count)) => Some(Event::Missed(count)),
            Ok(None) | Err(RecvError::Closed) => {
                self.receiver = None;
                None
            }
        }
    }
}

/// Where events come from. It costs nothing until somebody listens.
#[derive(Debug, Default)]
pub(super) struct Feed {
    sender: OnceLock<broadcast::Sender<Option<Event>>>,
    ended: AtomicBool,
}

impl Feed {
    pub(super) fn subscribe(&self) -> Events {
        let sender = self.sender.get_or_init(|| broadcast::channel(KEPT).0);
        let receiver = sender.subscribe();
        // Looked at afterwards: an end that is not seen here reaches the receiver.
        let ended = self.ended.load(Ordering::SeqCst);
        Events { receiver: (!ended).then_some(receiver) }
    }

    pub(super) fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(sender) = self.sender.get().filter(|sender| sender.receiver_count() > 0) {
            // It fails if the last listener has just left.
            let _ = sender.send(Some(event()));
        }
    }

    /// The client has ended.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(sender) = self.sender.get() {
            // It fails if nobody listens.
            let _ = sender.send(None);
        }
    }
}
