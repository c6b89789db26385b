//! How a round is judged, alone and within a lease.

use super::*;

on_both_clocks!(
    a_win_needs_a_majority,
    a_verdict_tells_what_was_heard,
    late_answers_change_nothing,
);

/// What an observer counts of the present round: the first answer of each node that was asked.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    awaited: NodeSet,
    tally: Tally,
}

impl Counted {
    fn told(&mut self, input: Input<u32>) {
        let (node, kind) = match input {
            Input::Answer {
                node,
                command: Command::Set | Command::Adopt | Command::Extend,
                answer,
            } => {
                let tally = &mut self.tally;
                let kind = match answer {
                    Answer::Done => &mut tally.done,
                    Answer::Missing => &mut tally.missing,
                    Answer::Foreign => &mut tally.foreign,
                    Answer::Refused | Answer::NotSent | Answer::Unknown => &mut tally.failed,
                };
                (node, kind)
            }
            Input::Reset { node } => (node, &mut self.tally.failed),
            Input::Answer { command: Command::Release | Command::Kill, .. }
            | Input::Start(_)
            | Input::Adopt { .. }
            | Input::Tick
            | Input::Stop
            | Input::HandOver
            | Input::Connected { .. } => return,
        };
        if self.awaited.contains(node) {
            self.awaited.remove(node);
            kind.insert(node);
        }
    }

    /// What the round asked, if the step began one: then the answers start anew.
    fn sent<I>(&mut self, config: &Config, output: &Output<I>) {
        let Commands { set, adopt, extend, .. } = output.commands;
        let repairs = matches!(output.event, Some(Event::Extended { .. }));
        let asked = if repairs { NodeSet::EMPTY } else { set.or(adopt).or(extend) };
        if !asked.is_empty() {
            let skipped = NodeSet::all(config.nodes()).without(asked);
            *self =
                Counted { awaited: asked, tally: Tally { failed: skipped, ..Tally::default() } };
        }
    }
}

/// Of the nodes that its round asked, in that round.
pub(super) fn a_win_needs_a_majority<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    let mut counted = Counted::default();
    for Taken { input, output, .. } in steps {
        counted.told(*input);
        counted.sent(config, output);
        if matches!(output.event, Some(Event::Acquired { .. } | Event::Extended { .. })) {
            prop_assert!(2 * counted.tally.done.len() > config.nodes(), "{:?}", counted);
        }
    }
    Ok(())
}

/// A lease is lost to others, or gone, only if a majority of the nodes can no longer store it; to
/// others only if one of them was seen. What is told of a failed round is what was heard in it.
pub(super) fn a_verdict_tells_what_was_heard<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    let mut counted = Counted::default();
    for Taken { input, output, .. } in steps {
        counted.told(*input);
        // A round that can ask too few nodes is begun and lost in one step.
        counted.sent(config, output);
        let tally = counted.tally;
        match output.event {
            Some(Event::Lost(cause @ (LossCause::Gone | LossCause::Taken))) => {
                let left = config.nodes() - tally.missing.or(tally.foreign).len();
                prop_assert!(2 * left <= config.nodes(), "{:?}", counted);
                prop_assert_eq!(cause == LossCause::Taken, !tally.foreign.is_empty());
            }
            Some(Event::Denied(told) | Event::RenewalFailed(told)) => {
                // A round that could ask nobody has heard nobody, and nothing of it was sent.
                let asked_nobody = told.failed == NodeSet::all(config.nodes());
                prop_assert!(asked_nobody || told == tally, "{:?}, {:?}", told, counted);
            }
            None
            | Some(
                Event::Acquired { .. }
                | Event::Extended { .. }
                | Event::Lost(LossCause::Expired)
                | Event::Released { .. }
                | Event::HandedOver { .. },
            ) => {}
        }
    }
    Ok(())
}

/// What a lease knows of its round, for each node.
fn round_of<R: Rules, I: Instant>(lease: &TestLease<R, I>, nodes: u8) -> Vec<u16> {
    (0..nodes).map(|node| lease.view_of(node) >> 4).collect()
}

/// Asked, and not heard of.
const AWAITED: u16 = 0b10000;

/// A node that is not awaited can say what it likes: the round and the validity stay.
pub(super) fn late_answers_change_nothing<R: Rules, I: Instant>(
    config: &Config,
    steps: &[Taken<R, I>],
) -> Result<(), TestCaseError> {
    for step in steps {
        for node in 0..config.nodes() {
            let awaited = step.after.view_of(node) >> 4 == AWAITED;
            let rounds = [Command::Set, Command::Adopt, Command::Extend];
            for command in rounds.into_iter().chain([Command::Release, Command::Kill]) {
                let counts = rounds.contains(&command);
                if !(awaited && counts) {
                    changes_nothing(config, step, node, command)?;
                }
            }
        }
    }
    Ok(())
}

fn changes_nothing<R: Rules, I: Instant>(
    config: &Config,
    step: &Taken<R, I>,
    node: u8,
    command: Command,
) -> Result<(), TestCaseError> {
    let answers =
        [Answer::Done, Answer::Missing, Answer::Foreign, Answer::Refused, Answer::Unknown];
    for answer in answers {
        let mut lease = step.after;
        let output = lease.handle(config, step.moment, Input::Answer { node, command, answer });
        let nodes = config.nodes();
        prop_assert_eq!(round_of(&lease, nodes), round_of(&step.after, nodes));
        prop_assert_eq!(lease.valid_until(), step.after.valid_until());
        let told =
            matches!(output.event, None | Some(Event::Released { .. } | Event::HandedOver { .. }));
        prop_assert!(told, "{:?}", output.event);
        let Commands { set, adopt, extend, .. } = output.commands;
        prop_assert_eq!(set.or(adopt).or(extend), NodeSet::EMPTY);
        let moves_on =
            matches!(step.after.phase(), Phase::Draining | Phase::Releasing | Phase::HandingOver);
        prop_assert!(moves_on || lease.phase() == step.after.phase());
        prop_assert!(moves_on || lease.deadline() == step.after.deadline());
    }
    Ok(())
}

// ---- a round alone ------------------------------------------------------------------------------

/// Nodes, whom of them a round asks, and who answers what, in which order.
fn any_round() -> impl Strategy<Value = (u8, NodeSet, Vec<(u8, Answer)>)> {
    let answers = [
        Answer::Done,
        Answer::Missing,
        Answer::Foreign,
        Answer::Refused,
        Answer::NotSent,
        Answer::Unknown,
    ];
    let answer = prop::sample::select(answers.to_vec());
    (1u8..=9, any::<u16>(), prop::collection::vec((0u8..9, answer), 0..14))
        .prop_map(|(nodes, asked, answers)| (nodes, set_of(asked, nodes), answers))
}

/// Counts the answers that the round awaits, as a lease does.
fn counted(round: &mut Round<Ticks>, answers: &[(u8, Answer)]) {
    for &(node, answer) in answers {
        if round.awaits(node) {
            round.count(node, answer);
        }
    }
}

/// Every way in which the silent nodes may still say *done*, or not.
fn endings(round: Round<Ticks>) -> impl Iterator<Item = Round<Ticks>> {
    let silent: Vec<u8> = round.asked.without(round.tally.heard()).iter().collect();
    (0..1u32 << silent.len()).map(move |bits| {
        let mut ended = round;
        for (index, &node) in silent.iter().enumerate() {
            let answer = if bits >> index & 1 == 1 { Answer::Done } else { Answer::Refused };
            ended.count(node, answer);
        }
        ended
    })
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_verdict_is_what_every_ending_agrees_on((nodes, asked, answers) in any_round()) {
        let quorum = Sound.quorum(nodes);
        let mut round = Round::begin(Ticks(0), nodes, asked);
        counted(&mut round, &answers);
        let wins = |ended: &Round<Ticks>| ended.tally.done.len() >= quorum;
        let wanted = if round.tally.done.len() >= quorum {
            Verdict::Won
        } else if endings(round).any(|ended| wins(&ended)) {
            Verdict::Pending
        } else {
            Verdict::Lost
        };
        prop_assert_eq!(round.verdict(quorum), wanted);
        // What is decided stays decided.
        for ended in endings(round).filter(|_| wanted != Verdict::Pending) {
            prop_assert_eq!(ended.verdict(quorum), wanted);
        }
    }

    #[test]
    fn the_order_of_the_answers_means_nothing(
        (nodes, asked, answers) in any_round(), turn in any::<prop::sample::Index>(),
    ) {
        // One answer of each node: of two the first counts.
        let mut heard = NodeSet::EMPTY;
        let mut answers = answers;
        answers.retain(|&(node, _)| {
            let first = !heard.contains(node);
            heard.insert(node);
            first
        });
        let mut round = Round::begin(Ticks(0), nodes, asked);
        let mut turned = round;
        counted(&mut round, &answers);
        if !answers.is_empty() {
            let at = turn.index(answers.len());
            answers.rotate_left(at);
            answers.reverse();
        }
        counted(&mut turned, &answers);
        prop_assert_eq!(round, turned);
    }

    #[test]
    fn only_those_asked_are_counted_and_once((nodes, asked, answers) in any_round()) {
        let mut round = Round::begin(Ticks(0), nodes, asked);
        counted(&mut round, &answers);
        let Tally { done, missing, foreign, failed } = round.tally;
        let sum = done.len() + missing.len() + foreign.len() + failed.len();
        prop_assert_eq!(sum, round.tally.heard().len(), "a node in two sets");
        prop_assert_eq!(done.or(missing).or(foreign).without(asked), NodeSet::EMPTY);
        let before = round;
        counted(&mut round, &answers);
        prop_assert_eq!(round, before, "a second answer");
    }

    #[test]
    fn what_is_disproved_is_lost_and_stored_by_no_quorum((nodes, asked, answers) in any_round()) {
        let quorum = Sound.quorum(nodes);
        let mut round = Round::begin(Ticks(0), nodes, asked);
        counted(&mut round, &answers);
        let denied = round.tally.missing.or(round.tally.foreign);
        let may_store = NodeSet::all(nodes).without(denied).len();
        prop_assert_eq!(round.disproves(nodes, quorum), may_store < quorum);
        if round.disproves(nodes, quorum) {
            prop_assert_eq!(round.verdict(quorum), Verdict::Lost);
        }
    }

    #[test]
    fn two_quorums_share_a_node(nodes in 1u8..=16, a in any::<u16>(), b in any::<u16>()) {
        let (a, b) = (set_of(a, nodes), set_of(b, nodes));
        let quorum = Sound.quorum(nodes);
        let both = a.len() >= quorum && b.len() >= quorum;
        prop_assert!(!both || !a.and(b).is_empty());
        prop_assert!(quorum <= nodes && 2 * quorum > nodes);
    }
}
