//! The one task of a client. It owns every socket, every lease and the only timer; handles talk to
//! it through a mailbox and look at what it publishes.
//!
//! It decides nothing about leases: it hands inputs to [`Lease::handle`](crate::protocol::Lease)
//! and carries out the commands that come back.

use std::boxed::Box;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec::Vec;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Sleep;

use super::clock::Clock;
use super::leases::{LeaseId, Leases, Standing, Work};
use super::link::Happening;
use super::node::{Node, Request};
use super::starting::Starting;
use super::token::Token;
use super::wire;
use crate::protocol::{Command, Config, Input, Instant, Micros, Moment, NodeSet};

/// What handles say to the task.
pub(super) enum Mail {
    /// Attempt to acquire `key`.
    Start { id: LeaseId, key: Arc<str>, token: Token, standing: watch::Sender<Standing> },
    /// End the lease, whatever has become of it.
    Stop { id: LeaseId },
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
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) nodes: Vec<Node>,
    starting: Option<Starting>,
    mailbox: Option<mpsc::UnboundedReceiver<Mail>>,
    pub(super) leases: Leases,
    closing: Option<Closing>,
    timer: Pin<Box<Sleep>>,
    timer_at: Micros,
}

impl Task {
    /// To be called within a tokio runtime.
    pub(super) fn new(
        config: Config,
        clock: Clock,
        nodes: Vec<Node>,
        starting: Starting,
        mailbox: mpsc::UnboundedReceiver<Mail>,
    ) -> Task {
        let now = clock.now();
        Task {
            config,
            clock,
            nodes,
            starting: Some(starting),
            mailbox: Some(mailbox),
            leases: Leases::default(),
            closing: None,
            timer: Box::pin(tokio::time::sleep_until(clock.instant(now).into())),
            timer_at: now,
        }
    }
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = &mut *self;
        loop {
            let mut moved = task.drive_mailbox(cx);
            moved |= task.drive_deadlines();
            moved |= task.drive_nodes(cx);
            if task.drive_starting().is_break() || task.drive_closing().is_break() {
                return Poll::Ready(());
            }
            if !moved && !task.drive_timer(cx) {
                return Poll::Pending;
            }
        }
    }
}

// ---- what wakes it ------------------------------------------------------------------------------

impl Task {
    fn drive_mailbox(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        while let Some(mailbox) = &mut self.mailbox {
            let Poll::Ready(mail) = mailbox.poll_recv(cx) else {
                break;
            };
            moved = true;
            match mail {
                Some(Mail::Start { id, key, token, standing }) if self.closing.is_none() => {
                    self.leases.insert(id, key, standing);
                    self.step(id, Input::Start(token));
                }
                // Its handle sees that nobody is there to answer.
                Some(Mail::Start { .. }) => {}
                Some(Mail::Stop { id }) => self.stop(id),
                Some(Mail::Shutdown { done }) => self.close().asked_by.push(done),
                None => {
                    self.mailbox = None;
                    self.close();
                }
            }
        }
        moved
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
            for id in self.leases.ids() {
                self.stop(id);
            }
        }
        // The last of them may have been told to stop only now, and has this long to be released.
        let until = self.clock.now().plus(self.config.settings().release_within);
        let closing = self.closing.get_or_insert_default();
        closing.until = until;
        closing
    }

    fn drive_deadlines(&mut self) -> bool {
        let mut moved = false;
        while let Some((at, id)) = self.leases.next() {
            if at > self.clock.now() {
                break;
            }
            moved = true;
            self.step(id, Input::Tick);
        }
        moved
    }

    fn drive_nodes(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        for at in 0..self.nodes.len() {
            let node = at as u8;
            while let Poll::Ready(happening) = self.nodes[at].poll(cx, self.clock.now()) {
                moved = true;
                match happening {
                    Happening::Up(greeting) => self.node_up(node, greeting),
                    Happening::Reply(reply) => self.reply(node, &reply),
                    Happening::Down { error, used } => self.node_down(node, error, used),
                }
            }
            if self.nodes[at].try_again_at.is_some_and(|due| due <= self.clock.now()) {
                moved = true;
                self.nodes[at].try_again_at = None;
                self.tell_all(Input::Connected { node, new_process: false });
            }
        }
        moved
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
        let now = self.clock.now();
        let over = |closing: &mut Closing| self.leases.is_empty() || now >= closing.until;
        let Some(closing) = self.closing.take_if(over) else {
            return std::ops::ControlFlow::Continue(());
        };
        for done in closing.asked_by {
            // Whoever asked may have stopped waiting.
            let _ = done.send(self.leases.unsettled());
        }
        std::ops::ControlFlow::Break(())
    }

    /// Whether the next deadline has come. Otherwise the one timer is set to it.
    fn drive_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let nodes = self.nodes.iter().filter_map(Node::deadline);
        let lease = self.leases.next().map(|(at, _)| at);
        let starting = self.starting.as_ref().map(Starting::deadline);
        let closing = self.closing.as_ref().map(|closing| closing.until);
        let Some(next) = nodes.chain(lease).chain(starting).chain(closing).min() else {
            return false;
        };
        if next <= self.clock.now() {
            return true;
        }
        if next != self.timer_at || self.timer.is_elapsed() {
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
            self.send(&work);
        }
    }

    pub(super) fn handle(&mut self, id: LeaseId, input: Input<Token>) -> Option<Work> {
        let mut reachable = self.reachable();
        if matches!(input, Input::Start(_)) {
            reachable = reachable.without(self.nodes_where(Node::is_overloaded));
        }
        let hopeless = self.nodes_where(Node::is_unkillable);
        let moment = Moment { now: self.clock.now(), reachable, guarded: NodeSet::EMPTY };
        self.leases.step(id, &self.config, moment, input, hopeless)
    }

    pub(super) fn send(&mut self, work: &Work) {
        let Work { id, key, token, commands } = work;
        let ttl_ms = self.config.ttl() / 1000;
        let mut packed = Vec::new();
        if !commands.set.is_empty() {
            wire::set(&mut packed, key, token, ttl_ms);
            self.send_each(commands.set, Request::Lease(*id, Command::Set), &packed);
        }
        for (node, at) in self.nodes.iter_mut().zip(0..) {
            if commands.extend.contains(at) {
                let sha = node.sha();
                let request = Request::Lease(*id, Command::Extend);
                node.request(request, |out| wire::extend(out, &sha, key, token, ttl_ms));
            }
        }
        if !commands.release.is_empty() {
            packed.clear();
            wire::release(&mut packed, key, token);
            self.send_each(commands.release, Request::Lease(*id, Command::Release), &packed);
        }
    }

    fn send_each(&mut self, to: NodeSet, request: Request, packed: &[u8]) {
        for (node, at) in self.nodes.iter_mut().zip(0..) {
            if to.contains(at) {
                node.request(request, |out| out.extend_from_slice(packed));
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
