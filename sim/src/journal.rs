//! What happened in a trace, step by step, freed of the types of its world: where an argument
//! finds its steps.

use leasehold::protocol::{Answer, Command, NodeSet, Rules};
use leasehold_world::{Effects, Executed, Report, Step, Value, World, WorldTime};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A client is told that it holds a lease, or holds it for longer.
    Holds(Value),
    /// A client no longer believes, because the time of its lease is over.
    RunsOut(Value),
    /// A renewal has failed, and the lease is still held.
    Fails(Value),
    /// The stop of a lease is accepted.
    Stops(Value),
    /// A client renews a lease.
    Renews {
        /// Which lease.
        value: Value,
        /// At which nodes.
        nodes: NodeSet,
    },
    /// A client library sends a command again by itself.
    Resends {
        /// Whose.
        client: u8,
        /// To which node.
        node: u8,
    },
    /// A node runs a command, having stored `before` until then.
    Runs {
        /// What ran.
        executed: Executed,
        /// What was stored.
        before: Value,
    },
    /// An answer reaches a client.
    Hears {
        /// Which client.
        client: u8,
        /// From which node.
        node: u8,
        /// To which command.
        command: Command,
        /// Which answer.
        answer: Answer,
    },
    /// A node's key expires.
    Expires {
        /// Which node.
        node: u8,
        /// What it stored.
        value: Value,
    },
    /// A node dies.
    Dies {
        /// Which node.
        node: u8,
        /// Whether it keeps what it stored.
        keeps: bool,
        /// What it stored.
        value: Value,
    },
    /// A connection fails.
    Disconnects {
        /// Whose.
        client: u8,
        /// To which node.
        node: u8,
    },
    /// A client is not scheduled.
    Pauses(u8),
    /// A client is scheduled again.
    Resumes(u8),
    /// A renewer is not scheduled in mid-step.
    Stalls(u8),
}

/// One thing that happened, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    /// In which step, counted from 1.
    pub(crate) step: usize,
    /// What.
    pub(crate) what: What,
}

/// All that has happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    facts: Vec<Fact>,
    /// After each step, what every node's and every client's clock shows.
    clocks: Vec<(Vec<i64>, Vec<i64>)>,
    keys: Vec<Value>,
    believed: Vec<bool>,
}

impl Journal {
    /// Follows one step, which has just been taken.
    pub(crate) fn note<R: Rules, I: WorldTime, const N: usize, const C: usize>(
        &mut self,
        world: &World<R, I, N, C>,
        step: &Step<I, N, C>,
        effects: &Effects<I>,
    ) {
        self.keys.resize(N, Value::NONE);
        self.believed.resize(C, false);
        let lease = |client: u8| world.clients[usize::from(client)].value(client);
        let mut found = Vec::new();
        let mut actor = None;
        match *step {
            Step::Stop(c) | Step::HandOver(c) => {
                found.push(What::Stops(lease(c)));
                actor = Some(c);
            }
            Step::Start(c) | Step::Adopt(c) | Step::Tick(c) | Step::Task(c, _) => actor = Some(c),
            Step::Stall(c) => found.push(What::Stalls(c)),
            Step::Pause(c) => found.push(What::Pauses(c)),
            Step::Resume(c) => found.push(What::Resumes(c)),
            Step::Reply { client, node, .. } => {
                let heard = effects.heard;
                found.extend(heard.map(|(command, answer)| What::Hears {
                    client,
                    node,
                    command,
                    answer,
                }));
                actor = Some(client);
            }
            Step::Reset { client, node } => {
                found.push(What::Disconnects { client, node });
                actor = Some(client);
            }
            Step::Connect { client, .. } => actor = Some(client),
            Step::Crash { node, keeps } => {
                let value = self.keys[usize::from(node)];
                found.push(What::Dies { node, keeps, value });
            }
            Step::Resend { client, node, .. } => found.push(What::Resends { client, node }),
            Step::Advance { .. } => {
                for (node, (&value, now)) in (0..).zip(self.keys.iter().zip(&world.nodes)) {
                    if value != now.key {
                        found.push(What::Expires { node, value });
                    }
                }
            }
            Step::Run { .. } | Step::Restart(_) | Step::LoseScripts(_) | Step::Heal(_) => {}
        }
        if let Some(executed) = effects.executed {
            found.push(What::Runs { executed, before: self.keys[usize::from(executed.node)] });
        }
        if let Some(client) = actor {
            found.extend(said(lease(client), effects));
            let nodes = effects.sent.extend;
            if !nodes.is_empty() {
                found.push(What::Renews { value: lease(client), nodes });
            }
        }
        for (client, believed) in (0..).zip(&mut self.believed) {
            let now = world.clients[usize::from(client)].believes();
            if *believed && !now && matches!(step, Step::Advance { .. }) {
                found.push(What::RunsOut(lease(client)));
            }
            *believed = now;
        }
        for (key, node) in self.keys.iter_mut().zip(&world.nodes) {
            *key = node.key;
        }
        let nodes = world.nodes.iter().map(|node| node.now.offset()).collect();
        let clients = world.clients.iter().map(|client| client.now.offset()).collect();
        self.clocks.push((nodes, clients));
        let step = self.clocks.len();
        self.facts.extend(found.into_iter().map(|what| Fact { step, what }));
    }

    /// All nodes.
    pub(crate) fn nodes(&self) -> NodeSet {
        NodeSet::all(self.keys.len() as u8)
    }

    /// How far a node's clock and a client's have moved in the steps after `from` up to `to`.
    pub(crate) fn moved(&self, node: u8, client: u8, from: usize, to: usize) -> (i64, i64) {
        let at = |step: usize| {
            let (nodes, clients) = self.clocks.get(step.checked_sub(1)?)?;
            Some((*nodes.get(usize::from(node))?, *clients.get(usize::from(client))?))
        };
        let (from, to) = (at(from).unwrap_or((0, 0)), at(to).unwrap_or((0, 0)));
        (to.0.saturating_sub(from.0), to.1.saturating_sub(from.1))
    }

    /// The facts of the steps from `from` up to `to`, in order.
    pub(crate) fn between(
        &self,
        from: usize,
        to: usize,
    ) -> impl DoubleEndedIterator<Item = &Fact> + Clone {
        self.facts.iter().filter(move |fact| (from..=to).contains(&fact.step))
    }

    /// The last step up to `to` in which this happened.
    pub(crate) fn last(&self, to: usize, is_it: impl Fn(&What) -> bool) -> Option<usize> {
        self.between(1, to).rev().find(|fact| is_it(&fact.what)).map(|fact| fact.step)
    }
}

fn said<I>(lease: Value, effects: &Effects<I>) -> Option<What> {
    match effects.report.as_ref()? {
        Report::Acquired { .. } | Report::Extended { .. } => Some(What::Holds(lease)),
        Report::RenewalFailed => Some(What::Fails(lease)),
        Report::Denied { .. } | Report::AlreadyTaken => None,
        Report::Lost(_) | Report::Released { .. } | Report::HandedOver { .. } => None,
    }
}
