//! One acquisition seen from outside the client's task.

use std::string::String;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::board::Receiver;
use super::client::Shared;
use super::error::{AcquireError, ExtendError, Loss};
use super::key::Key;
use super::leases::{Failure, Shown, Standing};
use super::line::Call;
use super::task::Mail;
use super::votes::Votes;
use crate::protocol::{Micros, validity};

/// A look at a lock that is held, or was: what the work under it needs to know.
///
/// Cheap to clone and to hand to other tasks. It does not keep the lock held: that ends with its
/// [`Guard`](super::Guard), and then every `Lease` of it says so.
#[derive(Clone)]
pub struct Lease {
    pub(super) call: Call,
    pub(super) key: Key,
    pub(super) shared: Arc<Shared>,
    pub(super) shown: Receiver,
    /// The end of the lease as it was granted.
    granted_until: Micros,
}

impl core::fmt::Debug for Lease {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Lease")
            .field("key", &self.key.shown())
            .field("standing", &self.standing())
            .finish_non_exhaustive()
    }
}

impl Lease {
    pub(super) fn new(call: Call, key: Key, shared: Arc<Shared>, shown: Receiver) -> Lease {
        Lease { call, key, shared, shown, granted_until: Micros::default() }
    }

    pub(super) fn standing(&self) -> Standing {
        self.shown.look(|shown| shown.standing)
    }

    /// The key; several are separated by commas.
    pub fn key(&self) -> &str {
        self.key.shown()
    }

    /// The keys.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        self.key.names()
    }

    /// Whether the lock is held at this moment.
    ///
    /// Compares with the clock of this very moment, so a loss shows also if the client's task has
    /// not run since.
    pub fn is_held(&self) -> bool {
        self.held_until().is_some_and(|until| validity::believed(self.shared.clock.now(), until))
    }

    /// Says why the lock is not held at this moment, if so: for a `?` before each effect.
    ///
    /// # Errors
    /// The cause, if the lease is over.
    pub fn ensure_held(&self) -> Result<(), Loss> {
        if self.is_held() { Ok(()) } else { Err(self.loss()) }
    }

    /// When the lease ends unless it is renewed before. Moves forward with every renewal. Once
    /// the lease is over, a moment that is past.
    pub fn valid_until(&self) -> Instant {
        let clock = &self.shared.clock;
        match self.held_until() {
            Some(valid_until) => clock.instant(valid_until),
            None => clock.instant(clock.now().min(self.granted_until)),
        }
    }

    /// How long the lease lasts from now unless it is renewed; zero once it is over.
    pub fn remaining(&self) -> Duration {
        self.held_until().map_or(Duration::ZERO, |until| self.shared.clock.remaining(until))
    }

    /// What each node said in the last renewal, if that has failed.
    pub fn last_failure(&self) -> Option<Votes> {
        self.shown.look(|shown| shown.votes.clone()).as_deref().cloned()
    }

    /// Waits until the lease is over, and says why: when the nodes show it, and otherwise at
    /// [`valid_until`](Self::valid_until), as exactly as tokio's timer is (a millisecond);
    /// [`is_held`](Self::is_held) is exact. This is the signal that cancels work: select on it,
    /// in as many tasks as there are.
    ///
    /// Cancel safe: it only watches.
    pub async fn lost(&self) -> Loss {
        let mut shown = self.shown.clone();
        loop {
            let seen = shown.standing_anew();
            let Standing::Held { valid_until, .. } = seen else {
                return self.loss();
            };
            let end = tokio::time::sleep_until(self.shared.clock.instant(valid_until).into());
            tokio::pin!(end);
            let changed = tokio::select! {
                changed = shown.changed() => changed.is_ok(),
                () = &mut end => {
                    // Renewed meanwhile, or not over yet by the clock that decides?
                    let over = !validity::believed(self.shared.clock.now(), valid_until);
                    if over && shown.look(|shown| shown.standing) == seen {
                        return self.loss();
                    }
                    true
                }
            };
            if !changed {
                // Nobody renews any more.
                end.await;
                return self.loss();
            }
        }
    }

    /// Renews the lease now, and waits for what comes of it. A renewal that is under way already
    /// is waited for first, so that the new end counts from no earlier than this call.
    ///
    /// The answer is when the lease ends now. A renewal that failed changes nothing: the lease is
    /// held until the end that it has, and renewed in the background as before.
    ///
    /// Cancel safe: a dropped future leaves a renewal to the background.
    ///
    /// # Errors
    /// [`ExtendError::Failed`] if the lease is held still, with what each node said;
    /// [`ExtendError::Lost`] if it is over; [`ExtendError::Closed`] if the client or its runtime
    /// has ended.
    pub async fn extend(&self) -> Result<Instant, ExtendError> {
        let (reply, answer) = oneshot::channel();
        let key = self.key.clone();
        self.shared.post(Mail::Extend { call: self.call, key, reply });
        match answer.await {
            Ok(Ok(())) if self.is_held() => Ok(self.valid_until()),
            Ok(Err(Some(votes))) if self.is_held() => {
                Err(ExtendError::Failed { key: self.shown_key(), last: (*votes).clone() })
            }
            Ok(Ok(()) | Err(Some(_))) => Err(self.extend_lost()),
            Ok(Err(None)) | Err(_) => match self.standing() {
                Standing::Lost(Loss::Closed) => Err(ExtendError::Closed),
                Standing::Lost(_)
                | Standing::HandedOver { .. }
                | Standing::Released
                | Standing::Stopping => Err(self.extend_lost()),
                Standing::Asked | Standing::Held { .. } | Standing::Failed(_) => {
                    Err(ExtendError::Closed)
                }
            },
        }
    }

    /// The key as errors show it.
    pub(crate) fn shown_key(&self) -> String {
        self.shared.shown_key(self.key.shown())
    }

    fn extend_lost(&self) -> ExtendError {
        let key = self.shown_key();
        ExtendError::Lost { key, loss: self.loss(), last: self.last_failure() }
    }

    fn held_until(&self) -> Option<Micros> {
        self.standing().valid_until()
    }

    /// Why it is over, if it is.
    pub(super) fn loss(&self) -> Loss {
        match self.standing() {
            Standing::Held { at_most: true, .. } => Loss::HeldTooLong,
            Standing::Held { at_most: false, .. } => Loss::Expired,
            Standing::Lost(loss) => loss,
            Standing::Stopping | Standing::HandedOver { .. } | Standing::Released => Loss::Released,
            Standing::Asked | Standing::Failed(_) => Loss::Closed,
        }
    }

    /// Waits for the verdict upon the acquisition.
    pub(super) async fn verdict(&mut self) -> Result<(), AcquireError> {
        // An error means that the task has ended; what it said last still stands.
        let _ = self.shown.wait_for(|shown| shown.standing != Standing::Asked).await;
        if let Some(valid_until) = self.held_until() {
            self.granted_until = valid_until;
        }
        let shown = self.shown.look(Shown::clone);
        let failure = match shown.standing {
            Standing::Failed(failure) => failure,
            Standing::Held { valid_until, .. }
                if validity::believed(self.shared.clock.now(), valid_until) =>
            {
                return Ok(());
            }
            // Over between the grant and this moment: as good as not granted.
            Standing::Held { .. } => return Err(self.lost_at_once(Loss::Expired)),
            Standing::Lost(loss) if loss != Loss::Closed => return Err(self.lost_at_once(loss)),
            Standing::Asked
            | Standing::Lost(_)
            | Standing::Stopping
            | Standing::HandedOver { .. }
            | Standing::Released => {
                return Err(AcquireError::Closed);
            }
        };
        let key = self.shown_key();
        let last = shown.votes.as_deref().cloned();
        Err(match (failure, last) {
            (Failure::Exhausted, Some(last)) => {
                AcquireError::Exhausted { key, attempts: shown.attempts, last }
            }
            (Failure::Exhausted, None) => AcquireError::Closed,
            (Failure::Occupied { ahead }, _) => AcquireError::Occupied { key, ahead },
            (Failure::NoRandomness(error), _) => AcquireError::NoRandomness(error),
        })
    }

    /// Whether it was not acquired, and the task knows.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.standing(), Standing::Failed(_))
    }

    fn lost_at_once(&self, loss: Loss) -> AcquireError {
        AcquireError::Lost { key: self.shown_key(), loss }
    }

    /// The error when the time given is over.
    pub(super) fn timeout(&self, waited: Duration) -> AcquireError {
        let shown = self.shown.look(Shown::clone);
        let (attempts, last) = (shown.attempts, shown.votes.as_deref().cloned());
        AcquireError::Timeout { key: self.shown_key(), waited, attempts, last }
    }

    /// Polls `work` while the lease is held for longer than `grace`; `None` when that is over.
    pub(super) async fn hold_over<F: Future>(&self, work: F, grace: Duration) -> Option<F::Output> {
        tokio::pin!(work);
        let mut shown = self.shown.clone();
        loop {
            let until = shown.standing_anew().valid_until();
            let until = until.filter(|_| self.remaining() > grace)?;
            let stop = self.shared.clock.instant(until).checked_sub(grace)?;
            tokio::select! {
                biased;
                // The end, or a renewal that moves it; without a client there is only the end.
                Ok(()) = shown.changed() => {}
                () = tokio::time::sleep_until(stop.into()) => {}
                // The clock decides before each poll, also where the timer is late.
                output = core::future::poll_fn(|cx| {
                    if self.remaining() <= grace {
                        return Poll::Ready(None);
                    }
                    work.as_mut().poll(cx).map(Some)
                }) => return output,
            }
        }
    }
}
