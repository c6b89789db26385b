//! Leases on several keys that overlap: every script looks at all of its keys before it changes
//! one, so all of them change or none does. What each key does then is what the model of a node
//! does.

use std::cell::RefCell;

use leasehold::driver::conformance::{Spoken, answer};
use leasehold::protocol::{
    Answer, Command, Config, Drift, Extend, Instant, Micros, Settings, Sound, Transport,
};
use leasehold_tests::{Clock, Program, Server, done, is_here};
use leasehold_world::{Node, Value as Owner, WorldTime};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config as Proptest, RngSeed, TestCaseError, TestRunner};
use redis::{Value, cmd};

use crate::connection::Connection;
use crate::number;

const KEYS: [&str; 3] = ["a", "b", "c"];
/// Each client's own.
const TTLS_MS: [i64; 3] = [7, 20, 500];
/// Somebody who stores a list.
const OUTSIDER: u8 = 9;
const SEQUENCES: u64 = 2_000;

#[derive(Clone, Copy, Debug)]
enum Op {
    /// `keys` is a set, as bits.
    Do {
        client: u8,
        command: Command,
        keys: u8,
    },
    /// Time passes, until the key of this number is gone or anyhow.
    Step {
        to_end_of: Option<usize>,
        by_us: i64,
    },
    /// Somebody stores a list where a key is free.
    Take {
        key: usize,
    },
    Memory {
        full: bool,
    },
}

/// What the scripts promise, on one model of a node per key.
struct Model {
    nodes: [Node<Micros>; 3],
    extend: Extend,
    full: bool,
}

impl Model {
    fn run(&mut self, client: u8, command: Command, keys: u8) -> Answer {
        let (own, config) = (Owner::new(client, 1), config(client, self.extend));
        let named = |key: &usize| keys & 1 << key != 0;
        let mine: Vec<usize> = (0..KEYS.len()).filter(named).collect();
        let held: Vec<Owner> = mine.iter().map(|&key| self.nodes[key].key).collect();
        let missing = held.iter().any(|held| held.is_none());
        let foreign = held.iter().any(|&held| !held.is_none() && held != own);
        let full = self.full;
        let mut each = |command| {
            let run =
                |&key: &usize| self.nodes[key].run(command, (own, Owner::NONE), Sound, &config);
            let answers: Vec<Answer> = mine.iter().map(run).collect();
            answers
        };
        match command {
            Command::Set if mine.len() == 1 && full => Answer::Refused,
            Command::Set if mine.len() == 1 => each(Command::Set)[0],
            Command::Set | Command::Extend if foreign => Answer::Foreign,
            Command::Extend if missing && self.extend == Extend::Touch => Answer::Missing,
            Command::Set if full => Answer::Refused,
            Command::Extend if missing && full => Answer::Refused,
            Command::Set | Command::Extend => {
                each(Command::Set);
                each(Command::Extend);
                Answer::Done
            }
            Command::Release => {
                each(Command::Release);
                match (foreign, missing) {
                    (true, _) => Answer::Foreign,
                    (false, true) => Answer::Missing,
                    (false, false) => Answer::Done,
                }
            }
            Command::Adopt | Command::Kill => panic!("{command:?} is not compared"),
        }
    }

    fn advance(&mut self, by_us: i64) {
        for node in &mut self.nodes {
            node.now = node.now.plus(by_us);
            node.expire();
        }
    }
}

fn config(client: u8, extend: Extend) -> Config {
    let ttl_ms = TTLS_MS.get(usize::from(client)).copied().unwrap_or(TTLS_MS[0]);
    Config::new(Settings {
        nodes: 1,
        ttl: ttl_ms * 1_000,
        drift: Drift { factor_ppm: 0, floor: 0 },
        renew_every: 1,
        renew_retry: 1,
        node_timeout: 1,
        release_within: 1,
        extend,
        transport: Transport::Fifo,
        max_ttl: None,
        repair: false,
    })
    .unwrap()
}

fn spoken(client: u8, keys: u8) -> Spoken {
    let names: Vec<&str> = KEYS
        .into_iter()
        .enumerate()
        .filter(|(key, _)| keys & 1 << key != 0)
        .map(|at| at.1)
        .collect();
    Spoken::new(&names, [client; 16]).unwrap()
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let command = prop_oneof![Just(Command::Set), Just(Command::Extend), Just(Command::Release)];
    let step = prop_oneof![1_i64..3_000, 1_i64..30_000];
    let op = prop_oneof![
        20 => (0_u8..3, command, 1_u8..8)
            .prop_map(|(client, command, keys)| Op::Do { client, command, keys }),
        2 => step.prop_map(|by_us| Op::Step { to_end_of: None, by_us }),
        4 => (0_usize..3, -1_i64..1)
            .prop_map(|(key, by_us)| Op::Step { to_end_of: Some(key), by_us }),
        1 => (0_usize..3).prop_map(|key| Op::Take { key }),
        1 => any::<bool>().prop_map(|full| Op::Memory { full }),
    ];
    vec(op, 1..30)
}

/// One sequence on both sides.
fn run(server: &Server, extend: Extend, ops: &[Op]) -> Result<(), String> {
    let origin_us = (server.clock().now_us() / 1_000 + 1) * 1_000;
    done(server.clock().set(origin_us));
    let (mut connection, greeted) = Connection::greet(server, extend);
    let no_bound = cmd("CONFIG").arg("SET").arg("maxmemory").arg(0).to_owned();
    connection.ask(&[no_bound, cmd("FLUSHALL").to_owned()]);
    let mut model = Model { nodes: [Node::default(); 3], extend, full: false };
    for (at, &op) in ops.iter().enumerate() {
        match op {
            Op::Do { client, command, keys } => {
                let (lease, ttl_ms) = (spoken(client, keys), TTLS_MS[usize::from(client)] as u64);
                let mut bytes = Vec::new();
                match command {
                    Command::Set => lease.set(&mut bytes, ttl_ms),
                    Command::Extend => lease.extend(&mut bytes, &greeted.sha, ttl_ms),
                    Command::Release => lease.release(&mut bytes, client == 0),
                    Command::Adopt | Command::Kill => panic!("{command:?} is not compared"),
                }
                connection.send(&bytes);
                let reply = connection.reply();
                let (got, expected) = (answer(command, &reply), model.run(client, command, keys));
                if got != Some(expected) {
                    return Err(format!("{at}, {op:?}: expected {expected:?}, got {reply:?}"));
                }
            }
            Op::Step { to_end_of, by_us } => {
                let node = to_end_of.map(|key| model.nodes[key]).filter(|node| !node.key.is_none());
                let until = node.map_or(0, |node| node.gone_at.since(node.now));
                model.advance((until + by_us).max(0));
                done(server.clock().set(origin_us + model.nodes[0].now.offset()));
            }
            Op::Take { key } if !model.full && model.nodes[key].key.is_none() => {
                let config = config(OUTSIDER, extend);
                let _ = model.nodes[key].run(
                    Command::Set,
                    (Owner::new(OUTSIDER, 1), Owner::NONE),
                    Sound,
                    &config,
                );
                let push = cmd("RPUSH").arg(KEYS[key]).arg("theirs").to_owned();
                let bound = cmd("PEXPIRE").arg(KEYS[key]).arg(TTLS_MS[0]).to_owned();
                connection.ask(&[push, bound]);
            }
            Op::Take { .. } => {}
            Op::Memory { full } => {
                model.full = full;
                let set = cmd("CONFIG").arg("SET").arg("maxmemory").arg(u8::from(full)).to_owned();
                connection.ask(&[set]);
            }
        }
        look(&mut connection, &model).map_err(|why| format!("{at}, {op:?}: {why}"))?;
    }
    Ok(())
}

fn look(connection: &mut Connection, model: &Model) -> Result<(), String> {
    for (node, key) in model.nodes.iter().zip(KEYS) {
        let found =
            connection.ask(&[cmd("GET").arg(key).to_owned(), cmd("PTTL").arg(key).to_owned()]);
        let left_ms = (node.gone_at.offset() - 1) / 1_000 - node.now.offset() / 1_000;
        let agrees = match &found[0] {
            Value::Nil => node.key.is_none(),
            Value::BulkString(value) => {
                *value == spoken(node.key.client(), 1).value() && found[1] == Value::Int(left_ms)
            }
            Value::ServerError(_) => {
                node.key.client() == OUTSIDER && found[1] == Value::Int(left_ms)
            }
            _ => false,
        };
        if !agrees {
            return Err(format!("{key}: expected {:?} for {left_ms} ms, got {found:?}", node.key));
        }
    }
    Ok(())
}

fn all_or_none(program: Program) {
    if !is_here(program) {
        return;
    }
    let server = RefCell::new(Server::start_with_clock(program, &[]));
    done(server.borrow().clock().set(Clock::START_US));
    let config = Proptest {
        cases: number("LEASEHOLD_SEQUENCES", SEQUENCES) as u32,
        rng_seed: RngSeed::Fixed(number("LEASEHOLD_SEED", 0)),
        failure_persistence: None,
        ..Proptest::default()
    };
    let extend = prop_oneof![Just(Extend::Touch), Just(Extend::TouchOrSet)];
    let tried = TestRunner::new(config).run(&(extend, ops()), |(extend, ops)| {
        run(&server.borrow(), extend, &ops).map_err(TestCaseError::fail)
    });
    tried.unwrap_or_else(|error| panic!("{}: {error}", program.name()));
}

#[test]
fn redis_changes_all_keys_of_a_lease_or_none() {
    all_or_none(Program::Redis);
}

#[test]
fn valkey_changes_all_keys_of_a_lease_or_none() {
    all_or_none(Program::Valkey);
}
