//! The world: nodes, pipes and clients, and the one function that changes them.

use leasehold::protocol::{Answer, Command, Input, Moment, NodeSet, Rules};

use crate::action::Action;
use crate::client::{Client, Program};
use crate::effects::{Breach, Breaches, Effects, Executed, Report};
use crate::healed::Healed;
use crate::joined::claims_taken;
use crate::message::{Link, Message, Pipe, Value};
use crate::node::Node;
use crate::properties::majority;
use crate::scope::{Faults, Scope};
use crate::step::Step;
use crate::threaded::Move;
use crate::ticket::Ticket;
use crate::time::WorldTime;

/// Everything there is. `R` are the machine's rules, `I` its clock, `N` nodes, `C` clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct World<R, I, const N: usize, const C: usize> {
    /// The servers.
    pub nodes: [Node<I>; N],
    /// What is under way, by client and node.
    pub pipes: [[Pipe; N]; C],
    /// The clients.
    pub clients: [Client<R, I>; C],
    /// By client and node: when, on the client's clock, the node's answers count again; the origin
    /// if they do.
    pub guarded_until: [[I; N]; C],
    /// How often each fault may still strike.
    pub faults: Faults,
    /// Whether and for whom the world has healed.
    pub healed: Healed<I>,
    /// What went wrong in the last step.
    pub breaches: Breaches,
    /// What was handed over last.
    pub ticket: Ticket,
}

impl<R: Rules, I: WorldTime, const N: usize, const C: usize> World<R, I, N, C> {
    /// The beginning.
    pub fn new(scope: &Scope, rules: R) -> Self {
        debug_assert_eq!((usize::from(scope.config.nodes()), scope.clients()), (N, C));
        World {
            nodes: [Node::default(); N],
            pipes: [[Pipe::default(); N]; C],
            clients: std::array::from_fn(|client| Client::new(scope, client as u8, rules)),
            guarded_until: [[I::default(); N]; C],
            faults: scope.settings().faults,
            healed: Healed::default(),
            breaches: Breaches::default(),
            ticket: Ticket::default(),
        }
    }

    /// Takes one step, which must be [`permitted`](Self::permits), and says what it did.
    pub fn apply(&mut self, scope: &Scope, rules: R, step: Step<I, N, C>) -> Effects<I> {
        self.breaches = Breaches::default();
        let mut effects = Effects::default();
        let concerns_clients = !matches!(step, Step::Run { .. });
        match step {
            Step::Start(c) => self.start(scope, rules, (c, None), &mut effects),
            Step::Adopt(c) => {
                let adopted = Some(self.ticket.value);
                self.start(scope, rules, (c, adopted), &mut effects);
            }
            Step::HandOver(c) => self.input(scope, c, Input::HandOver, &mut effects),
            Step::Tick(c) => self.input(scope, c, Input::Tick, &mut effects),
            Step::Stop(c) => match self.clients[usize::from(c)].program {
                Program::Joined(joined) => {
                    if !joined.held() {
                        self.faults.cancels = spend(self.faults.cancels);
                    }
                    self.input(scope, c, Input::Stop, &mut effects);
                }
                Program::Threaded(_) => self.make(scope, c, Move::Stop, &mut effects),
            },
            Step::Task(c, task) => self.make(scope, c, task.as_move(), &mut effects),
            Step::Stall(c) => {
                self.faults.stalls = spend(self.faults.stalls);
                if let Program::Threaded(threaded) = &mut self.clients[usize::from(c)].program {
                    threaded.stalled = true;
                }
            }
            Step::Pause(c) => {
                self.faults.pauses = spend(self.faults.pauses);
                self.clients[usize::from(c)].paused = true;
            }
            Step::Resume(c) => self.clients[usize::from(c)].paused = false,
            Step::Run { client, node, index } => {
                self.run(scope, rules, client, node, index, &mut effects);
            }
            Step::Reply { client, node, index } => {
                self.reply(scope, client, node, index, &mut effects);
            }
            Step::Reset { client, node } => {
                self.faults.resets = spend(self.faults.resets);
                self.pipes[usize::from(client)][usize::from(node)].reset();
                self.connection_failed(scope, client, node, &mut effects);
            }
            Step::Connect { client, node } => {
                self.connect(scope, rules, client, node, &mut effects);
            }
            Step::Crash { node, keeps } => self.crash(scope, node, keeps, &mut effects),
            Step::Restart(node) => self.nodes[usize::from(node)].restart(scope.guarded_for()),
            Step::Resend { client, node, index } => {
                self.faults.resends = spend(self.faults.resends);
                self.pipes[usize::from(client)][usize::from(node)].resend(index.into());
            }
            Step::LoseScripts(node) => {
                self.faults.script_losses = spend(self.faults.script_losses);
                self.nodes[usize::from(node)].scripts_lost = true;
            }
            Step::Heal(c) => self.heal(c),
            Step::Advance { nodes, clients } => self.advance(nodes, clients, &mut effects),
        }
        if concerns_clients {
            self.observe();
        }
        effects
    }

    // ---- clients -----------------------------------------------------------------------------

    pub(crate) fn moment(&self, client: u8) -> Moment<I> {
        let pipes = &self.pipes[usize::from(client)];
        let now = self.clients[usize::from(client)].now;
        let guards = &self.guarded_until[usize::from(client)];
        let (mut reachable, mut guarded) = (NodeSet::EMPTY, NodeSet::EMPTY);
        for (node, (pipe, &until)) in pipes.iter().zip(guards).enumerate() {
            if pipe.link == Link::Up {
                reachable.insert(node as u8);
            }
            if now < until {
                guarded.insert(node as u8);
            }
        }
        Moment { now, reachable, guarded }
    }

    fn start(
        &mut self,
        scope: &Scope,
        rules: R,
        (c, adopted): (u8, Option<Value>),
        effects: &mut Effects<I>,
    ) {
        let moment = self.moment(c);
        self.healed.tried = self.healed.survivor().is_some();
        let client = &mut self.clients[usize::from(c)];
        if self.healed.survivor().is_none() {
            client.starts_left = spend(client.starts_left);
        }
        client.generation = client.generation.saturating_add(1);
        let value = client.value(c);
        if let Some(released) = client.released_at(value.generation()) {
            *released = NodeSet::EMPTY;
        }
        client.ghost.overtaken = NodeSet::EMPTY;
        // An adopter goes on with the belief of the giver.
        client.ghost.believed = adopted.is_some();
        client.ghost.interloped = adopted.is_some() && self.ticket.interloped;
        client.ghost.past_saw_foreign = false;
        let saw_foreign = std::mem::take(&mut client.ghost.saw_foreign);
        let action = match &mut client.program {
            Program::Joined(joined) => {
                joined.start(scope.config_of(c), moment, rules, (value, adopted))
            }
            Program::Threaded(threaded) => {
                if threaded.may_overlap() {
                    self.faults.overlaps = spend(self.faults.overlaps);
                    client.ghost.past_saw_foreign = saw_foreign;
                }
                threaded.make(scope, moment.now, value, Move::Start)
            }
        };
        self.carry_out(c, action, effects);
    }

    fn input(&mut self, scope: &Scope, c: u8, input: Input<Value>, effects: &mut Effects<I>) {
        let moment = self.moment(c);
        let client = &mut self.clients[usize::from(c)];
        let generation = client.generation;
        if let Program::Joined(joined) = &mut client.program {
            let action = joined.handle(scope.config_of(c), moment, input, generation, false);
            self.carry_out(c, action, effects);
        }
    }

    fn make(&mut self, scope: &Scope, c: u8, wanted: Move, effects: &mut Effects<I>) {
        let client = &mut self.clients[usize::from(c)];
        let value = client.value(c);
        let now = client.now;
        if let Program::Threaded(threaded) = &mut client.program {
            let action = threaded.make(scope, now, value, wanted);
            self.carry_out(c, action, effects);
        }
    }

    /// Sends what a program wants sent, and holds what it did against the event properties.
    pub(crate) fn carry_out(&mut self, c: u8, action: Action<I>, effects: &mut Effects<I>) {
        let client = &mut self.clients[usize::from(c)];
        let past = action.generation < client.generation;
        if !action.commands.extend.is_empty() {
            client.renewals_left = spend(client.renewals_left);
            *client.ghost.saw_foreign_in(past) = false;
            if client.stopped() {
                self.breaches.insert(Breach::RenewalAfterStop);
            }
        }
        if action.late_loss {
            self.breaches.insert(Breach::LateLoss);
        }
        if let Some(report) = action.report {
            // The outcome of the lease before comes after its stop, whatever the present one does.
            if action.renewal_outcome && (past || client.stopped()) {
                self.breaches.insert(Breach::ReportAfterStop);
            }
            let saw_foreign = std::mem::take(client.ghost.saw_foreign_in(past));
            if claims_taken(&report) && !saw_foreign {
                self.breaches.insert(Breach::FalseCause);
                // Without the nodes where the own release came first, would there be a quorum?
                let echo = N - usize::from(client.ghost.overtaken.len()) < majority(N);
                if echo && report == Report::AlreadyTaken {
                    self.breaches.insert(Breach::StrayMessage);
                }
            }
            effects.report = Some(report);
            self.note_hand_over(c, action.generation, &report);
        }
        for (command, nodes) in action.commands.in_order() {
            for node in nodes {
                let pipe = &mut self.pipes[usize::from(c)][usize::from(node)];
                if !pipe.push(Message::new(command, action.generation)) {
                    self.breaches.insert(Breach::PipeFull);
                }
            }
        }
        let sent = &mut effects.sent;
        sent.kill = sent.kill.or(action.commands.kill);
        sent.set = sent.set.or(action.commands.set);
        sent.adopt = sent.adopt.or(action.commands.adopt);
        sent.extend = sent.extend.or(action.commands.extend);
        sent.release = sent.release.or(action.commands.release);
    }

    // ---- messages ----------------------------------------------------------------------------

    pub(crate) fn run(
        &mut self,
        scope: &Scope,
        rules: R,
        c: u8,
        n: u8,
        index: u8,
        effects: &mut Effects<I>,
    ) {
        let pipe = &mut self.pipes[usize::from(c)][usize::from(n)];
        let Some(message) = pipe.get(usize::from(index)) else { return };
        let command = message.command();
        let value = Value::new(c, message.generation());
        let node = &mut self.nodes[usize::from(n)];
        let (before, gone_at) = (node.key, node.gone_at);
        let client = &self.clients[usize::from(c)];
        let adopted = match &client.program {
            Program::Joined(joined) => joined.adopted_by(value.generation(), client.generation),
            Program::Threaded(_) => Value::NONE,
        };
        let answer = node.run(command, (value, adopted), rules, scope.config_of(c));
        let changed = (node.key, node.gone_at) != (before, gone_at);
        if node.key != before {
            effects.changed.insert(n);
        }
        let (mut at, mut answer) = (usize::from(index), answer);
        if command == Command::Kill {
            let any;
            (any, at) = pipe.kill_older(at);
            if !any {
                answer = Answer::Missing;
            }
        }
        pipe.answer(at, answer);
        let stray = message.age() > 0;
        effects.executed = Some(Executed { client: c, node: n, command, value, answer, stray });
        let own = if command == Command::Adopt { adopted } else { value };
        self.judge_execution(c, n, command, value, (before, changed && before != own));
    }

    pub(crate) fn reply(
        &mut self,
        scope: &Scope,
        c: u8,
        n: u8,
        index: u8,
        effects: &mut Effects<I>,
    ) {
        let moment = self.moment(c);
        let pipe = &mut self.pipes[usize::from(c)][usize::from(n)];
        let Some(message) = pipe.get(usize::from(index)) else { return };
        let Some(answer) = message.answer() else { return };
        pipe.remove(usize::from(index));
        effects.heard = Some((message.command(), answer));
        if answer == Answer::Refused {
            // Whoever hears that a script is missing brings it back before anything else.
            self.nodes[usize::from(n)].scripts_lost = false;
        }
        let client = &mut self.clients[usize::from(c)];
        let generation = client.generation;
        let answered = (n, message.command(), answer);
        let of = message.generation();
        let awaited = match &client.program {
            Program::Joined(_) => of == generation,
            Program::Threaded(threaded) => threaded.awaits_lease(of, generation),
        };
        if answer == Answer::Foreign && awaited {
            *client.ghost.saw_foreign_in(of < generation) = true;
        }
        match &mut client.program {
            Program::Joined(joined) => {
                for action in joined.answer(scope.config_of(c), moment, answered, of, generation) {
                    self.carry_out(c, action, effects);
                }
            }
            Program::Threaded(threaded) if awaited => {
                let action = threaded.answer(scope, moment.now, of, answered);
                self.carry_out(c, action, effects);
            }
            Program::Threaded(_) => {}
        }
    }

    // ---- time and observation ----------------------------------------------------------------

    fn advance(&mut self, nodes: [I; N], clients: [I; C], effects: &mut Effects<I>) {
        self.spend_slips(&nodes, &clients);
        self.healed.tried = false;
        if let Some(survivor) = self.healed.survivor()
            && !self.clients[usize::from(survivor)].ghost.served
        {
            let by = clients[usize::from(survivor)].offset();
            self.healed.waited = self.healed.waited.plus(by);
        }
        for ((node, by), n) in self.nodes.iter_mut().zip(nodes).zip(0..) {
            let before = (node.key, node.is_withheld());
            node.now = node.now.plus(by.offset());
            node.expire();
            if (node.key, node.is_withheld()) != before {
                effects.changed.insert(n);
            }
        }
        for (client, by) in self.clients.iter_mut().zip(clients) {
            client.now = client.now.plus(by.offset());
            if client.releasing() && !client.paused {
                let before = client.ghost.releasing_for;
                client.ghost.releasing_for = before.plus(by.offset());
            }
        }
    }
}

/// One less, not below zero: a budget may be used up by a rule broken on purpose. The greatest
/// budget is never used up.
pub(crate) fn spend(budget: u8) -> u8 {
    if budget == u8::MAX { budget } else { budget.saturating_sub(1) }
}
