//! A lock that is held, for blocking code.

use std::string::String;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::runtime::Runtime;
use crate::driver::{
    ExtendError, HandoverError, Lease, Loss, ReleaseError, Released, Ticket, Votes,
};

/// [`crate::Guard`] for blocking code: the lock is held while this lives and the lease lasts.
///
/// Dropping it releases the lock in the background.
#[derive(Debug)]
#[must_use = "a guard that is dropped gives the lock up"]
pub struct Guard {
    // Dropped before the runtime that it needs.
    inner: crate::Guard,
    runtime: Arc<Runtime>,
}

impl Guard {
    pub(super) fn new(inner: crate::Guard, runtime: Arc<Runtime>) -> Guard {
        Guard { inner, runtime }
    }

    /// A look at the lease, to be handed to other threads.
    pub fn lease(&self) -> &Lease {
        self.inner.lease()
    }

    /// The key; several are separated by commas.
    pub fn key(&self) -> &str {
        self.inner.key()
    }

    /// The keys.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.inner.keys()
    }

    pub(super) fn shown_key(&self) -> String {
        self.inner.lease().shown_key()
    }

    /// Whether the lock is held at this moment. See [`Lease::is_held`].
    pub fn is_held(&self) -> bool {
        self.inner.is_held()
    }

    /// Says why the lock is not held at this moment, if so: for a `?` before each effect.
    ///
    /// # Errors
    /// The cause, if the lease is over.
    pub fn ensure_held(&self) -> Result<(), Loss> {
        self.inner.ensure_held()
    }

    /// When the lease ends unless it is renewed before.
    pub fn valid_until(&self) -> Instant {
        self.inner.valid_until()
    }

    /// How long the lease lasts from now unless it is renewed; zero once it is over.
    pub fn remaining(&self) -> Duration {
        self.inner.remaining()
    }

    /// What each node said in the last renewal, if that has failed.
    pub fn last_failure(&self) -> Option<Votes> {
        self.inner.last_failure()
    }

    /// Waits until the lease is over, and says why. See [`Lease::lost`].
    pub fn lost(&self) -> Loss {
        self.runtime.wait(self.inner.lost())
    }

    /// Renews the lease now, and waits for what comes of it. See [`Lease::extend`].
    ///
    /// # Errors
    /// See [`Lease::extend`].
    pub fn extend(&self) -> Result<Instant, ExtendError> {
        self.runtime.wait(self.inner.extend())
    }

    /// Hands the lock over to another process. See [`crate::Guard::hand_over`].
    ///
    /// # Errors
    /// See [`crate::Guard::hand_over`].
    pub fn hand_over(self) -> Result<Ticket, HandoverError> {
        let Guard { inner, runtime } = self;
        runtime.wait(inner.hand_over())
    }

    /// Releases the lock and waits for the nodes to acknowledge it.
    ///
    /// # Errors
    /// See [`crate::Guard::release`].
    pub fn release(self) -> Result<Released, ReleaseError> {
        let Guard { inner, runtime } = self;
        runtime.wait(inner.release())
    }
}
