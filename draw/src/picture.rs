//! The picture of a story, layer by layer: what lies below is drawn first.

use leasehold_world::Trace;
use svg::Document;
use svg::node::element::{Description, Group, Polygon, Title};

use crate::ink::{
    BROWN, DARK, FAINT, FONT, GREY, LILAC, PALE, RED, SMALL, Side, WHITE, block, bold, line,
    rimmed, rounded, words,
};
use crate::messages;
use crate::paper::{About, HALF, LINE, Paper, STEP_X};
use crate::story::{Lane, Mark, Story};
use crate::{bars, extras, header};

/// Draws `story`, which is what happens in `trace`.
pub(crate) fn picture(trace: &Trace, story: &Story) -> Document {
    let beside: Vec<Vec<Mark>> =
        (0..story.moments.len()).map(|step| words_beside(story, step)).collect();
    let paper = Paper::new(story, |step| {
        let beside = beside.get(step).map_or(0, |marks| most_in_one_lane(marks));
        beside.max(messages::lines_at(story, step))
    });
    let (width, height) = (rounded(paper.width), rounded(paper.height));
    let (verdict, _) = header::verdict(story);
    let mut document = Document::new()
        .set("viewBox", (0, 0, width, height))
        .set("width", width)
        .set("height", height)
        .set("role", "img")
        .set("font-family", FONT)
        .add(Title::new(header::title(trace)))
        .add(Description::new().add(svg::node::Text::new(verdict)))
        .add(block((0.0, 0.0), (paper.width, paper.height), WHITE))
        .add(grounds(story, &paper));
    if let Some(targets) = extras::targets(story, &paper) {
        document = document.add(targets);
    }
    document = document
        .add(bars::overlap_ground(story, &paper))
        .add(bars::lanes(story, &paper))
        .add(bars::bars(story, &paper))
        .add(messages::links(story, &paper))
        .add(messages::arrows(story, &paper))
        .add(bars::labels(story, &paper))
        .add(bars::overlap_bars(story, &paper))
        .add(messages::runs(story, &paper))
        .add(marks(story, &beside, &paper))
        .add(margins(story, &paper))
        .add(header::names(story, &paper))
        .add(header::heading(trace, story))
        .add(header::legend(story, &paper));
    if let Some(cause) = extras::cause(story, &paper) {
        document = document.add(cause);
    }
    document
}

/// The words beside the lanes at one step: what is heard first, then what the client makes of it.
fn words_beside(story: &Story, step: usize) -> Vec<Mark> {
    let heard = story.flights.iter().filter_map(|flight| {
        let ran = flight.ran.filter(|_| flight.heard == Some(step))?;
        let text = messages::hearing(flight, ran);
        Some(Mark { lane: Lane::Client(flight.client), text, loud: false })
    });
    let own = story.moments.get(step).into_iter().flat_map(|moment| moment.marks.iter().cloned());
    heard.chain(own).collect()
}

fn most_in_one_lane(marks: &[Mark]) -> usize {
    let in_lane = |mark: &Mark| marks.iter().filter(|other| other.lane == mark.lane).count();
    marks.iter().map(in_lane).max().unwrap_or(0)
}

/// The ground of every row: a line for each tick or step, and red where something breaks.
fn grounds(story: &Story, paper: &Paper) -> Group {
    let (left, right) = paper.ground;
    let mut group = Group::new();
    let top = paper.lanes.0 + 4.0;
    if story.in_ticks {
        group = group.add(line((left, top), (right, top), PALE, 1.0));
    }
    for (step, (moment, row)) in story.moments.iter().zip(&paper.rows).enumerate() {
        if !moment.broken.is_empty() {
            let corners = ((4.0, row.top), (paper.width - 4.0, row.bottom));
            let ground = block(corners.0, corners.1, story.ground(step));
            let class = if story.breaks_in(step) { "broken" } else { "broken-too" };
            group = group.add(ground.set("class", class));
        } else if moment.passed.is_none() {
            group = group.add(line((left, row.y), (right, row.y), FAINT, 1.0));
        }
        if moment.passed.is_some() && row.clock.is_some() {
            group = group.add(line((left, row.y), (right, row.y), PALE, 1.0));
        }
    }
    group
}

fn marks(story: &Story, beside: &[Vec<Mark>], paper: &Paper) -> Group {
    let mut group = Group::new();
    for (step, marks) in beside.iter().enumerate() {
        for (index, mark) in marks.iter().enumerate() {
            let above = marks[..index].iter().filter(|other| other.lane == mark.lane).count();
            group = group.add(written(mark, story, paper, (step, above)));
        }
    }
    group
}

fn written(mark: &Mark, story: &Story, paper: &Paper, (step, above): (usize, usize)) -> Group {
    // Beside a client outside, where no message passes; beside a node where commands go on to.
    let outward = match mark.lane {
        Lane::Client(c) => -paper.inward(c),
        Lane::Node(_) => 1.0,
    };
    let side = if outward > 0.0 { Side::Right } else { Side::Left };
    let at =
        (paper.x(mark.lane) + outward * (HALF + 8.0), paper.y(step) + 3.5 + LINE * above as f64);
    let colour = match (mark.loud, story.breaks_in(step)) {
        (true, true) => RED,
        (true, false) | (false, true) => DARK,
        (false, false) => GREY,
    };
    let text = words(&mark.text, at, side, SMALL, colour);
    Group::new().add(rimmed(if mark.loud { bold(text) } else { text }, story.ground(step)))
}

/// What stands left and right of the lanes: numbers, clock, sentences, and what broke.
fn margins(story: &Story, paper: &Paper) -> Group {
    let mut group = Group::new();
    if story.in_ticks {
        let at = (paper.clock_x, paper.lanes.0 + 8.0);
        group = group.add(bold(words("0", at, Side::Left, 11.0, DARK)));
    }
    for (y, text) in &paper.silences {
        let at = (paper.clock_x, y + 3.5);
        group = group.add(words(text, at, Side::Left, 9.5, GREY).set("font-style", "italic"));
    }
    for (step, (moment, row)) in story.moments.iter().zip(&paper.rows).enumerate() {
        let y = row.y + 3.5;
        if let Some(clock) = &row.clock {
            let reading = words(clock, (paper.clock_x, y), Side::Left, SMALL, DARK);
            group = group.add(if story.in_ticks { bold(reading) } else { reading });
        }
        let broken = !moment.broken.is_empty();
        let reason = story.extras.reason(step).is_some();
        if moment.passed.is_none() || broken || reason {
            group = group.add(extras::number(story, step, (STEP_X, y)));
        }
        if story.breaks_in(step) {
            group = group.add(pointer(row.y));
        } else if reason {
            group = group.add(extras::diamond((11.0, row.y)));
        }
        let colour = if broken { DARK } else { GREY };
        for (line, text) in row.sentence.iter().enumerate() {
            let at = (paper.sentence_x, y + LINE * line as f64);
            group = group.add(words(text, at, Side::Right, SMALL, colour));
        }
        for (line, caption) in row.captions.iter().enumerate() {
            let line = row.sentence.len() + line;
            let at = (paper.sentence_x, y + LINE * line as f64);
            let colour = match caption.about {
                About::Claim => RED,
                About::OtherClaim => BROWN,
                About::Reason => LILAC,
            };
            let text = words(&caption.text, at, Side::Right, SMALL, colour).set("class", "caption");
            group = group.add(if caption.about == About::Claim { bold(text) } else { text });
        }
    }
    group
}

/// The red hand that points at a row.
fn pointer(y: f64) -> Polygon {
    let points = format!("6,{} 16,{} 6,{}", rounded(y - 6.0), rounded(y), rounded(y + 6.0));
    Polygon::new().set("points", points).set("fill", RED).set("class", "marker")
}
