//! What the client's task shows to the handles of one lease: the latest, and a signal when it has
//! changed.
//!
//! As tokio's `watch`, which is made for crowds and signals to eight lists of waiters. A lease has
//! one waiter, or two, and whoever waits for its end is not woken before.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use super::leases::{Shown, Standing};

struct Board {
    posted: Mutex<Posted>,
    changed: Notify,
    /// Signals only what is shown last.
    over: Notify,
}

struct Posted {
    shown: Shown,
    version: u64,
    /// Whether nothing will be shown any more.
    ended: bool,
}

impl Board {
    fn read<T>(&self, read: impl FnOnce(&mut Posted) -> T) -> T {
        // Nobody panics while holding it.
        read(&mut self.posted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The task has ended, or has forgotten the lease: what it said last still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended;

/// The task's end.
pub(super) struct Sender(Arc<Board>);

impl Sender {
    pub(super) fn look<T>(&self, at: impl FnOnce(&Shown) -> T) -> T {
        self.0.read(|posted| at(&posted.shown))
    }

    /// Changes what is shown. Those who wait are woken if `change` says so; so does this.
    pub(super) fn send_if_modified(&self, change: impl FnOnce(&mut Shown) -> bool) -> bool {
        let (modified, over) = self.0.read(|posted| {
            let modified = change(&mut posted.shown);
            posted.version += u64::from(modified);
            (modified, posted.shown.standing.is_over())
        });
        if modified {
            self.0.changed.notify_waiters();
        }
        if modified && over {
            self.0.over.notify_waiters();
        }
        modified
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.read(|posted| posted.ended = true);
        self.0.changed.notify_waiters();
        self.0.over.notify_waiters();
    }
}

/// The handle's end.
#[derive(Clone)]
pub(super) struct Receiver {
    board: Arc<Board>,
    seen: u64,
}

impl Receiver {
    pub(super) fn look<T>(&self, at: impl FnOnce(&Shown) -> T) -> T {
        self.board.read(|posted| at(&posted.shown))
    }

    /// Where the lease stands; the next [`changed`](Self::changed) waits for something newer.
    pub(super) fn standing_anew(&mut self) -> Standing {
        let (standing, version) = self.board.read(|posted| (posted.shown.standing, posted.version));
        self.seen = version;
        standing
    }

    /// Waits until something is shown that this receiver has not seen. Cancel safe.
    pub(super) async fn changed(&mut self) -> Result<(), Ended> {
        let Receiver { board, seen } = self;
        wait(board, &board.changed, |posted| {
            core::mem::replace(seen, posted.version) != posted.version
        })
        .await
    }

    /// Waits until something is shown that `holds`. Cancel safe.
    pub(super) async fn wait_for(&self, holds: impl Fn(&Shown) -> bool) -> Result<(), Ended> {
        wait(&self.board, &self.board.changed, |posted| holds(&posted.shown)).await
    }

    /// The same of something that is true only of a lease that is over.
    pub(super) async fn wait_for_end(&self, holds: impl Fn(&Shown) -> bool) -> Result<(), Ended> {
        wait(&self.board, &self.board.over, |posted| holds(&posted.shown)).await
    }
}

async fn wait(
    board: &Board,
    signal: &Notify,
    mut holds: impl FnMut(&Posted) -> bool,
) -> Result<(), Ended> {
    loop {
        // Made before the look: it hears every signal from here on.
        let notified = signal.notified();
        let (held, ended) = board.read(|posted| (holds(posted), posted.ended));
        if held {
            return Ok(());
        }
        if ended {
            return Err(Ended);
        }
        notified.await;
    }
}

/// Both ends, with nothing to see yet.
pub(super) fn board() -> (Sender, Receiver) {
    let posted = Mutex::new(Posted { shown: Shown::ASKED, version: 0, ended: false });
    let board = Board { posted, changed: Notify::new(), over: Notify::new() };
    let board = Arc::new(board);
    (Sender(Arc::clone(&board)), Receiver { board, seen: 0 })
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use super::super::leases::Failure;
    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn show(sender: &Sender, standing: Standing) {
        sender.send_if_modified(|shown| {
            shown.standing = standing;
            true
        });
    }

    #[test]
    fn each_is_woken_by_what_it_waits_for() {
        let (sender, receiver) = board();
        let (wakes, mut watching) = (Arc::<Wakes>::default(), receiver.clone());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut cx = Context::from_waker(&waker);
        let mut end = pin!(receiver.wait_for_end(|shown| shown.standing.is_over()));
        assert!(end.as_mut().poll(&mut cx).is_pending());
        show(&sender, Standing::Stopping);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);

        assert_eq!(pin!(watching.changed()).poll(&mut cx), Poll::Ready(Ok(())));
        assert_eq!(watching.standing_anew(), Standing::Stopping);
        let mut changed = pin!(watching.changed());
        assert!(changed.as_mut().poll(&mut cx).is_pending());
        show(&sender, Standing::Failed(Failure::Exhausted));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
        assert_eq!(end.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
        assert_eq!(changed.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
    }

    #[test]
    fn whoever_waits_for_what_never_comes_is_told() {
        let (sender, receiver) = board();
        let (wakes, mut watching) = (Arc::<Wakes>::default(), receiver.clone());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut cx = Context::from_waker(&waker);
        let mut changed = pin!(watching.changed());
        let mut verdict = pin!(receiver.wait_for(|shown| shown.standing != Standing::Asked));
        assert!(changed.as_mut().poll(&mut cx).is_pending());
        assert!(verdict.as_mut().poll(&mut cx).is_pending());
        sender.send_if_modified(|shown| {
            shown.attempts = 1;
            false
        });
        assert_eq!((wakes.0.load(Ordering::Relaxed), sender.look(|shown| shown.attempts)), (0, 1));
        drop(sender);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
        assert_eq!(changed.as_mut().poll(&mut cx), Poll::Ready(Err(Ended)));
        assert_eq!(verdict.as_mut().poll(&mut cx), Poll::Ready(Err(Ended)));
    }
}
