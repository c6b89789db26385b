//! A handle to the client's task.

use std::string::String;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::vec::Vec;

use tokio::sync::{mpsc, oneshot, watch};

use super::builder::Builder;
use super::clock::{Clock, span_of};
use super::error::{AcquireError, ConnectError, ReleaseError, Released, Votes};
use super::guard::{Attempt, Guard, Verdict};
use super::leases::{LeaseId, Standing};
use super::task::Mail;
use super::token::{Token, jitter};
use crate::protocol::{Instant, Micros, Retry};

/// What all handles of one client share.
pub(super) struct Shared {
    pub(super) clock: Clock,
    pub(super) names: Vec<String>,
    mailbox: mpsc::UnboundedSender<Mail>,
    retry: Retry,
    last_id: AtomicU64,
}

impl Shared {
    pub(super) fn new(
        clock: Clock,
        names: Vec<String>,
        mailbox: mpsc::UnboundedSender<Mail>,
        retry: Retry,
    ) -> Shared {
        Shared { clock, names, mailbox, retry, last_id: AtomicU64::new(0) }
    }

    /// Says something to the task. If it has ended, the handle notices by what it waits for.
    pub(super) fn post(&self, mail: Mail) {
        let _ = self.mailbox.send(mail);
    }
}

/// A Redlock client: one task, one connection per node, any number of leases.
///
/// Cheap to clone; all clones are one client. When the last clone and the last [`Guard`] are gone,
/// the task releases what is left and ends.
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

    /// Settings to choose before connecting.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Connects to `urls` with the default settings. See [`Builder::connect`], also for when it
    /// fails. Cancel safe: a dropped future leaves nothing behind.
    ///
    /// # Errors
    /// See [`Builder::connect`].
    pub async fn connect<U: Into<String>>(
        urls: impl IntoIterator<Item = U>,
    ) -> Result<Client, ConnectError> {
        Client::builder().nodes(urls).connect().await
    }

    /// The nodes' names, their URLs without user, password and database, in the order given.
    pub fn nodes(&self) -> &[String] {
        &self.shared.names
    }

    /// Acquires `key`, attempting again as the retry policy says; by default until it succeeds.
    ///
    /// Cancel safe: a dropped future gives up what it may have acquired.
    ///
    /// # Errors
    /// [`AcquireError::Exhausted`] if the policy has a limit, [`AcquireError::Closed`] if the
    /// client or its runtime has ended.
    pub async fn acquire(&self, key: &str) -> Result<Guard, AcquireError> {
        self.attempts(key, self.shared.retry, None).await
    }

    /// Acquires `key` in one attempt or not at all.
    ///
    /// Cancel safe: a dropped future gives up what it may have acquired.
    ///
    /// # Errors
    /// [`AcquireError::Exhausted`] with what each node said, or [`AcquireError::Closed`].
    pub async fn try_acquire(&self, key: &str) -> Result<Guard, AcquireError> {
        self.attempts(key, Retry::NEVER, None).await
    }

    /// As [`acquire`](Self::acquire), for at most the time given.
    ///
    /// Cancel safe: a dropped future gives up what it may have acquired.
    ///
    /// # Errors
    /// [`AcquireError::Timeout`] when the time is over, and those of [`acquire`](Self::acquire).
    pub async fn acquire_within(&self, key: &str, time: Duration) -> Result<Guard, AcquireError> {
        let until = self.shared.clock.now().plus(span_of(time));
        self.attempts(key, self.shared.retry, Some((until, time))).await
    }

    /// Ends every lease of this client, waits until each is released, at most for
    /// [`Builder::release_within`], and ends the client. Guards that still live are told
    /// [`Loss::Closed`](super::Loss::Closed), and hold nothing any more before the first release
    /// is sent.
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

    async fn attempts(
        &self,
        key: &str,
        retry: Retry,
        limit: Option<(Micros, Duration)>,
    ) -> Result<Guard, AcquireError> {
        let key: Arc<str> = key.into();
        let mut last = None;
        for attempts in 1_u32.. {
            let attempt = self.attempt(&key)?;
            let Some(verdict) = self.within(limit, attempt.verdict()).await else {
                return Err(timeout(limit, last));
            };
            let tally = match verdict {
                Verdict::Held => return Ok(Guard::new(attempt)),
                Verdict::Denied(tally) => tally,
                Verdict::Closed => return Err(AcquireError::Closed),
            };
            drop(attempt);
            let votes = Votes::new(&self.shared.names, &tally);
            let random = jitter().map_err(AcquireError::NoRandomness)?;
            let Some(delay) = retry.delay(attempts, random) else {
                return Err(AcquireError::Exhausted { attempts, last: votes });
            };
            last = Some(votes);
            let delay = Duration::from_micros(u64::try_from(delay).unwrap_or(0));
            if self.within(limit, tokio::time::sleep(delay)).await.is_none() {
                return Err(timeout(limit, last));
            }
        }
        Err(timeout(limit, last))
    }

    fn attempt(&self, key: &Arc<str>) -> Result<Attempt, AcquireError> {
        let token = Token::draw().map_err(AcquireError::NoRandomness)?;
        let id = LeaseId(self.shared.last_id.fetch_add(1, Ordering::Relaxed));
        let (standing, seen) = watch::channel(Standing::Asked);
        let attempt = Attempt::new(id, Arc::clone(key), Arc::clone(&self.shared), seen);
        self.shared.post(Mail::Start { id, key: Arc::clone(key), token, standing });
        Ok(attempt)
    }

    /// `None` if the limit is reached first.
    async fn within<F: Future>(
        &self,
        limit: Option<(Micros, Duration)>,
        future: F,
    ) -> Option<F::Output> {
        match limit {
            None => Some(future.await),
            Some((until, _)) => {
                let until = self.shared.clock.instant(until);
                tokio::time::timeout_at(until.into(), future).await.ok()
            }
        }
    }
}

fn timeout(limit: Option<(Micros, Duration)>, last: Option<Votes>) -> AcquireError {
    AcquireError::Timeout { waited: limit.map_or(Duration::ZERO, |(_, time)| time), last }
}
