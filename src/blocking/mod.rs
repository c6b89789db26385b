//! The lock for programs without async code (feature `blocking`).
//!
//! Each client runs on a thread of its own, which renews its leases; calls wait on the thread that
//! makes them. What holds for [`crate::Client`] and [`crate::Guard`] holds here.
//!
//! ```no_run
//! use leasehold::blocking::Client;
//!
//! # fn work() {}
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect(["redis://10.0.0.1", "redis://10.0.0.2", "redis://10.0.0.3"])?;
//! let guard = client.acquire("nightly-report")?;
//! work();
//! guard.ensure_held()?;
//! guard.release()?;
//! # Ok(())
//! # }
//! ```
//!
//! When the last handle of a client is dropped, its leases are released; the drop waits for that,
//! at most for [`Builder::release_within`].
//!
//! # Panics
//!
//! Everything here that waits panics when it is called from within async code, as tokio's
//! `block_on` does: there the async [`crate::Client`] is the right one.

mod guard;
mod runtime;

use std::string::String;
use std::sync::Arc;
use std::time::Duration;

pub use guard::Guard;

use crate::driver::{
    AcquireError, Builder, ConnectError, Events, IntoEndpoint, Lease, ReleaseError, Released,
    Ticket, WithLockError,
};
use runtime::Runtime;

/// [`crate::Client`] for blocking code. Cheap to clone; all clones are one client.
#[derive(Clone, Debug)]
pub struct Client {
    // Dropped before the runtime that it needs.
    inner: crate::Client,
    runtime: Arc<Runtime>,
}

impl Client {
    /// Connects with the default settings.
    ///
    /// # Errors
    /// See [`Builder::connect`].
    pub fn connect<E: IntoEndpoint>(
        nodes: impl IntoIterator<Item = E>,
    ) -> Result<Client, ConnectError> {
        Client::connect_with(Builder::default().nodes(nodes))
    }

    /// Connects with settings of [`crate::Client::builder`].
    ///
    /// # Errors
    /// See [`Builder::connect`]; also if no thread can be started.
    pub fn connect_with(builder: Builder) -> Result<Client, ConnectError> {
        let (runtime, inner) = Runtime::start(builder)?;
        Ok(Client { inner, runtime: Arc::new(runtime) })
    }

    /// The lock of `key`, with options to choose before it is acquired.
    pub fn lock(&self, key: &str) -> Lock {
        self.of(self.inner.lock(key))
    }

    /// One lock of several keys. See [`crate::Client::lock_all`].
    pub fn lock_all(&self, keys: impl IntoIterator<Item: Into<String>>) -> Lock {
        self.of(self.inner.lock_all(keys))
    }

    fn of(&self, lock: crate::Lock) -> Lock {
        Lock { inner: lock, runtime: Arc::clone(&self.runtime) }
    }

    /// Acquires `key` with the client's settings.
    ///
    /// # Errors
    /// See [`crate::Lock::acquire`].
    pub fn acquire(&self, key: &str) -> Result<Guard, AcquireError> {
        self.lock(key).acquire()
    }

    /// Acquires `key` in one attempt or not at all.
    ///
    /// # Errors
    /// See [`crate::Lock::try_acquire`].
    pub fn try_acquire(&self, key: &str) -> Result<Guard, AcquireError> {
        self.lock(key).try_acquire()
    }

    /// As [`acquire`](Self::acquire), for at most the time given.
    ///
    /// # Errors
    /// See [`crate::Lock::acquire_within`].
    pub fn acquire_within(&self, key: &str, time: Duration) -> Result<Guard, AcquireError> {
        self.lock(key).acquire_within(time)
    }

    /// Does work while holding `key`. See [`Lock::run`].
    ///
    /// # Errors
    /// See [`Lock::run`].
    pub fn with_lock<T>(
        &self,
        key: &str,
        work: impl FnOnce(&Lease) -> T,
    ) -> Result<T, WithLockError> {
        self.lock(key).run(work)
    }

    /// The nodes' names. See [`crate::Client::nodes`].
    pub fn nodes(&self) -> &[String] {
        self.inner.nodes()
    }

    /// What happens from now on to the leases and nodes of this client.
    pub fn events(&self) -> Events {
        self.inner.events()
    }

    /// Ends every lease of this client, waits until each is released, and ends the client.
    ///
    /// # Errors
    /// See [`crate::Client::shutdown`].
    pub fn shutdown(self) -> Result<Released, ReleaseError> {
        let Client { inner, runtime } = self;
        runtime.wait(inner.shutdown())
    }
}

/// [`crate::Lock`] for blocking code: a key or several, and how they are to be locked.
#[derive(Clone, Debug)]
#[must_use = "a lock does nothing until it is acquired"]
pub struct Lock {
    inner: crate::Lock,
    runtime: Arc<Runtime>,
}

impl Lock {
    /// Chooses options: `lock.with(|options| options.ttl(ttl).no_renewal())`.
    pub fn with(mut self, choose: impl FnOnce(crate::Lock) -> crate::Lock) -> Lock {
        self.inner = choose(self.inner);
        self
    }

    /// Acquires the lock.
    ///
    /// # Errors
    /// See [`crate::Lock::acquire`].
    pub fn acquire(&self) -> Result<Guard, AcquireError> {
        self.guard(self.runtime.wait(self.inner.acquire()))
    }

    /// Acquires the lock in one attempt or not at all.
    ///
    /// # Errors
    /// See [`crate::Lock::try_acquire`].
    pub fn try_acquire(&self) -> Result<Guard, AcquireError> {
        self.guard(self.runtime.wait(self.inner.try_acquire()))
    }

    /// As [`acquire`](Self::acquire), for at most the time given.
    ///
    /// # Errors
    /// See [`crate::Lock::acquire_within`].
    pub fn acquire_within(&self, time: Duration) -> Result<Guard, AcquireError> {
        self.guard(self.runtime.wait(self.inner.acquire_within(time)))
    }

    /// Adopts a lock that was handed over.
    ///
    /// # Errors
    /// See [`crate::Lock::adopt`].
    pub fn adopt(&self, ticket: &Ticket) -> Result<Guard, AcquireError> {
        self.guard(self.runtime.wait(self.inner.adopt(ticket)))
    }

    fn guard(&self, acquired: Result<crate::Guard, AcquireError>) -> Result<Guard, AcquireError> {
        acquired.map(|guard| Guard::new(guard, Arc::clone(&self.runtime)))
    }

    /// Acquires the lock, does the work on this thread, and releases the lock.
    ///
    /// Nothing can stop the work, so it looks at the lease itself, before each effect. Its result
    /// counts only if the lock was held until the work came to its end. If the work panics, the
    /// lock is released in the background.
    ///
    /// # Errors
    /// [`WithLockError::Acquire`] if the work was not begun, [`WithLockError::Lost`] if the lease
    /// was lost before its end.
    pub fn run<T>(&self, work: impl FnOnce(&Lease) -> T) -> Result<T, WithLockError> {
        let guard = self.acquire()?;
        let output = work(guard.lease());
        let held = guard.ensure_held();
        let (key, last) = (guard.shown_key(), guard.last_failure());
        // What a release that is not acknowledged leaves behind, its client keeps after.
        let _ = guard.release();
        held.map(|()| output).map_err(|loss| WithLockError::Lost { key, loss, last })
    }
}
