//! A map as a picture.

use leasehold_draw::{Cell, Facet, Map as Picture, MapError, Tone};
use leasehold_model::maps::{Expected, Found, Spot, Table};

use super::{Map, shows_states};

/// Draws it as SVG.
pub(super) fn draw(map: &Map) -> Result<String, MapError> {
    let plan = &map.plan;
    let most = map.cells().map(|(_, _, found)| found.states).max().unwrap_or(1);
    let costs = map.cells().any(|(_, spot, _)| shows_states(spot));
    let legend = if costs {
        vec![(Tone::Shade(50), "every claim holds; the number: states".to_owned())]
    } else {
        vec![
            (Tone::Holds, "every claim holds".to_owned()),
            (Tone::Broken, "two holders, in so many steps at least".to_owned()),
        ]
    };
    let picture = Picture {
        title: plan.title.to_owned(),
        subtitle: map.result(),
        x_label: plan.x_label.to_owned(),
        y_label: plan.y_label.to_owned(),
        columns: plan.columns,
        facets: map.tables().map(|(table, found)| facet(table, found, most)).collect(),
        legend,
        boundary: plan.boundary.to_owned(),
    };
    picture.draw()
}

fn facet(table: &Table, found: &[Found], most: usize) -> Facet {
    let cells = table.spots.iter().zip(found).map(|(spot, found)| cell(spot, found, most));
    Facet {
        title: table.title.clone(),
        x_ticks: table.x_ticks.clone(),
        y_ticks: table.y_ticks.clone(),
        cells: cells.collect(),
    }
}

fn cell(spot: &Spot, found: &Found, most: usize) -> Cell {
    let as_expected = found.is_as(spot.expected);
    let tone = if !found.broken.is_empty() {
        Tone::Broken
    } else if shows_states(spot) && as_expected {
        Tone::Shade((found.states * 100 / most.max(1)).min(100) as u8)
    } else {
        Tone::Holds
    };
    let expected = match spot.expected {
        Expected::Holds => Some(Tone::Holds),
        Expected::Breaks => Some(Tone::Broken),
        // The frame of a surprise, and no line between shades.
        Expected::HoldsFor(_) if as_expected => None,
        Expected::HoldsFor(_) => Some(Tone::Shade(0)),
    };
    let label = match found.steps {
        Some(steps) => steps.to_string(),
        None if shows_states(spot) => found.states.to_string(),
        None => String::new(),
    };
    Cell { x: spot.x, y: spot.y, found: tone, expected, label }
}
