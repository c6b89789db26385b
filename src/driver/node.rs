//! One node: its connection, the requests without a reply, and the connections before this one.

use std::collections::VecDeque;
use std::string::String;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec::Vec;

use super::clock::{Clock, span_of};
use super::connect_error::NodeError;
use super::handshake::Greeting;
use super::leases::LeaseId;
use super::link::{Happening, Link};
use super::numbers;
use super::wire;
use crate::protocol::guard::{certain_uptime_s, counts_from};
use crate::protocol::{Command, Extend, Instant, Micros, Span};

/// A node with this many requests unanswered is silent, and no new lease asks it until it has
/// caught up. Nothing else bounds the requests queued for a server that is stopped for good.
const BACKLOG_MAX: usize = 1 << 16;

/// A connection that has brought nothing for this long, while a reply is due, is taken for dead.
/// Longer than what a server may stand still for, to fork or in a script.
const SILENCE_MAX: Duration = Duration::from_secs(5);

const SECOND: Span = 1_000_000;

/// What a request was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// A command of a lease.
    Lease(LeaseId, Command),
    /// `CLIENT KILL` of an earlier connection.
    Kill,
    /// Loading the extend script anew.
    Load,
}

/// A request without a reply.
struct Sent {
    /// Its place in the stream.
    place: u64,
    /// When it was made, where somebody wants to know.
    at: Micros,
    request: Request,
}

/// One Redis server of the set.
pub(super) struct Node {
    pub(super) name: String,
    clock: Clock,
    pub(super) link: Link,
    /// Why it was not usable last time.
    pub(super) error: Option<NodeError>,
    /// The words with which it refused a command of a lease last time.
    pub(super) refusal: Option<String>,
    /// When its process started at the latest, as far as this client can tell.
    pub(super) started: Micros,
    /// When its answers start to count; always, without a restart guard.
    pub(super) counts_from: Micros,
    /// When releases that the server refused are to be tried again.
    pub(super) try_again_at: Option<Micros>,
    script: Extend,
    /// The longest TTL of any client, if there is a restart guard.
    max_ttl: Option<Span>,
    greeting: Greeting,
    /// The requests without a reply, oldest first.
    unanswered: VecDeque<Sent>,
    /// Since when nothing has come although a reply is due.
    silent_since: Option<Micros>,
    /// Failed connections of this server process on which something may still run.
    strays: Vec<i64>,
    /// Whether there are such connections that cannot be named, or not be killed.
    unkillable: bool,
    /// KILLs without a reply.
    kills: usize,
    loading: bool,
}

impl Node {
    pub(super) fn new(
        name: String,
        link: Link,
        script: Extend,
        max_ttl: Option<Span>,
        clock: Clock,
    ) -> Node {
        Node {
            name,
            clock,
            link,
            error: None,
            refusal: None,
            started: Micros::default(),
            counts_from: Micros(i64::MIN),
            try_again_at: None,
            script,
            max_ttl,
            greeting: Greeting::default(),
            unanswered: VecDeque::new(),
            silent_since: None,
            strays: Vec::new(),
            unkillable: false,
            kills: 0,
            loading: false,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, now: Micros) -> Poll<Happening> {
        let happening = self.link.poll(cx, now);
        if happening.is_ready() || self.unanswered.is_empty() || !self.link.is_up() {
            self.silent_since = None;
            return happening;
        }
        // Nothing says that a path through a network is dead, if something on it takes the bytes.
        // What may still run is killed on the next connection; where it cannot be, it is better
        // waited for.
        let silent_since = *self.silent_since.get_or_insert(now);
        let over = now.since(silent_since) >= span_of(SILENCE_MAX);
        if over && self.greeting.connection.is_some() {
            self.silent_since = None;
            let error = NodeError::Silent(SILENCE_MAX);
            return Poll::Ready(Happening::Down { error, used: true });
        }
        Poll::Pending
    }

    /// The server process of the present connection, if it told.
    pub(super) fn run_id(&self) -> Option<&str> {
        if self.link.is_up() { self.greeting.run_id.as_deref() } else { None }
    }

    pub(super) fn is_overloaded(&self) -> bool {
        self.unanswered.len() >= BACKLOG_MAX
    }

    /// Whether commands of failed connections may still run and nothing can be done about it.
    pub(super) fn is_unkillable(&self) -> bool {
        self.unkillable
    }

    /// The same, once the server has answered whether it kills any.
    pub(super) fn lets_strays_run(&self) -> bool {
        self.unkillable && self.kills == 0 && self.link.is_up()
    }

    /// Sends a request behind all earlier ones. Only while the link is up.
    pub(super) fn request(&mut self, request: Request, pack: impl FnOnce(&mut Vec<u8>)) {
        if let Some(place) = self.link.request(pack) {
            self.sent(place, request);
        }
    }

    fn sent(&mut self, place: u64, request: Request) {
        let at = if numbers::ON { self.clock.now() } else { Micros::default() };
        self.unanswered.push_back(Sent { place, at, request });
    }

    /// The same for an extend, which needs the name of the script there.
    pub(super) fn request_extend(&mut self, id: LeaseId, pack: impl FnOnce(&mut Vec<u8>, &str)) {
        let sha = &self.greeting.sha;
        if let Some(place) = self.link.request(|out| pack(out, sha)) {
            self.sent(place, Request::Lease(id, Command::Extend));
        }
    }

    /// The request that the next reply answers.
    pub(super) fn answered(&mut self) -> Option<Request> {
        let Sent { at, request, .. } = self.unanswered.pop_front()?;
        if numbers::ON {
            numbers::node_answered(&self.name, self.clock.since(at));
        }
        Some(request)
    }

    /// The reply to that request was none: it is among those whose fate is unknown.
    pub(super) fn put_back(&mut self, request: Option<Request>) {
        let at = Micros::default();
        self.unanswered.extend(request.map(|request| Sent { place: 0, at, request }));
    }

    /// Takes note of a new connection. The answer: whether the server is another process than
    /// before.
    pub(super) fn greeted(&mut self, greeting: Greeting, now: Micros) -> bool {
        let before = core::mem::replace(&mut self.greeting, greeting);
        let same_process = match (&before.run_id, &self.greeting.run_id) {
            (Some(before), Some(now)) => Some(before == now),
            (None, _) | (_, None) => None,
        };
        match same_process {
            Some(true) => {}
            Some(false) => self.forget_strays(),
            // Ids of a process that cannot be told from another might be somebody else's.
            None => {
                self.unkillable |= !self.strays.is_empty();
                self.strays.clear();
            }
        }
        self.error = None;
        self.guard(same_process == Some(true), now);
        same_process == Some(false)
    }

    /// When the answers of this connection start to count. Nothing was sent on it yet.
    fn guard(&mut self, same_process: bool, now: Micros) {
        // A node that does not tell may have started just now.
        let told_s = self.greeting.uptime_s.unwrap_or(0).max(0);
        let uptime = certain_uptime_s(told_s).saturating_mul(SECOND);
        let started = now.plus(-told_s.saturating_mul(SECOND));
        let counts =
            self.max_ttl.map_or(Micros(i64::MIN), |max_ttl| counts_from(now, uptime, max_ttl));
        // A process that has been watched for long enough counts, whatever its own clock says.
        self.counts_from = if same_process { counts.min(self.counts_from) } else { counts };
        self.started = if same_process { started.min(self.started) } else { started };
    }

    /// The connection failed: aborts it. The answer: the lease commands that never left. All
    /// others without a reply may have run, or may still.
    pub(super) fn failed(&mut self, error: NodeError, now: Micros) -> Vec<(LeaseId, Command)> {
        let written = self.link.written();
        let mut unsent = Vec::new();
        let mut stray = false;
        for Sent { place, request, .. } in self.unanswered.drain(..) {
            match request {
                Request::Lease(id, command) if place >= written => unsent.push((id, command)),
                Request::Lease(_, Command::Set | Command::Adopt | Command::Extend) => stray = true,
                Request::Lease(_, Command::Release | Command::Kill) => {}
                Request::Kill | Request::Load => {}
            }
        }
        match self.greeting.connection {
            Some(id) if stray => self.strays.push(id),
            None if stray => self.unkillable = true,
            Some(_) | None => {}
        }
        self.kills = 0;
        self.loading = false;
        self.refusal = None;
        self.try_again_at = None;
        self.link.fail(now);
        self.error = Some(error);
        unsent
    }

    /// Kills the failed connections, before anything else is sent on the new one. Whether there
    /// is an answer to wait for: a connection without a known name cannot be killed.
    pub(super) fn kill_strays(&mut self) -> bool {
        self.unkillable |= self.strays.is_empty();
        self.kills = self.strays.len();
        for at in 0..self.strays.len() {
            let id = self.strays[at];
            self.request(Request::Kill, |out| wire::kill(out, id));
        }
        self.kills > 0
    }

    /// KILLs without a reply.
    pub(super) fn kills(&self) -> usize {
        self.kills
    }

    /// No lease has anything on a failed connection any more.
    pub(super) fn forget_strays(&mut self) {
        self.strays.clear();
        self.unkillable = false;
    }

    /// A KILL was answered. With the last of them, whether all failed connections are dead.
    pub(super) fn killed(&mut self, done: bool) -> Option<bool> {
        self.kills = self.kills.saturating_sub(1);
        self.unkillable |= !done;
        if self.kills > 0 {
            return None;
        }
        self.strays.clear();
        Some(!self.unkillable)
    }

    /// The server has forgotten the script: loads it again, for later renewals.
    pub(super) fn load_script(&mut self) {
        if !self.loading {
            self.loading = true;
            let script = self.script;
            self.request(Request::Load, |out| wire::load_extend(out, script));
        }
    }

    pub(super) fn script_loaded(&mut self) {
        self.loading = false;
    }

    /// When it wants to be polled even if nothing arrives.
    pub(super) fn deadline(&self) -> Option<Micros> {
        let silent = self.silent_since.map(|since| {
            let Micros(end) = since.plus(span_of(SILENCE_MAX));
            // To the second: a timer that moves with every reply would cost more than it is worth.
            Micros(end - end.rem_euclid(SECOND) + SECOND)
        });
        self.link.deadline().into_iter().chain(self.try_again_at).chain(silent).min()
    }
}
