//! A held lock, and the attempt it came from.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::client::Shared;
use super::error::{Loss, ReleaseError, Released};
use super::leases::{LeaseId, Standing};
use super::task::Mail;
use crate::protocol::{Micros, NodeSet, Tally, validity};

/// One lease seen from outside the task. Dropping it ends the lease, in whatever state it is.
pub(super) struct Attempt {
    id: LeaseId,
    key: Arc<str>,
    shared: Arc<Shared>,
    standing: watch::Receiver<Standing>,
}

/// How an attempt came out.
pub(super) enum Verdict {
    Held,
    Denied(Tally),
    Closed,
}

impl Attempt {
    pub(super) fn new(
        id: LeaseId,
        key: Arc<str>,
        shared: Arc<Shared>,
        standing: watch::Receiver<Standing>,
    ) -> Attempt {
        Attempt { id, key, shared, standing }
    }

    fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    pub(super) async fn verdict(&self) -> Verdict {
        let mut standing = self.standing.clone();
        // An error means that the task has ended; what it said last still stands.
        let _ = standing.wait_for(|standing| *standing != Standing::Asked).await;
        match self.standing() {
            Standing::Held { .. } => Verdict::Held,
            Standing::Denied(tally) => Verdict::Denied(tally),
            // Lost between the grant and this moment: as good as not granted.
            Standing::Lost(_) => Verdict::Denied(Tally::default()),
            Standing::Asked | Standing::Stopping | Standing::Released { .. } => Verdict::Closed,
        }
    }

    fn stop(&self) {
        self.shared.post(Mail::Stop { id: self.id });
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A lock that is held, or was.
///
/// It is renewed in the background for as long as the guard lives. Dropping it releases the lock
/// in the background; [`release`](Self::release) does the same and says what came of it.
///
/// A lock like this cannot stop a process that was paused while it held it: what the process does
/// after the pause it does without the lock. Ask [`is_held`](Self::is_held) before each effect,
/// and let what matters be checked where it takes effect.
#[must_use = "a guard that is dropped at once releases its lock at once"]
pub struct Guard {
    attempt: Attempt,
    /// The end of the lease as it was granted.
    granted_until: Micros,
}

impl core::fmt::Debug for Guard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Guard")
            .field("key", &self.attempt.key)
            .field("standing", &self.attempt.standing())
            .finish_non_exhaustive()
    }
}

impl Guard {
    pub(super) fn new(attempt: Attempt) -> Guard {
        let granted_until = match attempt.standing() {
            Standing::Held { valid_until } => valid_until,
            Standing::Asked
            | Standing::Stopping
            | Standing::Denied(_)
            | Standing::Lost(_)
            | Standing::Released { .. } => attempt.shared.clock.now(),
        };
        Guard { attempt, granted_until }
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.attempt.key
    }

    /// Whether the lock is held at this moment.
    ///
    /// Compares with the clock of this very moment, so a loss shows also if the client's task has
    /// not run since.
    pub fn is_held(&self) -> bool {
        match self.attempt.standing() {
            Standing::Held { valid_until } => {
                validity::believed(self.attempt.shared.clock.now(), valid_until)
            }
            Standing::Asked
            | Standing::Stopping
            | Standing::Denied(_)
            | Standing::Lost(_)
            | Standing::Released { .. } => false,
        }
    }

    /// When the lease ends unless it is renewed before. Moves forward with every renewal. Once
    /// the lease is over, a moment that is past.
    pub fn valid_until(&self) -> Instant {
        let clock = &self.attempt.shared.clock;
        match self.attempt.standing() {
            Standing::Held { valid_until } => clock.instant(valid_until),
            Standing::Asked
            | Standing::Stopping
            | Standing::Denied(_)
            | Standing::Lost(_)
            | Standing::Released { .. } => clock.instant(clock.now().min(self.granted_until)),
        }
    }

    /// How long the lease lasts from now unless it is renewed; zero once it is over.
    pub fn remaining(&self) -> Duration {
        match self.attempt.standing() {
            Standing::Held { valid_until } => self.attempt.shared.clock.remaining(valid_until),
            Standing::Asked
            | Standing::Stopping
            | Standing::Denied(_)
            | Standing::Lost(_)
            | Standing::Released { .. } => Duration::ZERO,
        }
    }

    /// Waits until the lease is lost, and says why: when the nodes show it, and otherwise at
    /// [`valid_until`](Self::valid_until), as exactly as tokio's timer is (a millisecond);
    /// [`is_held`](Self::is_held) is exact.
    ///
    /// Cancel safe: it only watches.
    pub async fn lost(&self) -> Loss {
        let clock = self.attempt.shared.clock;
        let mut standing = self.attempt.standing.clone();
        loop {
            let seen = *standing.borrow_and_update();
            let valid_until = match seen {
                Standing::Held { valid_until } => valid_until,
                Standing::Lost(cause) => return cause.into(),
                // While there is a guard to ask, only the end of its client stops a lease.
                Standing::Asked
                | Standing::Stopping
                | Standing::Denied(_)
                | Standing::Released { .. } => return Loss::Closed,
            };
            let end = tokio::time::sleep_until(clock.instant(valid_until).into());
            tokio::pin!(end);
            let changed = tokio::select! {
                changed = standing.changed() => changed.is_ok(),
                () = &mut end => {
                    // Renewed meanwhile, or not over yet by the clock that decides?
                    let over = !validity::believed(clock.now(), valid_until);
                    if over && *standing.borrow() == seen {
                        return Loss::Expired;
                    }
                    true
                }
            };
            if !changed {
                // Nobody renews any more.
                end.await;
                return Loss::Expired;
            }
        }
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
    pub async fn release(self) -> Result<Released, ReleaseError> {
        let attempt = &self.attempt;
        attempt.stop();
        let mut standing = attempt.standing.clone();
        let over = |standing: &Standing| match standing {
            Standing::Asked | Standing::Held { .. } | Standing::Stopping => false,
            Standing::Denied(_) | Standing::Lost(_) | Standing::Released { .. } => true,
        };
        let _ = standing.wait_for(over).await;
        match attempt.standing() {
            Standing::Released { unsettled } => Ok(self.released(unsettled)),
            Standing::Lost(cause) => Err(ReleaseError::Lost(cause.into())),
            Standing::Asked | Standing::Held { .. } | Standing::Stopping | Standing::Denied(_) => {
                Err(ReleaseError::Closed)
            }
        }
    }

    fn released(&self, unsettled: NodeSet) -> Released {
        Released::new(&self.attempt.shared.names, unsettled)
    }
}
