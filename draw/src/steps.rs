//! What each kind of step means for the picture. A new kind of step has to be given its meaning
//! here and nowhere else.

use leasehold::protocol::LossCause;
use leasehold_world::step::TaskMove;
use leasehold_world::{Effects, Report, Step, WorldTime};

use crate::story::{Lane, LinkChange, Mark};

/// What a step does to a message that was under way before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// Nothing that the pipes do not show.
    Nothing,
    /// A node runs one.
    Runs {
        /// Whose pipe.
        client: u8,
        /// To which node.
        node: u8,
        /// Which place in it.
        index: u8,
    },
    /// An answer arrives.
    Arrives {
        /// Whose pipe.
        client: u8,
        /// From which node.
        node: u8,
        /// Which place in it.
        index: u8,
    },
    /// All of one server's are gone.
    ServerDies(u8),
}

/// A step as the picture shows it.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// What it does to a message under way.
    pub(crate) touch: Touch,
    /// What is written beside the lanes.
    pub(crate) marks: Vec<Mark>,
    /// A connection that failed or came back.
    pub(crate) link: Option<LinkChange>,
    /// How much time passed on the first client's clock, if the step is time.
    pub(crate) passed: Option<i64>,
}

/// Reads `step`, which had these `effects`.
pub(crate) fn read<I: WorldTime, const N: usize, const C: usize>(
    step: &Step<I, N, C>,
    effects: &Effects<I>,
    now: &[I; C],
    ttl: i64,
) -> Reading {
    let mut reading = Reading { touch: Touch::Nothing, marks: vec![], link: None, passed: None };
    // Whom a report of this step is for.
    let mut reporter = None;
    let mut says = |c: u8, text: &str, loud: bool| {
        reporter = Some(c);
        reading.marks.push(Mark { lane: Lane::Client(c), text: text.to_owned(), loud });
    };
    match *step {
        Step::Start(c) => says(c, "acquire", false),
        Step::Tick(c) if !effects.sent.extend.is_empty() => says(c, "renew", false),
        Step::Tick(c) if !effects.sent.release.is_empty() => says(c, "release", false),
        Step::Tick(c) => says(c, "deadline", false),
        Step::Stop(c) => says(c, "stop", false),
        Step::HandOver(c) => says(c, "hand over", false),
        Step::Adopt(c) => says(c, "adopt", false),
        Step::Task(c, task) => says(c, task_words(task), false),
        Step::Stall(c) => says(c, "renewer stalls", true),
        Step::Pause(c) => says(c, "not scheduled", true),
        Step::Resume(c) => says(c, "scheduled again", false),
        Step::Run { client, node, index } => reading.touch = Touch::Runs { client, node, index },
        Step::Reply { client, node, index } => {
            reporter = Some(client);
            reading.touch = Touch::Arrives { client, node, index };
        }
        Step::Reset { client, node } => {
            says(client, &format!("n{node}: connection fails"), true);
            reading.link = Some(LinkChange { client, node, up: false });
        }
        Step::Connect { client, node } => {
            says(client, &format!("n{node}: connected again"), false);
            reading.link = Some(LinkChange { client, node, up: true });
        }
        Step::Crash { node, keeps } => {
            let text = if keeps { "dies, keeps state" } else { "dies, loses state" }.to_owned();
            reading.marks.push(Mark { lane: Lane::Node(node), text, loud: true });
            reading.touch = Touch::ServerDies(node);
            // With several clients the effects do not say whose report it is; the sentence does.
            reporter = (C == 1).then_some(0);
        }
        Step::Restart(node) => {
            let text = "back".to_owned();
            reading.marks.push(Mark { lane: Lane::Node(node), text, loud: true });
        }
        Step::Resend { client, .. } => says(client, "sends again by itself", true),
        Step::LoseScripts(node) => {
            let text = "loses its scripts".to_owned();
            reading.marks.push(Mark { lane: Lane::Node(node), text, loud: true });
        }
        Step::Heal(c) => says(c, "all faults end", true),
        Step::Advance { nodes, clients } => {
            let usual = clients.first().map_or(0, |by| by.offset());
            reading.passed = Some(usual);
            let nodes = nodes.iter().zip(0..).map(|(by, n)| (Lane::Node(n), by.offset()));
            let clients = clients.iter().zip(0..).map(|(by, c)| (Lane::Client(c), by.offset()));
            for (lane, by) in nodes.chain(clients) {
                if let Some(text) = odd_clock::<I>(by, usual, ttl) {
                    reading.marks.push(Mark { lane, text, loud: true });
                }
            }
        }
    }
    if let (Some(c), Some(report)) = (reporter, &effects.report) {
        let now = now.get(usize::from(c)).map_or(0, |now| now.offset());
        let text = told(report, now);
        reading.marks.push(Mark { lane: Lane::Client(c), text, loud: true });
    }
    reading
}

fn task_words(task: TaskMove) -> &'static str {
    match task {
        TaskMove::Timeout => "gives the round up",
        TaskMove::Unlock => "unlock",
        TaskMove::Choose => "renewer takes tick",
        TaskMove::Check => "renewer reads flag",
        TaskMove::Send => "renewer sends",
        TaskMove::Quit => "renewer ends",
    }
}

/// What to say about a clock that moved by `by` when another moved by `usual`. In microseconds
/// every clock runs at its own rate: only a jump is worth a word.
fn odd_clock<I: WorldTime>(by: i64, usual: i64, ttl: i64) -> Option<String> {
    if I::IN_TICKS {
        return (by != usual).then(|| format!("its clock +{by}"));
    }
    let ahead = by.saturating_sub(usual);
    let jumped = ahead.saturating_abs() > usual / 4 && ahead.saturating_abs() > ttl / 100;
    jumped.then(|| format!("its clock jumps {:+} ms", ahead / 1000))
}

fn told<I: WorldTime>(report: &Report<I>, now: i64) -> String {
    // Clocks tell different times; in microseconds only how long it lasts is of use.
    let validity = |until: &I| {
        if I::IN_TICKS {
            format!("until {}", until.offset())
        } else {
            format!("for {} ms", until.offset().saturating_sub(now) / 1000)
        }
    };
    match report {
        Report::Acquired { valid_until } => {
            format!("ACQUIRED {}", validity(valid_until))
        }
        Report::Denied { taken: true } => "DENIED: taken".to_owned(),
        Report::Denied { taken: false } => "DENIED: no quorum".to_owned(),
        Report::Extended { valid_until } => {
            format!("EXTENDED {}", validity(valid_until))
        }
        Report::RenewalFailed => "renewal failed".to_owned(),
        Report::AlreadyTaken => "\u{201c}lock already taken\u{201d}".to_owned(),
        Report::Lost(LossCause::Expired) => "LOST: expired".to_owned(),
        Report::Lost(LossCause::Gone) => "LOST: keys are gone".to_owned(),
        Report::Lost(LossCause::Taken) => "LOST: taken".to_owned(),
        Report::Released { unsettled } if unsettled.is_empty() => "RELEASED".to_owned(),
        Report::Released { unsettled } => {
            let names: Vec<String> = unsettled.iter().map(|node| format!("n{node}")).collect();
            format!("RELEASED, not by {}", names.join(" "))
        }
        Report::HandedOver { .. } => "HANDED OVER".to_owned(),
    }
}

/// A moment as it is written in the picture: ticks, or milliseconds.
pub(crate) fn clock(at: i64, in_ticks: bool) -> String {
    if in_ticks {
        return at.to_string();
    }
    let sign = if at < 0 { "-" } else { "" };
    let at = at.unsigned_abs();
    format!("{sign}{}.{:03}", at / 1000, at % 1000)
}
