//! Where everything of a map stands, in pixels.

use super::{Facet, Map};
use crate::brush::Point;

/// The paper's edge.
pub(super) const EDGE: i32 = 16;
/// The room for both titles.
const TITLES: i32 = 58;
/// The room for the legend.
pub(super) const LEGEND: i32 = 40;
/// The room left of a table, for its ticks and the name of the axis.
pub(super) const LEFT: i32 = 58;
/// The room below a table.
pub(super) const BELOW: i32 = 44;
/// The room above a table.
pub(super) const ABOVE: i32 = 26;
/// The height of a line of words.
pub(super) const LINE: i32 = 14;
/// How wide a letter is, with room for the widest of the usual fonts.
pub(super) const LETTER: i32 = 7;

/// Where everything stands.
#[derive(Clone, Debug)]
pub(super) struct Sheet {
    /// Width and height.
    pub(super) size: (u32, u32),
    columns: usize,
    cell: (i32, i32),
    facet: (i32, i32),
}

impl Sheet {
    /// The sheet for `map`.
    pub(super) fn new(map: &Map) -> Sheet {
        let cells = || map.facets.iter().flat_map(|facet| &facet.cells);
        let lines = cells().map(|cell| cell.label.lines().count()).max().unwrap_or(1) as i32;
        let words = cells().flat_map(|cell| cell.label.lines());
        let ticks = map.facets.iter().flat_map(|facet| facet.x_ticks.iter().map(String::as_str));
        let letters = words.chain(ticks).map(|text| text.chars().count()).max().unwrap_or(1) as i32;
        let cell = ((LETTER * letters + 14).max(38), (LINE * lines + 16).max(32));
        let most = |count: fn(&Facet) -> usize| map.facets.iter().map(count).max().unwrap_or(0);
        let widest = most(|facet| facet.x_ticks.len()) as i32 * cell.0;
        let titles = most(|facet| facet.title.chars().count()) as i32 * (LETTER + 1);
        let highest = most(|facet| facet.y_ticks.len()) as i32 * cell.1;
        let facet = (LEFT + widest.max(titles) + 10, ABOVE + highest + BELOW);
        let columns = map.columns.clamp(1, map.facets.len().max(1));
        let rows = map.facets.len().div_ceil(columns);
        let letters = |text: &str| text.chars().count() as i32;
        let legend = map.legend.iter().map(|(_, meaning)| 54 + LETTER * letters(meaning));
        let needed = [
            facet.0 * columns as i32,
            letters(&map.title) * 11,
            letters(&map.subtitle) * 8,
            legend.sum::<i32>() + 40 + LETTER * letters(&map.boundary),
        ];
        let width = needed.into_iter().fold(0, i32::max) + 2 * EDGE;
        let height = TITLES + facet.1 * rows as i32 + LEGEND + EDGE;
        Sheet { size: (width as u32, height as u32), columns, cell, facet }
    }

    /// The upper left corner of a facet's table.
    pub(super) fn corner(&self, index: usize) -> Point {
        let (row, column) = ((index / self.columns) as i32, (index % self.columns) as i32);
        (EDGE + LEFT + self.facet.0 * column, TITLES + ABOVE + self.facet.1 * row)
    }

    /// The width and height of a facet's table.
    pub(super) fn table(&self, facet: &Facet) -> (i32, i32) {
        let (columns, rows) = (facet.x_ticks.len() as i32, facet.y_ticks.len() as i32);
        (self.cell.0 * columns, self.cell.1 * rows)
    }

    /// The corners of a cell, the upper left one first.
    pub(super) fn place(
        &self,
        facet: &Facet,
        corner: Point,
        (x, y): (usize, usize),
    ) -> (Point, Point) {
        let row = facet.y_ticks.len().saturating_sub(1 + y) as i32;
        let from = (corner.0 + self.cell.0 * x as i32, corner.1 + self.cell.1 * row);
        (from, (from.0 + self.cell.0, from.1 + self.cell.1))
    }
}
