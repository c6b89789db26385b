//! What stands above and below the lanes: which world this is, what breaks, and what the signs
//! mean.

use leasehold_world::Trace;
use svg::node::element::Group;

use crate::bars;
use crate::ink::{
    DARK, GREY, PALE, Point, RED, SMALL, Side, Stroke, WHITE, arrow, block, bold, dot, hue, line,
    words,
};
use crate::paper::{Paper, STEP_X};
use crate::steps::clock;
use crate::story::{Lane, Story};

/// The room for the title.
pub(crate) const HEADER: f64 = 72.0;
/// Half the height and half the width of a lane's name.
const NAME: (f64, f64) = (10.0, 34.0);

/// The title: the program, the nodes, the TTL.
pub(crate) fn title(trace: &Trace) -> String {
    let settings = trace.scope.settings();
    let plural = |count: usize, what: &str| {
        if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
    };
    let nodes = plural(usize::from(settings.nodes), "node");
    let clients = plural(settings.roles.len(), "client");
    format!(
        "{} \u{b7} {} \u{b7} {} \u{2014} {nodes}, {clients}, TTL {}",
        settings.lifecycle,
        settings.extend,
        settings.transport,
        span(settings.ttl, trace),
    )
}

/// What breaks, and in which step; and whether anything does.
pub(crate) fn verdict(story: &Story) -> (String, bool) {
    let steps = story.moments.len();
    let first = (0..steps).find(|&step| story.breaks_in(step));
    let broken = first.and_then(|step| {
        let claim = story.breaks.or_else(|| story.moments.get(step)?.broken.first().copied())?;
        Some((step + 1, claim))
    });
    match broken {
        Some((step, claim)) => {
            let (name, verdict) = (claim.name(), claim.verdict());
            (format!("Step {step} breaks \u{201c}{name}\u{201d}: {verdict}"), true)
        }
        None => (format!("{steps} steps, and nothing breaks"), false),
    }
}

fn particulars(trace: &Trace, story: &Story) -> String {
    let settings = trace.scope.settings();
    let mut parts = vec![format!("{} steps", story.moments.len())];
    if let Some(mutant) = &settings.mutant {
        parts.push(format!("rule broken on purpose: {mutant}"));
    }
    parts.push(format!("renews every {}", span(settings.renew_every, trace)));
    parts.push(format!("drift allowance {}", span(trace.scope.config.drift(), trace)));
    if let Some(seed) = trace.seed {
        parts.push(format!("seed {seed}"));
    }
    parts.join(" \u{b7} ")
}

/// A span with its unit.
fn span(span: i64, trace: &Trace) -> String {
    match trace.unit.as_str() {
        "ticks" if span == 1 => "1 tick".to_owned(),
        "ticks" => format!("{span} ticks"),
        _ if span % 1000 == 0 => format!("{} ms", span / 1000),
        _ => format!("{} ms", clock(span, false)),
    }
}

/// The title and what stands below it.
pub(crate) fn heading(trace: &Trace, story: &Story) -> Group {
    let (verdict, broken) = verdict(story);
    let colour = if broken { RED } else { DARK };
    Group::new()
        .add(bold(words(&title(trace), (14.0, 24.0), Side::Right, 16.0, DARK)))
        .add(bold(words(&verdict, (14.0, 44.0), Side::Right, 13.0, colour)))
        .add(words(&particulars(trace, story), (14.0, 61.0), Side::Right, 11.0, GREY))
}

/// The names of the lanes and columns, wherever they stand.
pub(crate) fn names(story: &Story, paper: &Paper) -> Group {
    let mut group = Group::new();
    for &y in &paper.names {
        let at = |x: f64| (x, y + 4.0);
        let clock = if story.in_ticks { "tick" } else { "ms" };
        group = group
            .add(words("step", at(STEP_X), Side::Left, SMALL, GREY))
            .add(words(clock, at(paper.clock_x), Side::Left, SMALL, GREY))
            .add(words("what happens", at(paper.sentence_x), Side::Right, SMALL, GREY));
        for c in 0..story.clients {
            let x = paper.x(Lane::Client(c));
            group = group.add(name(&format!("client c{c}"), (x, y), hue(c).strong, WHITE));
        }
        for n in 0..story.nodes {
            let x = paper.x(Lane::Node(n));
            group = group.add(name(&format!("node n{n}"), (x, y), WHITE, DARK));
        }
    }
    group
}

fn name(text: &str, (x, y): Point, ground: &str, colour: &str) -> Group {
    let (high, wide) = NAME;
    let plate = block((x - wide, y - high), (x + wide, y + high), ground)
        .set("rx", 4)
        .set("stroke", if ground == WHITE { GREY } else { ground });
    Group::new().add(plate).add(bold(words(text, (x, y + 4.0), Side::Middle, 11.0, colour)))
}

/// What the signs mean.
pub(crate) fn legend(story: &Story, paper: &Paper) -> Group {
    let (first, second) = (paper.lanes.1 + 24.0, paper.lanes.1 + 46.0);
    let stroke = |dashed| Stroke { colour: GREY, width: 1.4, dashed, bow: 0.0 };
    let from = 14.0;
    let mut group =
        Group::new().add(line((from, first - 16.0), (paper.width - from, first - 16.0), PALE, 1.0));
    let told = |group: Group, x: f64, y: f64, text: &str| {
        group.add(words(text, (x, y + 4.0), Side::Right, SMALL, GREY))
    };
    let columns = [from, from + 265.0, from + 520.0, from + 750.0];
    group = group
        .add(bars::sample_of_belief((columns[0] + 14.0, first)))
        .add(bars::sample_of_key((columns[0] + 14.0, second)))
        .add(arrow((columns[1], first), (columns[1] + 30.0, first), stroke(false)))
        .add(arrow((columns[1], second), (columns[1] + 30.0, second), stroke(true)))
        .add(dot((columns[2] + 8.0, first), GREY, true))
        .add(dot((columns[2] + 8.0, second), GREY, false))
        .add(bars::stub((columns[3], first), (columns[3] + 22.0, first), GREY, true));
    group = told(group, columns[0] + 36.0, first, "the client believes to hold the lock");
    group = told(group, columns[0] + 36.0, second, "the node stores this client\u{2019}s key");
    group = told(group, columns[1] + 38.0, first, "a command, or an answer (thinner)");
    group = told(group, columns[1] + 38.0, second, "a stray: its connection had failed");
    group = told(group, columns[2] + 20.0, first, "runs at the node, and does it");
    group = told(group, columns[2] + 20.0, second, "runs at the node, and is refused");
    group = told(group, columns[3] + 32.0, first, "not run (\u{d7}: it never can be)");
    let clock = if story.in_ticks { "ticks" } else { "milliseconds" };
    let text = format!("time: c0\u{2019}s clock, in {clock}");
    told(group, columns[3], second, &text)
}
