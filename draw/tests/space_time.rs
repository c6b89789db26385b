//! The pictures of the traces in the repository, and of two clients that both believe.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::path::{Path, PathBuf};

use leasehold_draw::{Extras, space_time, space_time_with};
use leasehold_model::cell::shortest;
use leasehold_model::control::Control;
use leasehold_model::scopes::{Group, Overrides, ScopeName};
use leasehold_sim::{Options, record};
use leasehold_world::{Claim, Faults, Lifecycle, Role, Scope, Settings, Trace, replay};
use roxmltree::{Document, Node};

/// Every counterexample, with its file's name.
fn counterexamples() -> Vec<(String, Trace)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/counterexamples");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "trace"))
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let trace = fs::read_to_string(&path).unwrap().parse();
        (name.clone(), trace.unwrap_or_else(|error| panic!("{name}: {error}")))
    };
    files.into_iter().map(read).collect()
}

fn has_class(node: &Node<'_, '_>, class: &str) -> bool {
    node.attribute("class").is_some_and(|classes| classes.split(' ').any(|one| one == class))
}

/// How many elements have a class.
fn count(document: &Document<'_>, class: &str) -> usize {
    document.descendants().filter(|node| has_class(node, class)).count()
}

/// All words of the picture.
fn words(document: &Document<'_>) -> Vec<String> {
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.map(|node| node.text().unwrap_or("").trim().to_owned()).collect()
}

fn steps(trace: &Trace, verb: &str) -> usize {
    trace.steps.iter().filter(|line| line.step.split(' ').next() == Some(verb)).count()
}

/// How many messages a trace sends, by what its notes say. Two leases of one client may send the
/// same command to one node in one step, and the note then tells of one.
fn sent(trace: &Trace) -> usize {
    let nodes_after = |note: &str| {
        let lists = note.split("; ").filter_map(|part| part.strip_prefix("sends "));
        lists.map(|list| list.matches(" n").count()).sum::<usize>()
    };
    replay(trace).unwrap().moments.iter().map(|frame| nodes_after(&frame.line.note)).sum()
}

/// What holds for the picture of any trace.
fn examine(name: &str, trace: &Trace) {
    let picture = space_time(trace).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(space_time(trace).unwrap(), picture, "{name}: other bytes");
    let document = Document::parse(&picture).unwrap_or_else(|error| panic!("{name}: {error}"));
    for element in ["script", "image", "style", "foreignObject", "use"] {
        assert!(!document.descendants().any(|node| node.has_tag_name(element)), "{name}");
    }
    // What ran is an arrow and a dot, what was heard is another arrow, and the rest is a stub.
    let ran = steps(trace, "run");
    assert_eq!(count(&document, "command"), ran, "{name}");
    assert_eq!(count(&document, "run"), ran, "{name}");
    assert_eq!(count(&document, "answer"), steps(trace, "reply"), "{name}");
    assert_eq!(count(&document, "answer") + count(&document, "unheard"), ran, "{name}");
    assert!(count(&document, "never-run") + ran >= sent(trace), "{name}");
    let strays = replay(trace).unwrap();
    let strays = strays.moments.iter().filter(|frame| frame.line.note.contains("runs stray"));
    assert_eq!(count(&document, "stray"), strays.count(), "{name}");

    let Some(claim) = trace.breaks else { return };
    assert_eq!(count(&document, "marker"), 1, "{name}");
    assert_eq!(count(&document, "broken"), 1, "{name}");
    let captions = document.descendants().filter(|node| has_class(node, "caption"));
    let captions: Vec<&str> = captions.filter_map(|node| node.text()).map(str::trim).collect();
    let captions = captions.join(" ");
    assert!(captions.contains(claim.verdict()), "{name}: {captions}");
}

#[test]
fn every_counterexample_is_drawn_whole() {
    let all = counterexamples();
    assert!(all.len() >= 20, "{} counterexamples", all.len());
    for (name, trace) in &all {
        examine(name, trace);
        // With one lease the notes tell of every message.
        let picture = space_time(trace).unwrap();
        let document = Document::parse(&picture).unwrap();
        let drawn = count(&document, "command") + count(&document, "never-run");
        assert_eq!(drawn, sent(trace) + steps(trace, "resend"), "{name}");
    }
}

#[test]
fn a_picture_says_what_the_world_was() {
    let (_, trace) = &counterexamples()[0];
    let settings = trace.scope.settings();
    let picture = space_time(trace).unwrap();
    let document = Document::parse(&picture).unwrap();
    let title = document.descendants().find(|node| node.has_tag_name("title")).unwrap();
    let title = title.text().unwrap();
    assert!(words(&document).iter().any(|text| text == title), "only for those who cannot see");
    for part in [
        settings.lifecycle.clone(),
        settings.extend.clone(),
        settings.transport.clone(),
        format!("{} nodes", settings.nodes),
        format!("TTL {} ticks", settings.ttl),
    ] {
        assert!(title.contains(&part), "{title} lacks {part}");
    }
}

/// Two clients that only acquire; a quorum is one node too few.
fn contended() -> Scope {
    let role = Role { starts: 1, renewals: 0, stops: false, ..Role::default() };
    let settings = ScopeName::Quick
        .cells(Overrides::default())
        .into_iter()
        .find(|cell| cell.group == Group::Hazards && cell.lifecycle == Lifecycle::Joined)
        .and_then(|cell| cell.settings)
        .unwrap();
    let mutant = Some("quorum-less-one".to_owned());
    Scope::new(Settings { roles: vec![role; 2], mutant, ttl: 3, renew_every: 1, ..settings })
        .unwrap()
}

fn shortest_to(claim: Claim, scope: &Scope) -> Trace {
    let go_on = |_| true;
    let control = Control { threads: 1, progress: &go_on, second_opinion_up_to: 0 };
    shortest(scope, &[claim], &control).unwrap().broken.remove(0).trace
}

#[test]
fn two_clients_that_believe_overlap_in_red() {
    let trace = shortest_to(Claim::WindowExclusion, &contended());
    examine("two clients", &trace);
    let picture = space_time(&trace).unwrap();
    let document = Document::parse(&picture).unwrap();
    assert_eq!(count(&document, "overlap"), 1);
    assert_eq!(words(&document).iter().filter(|text| *text == "both").count(), 2);
    // One step earlier only one of them believes.
    let mut before = trace.clone();
    before.steps.pop();
    before.breaks = None;
    let picture = space_time(&before).unwrap();
    assert_eq!(count(&Document::parse(&picture).unwrap(), "overlap"), 0);
}

/// A trace with these steps under the constants of the first counterexample.
fn with_steps(faults: Faults, steps: &[&str]) -> Trace {
    let (_, trace) = counterexamples().remove(0);
    let settings = Settings { faults, mutant: None, ..trace.scope.settings().clone() };
    let mut text = Trace { scope: Scope::new(settings).unwrap(), breaks: None, ..trace };
    let line = text.steps[0].clone();
    text.steps = (steps.iter())
        .map(|step| leasehold_world::trace::Line { step: (*step).to_owned(), ..line.clone() })
        .collect();
    text
}

#[test]
fn messages_are_told_apart_when_their_places_change() {
    // The SET to n0 becomes a stray, is killed, and never runs; what follows takes its place.
    let reset = Faults { resets: 1, ..Faults::default() };
    let killed = with_steps(
        reset,
        &["start c0", "reset c0 n0", "connect c0 n0", "run c0 n0 #1", "run c0 n1 #0"],
    );
    examine("killed", &killed);
    let picture = space_time(&killed).unwrap();
    let document = Document::parse(&picture).unwrap();
    let words = words(&document);
    for text in ["KILL: ok", "SET n0: never runs", "SET n2: not run yet", "n0: connection fails"] {
        assert!(words.iter().any(|word| word == text), "{text}: {words:?}");
    }
    // A server takes everything with it.
    let crash = Faults { crashes_losing: 1, ..Faults::default() };
    let dead = with_steps(crash, &["start c0", "run c0 n1 #0", "crash n1 lose", "run c0 n2 #0"]);
    examine("dead", &dead);
    let picture = space_time(&dead).unwrap();
    let document = Document::parse(&picture).unwrap();
    let words = self::words(&document);
    for text in ["dies, loses state", "down", "SET: ok"] {
        assert!(words.iter().any(|word| word == text), "{text}: {words:?}");
    }
    assert_eq!((count(&document, "key"), count(&document, "away")), (2, 1));
}

#[test]
fn seeds_are_drawn_whole() {
    let mut clients = [false; 4];
    for lifecycle in [Lifecycle::Joined, Lifecycle::Detached] {
        let transport = if lifecycle == Lifecycle::Joined { "fifo" } else { "pooled" };
        let transport = transport.parse().unwrap();
        let options = Options { lifecycle, transport, ..Options::default() };
        for seed in 0..12 {
            let trace = record(seed, &options).1;
            examine(&format!("{lifecycle}, seed {seed}"), &trace);
            clients[trace.scope.clients()] = true;
        }
    }
    assert_eq!(clients, [false, true, true, true]);
}

#[test]
fn what_cannot_be_replayed_is_not_drawn() {
    let odd = with_steps(Faults::default(), &["start c0", "reply c0 n0 #0"]);
    let error = space_time(&odd).unwrap_err();
    assert!(error.to_string().contains("not enabled"), "{error}");
    let unit = Trace { unit: "years".to_owned(), ..odd };
    assert!(space_time(&unit).unwrap_err().to_string().contains("years"));
}

#[test]
fn why_it_broke_is_shown_if_it_is_known() {
    let (_, trace) = counterexamples().remove(0);
    let last = trace.steps.len();
    let reasons = vec![(1, "it begins".to_owned()), (last, "and ends".to_owned())];
    let cause = Some("because ".repeat(40));
    let extras = Extras { cause, reasons, links: true };
    let picture = space_time_with(&trace, extras).unwrap();
    let document = Document::parse(&picture).unwrap();
    // One sign for the cause and one for the first step; the last has the sign of what broke.
    assert_eq!((count(&document, "reason"), count(&document, "marker")), (2, 1));
    let words = words(&document);
    for text in ["WHY: it begins", "WHY: and ends"] {
        assert!(words.iter().any(|word| word == text), "{text}: {words:?}");
    }
    assert_eq!(words.iter().map(|text| text.matches("because").count()).sum::<usize>(), 40);
    // Every step can be found, and every number leads away.
    let ids = document.descendants().filter_map(|node| node.attribute("id"));
    let wanted: Vec<String> = (1..=last).map(|step| format!("step-{step}")).collect();
    assert_eq!(ids.collect::<Vec<_>>(), wanted);
    let numbers = document.descendants().filter_map(|node| node.attribute("href"));
    assert!(numbers.clone().count() > 5);
    assert!(numbers.clone().all(|link| link.starts_with("#row-")));
    // What is not known changes nothing.
    let plain = space_time_with(&trace, Extras::default()).unwrap();
    assert_eq!(plain, space_time(&trace).unwrap());
    let height = |picture: &str| {
        let document = Document::parse(picture).unwrap();
        document.root_element().attribute("height").unwrap().parse::<f64>().unwrap()
    };
    assert!(height(&picture) > height(&plain));
    examine_fits(&document);
}

/// No text begins beyond the edge of the picture.
fn examine_fits(document: &Document<'_>) {
    let number = |node: &Node<'_, '_>, name| node.attribute(name).and_then(|n| n.parse().ok());
    let width: f64 = number(&document.root_element(), "width").unwrap();
    for node in document.descendants().filter(|node| node.has_tag_name("text")) {
        assert!(number(&node, "x").unwrap_or(0.0) < width);
    }
}
