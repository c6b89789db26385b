use super::event::{Event, Happening};
use super::judge::judge;
use super::ledger::{Tally, tally};
use super::monitor::{Executed, parse};

/// Lines of `MONITOR`, a millisecond apart.
fn executed(lines: &[&str]) -> Vec<Executed> {
    let one = |(at, line): (usize, &&str)| {
        let (source, words) = match line.strip_prefix("lua ") {
            Some(words) => ("lua", words),
            None => ("unix:s", *line),
        };
        let words: Vec<String> = words.split(' ').map(|word| format!("\"{word}\"")).collect();
        parse(&format!("+1.{:06} [0 {source}] {}\n", at * 1_000, words.join(" "))).unwrap()
    };
    lines.iter().enumerate().map(one).collect()
}

const SET: &str = "SET lock:1 V PX 200 NX";
const TOUCH: [&str; 3] = ["EVALSHA x 1 lock:1 V 200", "lua GET lock:1", "lua PEXPIRE lock:1 200"];
const TOUCH_GONE: [&str; 2] = ["EVALSHA x 1 lock:1 V 200", "lua GET lock:1"];
const TOUCH_OR_SET: [&str; 3] =
    ["EVALSHA x 1 lock:1 V 200", "lua GET lock:1", "lua SET lock:1 V PX 200 NX"];
const DELETE: [&str; 3] = ["EVAL text 1 lock:1 V", "lua get lock:1", "lua del lock:1"];
const DELETE_GONE: [&str; 2] = ["EVAL text 1 lock:1 V", "lua get lock:1"];

fn counted(parts: &[&[&str]]) -> Tally {
    tally(&executed(&parts.concat()), "lock")
}

#[test]
fn what_comes_after_a_release_is_told_by_what_it_does() {
    let clean = Tally { renewals: 1, ..Tally::default() };
    assert_eq!(counted(&[&[SET], &TOUCH, &DELETE]), clean);
    let stray = Tally { strays: 1, ..clean };
    assert_eq!(counted(&[&[SET], &DELETE, &TOUCH_GONE]), stray);
    assert_eq!(counted(&[&[SET], &DELETE, &TOUCH_OR_SET]), Tally { zombies: 1, ..stray });
    // Somebody else has it, so that it is not set.
    let other = ["SET lock:1 W PX 200 NX"];
    let unreleased = Tally { unreleased: 1, ..stray };
    assert_eq!(counted(&[&[SET], &DELETE, &other, &TOUCH_OR_SET]), unreleased);
    // Not known there, so not executed.
    assert_eq!(counted(&[&[SET], &DELETE, &TOUCH[..1]]), Tally::default());
}

#[test]
fn an_acquisition_after_its_own_clean_up_is_an_orphan() {
    let orphan = Tally { orphans: 1, ..Tally::default() };
    assert_eq!(counted(&[&DELETE_GONE, &[SET]]), orphan);
    assert_eq!(counted(&[&DELETE_GONE, &[SET], &DELETE]), orphan);
    let by_script =
        ["EVALSHA x 1 lock:1 V 200", "lua exists lock:1", "lua set lock:1 V PX 200"].as_slice();
    assert_eq!(counted(&[&DELETE_GONE, by_script]), orphan);
    // One that is denied stores nothing.
    let other = ["SET lock:1 W PX 200 NX"];
    let unreleased = Tally { unreleased: 1, ..Tally::default() };
    assert_eq!(counted(&[&other, &DELETE_GONE, &[SET]]), unreleased);
    assert_eq!(counted(&[&[SET]]), unreleased);
    assert_eq!(counted(&[&["SET other V PX 200 NX"], &["SET lock:1 V"]]), Tally::default());
}

fn events(task: u32, lines: &[(i64, Happening, Option<i64>)]) -> Vec<Event> {
    let one = |(at_us, event, until_us): &(i64, Happening, Option<i64>)| Event {
        until_us: *until_us,
        ..Event::new(*at_us, task, *event)
    };
    lines.iter().map(one).collect()
}

#[test]
fn windows_of_belief_end_with_the_stop_or_the_end_that_is_named() {
    use Happening::{Asks, Extended, Held, Stops};
    let overlaps = |first: &[_], second: &[_]| {
        let told = judge(&[events(0, first), events(0, second)], true, 10_000);
        (told.overlaps, told.overlap_us)
    };
    let second = [(200, Held, Some(900)), (300, Stops, None)];
    assert_eq!(overlaps(&[(0, Held, Some(500)), (100, Stops, None)], &second), (0, 0));
    assert_eq!(overlaps(&[(0, Held, Some(150)), (600, Stops, None)], &second), (0, 0));
    assert_eq!(overlaps(&[(0, Held, Some(250)), (600, Stops, None)], &second), (1, 50));
    let extended = [(0, Held, Some(100)), (90, Extended, Some(400)), (600, Stops, None)];
    assert_eq!(overlaps(&extended, &second), (1, 100));
    let revived = [(0, Held, Some(100)), (350, Extended, Some(400)), (600, Stops, None)];
    assert_eq!(overlaps(&revived, &second), (0, 0));
    // Who never stops believes until the end that was named.
    assert_eq!(overlaps(&[(0, Asks, None), (1, Held, None)], &second), (1, 100));
}

#[test]
fn attempts_that_are_slow_or_never_end_hang() {
    use Happening::{Asks, Denied, Held};
    let quick = [(0, Asks, None), (1_999_000, Denied, None), (1_999_001, Asks, None)];
    let told = judge(&[events(0, &quick)], false, 2_500_000);
    assert_eq!((told.hung, told.denied, told.slowest_us), (0, 1, 1_999_000));
    let slow = [(0, Asks, None), (2_000_001, Held, None), (3_000_000, Asks, None)];
    let told = judge(&[events(0, &slow)], false, 6_000_000);
    assert_eq!((told.hung, told.acquired, told.slowest_us), (2, 1, 3_000_000));
}

#[test]
fn a_line_of_monitor_is_read_with_its_escapes() {
    let read = parse(r#"+1700000000.000123 [0 lua] "set" "a \"b\"" "\x01\\""#).unwrap();
    assert_eq!(read.at_us, 1_700_000_000_000_123);
    assert!(read.is_in_script);
    assert_eq!(read.words, ["set", r#"a \"b\""#, r"\x01\\"]);
    assert_eq!(parse("+OK"), None);
}
