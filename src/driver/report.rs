//! Everything that is told about leases and nodes: logs, events and numbers, each in one place.

use std::string::{String, ToString};
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use super::clock::duration_of;
use super::connect_error::NodeError;
use super::error::{Loss, Released};
use super::events::{Event, Feed};
use super::leases::Failure;
use super::line::{Ask, Call};
use super::numbers;
use super::recording::Tape;
use super::votes::Votes;
use crate::protocol::{Instant, Micros, NodeSet};

/// What stands for a key where keys are not to be shown.
const REDACTED: &str = "(redacted)";

#[derive(Clone)]
pub(super) struct Report {
    pub(super) feed: Arc<Feed>,
    pub(super) names: Arc<[String]>,
    pub(super) redact: bool,
    pub(super) quorum: u8,
    pub(super) tape: Tape,
}

/// The key as logs and errors may show it.
pub(super) fn shown_key(key: &str, redact: bool) -> &str {
    if redact { REDACTED } else { key }
}

impl Report {
    fn key<'a>(&self, key: &'a str) -> &'a str {
        shown_key(key, self.redact)
    }

    pub(super) fn acquired(&self, key: &str, ask: Option<&Ask>, now: Micros) {
        let Some(ask) = ask else { return };
        let waited = duration_of(now.since(ask.asked_at));
        let (lease, denied) = (ask.call.0, ask.attempts);
        tracing::debug!(key = self.key(key), lease, denied, ?waited, "lease acquired");
        numbers::acquired(waited);
        self.feed.tell(|| Event::Acquired { key: key.to_string(), waited, denied });
    }

    pub(super) fn denied(&self, key: &str, call: Call, attempt: u32, votes: &Arc<Votes>) {
        tracing::debug!(key = self.key(key), lease = call.0, attempt, %votes, "attempt denied");
        numbers::denied();
        let event = || Event::Denied { key: key.to_string(), attempt, votes: (**votes).clone() };
        self.feed.tell(event);
    }

    pub(super) fn failed(&self, ask: &Ask, failure: Failure) {
        let (key, lease) = (self.key(ask.key.shown()), ask.call.0);
        tracing::debug!(key, lease, attempts = ask.attempts, ?failure, "lock not acquired");
        numbers::not_acquired();
    }

    pub(super) fn extended(&self, key: &str, call: Call, left: i64, valid_for: i64) {
        let (left, valid_for) = (duration_of(left), duration_of(valid_for));
        tracing::trace!(key = self.key(key), lease = call.0, ?left, ?valid_for, "lease renewed");
        numbers::renewed(left);
        self.feed.tell(|| Event::Extended { key: key.to_string(), left, valid_for });
    }

    pub(super) fn renewal_failed(&self, key: &str, call: Call, votes: &Arc<Votes>) {
        tracing::warn!(
            key = self.key(key),
            lease = call.0,
            %votes,
            "renewal failed; the lease is held until it runs out"
        );
        numbers::renewal_failed();
        let event = || Event::RenewalFailed { key: key.to_string(), votes: (**votes).clone() };
        self.feed.tell(event);
    }

    pub(super) fn lost(&self, key: &str, call: Call, loss: Loss, votes: Option<&Arc<Votes>>) {
        let shown = votes.map(tracing::field::display);
        tracing::warn!(key = self.key(key), lease = call.0, cause = %loss, votes = shown, "lost");
        numbers::lost(loss);
        let votes = || votes.map(|votes| (**votes).clone());
        self.feed.tell(|| Event::Lost { key: key.to_string(), loss, votes: votes() });
    }

    pub(super) fn released(&self, key: &str, call: Call, unsettled: NodeSet) {
        let (shown, lease) = (self.key(key), call.0);
        if unsettled.is_empty() {
            tracing::debug!(key = shown, lease, "lease released");
        } else {
            let nodes = self.named(unsettled);
            tracing::warn!(key = shown, lease, ?nodes, "release not acknowledged everywhere yet");
        }
        let event = || Event::Released { key: key.to_string(), unsettled: self.named(unsettled) };
        self.feed.tell(event);
    }

    pub(super) fn handed_over(&self, key: &str, call: Call) {
        tracing::debug!(key = self.key(key), lease = call.0, "lease handed over");
        self.feed.tell(|| Event::HandedOver { key: key.to_string() });
    }

    fn named(&self, nodes: NodeSet) -> Vec<String> {
        Released::new(&self.names, nodes).unsettled
    }

    pub(super) fn node_up(&self, node: &str, new_process: bool, counts_in: Option<Duration>) {
        match counts_in {
            None => tracing::info!(node, new_process, "node connected"),
            Some(wait) => tracing::warn!(
                node,
                new_process,
                counts_in = ?wait,
                "node started recently; it counts for no lease until then (restart guard)"
            ),
        }
        let node = || node.to_string();
        self.feed.tell(|| Event::NodeUp { node: node(), new_process, counts_in });
    }

    pub(super) fn node_down(&self, node: &str, error: &NodeError) {
        tracing::warn!(node, %error, "connection to node failed");
        numbers::node_failed(node);
        let event = || Event::NodeDown { node: node.to_string(), error: error.to_string() };
        self.feed.tell(event);
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;
    use std::sync::Mutex;

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Metadata, Subscriber};

    use super::*;

    /// Writes every event down as one line of fields.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<String>>>);

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            self.0 += &std::format!("{}={value:?} ", field.name());
        }
    }

    impl Subscriber for Paper {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            let mut line = Line(String::new());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn logs_name_the_lease_and_the_cause_and_the_key_unless_it_is_redacted() {
        for redact in [false, true] {
            let names = Arc::from([String::from("redis://a")]);
            let (feed, tape) = (Arc::default(), Tape::default());
            let report = Report { feed, names, redact, quorum: 1, tape };
            let paper = Paper::default();
            tracing::subscriber::with_default(paper.clone(), || {
                report.extended("orders", Call(7), 1, 2);
                report.lost("orders", Call(7), Loss::Taken, None);
                report.released("orders", Call(7), NodeSet::only(0));
            });
            let lines = paper.0.lock().unwrap();
            assert_eq!(lines.len(), 3);
            for line in lines.iter() {
                assert_eq!(line.contains("orders"), !redact, "{line}");
                assert!(line.contains("lease=7"), "{line}");
            }
            assert!(lines[1].contains("cause=the lock was taken by another"), "{}", lines[1]);
            assert!(lines[2].contains("redis://a"), "{}", lines[2]);
        }
    }
}
