//! Where `world/` and real servers are known to differ: each exactly, on both sides, so that a test
//! fails when either of them changes. The random sequences keep out of these corners.

use leasehold::driver::conformance::{Spoken, answer};
use leasehold::protocol::{Answer, Command, Extend, Micros, Mutated};
use leasehold_tests::{Program, Server, done, is_here};
use redis::{Value, cmd};

use crate::connection::Connection;
use crate::model::{Model, Stored};
use crate::sequence::{Request, Sequence};

const TTL_MS: i64 = 10;
const TOKEN: [u8; 16] = [7; 16];

fn model() -> Model<Micros> {
    let sequence = Sequence {
        extend: Extend::Touch,
        keys: 1,
        ttls_ms: [TTL_MS; 3],
        phase_us: 0,
        tell: false,
        ops: Vec::new(),
    };
    Model::new(&sequence, Mutated(None), None)
}

/// What the model answers to a command that arrives at once.
fn modelled(model: &mut Model<Micros>, client: u8, command: Command) -> Answer {
    assert!(model.send(Request { client, command, lease: 1 }));
    let answer = model.run(client, 0, 1);
    model.hear(client);
    answer
}

/// A server of each kind that is here, on which nothing expires by itself.
fn servers() -> impl Iterator<Item = Server> {
    let programs = [Program::Redis, Program::Valkey].into_iter().filter(|p| is_here(*p));
    programs.map(|program| {
        let server = Server::start_with_clock(program, &[]);
        server.query::<()>(&["DEBUG", "SET-ACTIVE-EXPIRE", "0"]);
        server
    })
}

fn lease(names: &[&str]) -> Spoken {
    Spoken::new(names, TOKEN).unwrap()
}

fn reply(connection: &mut Connection, pack: impl FnOnce(&mut Vec<u8>)) -> Value {
    let mut bytes = Vec::new();
    pack(&mut bytes);
    connection.send(&bytes);
    connection.reply()
}

/// A wall clock jumps past the end of a key and back, and nobody looks in between. A server that
/// has not dropped the key by itself meanwhile (it looks for such keys ten times a second) has it
/// still; the model drops it at once.
///
/// What the model leaves out is a key that lives on, as after any jump back: nobody else can have
/// had it in between.
#[test]
fn a_key_may_come_back_with_the_clock() {
    let mut model = model();
    assert_eq!(modelled(&mut model, 0, Command::Set), Answer::Done);
    model.advance(20_000);
    model.advance(-20_000);
    assert_eq!(model.stored(), None);
    assert_eq!(modelled(&mut model, 0, Command::Extend), Answer::Missing);
    for server in servers() {
        let (mut connection, greeted) = Connection::greet(&server, Extend::Touch);
        let set = |out: &mut Vec<u8>| lease(&["k"]).set(out, TTL_MS as u64);
        assert_eq!(reply(&mut connection, set), Value::Okay);
        done(server.clock().step(20_000));
        done(server.clock().step(-20_000));
        assert_eq!(server.query::<i64>(&["PTTL", "k"]), TTL_MS);
        let extend = |out: &mut Vec<u8>| lease(&["k"]).extend(out, &greeted.sha, TTL_MS as u64);
        let extended = reply(&mut connection, extend);
        assert_eq!(answer(Command::Extend, &extended), Some(Answer::Done));
    }
}

/// A second `SET NX` of one lease (a client library that sends it again; a repair) is refused, and
/// counts as somebody else's key. The script for several keys grants it, and the TTL begins anew.
/// The model is that of one key.
#[test]
fn several_keys_are_granted_again_to_their_own_lease() {
    let mut model = model();
    assert_eq!(modelled(&mut model, 0, Command::Set), Answer::Done);
    model.advance(4_000);
    assert_eq!(modelled(&mut model, 0, Command::Set), Answer::Foreign);
    assert!(matches!(model.stored(), Some(Stored { ttl_ms: 6, .. })));
    for server in servers() {
        let mut connection = Connection::open(&server);
        for (names, again, ttl_ms) in
            [(&["k"][..], Answer::Foreign, 6), (&["k", "l"], Answer::Done, TTL_MS)]
        {
            server.flush();
            let set = |out: &mut Vec<u8>| lease(names).set(out, TTL_MS as u64);
            let first = reply(&mut connection, set);
            assert_eq!(answer(Command::Set, &first), Some(Answer::Done));
            done(server.clock().step(4_000));
            let second = reply(&mut connection, set);
            assert_eq!(answer(Command::Set, &second), Some(again));
            let left = connection.ask(&[cmd("PTTL").arg("k").to_owned()]);
            assert_eq!(left, [Value::Int(ttl_ms)]);
        }
    }
}
