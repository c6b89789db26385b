//! Whether a set of servers is fit to hold locks: judged from what visits brought home.

use super::finding::{Finding, Level, Node, Terms, gathered};
use super::replies::{Kept, Role, Server};
use super::visit::Visit;
use super::{permissions, timing, uptime};

/// Everything that is to be said about `nodes`, the worst first.
pub(super) fn judge(nodes: &[Node], terms: &Terms) -> Vec<Finding> {
    let mut findings = duplicates(nodes);
    findings.extend(how_many(nodes.len()));
    for (at, node) in nodes.iter().enumerate() {
        match &node.visit {
            Ok(visit) => {
                findings.extend(mode(at, visit));
                findings.extend(replication(at, visit, nodes));
                findings.extend(eviction(at, visit));
                findings.extend(permissions::judge(at, visit, terms.key_is_ours));
                findings.extend(persistence(at, visit, terms.guard.is_some()));
                findings.extend(version(at, visit));
                findings.extend(timing::judge(at, visit, terms));
            }
            Err(why) => findings.push(Finding::new(
                Level::Unfit,
                "reachable",
                at,
                format!("cannot be used: {why}"),
                "start it, or correct its URL, its password or the firewall",
            )),
        }
    }
    findings.extend(uptime::judge(nodes, terms));
    gathered(findings)
}

fn how_many(count: usize) -> Option<Finding> {
    let text = match count {
        1 => "one node: no lock can be had while it is down",
        _ if count.is_multiple_of(2) => "an even number of nodes survives no more than one fewer",
        _ => return None,
    };
    let advice = "3 or 5 independent servers are customary".to_owned();
    let nodes = Vec::new();
    Some(Finding { level: Level::Note, check: "count", nodes, text: text.to_owned(), advice })
}

/// One server under several names is one vote counted several times.
fn duplicates(nodes: &[Node]) -> Vec<Finding> {
    let identity = |node: &Node| -> Option<String> {
        node.visit.as_ref().ok().and_then(|visit| visit.facts.run_id.clone())
    };
    let mut found: Vec<Finding> = Vec::new();
    for (at, node) in nodes.iter().enumerate() {
        // One name is one server, also if it does not say which.
        let same = |other: &Node| {
            other.name == node.name || identity(other).is_some_and(|id| identity(node) == Some(id))
        };
        let first = nodes.iter().position(same).unwrap_or(at);
        if first == at {
            continue;
        }
        match found.iter_mut().find(|finding| finding.nodes.contains(&first)) {
            Some(finding) => finding.nodes.push(at),
            None => found.push(Finding {
                nodes: vec![first, at],
                ..Finding::new(
                    Level::Unfit,
                    "distinct",
                    at,
                    format!(
                        "one server under several names: {} and {}",
                        nodes[first].name, node.name
                    ),
                    "name each server once; the nodes of a lock must fail independently",
                )
            }),
        }
    }
    found
}

pub(super) fn mode(at: usize, visit: &Visit) -> Option<Finding> {
    let mode = visit.facts.mode.as_deref().filter(|&mode| mode != "standalone")?;
    let text = format!("runs in {mode} mode");
    Some(Finding::new(Level::Unfit, "mode", at, text, "name single, independent servers"))
}

fn replication(at: usize, visit: &Visit, nodes: &[Node]) -> Option<Finding> {
    match visit.facts.role.as_ref()? {
        Role::Primary { replicas: 0 } => None,
        Role::Primary { replicas } => Some(Finding::new(
            Level::Warning,
            "replication",
            at,
            format!("is copied by {replicas} replica(s): one that takes over has not every lock"),
            "let no replica of a lock server take over from it, by Sentinel or by hand",
        )),
        Role::Replica { host, port } => {
            let copied = |other: &&Node| {
                let by_url = other.host_port.as_ref().is_some_and(|(other_host, other_port)| {
                    other_host == host && other_port.to_string() == *port
                });
                let by_history = other.visit.as_ref().is_ok_and(|other| {
                    matches!(other.facts.role, Some(Role::Primary { .. }))
                        && other.facts.history.is_some()
                        && other.facts.history == visit.facts.history
                });
                by_url || by_history
            };
            let of = match nodes.iter().find(copied) {
                Some(other) => format!("{}, which is a node as well", other.name),
                None => format!("{host}:{port}"),
            };
            Some(Finding::new(
                Level::Unfit,
                "replication",
                at,
                format!("is a replica of {of}"),
                "name an independent server in its place, or make it one: REPLICAOF NO ONE",
            ))
        }
    }
}

fn eviction(at: usize, visit: &Visit) -> Option<Finding> {
    let facts = &visit.facts;
    let Some(evicts) = facts.evicts() else {
        return Some(Finding::new(
            Level::Warning,
            "eviction",
            at,
            "does not say whether it evicts keys when its memory is full",
            "make sure that maxmemory-policy is noeviction",
        ));
    };
    if facts.policy_evicts() != Some(true) {
        return None;
    }
    let policy = facts.policy.as_deref().unwrap_or_default();
    let remedy = "CONFIG SET maxmemory-policy noeviction, and in its configuration file; or a \
                  server of its own for locks";
    Some(if evicts {
        let text = format!(
            "evicts locks when memory is full: maxmemory {}, maxmemory-policy {policy}",
            facts.max_memory.unwrap_or(0)
        );
        Finding::new(Level::Unfit, "eviction", at, text, remedy)
    } else {
        let text = format!("would evict locks ({policy}) if it had a maxmemory, which it has not");
        Finding::new(Level::Note, "eviction", at, text, remedy)
    })
}

fn persistence(at: usize, visit: &Visit, guarded: bool) -> Option<Finding> {
    let (text, forgets) = match visit.facts.kept {
        Some(Kept::All) => return None,
        Some(Kept::ButSeconds) => {
            ("appendfsync everysec: a loss of power loses the locks of the last two seconds", false)
        }
        Some(Kept::ButUnwritten) => {
            ("appendfsync no: a loss of power loses the locks of the last half minute", false)
        }
        Some(Kept::Log) => ("keeps a log, but does not say how: a crash may lose locks", false),
        Some(Kept::Snapshot) => {
            ("keeps snapshots only: a crash loses the locks taken since the last one", true)
        }
        Some(Kept::Nothing) => ("keeps nothing on disk: a crash loses every lock", true),
        None => ("does not say what it keeps on disk: a crash may lose locks", false),
    };
    let (level, advice) = match (guarded, forgets) {
        (true, false) if visit.facts.kept.is_some() => {
            (Level::Note, "the restart guard makes up for it: keep it on at all clients")
        }
        (true, _) => (
            Level::Warning,
            "keep the restart guard on at all clients, it makes up for it; or set appendonly yes \
             and appendfsync always",
        ),
        (false, true) => (
            Level::Unfit,
            "turn the restart guard on at all clients, or set appendonly yes and appendfsync \
             always",
        ),
        (false, false) => {
            (Level::Warning, "turn the restart guard on at all clients, or set appendfsync always")
        }
    };
    Some(Finding::new(level, "persistence", at, text, advice))
}

fn version(at: usize, visit: &Visit) -> Option<Finding> {
    let server = visit.facts.server.as_ref()?;
    let finding = |level, text: String| {
        Some(Finding::new(
            level,
            "version",
            at,
            text,
            "Redis 6.2 to 8 and Valkey 7.2 to 8 are known to do",
        ))
    };
    let Server { make, version } = server;
    match server.number() {
        Some((9.., _)) => finding(Level::Note, format!("runs {server}, newer than was tried")),
        Some(number) if number < (6, 2) => {
            finding(Level::Warning, format!("runs {server}, older than was tried"))
        }
        Some(_) => None,
        None => finding(Level::Note, format!("runs {make} of an unknown version, {version}")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::replies::Facts;
    use super::*;
    use leasehold::protocol::{Drift, Span};
    use proptest::prelude::*;
    use std::time::Duration;

    pub(in super::super) fn terms(guard: Option<Span>) -> Terms {
        let drift = Drift { factor_ppm: 10_000, floor: 2_000 };
        Terms {
            ttl: 10_000_000,
            drift,
            node_timeout: 500_000,
            guard,
            key_is_ours: true,
            watched: Duration::from_secs(3),
        }
    }

    /// Servers beyond reproach, but for what `change` does to each.
    pub(in super::super) fn nodes(count: usize, change: impl Fn(usize, &mut Facts)) -> Vec<Node> {
        let node = |at: usize| {
            let mut facts = Facts {
                run_id: Some(format!("run {at}")),
                server: Some(Server { make: "redis".to_owned(), version: "7.0.15".to_owned() }),
                mode: Some("standalone".to_owned()),
                uptime_s: Some(86_400),
                role: Some(Role::Primary { replicas: 0 }),
                history: Some(format!("history {at}")),
                port: Some(6379),
                max_memory: Some(0),
                policy: Some("noeviction".to_owned()),
                kept: Some(Kept::All),
            };
            change(at, &mut facts);
            let visit = Ok(Visit { facts, ..Visit::default() });
            let name = format!("redis://h{at}:6379");
            Node { name, host_port: Some((format!("h{at}"), 6379)), visit }
        };
        (0..count).map(node).collect()
    }

    pub(in super::super) fn found(
        nodes: &[Node],
        guard: Option<Span>,
    ) -> Vec<(Level, &'static str, Vec<usize>)> {
        let findings = judge(nodes, &terms(guard));
        findings.into_iter().map(|found| (found.level, found.check, found.nodes)).collect()
    }

    #[test]
    fn nothing_is_said_of_what_is_well() {
        assert_eq!(found(&nodes(3, |_, _| ()), None), []);
    }

    #[test]
    fn what_a_crash_loses_weighs_as_the_guard_is() {
        for (kept, guarded, alone) in [
            (Some(Kept::All), None, None),
            (Some(Kept::ButSeconds), Some(Level::Note), Some(Level::Warning)),
            (Some(Kept::ButUnwritten), Some(Level::Note), Some(Level::Warning)),
            (Some(Kept::Log), Some(Level::Note), Some(Level::Warning)),
            (Some(Kept::Snapshot), Some(Level::Warning), Some(Level::Unfit)),
            (Some(Kept::Nothing), Some(Level::Warning), Some(Level::Unfit)),
            (None, Some(Level::Warning), Some(Level::Warning)),
        ] {
            let nodes = nodes(3, |_, facts| facts.kept = kept);
            let level = |guard| judge(&nodes, &terms(guard)).first().map(|found| found.level);
            assert_eq!((level(Some(30_000_000)), level(None)), (guarded, alone), "{kept:?}");
        }
    }

    #[test]
    fn versions_that_were_not_tried_are_told() {
        for (version, level) in [
            ("5.0.14", Some(Level::Warning)),
            ("6.0.16", Some(Level::Warning)),
            ("6.2.14", None),
            ("8.2.1", None),
            ("9.0.0", Some(Level::Note)),
            ("255.255.255", Some(Level::Note)),
            ("unstable", Some(Level::Note)),
        ] {
            let nodes = nodes(3, |_, facts| {
                facts.server =
                    Some(Server { make: "redis".to_owned(), version: version.to_owned() });
            });
            let found = judge(&nodes, &terms(None));
            assert_eq!(found.first().map(|found| found.level), level, "{version}");
        }
    }

    #[test]
    fn clusters_and_sentinels_are_unfit() {
        for mode in ["cluster", "sentinel"] {
            let nodes = nodes(3, |_, facts| facts.mode = Some(mode.to_owned()));
            assert_eq!(found(&nodes, None), [(Level::Unfit, "mode", vec![0, 1, 2])]);
        }
    }

    proptest! {
        #[test]
        fn servers_that_share_an_identity_are_found_and_no_others(
            identities in proptest::collection::vec(0..4_u8, 1..9),
        ) {
            let nodes = nodes(identities.len(), |at, facts| {
                facts.run_id = Some(identities[at].to_string());
            });
            let mut named = vec![0; identities.len()];
            for (level, check, nodes) in found(&nodes, None) {
                if check == "distinct" {
                    prop_assert_eq!(level, Level::Unfit);
                    prop_assert!(nodes.iter().all(|&at| identities[at] == identities[nodes[0]]));
                    nodes.iter().for_each(|&at| named[at] += 1);
                }
            }
            for (at, identity) in identities.iter().enumerate() {
                let shared = identities.iter().filter(|other| *other == identity).count() > 1;
                prop_assert_eq!(named[at], usize::from(shared));
            }
        }

        #[test]
        fn the_worst_comes_first(uptime_s in 0..60_u64, kept in 0..2_u8, evicts in any::<bool>()) {
            let nodes = nodes(4, |_, facts| {
                facts.uptime_s = Some(uptime_s);
                facts.kept = Some(if kept == 0 { Kept::Nothing } else { Kept::ButSeconds });
                facts.max_memory = Some(1);
                facts.policy = Some(if evicts { "allkeys-lru" } else { "noeviction" }.to_owned());
            });
            let levels: Vec<Level> =
                found(&nodes, Some(30_000_000)).into_iter().map(|found| found.0).collect();
            prop_assert!(levels.is_sorted());
            prop_assert_eq!(levels[0] == Level::Unfit, evicts);
        }
    }
}
