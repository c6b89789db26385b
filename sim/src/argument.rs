//! The chain of events that shows a cause: which steps form the argument, and what each adds.

use leasehold::protocol::{Answer, Command, NodeSet};
use leasehold_world::{Executed, Value};

use crate::cause::Cause;
use crate::counts::Told;
use crate::explain::Reason;
use crate::journal::{Fact, Journal, What};

/// What is to be shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    /// What was told.
    pub(crate) told: Told,
    /// In which step, counted from 1.
    pub(crate) step: usize,
    /// Why.
    pub(crate) cause: Cause,
    /// Of which lease.
    pub(crate) value: Value,
    /// The nodes whose denials show it.
    pub(crate) evidence: NodeSet,
    /// The nodes that have extended the lease in time.
    pub(crate) done: NodeSet,
    /// Whether it was the client's own doing that the lease was not renewed.
    pub(crate) never_renewed: bool,
}

/// The chain of events, in order; the last is what was told.
pub(crate) fn chain(journal: &Journal, case: &Case) -> Vec<Reason> {
    let mut chain = Chain { journal, case, reasons: Vec::new() };
    match case.told {
        Told::LostExpired => chain.expiry(),
        Told::AlreadyTaken | Told::LostGone | Told::LostTaken => chain.denial(),
        Told::Acquired
        | Told::Denied
        | Told::Extended
        | Told::RenewalFailed
        | Told::Released
        | Told::Unsettled
        | Told::HandedOver => {}
    }
    chain.into_reasons()
}

struct Chain<'a> {
    journal: &'a Journal,
    case: &'a Case,
    reasons: Vec<Reason>,
}

impl Chain<'_> {
    /// Adds a reason, unless there is no such step.
    fn add(&mut self, step: Option<usize>, sentence: impl FnOnce() -> String) {
        if let Some(step) = step {
            self.reasons.push(Reason { step, sentence: sentence() });
        }
    }

    /// In order, one for each step.
    fn into_reasons(mut self) -> Vec<Reason> {
        self.reasons.sort_by_key(|reason| reason.step);
        let mut merged: Vec<Reason> = Vec::with_capacity(self.reasons.len());
        for reason in self.reasons {
            match merged.last_mut() {
                Some(last) if last.step == reason.step => {
                    if !last.sentence.contains(&reason.sentence) {
                        last.sentence += "; ";
                        last.sentence += &reason.sentence;
                    }
                }
                Some(_) | None => merged.push(reason),
            }
        }
        merged
    }

    fn last(&self, to: usize, is_it: impl Fn(&What) -> bool) -> Option<usize> {
        self.journal.last(to, is_it)
    }

    fn client(&self) -> u8 {
        self.case.value.client()
    }

    /// Since when the client was sure of its lease.
    fn held(&self) -> Option<usize> {
        let lease = self.case.value;
        self.last(self.case.step, |what| *what == What::Holds(lease))
    }

    // ---- a renewal was denied ----------------------------------------------------------------

    fn denial(&mut self) {
        let (value, client) = (self.case.value, self.client());
        let told = self.case.step;
        let sent = self.last(told, |what| renews(what, value));
        let from = sent.unwrap_or(1);
        if self.case.cause.comes_of_a_release() {
            let stop = self.last(told, |what| *what == What::Stops(value));
            self.add(stop, || format!("the stop of {value:?} is accepted"));
            let stall = self.last(from, |what| *what == What::Stalls(client));
            let stall = stall.filter(|&stall| self.held().is_some_and(|held| held < stall));
            self.add(stall, || format!("c{client}'s renewer is held up"));
        } else {
            self.pauses();
        }
        self.add(sent, || format!("c{client} sends the renewal of {value:?}"));
        for node in self.case.evidence {
            self.denial_at(node, from);
        }
        let sentence = if self.case.told.is_loss() {
            format!("c{client} is told that {value:?} is {}", self.case.told.name())
        } else {
            format!("c{client} is told \"{}\"", self.case.told.name())
        };
        self.add(Some(told), || sentence);
    }

    /// What became of the key at one node, and what the renewal found there.
    fn denial_at(&mut self, node: u8, sent: usize) {
        let value = self.case.value;
        let is_renewal = |what: &What| {
            ran(what, node).is_some_and(|(executed, _)| {
                (executed.command, executed.value) == (Command::Extend, value)
                    && executed.answer.denies()
            })
        };
        let Some(step) = self.last(self.case.step, is_renewal) else { return };
        let found = self.journal.between(step, step).find_map(|fact| ran(&fact.what, node));
        let Some((executed, before)) = found else { return };
        self.fate_at(node, step);
        if !before.is_none() {
            let stored = self.last(step - 1, |what| stores(what, node, before));
            self.add(stored, || format!("n{node} stores {before:?}"));
        }
        let client = self.client();
        let again = self.last(step, |what| *what == What::Resends { client, node });
        let again = again.filter(|&again| again > sent);
        self.add(again, || format!("c{client}'s client library sends it to n{node} again"));
        let stray = if executed.stray { "stray " } else { "" };
        let there = if before.is_none() {
            "nothing there".to_owned()
        } else {
            format!("{before:?} is there")
        };
        self.add(Some(step), || {
            format!("n{node} runs the {stray}renewal sent in step {sent}: {there}")
        });
    }

    /// How the key left a node before `step`.
    fn fate_at(&mut self, node: u8, step: usize) {
        let value = self.case.value;
        let before = step - 1;
        let released = self.last(before, |what| {
            ran(what, node).is_some_and(|(executed, _)| {
                (executed.command, executed.value) == (Command::Release, value)
            })
        });
        let stored = self.last(before, |what| stores(what, node, value));
        let own = self.case.cause.comes_of_a_release();
        if let Some(released) = released.filter(|&released| own && stored < Some(released)) {
            return self.add(Some(released), || format!("n{node} runs the release of {value:?}"));
        }
        let Some(stored) = stored else {
            return self.add(Some(step), || format!("{value:?} was never stored at n{node}"));
        };
        self.add(Some(stored), || format!("n{node} stores {value:?} for the last time"));
        let gone = self.journal.between(stored, before).find_map(|fact| {
            self.leaves(&fact.what, node, stored, fact.step).map(|sentence| (fact.step, sentence))
        });
        if let Some((step, sentence)) = gone {
            self.add(Some(step), || sentence);
        }
    }

    /// If this is how the key stored in step `stored` left its node, how.
    fn leaves(&self, what: &What, node: u8, stored: usize, step: usize) -> Option<String> {
        let lease = self.case.value;
        if *what == (What::Expires { node, value: lease }) {
            return Some(self.expired(node, stored, step));
        }
        if *what == (What::Dies { node, keeps: false, value: lease }) {
            return Some(format!("n{node} dies and loses {lease:?}"));
        }
        let (executed, before) = ran(what, node)?;
        let other = executed.value;
        let deletes = executed.command == Command::Release
            && executed.answer == Answer::Done
            && other != lease
            && before == lease;
        deletes.then(|| format!("n{node} runs the release of {other:?}: it deletes {lease:?}"))
    }

    fn expired(&self, node: u8, stored: usize, step: usize) -> String {
        let (value, client) = (self.case.value, self.client());
        let expires = format!("{value:?} expires at n{node}");
        if self.case.cause != Cause::NodeClockAhead {
            return expires;
        }
        let (node_moved, client_moved) = self.journal.moved(node, client, stored, step);
        format!(
            "{expires}: since step {stored} its clock has moved by {node_moved}, c{client}'s by \
             {client_moved}"
        )
    }

    // ---- a lease has expired -----------------------------------------------------------------

    fn expiry(&mut self) {
        let (value, client) = (self.case.value, self.client());
        let told = self.case.step;
        let held = self.held();
        let from = held.unwrap_or(1);
        self.add(held, || format!("c{client} is told that it holds {value:?}"));
        let over = self.last(told, |what| *what == What::RunsOut(value));
        self.add(over, || format!("the validity of {value:?} is over"));
        let sent = self.last(told, |what| renews(what, value)).filter(|&sent| sent > from);
        let mut end = format!("c{client} is told that {value:?} is {}", self.case.told.name());
        if self.case.never_renewed {
            self.pauses();
            if self.case.cause == Cause::TakenByAnother {
                self.taker();
            }
        }
        match sent {
            None if self.case.never_renewed => end += "; it has sent no renewal since",
            None => {
                let mut failed = self.journal.between(from, told);
                let failed = failed.find(|fact| fact.what == What::Fails(value));
                self.add(failed.map(|fact| fact.step), || {
                    format!("c{client} can ask no node to renew {value:?}")
                });
            }
            Some(sent) => {
                let silent = self.renewal(sent);
                if !silent.is_empty() {
                    end += &format!("; {} silent", are(silent));
                }
            }
        }
        if !self.case.never_renewed {
            self.outages(from);
        }
        self.add(Some(told), || end);
    }

    /// What became of the renewal sent in step `sent`. Returns the nodes that have not run it.
    fn renewal(&mut self, sent: usize) -> NodeSet {
        let (value, client, told) = (self.case.value, self.client(), self.case.step);
        let renewal = self.journal.between(sent, sent).find_map(|fact| asked(&fact.what));
        let nodes = renewal.unwrap_or(NodeSet::EMPTY);
        let others = self.journal.nodes().without(nodes);
        self.add(Some(sent), || {
            let renewal = format!("c{client} sends the renewal of {value:?}");
            match (nodes.is_empty(), others.is_empty()) {
                (true, _) => format!("c{client} can ask no node to renew {value:?}"),
                (false, true) => format!("{renewal} to {}", names(nodes)),
                (false, false) => {
                    format!("{renewal} to {}, and cannot to {}", names(nodes), names(others))
                }
            }
        });
        let mut silent = NodeSet::EMPTY;
        for node in nodes.without(self.case.done) {
            let run = self.journal.between(sent, told).find_map(|fact| {
                let (executed, before) = ran(&fact.what, node)?;
                let same = (executed.command, executed.value) == (Command::Extend, value);
                same.then_some((fact.step, executed.answer, before))
            });
            let Some((step, answer, before)) = run else {
                silent.insert(node);
                continue;
            };
            if answer.denies() {
                self.fate_at(node, step);
            }
            let what = match answer {
                Answer::Done => "its answer does not arrive in time".to_owned(),
                Answer::Missing => "nothing there".to_owned(),
                Answer::Foreign => format!("{before:?} is there"),
                Answer::Refused | Answer::NotSent | Answer::Unknown => "refused".to_owned(),
            };
            let sentence = format!("n{node} runs the renewal sent in step {sent}: {what}");
            self.add(Some(step), || sentence);
        }
        silent
    }

    /// Since the lease was last held for sure, the client was not scheduled.
    fn pauses(&mut self) {
        let client = self.client();
        let from = self.held().unwrap_or(1);
        let facts = self.journal.between(from, self.case.step);
        let steps = |what: What| facts.clone().rev().find(|fact| fact.what == what);
        let (pause, resume) = (steps(What::Pauses(client)), steps(What::Resumes(client)));
        let (pause, resume) = (pause.map(|fact| fact.step), resume.map(|fact| fact.step));
        self.add(pause, || format!("c{client} is not scheduled"));
        self.add(resume, || format!("c{client} is scheduled again"));
    }

    /// Somebody else has the lock.
    fn taker(&mut self) {
        let client = self.client();
        let is_taker = |what: &What| matches!(what, What::Holds(by) if by.client() != client);
        let facts = self.journal.between(1, self.case.step);
        let taker = facts.rev().find(|fact| is_taker(&fact.what));
        if let Some(Fact { step, what: What::Holds(value) }) = taker {
            let other = value.client();
            self.add(Some(*step), || format!("c{other} is told that it holds {value:?}"));
        }
    }

    /// Connections that failed and nodes that died after step `from`, if their node was needed.
    fn outages(&mut self, from: usize) {
        let (client, done) = (self.client(), self.case.done);
        let mut last: Vec<(u8, usize, String)> = Vec::new();
        for fact in self.journal.between(from, self.case.step) {
            let Some((node, sentence)) = outage(&fact.what, client) else { continue };
            last.retain(|(known, _, _)| *known != node);
            last.push((node, fact.step, sentence));
        }
        for (_, step, sentence) in last.into_iter().filter(|(node, ..)| !done.contains(*node)) {
            self.add(Some(step), || sentence);
        }
    }
}

/// What ran at a node, and what was stored there until then.
fn ran(what: &What, node: u8) -> Option<(&Executed, Value)> {
    if let What::Runs { executed, before } = what
        && executed.node == node
    {
        return Some((executed, *before));
    }
    None
}

/// Whether a node stores `key`, or stores it for longer.
fn stores(what: &What, node: u8, key: Value) -> bool {
    ran(what, node).is_some_and(|(executed, _)| {
        let sets = matches!(executed.command, Command::Set | Command::Adopt | Command::Extend);
        sets && executed.value == key && executed.answer == Answer::Done
    })
}

fn renews(what: &What, lease: Value) -> bool {
    matches!(what, What::Renews { value, .. } if *value == lease)
}

/// The nodes that a renewal is sent to.
fn asked(what: &What) -> Option<NodeSet> {
    if let What::Renews { nodes, .. } = what { Some(*nodes) } else { None }
}

/// A node that cannot be reached any more by `client`.
fn outage(what: &What, client: u8) -> Option<(u8, String)> {
    if let What::Dies { node, keeps, .. } = what {
        let how = if *keeps { "keeps" } else { "loses" };
        return Some((*node, format!("n{node} dies and {how} what it stored")));
    }
    if let What::Disconnects { client: c, node } = what
        && *c == client
    {
        return Some((*node, format!("the connection of c{client} to n{node} fails")));
    }
    None
}

fn names(nodes: NodeSet) -> String {
    nodes.iter().map(|node| format!("n{node}")).collect::<Vec<_>>().join(" ")
}

/// The nodes with their verb.
fn are(nodes: NodeSet) -> String {
    format!("{} {}", names(nodes), if nodes.len() == 1 { "is" } else { "are" })
}
