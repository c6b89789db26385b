//! Whatever arrives, no parser panics, hangs or takes for read what it cannot write again: inputs
//! of the corpus, changed at random. A change that was once too much is added to the corpus.
//!
//! The texts of traces and the machine itself have such tests of their own, in `world/tests` and
//! `src/protocol/properties`; so have recordings, the proxy's rules and its frames.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::path::Path;

use leasehold::driver::conformance::parse;
use leasehold::{Builder, ClientConfig, IntoEndpoint, Ticket};
use leasehold_sim::{Profile, Results, Shard};
use leasehold_world::{Scope, Settings};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use redis::Value;

/// The inputs of one parser, one a line; `\r`, `\n`, `\\` and `\xNN` stand for bytes, and
/// `{N*text}` for a text so many times.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("parsers/corpus");
    let text = fs::read_to_string(folder.join(name).with_extension("txt")).unwrap();
    text.lines().map(unescape).collect()
}

fn unescape(line: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = line;
    while let Some(next) = rest.chars().next() {
        let (taken, meant) = match (next, rest.as_bytes().get(1)) {
            ('\\', Some(b'r')) => (2, vec![b'\r']),
            ('\\', Some(b'n')) => (2, vec![b'\n']),
            ('\\', Some(b'\\')) => (2, vec![b'\\']),
            ('\\', Some(b'x')) => (4, vec![u8::from_str_radix(&rest[2..4], 16).unwrap()]),
            ('{', Some(b'0'..=b'9')) => {
                let (count, text) = rest[1..].split_once('*').unwrap();
                let text = text.split_once('}').unwrap().0;
                let meant = unescape(text).repeat(count.parse().unwrap());
                (count.len() + text.len() + 3, meant)
            }
            _ => (next.len_utf8(), rest.as_bytes()[..next.len_utf8()].to_vec()),
        };
        bytes.extend(meant);
        rest = &rest[taken..];
    }
    bytes
}

/// One change of an input.
#[derive(Clone, Debug)]
enum Change {
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Replace(Index, u8),
    Repeat(Index, usize, usize),
    /// The rest is that of another input.
    Splice(Index, Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let number = select(vec!["-1", "0", "1", "4294967296", "18446744073709551616", "9e99", "\r\n"]);
    let piece = prop_oneof![vec(any::<u8>(), 0..6), number.prop_map(|text| text.into())];
    prop_oneof![
        (any::<Index>(), piece).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<Index>(), 1..12usize).prop_map(|(at, length)| Change::Remove(at, length)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (any::<Index>(), 1..12usize, 1..30usize).prop_map(|(at, n, m)| Change::Repeat(at, n, m)),
        (any::<Index>(), any::<Index>(), any::<Index>())
            .prop_map(|(at, other, from)| Change::Splice(at, other, from)),
    ]
}

/// An input of a corpus after a few changes, or after none.
fn inputs(name: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let all = corpus(name);
    assert!(!all.is_empty(), "{name} has a corpus");
    (select(all.clone()), vec(change(), 0..5)).prop_map(move |(mut input, changes)| {
        for change in changes {
            apply(&mut input, change, &all);
        }
        input
    })
}

fn apply(input: &mut Vec<u8>, change: Change, all: &[Vec<u8>]) {
    let place = |at: Index, input: &Vec<u8>| at.index(input.len() + 1);
    match change {
        Change::Insert(at, piece) => {
            let at = place(at, input);
            input.splice(at..at, piece);
        }
        Change::Remove(at, length) => {
            let at = place(at, input);
            input.drain(at..(at + length).min(input.len()));
        }
        Change::Replace(at, byte) => {
            let at = place(at, input);
            if let Some(there) = input.get_mut(at) {
                *there = byte;
            }
        }
        Change::Repeat(at, length, times) => {
            let at = place(at, input);
            let piece = input[at..(at + length).min(input.len())].repeat(times);
            input.splice(at..at, piece);
        }
        Change::Splice(at, other, from) => {
            input.truncate(place(at, input));
            let other = &all[other.index(all.len())];
            input.extend_from_slice(&other[from.index(other.len() + 1)..]);
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A parser of texts: what it reads, written again.
type Reads = fn(&str) -> Option<String>;

/// Those whose texts read back as what they were read as.
const TEXTS: [(&str, Reads); 4] = [
    ("ticket", |text| text.parse::<Ticket>().ok().map(|it| it.to_string())),
    ("profile", |text| text.parse::<Profile>().ok().map(|it| it.name().to_owned())),
    ("shard", |text| text.parse::<Shard>().ok().map(|it| it.to_string())),
    ("results", |text| {
        serde_json::from_str::<Results>(text).ok().map(|it| serde_json::to_string(&it).unwrap())
    }),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// A reply is taken when it is whole, not before, and what follows it does not matter.
    #[test]
    fn replies(bytes in inputs("replies")) {
        let Ok(Some((value, length))) = parse(&bytes) else { return Ok(()) };
        prop_assert!(length <= bytes.len());
        let whole = parse(&bytes[..length]);
        prop_assert!(matches!(&whole, Ok(Some((same, _))) if same_value(same, &value)));
        for end in 0..length.min(64) {
            prop_assert!(!matches!(parse(&bytes[..end]), Ok(Some(_))), "taken after {} bytes", end);
        }
    }

    #[test]
    fn texts(
        (name, reads, input) in select(TEXTS.to_vec()).prop_flat_map(|(name, reads)| {
            inputs(name).prop_map(move |input| (name, reads, input))
        })
    ) {
        let Some(written) = reads(&text(&input)) else { return Ok(()) };
        prop_assert_eq!(reads(&written), Some(written.clone()), "{}", name);
    }

    /// What can be read is settings; whether they can work is said without panic.
    #[test]
    fn configurations(bytes in inputs("config")) {
        if let Ok(config) = serde_json::from_slice::<ClientConfig>(&bytes) {
            let _ = Builder::from(config);
        }
    }

    #[test]
    fn scopes(bytes in inputs("scope")) {
        let Ok(settings) = serde_json::from_slice::<Settings>(&bytes) else { return Ok(()) };
        let Ok(scope) = Scope::new(settings.clone()) else { return Ok(()) };
        prop_assert_eq!(scope.settings(), &settings);
    }

    #[test]
    fn urls(bytes in inputs("urls")) {
        let text = text(&bytes);
        if let Ok(endpoint) = text.as_str().into_endpoint() {
            prop_assert!(!endpoint.name().is_empty());
        }
    }
}

/// Equal, or not a number on both sides.
fn same_value(a: &Value, b: &Value) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

/// A corpus of which nothing can be read would test little.
#[test]
fn every_corpus_has_inputs_that_are_read_and_inputs_that_are_not() {
    let both = |name: &str, read: &dyn Fn(&[u8]) -> bool| {
        let read: Vec<bool> = corpus(name).iter().map(|input| read(input)).collect();
        assert!(read.contains(&true) && read.contains(&false), "{name}: {read:?}");
    };
    both("replies", &|bytes| matches!(parse(bytes), Ok(Some(_))));
    for (name, reads) in TEXTS {
        both(name, &|bytes| reads(&text(bytes)).is_some());
    }
    both("config", &|bytes| serde_json::from_slice::<ClientConfig>(bytes).is_ok());
    both("scope", &|bytes| {
        serde_json::from_slice::<Settings>(bytes).is_ok_and(|it| Scope::new(it).is_ok())
    });
    both("urls", &|bytes| text(bytes).as_str().into_endpoint().is_ok());
}
