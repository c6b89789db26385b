//! The one task of a client. It owns every socket, every lease and the only timer; handles talk to
//! it through a mailbox and look at what it publishes.
//!
//! It decides nothing about leases: it hands inputs to [`Lease::handle`](crate::protocol::Lease)
//! and carries out the commands that come back.

use std::boxed::Box;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec::Vec;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Sleep;

use super::clock::Clock;
use super::key::Key;
use super::leases::{Extended, LeaseId, Leases, Scene, Work};
use super::line::{Ask, Call, Leaving, Lines};
use super::link::Happening;
use super::listener::Listener;
use super::node::{Node, Request};
use super::report::Report;
use super::starting::Starting;
use super::token::Token;
use super::votes::Witness;
use super::wire;
use crate::protocol::{Command, Input, Instant, Micros, Moment, NodeSet, Span};

/// What handles say to the task.
pub(super) enum Mail {
    /// Somebody wants a key.
    Acquire(Ask),
    /// Somebody wants it no more, whatever has become of it.
    Stop { key: Key, call: Call },
    /// A holder wants its lease to be another's.
    HandOver { key: Key, call: Call },
    /// A holder wants a renewal now.
    Extend { key: Key, call: Call, reply: oneshot::Sender<Extended> },
    /// End every lease, then the task. Answered with the nodes that still owe an acknowledgement.
    Shutdown { done: oneshot::Sender<NodeSet> },
}

/// The end of the task, once it has been asked for.
#[derive(Default)]
struct Closing {
    until: Micros,
    asked_by: Vec<oneshot::Sender<NodeSet>>,
}

pub(super) struct Task {
    pub(super) clock: Clock,
    pub(super) nodes: Vec<Node>,
    pub(super) leases: Leases,
    pub(super) report: Report,
    pub(super) lines: Lines,
    /// Hears of releases, where that is wanted.
    pub(super) listener: Option<Listener>,
    /// How long the end of the client waits for its releases.
    release_within: Span,
    starting: Option<Starting>,
    mailbox: Option<mpsc::UnboundedReceiver<Mail>>,
    closing: Option<Closing>,
    timer: Pin<Box<Sleep>>,
    timer_at: Micros,
    /// Whether letters were left unread, for what the first of them led to to be sent.
    has_mail: bool,
    /// Room for a command that goes to several nodes.
    packed: Vec<u8>,
}

/// So many letters are read before what they have led to is sent: a node works on that while the
/// next are read.
const LETTERS: usize = 16;

impl Task {
    /// To be called within a tokio runtime.
    pub(super) fn new(
        clock: Clock,
        nodes: Vec<Node>,
        leases: Leases,
        report: Report,
        release_within: Span,
        starting: Starting,
        mailbox: mpsc::UnboundedReceiver<Mail>,
    ) -> Task {
        let now = clock.now();
        Task {
            clock,
            nodes,
            leases,
            report,
            lines: Lines::default(),
            listener: None,
            release_within,
            starting: Some(starting),
            mailbox: Some(mailbox),
            closing: None,
            timer: Box::pin(tokio::time::sleep_until(clock.instant(now).into())),
            timer_at: now,
            has_mail: false,
            packed: Vec::new(),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.report.feed.end();
    }
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = &mut *self;
        task.nodes.iter_mut().for_each(|node| node.link.woken());
        task.listener.iter_mut().for_each(Listener::woken);
        loop {
            // First what is over already: a handle may know it before this task does.
            task.drive_deadlines();
            task.drive_mailbox(cx);
            task.drive_lines();
            task.drive_nodes(cx);
            task.drive_listener(cx);
            if task.drive_starting().is_break() || task.drive_closing().is_break() {
                return Poll::Ready(());
            }
            if !task.has_more() && !task.drive_timer(cx) {
                task.report.tape.flush();
                return Poll::Pending;
            }
        }
    }
}

// ---- what wakes it ------------------------------------------------------------------------------

impl Task {
    /// Whether there is something to do that neither a wake nor a deadline will call for: letters,
    /// or what the nodes' answers have led to. Of answers nothing was left unread.
    fn has_more(&self) -> bool {
        self.has_mail
            || self.lines.has_called()
            || self.nodes.iter().any(|node| node.link.wants_to_write())
            || self.listener.as_ref().is_some_and(Listener::wants_to_write)
    }

    fn drive_mailbox(&mut self, cx: &mut Context<'_>) {
        for _ in 0..LETTERS {
            let next = self.mailbox.as_mut().map(|mailbox| mailbox.poll_recv(cx));
            self.has_mail = matches!(next, Some(Poll::Ready(_)));
            let Some(Poll::Ready(mail)) = next else { break };
            match mail {
                Some(Mail::Acquire(ask)) if self.closing.is_none() => self.arrive(ask),
                // Its handle sees that nobody is there to answer.
                Some(Mail::Acquire(_)) => {}
                Some(Mail::Stop { key, call }) => match self.lines.leave(&key, call) {
                    Leaving::Stop(id) => self.stop(id),
                    Leaving::Nothing => {}
                },
                Some(Mail::HandOver { key, call }) => {
                    if let Some(id) = self.lines.lease_of(&key, call) {
                        self.step(id, Input::HandOver);
                    }
                }
                Some(Mail::Extend { key, call, reply }) => {
                    if let Some(id) = self.lines.lease_of(&key, call) {
                        self.leases.extend(id, self.clock.now(), reply);
                    }
                }
                Some(Mail::Shutdown { done }) => self.close().asked_by.push(done),
                None => {
                    self.mailbox = None;
                    self.close();
                }
            }
        }
    }

    /// Ends a lease. The machine carries the stop out at its deadline, which is at once: before the
    /// next letter is opened, so that a lease of the same key asks behind the release of this one.
    fn stop(&mut self, id: LeaseId) {
        self.step(id, Input::Stop);
        self.step(id, Input::Tick);
    }

    /// Ends every lease; the task follows when they are settled, or after a while.
    fn close(&mut self) -> &mut Closing {
        if self.closing.is_none() {
            self.lines.clear();
            self.leases.close();
            for id in self.leases.ids() {
                self.stop(id);
            }
        }
        // The last of them may have been told to stop only now, and has this long to be released.
        let until = self.clock.now().plus(self.release_within);
        let closing = self.closing.get_or_insert_default();
        closing.until = until;
        closing
    }

    fn drive_deadlines(&mut self) {
        let now = self.clock.now();
        while let Some((at, id)) = self.leases.next() {
            if at > now {
                break;
            }
            // Before it asks again: where nothing of it can be killed, it waits for nothing.
            for node in self.nodes_where(|node| node.lets_strays_run()) {
                self.forgive(id, node);
            }
            self.step(id, Input::Tick);
        }
    }

    fn drive_nodes(&mut self, cx: &mut Context<'_>) {
        let now = self.clock.now();
        for at in 0..self.nodes.len() {
            let node = at as u8;
            while let Poll::Ready(happening) = self.nodes[at].poll(cx, now) {
                match happening {
                    Happening::Up(greeting) => self.node_up(node, greeting),
                    Happening::Reply(reply) => self.reply(node, &reply),
                    Happening::Down { error, used } => self.node_down(node, error, used),
                }
            }
            if self.nodes[at].try_again_at.is_some_and(|due| due <= now) {
                self.nodes[at].try_again_at = None;
                self.report.tape.try_again(node, self.clock.now());
                self.tell_all(Input::Connected { node, new_process: false });
            }
        }
    }

    fn drive_starting(&mut self) -> std::ops::ControlFlow<()> {
        match self.starting.take() {
            None => std::ops::ControlFlow::Continue(()),
            Some(starting) => {
                let (flow, rest) = starting.look(&mut self.nodes, self.clock.now());
                self.starting = rest;
                flow
            }
        }
    }

    fn drive_closing(&mut self) -> std::ops::ControlFlow<()> {
        let (leases, clock) = (&self.leases, &self.clock);
        let over = |closing: &mut Closing| leases.is_empty() || clock.now() >= closing.until;
        let Some(closing) = self.closing.take_if(over) else {
            return std::ops::ControlFlow::Continue(());
        };
        for done in closing.asked_by {
            // Whoever asked may have stopped waiting.
            let _ = done.send(self.leases.unsettled());
        }
        std::ops::ControlFlow::Break(())
    }

    /// Whether the next deadline may have come. Otherwise the one timer wakes the task by then.
    fn drive_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let nodes = self.nodes.iter().filter_map(Node::deadline);
        let lease = self.leases.next().map(|(at, _)| at);
        let starting = self.starting.as_ref().map(Starting::deadline);
        let closing = self.closing.as_ref().map(|closing| closing.until);
        let listener = self.listener.as_ref().and_then(Listener::deadline);
        let leases = lease.into_iter().chain(self.lines.deadline()).chain(listener);
        let Some(next) = nodes.chain(leases).chain(starting).chain(closing).min() else {
            return false;
        };
        let now = self.clock.now();
        if next <= now {
            return true;
        }
        // A timer that is set to an earlier moment wakes the task then, and is set again: cheaper
        // than to set it anew for every deadline, of which few are ever reached. One that is past
        // and has not fired has slept through a suspend.
        if next < self.timer_at || self.timer_at <= now || self.timer.is_elapsed() {
            self.timer_at = next;
            self.timer.as_mut().reset(self.clock.instant(next).into());
        }
        self.timer.as_mut().poll(cx).is_ready()
    }
}

// ---- what it does -------------------------------------------------------------------------------

impl Task {
    /// Nodes that can be sent to.
    fn reachable(&self) -> NodeSet {
        self.nodes_where(|node| node.link.is_up())
    }

    fn nodes_where(&self, holds: impl Fn(&Node) -> bool) -> NodeSet {
        let mut set = NodeSet::EMPTY;
        for (node, at) in self.nodes.iter().zip(0..) {
            if holds(node) {
                set.insert(at);
            }
        }
        set
    }

    /// One step of one lease, and what it asks for.
    pub(super) fn step(&mut self, id: LeaseId, input: Input<Token>) {
        if let Some(work) = self.handle(id, input) {
            self.send(work);
        }
    }

    pub(super) fn handle(&mut self, id: LeaseId, input: Input<Token>) -> Option<Work> {
        let now = self.clock.now();
        let mut reachable = self.reachable();
        if matches!(input, Input::Start(_)) {
            reachable = reachable.without(self.nodes_where(Node::is_overloaded));
        }
        let guarded = self.nodes_where(|node| node.counts_from > now);
        let scene = Scene {
            moment: Moment { now, reachable, guarded },
            hopeless: self.nodes_where(Node::is_unkillable),
            witness: Witness { nodes: &self.nodes, names: &self.report.names, now },
        };
        self.leases.step(id, input, &scene)
    }

    pub(super) fn send(&mut self, work: Work) {
        let Work { id, call, key, token, adopts, ttl_ms, commands, end } = work;
        if !commands.set.is_empty() {
            self.packed.clear();
            wire::set(&mut self.packed, &key, &token, ttl_ms);
            self.send_each(commands.set, Request::Lease(id, Command::Set));
        }
        if let Some(from) = adopts.filter(|_| !commands.adopt.is_empty()) {
            self.packed.clear();
            wire::adopt(&mut self.packed, &key, &from, &token, ttl_ms);
            self.send_each(commands.adopt, Request::Lease(id, Command::Adopt));
        }
        for at in commands.extend {
            if let Some(node) = self.nodes.get_mut(usize::from(at)) {
                node.request_extend(id, |out, sha| wire::extend(out, sha, &key, &token, ttl_ms));
            }
        }
        if !commands.release.is_empty() {
            self.packed.clear();
            wire::release(&mut self.packed, &key, &token, self.listener.is_some());
            self.send_each(commands.release, Request::Lease(id, Command::Release));
        }
        if let Some(end) = end {
            self.ended(id, call, &key, end);
        }
    }

    fn send_each(&mut self, to: NodeSet, request: Request) {
        for at in to {
            if let Some(node) = self.nodes.get_mut(usize::from(at)) {
                node.request(request, |out| out.extend_from_slice(&self.packed));
            }
        }
    }

    /// The same input to every lease. KILLs that they ask for are one per connection, not per
    /// lease, and belong to [`node_up`](Self::node_up).
    pub(super) fn tell_all(&mut self, input: Input<Token>) {
        for id in self.leases.ids() {
            self.step(id, input);
        }
    }
}
