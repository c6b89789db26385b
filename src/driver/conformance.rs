//! The very words that this driver speaks to a node, for the tests that hold the model of a node
//! against real servers. No part of the library's interface.

use std::string::{String, ToString};
use std::vec::Vec;

use redis::{RedisConnectionInfo, Value};

use super::handshake::{Greeting, Handshake};
use super::key::Key;
use super::token::Token;
use super::wire;
use crate::protocol::{Answer, Command, Extend};

/// A lease: its keys and its token.
#[derive(Clone, Debug)]
pub struct Spoken {
    key: Key,
    token: Token,
}

impl Spoken {
    /// The lease on `names` whose token is made of `bytes`; `None` without a name.
    pub fn new(names: &[&str], bytes: [u8; 16]) -> Option<Spoken> {
        let key = Key::several(names.iter().copied())?;
        Some(Spoken { key, token: Token::of(bytes) })
    }

    /// What its keys hold, while it holds them.
    pub fn value(&self) -> Vec<u8> {
        self.token.base64().to_vec()
    }

    /// The bytes of `Set`.
    pub fn set(&self, out: &mut Vec<u8>, ttl_ms: u64) {
        wire::set(out, &self.key, &self.token, ttl_ms);
    }

    /// The bytes of `Extend`; `sha` is from [`Greeted`].
    pub fn extend(&self, out: &mut Vec<u8>, sha: &str, ttl_ms: u64) {
        wire::extend(out, sha, &self.key, &self.token, ttl_ms);
    }

    /// The bytes of `Adopt`, which takes the keys over from the lease `from`.
    pub fn adopt(&self, out: &mut Vec<u8>, from: &Spoken, ttl_ms: u64) {
        wire::adopt(out, &self.key, &from.token, &self.token, ttl_ms);
    }

    /// The bytes of `Release`. `tell` is whether those who listen are told.
    pub fn release(&self, out: &mut Vec<u8>, tell: bool) {
        wire::release(out, &self.key, &self.token, tell);
    }
}

/// The bytes of `Kill`, of the connection that the server calls `id`.
pub fn kill(out: &mut Vec<u8>, id: i64) {
    wire::kill(out, id);
}

/// What follows a refusal for want of the script.
pub fn load_extend(out: &mut Vec<u8>, script: Extend) {
    wire::load_extend(out, script);
}

/// What a reply to `command` means. `None`: no Redis server says that.
pub fn answer(command: Command, reply: &Value) -> Option<Answer> {
    match command {
        Command::Set => wire::set_answer(reply),
        Command::Adopt | Command::Extend | Command::Release => wire::script_answer(reply),
        Command::Kill => wire::kill_answer(reply),
    }
}

/// Whether a reply says that the script is not known.
pub fn is_noscript(reply: &Value) -> bool {
    wire::is_noscript(reply)
}

/// Takes the first reply off `bytes`: the reply and its length, or `None` if it is incomplete.
///
/// # Errors
/// With what no Redis server sends.
pub fn parse(bytes: &[u8]) -> Result<Option<(Value, usize)>, &'static str> {
    wire::parse(bytes).map_err(|wire::Malformed| "not a reply of Redis")
}

/// What is said on a new connection before it is used.
#[derive(Debug)]
pub struct Greet(Handshake);

/// What a server tells on a new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeted {
    /// Its name for the connection.
    pub connection: Option<i64>,
    /// The identity of its process.
    pub run_id: Option<String>,
    /// For how many whole seconds that process had been up.
    pub uptime_s: Option<i64>,
    /// The name of the extend script.
    pub sha: String,
}

impl Greet {
    /// Writes all that is said to `out`.
    pub fn begin(script: Extend, out: &mut Vec<u8>) -> Greet {
        Greet(Handshake::begin(&RedisConnectionInfo::default(), script, out))
    }

    /// Takes one reply; what was told with the last.
    ///
    /// # Errors
    /// If the driver would not use this node.
    pub fn take(&mut self, reply: &Value) -> Result<Option<Greeted>, String> {
        let told = |Greeting { connection, run_id, uptime_s, sha }| Greeted {
            connection,
            run_id,
            uptime_s,
            sha,
        };
        let taken = self.0.take(reply).map_err(|error| error.to_string())?;
        Ok(taken.map(told))
    }
}
