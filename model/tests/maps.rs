//! The maps are sharp: a part of each, small enough for every run of the tests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use leasehold_model::Control;
use leasehold_model::maps::{Expected, Found, MapKind, Plan, Spot, Table};

const CONTROL: Control<'_> = Control { threads: 2, progress: &|_| true, second_opinion_up_to: 0 };

/// Searches the cells of `plan` that are `wanted`; each must be as expected.
fn sharp(plan: &Plan, wanted: impl Fn(&Table, &Spot) -> bool) -> Vec<(Spot, Found)> {
    let mut searched = Vec::new();
    for table in &plan.tables {
        for spot in table.spots.iter().filter(|spot| wanted(table, spot)) {
            let found = spot.search(&CONTROL).unwrap();
            let place = format!("{}, x {}, y {}", table.title, spot.x, spot.y);
            assert!(found.is_as(spot.expected), "{place}: {:?}, {found:?}", spot.expected);
            searched.push((spot.clone(), found));
        }
    }
    searched
}

/// How many cells break and how many hold.
fn sides(searched: &[(Spot, Found)]) -> (usize, usize) {
    let breaks = searched.iter().filter(|(_, found)| found.two_holders()).count();
    (breaks, searched.len() - breaks)
}

#[test]
fn exclusion_turns_where_the_margin_meets_the_slips() {
    let searched = sharp(&MapKind::Drift.plan(), |_, spot| spot.settings.nodes == 1);
    assert_eq!(sides(&searched), (72, 63));
    let plain = searched.iter().filter(|(spot, found)| {
        let faults = &spot.settings.faults;
        let slips = i64::from(faults.node_slips + faults.client_slips);
        found.two_holders() == (spot.settings.drift_floor < slips)
    });
    // In the other three a node had to gain two ticks within a belief of two.
    assert_eq!(plain.count(), 132);
}

#[test]
fn three_nodes_turn_where_one_does() {
    let searched = sharp(&MapKind::Drift.plan(), |_, spot| {
        let faults = &spot.settings.faults;
        spot.settings.nodes == 3 && spot.settings.ttl == 2 && faults.node_slips < 2
    });
    assert_eq!(sides(&searched), (3, 1));
}

#[test]
fn exclusion_turns_where_the_last_forgotten_lease_ends() {
    let searched = sharp(&MapKind::Restart.plan(), |_, _| true);
    let broken = |mutant: bool, guard: bool| {
        let breaks = |(spot, found): &&(Spot, Found)| {
            let settings = &spot.settings;
            found.two_holders()
                && settings.mutant.is_some() == mutant
                && settings.max_ttl.is_some() == guard
        };
        searched.iter().filter(breaks).count()
    };
    assert_eq!(broken(false, true), 0);
    // Without a guard the longest TTL decides: 2, 3, 4, 3, 4, 4; with a margin one tick less.
    assert_eq!(broken(false, false), 20 + 8);
    // With the own TTL the difference does: 1 for 2 and 3, 2 for 2 and 4, 1 for 3 and 4.
    assert_eq!(broken(true, true), 4);
}

#[test]
fn the_time_outs_are_not_a_matter_of_safety() {
    let plan = MapKind::Timeout.plan();
    let searched = sharp(&plan, |_, spot| spot.settings.ttl == 3);
    assert_eq!(searched.len(), 16);
    for (spot, found) in searched {
        assert_eq!(spot.expected, Expected::HoldsFor(spot.settings.release_within));
        assert_eq!(found.longest_release, Some(spot.settings.release_within));
    }
}

#[test]
fn the_maps_are_as_large_as_they_say() {
    let cells =
        |kind: MapKind| kind.plan().tables.iter().map(|table| table.spots.len()).sum::<usize>();
    assert_eq!(MapKind::ALL.map(cells), [153, 126, 90]);
}

/// What is expected of a cell is compared, not only searched for.
#[test]
fn a_cell_that_is_not_as_expected_says_so() {
    let plan = MapKind::Drift.plan();
    let spot = &plan.tables[0].spots[0];
    let found = spot.search(&CONTROL).unwrap();
    assert!(found.is_as(Expected::Holds));
    assert!(!found.is_as(Expected::Breaks));
    assert!(!found.is_as(Expected::HoldsFor(1)));
}

#[test]
fn a_stopped_search_is_as_nothing() {
    let control = Control { progress: &|_| false, ..CONTROL };
    let plan = MapKind::Timeout.plan();
    let spot = plan.tables.last().and_then(|table| table.spots.last()).unwrap();
    let found = spot.search(&control).unwrap();
    assert!(found.truncated);
    assert!(!found.is_as(spot.expected));
}
