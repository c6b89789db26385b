//! Messages: commands on their way, what became of them, and the answers.

use leasehold::protocol::{Answer, Command};
use leasehold_world::narrate::verb;
use svg::node::element::Group;

use crate::bars::stub;
use crate::ink::{
    DARK, GREY, RED, SMALL, Side, Stroke, arrow, bold, dot, hue, line, rimmed, words,
};
use crate::paper::{HALF, LINE, Paper};
use crate::story::{Bar, Flight, Lane, Lasting, Ran, Story};

/// How far a message gets that never runs.
const STUB: f64 = 40.0;
/// The radius of what runs at a node, with some air.
const DOT: f64 = 5.5;

/// How many characters fit between a node and the next.
const LABEL: usize = 15;
/// How far a command swerves for each node that it passes by.
const BOW: f64 = 7.0;

/// How many nodes a command passes by.
fn passed_by(flight: &Flight, story: &Story, paper: &Paper) -> f64 {
    let last = story.nodes.saturating_sub(1);
    let from_left = paper.inward(flight.client) > 0.0;
    f64::from(if from_left { flight.node } else { last.saturating_sub(flight.node) })
}

fn said(answer: Answer) -> &'static str {
    match answer {
        Answer::Done => "ok",
        Answer::Missing => "missing",
        Answer::Foreign => "foreign",
        Answer::Refused => "refused",
        Answer::NotSent => "not sent",
        Answer::Unknown => "unknown",
    }
}

/// What stands at the node where a message runs, in one line or two.
fn label(flight: &Flight, ran: Ran) -> Vec<String> {
    let mut command = verb(flight.command).to_owned();
    if ran.outdated && flight.command != Command::Kill {
        command += &format!(" c{}/{}", flight.client, flight.generation);
    }
    if ran.stray {
        command = format!("stray {command}");
    }
    let answer = said(ran.answer);
    if command.len() + answer.len() > LABEL {
        vec![format!("{command}:"), answer.to_owned()]
    } else {
        vec![format!("{command}: {answer}")]
    }
}

/// What stands at the client where the answer is heard.
pub(crate) fn hearing(flight: &Flight, ran: Ran) -> String {
    format!("n{}: {} {}", flight.node, verb(flight.command), said(ran.answer))
}

/// How many lines stand beside a lane at `step` because of a message.
pub(crate) fn lines_at(story: &Story, step: usize) -> usize {
    let ran = |flight: &Flight| {
        flight.ran.filter(|ran| ran.step == step).map(|ran| label(flight, ran).len())
    };
    story.flights.iter().filter_map(ran).max().unwrap_or(0)
}

/// Every arrow, answers first, and the stubs of what never gets there.
pub(crate) fn arrows(story: &Story, paper: &Paper) -> Group {
    let mut group = Group::new();
    for flight in &story.flights {
        if let Some(ran) = flight.ran {
            group = group.add(answer(flight, ran, story, paper));
        }
    }
    for flight in &story.flights {
        if let Some(ran) = flight.ran {
            group = group.add(command(flight, ran, story, paper));
        }
    }
    for step in 0..story.moments.len() {
        group = group.add(never_run(story, step, paper));
    }
    group
}

fn command(flight: &Flight, ran: Ran, story: &Story, paper: &Paper) -> Group {
    let inward = paper.inward(flight.client);
    let from = (paper.x(Lane::Client(flight.client)), paper.y(flight.sent));
    let (x, y) = (paper.x(Lane::Node(flight.node)), paper.y(ran.step));
    let red = story.breaks_in(ran.step) || story.breaks_in(flight.sent);
    let stroke = Stroke {
        colour: if red { RED } else { hue(flight.client).strong },
        width: if red { 2.6 } else { 1.5 },
        dashed: ran.stray,
        bow: BOW * passed_by(flight, story, paper),
    };
    let class = if ran.stray { "command stray" } else { "command" };
    arrow(from, (x - inward * DOT, y), stroke).set("class", class)
}

fn answer(flight: &Flight, ran: Ran, story: &Story, paper: &Paper) -> Group {
    let inward = paper.inward(flight.client);
    let (x, y) = (paper.x(Lane::Node(flight.node)), paper.y(ran.step));
    let from = (x - inward * DOT, y);
    let Some(heard) = flight.heard else {
        let what = Group::new().set("class", "unheard");
        if ran.stray {
            // There is nobody to answer to.
            return what;
        }
        let out = (from.0 - inward * (HALF + 3.0), y + 7.0);
        return what.add(stub(from, out, GREY, flight.dropped.is_some()));
    };
    let edge = if believes(story, flight.client, heard) { HALF } else { 0.0 };
    let to = (paper.x(Lane::Client(flight.client)) + inward * (edge + 1.0), paper.y(heard));
    let red = story.breaks_in(heard);
    let stroke = Stroke {
        colour: if red { RED } else { hue(flight.client).strong },
        width: if red { 1.8 } else { 0.8 },
        dashed: false,
        bow: 0.0,
    };
    arrow(from, to, stroke).set("class", "answer")
}

fn believes(story: &Story, client: u8, step: usize) -> bool {
    let covers = |bar: &Bar| {
        matches!(bar.what, Lasting::Belief { .. })
            && bar.lane == Lane::Client(client)
            && bar.from <= step
            && bar.to.is_none_or(|to| step <= to)
    };
    story.bars.iter().any(covers)
}

/// The stubs of all that was sent in `step` and never ran.
fn never_run(story: &Story, step: usize, paper: &Paper) -> Group {
    let mut group = Group::new();
    let lost: Vec<&Flight> = (story.flights.iter())
        .filter(|flight| flight.sent == step && flight.ran.is_none())
        .collect();
    let Some(first) = lost.first() else { return group };
    let inward = paper.inward(first.client);
    let edge = if believes(story, first.client, step) { HALF } else { 0.0 };
    let from = (paper.x(Lane::Client(first.client)) + inward * edge, paper.y(step));
    let colour = if story.breaks_in(step) { RED } else { GREY };
    let mut end = from;
    // Upwards, where nothing else leaves the client.
    let apart = (15.0 / lost.len() as f64).min(6.0);
    for (number, flight) in lost.iter().enumerate() {
        end = (from.0 + inward * STUB, from.1 - 1.0 - apart * number as f64);
        let stub = stub(from, end, colour, flight.dropped.is_some());
        group = group.add(stub.set("class", "never-run"));
    }
    for (line, text) in fates(&lost).into_iter().enumerate() {
        let at = (end.0 + inward * 7.0, from.1 - 2.5 - LINE * line as f64);
        let text = words(&text, at, side(inward), 9.5, colour);
        group = group.add(rimmed(text, story.ground(step)));
    }
    group
}

/// What became of messages that never ran: one line for each command and fate.
fn fates(lost: &[&Flight]) -> Vec<String> {
    let mut lines: Vec<(Command, bool, Vec<String>)> = Vec::new();
    for flight in lost {
        let (command, dropped) = (flight.command, flight.dropped.is_some());
        let node = format!("n{}", flight.node);
        match lines.iter_mut().find(|line| (line.0, line.1) == (command, dropped)) {
            Some((_, _, nodes)) => nodes.push(node),
            None => lines.push((command, dropped, vec![node])),
        }
    }
    let told = |(command, dropped, nodes): (Command, bool, Vec<String>)| {
        let fate = if dropped { "never runs" } else { "not run yet" };
        format!("{} {}: {fate}", verb(command), nodes.join(" "))
    };
    lines.into_iter().map(told).collect()
}

fn side(inward: f64) -> Side {
    if inward > 0.0 { Side::Right } else { Side::Left }
}

/// What ran at the nodes: a dot each, with the command and the answer.
pub(crate) fn runs(story: &Story, paper: &Paper) -> Group {
    let mut group = Group::new();
    for flight in &story.flights {
        let Some(ran) = flight.ran else { continue };
        let (x, y) = (paper.x(Lane::Node(flight.node)), paper.y(ran.step));
        let red = story.breaks_in(ran.step);
        let colour = if red { RED } else { hue(flight.client).strong };
        let inward = paper.inward(flight.client);
        let mut run =
            Group::new().set("class", "run").add(dot((x, y), colour, ran.answer == Answer::Done));
        for (line, text) in label(flight, ran).into_iter().enumerate() {
            let at = (x + inward * (HALF + 4.0), y + 3.5 + LINE * line as f64);
            let colour = if red { RED } else { DARK };
            let text = bold(words(&text, at, side(inward), SMALL, colour));
            run = run.add(rimmed(text, story.ground(ran.step)));
        }
        group = group.add(run);
    }
    group
}

/// Connections that fail and come back.
pub(crate) fn links(story: &Story, paper: &Paper) -> Group {
    let mut group = Group::new();
    for (step, moment) in story.moments.iter().enumerate() {
        let Some(link) = moment.link else { continue };
        let y = paper.y(step);
        let (from, to) = (paper.x(Lane::Client(link.client)), paper.x(Lane::Node(link.node)));
        let dashes = if link.up { "1 3" } else { "6 4" };
        let across = line((from, y), (to, y), DARK, 1.2).set("stroke-dasharray", dashes);
        group = group.add(across.set("class", "link"));
    }
    group
}
