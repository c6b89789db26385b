//! The words spoken to a node: commands as bytes, replies as [`Answer`]s.
//!
//! The redis crate packs and parses; where one reply ends is found here, because its parser is
//! made for streams that it reads itself.
#![expect(clippy::wildcard_enum_match_arm, reason = "the redis crate's replies are many, and grow")]

use std::string::{String, ToString};
use std::vec::Vec;

use redis::Value;

use super::key::Key;
use super::scripts;
use super::token::Token;
use crate::protocol::{Answer, Extend};

/// A command as bytes, with nothing allocated on the way: these are sent for every lease.
fn pack(out: &mut Vec<u8>, words: &[&[u8]]) {
    begin(out, words.len());
    words.iter().for_each(|word| put(out, word));
}

fn begin(out: &mut Vec<u8>, words: usize) {
    let mut digits = Digits::default();
    out.push(b'*');
    out.extend_from_slice(digits.of(words as u64));
    out.extend_from_slice(b"\r\n");
}

fn put(out: &mut Vec<u8>, word: &[u8]) {
    let mut digits = Digits::default();
    out.push(b'$');
    out.extend_from_slice(digits.of(word.len() as u64));
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

/// Room for a number in decimal.
#[derive(Default)]
struct Digits([u8; 20]);

impl Digits {
    fn of(&mut self, mut number: u64) -> &[u8] {
        let mut start = self.0.len();
        loop {
            start -= 1;
            self.0[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return &self.0[start..];
            }
        }
    }
}

/// The same with the names of a lease's keys amid the words, and how many they are before them.
fn pack_keys(out: &mut Vec<u8>, before: &[&[u8]], key: &Key, after: &[&[u8]]) {
    let names = key.names();
    let mut digits = Digits::default();
    begin(out, before.len() + 1 + names.len() + after.len());
    before.iter().for_each(|word| put(out, word));
    put(out, digits.of(names.len() as u64));
    names.for_each(|name| put(out, name.as_bytes()));
    after.iter().for_each(|word| put(out, word));
}

pub(super) fn set(out: &mut Vec<u8>, key: &Key, token: &Token, ttl_ms: u64) {
    let mut ttl = Digits::default();
    let (token, ttl) = (&token.base64(), ttl.of(ttl_ms));
    match key {
        Key::One(name) => pack(out, &[b"SET", name.as_bytes(), token, b"NX", b"PX", ttl]),
        Key::Several(_) => {
            pack_keys(out, &[b"EVAL", scripts::ACQUIRE.as_bytes()], key, &[token, ttl]);
        }
    }
}

/// Puts `token` in the place of `from`.
pub(super) fn adopt(out: &mut Vec<u8>, key: &Key, from: &Token, token: &Token, ttl_ms: u64) {
    let mut ttl = Digits::default();
    let after: [&[u8]; 3] = [&from.base64(), &token.base64(), ttl.of(ttl_ms)];
    pack_keys(out, &[b"EVAL", scripts::ADOPT.as_bytes()], key, &after);
}

/// `sha` is what `SCRIPT LOAD` answered on this connection.
pub(super) fn extend(out: &mut Vec<u8>, sha: &str, key: &Key, token: &Token, ttl_ms: u64) {
    let mut ttl = Digits::default();
    pack_keys(out, &[b"EVALSHA", sha.as_bytes()], key, &[&token.base64(), ttl.of(ttl_ms)]);
}

/// `tell` is whether those who listen are told.
pub(super) fn release(out: &mut Vec<u8>, key: &Key, token: &Token, tell: bool) {
    let script = match key {
        _ if tell => scripts::RELEASE_AND_TELL,
        Key::One(_) => scripts::RELEASE_ONE,
        Key::Several(_) => scripts::RELEASE,
    };
    pack_keys(out, &[b"EVAL", script.as_bytes()], key, &[&token.base64()]);
}

pub(super) fn subscribe(out: &mut Vec<u8>, channel: &str) {
    pack(out, &[b"SUBSCRIBE", channel.as_bytes()]);
}

pub(super) fn unsubscribe(out: &mut Vec<u8>, channel: &str) {
    pack(out, &[b"UNSUBSCRIBE", channel.as_bytes()]);
}

/// The channel on which something was told, or to which a subscription has begun.
pub(super) fn hint(reply: &Value) -> Option<&str> {
    let Value::Array(words) = reply else { return None };
    match words.as_slice() {
        [Value::BulkString(kind), Value::BulkString(channel), _]
            if kind == b"message" || kind == b"subscribe" =>
        {
            core::str::from_utf8(channel).ok()
        }
        _ => None,
    }
}

pub(super) fn kill(out: &mut Vec<u8>, connection: i64) {
    redis::cmd("CLIENT").arg("KILL").arg("ID").arg(connection).write_packed_command(out);
}

pub(super) fn load_extend(out: &mut Vec<u8>, script: Extend) {
    redis::cmd("SCRIPT").arg("LOAD").arg(scripts::extend(script)).write_packed_command(out);
}

/// The answer to a `SET NX`, or to the script that does it for several keys. `None`: no Redis
/// server says that.
pub(super) fn set_answer(reply: &Value) -> Option<Answer> {
    match reply {
        Value::Okay | Value::Int(1) => Some(Answer::Done),
        Value::Nil | Value::Int(0) => Some(Answer::Foreign),
        Value::ServerError(_) => Some(Answer::Refused),
        _ => None,
    }
}

/// The answer of one of the scripts.
pub(super) fn script_answer(reply: &Value) -> Option<Answer> {
    match reply {
        Value::Int(1) => Some(Answer::Done),
        Value::Int(0) => Some(Answer::Foreign),
        Value::Int(-1) => Some(Answer::Missing),
        Value::ServerError(_) => Some(Answer::Refused),
        _ => None,
    }
}

/// The answer to `CLIENT KILL ID`: how many connections were killed.
pub(super) fn kill_answer(reply: &Value) -> Option<Answer> {
    match reply {
        Value::Int(0) => Some(Answer::Missing),
        Value::Int(_) => Some(Answer::Done),
        Value::ServerError(_) => Some(Answer::Refused),
        _ => None,
    }
}

/// Whether the server has forgotten the script.
pub(super) fn is_noscript(reply: &Value) -> bool {
    match reply {
        Value::ServerError(error) => error.code() == "NOSCRIPT",
        _ => false,
    }
}

/// Whether the server does not let this user have the command.
pub(super) fn is_forbidden(reply: &Value) -> bool {
    match reply {
        Value::ServerError(error) => {
            let unknown = error.details().is_some_and(|words| words.starts_with("unknown command"));
            error.code() == "NOPERM" || unknown
        }
        _ => false,
    }
}

/// A reply's text, for an error message.
pub(super) fn text(reply: &Value) -> String {
    match reply {
        Value::ServerError(error) => match error.details() {
            Some(details) => std::format!("{} {details}", error.code()),
            None => error.code().to_string(),
        },
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        _ => String::new(),
    }
}

/// What no Redis server sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// No reply that is expected here is longer.
const REPLY_MAX: usize = 1 << 20;

/// Takes the first reply off `bytes`: the reply and its length, or `None` if it is incomplete.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Value, usize)>, Malformed> {
    if let Some(whole) = plain_reply(bytes) {
        return Ok(Some(whole));
    }
    let Some(length) = first_reply(bytes)? else {
        return if bytes.len() > REPLY_MAX { Err(Malformed) } else { Ok(None) };
    };
    let reply = bytes.get(..length).ok_or(Malformed)?;
    let value = redis::parse_redis_value(reply).map_err(|_| Malformed)?;
    Ok(Some((value, length)))
}

/// The replies that nearly all commands of leases get, without the parser's allocations.
fn plain_reply(bytes: &[u8]) -> Option<(Value, usize)> {
    for (text, value) in [
        (b"+OK\r\n".as_slice(), Value::Okay),
        (b"$-1\r\n", Value::Nil),
        (b":1\r\n", Value::Int(1)),
        (b":0\r\n", Value::Int(0)),
    ] {
        if bytes.starts_with(text) {
            return Some((value, text.len()));
        }
    }
    None
}

/// The length of the first reply (RESP 2), or `None` if it is incomplete.
fn first_reply(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let mut at = 0;
    let mut left = 1;
    while left > 0 {
        let rest = bytes.get(at..).unwrap_or(&[]);
        let Some(line_end) = rest.windows(2).position(|pair| pair == b"\r\n") else {
            return match rest.first() {
                None | Some(b'+' | b'-' | b':' | b'$' | b'*') => Ok(None),
                Some(_) => Err(Malformed),
            };
        };
        let (kind, line) = rest[..line_end].split_first().ok_or(Malformed)?;
        at += line_end + 2;
        left -= 1;
        match kind {
            b'+' | b'-' | b':' => {}
            b'$' => {
                if let Some(length) = count(line)? {
                    at += length + 2;
                }
            }
            b'*' => left += count(line)?.unwrap_or(0),
            _ => return Err(Malformed),
        }
    }
    Ok((at <= bytes.len()).then_some(at))
}

/// A length or a number of elements; `None` for the nil of RESP 2.
fn count(line: &[u8]) -> Result<Option<usize>, Malformed> {
    if line == b"-1" {
        return Ok(None);
    }
    let text = core::str::from_utf8(line).map_err(|_| Malformed)?;
    let count: usize = text.parse().map_err(|_| Malformed)?;
    if count > REPLY_MAX { Err(Malformed) } else { Ok(Some(count)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_taken_only_when_it_is_whole() {
        let stream: &[u8] =
            b"+OK\r\n:-1\r\n$-1\r\n$3\r\na\r\n\r\n*2\r\n:1\r\n*1\r\n$0\r\n\r\n-ERR no\r\n";
        let mut replies = Vec::new();
        let mut rest = stream;
        while !rest.is_empty() {
            let whole = parse(rest).unwrap().unwrap().1;
            for cut in 0..whole {
                assert_eq!(parse(&rest[..cut]), Ok(None), "{cut} of {whole}");
            }
            replies.push(parse(rest).unwrap().unwrap().0);
            rest = &rest[whole..];
        }
        assert_eq!(replies.len(), 6);
        assert_eq!((&replies[0], &replies[2]), (&Value::Okay, &Value::Nil));
        for text in ["+OK\r\n", "$-1\r\n", ":1\r\n", ":0\r\n"] {
            let theirs = redis::parse_redis_value(text.as_bytes()).unwrap();
            assert_eq!(parse(text.as_bytes()), Ok(Some((theirs, text.len()))));
        }
        assert_eq!(replies[1], Value::Int(-1));
        assert_eq!(replies[3], Value::BulkString(b"a\r\n".to_vec()));
    }

    #[test]
    fn commands_are_packed_as_the_redis_crate_does() {
        let (token, mut ours) = (Token::default(), Vec::new());
        let text = token.base64();
        set(&mut ours, &Key::one("a key: \r\n"), &token, 10_000);
        let mut theirs = redis::cmd("SET");
        theirs.arg("a key: \r\n").arg(&text).arg("NX").arg("PX").arg(10_000);
        assert_eq!(ours, theirs.get_packed_command());
        ours.clear();
        extend(&mut ours, "sha", &Key::one("k"), &token, 0);
        let mut theirs = redis::cmd("EVALSHA");
        theirs.arg("sha").arg(1).arg("k").arg(&text).arg(0);
        assert_eq!(ours, theirs.get_packed_command());
        ours.clear();
        release(&mut ours, &Key::one(""), &token, false);
        let mut theirs = redis::cmd("EVAL");
        theirs.arg(scripts::RELEASE_ONE).arg(1).arg("").arg(&text);
        assert_eq!(ours, theirs.get_packed_command());
        ours.clear();
        set(&mut ours, &Key::several(["b", "a"]).unwrap(), &token, 7);
        let mut theirs = redis::cmd("EVAL");
        theirs.arg(scripts::ACQUIRE).arg(2).arg("a").arg("b").arg(&text).arg(7);
        assert_eq!(ours, theirs.get_packed_command());
        assert_eq!(Digits::default().of(u64::MAX), b"18446744073709551615");
    }

    #[test]
    fn hints_are_told_from_other_replies() {
        let reply = |bytes: &[u8]| parse(bytes).unwrap().unwrap().0;
        let message = reply(b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$0\r\n\r\n");
        assert_eq!(hint(&message), Some("c"));
        let begun = reply(b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
        assert_eq!(hint(&begun), Some("c"));
        let ended = reply(b"*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n");
        assert_eq!(hint(&ended), None);
        assert_eq!(hint(&Value::Okay), None);
    }

    #[test]
    fn other_protocols_are_noticed() {
        assert_eq!(parse(b"HTTP/1.1 400 Bad Request\r\n"), Err(Malformed));
        assert_eq!(parse(b"S"), Err(Malformed));
        assert_eq!(parse(b"$99999999999\r\n"), Err(Malformed));
        assert_eq!(parse(b"\r\n"), Err(Malformed));
    }

    #[test]
    fn an_error_means_that_it_did_not_run() {
        let reply = parse(b"-NOSCRIPT No matching script\r\n").unwrap().unwrap().0;
        assert_eq!(script_answer(&reply), Some(Answer::Refused));
        assert!(is_noscript(&reply));
        assert_eq!(set_answer(&Value::Nil), Some(Answer::Foreign));
        assert_eq!(set_answer(&Value::Int(-1)), None);
    }
}
