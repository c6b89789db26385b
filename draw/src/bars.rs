//! What lasts: belief, keys, pauses and outages, and the moments at which two clients believe.

use svg::node::element::{Group, Line};

use crate::ink::{
    DARK, GREY, PALE, Point, RED, Side, WHITE, block, bold, hue, line, rimmed, words,
};
use crate::paper::{HALF, Paper};
use crate::story::{Bar, Lane, Lasting, Story};

/// From one label of a long bar to the next.
const LABEL_EVERY: f64 = 280.0;

/// All bars without their labels.
pub(crate) fn bars(story: &Story, paper: &Paper) -> Group {
    let mut group = Group::new();
    for bar in &story.bars {
        group = group.add(drawn(bar, story, paper));
    }
    group
}

fn drawn(bar: &Bar, story: &Story, paper: &Paper) -> Group {
    let x = paper.x(bar.lane);
    let (from, to) = (paper.y(bar.from), paper.end(bar.to));
    let corners = |half: f64| ((x - half, from), (x + half, to));
    let ((left, top), (right, bottom)) = corners(HALF);
    let group = Group::new();
    match bar.what {
        Lasting::Belief { .. } => {
            let Lane::Client(c) = bar.lane else { return group };
            let shape = block((left, top), (right, bottom), hue(c).strong);
            group.set("class", "belief").add(shape)
        }
        Lasting::Key { client, .. } => {
            // A key that appears where a claim breaks is what broke it.
            let culprit = story.breaks_in(bar.from);
            let rim = if culprit { RED } else { hue(client).strong };
            let shape = block((left, top), (right, bottom), hue(client).light);
            let mut group = group.set("class", "key").add(shape);
            let width = if culprit { 2.5 } else { 1.2 };
            for x in [left, right] {
                group = group.add(line((x, top), (x, bottom), rim, width));
            }
            group = group.add(line((left, top), (right, top), rim, width));
            if bar.to.is_some() {
                group = group.add(line((left, bottom), (right, bottom), rim, width));
            }
            group
        }
        Lasting::Paused | Lasting::Down => {
            let (left, right) = (x - HALF - 3.0, x + HALF + 3.0);
            let mut group = group.set("class", "away");
            for x in [left, right] {
                group = group.add(dotted(line((x, top), (x, bottom), GREY, 1.5)));
            }
            for y in [Some(top), bar.to.map(|_| bottom)].into_iter().flatten() {
                group = group.add(line((left, y), (right, y), GREY, 1.5));
            }
            group
        }
    }
}

fn dotted(line: Line) -> Line {
    line.set("stroke-dasharray", "2 3")
}

/// The labels of the bars: whose lease it is, again and again if the bar is long.
pub(crate) fn labels(story: &Story, paper: &Paper) -> Group {
    let mut group = Group::new();
    for bar in &story.bars {
        let (from, to) = (paper.y(bar.from), paper.end(bar.to));
        let (text, colour, ground) = match (bar.what, bar.lane) {
            (Lasting::Belief { generation }, Lane::Client(c)) => {
                (format!("c{c}/{generation}"), WHITE, hue(c).strong)
            }
            (Lasting::Key { client, generation }, _) => {
                (format!("c{client}/{generation}"), DARK, hue(client).light)
            }
            (Lasting::Paused, _) => ("paused".to_owned(), GREY, WHITE),
            (Lasting::Down, _) => ("down".to_owned(), GREY, WHITE),
            (Lasting::Belief { .. }, Lane::Node(_)) => continue,
        };
        let mut y = from + 13.5;
        // A last label just before the end would say nothing new.
        while y < to && (y < from + 20.0 || y + 60.0 < to) {
            let label = words(&text, (paper.x(bar.lane), y), Side::Middle, 9.5, colour);
            group = group.add(rimmed(bold(label), ground));
            y += LABEL_EVERY;
        }
    }
    group
}

/// Two beliefs at the same time: from when to when, and the outermost lanes of both.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Overlap {
    from: f64,
    to: f64,
    lanes: (u8, u8),
}

fn overlaps(story: &Story, paper: &Paper) -> Vec<Overlap> {
    let beliefs: Vec<(u8, f64, f64)> = (story.bars.iter())
        .filter_map(|bar| match (bar.what, bar.lane) {
            (Lasting::Belief { .. }, Lane::Client(c)) => {
                Some((c, paper.y(bar.from), paper.end(bar.to)))
            }
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for (index, &(one, from, to)) in beliefs.iter().enumerate() {
        for &(other, other_from, other_to) in &beliefs[index + 1..] {
            let (from, to) = (from.max(other_from), to.min(other_to));
            if one != other && from < to {
                found.push(Overlap { from, to, lanes: (one, other) });
            }
        }
    }
    found
}

/// The ground between two clients that believe at the same time.
pub(crate) fn overlap_ground(story: &Story, paper: &Paper) -> Group {
    let mut group = Group::new();
    for Overlap { from, to, lanes } in overlaps(story, paper) {
        let (one, other) = (paper.x(Lane::Client(lanes.0)), paper.x(Lane::Client(lanes.1)));
        let (left, right) = (one.min(other), one.max(other));
        let shape = block((left, from), (right, to), RED).set("fill-opacity", 0.18);
        group = group.add(shape);
    }
    group
}

/// The overlap of both bars, over everything else of them.
pub(crate) fn overlap_bars(story: &Story, paper: &Paper) -> Group {
    let mut group = Group::new();
    for Overlap { from, to, lanes } in overlaps(story, paper) {
        let mut overlap = Group::new().set("class", "overlap");
        for c in [lanes.0, lanes.1] {
            let x = paper.x(Lane::Client(c));
            overlap = overlap.add(block((x - HALF, from), (x + HALF, to), RED));
            for (line, text) in (1..).zip([format!("c{c}"), "both".to_owned()]) {
                let at = (x, from + 2.0 + 11.5 * f64::from(line));
                overlap = overlap.add(bold(words(&text, at, Side::Middle, 9.5, WHITE)));
            }
        }
        group = group.add(overlap);
    }
    group
}

/// The short dashed line of a message that does not get there, with a cross if it never can.
pub(crate) fn stub(from: Point, to: Point, colour: &str, dropped: bool) -> Group {
    let stub = Group::new().add(line(from, to, colour, 1.3).set("stroke-dasharray", "4 3"));
    if !dropped {
        return stub;
    }
    let cross = |sign: f64| {
        line((to.0 - 2.5, to.1 - 2.5 * sign), (to.0 + 2.5, to.1 + 2.5 * sign), colour, 1.4)
    };
    stub.add(cross(1.0)).add(cross(-1.0))
}

/// What belief looks like, for the legend.
pub(crate) fn sample_of_belief((x, y): Point) -> Group {
    let shape = block((x - HALF, y - 7.0), (x + HALF, y + 7.0), hue(0).strong);
    let label = words("c0/1", (x, y + 3.5), Side::Middle, 9.5, WHITE);
    Group::new().add(shape).add(bold(label))
}

/// What a key looks like, for the legend.
pub(crate) fn sample_of_key((x, y): Point) -> Group {
    let shape = block((x - HALF, y - 7.0), (x + HALF, y + 7.0), hue(0).light)
        .set("stroke", hue(0).strong)
        .set("stroke-width", 1.2);
    let label = words("c0/1", (x, y + 3.5), Side::Middle, 9.5, DARK);
    Group::new().add(shape).add(bold(label))
}

/// The lanes themselves.
pub(crate) fn lanes(story: &Story, paper: &Paper) -> Group {
    let mut group = Group::new();
    let (top, bottom) = paper.lanes;
    for c in 0..story.clients {
        let x = paper.x(Lane::Client(c));
        group = group.add(line((x, top - 6.0), (x, bottom), hue(c).strong, 1.4));
    }
    for n in 0..story.nodes {
        let x = paper.x(Lane::Node(n));
        group = group.add(line((x, top - 6.0), (x, bottom), GREY, 1.0));
    }
    group.add(line((paper.ground.0, bottom), (paper.ground.1, bottom), PALE, 1.0))
}
