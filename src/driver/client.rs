//! A handle to the client's task.

use std::future::Future;
use std::string::{String, ToString};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::Instrument;

use super::board::board;
use super::builder::Builder;
use super::clock::Clock;
use super::connect_error::{ConnectError, SettingsError};
use super::endpoint::IntoEndpoint;
use super::error::{AcquireError, ReleaseError, Released, WithLockError};
use super::events::{Events, Feed};
use super::guard::Guard;
use super::key::Key;
use super::lease::Lease;
use super::line::{Ask, Call};
use super::lock::Lock;
use super::plan::{Options, Plan};
use super::report::shown_key;
use super::task::Mail;
use super::token::Token;
use crate::protocol::Retry;

/// What all handles of one client share.
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) names: Arc<[String]>,
    pub(super) options: Options,
    pub(super) plan: Arc<Plan>,
    pub(super) retry: Retry,
    pub(super) redact: bool,
    pub(super) feed: Arc<Feed>,
    pub(super) mailbox: mpsc::UnboundedSender<Mail>,
    pub(super) last_call: AtomicU64,
}

/// How a lock is to be had.
pub(super) struct How {
    pub(super) retry: Retry,
    /// For how long it is waited for.
    pub(super) limit: Option<Duration>,
    /// The token of a lease that was handed over, if that is to be taken over.
    pub(super) adopts: Option<Token>,
}

impl How {
    pub(super) fn retry(retry: Retry) -> How {
        How { retry, limit: None, adopts: None }
    }
}

impl Shared {
    /// Says something to the task. If it has ended, the handle notices by what it waits for.
    pub(super) fn post(&self, mail: Mail) {
        let _ = self.mailbox.send(mail);
    }

    /// The key as errors may show it.
    pub(super) fn shown_key(&self, key: &str) -> String {
        shown_key(key, self.redact).to_string()
    }

    pub(super) async fn acquire(
        self: &Arc<Shared>,
        key: &Key,
        plan: Result<&Arc<Plan>, &SettingsError>,
        how: How,
    ) -> Result<Guard, AcquireError> {
        let How { retry, limit, adopts } = how;
        let plan = Arc::clone(plan.map_err(|error| *error)?);
        let call = Call(self.last_call.fetch_add(1, Ordering::Relaxed));
        let (handle, shown) = board();
        let lease = Lease::new(call, key.clone(), Arc::clone(self), shown);
        // Dropped with this future, if it is.
        let mut guard = Guard::new(lease);
        let (key, asked_at) = (key.clone(), self.clock.now());
        let shown = shown_key(key.shown(), self.redact);
        let span = tracing::debug_span!("acquire", key = shown, lease = call.0);
        let attempts = 0;
        self.post(Mail::Acquire(Ask {
            call,
            key,
            plan,
            retry,
            adopts,
            asked_at,
            attempts,
            handle,
        }));
        let verdict = guard.lease_mut().verdict().instrument(span);
        let verdict = match limit {
            None => verdict.await,
            Some(time) => match tokio::time::timeout(time, verdict).await {
                Ok(verdict) => verdict,
                Err(_) => return Err(guard.lease().timeout(time)),
            },
        };
        if guard.lease().has_failed() {
            guard.disarm();
        }
        verdict.map(|()| guard)
    }
}

/// A Redlock client: one task, one connection per node, any number of leases.
///
/// Cheap to clone; all clones are one client. When the last of them is gone, and the last [`Lock`],
/// [`Guard`] and [`Lease`], the task releases what is left and ends. It lives in the runtime in
/// which it was connected, so call [`shutdown`](Self::shutdown) before that runtime ends: a
/// runtime that ends takes the releases that are queued with it, and their keys live on for a TTL.
///
/// It may be used from other runtimes and threads as well. Once its own runtime has ended, every
/// call says so and none hangs.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

impl core::fmt::Debug for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Client").field("nodes", &self.shared.names).finish_non_exhaustive()
    }
}

impl Client {
    pub(super) fn new(shared: Arc<Shared>) -> Client {
        Client { shared }
    }

    /// Ends every lease of this client, waits until each is released, at most for
    /// [`Builder::release_within`], and ends the client. Guards that still live are told
    /// [`Loss::Closed`](super::Loss::Closed), and hold nothing any more before the first release
    /// is sent. Whoever waits for a lock gets [`AcquireError::Closed`].
    ///
    /// Not cancel safe in this sense: once polled, the client ends also if the future is dropped.
    ///
    /// # Errors
    /// [`ReleaseError::Closed`] if the client or its runtime has ended already.
    pub async fn shutdown(self) -> Result<Released, ReleaseError> {
        let (done, ended) = oneshot::channel();
        self.shared.post(Mail::Shutdown { done });
        let unsettled = ended.await.map_err(|_| ReleaseError::Closed)?;
        Ok(Released::new(&self.shared.names, unsettled))
    }

    /// Settings to choose before connecting.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Connects to `nodes` with the default settings. See [`Builder::connect`], also for when it
    /// fails. Cancel safe: a dropped future leaves nothing behind.
    ///
    /// # Errors
    /// See [`Builder::connect`].
    pub async fn connect<E: IntoEndpoint>(
        nodes: impl IntoIterator<Item = E>,
    ) -> Result<Client, ConnectError> {
        Client::builder().nodes(nodes).connect().await
    }

    /// The nodes' names, their URLs without user, password and database, in the order given.
    pub fn nodes(&self) -> &[String] {
        &self.shared.names
    }

    /// The lock of `key`, with options to choose before it is acquired.
    pub fn lock(&self, key: &str) -> Lock {
        Lock::new(Arc::clone(&self.shared), Key::one(key), None)
    }

    /// One lock of several keys: each node grants all of them or none, so nobody waits for one key
    /// with another in hand. Whoever locks one of them alone is kept out as well.
    ///
    /// The order of the keys does not matter. Within this client those who name the same keys wait
    /// in line; others who want some of them contend for them as other processes do.
    ///
    /// ```no_run
    /// # async fn example(client: &leasehold::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let guard = client.lock_all(["account:1", "account:2"]).acquire().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn lock_all(&self, keys: impl IntoIterator<Item: Into<String>>) -> Lock {
        let key = Key::several(keys);
        let flaw = key.is_none().then_some(SettingsError::NoKey);
        Lock::new(Arc::clone(&self.shared), key.unwrap_or(Key::one("")), flaw)
    }

    /// Acquires `key` with the client's settings. See [`Lock::acquire`], also for when it fails.
    /// Cancel safe: a dropped future leaves its place in line, and gives up what it may have
    /// acquired.
    ///
    /// # Errors
    /// See [`Lock::acquire`].
    pub async fn acquire(&self, key: &str) -> Result<Guard, AcquireError> {
        self.lock(key).acquire().await
    }

    /// Acquires `key` in one attempt or not at all. See [`Lock::try_acquire`], also for when it
    /// fails. Cancel safe: a dropped future gives up what it may have acquired.
    ///
    /// # Errors
    /// See [`Lock::try_acquire`].
    pub async fn try_acquire(&self, key: &str) -> Result<Guard, AcquireError> {
        self.lock(key).try_acquire().await
    }

    /// As [`acquire`](Self::acquire), for at most the time given. See [`Lock::acquire_within`],
    /// also for when it fails. Cancel safe: a dropped future leaves its place in line, and gives
    /// up what it may have acquired.
    ///
    /// # Errors
    /// See [`Lock::acquire_within`].
    pub async fn acquire_within(&self, key: &str, time: Duration) -> Result<Guard, AcquireError> {
        self.lock(key).acquire_within(time).await
    }

    /// Does work while holding `key`, stops it when the lease is lost, and releases the lock. See
    /// [`Lock::run`], also for when it fails. Cancel safe: a dropped future drops the work, and
    /// leaves the release to the background.
    ///
    /// ```no_run
    /// # async fn example(client: leasehold::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// # async fn pay(order: u32) {}
    /// client
    ///     .with_lock("orders", |lease| async move {
    ///         for order in 0..100 {
    ///             lease.ensure_held()?;
    ///             pay(order).await;
    ///         }
    ///         Ok::<(), leasehold::Loss>(())
    ///     })
    ///     .await??;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`Lock::run`].
    pub async fn with_lock<F, W>(&self, key: &str, work: F) -> Result<W::Output, WithLockError>
    where
        F: FnOnce(Lease) -> W,
        W: Future,
    {
        self.lock(key).run(work).await
    }

    /// What happens from now on to the leases and nodes of this client. Keys are shown in full.
    pub fn events(&self) -> Events {
        self.shared.feed.subscribe()
    }
}
