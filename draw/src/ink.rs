//! Lines, shapes and words, with the few colours and sizes that the pictures use.

use svg::node::element::{Circle, Group, Line, Path, Polygon, Rectangle, Text};

/// A point of the picture.
pub(crate) type Point = (f64, f64);

/// Text and lines that matter.
pub(crate) const DARK: &str = "#1b1f24";
/// Text that matters less.
pub(crate) const GREY: &str = "#57606a";
/// Lines that guide the eye.
pub(crate) const PALE: &str = "#d8dee4";
/// Lines that barely do.
pub(crate) const FAINT: &str = "#f0f2f4";
/// Claims that broke on the way.
pub(crate) const BROWN: &str = "#8a3b12";
/// The ground behind them.
pub(crate) const BROWN_GROUND: &str = "#fbf3ea";
/// What broke.
pub(crate) const RED: &str = "#c8102e";
/// The ground behind what broke.
pub(crate) const RED_GROUND: &str = "#fde8ea";
/// Why it broke.
pub(crate) const LILAC: &str = "#6e40aa";
/// The paper.
pub(crate) const WHITE: &str = "#ffffff";

/// Fonts that every system has under one of these names.
pub(crate) const FONT: &str = "Helvetica, Arial, sans-serif";
/// The size of the words beside the lanes.
pub(crate) const SMALL: f64 = 10.5;

/// The colours of one client: its own, and a light one for what it left at the nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hue {
    /// Lines, belief.
    pub(crate) strong: &'static str,
    /// Keys.
    pub(crate) light: &'static str,
}

/// Blue, amber and green differ for nearly all eyes, and none of them is the red of what broke.
const HUES: [Hue; 3] = [
    Hue { strong: "#1f5fa8", light: "#d3e3f6" },
    Hue { strong: "#a86200", light: "#fbe3bd" },
    Hue { strong: "#1d7a55", light: "#cdebdc" },
];

/// The colours of `client`.
pub(crate) fn hue(client: u8) -> Hue {
    HUES[usize::from(client) % HUES.len()]
}

/// A coordinate with one digit after the point: enough for the eye, and the bytes stay few.
pub(crate) fn rounded(at: f64) -> f64 {
    (at * 10.0).round() / 10.0
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// It ends there.
    Left,
    /// It is centred there.
    Middle,
    /// It begins there.
    Right,
}

/// Words at `at`, the beginning of their base line.
pub(crate) fn words(text: &str, at: Point, side: Side, size: f64, colour: &str) -> Text {
    let anchor = match side {
        Side::Left => "end",
        Side::Middle => "middle",
        Side::Right => "start",
    };
    Text::new(text)
        .set("x", rounded(at.0))
        .set("y", rounded(at.1))
        .set("text-anchor", anchor)
        .set("font-size", size)
        .set("fill", colour)
}

/// The same in bold.
pub(crate) fn bold(text: Text) -> Text {
    text.set("font-weight", "bold")
}

/// The same with a rim in the colour of the ground, readable where lines cross it.
pub(crate) fn rimmed(text: Text, ground: &str) -> Text {
    text.set("stroke", ground)
        .set("stroke-width", 3)
        .set("stroke-linejoin", "round")
        .set("paint-order", "stroke")
}

/// A straight line.
pub(crate) fn line(from: Point, to: Point, colour: &str, width: f64) -> Line {
    Line::new()
        .set("x1", rounded(from.0))
        .set("y1", rounded(from.1))
        .set("x2", rounded(to.0))
        .set("y2", rounded(to.1))
        .set("stroke", colour)
        .set("stroke-width", width)
}

/// A filled rectangle between two corners, the upper left one first.
pub(crate) fn block(from: Point, to: Point, fill: &str) -> Rectangle {
    Rectangle::new()
        .set("x", rounded(from.0))
        .set("y", rounded(from.1))
        .set("width", rounded(to.0 - from.0))
        .set("height", rounded(to.1 - from.1))
        .set("fill", fill)
}

/// A dot: full for what was done, hollow for what was refused.
pub(crate) fn dot(at: Point, colour: &str, full: bool) -> Circle {
    Circle::new()
        .set("cx", rounded(at.0))
        .set("cy", rounded(at.1))
        .set("r", 4)
        .set("fill", if full { colour } else { WHITE })
        .set("stroke", colour)
        .set("stroke-width", 1.6)
}

/// How an arrow is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stroke {
    /// Its colour.
    pub(crate) colour: &'static str,
    /// Its width.
    pub(crate) width: f64,
    /// Whether it is interrupted.
    pub(crate) dashed: bool,
    /// How far it swerves upwards, to pass by what stands in its way.
    pub(crate) bow: f64,
}

/// An arrow; the tip of its head is at `to`.
pub(crate) fn arrow(from: Point, to: Point, stroke: Stroke) -> Group {
    let unit = |from: Point| {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1.0);
        (dx / length, dy / length)
    };
    let (ux, uy) = unit(from);
    // A curve reaches half as far as the point that bends it. A steep one has less in its way.
    let reach = 2.0 * stroke.bow * ux;
    let middle = (f64::midpoint(from.0, to.0), f64::midpoint(from.1, to.1));
    let bend = (middle.0 + uy * reach, middle.1 - ux * reach);
    let (ux, uy) = unit(bend);
    let (long, wide) = (7.0, 3.2);
    let foot = (to.0 - ux * long, to.1 - uy * long);
    let corner = |sign: f64| (foot.0 - uy * wide * sign, foot.1 + ux * wide * sign);
    let corners = [to, corner(1.0), corner(-1.0)];
    let points: Vec<String> =
        corners.iter().map(|(x, y)| format!("{},{}", rounded(*x), rounded(*y))).collect();
    let [from, bend, foot] = [from, bend, foot].map(|(x, y)| (rounded(x), rounded(y)));
    let course = format!("M{} {}Q{} {} {} {}", from.0, from.1, bend.0, bend.1, foot.0, foot.1);
    let mut shaft = Path::new()
        .set("d", course)
        .set("fill", "none")
        .set("stroke", stroke.colour)
        .set("stroke-width", stroke.width);
    if stroke.dashed {
        shaft = shaft.set("stroke-dasharray", "5 3");
    }
    let head = Polygon::new().set("points", points.join(" ")).set("fill", stroke.colour);
    Group::new().add(shaft).add(head)
}

/// A text in lines of at most `columns` characters, broken at spaces.
pub(crate) fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}
