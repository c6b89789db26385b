//! Waiting for the nodes when a client is made.

use std::ops::ControlFlow;
use std::time::Duration;
use std::vec::Vec;

use tokio::sync::oneshot;

use super::clock::span_of;
use super::connect_error::{ConnectError, NodeError};
use super::node::Node;
use crate::protocol::{Instant, Micros, Rules, Sound};

/// How long the others are waited for once a quorum is there, so that a mistake in their URLs
/// shows at once and a server that is down does not matter.
const GRACE: Duration = Duration::from_millis(250);

/// Somebody waits for the client to be usable.
pub(super) struct Starting {
    patience: Duration,
    until: Micros,
    quorum_until: Option<Micros>,
    reply: oneshot::Sender<Result<(), ConnectError>>,
}

impl Starting {
    pub(super) fn new(
        patience: Duration,
        now: Micros,
        reply: oneshot::Sender<Result<(), ConnectError>>,
    ) -> Starting {
        let until = now.plus(span_of(patience));
        Starting { patience, until, quorum_until: None, reply }
    }

    pub(super) fn deadline(&self) -> Micros {
        self.quorum_until.map_or(self.until, |quorum_until| quorum_until.min(self.until))
    }

    /// Looks at the nodes: still starting, started, or failed, which ends the client.
    pub(super) fn look(
        mut self,
        nodes: &mut [Node],
        now: Micros,
    ) -> (ControlFlow<()>, Option<Starting>) {
        if self.reply.is_closed() {
            return (ControlFlow::Break(()), None);
        }
        if let Some(error) = duplicate(nodes) {
            return self.fail(error);
        }
        let ready = nodes.iter().filter(|node| node.link.is_up()).count();
        let quorum = Sound.quorum(u8::try_from(nodes.len()).unwrap_or(u8::MAX));
        let heard = |node: &Node| node.link.is_up() || node.error.is_some();
        if ready >= usize::from(quorum) {
            let until = *self.quorum_until.get_or_insert(now.plus(span_of(GRACE)));
            if nodes.iter().all(heard) || now >= until.min(self.until) {
                // Nobody waits any more: then the mailbox closes too, and the task ends by that.
                let _ = self.reply.send(Ok(()));
                return (ControlFlow::Continue(()), None);
            }
            return (ControlFlow::Continue(()), Some(self));
        }
        self.quorum_until = None;
        if now >= self.until {
            let waited = self.patience;
            let nodes = nodes.iter_mut().map(|node| (node.name.clone(), reason(node, waited)));
            let error = ConnectError::Unreachable { ready, waited, nodes: Vec::from_iter(nodes) };
            return self.fail(error);
        }
        (ControlFlow::Continue(()), Some(self))
    }

    fn fail(self, error: ConnectError) -> (ControlFlow<()>, Option<Starting>) {
        // Nobody waits any more: the task ends all the same.
        let _ = self.reply.send(Err(error));
        (ControlFlow::Break(()), None)
    }
}

fn reason(node: &mut Node, waited: Duration) -> Option<NodeError> {
    if node.link.is_up() {
        return None;
    }
    Some(node.error.take().unwrap_or(NodeError::Silent(waited)))
}

fn duplicate(nodes: &[Node]) -> Option<ConnectError> {
    nodes.iter().find_map(|node| match &node.error {
        Some(NodeError::Duplicate(first)) => {
            Some(ConnectError::DuplicateNode { first: first.clone(), second: node.name.clone() })
        }
        _ => None,
    })
}
