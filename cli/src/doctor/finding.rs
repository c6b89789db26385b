//! What is found out about a set of servers, and what to do about it.

use std::time::Duration;

use leasehold::protocol::{Drift, Span};

use super::visit::{Trouble, Visit};

/// What the servers are to be fit for. Spans are in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// The TTL of the leases.
    pub(super) ttl: Span,
    /// The allowance for clocks.
    pub(super) drift: Drift,
    /// How long a round waits for a node.
    pub(super) node_timeout: Span,
    /// The longest TTL that the restart guard waits for; `None` if it is off.
    pub(super) guard: Option<Span>,
    /// Whether permissions were tried on a key of our own choice.
    pub(super) key_is_ours: bool,
    /// How long the clocks were watched.
    pub(super) watched: Duration,
}

/// One server, as it was named and as it was found.
pub(super) struct Node {
    /// Its URL without secrets.
    pub(super) name: String,
    /// The host and the port of the URL, where it has any.
    pub(super) host_port: Option<(String, u16)>,
    /// What came of the visit.
    pub(super) visit: Result<Visit, Trouble>,
}

/// How bad it is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Locks there exclude nobody, or cannot be had.
    Unfit,
    /// Locks hold, but something that may happen to a server goes badly.
    Warning,
    /// It passes by itself.
    Wait,
    /// Good to know.
    Note,
}

impl Level {
    /// The word for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Level::Unfit => "unfit",
            Level::Warning => "warning",
            Level::Wait => "wait",
            Level::Note => "note",
        }
    }
}

/// One thing found at one or more nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) level: Level,
    /// What was looked at: a name for machines.
    pub(super) check: &'static str,
    /// The nodes by index; all of them if empty.
    pub(super) nodes: Vec<usize>,
    /// What was found.
    pub(super) text: String,
    /// What to do.
    pub(super) advice: String,
}

impl Finding {
    /// A finding about one node.
    pub(super) fn new(
        level: Level,
        check: &'static str,
        node: usize,
        text: impl Into<String>,
        advice: impl Into<String>,
    ) -> Finding {
        Finding { level, check, nodes: vec![node], text: text.into(), advice: advice.into() }
    }
}

/// Makes one of those that differ only in their nodes, and puts the worst first.
pub(super) fn gathered(findings: Vec<Finding>) -> Vec<Finding> {
    let mut gathered: Vec<Finding> = Vec::new();
    for finding in findings {
        let same = |known: &&mut Finding| {
            (known.check, &known.text, &known.advice)
                == (finding.check, &finding.text, &finding.advice)
        };
        match gathered.iter_mut().find(same) {
            Some(known) => known.nodes.extend(finding.nodes),
            None => gathered.push(finding),
        }
    }
    gathered.sort_by_key(|finding| finding.level);
    gathered
}

/// A span for people.
pub(super) fn length(us: Span) -> String {
    let trimmed = |text: String| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    if us < 1_000_000 {
        format!("{} ms", trimmed(format!("{:.2}", us as f64 / 1e3)))
    } else {
        format!("{} s", trimmed(format!("{:.2}", us as f64 / 1e6)))
    }
}

/// Parts per billion as parts per million, for people.
pub(super) fn ppm(ppb: i64) -> String {
    let ppm = ppb as f64 / 1e3;
    if ppm.abs() < 10.0 { format!("{ppm:.1}") } else { format!("{ppm:.0}") }
}
