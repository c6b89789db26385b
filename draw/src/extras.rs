//! What a picture may show besides the trace: why it broke, and where links lead to.

use svg::Node;
use svg::node::element::{Anchor, Group, Polygon};

use crate::header::HEADER;
use crate::ink::{GREY, LILAC, SMALL, Side, WHITE, block, bold, rounded, words, wrapped};
use crate::paper::Paper;
use crate::story::Story;

/// The height of a line of the cause, and how wide one of its characters is at most.
const LINE: f64 = 15.0;
const CHARACTER: f64 = 7.9;

/// What a picture shows besides the trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// Why it broke, in one sentence: it stands below the title.
    pub cause: Option<String>,
    /// The steps that show it, counted from 1, each with what it adds: it stands beside the step.
    pub reasons: Vec<(usize, String)>,
    /// Whether a link can lead to every step. Step 7 is then `#step-7`, and its number leads to
    /// `#row-7`, which is for the page around the picture to have.
    pub links: bool,
}

impl Extras {
    /// What step number `step`, counted from 0, adds to the argument.
    pub(crate) fn reason(&self, step: usize) -> Option<&str> {
        self.reasons.iter().find(|(at, _)| *at == step + 1).map(|(_, text)| text.as_str())
    }

    /// The cause in lines, on a sheet of that width.
    fn lines(&self, width: f64) -> Vec<String> {
        let cause = self.cause.as_deref().unwrap_or("");
        wrapped(cause, ((width - 40.0) / CHARACTER) as usize)
    }

    /// Where the heading ends.
    pub(crate) fn heading(&self, width: f64) -> f64 {
        HEADER + LINE * self.lines(width).len() as f64
    }
}

/// The cause, below the title; none if none is known.
pub(crate) fn cause(story: &Story, paper: &Paper) -> Option<Group> {
    story.extras.cause.as_ref()?;
    let mut group = Group::new();
    for (line, text) in story.extras.lines(paper.width).into_iter().enumerate() {
        let y = 78.0 + LINE * line as f64;
        if line == 0 {
            group = group.add(diamond((20.0, y - 4.0)));
        }
        group = group.add(bold(words(&text, (32.0, y), Side::Right, 11.5, LILAC)));
    }
    Some(group)
}

/// The sign of a step that shows the cause.
pub(crate) fn diamond((x, y): (f64, f64)) -> Polygon {
    let corners = [(x, y - 6.0), (x + 5.0, y), (x, y + 6.0), (x - 5.0, y)];
    let points: Vec<String> =
        corners.iter().map(|(x, y)| format!("{},{}", rounded(*x), rounded(*y))).collect();
    Polygon::new().set("points", points.join(" ")).set("fill", LILAC).set("class", "reason")
}

/// What links lead to: every row, invisible until the page says otherwise.
pub(crate) fn targets(story: &Story, paper: &Paper) -> Option<Group> {
    if !story.extras.links {
        return None;
    }
    let mut group = Group::new();
    for (step, row) in paper.rows.iter().enumerate() {
        let corners = ((4.0, row.top), (paper.width - 4.0, row.bottom));
        let target = block(corners.0, corners.1, WHITE)
            .set("fill", "none")
            .set("class", "target")
            .set("id", format!("step-{}", step + 1));
        group = group.add(target);
    }
    Some(group)
}

/// The number of a step; it leads to the step's row in the page around the picture, if there is
/// one.
pub(crate) fn number(story: &Story, step: usize, at: (f64, f64)) -> Box<dyn Node> {
    let number = (step + 1).to_string();
    let text = words(&number, at, Side::Left, SMALL, GREY);
    if !story.extras.links {
        return Box::new(text);
    }
    Box::new(Anchor::new().set("href", format!("#row-{number}")).add(text))
}
