//! Maps of verdicts: a table of cells, each coloured by what was found there, with the boundary
//! that was expected as a thick line.
//!
//! A cell whose finding is not what was expected there has a thick frame, so that a map that is
//! as expected shows nothing but two plain regions and the line between them. Every cell has its
//! words, so that nothing is said by colour alone.

mod sheet;

use plotters::prelude::{IntoDrawingArea, PathElement, Rectangle, SVGBackend};
use plotters::style::Color;

use crate::brush::{
    Area, DARK, GREY, PALE, Point, Trouble, WHITE, at_left, at_right, bold, centred, colours,
    plain, thick, thin, upright,
};
use sheet::{ABOVE, BELOW, EDGE, LEFT, LEGEND, LETTER, LINE, Sheet};

/// What was found in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// The claim holds: blue, with dark words.
    Holds,
    /// The claim breaks: red, with light words.
    Broken,
    /// It is not known, for instance because a search was stopped before its end: grey.
    Unknown,
    /// A measure between 0 (nearly white) and 100 (dark blue), where there is no verdict.
    Shade(u8),
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Its column, from the left, counted from 0.
    pub x: usize,
    /// Its row, from below, counted from 0.
    pub y: usize,
    /// What was found.
    pub found: Tone,
    /// What was expected, if anything: the boundary is drawn where neighbours differ in this.
    pub expected: Option<Tone>,
    /// Its words, for instance a number of steps; several lines are allowed.
    pub label: String,
}

/// One table of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// What it is a table of, for instance `T = 3, margin 1`.
    pub title: String,
    /// The values on the horizontal axis; one column for each.
    pub x_ticks: Vec<String>,
    /// The values on the vertical axis, from below; one row for each.
    pub y_ticks: Vec<String>,
    /// The cells; a place without one stays empty.
    pub cells: Vec<Cell>,
}

/// Several tables with the same axes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// What it shows.
    pub title: String,
    /// How to read it, in one sentence.
    pub subtitle: String,
    /// What the horizontal axis is.
    pub x_label: String,
    /// What the vertical axis is.
    pub y_label: String,
    /// How many facets stand side by side.
    pub columns: usize,
    /// The facets, row by row.
    pub facets: Vec<Facet>,
    /// What the tones mean, in the order of the legend.
    pub legend: Vec<(Tone, String)>,
    /// What the thick line means; empty if there is none.
    pub boundary: String,
}

/// Why a map cannot be drawn.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// A cell outside its table.
    #[error("facet {facet:?}: no place for a cell in column {x}, row {y}")]
    Outside {
        /// Which facet.
        facet: String,
        /// Which column.
        x: usize,
        /// Which row.
        y: usize,
    },
    /// Two cells in one place.
    #[error("facet {facet:?}: two cells in column {x}, row {y}")]
    Twice {
        /// Which facet.
        facet: String,
        /// Which column.
        x: usize,
        /// Which row.
        y: usize,
    },
    /// The drawing library could not.
    #[error("cannot draw: {0}")]
    Drawing(String),
}

impl Map {
    /// Draws the map as an SVG document.
    ///
    /// # Errors
    /// A cell that has no place in its table, or the place of another.
    pub fn draw(&self) -> Result<String, MapError> {
        self.facets.iter().try_for_each(Facet::check)?;
        let sheet = Sheet::new(self);
        let mut text = String::new();
        let drawn = {
            let area = SVGBackend::with_string(&mut text, sheet.size).into_drawing_area();
            self.draw_on(&area, &sheet).and_then(|()| area.present())
        };
        drawn.map_err(|trouble| MapError::Drawing(trouble.to_string()))?;
        Ok(text)
    }

    fn draw_on(&self, area: &Area<'_>, sheet: &Sheet) -> Result<(), Trouble> {
        area.fill(&WHITE)?;
        bold(area, &self.title, (EDGE, EDGE + 8), at_left(), 16.0, DARK)?;
        plain(area, &self.subtitle, (EDGE, EDGE + 30), at_left(), 12.0, GREY)?;
        for (index, facet) in self.facets.iter().enumerate() {
            let corner = sheet.corner(index);
            facet.draw(area, sheet, corner)?;
            let (width, height) = sheet.table(facet);
            let middle = (corner.0 + width / 2, corner.1 + height + BELOW - 14);
            plain(area, &self.x_label, middle, centred(), 11.0, GREY)?;
            let beside = (corner.0 - LEFT + 12, corner.1 + height / 2);
            upright(area, &self.y_label, beside, 11.0, GREY)?;
        }
        self.draw_legend(area, sheet)
    }

    fn draw_legend(&self, area: &Area<'_>, sheet: &Sheet) -> Result<(), Trouble> {
        let y = sheet.size.1 as i32 - LEGEND / 2 - 4;
        let mut x = EDGE;
        for (tone, meaning) in &self.legend {
            let (ground, _) = colours(*tone);
            area.draw(&Rectangle::new([(x, y - 8), (x + 22, y + 8)], ground.filled()))?;
            area.draw(&Rectangle::new([(x, y - 8), (x + 22, y + 8)], thin(GREY)))?;
            plain(area, meaning, (x + 30, y), at_left(), 11.0, DARK)?;
            x += 30 + LETTER * meaning.chars().count() as i32 + 24;
        }
        if !self.boundary.is_empty() {
            area.draw(&PathElement::new([(x, y), (x + 26, y)], thick(DARK)))?;
            plain(area, &self.boundary, (x + 34, y), at_left(), 11.0, DARK)?;
        }
        Ok(())
    }
}

impl Facet {
    fn check(&self) -> Result<(), MapError> {
        let mut places = Vec::with_capacity(self.cells.len());
        for &Cell { x, y, .. } in &self.cells {
            let facet = || self.title.clone();
            if x >= self.x_ticks.len() || y >= self.y_ticks.len() {
                return Err(MapError::Outside { facet: facet(), x, y });
            }
            if places.contains(&(x, y)) {
                return Err(MapError::Twice { facet: facet(), x, y });
            }
            places.push((x, y));
        }
        Ok(())
    }

    fn cell(&self, x: usize, y: usize) -> Option<&Cell> {
        self.cells.iter().find(|cell| (cell.x, cell.y) == (x, y))
    }

    fn draw(&self, area: &Area<'_>, sheet: &Sheet, corner: Point) -> Result<(), Trouble> {
        let (width, height) = sheet.table(self);
        let (left, bottom) = (corner.0, corner.1 + height);
        let heading = (left + width / 2, corner.1 - ABOVE / 2);
        bold(area, &self.title, heading, centred(), 12.0, DARK)?;
        let frame = [corner, (left + width, bottom)];
        area.draw(&Rectangle::new(frame, thin(PALE)))?;
        for cell in &self.cells {
            cell.draw(area, sheet.place(self, corner, (cell.x, cell.y)))?;
        }
        for (x, tick) in self.x_ticks.iter().enumerate() {
            let (from, to) = sheet.place(self, corner, (x, 0));
            let at = (i32::midpoint(from.0, to.0), bottom + 12);
            plain(area, tick, at, centred(), 11.0, DARK)?;
        }
        for (y, tick) in self.y_ticks.iter().enumerate() {
            let (from, to) = sheet.place(self, corner, (0, y));
            let at = (left - 7, i32::midpoint(from.1, to.1));
            plain(area, tick, at, at_right(), 11.0, DARK)?;
        }
        self.draw_boundary(area, sheet, corner)
    }

    /// The line between neighbours of which different things were expected.
    fn draw_boundary(&self, area: &Area<'_>, sheet: &Sheet, corner: Point) -> Result<(), Trouble> {
        for cell in &self.cells {
            let (from, to) = sheet.place(self, corner, (cell.x, cell.y));
            let differs = |x: usize, y: usize| {
                let other = self.cell(x, y).and_then(|other| other.expected);
                other.zip(cell.expected).is_some_and(|(other, own)| other != own)
            };
            if differs(cell.x + 1, cell.y) {
                area.draw(&PathElement::new([(to.0, from.1), to], thick(DARK)))?;
            }
            // Rows count from below.
            if differs(cell.x, cell.y + 1) {
                area.draw(&PathElement::new([from, (to.0, from.1)], thick(DARK)))?;
            }
        }
        Ok(())
    }
}

/// How far the stroke through a cell reaches from its corners.
const CROSS: i32 = 9;

impl Cell {
    /// Whether something else was found than was expected.
    fn surprises(&self) -> bool {
        self.found != Tone::Unknown && self.expected.is_some_and(|expected| expected != self.found)
    }

    fn draw(&self, area: &Area<'_>, (from, to): (Point, Point)) -> Result<(), Trouble> {
        let (ground, ink) = colours(self.found);
        area.draw(&Rectangle::new([from, to], ground.filled()))?;
        area.draw(&Rectangle::new([from, to], thin(WHITE)))?;
        if self.surprises() {
            let ((left, top), (right, bottom)) = ((from.0 + 5, from.1 + 5), (to.0 - 5, to.1 - 5));
            // A path, because rectangles are drawn thin whatever their style says.
            let frame = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
            area.draw(&PathElement::new(frame, thick(ink)))?;
            // Struck through from its corners, as far as the words leave room.
            for (x, inward) in [(left, CROSS), (right, -CROSS)] {
                for (y, down) in [(top, CROSS), (bottom, -CROSS)] {
                    area.draw(&PathElement::new([(x, y), (x + inward, y + down)], thick(ink)))?;
                }
            }
        }
        let middle = (i32::midpoint(from.0, to.0), i32::midpoint(from.1, to.1));
        let count = self.label.lines().count() as i32;
        let first = middle.1 - LINE * (count - 1) / 2;
        for (line, words) in (0..).zip(self.label.lines()) {
            let at = (middle.0, first + LINE * line);
            plain(area, words, at, centred(), 11.0, ink)?;
        }
        Ok(())
    }
}
