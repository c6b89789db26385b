//! A bar chart of counts in groups: how often each cause was met.
//!
//! Every bar has its number and its words beside it, so that nothing is said by length alone.

use plotters::prelude::{IntoDrawingArea, Rectangle, SVGBackend};
use plotters::style::{Color, RGBColor};

use crate::brush::{Area, DARK, GREY, PALE, Trouble, WHITE, at_left, at_right, bold, plain, thin};
use crate::map::MapError;

/// One bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What is counted.
    pub label: String,
    /// How often it was met.
    pub count: u64,
    /// A few words behind the number, for instance where it was met first; may be empty.
    pub note: String,
}

/// Bars that are measured against each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarGroup {
    /// What they are about.
    pub title: String,
    /// The bars, from above.
    pub bars: Vec<Bar>,
}

/// A chart of one or several groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarChart {
    /// What it shows.
    pub title: String,
    /// What was counted, in one sentence.
    pub subtitle: String,
    /// The groups, from above. Each has its own scale: its longest bar is as long as may be.
    pub groups: Vec<BarGroup>,
}

/// The paper's edge.
const EDGE: i32 = 16;
/// The room for both titles.
const TITLES: i32 = 60;
/// The height of a bar with the room around it.
const ROW: i32 = 24;
/// Half the height of a bar.
const HALF: i32 = 8;
/// The room for a group's title, and below its last bar.
const GROUP: (i32, i32) = (30, 18);
/// The length of the longest bar.
const LONGEST: i32 = 360;
/// How wide a letter is, with room for the widest of the usual fonts.
const LETTER: i32 = 7;
/// The bars.
const BLUE: RGBColor = RGBColor(31, 95, 168);

impl BarChart {
    /// Draws the chart as an SVG document.
    ///
    /// # Errors
    /// [`MapError::Drawing`] if the drawing library cannot.
    pub fn draw(&self) -> Result<String, MapError> {
        let mut text = String::new();
        let drawn = {
            let area = SVGBackend::with_string(&mut text, self.size()).into_drawing_area();
            self.draw_on(&area).and_then(|()| area.present())
        };
        drawn.map_err(|trouble| MapError::Drawing(trouble.to_string()))?;
        Ok(text)
    }

    fn bars(&self) -> impl Iterator<Item = &Bar> {
        self.groups.iter().flat_map(|group| &group.bars)
    }

    /// Where the bars begin.
    fn left(&self) -> i32 {
        let longest = self.bars().map(|bar| bar.label.chars().count()).max().unwrap_or(0);
        EDGE + LETTER * longest as i32 + 10
    }

    fn size(&self) -> (u32, u32) {
        let behind = |bar: &Bar| bar.count.to_string().len() + bar.note.chars().count() + 3;
        let behind = self.bars().map(behind).max().unwrap_or(0) as i32;
        let letters = |text: &str, width: i32| width * text.chars().count() as i32;
        let width = (self.left() - EDGE + LONGEST + 8 + LETTER * behind)
            .max(letters(&self.title, 11))
            .max(letters(&self.subtitle, 8));
        let group = |group: &BarGroup| GROUP.0 + ROW * group.bars.len() as i32 + GROUP.1;
        let height = TITLES + self.groups.iter().map(group).sum::<i32>() + EDGE;
        ((width + 2 * EDGE) as u32, height as u32)
    }

    fn draw_on(&self, area: &Area<'_>) -> Result<(), Trouble> {
        area.fill(&WHITE)?;
        bold(area, &self.title, (EDGE, EDGE + 8), at_left(), 16.0, DARK)?;
        plain(area, &self.subtitle, (EDGE, EDGE + 30), at_left(), 12.0, GREY)?;
        let mut top = TITLES;
        for group in &self.groups {
            bold(area, &group.title, (EDGE, top + GROUP.0 / 2), at_left(), 12.0, DARK)?;
            top += GROUP.0;
            let most = group.bars.iter().map(|bar| bar.count).max().unwrap_or(0);
            let bottom = top + ROW * group.bars.len() as i32;
            let axis = (self.left(), self.left());
            area.draw(&Rectangle::new([(axis.0, top), (axis.1, bottom)], thin(PALE)))?;
            for bar in &group.bars {
                bar.draw(area, (self.left(), top + ROW / 2), most)?;
                top += ROW;
            }
            top += GROUP.1;
        }
        Ok(())
    }
}

impl Bar {
    fn draw(&self, area: &Area<'_>, (left, y): (i32, i32), most: u64) -> Result<(), Trouble> {
        let ink = if self.count > 0 { DARK } else { GREY };
        plain(area, &self.label, (left - 8, y), at_right(), 11.0, ink)?;
        let length = length(self.count, most);
        if length > 0 {
            let corners = [(left, y - HALF), (left + length, y + HALF)];
            area.draw(&Rectangle::new(corners, BLUE.filled()))?;
        }
        let comma = if self.note.is_empty() { "" } else { ", " };
        let words = format!("{}{comma}{}", self.count, self.note);
        plain(area, &words, (left + length + 6, y), at_left(), 11.0, ink)
    }
}

/// How long a bar is, in pixels: never nothing for what was met.
fn length(count: u64, most: u64) -> i32 {
    let part = u128::from(count) * LONGEST as u128 / u128::from(most.max(1));
    (part as i32).max(i32::from(count > 0))
}
