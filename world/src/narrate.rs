//! What a step did, in one sentence for people.

use std::fmt::Write;

use leasehold::protocol::{Answer, Command, LossCause, NodeSet};

use crate::effects::{Effects, Executed, Report};
use crate::step::{Step, TaskMove};
use crate::time::WorldTime;

/// The sentence for `step`, which had these `effects`.
pub fn narrate<I: WorldTime, const N: usize, const C: usize>(
    step: &Step<I, N, C>,
    effects: &Effects<I>,
) -> String {
    let mut parts = vec![opening(step, effects)];
    if let Some(executed) = &effects.executed {
        parts.push(execution(executed));
    }
    if let (Step::Reply { client, node, .. }, Some((command, answer))) = (step, effects.heard) {
        let (command, answer) = (verb(command), said(answer));
        parts.push(format!("c{client} hears {answer} from n{node} to its {command}"));
    }
    if let Some(report) = &effects.report {
        parts.push(told(report));
    }
    for (command, nodes) in effects.sent.in_order() {
        if !nodes.is_empty() {
            parts.push(format!("sends {} to {}", verb(command), names(nodes)));
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

fn opening<I: WorldTime, const N: usize, const C: usize>(
    step: &Step<I, N, C>,
    effects: &Effects<I>,
) -> String {
    match step {
        Step::Start(c) => format!("c{c} acquires"),
        Step::Tick(c) if effects.sent.extend.is_empty() => format!("c{c} handles a deadline"),
        Step::Tick(c) => format!("c{c} renews"),
        Step::Stop(c) => format!("c{c} stops: it no longer believes"),
        Step::HandOver(c) => format!("c{c} hands over: it no longer believes"),
        Step::Adopt(c) => format!("c{c} adopts"),
        Step::Task(c, task) => match task {
            TaskMove::Timeout => format!("c{c} gives the round up"),
            TaskMove::Unlock => format!("c{c} unlocks"),
            TaskMove::Choose => format!("c{c}'s renewer takes its tick"),
            TaskMove::Check => format!("c{c}'s renewer reads the held flag"),
            TaskMove::Send => format!("c{c}'s renewer goes on"),
            TaskMove::Quit => format!("c{c}'s renewer sees the cancel flag and ends"),
        },
        Step::Stall(c) => format!("c{c}'s renewer is not scheduled for a while"),
        Step::Pause(c) => format!("c{c} is not scheduled; its clock runs on"),
        Step::Resume(c) => format!("c{c} is scheduled again"),
        Step::Run { .. } | Step::Reply { .. } => String::new(),
        Step::Reset { client, node } => {
            format!("the connection of c{client} to n{node} fails; its requests become strays")
        }
        Step::Connect { client, node } => format!("c{client} is connected to n{node} again"),
        Step::Crash { node, keeps: true } => format!("n{node} dies and keeps what it stored"),
        Step::Crash { node, keeps: false } => format!("n{node} dies and loses what it stored"),
        Step::Restart(node) => format!("n{node} is back"),
        Step::Resend { client, node, .. } => {
            format!("c{client}'s client library gives up an answer of n{node} and sends it again")
        }
        Step::LoseScripts(node) => format!("n{node} loses its script cache"),
        Step::Heal(c) => format!("the world heals; only c{c} is left"),
        Step::Advance { nodes, clients } => advance(nodes, clients),
    }
}

fn advance<I: WorldTime>(nodes: &[I], clients: &[I]) -> String {
    let amounts = || nodes.iter().chain(clients).map(|by| by.offset());
    let usual = clients.first().map_or(0, |by| by.offset());
    let mut text = if I::IN_TICKS && usual == 1 {
        "a tick passes".to_owned()
    } else {
        format!("{usual} {} pass", I::UNIT)
    };
    if amounts().any(|by| by != usual) && I::IN_TICKS {
        for (kind, clocks) in [('n', nodes), ('c', clients)] {
            for (index, by) in clocks.iter().enumerate() {
                if by.offset() != usual {
                    let _ = write!(text, ", {} on {kind}{index}", by.offset());
                }
            }
        }
    }
    text
}

fn execution(executed: &Executed) -> String {
    let Executed { node, command, value, answer, stray, .. } = executed;
    let stray = if *stray { "stray " } else { "" };
    let what = match (command, answer) {
        (Command::Set, Answer::Done) => "the key is set",
        (Command::Set, Answer::Foreign) => "the key is taken",
        (Command::Extend, Answer::Done) => "the key lives for another TTL",
        (Command::Extend, Answer::Missing) => "there is no key",
        (Command::Release, Answer::Done) => "the key is deleted",
        (Command::Release, Answer::Missing) => "there is no key to delete",
        (Command::Adopt, Answer::Done) => "the key is the adopter's",
        (Command::Adopt, Answer::Missing) => "there is no key to adopt",
        (Command::Adopt, Answer::Foreign) => "the key is not what was handed over",
        (Command::Extend | Command::Release, Answer::Foreign) => "the key is another's",
        (Command::Kill, Answer::Done) => "the old connection can run nothing more",
        (Command::Kill, _) => "nothing of the old connection is left",
        (_, other) => said(*other),
    };
    format!("n{node} runs {stray}{} of {value:?}: {what}", verb(*command))
}

fn told<I: WorldTime>(report: &Report<I>) -> String {
    match report {
        Report::Acquired { valid_until } => {
            format!("ACQUIRED, valid until {} on its clock", valid_until.offset())
        }
        Report::Denied { taken: true } => "DENIED: taken by another".to_owned(),
        Report::Denied { taken: false } => "DENIED: no quorum in time".to_owned(),
        Report::Extended { valid_until } => {
            format!("EXTENDED, valid until {} on its clock", valid_until.offset())
        }
        Report::RenewalFailed => "renewal failed".to_owned(),
        Report::AlreadyTaken => "ERROR \"lock already taken\"".to_owned(),
        Report::Lost(LossCause::Expired) => "LOST: expired".to_owned(),
        Report::Lost(LossCause::Gone) => "LOST: the keys are gone".to_owned(),
        Report::Lost(LossCause::Taken) => "LOST: taken by another".to_owned(),
        Report::Released { unsettled } if unsettled.is_empty() => "RELEASED".to_owned(),
        Report::Released { unsettled } => {
            format!("RELEASED, not acknowledged by {}", names(*unsettled))
        }
        Report::HandedOver { valid_until } => {
            format!("HANDED OVER, valid until {} on its clock", valid_until.offset())
        }
    }
}

/// What a command is called in sentences and pictures.
pub fn verb(command: Command) -> &'static str {
    match command {
        Command::Set => "SET",
        Command::Extend => "extend",
        Command::Release => "release",
        Command::Kill => "KILL",
        Command::Adopt => "adoption",
    }
}

/// What an answer is called in sentences.
pub fn said(answer: Answer) -> &'static str {
    match answer {
        Answer::Done => "done",
        Answer::Missing => "missing",
        Answer::Foreign => "foreign",
        Answer::Refused => "refused",
        Answer::NotSent => "not sent",
        Answer::Unknown => "unknown",
    }
}

fn names(nodes: NodeSet) -> String {
    nodes.iter().map(|node| format!("n{node}")).collect::<Vec<_>>().join(" ")
}
