//! One step of the world, and its one-line text form that parses back to itself.
//!
//! ```text
//! start c0          c0 begins to acquire            choose c0   the renewer takes its tick
//! tick c0           a deadline of c0 is handled     check c0    the renewer reads the held flag
//! stop c0           the user of c0 stops            send c0     the renewer sends
//! timeout c0        a round of c0 is given up       quit c0     the renewer ends
//! unlock c0         the main task of c0 releases    stall c0    the renewer is not scheduled
//! run c0 n1 #0      n1 runs message 0 of c0's pipe  reply c0 n1 #0   its answer reaches c0
//! reset c0 n1       the connection fails            connect c0 n1    there is one again
//! crash n1 keep     n1 dies (keep or lose)          restart n1       n1 is back
//! pause c0          c0 is not scheduled             resume c0        it is again
//! resend c0 n1 #0   the client library sends it again    forget n1   n1 loses its scripts
//! heal c1           all faults end, and only c1 is left alive
//! advance n 1 1 1 c 1 1                             each clock moves by its own amount
//! ```

use std::fmt;
use std::str::FromStr;

use leasehold::protocol::Span;

use crate::threaded::Move;
use crate::time::WorldTime;

/// One step. `I` is the clock, `N` the nodes, `C` the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<I, const N: usize, const C: usize> {
    /// The user of a client begins to acquire.
    Start(u8),
    /// A deadline of a client is handled (shipped lifecycle).
    Tick(u8),
    /// The user of a client stops.
    Stop(u8),
    /// A task of a broken program makes a move of its own.
    Task(u8, TaskMove),
    /// A renewer in mid-step is not scheduled for a while.
    Stall(u8),
    /// A client is not scheduled for a while; its clock runs on.
    Pause(u8),
    /// It is scheduled again.
    Resume(u8),
    /// A node runs a message of a client's pipe.
    Run {
        /// Whose pipe.
        client: u8,
        /// To which node.
        node: u8,
        /// Which message in it.
        index: u8,
    },
    /// An answer reaches the client.
    Reply {
        /// Whose pipe.
        client: u8,
        /// From which node.
        node: u8,
        /// Which message in it.
        index: u8,
    },
    /// A connection fails.
    Reset {
        /// Whose.
        client: u8,
        /// To which node.
        node: u8,
    },
    /// There is a connection again.
    Connect {
        /// Whose.
        client: u8,
        /// To which node.
        node: u8,
    },
    /// A server dies.
    Crash {
        /// Which.
        node: u8,
        /// Whether it keeps what it stored.
        keeps: bool,
    },
    /// A server is back.
    Restart(u8),
    /// A client library stops waiting for an answer, and sends the command again by itself.
    Resend {
        /// Whose pipe.
        client: u8,
        /// To which node.
        node: u8,
        /// Which message in it.
        index: u8,
    },
    /// A server loses its script cache.
    LoseScripts(u8),
    /// The world heals for good: the network is drained before time passes, nothing fails any
    /// more, and every client but this one is dead.
    Heal(u8),
    /// Time passes: each clock moves by its own amount.
    Advance {
        /// The nodes' wall clocks.
        nodes: [I; N],
        /// The clients' clocks.
        clients: [I; C],
    },
}

/// The moves that the scheduler makes for the tasks of a broken program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskMove {
    /// See [`Move::Timeout`].
    Timeout,
    /// See [`Move::Unlock`].
    Unlock,
    /// See [`Move::Choose`].
    Choose,
    /// See [`Move::Check`].
    Check,
    /// See [`Move::Send`].
    Send,
    /// See [`Move::Quit`].
    Quit,
}

impl TaskMove {
    /// All of them.
    pub const ALL: [TaskMove; 6] = [
        TaskMove::Timeout,
        TaskMove::Unlock,
        TaskMove::Choose,
        TaskMove::Check,
        TaskMove::Send,
        TaskMove::Quit,
    ];

    /// The move it asks of the program.
    pub fn as_move(self) -> Move {
        match self {
            TaskMove::Timeout => Move::Timeout,
            TaskMove::Unlock => Move::Unlock,
            TaskMove::Choose => Move::Choose,
            TaskMove::Check => Move::Check,
            TaskMove::Send => Move::Send,
            TaskMove::Quit => Move::Quit,
        }
    }

    fn verb(self) -> &'static str {
        match self {
            TaskMove::Timeout => "timeout",
            TaskMove::Unlock => "unlock",
            TaskMove::Choose => "choose",
            TaskMove::Check => "check",
            TaskMove::Send => "send",
            TaskMove::Quit => "quit",
        }
    }
}

impl<I: WorldTime, const N: usize, const C: usize> fmt::Display for Step<I, N, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Start(c) => write!(f, "start c{c}"),
            Step::Tick(c) => write!(f, "tick c{c}"),
            Step::Stop(c) => write!(f, "stop c{c}"),
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
