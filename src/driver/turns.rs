//! Whose turn it is: what the task does for those who want a key.

use std::task::Context;

use super::key::Key;
use super::leases::{End, Failure, LeaseId};
use super::line::{Arrival, Ask, Call};
use super::listener::soon;
use super::task::Task;
use super::token::Token;
use crate::protocol::{Input, Instant, Span};

/// The shortest delay between two attempts, which may cost no time when no node can be asked.
const PAUSE_MIN: Span = 1_000;

impl Task {
    /// Whoever is first in line asks the nodes: the task's answer to a lease that is over, sent
    /// behind its releases.
    pub(super) fn drive_lines(&mut self) {
        while let Some(ask) = self.lines.next_called() {
            self.begin(ask);
        }
        while self.lines.deadline().is_some() {
            let Some(ask) = self.lines.next_paused(self.clock.now()) else { break };
            self.begin(ask);
        }
    }

    /// Somebody wants a key: at once if nobody of this client is ahead.
    pub(super) fn arrive(&mut self, ask: Ask) {
        let arrival = match (ask.adopts, self.lines.first(&ask.key)) {
            (None, _) => self.lines.join(ask),
            // It is this client's own already, so the ticket is of a lock that is past.
            (Some(_), Some((id, ahead))) if self.leases.holds(id) => {
                Arrival::Behind(Some((ask, ahead)))
            }
            (Some(_), _) => self.lines.cut_in(ask),
        };
        match arrival {
            Arrival::First(ask) => self.begin(ask),
            Arrival::Behind(None) => {}
            Arrival::Behind(Some((ask, ahead))) => {
                self.leases.tell_failure(ask, Failure::Occupied { ahead });
            }
        }
    }

    /// The first in line makes an attempt.
    fn begin(&mut self, ask: Ask) {
        let token = match Token::draw() {
            Ok(token) => token,
            Err(error) => {
                self.lines.advance(&ask.key);
                return self.leases.tell_failure(ask, Failure::NoRandomness(error));
            }
        };
        let (key, call, adopts) = (ask.key.clone(), ask.call, ask.adopts);
        let id = self.leases.insert(ask);
        self.lines.begin(&key, call, id);
        self.step(
            id,
            match adopts {
                None => Input::Start(token),
                Some(from) => Input::Adopt { token, from },
            },
        );
    }

    /// Whoever waits for a key that was released asks again soon.
    pub(super) fn drive_listener(&mut self, cx: &mut Context<'_>) {
        let Some(listener) = &mut self.listener else { return };
        let (lines, leases, now) = (&mut self.lines, &mut self.leases, self.clock.now());
        listener.poll(cx, now, |key| lines.wake(key, soon(now, leases.jitter())));
    }

    /// A lease has left its place in line, or its attempt was denied.
    pub(super) fn ended(&mut self, id: LeaseId, call: Call, key: &Key, end: End) {
        match end {
            End::Over if self.lines.lease_of(key, call) == Some(id) => self.lines.advance(key),
            End::Over => {}
            End::Denied(ask) => match ask.retry.delay(ask.attempts, self.leases.jitter()) {
                Some(delay) => {
                    if let Some(listener) = &mut self.listener {
                        listener.listen(key);
                    }
                    let delay = delay.max(PAUSE_MIN);
                    self.lines.pause(ask, self.clock.now().plus(delay));
                }
                None => {
                    self.lines.advance(key);
                    self.leases.tell_failure(ask, Failure::Exhausted);
                }
            },
        }
    }
}
