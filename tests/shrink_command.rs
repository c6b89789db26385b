//! `shrink` and the page of `replay` as processes: what is left shows the same failure, what was
//! edited by hand is refused by line, and a page needs nothing but itself.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use leasehold_tests::command::{Ended, leasehold};
use leasehold_world::{Trace, replay};

/// What `arguments` print, if the command ends with `code` and complains of nothing.
fn printed(folder: &Path, arguments: &[&str], code: i32) -> String {
    let Ended { code: ended, stdout, stderr } = leasehold(folder, arguments);
    assert_eq!((ended, stderr.as_str()), (code, ""), "{arguments:?}: {stdout}");
    stdout
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// A failing seed of the program of go-redsync #158, with three nodes.
fn issue_158() -> [&'static str; 5] {
    let detached = ["--lifecycle", "detached", "--nodes", "3"];
    let folder = tempfile::tempdir().unwrap();
    let shows = |seed: &&str| {
        let arguments = [&["replay", seed][..], &detached].concat();
        leasehold(folder.path(), &arguments).stdout.contains("*** no stray message")
    };
    let seeds = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let seed = seeds.into_iter().find(shows).unwrap();
    [seed, detached[0], detached[1], detached[2], detached[3]]
}

#[test]
fn a_seed_is_shrunk_written_and_taken_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let shrink = |out: &str, options: &[&str]| {
        let svg = out.replace(".trace", ".svg");
        let files = ["--out", out, "--svg", &svg];
        let shrunk = printed(folder, &[&["shrink"], &issue_158()[..], &files, options].concat(), 0);
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        (shrunk, read(out), read(&svg))
    };
    let (shown, text, picture) = shrink("a.trace", &[]);
    for part in [
        "Still broken: no stray message: ",
        "Root cause: stray renewal after own release: ",
        "before        after",
        "leasehold replay a.trace",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    let summary = shown.lines().skip_while(|line| !line.starts_with("Still broken"));
    assert!(summary.clone().all(|line| line.chars().count() <= 100), "{shown}");
    let trace: Trace = text.parse().unwrap();
    assert!(trace.steps.len() <= 12, "{text}");
    let row = summary.clone().find(|line| line.trim_start().starts_with("steps")).unwrap();
    assert_eq!(row.split_whitespace().last(), Some(trace.steps.len().to_string().as_str()));
    assert_eq!((trace.scope.clients(), trace.scope.config.nodes()), (1, 1));
    assert!(picture.contains("Root cause") && picture.ends_with("</svg>\n"));

    let (_, again, picture_again) = shrink("b.trace", &["--json"]);
    assert_eq!((&again, &picture_again), (&text, &picture));
    // It replays to the same claim for ever, and there is nothing left to take away.
    let replayed = printed(folder, &["replay", "a.trace"], 1);
    assert!(replayed.contains("*** no stray message"), "{replayed}");
    printed(folder, &["shrink", "a.trace", "--out", "c.trace"], 0);
    assert_eq!(fs::read_to_string(folder.join("c.trace")).unwrap(), text);
}

#[test]
fn json_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let shrunk = printed(folder.path(), &[&["shrink"], &issue_158()[..], &["--json"]].concat(), 0);
    let json: serde_json::Value = serde_json::from_str(&shrunk).unwrap();
    assert_eq!(json["claim"], "no stray message");
    assert_eq!(json["cause"], "stray renewal after own release");
    assert_eq!(json["truncated"], false);
    assert_eq!(json["before"]["nodes"], 3);
    let trace: Trace = json["trace"].as_str().unwrap().parse().unwrap();
    assert_eq!(json["after"]["steps"], trace.steps.len());
    assert_eq!(json["replay"]["steps"].as_array().unwrap().len(), trace.steps.len());
    assert_eq!(entries(folder.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_shrinking_that_is_stopped_says_so_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let options = ["--attempts", "40", "--out", "x.trace"];
    let shown = printed(folder, &[&["shrink"], &issue_158()[..], &options].concat(), 3);
    assert!(shown.contains("TRUNCATED: stopped after 40 attempts"), "{shown}");
    let kept: Trace = fs::read_to_string(folder.join("x.trace")).unwrap().parse().unwrap();
    let broken = replay(&kept).unwrap().broken;
    assert!(broken.contains(&(kept.steps.len(), kept.breaks.unwrap())));
    printed(folder, &["shrink", "x.trace", "--out", "y.trace"], 0);
    let rest: Trace = fs::read_to_string(folder.join("y.trace")).unwrap().parse().unwrap();
    assert!(rest.steps.len() < kept.steps.len());
}

/// Refused with `code` and one line that says `what`; nothing printed, nothing written.
fn refused(folder: &Path, arguments: &[&str], code: i32, what: &[&str]) {
    let before = entries(folder);
    let Ended { code: ended, stdout, stderr } = leasehold(folder, arguments);
    assert_eq!((ended, stdout.as_str()), (code, ""), "{arguments:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    for word in what {
        assert!(stderr.contains(word), "{arguments:?}: {stderr}");
    }
    assert_eq!(entries(folder), before);
}

#[test]
fn a_schedule_edited_by_hand_is_refused_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let arguments = [&["shrink"], &issue_158()[..], &["--out", "whole.trace"]].concat();
    printed(folder, &arguments, 0);
    let whole = fs::read_to_string(folder.join("whole.trace")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let first = lines.iter().position(|line| line.contains("start c0")).unwrap();
    let file = |name: &str, lines: &[&str]| {
        fs::write(folder.join(name), lines.join("\n") + "\n").unwrap();
        name.to_owned()
    };
    let check = |name: String, what: &[&str]| {
        refused(
            folder,
            &["shrink", &name, "--out", "out.trace"],
            2,
            &[&[name.as_str()], what].concat(),
        );
    };

    // A step removed, and the rest as it was.
    let gap = [&lines[..first], &lines[first + 1..]].concat();
    let at = format!("line {}: ", first + 1);
    check(file("gap.trace", &gap), &[&at, "is not step 1", "put back what is missing"]);
    // A step removed, and the rest numbered anew: what follows is impossible.
    let anew = |lines: &[&str]| -> Vec<String> {
        let mut number = 0;
        let numbered = lines.iter().map(|line| {
            if line.starts_with(' ') {
                number += 1;
                let step = line.trim_start().split_once(' ').unwrap().1;
                format!("{number:>4} {step}")
            } else if line.starts_with("end") {
                format!("end {number}")
            } else {
                (*line).to_owned()
            }
        });
        numbered.collect()
    };
    let renumbered = anew(&gap);
    let renumbered: Vec<&str> = renumbered.iter().map(String::as_str).collect();
    check(file("anew.trace", &renumbered), &[&at, "not enabled there", "put it back"]);
    // The step that breaks it removed.
    let last = lines.len() - 2;
    let short = anew(&[&lines[..last], &lines[last + 1..]].concat());
    let short: Vec<&str> = short.iter().map(String::as_str).collect();
    let at = format!("line {last}: ");
    let said = "not \"no stray message\" as the header says";
    check(file("short.trace", &short), &[&at, said, "put it back"]);
    // A file that breaks nothing.
    let no_header = |line: &&&str| !line.starts_with("breaks");
    let harmless: Vec<&str> = lines[..first + 2].iter().filter(no_header).copied().collect();
    let harmless: Vec<&str> = harmless.into_iter().chain(["end 2"]).collect();
    let at = format!("line {}: ", first + 1);
    check(file("harmless.trace", &harmless), &[&at, "break no claim", "leasehold sim"]);
    // Garbage, and an end that counts otherwise.
    check(file("garbage.trace", &["garbage"]), &["line 1: not a trace file"]);
    let mut wrong_end = lines.clone();
    *wrong_end.last_mut().unwrap() = "end 99";
    check(file("end.trace", &wrong_end), &["\"end 99\" after", "put them right"]);
}

#[test]
fn a_seed_that_breaks_nothing_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    refused(folder.path(), &["shrink", "1"], 2, &["seed 1", "break no claim", "leasehold sim"]);
    refused(folder.path(), &["shrink", "nowhere.trace"], 4, &["nowhere.trace"]);
    let seed = issue_158();
    fs::write(folder.path().join("file"), "mine").unwrap();
    for option in ["--out", "--svg"] {
        let arguments = [&["shrink"], &seed[..], &[option, "file/x"]].concat();
        refused(folder.path(), &arguments, 4, &["cannot write file"]);
    }
}

/// All that stands between `from` and the next quotation mark.
fn quoted_after<'a>(text: &'a str, from: &str) -> Vec<&'a str> {
    text.split(from).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn examine_page(page: &str) {
    assert!(page.starts_with("<!doctype html>\n") && page.ends_with("</html>\n"));
    // Nothing is fetched from anywhere: the one address is the name of the SVG language.
    let addresses = page.matches("http").count();
    assert_eq!(addresses, page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    for element in ["<script", "<link", "<img", "<iframe", "src=", "@import", "url("] {
        assert!(!page.contains(element), "{element}");
    }
    // Every link leads somewhere, and only once.
    let ids = quoted_after(page, "id=\"");
    let known: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), known.len());
    for link in quoted_after(page, "href=\"") {
        let place = link.strip_prefix('#').unwrap_or_else(|| panic!("{link} leads elsewhere"));
        assert!(known.contains(place), "{link} leads nowhere");
    }
    let rows = ids.iter().filter_map(|id| id.strip_prefix("row-"));
    assert!(rows.clone().count() > 5);
    for number in rows {
        assert!(page.contains(&format!("href=\"#step-{number}\"")), "row {number}");
    }
}

#[test]
fn a_page_needs_nothing_but_itself() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let seed = issue_158();
    let page = |what: &[&str], name: &str, code: i32| {
        printed(folder, &[&["replay"], what, &["--html", name]].concat(), code);
        fs::read_to_string(folder.join(name)).unwrap()
    };
    let first = page(&seed, "a page.html", 1);
    examine_page(&first);
    let made = format!("leasehold replay {} --lifecycle detached --nodes 3", seed[0]);
    for part in [
        format!("{made} --html &apos;a page.html&apos;").replace("&apos;", "'"),
        "breaks \u{201c}no stray message\u{201d}".to_owned(),
        "Root cause: stray renewal after own release".to_owned(),
        "<dt>TTL</dt>".to_owned(),
        "leasehold trace 1".to_owned(),
    ] {
        assert!(first.contains(&part), "{part}");
    }
    // What is printed besides is what is printed without a page.
    let plain = printed(folder, &[&["replay"], &seed[..]].concat(), 1);
    let arguments = [&["replay"], &seed[..], &["--html", "a page.html"]].concat();
    assert_eq!(printed(folder, &arguments, 1), plain);
    assert_eq!(fs::read_to_string(folder.join("a page.html")).unwrap(), first);
    // A run in which nothing broke, and one in ticks.
    let sound = page(&["1"], "sound.html", 0);
    examine_page(&sound);
    assert!(sound.contains("steps, and nothing broke.") && !sound.contains("breaks \u{201c}"));
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/counterexamples");
    let ticks = reports.join("hazards-detached-touch-fifo-no-stray-message.trace");
    let ticks = page(&[fs::canonicalize(ticks).unwrap().to_str().unwrap()], "ticks.html", 1);
    examine_page(&ticks);
    assert!(ticks.contains("Root cause: stray renewal after own release"));
    assert!(ticks.contains("<th>tick</th>"));
    // The trace in the page is the trace.
    let within = first.split("<pre>").nth(1).and_then(|rest| rest.split("</pre>").next()).unwrap();
    let unescaped = within.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    let trace: Trace = unescaped.replace("&amp;", "&").parse().unwrap();
    assert_eq!(trace.breaks.map(|claim| claim.name()), Some("no stray message"));
    refused(folder, &["replay", "1", "--html", "sound.html/x"], 4, &["cannot write sound.html/x"]);
}
