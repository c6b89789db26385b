//! One node: its connection, the requests without a reply, and the connections before this one.

use std::collections::VecDeque;
use std::string::String;
use std::task::{Context, Poll};
use std::vec::Vec;

use super::error::NodeError;
use super::handshake::Greeting;
use super::leases::LeaseId;
use super::link::{Happening, Link};
use super::wire;
use crate::protocol::{Command, Extend, Micros};

/// A node with this many requests unanswered is silent, and no new lease asks it until it has
/// caught up. Nothing else bounds the requests queued for a server that is stopped for good.
const BACKLOG_MAX: usize = 1 << 16;

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

/// One Redis server of the set.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) link: Link,
    /// Why it was not usable last time.
    pub(super) error: Option<NodeError>,
    /// When releases that the server refused are to be tried again.
    pub(super) try_again_at: Option<Micros>,
    script: Extend,
    greeting: Greeting,
    /// The requests without a reply, oldest first, each with its place in the stream.
    unanswered: VecDeque<(u64, Request)>,
    /// Failed connections of this server process on which something may still run.
    strays: Vec<i64>,
    /// Whether there are such connections that cannot be named, or not be killed.
    unkillable: bool,
    /// KILLs without a reply.
    kills: usize,
    loading: bool,
}

impl Node {
    pub(super) fn new(name: String, link: Link, script: Extend) -> Node {
        Node {
            name,
            link,
            error: None,
            try_again_at: None,
            script,
            greeting: Greeting::default(),
            unanswered: VecDeque::new(),
            strays: Vec::new(),
            unkillable: false,
            kills: 0,
            loading: false,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, now: Micros) -> Poll<Happening> {
        self.link.poll(cx, now)
    }

    /// The server process of the present connection, if it told.
    pub(super) fn run_id(&self) -> Option<&str> {
        if self.link.is_up() { self.greeting.run_id.as_deref() } else { None }
    }

    /// The name of the extend script there.
    pub(super) fn sha(&self) -> String {
        self.greeting.sha.clone()
    }

    pub(super) fn is_overloaded(&self) -> bool {
        self.unanswered.len() >= BACKLOG_MAX
    }

    /// Whether commands of failed connections may still run and nothing can be done about it.
    pub(super) fn is_unkillable(&self) -> bool {
        self.unkillable
    }

    /// Sends a request behind all earlier ones. Only while the link is up.
    pub(super) fn request(&mut self, request: Request, pack: impl FnOnce(&mut Vec<u8>)) {
        if let Some(place) = self.link.request(pack) {
            self.unanswered.push_back((place, request));
        }
    }

    /// The request that the next reply answers.
    pub(super) fn answered(&mut self) -> Option<Request> {
        self.unanswered.pop_front().map(|(_, request)| request)
    }

    /// The reply to that request was none: it is among those whose fate is unknown.
    pub(super) fn put_back(&mut self, request: Option<Request>) {
        self.unanswered.extend(request.map(|request| (0, request)));
    }

    /// Takes note of a new connection. The answer: whether the server is another process than
    /// before.
    pub(super) fn greeted(&mut self, greeting: Greeting) -> bool {
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
        same_process == Some(false)
    }

    /// The connection failed: aborts it. The answer: the lease commands that never left. All
    /// others without a reply may have run, or may still.
    pub(super) fn failed(&mut self, error: NodeError, now: Micros) -> Vec<(LeaseId, Command)> {
        let written = self.link.written();
        let mut unsent = Vec::new();
        let mut stray = false;
        for (place, request) in self.unanswered.drain(..) {
            match request {
                Request::Lease(id, command) if place >= written => unsent.push((id, command)),
                Request::Lease(_, Command::Set | Command::Extend) => stray = true,
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
        self.try_again_at = None;
        self.link.fail(now);
        self.error = Some(error);
        unsent
    }

    /// Kills the failed connections, before anything else is sent on the new one.
    pub(super) fn kill_strays(&mut self) {
        self.unkillable |= self.strays.is_empty();
        self.kills = self.strays.len();
        for at in 0..self.strays.len() {
            let id = self.strays[at];
            self.request(Request::Kill, |out| wire::kill(out, id));
        }
    }

    /// No lease has anything on a failed connection any more.
    pub(super) fn forget_strays(&mut self) {
        self.strays.clear();
        self.unkillable = false;
    }

    /// A KILL was answered. Whether that makes all failed connections dead.
    pub(super) fn killed(&mut self, done: bool) -> bool {
        self.kills = self.kills.saturating_sub(1);
        self.unkillable |= !done;
        if self.kills > 0 {
            return false;
        }
        self.strays.clear();
        !self.unkillable
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
        self.link.deadline().into_iter().chain(self.try_again_at).min()
    }
}
