//! What was found, for machines. Every number is an integer and names its unit.

use serde_json::{Value, json};

use super::Report;
use super::clock::{self, Bounds, Rate};
use super::finding::Node;
use super::replies::Role;
use super::timing::tolerated_ppb;
use super::uptime::start;
use super::visit::Visit;
use crate::exit::Failure;

/// The whole report.
pub(super) fn json(report: &Report) -> Result<String, Failure> {
    let terms = report.terms;
    let start = start(report.nodes, terms);
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "level": finding.level.name(),
                "check": finding.check,
                "nodes": finding.nodes.iter().map(|&at| &report.nodes[at].name).collect::<Vec<_>>(),
                "text": finding.text,
                "advice": finding.advice,
            })
        })
        .collect();
    let value = json!({
        "fit": report.is_fit(),
        "leases_can_start_in_s": start.and_then(|start| start.wait_s),
        "terms": {
            "ttl_us": terms.ttl,
            "drift_us": terms.drift.allowance(terms.ttl),
            "tolerated_ppb": tolerated_ppb(terms),
            "node_timeout_us": terms.node_timeout,
            "max_ttl_us": terms.guard,
            "restart_guard": terms.guard.is_some(),
        },
        "nodes": report.nodes.iter().map(node).collect::<Vec<_>>(),
        "findings": findings,
    });
    serde_json::to_string_pretty(&value).map_err(Failure::Unwritable)
}

fn node(node: &Node) -> Value {
    match &node.visit {
        Ok(visit) => found(&node.name, visit),
        Err(why) => json!({ "node": node.name, "reachable": false, "error": why }),
    }
}

fn found(name: &str, visit: &Visit) -> Value {
    let facts = &visit.facts;
    let (make, version) = facts.server.as_ref().map(|it| (&it.make, &it.version)).unzip();
    let (replica_of, replicas) = match &facts.role {
        Some(Role::Replica { host, port }) => (Some(format!("{host}:{port}")), None),
        Some(Role::Primary { replicas }) => (None, Some(replicas)),
        None => (None, None),
    };
    let trips = clock::round_trips(&visit.samples);
    let us = |ns: i64| ns / 1_000;
    let refused: Vec<Value> = visit
        .refused
        .iter()
        .map(|(command, why)| json!({ "command": command, "why": why }))
        .collect();
    json!({
        "node": name,
        "reachable": visit.broke_off.is_none(),
        "error": visit.broke_off,
        "run_id": facts.run_id,
        "server": make,
        "version": version,
        "mode": facts.mode,
        "uptime_s": facts.uptime_s,
        "port": facts.port,
        "role": facts.role.as_ref().map(Role::name),
        "replica_of": replica_of,
        "replicas": replicas,
        "maxmemory": facts.max_memory,
        "maxmemory_policy": facts.policy,
        "evicts": facts.evicts(),
        "persistence": facts.kept.map(super::replies::Kept::name),
        "refused": refused,
        "round_trip_us": trips.map(|trips| json!({
            "min": us(trips.min_ns), "median": us(trips.median_ns), "max": us(trips.max_ns),
            "answers": visit.samples.len(),
        })),
        "clock": clock(visit),
    })
}

fn clock(visit: &Visit) -> Value {
    let pair = |bounds: Bounds| json!({ "least": bounds.least, "most": bounds.most });
    let (rate, step_us) = match clock::rate(&visit.samples) {
        Some(Rate::Steady(bounds)) => (Some(pair(bounds)), None),
        Some(Rate::Stepped(by_us)) => (None, Some(by_us)),
        None => (None, None),
    };
    json!({
        "rate_ppb": rate,
        "step_us": step_us,
        "offset_us": clock::offset_us(&visit.samples).map(pair),
    })
}
