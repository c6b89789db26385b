//! A held lock.

use std::time::{Duration, Instant};

use super::error::{ExtendError, Loss, ReleaseError, Released};
use super::lease::Lease;
use super::leases::{Shown, Standing};
use super::task::Mail;
use super::votes::Votes;

/// A lock that is held, or was.
///
/// It is renewed in the background for as long as the guard lives. Dropping it releases the lock
/// in the background; [`release`](Self::release) does the same and says what came of it. Both need
/// the client's runtime to go on for a moment: see [`Client::shutdown`](super::Client::shutdown).
///
/// A lock like this cannot stop a process that was paused while it held it: what the process does
/// after the pause it does without the lock. Ask [`is_held`](Self::is_held) before each effect,
/// and let what matters be checked where it takes effect.
#[must_use = "a guard that is dropped at once releases its lock at once"]
pub struct Guard {
    lease: Lease,
    /// Whether the client's task has still to be told of the end.
    armed: bool,
}

impl core::fmt::Debug for Guard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Guard")
            .field("key", &self.lease.key())
            .field("standing", &self.lease.standing())
            .finish_non_exhaustive()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Guard {
    /// Also for an acquisition under way: dropping it ends that, in whatever state it is.
    pub(super) fn new(lease: Lease) -> Guard {
        Guard { lease, armed: true }
    }

    /// There is nothing to end: the acquisition has failed.
    pub(super) fn disarm(&mut self) {
        self.armed = false;
    }

    pub(super) fn lease_mut(&mut self) -> &mut Lease {
        &mut self.lease
    }

    /// A look at the lease, to be handed into the work.
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// The key; several are separated by commas.
    pub fn key(&self) -> &str {
        self.lease.key()
    }

    /// The keys.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.lease.keys()
    }

    /// Whether the lock is held at this moment. See [`Lease::is_held`].
    pub fn is_held(&self) -> bool {
        self.lease.is_held()
    }

    /// Says why the lock is not held at this moment, if so: for a `?` before each effect.
    ///
    /// # Errors
    /// The cause, if the lease is over.
    pub fn ensure_held(&self) -> Result<(), Loss> {
        self.lease.ensure_held()
    }

    /// When the lease ends unless it is renewed before. Moves forward with every renewal. Once
    /// the lease is over, a moment that is past.
    pub fn valid_until(&self) -> Instant {
        self.lease.valid_until()
    }

    /// How long the lease lasts from now unless it is renewed; zero once it is over.
    pub fn remaining(&self) -> Duration {
        self.lease.remaining()
    }

    /// What each node said in the last renewal, if that has failed.
    pub fn last_failure(&self) -> Option<Votes> {
        self.lease.last_failure()
    }

    /// Waits until the lease is over, and says why. See [`Lease::lost`].
    ///
    /// Cancel safe: it only watches.
    pub async fn lost(&self) -> Loss {
        self.lease.lost().await
    }

    /// Renews the lease now, and waits for what comes of it. See [`Lease::extend`].
    ///
    /// Cancel safe: a dropped future leaves a renewal to the background.
    ///
    /// # Errors
    /// See [`Lease::extend`].
    pub async fn extend(&self) -> Result<Instant, ExtendError> {
        self.lease.extend().await
    }

    /// Releases the lock and waits for the nodes to acknowledge it, at most for
    /// [`Builder::release_within`](super::Builder::release_within).
    ///
    /// The lock counts as given up from the first poll on. Cancel safe: a dropped future leaves
    /// the release to the background.
    ///
    /// # Errors
    /// [`ReleaseError::Lost`] if the lease was over before, [`ReleaseError::Closed`] if the client
    /// or its runtime has ended.
    pub async fn release(mut self) -> Result<Released, ReleaseError> {
        self.stop();
        let lease = &self.lease;
        // A client that shuts down releases its leases, and tells what comes of it.
        let over = |shown: &Shown| {
            let closed = shown.standing == Standing::Lost(Loss::Closed);
            shown.standing.is_over() && (!closed || shown.unsettled.is_some())
        };
        let _ = lease.shown.wait_for_end(over).await;
        let unsettled = lease.shown.look(|shown| shown.unsettled);
        match (lease.standing(), unsettled) {
            (Standing::Lost(loss), _) if loss != Loss::Closed => {
                Err(ReleaseError::Lost { loss, last: lease.last_failure() })
            }
            (_, Some(unsettled)) => Ok(Released::new(&lease.shared.names, unsettled)),
            (_, None) => Err(ReleaseError::Closed),
        }
    }

    fn stop(&mut self) {
        if !core::mem::take(&mut self.armed) {
            return;
        }
        let key = self.lease.key.clone();
        self.lease.shared.post(Mail::Stop { key, call: self.lease.call });
    }
}
