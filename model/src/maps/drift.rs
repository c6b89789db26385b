//! Exclusion against clocks: the drift theorem, cell by cell.
//!
//! A node whose clock gains dn ticks drops a key dn ticks early; a client whose clock loses dc
//! ticks believes dc ticks too long. Belief ends a margin of m ticks before the TTL. So exclusion
//! is lost if and only if m < dn + dc, at every TTL.
//!
//! The budgets of a scope are totals over all clocks, and any clock may lose or gain. The worst
//! that can be done with them is to spend them on two clocks: those of the first holder and of one
//! node that both majorities contain. On three nodes the first holder need not reach the third.
//!
//! One tick of time moves a clock by two ticks at most. While a holder believes, its own clock
//! moves by fewer than T - m ticks, each of which has room for one slip of the node; so a node
//! cannot gain more than T - m - 1 ticks within a belief, whatever its budget.

use leasehold::protocol::Span;

use super::{Expected, Plan, Spot, Table, settings, ticks};

/// The longest TTL of the map. `renew_every` must fit into the belief, so margins are m < T - 1.
const LONGEST: Span = 6;

pub(super) fn plan() -> Plan {
    let slips = |dc| (0..=2u8).map(move |dn| (dn, dc));
    let small = (0..=2).flat_map(slips).map(|slips| table(1, 2..=LONGEST, slips));
    let large = (0..=1).flat_map(slips).map(|slips| table(3, 2..=3, slips));
    let tables: Vec<Table> = small.chain(large).collect();
    let beyond = tables.iter().flat_map(|table| &table.spots).filter(|spot| beyond_budget(spot));
    let beyond = beyond.count();
    let cells: usize = tables.iter().map(|table| table.spots.len()).sum();
    Plan {
        title: "Two holders, by drift margin and clock slips",
        reading: vec![
            "Two clients acquire once each; the nodes' clocks may slip by dn ticks in all, the \
             clients' by dc, at any moment and in either direction."
                .to_owned(),
            "Expected: two holders if and only if m < dn + dc, at every TTL.".to_owned(),
            format!(
                "A clock gains at most one tick per tick, so within a belief of T - m ticks no \
                 node gains more than T - m - 1: where the budget is larger, that is expected \
                 instead of dn. It decides {beyond} of the {cells} cells."
            ),
            "One node has all of the arithmetic; three nodes are the cross-check, where the \
             slipping node is the one in both majorities."
                .to_owned(),
        ],
        boundary: "expected: m < dn + dc, as far as the slips fit",
        x_label: "margin m, in ticks",
        y_label: "TTL T",
        columns: 3,
        tables,
    }
}

fn table(nodes: u8, ttls: std::ops::RangeInclusive<Span>, (dn, dc): (u8, u8)) -> Table {
    let margins = 0..=ttls.end() - 2;
    let mut spots = Vec::new();
    for (y, ttl) in ttls.clone().enumerate() {
        for (x, margin) in (0..=ttl - 2).enumerate() {
            let mut settings = settings(nodes, ttl, &[None, None]);
            settings.drift_floor = margin;
            settings.faults.node_slips = dn;
            settings.faults.client_slips = dc;
            let gain = Span::from(dn).min(ttl - margin - 1);
            let breaks = margin < gain + Span::from(dc);
            let expected = if breaks { Expected::Breaks } else { Expected::Holds };
            spots.push(Spot { x, y, settings, expected });
        }
    }
    let nodes = if nodes == 1 { "1 node".to_owned() } else { format!("{nodes} nodes") };
    let title = format!("{nodes}, dn = {dn}, dc = {dc}");
    Table { title, x_ticks: ticks(margins), y_ticks: ticks(ttls), spots }
}

/// Whether the plain rule would expect something else: the node cannot use its budget here.
fn beyond_budget(spot: &Spot) -> bool {
    let faults = &spot.settings.faults;
    let slips = Span::from(faults.node_slips) + Span::from(faults.client_slips);
    let plain = spot.settings.drift_floor < slips;
    plain != (spot.expected == Expected::Breaks)
}
