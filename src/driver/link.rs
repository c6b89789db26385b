//! The connection to one node: made, greeted, used, aborted when it fails, and made again.
//!
//! It does not give up for want of an answer: a request of a closed connection may still run, and
//! then nobody hears of it. Only the handshake, which changes nothing at the node, has a time-out.
//! When a connection has been silent for too long is for the [`Node`](super::node::Node) to say.

use std::boxed::Box;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::vec::Vec;

use redis::Value;

use super::clock::span_of;
use super::connect_error::NodeError;
use super::endpoint::Endpoint;
use super::handshake::{Greeting, Handshake};
use super::stream::Stream;
use super::wire;
use crate::protocol::{Extend, Instant, Micros};

const BACKOFF_MIN: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// A connection that lasted this long, or on which anything was answered, was a good one: its loss
/// is not a reason to hesitate.
const STABLE: Duration = Duration::from_secs(1);

/// What happened on a link.
#[derive(Debug)]
pub(super) enum Happening {
    /// It can be used from now on.
    Up(Greeting),
    /// The reply to the oldest request without one.
    Reply(Value),
    /// It failed. `used` tells whether it was up.
    Down { error: NodeError, used: bool },
}

type Opening = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

enum State {
    Down { retry_at: Micros },
    Opening { opening: Opening, until: Micros },
    Greeting { wire: Wire, handshake: Handshake, until: Micros },
    Up { wire: Wire, since: Micros, answered: bool },
}

/// One node's connection, in whatever state.
pub(super) struct Link {
    endpoint: Endpoint,
    script: Extend,
    patience: Duration,
    backoff: Duration,
    state: State,
}

impl Link {
    pub(super) fn new(endpoint: Endpoint, script: Extend, patience: Duration, now: Micros) -> Link {
        let state = State::Down { retry_at: now };
        Link { endpoint, script, patience, backoff: BACKOFF_MIN, state }
    }

    pub(super) fn is_up(&self) -> bool {
        match self.state {
            State::Up { .. } => true,
            State::Down { .. } | State::Opening { .. } | State::Greeting { .. } => false,
        }
    }

    /// When it wants to be polled even if nothing arrives.
    pub(super) fn deadline(&self) -> Option<Micros> {
        match self.state {
            State::Down { retry_at } => Some(retry_at),
            State::Opening { until, .. } | State::Greeting { until, .. } => Some(until),
            State::Up { .. } => None,
        }
    }

    /// Queues a request; it is written by the next [`poll`](Self::poll). The answer is the
    /// request's place in the stream of this connection, `None` if there is no connection.
    pub(super) fn request(&mut self, pack: impl FnOnce(&mut Vec<u8>)) -> Option<u64> {
        match &mut self.state {
            State::Up { wire, .. } => {
                let place = wire.written + wire.unsent().len() as u64;
                pack(&mut wire.out);
                Some(place)
            }
            State::Down { .. } | State::Opening { .. } | State::Greeting { .. } => None,
        }
    }

    /// How much of the stream has been handed to the system. A request that starts there or later
    /// never left.
    pub(super) fn written(&self) -> u64 {
        match &self.state {
            State::Up { wire, .. } => wire.written,
            State::Down { .. } | State::Opening { .. } | State::Greeting { .. } => 0,
        }
    }

    /// The task was woken: there may be something to read again.
    pub(super) fn woken(&mut self) {
        match &mut self.state {
            State::Greeting { wire, .. } | State::Up { wire, .. } => {
                (wire.drained, wire.blocked) = (false, false);
            }
            State::Down { .. } | State::Opening { .. } => {}
        }
    }

    /// Whether a request waits to be written, and not for the other side to take it.
    pub(super) fn wants_to_write(&self) -> bool {
        match &self.state {
            State::Up { wire, .. } => !wire.blocked && !wire.unsent().is_empty(),
            State::Down { .. } | State::Opening { .. } | State::Greeting { .. } => false,
        }
    }

    /// Does what can be done without waiting, until something happens.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, now: Micros) -> Poll<Happening> {
        loop {
            let result = match &mut self.state {
                State::Down { retry_at } if now < *retry_at => return Poll::Pending,
                State::Down { .. } => {
                    let opening = Box::pin(Stream::open(self.endpoint.clone()));
                    let until = now.plus(span_of(self.patience));
                    self.state = State::Opening { opening, until };
                    continue;
                }
                State::Opening { opening, until } => match opening.as_mut().poll(cx) {
                    Poll::Pending if now < *until => return Poll::Pending,
                    Poll::Pending => Err(NodeError::Silent(self.patience)),
                    Poll::Ready(Err(error)) => Err(NodeError::Io(error)),
                    Poll::Ready(Ok(stream)) => {
                        let mut wire = Wire::new(stream);
                        let login = self.endpoint.connection_info().redis_settings();
                        let handshake = Handshake::begin(login, self.script, &mut wire.out);
                        self.state = State::Greeting { wire, handshake, until: *until };
                        continue;
                    }
                },
                State::Greeting { wire, handshake, until } => match wire.poll(cx) {
                    Poll::Pending if now < *until => return Poll::Pending,
                    Poll::Pending => Err(NodeError::Silent(self.patience)),
                    Poll::Ready(Err(error)) => Err(error),
                    Poll::Ready(Ok(reply)) => match handshake.take(&reply) {
                        Ok(None) => continue,
                        Ok(Some(greeting)) => Ok(Happening::Up(greeting)),
                        Err(error) => Err(error),
                    },
                },
                State::Up { wire, answered, .. } => {
                    let reply = ready!(wire.poll(cx));
                    *answered |= reply.is_ok();
                    reply.map(Happening::Reply)
                }
            };
            return Poll::Ready(match result {
                Ok(Happening::Up(greeting)) => self.greeted(greeting, now),
                Ok(happening) => happening,
                Err(error) => Happening::Down { error, used: self.is_up() },
            });
        }
    }

    fn greeted(&mut self, greeting: Greeting, now: Micros) -> Happening {
        let before = core::mem::replace(&mut self.state, State::Down { retry_at: now });
        if let State::Greeting { mut wire, .. } = before {
            wire.written = 0;
            self.state = State::Up { wire, since: now, answered: false };
        }
        Happening::Up(greeting)
    }

    /// Aborts the connection and lets some time pass before the next. To be called after
    /// [`Happening::Down`], and for a node that is not to be used.
    pub(super) fn fail(&mut self, now: Micros) {
        let delay = match &self.state {
            State::Up { since, answered, .. }
                if *answered || now.since(*since) >= span_of(STABLE) =>
            {
                BACKOFF_MIN
            }
            State::Up { .. }
            | State::Down { .. }
            | State::Opening { .. }
            | State::Greeting { .. } => self.backoff,
        };
        self.backoff = (delay * 2).min(BACKOFF_MAX);
        let retry_at = now.plus(span_of(delay));
        match core::mem::replace(&mut self.state, State::Down { retry_at }) {
            State::Greeting { wire, .. } | State::Up { wire, .. } => wire.stream.abort(),
            State::Down { .. } | State::Opening { .. } => {}
        }
    }
}

/// Room for replies: more than all that are under way fill, as a rule. A read that leaves some of
/// it tells tokio that nothing more is there.
const INBOX: usize = 4096;

/// A socket with what is to be written and what was read and not yet understood.
struct Wire {
    stream: Stream,
    out: Vec<u8>,
    sent: usize,
    written: u64,
    /// What was read lies between `taken` and `filled`.
    inbox: Vec<u8>,
    taken: usize,
    filled: usize,
    /// Whether nothing more can be read before the task is woken.
    drained: bool,
    /// The same of writing.
    blocked: bool,
}

impl Wire {
    fn new(stream: Stream) -> Wire {
        let inbox = std::vec![0; INBOX];
        let (taken, filled, drained, blocked) = (0, 0, false, false);
        let out = Vec::new();
        Wire { stream, out, sent: 0, written: 0, inbox, taken, filled, drained, blocked }
    }

    fn unsent(&self) -> &[u8] {
        self.out.get(self.sent..).unwrap_or(&[])
    }

    /// Writes what can be written and returns the next reply.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Value, NodeError>> {
        self.write(cx).map_err(NodeError::Io)?;
        if self.drained {
            return Poll::Pending;
        }
        loop {
            match self.next_reply() {
                Ok(Some(reply)) => return Poll::Ready(Ok(reply)),
                Ok(None) => {}
                Err(wire::Malformed) => return Poll::Ready(Err(NodeError::Protocol)),
            }
            self.make_room();
            let read = self.stream.poll_read(cx, &mut self.inbox[self.filled..]);
            self.drained = read.is_pending();
            match ready!(read) {
                Ok(0) => return Poll::Ready(Err(NodeError::Hangup)),
                Ok(length) => self.filled += length,
                Err(error) => return Poll::Ready(Err(NodeError::Io(error))),
            }
        }
    }

    fn next_reply(&mut self) -> Result<Option<Value>, wire::Malformed> {
        if self.taken == self.filled {
            return Ok(None);
        }
        let unread = self.inbox.get(self.taken..self.filled).unwrap_or(&[]);
        let reply = wire::parse(unread)?;
        Ok(reply.map(|(reply, length)| {
            self.taken += length;
            reply
        }))
    }

    /// Moves the beginning of a reply to the front, and grows where that is not enough.
    fn make_room(&mut self) {
        self.inbox.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.taken = 0;
        if self.filled * 2 > self.inbox.len() {
            self.inbox.resize(self.inbox.len() * 2, 0);
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while self.sent < self.out.len() {
            match self.stream.poll_write(cx, &self.out[self.sent..]) {
                Poll::Pending => {
                    self.blocked = true;
                    return Ok(());
                }
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(length)) => {
                    self.sent += length;
                    self.written += length as u64;
                }
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        self.out.clear();
        self.sent = 0;
        match self.stream.poll_flush(cx) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }
}
