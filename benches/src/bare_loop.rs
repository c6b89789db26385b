//! The yardstick of the simulator: a discrete-event loop and nothing else. A binary heap, delays
//! and losses from ChaCha8, a hash over what happened; three clients ask five nodes, and ask again
//! once a quorum has answered or a timer has run out. No protocol, no claims, no clocks.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const CLIENTS: usize = 3;
const NODES: usize = 5;
const QUORUM: u8 = 3;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Request { client: u8, node: u8, round: u32 },
    Answer { client: u8, round: u32 },
    Timeout { client: u8, round: u32 },
}

struct Loop {
    heap: BinaryHeap<Reverse<(u128, Event)>>,
    noted: u64,
    now: u64,
    rng: ChaCha8Rng,
    rounds: [u32; CLIENTS],
    answers: [u8; CLIENTS],
}

/// Handles so many events, a fresh seed every thousand; returns the hash over them.
pub fn bare_loop(events: usize) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for seed in 0..events.div_ceil(1_000) as u64 {
        let mut run = Loop {
            heap: BinaryHeap::with_capacity(64),
            noted: 0,
            now: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
            rounds: [0; CLIENTS],
            answers: [0; CLIENTS],
        };
        (0..CLIENTS).for_each(|client| run.ask(client));
        for _ in 0..1_000 {
            let Some(Reverse((key, event))) = run.heap.pop() else { break };
            run.now = (key >> 64) as u64;
            hash = (hash ^ run.now ^ run.handle(event)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}

impl Loop {
    fn note(&mut self, after: u64, event: Event) {
        let key = u128::from(self.now + after) << 64 | u128::from(self.noted);
        self.noted += 1;
        self.heap.push(Reverse((key, event)));
    }

    /// On its way, or lost in one case of a hundred.
    fn send(&mut self, event: Event) {
        let bits = self.rng.next_u64();
        if !bits.is_multiple_of(100) {
            self.note(100 + (bits >> 32) % 1_900, event);
        }
    }

    fn ask(&mut self, client: usize) {
        self.rounds[client] += 1;
        self.answers[client] = 0;
        let (round, client) = (self.rounds[client], client as u8);
        (0..NODES as u8).for_each(|node| self.send(Event::Request { client, node, round }));
        self.note(10_000, Event::Timeout { client, round });
    }

    fn handle(&mut self, event: Event) -> u64 {
        match event {
            Event::Request { client, node, round } => {
                self.send(Event::Answer { client, round });
                u64::from(client) << 8 | u64::from(node)
            }
            Event::Answer { client, round } => {
                let c = usize::from(client);
                self.answers[c] += u8::from(self.rounds[c] == round);
                if self.rounds[c] == round && self.answers[c] == QUORUM {
                    self.ask(c);
                }
                1 << 16 | u64::from(client)
            }
            Event::Timeout { client, round } => {
                let c = usize::from(client);
                if self.rounds[c] == round {
                    self.ask(c);
                }
                2 << 16 | u64::from(client)
            }
        }
    }
}
