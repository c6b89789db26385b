//! Where everything stands: a column for each lane, and a row for each step.
//!
//! Time runs downwards, so that every step has a line of its own for words, however many there
//! are. The clients stand left and right of the nodes, so that the direction of a message tells
//! whose it is.

use leasehold_world::Claim;

use crate::ink::wrapped;
use crate::steps::clock;
use crate::story::{Lane, Moment, Story};

/// Half the width of a bar.
pub(crate) const HALF: f64 = 15.0;
/// Where the numbers of the steps end.
pub(crate) const STEP_X: f64 = 38.0;
/// The room for the words beside a client.
const CLIENT_WORDS: f64 = 166.0;
/// The distance of one node from the next, with room for the words beside it.
const NODE_GAP: f64 = 132.0;
/// The least distance of a client from a node.
const CLIENT_GAP: f64 = 118.0;
/// The width of the sentences, and how many characters that is.
const SENTENCES: f64 = 352.0;
const COLUMNS: usize = 56;
/// The height of a line of words.
pub(crate) const LINE: f64 = 12.5;
/// The height of a row with one line.
const ROW: f64 = 22.0;
/// The height of a row in which only time passes.
const TIME_ROW: f64 = 18.0;
/// From the end of one set of names of the lanes to the next.
const NAMES_EVERY: f64 = 1000.0;
/// The room for the names of the lanes.
pub(crate) const NAMES: f64 = 34.0;
/// What is left of the lanes after the last step.
const TAIL: f64 = 40.0;
/// The room for the legend.
const LEGEND: f64 = 64.0;
const LEGEND_WIDTH: f64 = 980.0;

/// One step's place.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// Where it begins.
    pub(crate) top: f64,
    /// Where things happen.
    pub(crate) y: f64,
    /// Where it ends.
    pub(crate) bottom: f64,
    /// What the clock shows, where that is to be said.
    pub(crate) clock: Option<String>,
    /// What happens, in lines.
    pub(crate) sentence: Vec<String>,
    /// What broke, in lines.
    pub(crate) captions: Vec<Caption>,
}

/// A line about a claim that broke.
#[derive(Clone, Debug)]
pub(crate) struct Caption {
    /// The line.
    pub(crate) text: String,
    /// What it is about.
    pub(crate) about: About,
}

/// What a caption is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// The trace's own claim.
    Claim,
    /// Another claim.
    OtherClaim,
    /// Why it broke.
    Reason,
}

/// The whole sheet.
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    /// How wide it is.
    pub(crate) width: f64,
    /// How high it is.
    pub(crate) height: f64,
    /// Where the clock's readings end.
    pub(crate) clock_x: f64,
    /// Where the lanes' ground begins and ends.
    pub(crate) ground: (f64, f64),
    /// Where the sentences begin.
    pub(crate) sentence_x: f64,
    /// Where the lanes begin and end.
    pub(crate) lanes: (f64, f64),
    /// The middle of every set of names of the lanes.
    pub(crate) names: Vec<f64>,
    /// Where nothing happens for long, and for how long.
    pub(crate) silences: Vec<(f64, String)>,
    /// One for each step.
    pub(crate) rows: Vec<Row>,
    clients: Vec<f64>,
    nodes: Vec<f64>,
}

impl Paper {
    /// The sheet for `story`; `words` tells how many lines stand beside a lane at a step.
    pub(crate) fn new(story: &Story, words: impl Fn(usize) -> usize) -> Paper {
        let clock_x = STEP_X + if story.in_ticks { 38.0 } else { 74.0 };
        let mut x = clock_x + 14.0;
        let ground_from = x;
        let mut clients = Vec::new();
        for _ in (0..story.clients).filter(|&c| is_left(c, story.clients)) {
            x += CLIENT_WORDS + HALF;
            clients.push(x);
        }
        x += CLIENT_GAP - NODE_GAP;
        let mut nodes = Vec::new();
        for _ in 0..story.nodes {
            x += NODE_GAP;
            nodes.push(x);
        }
        let mut gap = CLIENT_GAP;
        for _ in (0..story.clients).filter(|&c| !is_left(c, story.clients)) {
            x += gap;
            clients.push(x);
            gap = CLIENT_WORDS + HALF;
        }
        let words_right = story.clients > 1;
        x += HALF + if words_right { CLIENT_WORDS } else { CLIENT_GAP - 8.0 };
        let width = (x + SENTENCES).max(LEGEND_WIDTH);
        let heading = story.extras.heading(width);
        let Column { rows, names, silences } = column(story, heading, words);
        let bottom = rows.last().map_or(heading + NAMES, |row| row.bottom) + TAIL;
        Paper {
            width,
            height: bottom + LEGEND,
            clock_x,
            ground: (ground_from, x),
            sentence_x: x + 10.0,
            lanes: (heading + NAMES, bottom),
            names,
            silences,
            rows,
            clients,
            nodes,
        }
    }

    /// The middle of a lane.
    pub(crate) fn x(&self, lane: Lane) -> f64 {
        let found = match lane {
            Lane::Client(c) => self.clients.get(usize::from(c)),
            Lane::Node(n) => self.nodes.get(usize::from(n)),
        };
        found.copied().unwrap_or(0.0)
    }

    /// Where a step happens.
    pub(crate) fn y(&self, step: usize) -> f64 {
        self.rows.get(step).map_or(self.lanes.1, |row| row.y)
    }

    /// Where something ends that ends with step `to`, or with the trace.
    pub(crate) fn end(&self, to: Option<usize>) -> f64 {
        to.map_or(self.lanes.1, |step| self.y(step))
    }

    /// From a client towards the nodes: 1 to the right, -1 to the left.
    pub(crate) fn inward(&self, client: u8) -> f64 {
        if is_left(client, self.clients.len() as u8) { 1.0 } else { -1.0 }
    }
}

/// Whether a client stands left of the nodes.
fn is_left(client: u8, of: u8) -> bool {
    2 * client < of
}

/// What stands below each other.
struct Column {
    rows: Vec<Row>,
    names: Vec<f64>,
    silences: Vec<(f64, String)>,
}

/// Every step's row, where the names of the lanes are repeated, and where nothing happens.
fn column(story: &Story, heading: f64, words: impl Fn(usize) -> usize) -> Column {
    let mut rows: Vec<Row> = Vec::with_capacity(story.moments.len());
    let mut names = vec![heading + NAMES / 2.0];
    let mut silences = Vec::new();
    let mut top = heading + NAMES + if story.in_ticks { 16.0 } else { 8.0 };
    let mut named = top;
    // How long nothing has happened; nothing counts before the first event, when clocks are set.
    let mut silence: Option<i64> = None;
    for (step, moment) in story.moments.iter().enumerate() {
        let row = row(story, step, moment, top, words(step));
        let Some(row) = row else {
            let passed = moment.passed.unwrap_or(0);
            silence = silence.map(|silence| silence.saturating_add(passed));
            rows.push(Row::empty(top));
            continue;
        };
        let gap = silence.filter(|_| !story.in_ticks).map_or(0.0, |span| {
            // Silence takes room, though far less than in proportion.
            (span as f64 / story.ttl.max(1) as f64 * 120.0).min(30.0)
        });
        if gap > 12.0 {
            let milliseconds = silence.unwrap_or(0) / 1000;
            silences.push((top + gap / 2.0, format!("{milliseconds} ms pass")));
        }
        let mut down = gap;
        if top - named > NAMES_EVERY {
            names.push(top + gap + NAMES / 2.0);
            down += NAMES;
            named = top + down;
        }
        let row = row.moved(down);
        top = row.bottom;
        rows.push(row);
        silence = Some(0);
    }
    // What happens while nobody acts happens before the next act.
    let mut next = top;
    for row in rows.iter_mut().rev() {
        if row.top < row.bottom {
            next = row.top;
        } else {
            *row = Row::empty(next);
        }
    }
    Column { rows, names, silences }
}

impl Row {
    /// That of a step which needs no room.
    fn empty(at: f64) -> Row {
        let (clock, sentence, captions) = (None, Vec::new(), Vec::new());
        Row { top: at, y: at, bottom: at, clock, sentence, captions }
    }

    /// The same row further down.
    fn moved(self, by: f64) -> Row {
        Row { top: self.top + by, y: self.y + by, bottom: self.bottom + by, ..self }
    }
}

/// What broke, the trace's own claim first, and what the step adds to the reasons.
fn captions(story: &Story, step: usize, moment: &Moment) -> Vec<Caption> {
    let is_own = |claim: &Claim| story.breaks.is_none_or(|own| own == *claim);
    let mut captions = Vec::new();
    for own in [true, false] {
        for claim in moment.broken.iter().filter(|claim| is_own(claim) == own) {
            let lead = if own { "BROKEN: " } else { "also broken: " };
            let text = format!("{lead}{}: {}", claim.name(), claim.verdict());
            let lines = wrapped(&text, COLUMNS - 4).into_iter();
            let about = if own { About::Claim } else { About::OtherClaim };
            captions.extend(lines.map(|text| Caption { text, about }));
        }
    }
    if let Some(reason) = story.extras.reason(step) {
        let lines = wrapped(&format!("WHY: {reason}"), COLUMNS - 4).into_iter();
        captions.extend(lines.map(|text| Caption { text, about: About::Reason }));
    }
    captions
}

/// The row of one step, or none if only time passes and nothing is to be said about it.
fn row(story: &Story, step: usize, moment: &Moment, top: f64, words: usize) -> Option<Row> {
    let captions = captions(story, step, moment);
    let reading = clock(moment.clock, story.in_ticks);
    if moment.passed.is_none() {
        let sentence = wrapped(&moment.sentence, COLUMNS);
        let lines = words.max(sentence.len() + captions.len()).max(1);
        let clock = (!story.in_ticks).then_some(reading);
        let bottom = top + ROW + LINE * (lines - 1) as f64;
        return Some(Row { top, y: top + ROW / 2.0, bottom, clock, sentence, captions });
    }
    let lines = words.max(captions.len());
    (story.in_ticks || lines > 0).then(|| {
        let bottom = top + TIME_ROW + LINE * lines.saturating_sub(1) as f64;
        let (y, clock) = (top + TIME_ROW / 2.0, Some(reading));
        Row { top, y, bottom, clock, sentence: Vec::new(), captions }
    })
}
