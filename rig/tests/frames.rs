//! Frames of RESP and the text of rules: whatever arrives, in whatever pieces.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use leasehold_rig::proxy::{
    CommandName, Fault, FrameError, LONGEST_LINE, Newcomers, Only, Pick, Rule, Silence, Splitter,
    Spread, Way, Window, is_push, words,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Everything that comes out of these pieces, and what is left.
fn split(way: Way, pieces: &[&[u8]]) -> (Vec<Vec<u8>>, Option<FrameError>, Vec<u8>) {
    let (mut splitter, mut frames) = (Splitter::new(way), Vec::new());
    let mut error = None;
    for piece in pieces {
        splitter.push(piece);
        loop {
            match splitter.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(why) => {
                    error = Some(why);
                    break;
                }
            }
        }
    }
    (frames, error, splitter.rest())
}

/// Cuts `bytes` at these places, each in parts per thousand of the length.
fn cut<'a>(bytes: &'a [u8], at: &[usize]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = at.iter().map(|thousandth| thousandth * bytes.len() / 1000).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

fn bulk(kind: char, bytes: &[u8]) -> Vec<u8> {
    [format!("{kind}{}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn array(words: &[Vec<u8>]) -> Vec<u8> {
    let words: Vec<u8> = words.iter().flat_map(|word| bulk('$', word)).collect();
    [format!("*{}\r\n", count(&words)).as_bytes(), &words].concat()
}

/// How many bulk strings lie there; not by the code under test.
fn count(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while !bytes.is_empty() {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        let length: usize = std::str::from_utf8(&bytes[1..end - 1]).unwrap().parse().unwrap();
        bytes = &bytes[end + 1 + length + 2..];
        count += 1;
    }
    count
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let array = vec(vec(any::<u8>(), 0..20), 0..6).prop_map(|words| array(&words));
    let inline = "[A-Za-z][a-z \"]{0,30}\r?\n".prop_map(String::into_bytes);
    prop_oneof![4 => array, 1 => inline, 1 => Just(b"*-1\r\n".to_vec())]
}

fn reply() -> impl Strategy<Value = Vec<u8>> {
    let text = prop::sample::select(vec!['+', '-', ':', ',', '#', '(', '_']);
    let line = (text, "[ -~]{0,30}").prop_map(|(kind, text)| format!("{kind}{text}\r\n"));
    let kinds = prop::sample::select(vec!['$', '=', '!']);
    let bulks = (kinds, vec(any::<u8>(), 0..20)).prop_map(|(kind, bytes)| bulk(kind, &bytes));
    let none = prop::sample::select(vec!["$-1\r\n", "*-1\r\n", "*0\r\n", "%0\r\n"]);
    let leaf = prop_oneof![
        line.prop_map(String::into_bytes),
        bulks,
        none.prop_map(|text| text.as_bytes().to_vec())
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        let list = (prop::sample::select(vec!['*', '~', '>']), vec(inner.clone(), 0..5));
        let pairs = vec((inner.clone(), inner.clone()), 0..3);
        let aggregate = |kind: char, count: usize, items: Vec<Vec<u8>>| {
            [format!("{kind}{count}\r\n").into_bytes(), items.concat()].concat()
        };
        let flat = |pairs: &[(Vec<u8>, Vec<u8>)]| -> Vec<Vec<u8>> {
            pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).collect()
        };
        prop_oneof![
            list.prop_map(move |(kind, items)| aggregate(kind, items.len(), items)),
            pairs.clone().prop_map(move |pairs| aggregate('%', pairs.len(), flat(&pairs))),
            (pairs, inner).prop_map(move |(pairs, value)| {
                [aggregate('|', pairs.len(), flat(&pairs)), value].concat()
            }),
        ]
    })
}

fn either() -> impl Strategy<Value = (Way, Vec<Vec<u8>>)> {
    prop_oneof![
        vec(request(), 0..6).prop_map(|frames| (Way::Request, frames)),
        vec(reply(), 0..6).prop_map(|frames| (Way::Reply, frames)),
    ]
}

/// Bytes that are nearly frames.
fn rubbish() -> impl Strategy<Value = Vec<u8>> {
    let near = vec(prop::sample::select(b"*$+-:,#(_=!~>%|01923\r\n\r\nSET k".to_vec()), 0..80);
    prop_oneof![vec(any::<u8>(), 0..80), near]
}

proptest! {
    #[test]
    fn frames_are_the_same_in_whatever_pieces_they_arrive(
        (way, frames) in either(),
        cuts in vec(0..1000_usize, 0..12),
    ) {
        let bytes = frames.concat();
        let (got, error, rest) = split(way, &cut(&bytes, &cuts));
        prop_assert_eq!(error, None);
        prop_assert_eq!(&got, &frames);
        prop_assert_eq!(rest, Vec::<u8>::new());
        let each: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(split(way, &each).0, frames);
    }

    #[test]
    fn whatever_arrives_no_byte_is_lost_and_nothing_panics(
        bytes in rubbish(),
        is_request in any::<bool>(),
        cuts in vec(0..1000_usize, 0..8),
    ) {
        let way = if is_request { Way::Request } else { Way::Reply };
        let whole = split(way, &[&bytes]);
        prop_assert_eq!([whole.0.concat(), whole.2.clone()].concat(), bytes.clone());
        for frame in &whole.0 {
            let _ = (words(frame), is_push(frame, true));
        }
        let (frames, error, rest) = split(way, &cut(&bytes, &cuts));
        prop_assert_eq!([frames.concat(), rest].concat(), bytes);
        prop_assert_eq!((frames, error), (whole.0, whole.1));
    }

    #[test]
    fn words_of_anything_do_not_panic(bytes in rubbish()) {
        let _ = (words(&bytes), is_push(&bytes, true), is_push(&bytes, false));
    }

    #[test]
    fn words_are_those_that_were_sent(said in vec(vec(any::<u8>(), 0..20), 0..6)) {
        let frame = array(&said);
        let said: Vec<&[u8]> = said.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(words(&frame), said);
    }

    #[test]
    fn a_rule_is_read_as_it_is_written(rule in rule()) {
        let text = rule.to_string();
        prop_assert_eq!(text.parse::<Rule>().unwrap(), rule, "{}", text);
    }

    #[test]
    fn no_text_of_a_rule_panics(
        text in "[a-z0-9 .%#/@=,-]{0,40}|(delay|drop|hold) [0-9a-z.%#/@ ]{0,30}",
    ) {
        let _ = text.parse::<Rule>();
    }
}

fn rule() -> impl Strategy<Value = Rule> {
    let time = || prop_oneof![0..2_000_u64, (0..100_u64).prop_map(|ms| ms * 1_000)];
    let spread = || {
        (time(), time())
            .prop_map(|(one, other)| Spread { least_us: one.min(other), most_us: one.max(other) })
    };
    let silence = || prop_oneof![Just(Silence::Open), time().prop_map(Silence::ResetAfterUs)];
    let fault = prop_oneof![
        spread().prop_map(Fault::Delay),
        spread().prop_map(Fault::DelayReply),
        Just(Fault::Hold),
        silence().prop_map(Fault::Drop),
        silence().prop_map(Fault::DropReply),
        Just(Fault::Duplicate),
        prop::option::of(time()).prop_map(|us| Fault::HalfOpen { deliver_after_us: us }),
        Just(Fault::Reset),
        Just(Fault::Partition(Newcomers::Hang)),
        Just(Fault::Partition(Newcomers::Refuse)),
    ];
    let name = prop::sample::select(vec!["set", "EVALSHA", "Client|Kill"]);
    let only = (vec(name, 0..3), prop::option::of("[a-z0-9:]{1,8}"));
    let pick = prop_oneof![
        Just(Pick::Every),
        (1..9_u64).prop_map(Pick::Nth),
        (1..9_u64).prop_map(Pick::EveryNth),
        (1..=1_000_000_u32).prop_map(Pick::ChancePpm),
    ];
    let window = prop::option::of((0..5_000_u64, prop::option::of(1..5_000_u64)));
    (fault, only, pick, window).prop_map(|(fault, (names, with), pick, window)| {
        let commands = names.into_iter().map(CommandName::new).collect();
        let window = window.map(|(from_ms, length_ms)| Window {
            from_ms,
            until_ms: length_ms.map(|length_ms| from_ms + length_ms),
        });
        if let Fault::Partition(_) = fault {
            return Rule { window, ..Rule::new(fault) };
        }
        let only = Only { commands, with };
        Rule { fault, only, pick, window }
    })
}

#[test]
fn what_is_too_long_or_no_frame_is_an_error() {
    let long = [b"+".as_slice(), &vec![b'a'; LONGEST_LINE]].concat();
    let cases: [(Way, &[u8], FrameError); 11] = [
        (Way::Reply, &long, FrameError::TooLong),
        (Way::Request, &vec![b'a'; LONGEST_LINE], FrameError::TooLong),
        (Way::Reply, b"$67108865\r\n", FrameError::TooLong),
        (Way::Reply, b"*1048577\r\n", FrameError::TooLong),
        (Way::Reply, b"%9223372036854775807\r\n", FrameError::TooLong),
        (Way::Reply, b"$x\r\n", FrameError::Length),
        (Way::Reply, b"*-2\r\n", FrameError::Length),
        (Way::Request, b"*1\r\n$-1\r\n", FrameError::Length),
        (Way::Request, b"*1\r\n:1\r\n", FrameError::Kind(b':')),
        (Way::Reply, b"hello\r\n", FrameError::Kind(b'h')),
        (Way::Reply, b"$2\r\nabcd", FrameError::Unended),
    ];
    for (way, bytes, wanted) in cases {
        let (frames, error, rest) = split(way, &[bytes]);
        assert_eq!((frames.len(), error), (0, Some(wanted)), "{way:?} {:?}", bytes.get(..20));
        assert_eq!(rest, bytes);
    }
    // Arrays in arrays are counted together.
    let nested = [b"*1048576\r\n".as_slice(), b"*2\r\n"].concat();
    assert_eq!(split(Way::Reply, &[&nested]).1, Some(FrameError::TooLong));
}

#[test]
fn a_push_is_told_from_a_reply() {
    let message = b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n";
    assert!(is_push(message, true) && !is_push(message, false));
    assert!(is_push(b">1\r\n+invalidate\r\n", false));
    assert!(!is_push(b"+message\r\n", true));
}

#[test]
fn what_is_wrong_with_a_rule_is_told_with_a_remedy() {
    for (text, says) in [
        ("", "it is empty; begin with one of delay, "),
        ("slow 50ms SET", "\"slow\" is no fault; choose one of delay, "),
        ("delay SET", "how long is missing; say it behind the name, as in delay 50ms"),
        ("delay 50 SET", "\"50\" is no time; write a whole number with a unit"),
        ("delay 5ms..1ms", "\"5ms..1ms\" ends before it begins"),
        ("delay 2000h", "\"2000h\" is no time"),
        ("drop 1ms..5ms SET", "drop takes one length of time, not a range"),
        ("drop SET #0", "\"#0\" is no whole number above 0; count from 1"),
        ("drop SET /x", "\"/x\" is no whole number above 0"),
        ("drop SET 101%", "\"101%\" is no chance; write 0.0001% to 100%"),
        ("drop SET 0.00001%", "\"0.00001%\" is no chance"),
        ("drop S€T", "\"S€T\" is no command"),
        ("hold 50ms", "\"50ms\" is no command"),
        ("drop SET GET", "\"GET\" comes second"),
        ("drop #1 #2", "\"#2\" comes second"),
        ("reset @5s..1s", "\"@5s..1s\" ends before it begins"),
        ("reset @5s", "\"@5s\" is no time"),
        ("partition SET", "a partition concerns everything, so \"SET\" cannot be said of it"),
    ] {
        let error = text.parse::<Rule>().unwrap_err().to_string();
        assert!(error.starts_with(&format!("fault \"{text}\": {says}")), "{error}");
    }
}

#[test]
fn rules_mean_what_they_say() {
    let parsed = |text: &str| text.parse::<Rule>().unwrap();
    assert_eq!(parsed("delay 50ms set"), Rule::new(Fault::delay_us(50_000, 50_000)).command("SET"));
    assert_eq!(
        parsed("drop-reply EVALSHA #3"),
        Rule::new(Fault::DropReply(Silence::Open)).command("EVALSHA").nth(3)
    );
    assert_eq!(
        parsed("drop 200ms SET,EVAL 1.5% @1s..3s"),
        Rule::new(Fault::Drop(Silence::ResetAfterUs(200_000)))
            .command("SET")
            .command("EVAL")
            .chance_ppm(15_000)
            .between(1_000, 3_000)
    );
    assert_eq!(parsed("partition refuse").fault, Fault::Partition(Newcomers::Refuse));
    let named = |text: &str, words: &[&[u8]]| parsed(text).only.matches(words);
    assert!(named("reset client|kill", &[b"Client", b"KILL", b"ID", b"3"]));
    assert!(!named("reset client|kill", &[b"CLIENT", b"ID"]));
    assert!(named("reset with=k", &[b"SET", b"k", b"v"]) && !named("reset with=k", &[b"GET"]));
}
