//! What is made of a performance: facts of a step, and the verdict on all of them.

use leasehold::protocol::{Rules, Sound};
use leasehold_world::{Claim, Value, WorldTime};

use super::arrive::Arrived;
use super::facts::{Fact, Observation, Ran};
use super::outcome::{Difference, Disagreement, Verdict};
use super::run::{Run, Stored, at, described};

/// Where the world and a server part.
#[derive(Debug)]
pub(super) struct Apart {
    pub(super) difference: Option<Difference>,
    pub(super) why: Disagreement,
}

/// The verdict on a trace whose every answer and key is as the world says.
pub(super) fn of(
    named: Option<Claim>,
    broken: &[(usize, Claim)],
    observations: &[Observation],
) -> Verdict {
    let first = broken.first().copied();
    let found = match named {
        None => first,
        Some(named) => broken.iter().copied().find(|(_, claim)| *claim == named),
    };
    let shown =
        |step, claim| observations.iter().any(|seen| seen.step == step && seen.fact.shows(claim));
    let unseen = |&&(step, claim): &&(usize, Claim)| Fact::must_show(claim) && !shown(step, claim);
    if let Some(&(step, claim)) = broken.iter().find(unseen) {
        return Verdict::Unseen { claim, step };
    }
    match (named, found) {
        (_, Some((step, claim))) => Verdict::Same { claim, step },
        (None, None) => Verdict::Nothing,
        (Some(named), None) => Verdict::Otherwise { named, found: first },
    }
}

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    /// Notes what the servers show after a step.
    pub(super) fn note_facts(&mut self, arrived: Option<&Arrived>, before: [Stored; N]) {
        let mut facts = Vec::new();
        if let Some(Arrived { node, command, value, own, answer: Some(answer), .. }) = arrived {
            let place = at(*node);
            facts = self.watch.ran(Ran {
                node: *node,
                command: *command,
                value: *value,
                own: *own,
                answer: *answer,
                before: before[place],
                after: self.seen[place],
                now_ms: self.now_us(place).div_euclid(1_000),
            });
        }
        let mut standing: Vec<Fact> = self.two_holders().into_iter().collect();
        standing.extend((0..C).filter_map(|client| self.unbacked(client)));
        standing.extend((0..N).filter_map(|node| self.leftover(node)));
        let is_new = |fact: &&Fact| !self.standing.iter().any(|before| before.is_still(fact));
        facts.extend(standing.iter().filter(is_new).cloned());
        self.standing = standing;
        let step = self.number();
        self.observations.extend(facts.into_iter().map(|fact| Observation { step, fact }));
    }

    fn two_holders(&self) -> Option<Fact> {
        let clients = self.world.clients.iter().zip(0..);
        let believers = clients.filter(|(client, _)| client.believes());
        let values: Vec<Value> = believers.map(|(client, c)| client.value(c)).collect();
        let granted = || values.iter().map(|&value| (value, self.watch.granted(value))).collect();
        (values.len() > 1).then(|| Fact::TwoHolders { granted: granted() })
    }

    /// A node that can grant nothing to anybody is none that could grant it to others.
    fn unbacked(&self, client: usize) -> Option<Fact> {
        let value = self.world.clients[client].value(client as u8);
        let stores = |node: &usize| self.seen[*node].is_some_and(|(stored, _)| stored == value);
        let withheld = |node: &usize| self.world.nodes[*node].is_withheld();
        let up = |node: &usize| self.hosts[*node].is_up();
        let stored_at: Vec<usize> = (0..N).filter(|node| up(node) && stores(node)).collect();
        let safe = (0..N).filter(|node| stored_at.contains(node) || withheld(node)).count();
        let few = safe < usize::from(Sound.quorum(N as u8));
        let stored_at = stored_at.into_iter().map(|node| node as u8).collect();
        (self.world.clients[client].believes() && few)
            .then_some(Fact::Unbacked { value, stored_at })
    }

    fn leftover(&self, node: usize) -> Option<Fact> {
        let (value, end_ms) = self.seen[node]?;
        let settled = self.world.clients[at(value.client())].settled(value.generation());
        let pttl_ms = end_ms - 1 - self.now_us(node).div_euclid(1_000);
        let handed_over = value == self.world.ticket.value;
        (settled && !handed_over).then_some(Fact::Leftover { node: node as u8, value, pttl_ms })
    }

    /// Writes what the servers store beside the last step.
    pub(super) fn describe(&mut self) {
        let words = (0..N).map(|node| {
            let now_ms = self.now_us(node).div_euclid(1_000);
            let held = self.seen[node].filter(|(_, end_ms)| now_ms < *end_ms);
            if self.hosts[node].is_up() { described(held, now_ms) } else { "down".to_owned() }
        });
        let stored = words.collect::<Vec<_>>().join(" | ");
        if let Some(last) = self.steps.last_mut() {
            last.stored = stored;
        }
    }
}
