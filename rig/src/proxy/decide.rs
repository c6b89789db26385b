//! Which fault a request suffers. No clock and no chance here: both are arguments.

use super::rule::{Fault, Newcomers, Pick, Rule, Spread};

/// The rules, what they have counted, and what they have done.
#[derive(Debug)]
pub(super) struct Decider {
    seed: u64,
    rules: Vec<Armed>,
}

#[derive(Debug)]
struct Armed {
    rule: Rule,
    /// Requests that it concerned, when nothing before it took them.
    matched: u64,
    injected: u64,
}

/// One request: which, and when it arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    /// The number of the connection, from 1.
    pub(super) connection: u64,
    /// Its number on the connection, from 1.
    pub(super) number: u64,
    pub(super) words: &'a [&'a [u8]],
    /// Since the start of the proxy.
    pub(super) now_us: u64,
}

/// What is to be done with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) delay_us: u64,
    pub(super) reply_delay_us: u64,
    /// What else, and when the window of that rule ends.
    pub(super) fault: Option<(Fault, Option<u64>)>,
    /// The names of the rules that did something.
    pub(super) names: Vec<&'static str>,
}

/// What a rule has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Injected {
    /// The rule.
    pub rule: Rule,
    /// The requests that it concerned, those included that were not picked. For a partition, those
    /// that met it.
    pub matched: u64,
    /// The faults that it injected.
    pub injected: u64,
}

impl Decider {
    pub(super) fn new(seed: u64, rules: Vec<Rule>) -> Decider {
        let mut decider = Decider { seed, rules: Vec::new() };
        rules.into_iter().for_each(|rule| decider.add(rule));
        decider
    }

    pub(super) fn add(&mut self, rule: Rule) {
        self.rules.push(Armed { rule, matched: 0, injected: 0 });
    }

    /// Takes all rules away, and gives back what they have done.
    pub(super) fn clear(&mut self) -> Vec<Injected> {
        let injected = self.injected();
        self.rules.clear();
        injected
    }

    pub(super) fn injected(&self) -> Vec<Injected> {
        let one = |armed: &Armed| Injected {
            rule: armed.rule.clone(),
            matched: armed.matched,
            injected: armed.injected,
        };
        self.rules.iter().map(one).collect()
    }

    /// The rules are asked in order. Delays add up; the first other fault that strikes ends it.
    pub(super) fn decide(&mut self, request: Request) -> Verdict {
        let mut verdict = Verdict::default();
        for (at, armed) in (0..).zip(&mut self.rules) {
            let rule = &armed.rule;
            let is_now = rule.window.is_none_or(|window| window.contains(request.now_us));
            let is_partition = matches!(rule.fault, Fault::Partition(_));
            if is_partition || !is_now || !rule.only.matches(request.words) {
                continue;
            }
            armed.matched += 1;
            let number = |salt| {
                let each = [self.seed, request.connection, request.number, at, salt];
                each.into_iter().fold(0, mix)
            };
            let is_picked = match rule.pick {
                Pick::Every => true,
                Pick::Nth(nth) => armed.matched == nth,
                Pick::EveryNth(nth) => armed.matched.is_multiple_of(nth.max(1)),
                Pick::ChancePpm(ppm) => number(0) % 1_000_000 < u64::from(ppm),
            };
            if !is_picked {
                continue;
            }
            armed.injected += 1;
            verdict.names.push(rule.fault.name());
            match rule.fault {
                Fault::Delay(spread) => verdict.delay_us += within(spread, number(1)),
                Fault::DelayReply(spread) => verdict.reply_delay_us += within(spread, number(1)),
                Fault::Hold
                | Fault::Drop(_)
                | Fault::DropReply(_)
                | Fault::Duplicate
                | Fault::HalfOpen { .. }
                | Fault::Reset
                | Fault::Partition(_) => {
                    let ends_ms = rule.window.and_then(|window| window.until_ms);
                    verdict.fault = Some((rule.fault, ends_ms.map(|ms| ms.saturating_mul(1_000))));
                    break;
                }
            }
        }
        verdict
    }

    /// The partition at this time: what becomes of new connections, and when to ask again.
    pub(super) fn partition(&self, now_us: u64) -> Option<(Newcomers, Option<u64>)> {
        self.rules.iter().find_map(|armed| match armed.rule.fault {
            Fault::Partition(newcomers) => {
                let window = armed.rule.window;
                let until_ms = window.and_then(|window| window.until_ms);
                let is_now = window.is_none_or(|window| window.contains(now_us));
                is_now.then_some((newcomers, until_ms.map(|ms| ms.saturating_mul(1_000))))
            }
            Fault::Delay(_)
            | Fault::DelayReply(_)
            | Fault::Hold
            | Fault::Drop(_)
            | Fault::DropReply(_)
            | Fault::Duplicate
            | Fault::HalfOpen { .. }
            | Fault::Reset => None,
        })
    }

    /// Something met the partition of this time.
    pub(super) fn met_partition(&mut self, now_us: u64) {
        let is_now = |armed: &&mut Armed| {
            matches!(armed.rule.fault, Fault::Partition(_))
                && armed.rule.window.is_none_or(|window| window.contains(now_us))
        };
        if let Some(armed) = self.rules.iter_mut().find(is_now) {
            armed.matched += 1;
            armed.injected += 1;
        }
    }
}

fn within(spread: Spread, number: u64) -> u64 {
    let width = spread.most_us.saturating_sub(spread.least_us).saturating_add(1);
    spread.least_us + number % width
}

/// A number that looks random, from one such and another one: the finaliser of SplitMix64.
fn mix(state: u64, number: u64) -> u64 {
    let mut z = (state ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
