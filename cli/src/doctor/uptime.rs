//! How long the servers have been up, and what the restart guard makes of it.

use leasehold::protocol::guard::{certain_uptime_s, counts_from, quorum_counts_in};
use leasehold::protocol::{Micros, Rules, Sound, Span};

use super::finding::{Finding, Level, Node, Terms, length};

/// What the nodes answered to a majority, and when the restart guard lets them count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// How many nodes the guard does not count yet.
    pub(super) waiting: usize,
    /// In how many seconds a majority counts; `None` if fewer have told their uptime.
    pub(super) wait_s: Option<i64>,
}

/// When the restart guard lets leases start; nothing without the guard.
pub(super) fn start(nodes: &[Node], terms: &Terms) -> Option<Start> {
    let max_ttl = terms.guard?;
    let mut waits: Vec<i64> = nodes.iter().filter_map(|node| wait_s(node, max_ttl)).collect();
    let quorum = Sound.quorum(u8::try_from(nodes.len()).unwrap_or(u8::MAX));
    Some(Start {
        waiting: waits.iter().filter(|&&wait_s| wait_s > 0).count(),
        wait_s: quorum_counts_in(&mut waits, quorum),
    })
}

/// In how many seconds a node counts, rounded up.
fn wait_s(node: &Node, max_ttl: Span) -> Option<i64> {
    const SECOND: Span = 1_000_000;
    let told_s = i64::try_from(uptime_s(node)?).unwrap_or(i64::MAX);
    let uptime = certain_uptime_s(told_s).saturating_mul(SECOND);
    let Micros(wait) = counts_from(Micros(0), uptime, max_ttl);
    Some(wait.saturating_add(SECOND - 1) / SECOND)
}

fn uptime_s(node: &Node) -> Option<u64> {
    node.visit.as_ref().ok()?.facts.uptime_s
}

/// Which nodes are so young that the guard does not count them yet.
pub(super) fn judge(nodes: &[Node], terms: &Terms) -> Option<Finding> {
    let (max_ttl, start) = (terms.guard?, start(nodes, terms)?);
    let waits = |at: &usize| wait_s(&nodes[*at], max_ttl).is_some_and(|wait_s| wait_s > 0);
    let fresh: Vec<usize> = (0..nodes.len()).filter(waits).collect();
    let ups = || fresh.iter().filter_map(|&at| uptime_s(&nodes[at]));
    let (youngest, oldest) = (ups().min()?, ups().max()?);
    let ago = if youngest == oldest {
        format!("{youngest} s ago")
    } else {
        format!("{youngest} to {oldest} s ago")
    };
    let then = match start.wait_s {
        Some(0) => "the others are enough until it counts".to_owned(),
        Some(wait_s) => format!("leases can start in {wait_s} s"),
        None => "no majority has told its uptime".to_owned(),
    };
    let text = format!("{} of {} nodes started {ago}; {then}", start.waiting, nodes.len());
    let advice = format!(
        "nothing to do: the restart guard lets leases of up to {} end that a server may have \
         forgotten",
        length(max_ttl)
    );
    Some(Finding { level: Level::Wait, check: "uptime", nodes: fresh, text, advice })
}

#[cfg(test)]
mod tests {
    use super::super::judge::tests::{found, nodes, terms};
    use super::*;

    #[test]
    fn four_seconds_of_thirty_leave_twenty_seven() {
        // Thirty, and one more because an uptime in whole seconds may be too long.
        let nodes = nodes(3, |_, facts| facts.uptime_s = Some(4));
        let text = &judge(&nodes, &terms(Some(30_000_000))).unwrap().text;
        assert_eq!(text, "3 of 3 nodes started 4 s ago; leases can start in 27 s");
    }

    #[test]
    fn a_majority_of_old_nodes_need_not_wait() {
        let young = |count: usize| {
            nodes(5, move |at, facts| {
                facts.uptime_s = Some(if at < count { u64::try_from(at).unwrap() } else { 86_400 });
            })
        };
        let wait = |count| start(&young(count), &terms(Some(30_000_000))).unwrap();
        assert_eq!(wait(2), Start { waiting: 2, wait_s: Some(0) });
        assert_eq!(wait(3), Start { waiting: 3, wait_s: Some(29) });
        assert_eq!(found(&young(2), Some(30_000_000)), [(Level::Wait, "uptime", vec![0, 1])]);
        assert_eq!(start(&young(5), &terms(None)), None);
    }
}
