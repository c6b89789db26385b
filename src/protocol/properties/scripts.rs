//! What a lease is told: random scripts, settings and moments, most of them sensible.

use std::collections::BTreeSet;
use std::format;
use std::string::String;
use std::vec;

use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;

/// One thing to tell a lease. Most are chosen so that they fit what it waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    /// The deadline has come.
    Due,
    /// A node that was asked answers.
    Fitting(u8, Answer),
    /// A node that owes an acknowledgement answers.
    Acknowledged(u8, Answer),
    /// Anything at all.
    Any(Input<u32>),
}

/// When and what, which nodes have a connection, and which of them may have lost their memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// How much time has passed, in sixteenths of the TTL.
    after: i64,
    reachable: u16,
    guarded: u16,
    told: Told,
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(Answer::Done),
        2 => Just(Answer::Missing),
        2 => Just(Answer::Foreign),
        1 => Just(Answer::Refused),
        1 => Just(Answer::NotSent),
        1 => Just(Answer::Unknown),
    ]
}

pub(super) fn any_input() -> impl Strategy<Value = Input<u32>> {
    let commands = [Command::Set, Command::Adopt, Command::Extend, Command::Release, Command::Kill];
    let node = || 0u8..16;
    let answers = (node(), prop::sample::select(commands.to_vec()), any_answer());
    prop_oneof![
        1 => any::<u32>().prop_map(Input::Start),
        1 => (any::<u32>(), any::<u32>()).prop_map(|(token, from)| Input::Adopt { token, from }),
        4 => answers.prop_map(|(node, command, answer)| Input::Answer { node, command, answer }),
        2 => Just(Input::Tick),
        1 => Just(Input::Stop),
        1 => Just(Input::HandOver),
        2 => node().prop_map(|node| Input::Reset { node }),
        2 => (node(), any::<bool>())
            .prop_map(|(node, new_process)| Input::Connected { node, new_process }),
    ]
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let told = prop_oneof![
        4 => Just(Told::Due),
        8 => (any::<u8>(), any_answer()).prop_map(|(pick, answer)| Told::Fitting(pick, answer)),
        2 => (any::<u8>(), any_answer())
            .prop_map(|(pick, answer)| Told::Acknowledged(pick, answer)),
        4 => any_input().prop_map(Told::Any),
    ];
    let after = prop_oneof![6 => Just(0i64), 3 => 0i64..4, 1 => 0i64..24];
    let reachable = prop_oneof![4 => Just(u16::MAX), 1 => any::<u16>()];
    let guarded = prop_oneof![9 => Just(0), 1 => any::<u16>()];
    (after, reachable, guarded, told).prop_map(|(after, reachable, guarded, told)| Entry {
        after,
        reachable,
        guarded,
        told,
    })
}

/// A lease that begins, and what it is told then.
pub(super) fn any_script() -> impl Strategy<Value = Vec<Entry>> {
    let begin = |input| Entry { after: 0, reachable: u16::MAX, guarded: 0, told: Told::Any(input) };
    let (start, adopt) = (Input::Start(7), Input::Adopt { token: 7, from: 3 });
    let first = prop_oneof![
        7 => Just(Some(begin(start))),
        2 => Just(Some(begin(adopt))),
        1 => Just(None),
    ];
    (first, prop::collection::vec(any_entry(), 0..40))
        .prop_map(|(first, rest)| first.into_iter().chain(rest).collect())
}

/// Settings that fit together, with TTLs of `ttl`.
pub(super) fn any_config(ttl: core::ops::RangeInclusive<i64>) -> impl Strategy<Value = Config> {
    let names = (
        prop::sample::select(vec![Extend::Touch, Extend::TouchOrSet]),
        prop::sample::select(vec![Transport::Fifo, Transport::Pooled]),
    );
    // Parts are in 256ths.
    let nodes = prop_oneof![9 => 1u8..=5, 1 => 6u8..=16];
    (nodes, ttl, any::<[u8; 5]>(), names).prop_map(|(nodes, ttl, parts, (extend, transport))| {
        let part = |whole: i64, index: usize| 1 + (whole - 1) * i64::from(parts[index]) / 256;
        let floor = ttl / 4 * i64::from(parts[0]) / 255;
        let settings = Settings {
            nodes,
            ttl,
            drift: Drift { factor_ppm: 0, floor },
            renew_every: part(ttl - floor - 1, 1),
            renew_retry: part(ttl, 2),
            node_timeout: part(ttl, 3),
            release_within: part(ttl, 4),
            extend,
            transport,
            max_ttl: None,
            repair: parts[0] % 2 == 1,
        };
        Config::new(settings).unwrap()
    })
}

pub(super) fn set_of(bits: u16, nodes: u8) -> NodeSet {
    let mut set = NodeSet::EMPTY;
    (0..nodes).filter(|node| bits & (1 << node) != 0).for_each(|node| set.insert(node));
    set
}

/// A step that was taken: the lease before and after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken<R, I> {
    pub(super) before: TestLease<R, I>,
    pub(super) moment: Moment<I>,
    pub(super) input: Input<u32>,
    pub(super) output: Output<I>,
    pub(super) after: TestLease<R, I>,
}

/// Plays a script, as far as its moments do not reach the end of the clock.
pub(super) fn play<R: Rules, I: Instant>(
    rules: R,
    config: &Config,
    script: &[Entry],
) -> Vec<Taken<R, I>> {
    let mut lease = TestLease::<R, I>::new(rules);
    let mut now = I::default();
    let end = now.plus(i64::MAX).plus(-3 * config.ttl());
    let mut steps: Vec<Taken<R, I>> = Vec::new();
    for entry in script {
        now = now.plus(config.ttl() * entry.after / 16);
        let due = lease.deadline().map(|(at, _)| at);
        if let (Told::Due, Some(at)) = (entry.told, due) {
            now = now.max(at);
        }
        if now > end {
            break;
        }
        let input = input_of(config, &lease, entry.told);
        let mut reachable = set_of(entry.reachable, config.nodes());
        if let Input::Reset { node } = input {
            reachable.remove(node);
        }
        let moment = Moment { now, reachable, guarded: set_of(entry.guarded, config.nodes()) };
        let before = lease;
        let output = lease.handle(config, moment, input);
        steps.push(Taken { before, moment, input, output, after: lease });
    }
    steps
}

pub(super) fn input_of<R: Rules, I: Instant>(
    config: &Config,
    lease: &TestLease<R, I>,
    told: Told,
) -> Input<u32> {
    let acquiring = lease.phase() == Phase::Acquiring;
    let round = match lease.adopted() {
        Some(_) if acquiring => Command::Adopt,
        None if acquiring => Command::Set,
        Some(_) | None => Command::Extend,
    };
    let pick = |nodes: NodeSet, index: u8, command, answer| {
        let index = usize::from(index) % usize::from(nodes.len().max(1));
        nodes.iter().nth(index).map(|node| Input::Answer { node, command, answer })
    };
    let within = |node: u8| node % config.nodes();
    match told {
        Told::Due => Input::Tick,
        Told::Fitting(index, answer) => {
            pick(lease.unresolved(), index, round, answer).unwrap_or(Input::Tick)
        }
        Told::Acknowledged(index, answer) => {
            pick(lease.owed(), index, Command::Release, answer).unwrap_or(Input::Tick)
        }
        Told::Any(Input::Answer { node, command, answer }) => {
            Input::Answer { node: within(node), command, answer }
        }
        Told::Any(Input::Reset { node }) => Input::Reset { node: within(node) },
        Told::Any(Input::Connected { node, new_process }) => {
            Input::Connected { node: within(node), new_process }
        }
        Told::Any(
            input @ (Input::Start(_)
            | Input::Adopt { .. }
            | Input::Tick
            | Input::Stop
            | Input::HandOver),
        ) => input,
    }
}

/// Properties of scripts that reach nothing would mean nothing.
#[test]
fn the_scripts_reach_every_event() {
    let mut runner = TestRunner::deterministic();
    let strategy = (any_config(2..=12), any_script());
    let mut seen = BTreeSet::new();
    let mut phases = BTreeSet::new();
    for _ in 0..2000 {
        let (config, script) = strategy.new_tree(&mut runner).unwrap().current();
        for step in play::<Sound, Ticks>(Sound, &config, &script) {
            phases.insert(step.after.phase());
            let name = |event: Event<Ticks>| -> String {
                let full = format!("{event:?}");
                if matches!(event, Event::Lost(_)) {
                    return full;
                }
                full.split([' ', '(']).next().unwrap_or_default().into()
            };
            seen.extend(step.output.event.map(name));
        }
    }
    let wanted = [
        "Acquired",
        "Denied",
        "Extended",
        "HandedOver",
        "Lost(Expired)",
        "Lost(Gone)",
        "Lost(Taken)",
        "Released",
        "RenewalFailed",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
    assert_eq!(phases.len(), 10, "{phases:?}");
}
