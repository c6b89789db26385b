//! A step as one line of text.

use std::fmt;
use std::str::FromStr;

use leasehold::protocol::Span;

use super::{Step, TaskMove};
use crate::time::WorldTime;

impl<I: WorldTime, const N: usize, const C: usize> fmt::Display for Step<I, N, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Start(c) => write!(f, "start c{c}"),
            Step::Tick(c) => write!(f, "tick c{c}"),
            Step::Stop(c) => write!(f, "stop c{c}"),
            Step::HandOver(c) => write!(f, "handover c{c}"),
            Step::Adopt(c) => write!(f, "adopt c{c}"),
            Step::Task(c, task) => write!(f, "{} c{c}", task.verb()),
            Step::Stall(c) => write!(f, "stall c{c}"),
            Step::Pause(c) => write!(f, "pause c{c}"),
            Step::Resume(c) => write!(f, "resume c{c}"),
            Step::Run { client, node, index } => write!(f, "run c{client} n{node} #{index}"),
            Step::Reply { client, node, index } => write!(f, "reply c{client} n{node} #{index}"),
            Step::Reset { client, node } => write!(f, "reset c{client} n{node}"),
            Step::Connect { client, node } => write!(f, "connect c{client} n{node}"),
            Step::Crash { node, keeps } => {
                write!(f, "crash n{node} {}", if *keeps { "keep" } else { "lose" })
            }
            Step::Restart(node) => write!(f, "restart n{node}"),
            Step::Resend { client, node, index } => write!(f, "resend c{client} n{node} #{index}"),
            Step::LoseScripts(node) => write!(f, "forget n{node}"),
            Step::Heal(c) => write!(f, "heal c{c}"),
            Step::Advance { nodes, clients } => {
                f.write_str("advance n")?;
                nodes.iter().try_for_each(|by| write!(f, " {}", by.offset()))?;
                f.write_str(" c")?;
                clients.iter().try_for_each(|by| write!(f, " {}", by.offset()))
            }
        }
    }
}

/// Why a line is not a step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseStepError {
    /// The first word is no step's.
    #[error("{0:?} is not a step; see the legend in docs/trace.md")]
    UnknownVerb(String),
    /// A word is missing.
    #[error("{0:?} lacks {1}")]
    Missing(String, &'static str),
    /// A word is not what is wanted there.
    #[error("{0:?} is not {1}")]
    Bad(String, &'static str),
    /// Words are left over.
    #[error("{0:?} is too much")]
    TooMuch(String),
}

/// The words of one line, taken one by one.
struct Words<'a> {
    line: &'a str,
    rest: std::str::SplitWhitespace<'a>,
}

impl<'a> Words<'a> {
    fn next(&mut self, what: &'static str) -> Result<&'a str, ParseStepError> {
        self.rest.next().ok_or_else(|| ParseStepError::Missing(self.line.to_owned(), what))
    }

    /// A word like `c0`, `n12` or `#3`, below `limit`.
    fn index(
        &mut self,
        sigil: char,
        limit: usize,
        what: &'static str,
    ) -> Result<u8, ParseStepError> {
        let word = self.next(what)?;
        let digits = word.strip_prefix(sigil).and_then(|digits| digits.parse::<u8>().ok());
        digits
            .filter(|&index| usize::from(index) < limit)
            .ok_or_else(|| ParseStepError::Bad(word.to_owned(), what))
    }

    fn literal(&mut self, wanted: &'static str) -> Result<(), ParseStepError> {
        let word = self.next(wanted)?;
        if word == wanted { Ok(()) } else { Err(ParseStepError::Bad(word.to_owned(), wanted)) }
    }

    fn spans<I: WorldTime, const K: usize>(&mut self) -> Result<[I; K], ParseStepError> {
        let mut spans = [I::default(); K];
        for span in &mut spans {
            let what = "an amount of time for each clock";
            let word = self.next(what)?;
            let bad = || ParseStepError::Bad(word.to_owned(), what);
            let amount = word.parse::<Span>().map_err(|_| bad())?;
            *span = I::at(amount);
            if span.offset() != amount {
                return Err(bad());
            }
        }
        Ok(spans)
    }
}

impl<I: WorldTime, const N: usize, const C: usize> FromStr for Step<I, N, C> {
    type Err = ParseStepError;

    fn from_str(line: &str) -> Result<Self, ParseStepError> {
        let mut words = Words { line, rest: line.split_whitespace() };
        let verb = words.next("a step")?;
        let client = |words: &mut Words<'_>| words.index('c', C, "a client of this scope");
        let node = |words: &mut Words<'_>| words.index('n', N, "a node of this scope");
        let message =
            |words: &mut Words<'_>| words.index('#', crate::message::CAPACITY, "a message");
        let step = match verb {
            "start" => Step::Start(client(&mut words)?),
            "tick" => Step::Tick(client(&mut words)?),
            "stop" => Step::Stop(client(&mut words)?),
            "handover" => Step::HandOver(client(&mut words)?),
            "adopt" => Step::Adopt(client(&mut words)?),
            "stall" => Step::Stall(client(&mut words)?),
            "pause" => Step::Pause(client(&mut words)?),
            "resume" => Step::Resume(client(&mut words)?),
            "run" | "reply" | "resend" => {
                let (client, node) = (client(&mut words)?, node(&mut words)?);
                let index = message(&mut words)?;
                match verb {
                    "run" => Step::Run { client, node, index },
                    "reply" => Step::Reply { client, node, index },
                    _ => Step::Resend { client, node, index },
                }
            }
            "reset" => Step::Reset { client: client(&mut words)?, node: node(&mut words)? },
            "connect" => Step::Connect { client: client(&mut words)?, node: node(&mut words)? },
            "crash" => {
                let node = node(&mut words)?;
                let keeps = match words.next("keep or lose")? {
                    "keep" => true,
                    "lose" => false,
                    other => return Err(ParseStepError::Bad(other.to_owned(), "keep or lose")),
                };
                Step::Crash { node, keeps }
            }
            "restart" => Step::Restart(node(&mut words)?),
            "forget" => Step::LoseScripts(node(&mut words)?),
            "heal" => Step::Heal(client(&mut words)?),
            "advance" => {
                words.literal("n")?;
                let nodes = words.spans()?;
                words.literal("c")?;
                Step::Advance { nodes, clients: words.spans()? }
            }
            _ => match TaskMove::ALL.into_iter().find(|task| task.verb() == verb) {
                Some(task) => Step::Task(client(&mut words)?, task),
                None => return Err(ParseStepError::UnknownVerb(verb.to_owned())),
            },
        };
        match words.rest.next() {
            None => Ok(step),
            Some(word) => Err(ParseStepError::TooMuch(word.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leasehold::protocol::{Micros, Ticks};
    use proptest::prelude::*;

    type Small = Step<Ticks, 3, 2>;

    fn any_step() -> impl Strategy<Value = Step<Micros, 3, 2>> {
        let client = 0u8..2;
        let node = 0u8..3;
        prop_oneof![
            client.clone().prop_map(Step::Start),
            client.clone().prop_map(Step::Tick),
            client.clone().prop_map(Step::Stop),
            client.clone().prop_map(Step::HandOver),
            client.clone().prop_map(Step::Adopt),
            client.clone().prop_map(Step::Stall),
            client.clone().prop_map(Step::Pause),
            client.clone().prop_map(Step::Resume),
            client.clone().prop_map(Step::Heal),
            (client.clone(), 0usize..6).prop_map(|(c, t)| Step::Task(c, TaskMove::ALL[t])),
            (client.clone(), node.clone(), 0u8..8).prop_map(|(client, node, index)| Step::Run {
                client,
                node,
                index
            }),
            (client.clone(), node.clone(), 0u8..8).prop_map(|(client, node, index)| Step::Reply {
                client,
                node,
                index
            }),
            (client.clone(), node.clone()).prop_map(|(client, node)| Step::Reset { client, node }),
            (client, node.clone()).prop_map(|(client, node)| Step::Connect { client, node }),
            (node.clone(), any::<bool>()).prop_map(|(node, keeps)| Step::Crash { node, keeps }),
            node.clone().prop_map(Step::Restart),
            node.prop_map(Step::LoseScripts),
            (any::<[i64; 3]>(), any::<[i64; 2]>()).prop_map(|(nodes, clients)| Step::Advance {
                nodes: nodes.map(Micros),
                clients: clients.map(Micros),
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_step_parses_back_to_itself(step in any_step()) {
            prop_assert_eq!(step.to_string().parse(), Ok(step));
        }

        #[test]
        fn garbage_is_refused_without_panic(line in ".{0,40}") {
            let _ = line.parse::<Small>();
        }

        #[test]
        fn near_misses_are_refused_without_panic(
            line in "(run|reply|advance|crash|tick) [cn#]?[0-9]{0,3} ?[cn#]?[0-9]? ?[#a-z0-9 ]{0,9}"
        ) {
            if let Ok(step) = line.parse::<Small>() {
                prop_assert_eq!(step.to_string().parse(), Ok(step));
            }
        }
    }

    #[test]
    fn errors_name_the_word() {
        let error = |line: &str| line.parse::<Small>().unwrap_err().to_string();
        assert_eq!(error("run c5 n0 #0"), "\"c5\" is not a client of this scope");
        assert_eq!(error("run c0 n0"), "\"run c0 n0\" lacks a message");
        assert_eq!(error("jump c0"), "\"jump\" is not a step; see the legend in docs/trace.md");
        assert_eq!(error("tick c0 now"), "\"now\" is too much");
        assert_eq!(
            error("advance n 1 1 999 c 1 1"),
            "\"999\" is not an amount of time for each clock"
        );
    }
}
