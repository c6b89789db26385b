//! Maps of verdicts.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use leasehold_draw::{Cell, Facet, Map, MapError, Tone};
use roxmltree::Document;

fn numbers(below: usize) -> Vec<String> {
    (0..below).map(|number| number.to_string()).collect()
}

/// Broken where the clocks' errors exceed the margin.
fn facet(margin: usize, found: impl Fn(usize, usize) -> Option<Tone>) -> Facet {
    let mut cells = Vec::new();
    for x in 0..3 {
        for y in 0..3 {
            let expected = if margin < x + y { Tone::Broken } else { Tone::Holds };
            let found = found(x, y).unwrap_or(expected);
            let label = format!("{}\nsteps", 20 + x * y);
            cells.push(Cell { x, y, found, expected: Some(expected), label });
        }
    }
    let title = format!("margin {margin}");
    Facet { title, x_ticks: numbers(3), y_ticks: numbers(3), cells }
}

fn map(facets: Vec<Facet>) -> Map {
    Map {
        title: "Drift & exclusion".to_owned(),
        subtitle: "broken where margin < dn + dc".to_owned(),
        x_label: "dn".to_owned(),
        y_label: "dc".to_owned(),
        columns: 2,
        facets,
        legend: vec![
            (Tone::Holds, "holds".to_owned()),
            (Tone::Broken, "broken".to_owned()),
            (Tone::Unknown, "not known".to_owned()),
        ],
        boundary: "margin = dn + dc".to_owned(),
    }
}

/// How many thick lines a picture has.
fn thick(picture: &str) -> usize {
    let document = Document::parse(picture).unwrap();
    let thick = |node: &roxmltree::Node<'_, '_>| node.attribute("stroke-width") == Some("4");
    document.descendants().filter(thick).count()
}

#[test]
fn a_map_is_well_formed_and_the_same_every_time() {
    let map = map((0..3).map(|margin| facet(margin, |_, _| None)).collect());
    let picture = map.draw().unwrap();
    assert_eq!(map.draw().unwrap(), picture);
    let document = Document::parse(&picture).unwrap();
    let texts: Vec<&str> = (document.descendants().filter(|node| node.has_tag_name("text")))
        .filter_map(|node| node.text())
        .map(str::trim)
        .collect();
    for text in ["Drift & exclusion", "margin 0", "margin 2", "20", "24", "holds", "broken"] {
        assert!(texts.contains(&text), "{text}: {texts:?}");
    }
    assert_eq!(texts.iter().filter(|text| **text == "steps").count(), 27);
}

#[test]
fn the_boundary_stands_where_expectations_change() {
    // Margin 0: the lower left cell alone holds. Its upper and its right side, and the legend's.
    assert_eq!(thick(&map(vec![facet(0, |_, _| None)]).draw().unwrap()), 3);
    // Margin 4: all hold.
    assert_eq!(thick(&map(vec![facet(4, |_, _| None)]).draw().unwrap()), 1);
}

#[test]
fn a_surprise_stands_out_and_a_gap_does_not() {
    let plain = thick(&map(vec![facet(1, |_, _| None)]).draw().unwrap());
    let at = |found: Tone| move |x: usize, y: usize| (x == 2 && y == 0).then_some(found);
    let surprise = map(vec![facet(1, at(Tone::Holds))]).draw().unwrap();
    assert_eq!(thick(&surprise), plain + 5);
    let stopped = map(vec![facet(1, at(Tone::Unknown))]).draw().unwrap();
    assert_eq!(thick(&stopped), plain);
}

#[test]
fn a_cell_needs_a_place_of_its_own() {
    let mut outside = facet(1, |_, _| None);
    outside.cells[4].x = 3;
    let facet_of = || "margin 1".to_owned();
    let error = map(vec![outside]).draw().unwrap_err();
    assert_eq!(error, MapError::Outside { facet: facet_of(), x: 3, y: 1 });
    let mut twice = facet(1, |_, _| None);
    twice.cells[4] = twice.cells[3].clone();
    let error = map(vec![twice]).draw().unwrap_err();
    assert_eq!(error, MapError::Twice { facet: facet_of(), x: 1, y: 0 });
}

#[test]
fn an_empty_map_is_a_map() {
    assert!(Document::parse(&map(Vec::new()).draw().unwrap()).is_ok());
}
