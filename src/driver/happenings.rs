//! What happens at the nodes, as inputs of the leases it concerns.

use std::string::String;
use std::time::Duration;
use std::vec::Vec;

use redis::Value;

use super::clock::span_of;
use super::connect_error::NodeError;
use super::handshake::Greeting;
use super::leases::{LeaseId, forgiven};
use super::node::Request;
use super::numbers;
use super::task::Task;
use super::wire;
use crate::protocol::{Answer, Command, Input, Instant, Micros};

/// When a release that a server refused is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

impl Task {
    pub(super) fn node_up(&mut self, node: u8, greeting: Greeting) {
        let at = usize::from(node);
        let now = self.clock.now();
        if let Some(twin) = self.twin_of(at, &greeting) {
            tracing::error!(node = self.nodes[at].name, twin, "one server named twice; not used");
            // Nothing was asked on this connection yet, so nothing was left unsent.
            let _ = self.nodes[at].failed(NodeError::Duplicate(twin), now);
            return;
        }
        let new_process = self.nodes[at].greeted(greeting, now);
        self.report.tape.up(node, now, new_process);
        self.greet(at, new_process, now);
        let mut works = Vec::new();
        for id in self.leases.ids() {
            works.extend(self.handle(id, Input::Connected { node, new_process }));
        }
        let killable = if works.iter().any(|work| work.commands.kill.contains(node)) {
            let killable = self.nodes[at].kill_strays();
            self.report.tape.kills(node, self.clock.now(), self.nodes[at].kills());
            killable
        } else {
            self.nodes[at].forget_strays();
            true
        };
        for work in works {
            self.send(work);
        }
        if !killable {
            self.forgive_all(node);
        }
        self.leases.hurry(now);
    }

    fn greet(&self, at: usize, new_process: bool, now: Micros) {
        let node = &self.nodes[at];
        let wait = u64::try_from(node.counts_from.since(now)).unwrap_or(0);
        let wait = (wait > 0).then(|| Duration::from_micros(wait));
        self.report.node_up(&node.name, new_process, wait);
    }

    /// What is under way at `node` on failed connections cannot be killed. No lease waits for it
    /// where it may as well run.
    fn forgive_all(&mut self, node: u8) {
        for id in self.leases.ids() {
            self.forgive(id, node);
        }
    }

    pub(super) fn forgive(&mut self, id: LeaseId, node: u8) {
        if self.leases.may_forgive(id, node) {
            self.step(id, forgiven(node));
        }
    }

    /// The name of another node in use that is the same server process.
    fn twin_of(&self, at: usize, greeting: &Greeting) -> Option<String> {
        let run_id = greeting.run_id.as_deref()?;
        let others = self.nodes.iter().enumerate().filter(|&(other, _)| other != at);
        others
            .map(|(_, node)| node)
            .find(|node| node.run_id() == Some(run_id))
            .map(|node| node.name.clone())
    }

    pub(super) fn node_down(&mut self, node: u8, error: NodeError, used: bool) {
        let failed = &mut self.nodes[usize::from(node)];
        if used {
            self.report.node_down(&failed.name, &error);
        } else {
            tracing::debug!(node = failed.name, %error, "node not usable yet");
        }
        let now = self.clock.now();
        let unsent = failed.failed(error, now);
        if !used {
            return;
        }
        self.report.tape.down(node, now);
        for (id, command) in unsent {
            self.step(id, Input::Answer { node, command, answer: Answer::NotSent });
        }
        self.tell_all(Input::Reset { node });
    }

    pub(super) fn reply(&mut self, node: u8, reply: &Value) {
        let answering = &mut self.nodes[usize::from(node)];
        let answered = answering.answered();
        let understood = match answered {
            None => false,
            Some(Request::Load) => {
                answering.script_loaded();
                true
            }
            Some(Request::Kill) => self.killed(node, reply),
            Some(Request::Lease(id, command)) => self.lease_reply(node, id, command, reply),
        };
        if !understood {
            // What the request did is unknown, as for all the others on this connection.
            self.nodes[usize::from(node)].put_back(answered);
            self.node_down(node, NodeError::Protocol, true);
        }
    }

    fn killed(&mut self, node: u8, reply: &Value) -> bool {
        let Some(answer) = wire::kill_answer(reply) else {
            return false;
        };
        self.report.tape.killed(node, self.clock.now(), answer);
        let killing = &mut self.nodes[usize::from(node)];
        let refused = answer == Answer::Refused;
        if refused {
            let reply = wire::text(reply);
            tracing::warn!(
                node = killing.name,
                reply,
                "CLIENT KILL refused: what was under way on the failed connection may still run"
            );
        }
        match killing.killed(!refused) {
            None => {}
            Some(true) => self.tell_all(Input::Answer { node, command: Command::Kill, answer }),
            Some(false) => self.forgive_all(node),
        }
        true
    }

    fn lease_reply(&mut self, node: u8, id: LeaseId, command: Command, reply: &Value) -> bool {
        let answer = match command {
            Command::Set => wire::set_answer(reply),
            Command::Adopt | Command::Extend | Command::Release => wire::script_answer(reply),
            Command::Kill => wire::kill_answer(reply),
        };
        let Some(answer) = answer else {
            return false;
        };
        let answering = &mut self.nodes[usize::from(node)];
        if answer == Answer::Refused {
            let words = wire::text(reply);
            tracing::warn!(node = answering.name, ?command, reply = words, "command refused");
            numbers::node_refused(&answering.name);
            answering.refusal = Some(words);
            if wire::is_noscript(reply) {
                answering.load_script();
            }
            if command == Command::Release && answering.try_again_at.is_none() {
                answering.try_again_at = Some(self.clock.now().plus(span_of(TRY_AGAIN)));
            }
        }
        self.step(id, Input::Answer { node, command, answer });
        true
    }
}
