//! Which message of a pipe is which: a pipe has places, and what stands in a place changes as
//! others leave.

use leasehold::protocol::Answer;
use leasehold_world::{Message, Pipe};

use crate::steps::Touch;
use crate::story::{Flight, Ran};

/// A message under way: its number in the list of flights, and what it looked like.
type Shadow = (usize, Message);

/// Follows every message by comparing the pipes after a step with those before it.
#[derive(Clone, Debug)]
pub(crate) struct Flights<const N: usize, const C: usize> {
    known: Vec<Flight>,
    under_way: [[Vec<Shadow>; N]; C],
}

impl<const N: usize, const C: usize> Flights<N, C> {
    pub(crate) fn new() -> Self {
        let none = || std::array::from_fn(|_| Vec::new());
        Flights { known: Vec::new(), under_way: std::array::from_fn(|_| none()) }
    }

    /// Takes note of a step after which the pipes are `pipes`; `present` are the leases that the
    /// clients are at.
    pub(crate) fn follow(
        &mut self,
        step: usize,
        touch: Touch,
        answer: Option<Answer>,
        pipes: &[[Pipe; N]; C],
        present: &[u8; C],
    ) {
        self.take_note(step, touch, answer, present);
        for (client, pipes) in pipes.iter().enumerate() {
            for (node, pipe) in pipes.iter().enumerate() {
                self.compare(step, (client as u8, node as u8), pipe);
            }
        }
    }

    /// What the step says about one message, which no comparison could find out.
    fn take_note(&mut self, step: usize, touch: Touch, answer: Option<Answer>, present: &[u8; C]) {
        match touch {
            Touch::Nothing => {}
            Touch::Runs { client, node, index } => {
                let shadows = &mut self.under_way[usize::from(client)][usize::from(node)];
                let Some(&(number, message)) = shadows.get(usize::from(index)) else { return };
                let stray = message.age() > 0;
                if stray {
                    // Nobody will hear its answer.
                    shadows.remove(usize::from(index));
                }
                let outdated = message.generation() != present[usize::from(client)];
                self.known[number].ran = answer.map(|answer| Ran { step, answer, stray, outdated });
            }
            Touch::Arrives { client, node, index } => {
                let shadows = &mut self.under_way[usize::from(client)][usize::from(node)];
                if usize::from(index) < shadows.len() {
                    let (number, _) = shadows.remove(usize::from(index));
                    self.known[number].heard = Some(step);
                }
            }
            Touch::ServerDies(node) => {
                for client in 0..C {
                    for (number, _) in self.under_way[client][usize::from(node)].drain(..) {
                        self.known[number].dropped = Some(step);
                    }
                }
            }
        }
    }

    /// What is left in a pipe keeps its order, and what is new stands at the end.
    fn compare(&mut self, step: usize, (client, node): (u8, u8), pipe: &Pipe) {
        let shadows = &mut self.under_way[usize::from(client)][usize::from(node)];
        let mut before = std::mem::take(shadows).into_iter();
        for message in pipe.iter() {
            let mut number = None;
            for (candidate, was) in before.by_ref() {
                if continues(was, message) {
                    number = Some(candidate);
                    break;
                }
                self.known[candidate].dropped = Some(step);
            }
            let number = number.unwrap_or_else(|| {
                let command = message.command();
                let generation = message.generation();
                let (sent, ran, heard, dropped) = (step, None, None, None);
                self.known.push(Flight {
                    client,
                    node,
                    command,
                    generation,
                    sent,
                    ran,
                    heard,
                    dropped,
                });
                self.known.len() - 1
            });
            shadows.push((number, message));
        }
        for (candidate, _) in before {
            self.known[candidate].dropped = Some(step);
        }
    }

    /// All messages, in order of sending.
    pub(crate) fn into_known(self) -> Vec<Flight> {
        self.known
    }
}

/// Whether a message that looked like `was` may look like `is` after a step.
fn continues(was: Message, is: Message) -> bool {
    was.command() == is.command()
        && was.generation() == is.generation()
        && was.age() <= is.age()
        && (was.answer().is_none() || was.answer() == is.answer())
}
