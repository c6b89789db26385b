//! The few ways in which a map or a chart puts colour on paper.

use plotters::coord::Shift;
use plotters::prelude::{
    DrawingArea, DrawingAreaErrorKind, FontStyle, FontTransform, IntoFont, RGBColor, SVGBackend,
    ShapeStyle, Text, TextStyle,
};
use plotters::style::Color;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::map::Tone;

/// Where drawing goes.
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// What the drawing library says when it cannot.
pub(crate) type Trouble = DrawingAreaErrorKind<std::io::Error>;
/// A point of the paper, in pixels.
pub(crate) type Point = (i32, i32);

/// Words and lines that matter.
pub(crate) const DARK: RGBColor = RGBColor(27, 31, 36);
/// Words that matter less.
pub(crate) const GREY: RGBColor = RGBColor(87, 96, 106);
/// Lines that guide the eye.
pub(crate) const PALE: RGBColor = RGBColor(208, 215, 222);
/// The paper.
pub(crate) const WHITE: RGBColor = RGBColor(255, 255, 255);
/// Fonts that every system has under one of these names.
const FONT: &str = "Helvetica, Arial, sans-serif";
/// The drawing library makes letters smaller than it is told by this factor.
const SMALLER: f64 = 1.24;

/// The colours of the ground and of the words of a cell. Blue is light and red is dark, so that
/// both differ in grey too.
pub(crate) fn colours(tone: Tone) -> (RGBColor, RGBColor) {
    match tone {
        Tone::Holds => (RGBColor(198, 220, 243), DARK),
        Tone::Broken => (RGBColor(184, 28, 46), WHITE),
        Tone::Unknown => (RGBColor(224, 226, 229), DARK),
        Tone::Shade(depth) => {
            let depth = i32::from(depth.min(100));
            let mix = |from: i32, to: i32| (from + (to - from) * depth / 100) as u8;
            let ink = if depth > 55 { WHITE } else { DARK };
            (RGBColor(mix(240, 16), mix(245, 66), mix(250, 120)), ink)
        }
    }
}

/// A thin line.
pub(crate) fn thin(colour: RGBColor) -> ShapeStyle {
    colour.stroke_width(1)
}

/// A thick one.
pub(crate) fn thick(colour: RGBColor) -> ShapeStyle {
    colour.stroke_width(4)
}

/// Beginning at a point.
pub(crate) fn at_left() -> Pos {
    Pos::new(HPos::Left, VPos::Center)
}

/// Ending at a point.
pub(crate) fn at_right() -> Pos {
    Pos::new(HPos::Right, VPos::Center)
}

/// With a point in the middle.
pub(crate) fn centred() -> Pos {
    Pos::new(HPos::Center, VPos::Center)
}

/// Words.
pub(crate) fn plain(
    area: &Area<'_>,
    words: &str,
    at: Point,
    pos: Pos,
    size: f64,
    colour: RGBColor,
) -> Result<(), Trouble> {
    let style = TextStyle::from((FONT, size * SMALLER).into_font()).color(&colour).pos(pos);
    area.draw(&Text::new(words, at, style))
}

/// Words in bold.
pub(crate) fn bold(
    area: &Area<'_>,
    words: &str,
    at: Point,
    pos: Pos,
    size: f64,
    colour: RGBColor,
) -> Result<(), Trouble> {
    let font = (FONT, size * SMALLER).into_font().style(FontStyle::Bold);
    area.draw(&Text::new(words, at, TextStyle::from(font).color(&colour).pos(pos)))
}

/// Words that run upwards, with a point in the middle.
pub(crate) fn upright(
    area: &Area<'_>,
    words: &str,
    at: Point,
    size: f64,
    colour: RGBColor,
) -> Result<(), Trouble> {
    let font = (FONT, size * SMALLER).into_font().transform(FontTransform::Rotate270);
    area.draw(&Text::new(words, at, TextStyle::from(font).color(&colour).pos(centred())))
}
