//! One lock: a key, what is chosen for it, and the ways to get it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use super::client::{How, Shared};
use super::connect_error::SettingsError;
use super::error::{AcquireError, Loss, WithLockError};
use super::guard::Guard;
use super::key::Key;
use super::lease::Lease;
use super::plan::{Options, Plan};
use super::report::shown_key;
use super::token::Token;
use crate::protocol::Retry;

/// A key or several, and how they are to be locked: what [`Client::lock`](super::Client::lock) and
/// [`Client::lock_all`](super::Client::lock_all) give out, with the client's settings until others
/// are chosen. It locks nothing by itself.
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn example(client: &leasehold::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let lock = client.lock("nightly-report").ttl(Duration::from_secs(30)).no_renewal();
/// let guard = lock.acquire_within(Duration::from_secs(5)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a lock does nothing until it is acquired"]
pub struct Lock {
    shared: Arc<Shared>,
    key: Key,
    options: Options,
    retry: Retry,
    plan: Result<Arc<Plan>, SettingsError>,
}

impl core::fmt::Debug for Lock {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Lock").field("key", &self.key.shown()).finish_non_exhaustive()
    }
}

impl Lock {
    /// `flaw` is what is wrong with the keys.
    pub(super) fn new(shared: Arc<Shared>, key: Key, flaw: Option<SettingsError>) -> Lock {
        let (options, retry) = (shared.options, shared.retry);
        let plan = flaw.map_or_else(|| Ok(Arc::clone(&shared.plan)), Err);
        Lock { shared, key, options, retry, plan }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// One attempt, in which the token of a lease that was handed over is taken over.
    pub(super) async fn take(&self, adopts: Option<Token>) -> Result<Guard, AcquireError> {
        let how = How { retry: Retry::NEVER, limit: None, adopts };
        self.shared.acquire(&self.key, self.plan.as_ref(), how).await
    }

    fn with(mut self, choose: impl FnOnce(&mut Options)) -> Lock {
        choose(&mut self.options);
        if !matches!(self.plan, Err(SettingsError::NoKey)) {
            self.plan = self.options.plan(self.shared.names.len()).map(Arc::new);
        }
        self
    }

    /// How long the key lives at a node unless it is renewed. See
    /// [`Builder::ttl`](super::Builder::ttl).
    pub fn ttl(self, ttl: Duration) -> Lock {
        self.with(|options| options.ttl = ttl)
    }

    /// How long after the start of a renewal the next one starts, at the latest; up to a tenth of
    /// that earlier, at random. Default: a third of the TTL.
    pub fn renew_every(self, interval: Duration) -> Lock {
        self.with(|options| {
            options.renewal = true;
            options.renew_every = Some(interval);
        })
    }

    /// No renewal but those asked for by [`Guard::extend`].
    pub fn no_renewal(self) -> Lock {
        self.with(|options| options.renewal = false)
    }

    /// How much validity a lease must have left when it is granted, and after each renewal. A
    /// grant with less counts as denied; a renewal with less counts as failed, and is tried again
    /// while the lease is held. Default: any.
    pub fn min_validity(self, minimum: Duration) -> Lock {
        self.with(|options| options.min_validity = minimum)
    }

    /// How long the lock may be held in all. Then it is lost, with [`Loss::HeldTooLong`], and
    /// released. Default: for ever, as long as renewals succeed.
    pub fn max_hold(self, longest: Duration) -> Lock {
        self.with(|options| options.max_hold = Some(longest))
    }

    /// How long before the end of a lease that was not renewed [`run`](Self::run) stops the
    /// work. Default: a twentieth of the TTL, at most 500 ms.
    pub fn grace(self, grace: Duration) -> Lock {
        self.with(|options| options.grace = Some(grace))
    }

    /// How often and after which delays a denied attempt is made again.
    /// See [`Builder::retry`](super::Builder::retry).
    pub fn retry(mut self, retry: Retry) -> Lock {
        self.retry = retry;
        self
    }

    /// Acquires the lock, attempting again as the retry policy says; by default until it succeeds.
    ///
    /// Those of one client who want one key wait in order of arrival, and only the first of them
    /// asks the nodes. The wait for the others is no attempt. A policy of one attempt does not
    /// wait at all. A lock that is released goes to the next in line at once: while the line is
    /// never empty, other processes have little chance.
    ///
    /// Cancel safe: a dropped future leaves its place in line, and gives up what it may have
    /// acquired.
    ///
    /// # Errors
    /// [`AcquireError::Exhausted`] if the policy has a limit, [`AcquireError::Settings`] if the
    /// options cannot work, [`AcquireError::Closed`] if the client or its runtime has ended.
    pub async fn acquire(&self) -> Result<Guard, AcquireError> {
        self.shared.acquire(&self.key, self.plan.as_ref(), How::retry(self.retry)).await
    }

    /// Acquires the lock in one attempt or not at all.
    ///
    /// Cancel safe: a dropped future gives up what it may have acquired.
    ///
    /// # Errors
    /// [`AcquireError::Exhausted`] with what each node said, [`AcquireError::Occupied`] if others
    /// of this client hold the key or wait for it, and those of [`acquire`](Self::acquire).
    pub async fn try_acquire(&self) -> Result<Guard, AcquireError> {
        self.take(None).await
    }

    /// As [`acquire`](Self::acquire), for at most the time given.
    ///
    /// Cancel safe: a dropped future leaves its place in line, and gives up what it may have
    /// acquired.
    ///
    /// # Errors
    /// [`AcquireError::Timeout`] when the time is over, and those of [`acquire`](Self::acquire).
    pub async fn acquire_within(&self, time: Duration) -> Result<Guard, AcquireError> {
        let how = How { limit: Some(time), ..How::retry(self.retry) };
        self.shared.acquire(&self.key, self.plan.as_ref(), how).await
    }

    /// Acquires the lock as [`acquire`](Self::acquire) does, does the work, and releases the lock,
    /// whatever comes of the work.
    ///
    /// The work gets a [`Lease`] to look at. When the lease is lost, or is about to run out
    /// without renewal, the work is stopped: its future is dropped, [`grace`](Self::grace) before
    /// the end of the lease. It cannot be stopped while one poll of it lasts, nor can what it has
    /// handed to other tasks or threads: those look at the lease themselves.
    ///
    /// Its result counts only if the lock was held until the work came to its end.
    ///
    /// Cancel safe: a dropped future drops the work, and leaves the release to the background.
    ///
    /// # Errors
    /// [`WithLockError::Acquire`] if the work was not begun, [`WithLockError::Lost`] if it was
    /// stopped.
    pub async fn run<F, W>(&self, work: F) -> Result<W::Output, WithLockError>
    where
        F: FnOnce(Lease) -> W,
        W: Future,
    {
        let guard = self.acquire().await?;
        let lease = guard.lease();
        let grace = self.plan.as_ref().map_or(Duration::ZERO, |plan| plan.grace);
        let shown = shown_key(self.key.shown(), self.shared.redact);
        let span = tracing::debug_span!("holding", key = shown, lease = lease.call.0);
        let work = work(lease.clone()).instrument(span);
        let output = lease.hold_over(work, grace).await;
        let held = lease.is_held();
        // If it is held still, it was stopped before it would have expired.
        let loss = if held { Loss::Expired } else { lease.loss() };
        let last = lease.last_failure();
        // What a release that is not acknowledged leaves behind, its client keeps after.
        let _ = guard.release().await;
        match output {
            Some(output) if held => Ok(output),
            Some(_) | None => {
                let key = self.shared.shown_key(self.key.shown());
                Err(WithLockError::Lost { key, loss, last })
            }
        }
    }
}
