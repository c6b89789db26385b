//! What clients do on real servers is recorded, taken again through the same machine, and compared;
//! and a recording that was tampered with is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test tampers with one of many lines")]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use leasehold::protocol::{Answer, Command, Extend, Input, NodeSet, Retry};
use leasehold::record::{Conformity, Line, Recording, conform};
use leasehold::{Builder, Client};
use leasehold_tests::proxy::Proxy;
use leasehold_tests::{PATIENCE, Server, eventually, servers};
use leasehold_world::{Followed, follow};
use proptest::prelude::*;
use tokio::time::{sleep, timeout};

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Every recording of a folder.
fn recordings(folder: &Path) -> Vec<Recording> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| Recording::read(&fs::read_to_string(path).unwrap()).unwrap()).collect()
}

fn conform_all(recordings: &[Recording]) -> Conformity {
    let found = recordings.iter().map(|recording| {
        assert!(recording.complete);
        conform(recording).unwrap_or_else(|deviation| panic!("{deviation}"))
    });
    found.fold(Conformity::default(), Conformity::and)
}

fn builder(folder: &Path, proxies: &[Proxy]) -> Builder {
    Client::builder()
        .nodes(proxies.iter().map(Proxy::url))
        .ttl(ms(400))
        .restart_guard(false)
        .renew_every(ms(20))
        .node_timeout(ms(30))
        .release_within(ms(200))
        .retry(Retry { attempts: Some(5), delay_min: 1_000, delay_max: 10_000 })
        .connect_timeout(PATIENCE)
        .record(folder)
}

/// Locks, renews, hands over, gives up and releases, `rounds` times.
async fn work(client: Client, adopter: Client, rounds: u32) {
    for round in 0..rounds {
        let patience = ms(u64::from(round * 37 % 60));
        let Ok(Ok(guard)) = timeout(patience, client.acquire("k")).await else { continue };
        sleep(ms(u64::from(round * 13 % 50))).await;
        match round % 4 {
            0 => drop(guard),
            1 => {
                if let Ok(ticket) = guard.hand_over().await
                    && let Ok(adopted) = adopter.adopt(&ticket).await
                {
                    sleep(ms(25)).await;
                    let _ = adopted.release().await;
                }
            }
            2 => {
                let _ = guard.extend().await;
                let _ = guard.release().await;
            }
            _ => {
                let lock = client.lock_all(["a", "b"]).ttl(ms(300)).no_renewal();
                let pair = lock.try_acquire().await;
                let _ = guard.release().await;
                drop(pair);
            }
        }
    }
}

/// Cuts, pauses, kills and lost scripts, one after the other.
fn inject(servers: &mut [Server], proxies: &[Proxy]) {
    for round in 0..24 {
        let at = round % servers.len();
        match round % 6 {
            0 => proxies[at].cut(),
            1 => {
                servers[at].pause();
                thread::sleep(ms(70));
                servers[at].resume();
            }
            2 => servers[at].query::<()>(&["SCRIPT", "FLUSH"]),
            3 => {
                proxies[at].hold();
                thread::sleep(ms(30));
                proxies[at].cut();
                thread::sleep(ms(60));
                proxies[at].deliver();
            }
            4 => servers[at].restart(),
            _ => servers[at].flush(),
        }
        thread::sleep(ms(40));
    }
}

async fn recorded_under_faults(folder: &Path, extend: Extend) -> Vec<Recording> {
    let mut servers = servers(3);
    let proxies: Vec<Proxy> = servers.iter().map(Proxy::start).collect();
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(builder(folder, &proxies).extend(extend).connect().await.unwrap());
    }
    let mut tasks = Vec::new();
    for (at, client) in clients.iter().enumerate() {
        let adopter = clients[(at + 1) % 3].clone();
        tasks.push(tokio::spawn(work(client.clone(), adopter, 80)));
    }
    let faults = tokio::task::spawn_blocking(move || {
        inject(&mut servers, &proxies);
        (servers, proxies)
    });
    let (_servers, _proxies) = faults.await.unwrap();
    for task in tasks {
        task.await.unwrap();
    }
    for client in clients {
        let _ = client.shutdown().await.unwrap();
    }
    let complete = || recordings(folder).iter().all(|recording| recording.complete);
    assert!(eventually(complete), "a client that has ended ends its recording");
    let recordings = recordings(folder);
    assert_eq!(recordings.len(), 3);
    recordings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_under_faults_conforms() {
    for extend in [Extend::Touch, Extend::TouchOrSet] {
        let folder = tempfile::tempdir().unwrap();
        let recordings = recorded_under_faults(folder.path(), extend).await;
        let found = conform_all(&recordings);
        assert!(found.leases > 50 && found.resets > 10, "{found:?}");
        assert!(found.steps > 1_000 && found.commands > 500, "{found:?}");
        // These servers let connections be killed.
        assert_eq!(found.forgiven, 0, "{found:?}");

        let followed = recordings.iter().map(|recording| follow(recording).unwrap());
        let paths = followed.fold(Followed::default(), |all, one| all.and(&one));
        let beyond: u64 = paths.beyond.values().sum();
        assert_eq!(paths.leases + beyond, found.leases, "{paths:?}");
        assert!(paths.leases > beyond * 10 && paths.steps > found.steps, "{paths:?}");
    }
}

/// A recording of a client with three nodes: some locks, one of them renewed.
async fn short_recording() -> Recording {
    let folder = tempfile::tempdir().unwrap();
    let servers = servers(3);
    let proxies: Vec<Proxy> = servers.iter().map(Proxy::start).collect();
    let patient = builder(folder.path(), &proxies).ttl(PATIENCE).renew_every(ms(500));
    let patient = patient.node_timeout(PATIENCE / 4).release_within(PATIENCE);
    let client = patient.connect().await.unwrap();
    for _ in 0..3 {
        let guard = client.acquire("k").await.unwrap();
        guard.extend().await.unwrap();
        assert!(guard.release().await.unwrap().unsettled.is_empty());
    }
    proxies[0].cut();
    let guard = client.acquire("k").await.unwrap();
    assert!(guard.release().await.is_ok());
    let _ = client.shutdown().await.unwrap();
    let complete = || recordings(folder.path()).iter().all(|recording| recording.complete);
    assert!(eventually(complete));
    let mut recordings = recordings(folder.path());
    conform_all(&recordings);
    recordings.remove(0)
}

/// What `tamper` makes of the first line that it changes is refused, with words that `say` so.
fn refused(recording: &Recording, says: &str, tamper: impl Fn(&mut Line) -> bool) {
    let mut recording = recording.clone();
    assert!(recording.lines.iter_mut().any(tamper), "nothing to tamper with: {says}");
    let deviation = conform(&recording).unwrap_err().to_string();
    assert!(deviation.contains(says), "{says:?}: {deviation}");
}

/// The same for what the world makes of it.
fn strays(recording: &Recording, says: &str, tamper: impl Fn(&mut Line) -> bool) {
    let mut recording = recording.clone();
    assert!(recording.lines.iter_mut().any(tamper), "nothing to tamper with: {says}");
    let strayed = follow(&recording).unwrap_err().to_string();
    assert!(strayed.contains(says), "{says:?}: {strayed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_that_was_tampered_with_is_refused() {
    let recording = short_recording().await;
    let step = |line: &mut Line, change: &dyn Fn(&mut leasehold::record::Step) -> bool| match line {
        Line::Step(step) => change(step),
        _ => false,
    };
    // What the machine said.
    refused(&recording, "when it is taken again", |line| {
        step(line, &|step| step.output.event.take().is_some())
    });
    refused(&recording, "when it is taken again", |line| {
        step(line, &|step| step.after.until.as_mut().map(|until| *until += 1).is_some())
    });
    refused(&recording, "when it is taken again", |line| {
        step(line, &|step| {
            let sends = !step.output.commands.release.is_empty();
            step.output.commands.release = NodeSet::EMPTY;
            sends
        })
    });
    // What it was told.
    refused(&recording, "when it is taken again", |line| {
        step(line, &|step| match &mut step.input {
            Input::Answer { command: Command::Set, answer, .. } => {
                *answer = Answer::Foreign;
                true
            }
            _ => false,
        })
    });
    refused(&recording, "the oldest without an answer is", |line| {
        step(line, &|step| match &mut step.input {
            Input::Answer { command: command @ Command::Release, .. } => {
                *command = Command::Extend;
                true
            }
            _ => false,
        })
    });
    refused(&recording, "runs back", |line| {
        step(line, &|step| {
            // Not the first line.
            let later = matches!(step.input, Input::Answer { .. });
            step.moment.now.0 -= if later { 1_000_000_000 } else { 0 };
            later
        })
    });
    refused(&recording, "can be asked", |line| {
        step(line, &|step| {
            let later = matches!(step.input, Input::Answer { .. });
            if later {
                step.moment.reachable.remove(1);
            }
            later
        })
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_world_does_not_permit_is_refused() {
    let recording = short_recording().await;
    assert_eq!(follow(&recording).unwrap().leases, conform(&recording).unwrap().leases);
    strays(&recording, "is not the next one", |line| match line {
        Line::Step(step) => match &mut step.input {
            Input::Answer { command: command @ Command::Release, .. } => {
                *command = Command::Extend;
                true
            }
            _ => false,
        },
        _ => false,
    });
    strays(&recording, "in another state", |line| match line {
        Line::Step(step) => step.after.until.as_mut().map(|until| *until += 1).is_some(),
        _ => false,
    });
    strays(&recording, "send or tell something else", |line| match line {
        Line::Step(step) => step.output.event.take().is_some(),
        _ => false,
    });
    strays(&recording, "is not enabled", |line| match line {
        Line::Step(step) if matches!(step.input, Input::Answer { command: Command::Set, .. }) => {
            step.input = Input::Start(leasehold::record::Mark([7; 16]));
            true
        }
        _ => false,
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_with_a_line_too_few_or_too_many_is_refused() {
    let recording = short_recording().await;
    let mut tried = 0;
    for at in 0..recording.lines.len() {
        let mut without = recording.clone();
        let line = without.lines.remove(at);
        if is_missed(&line, &without.lines[at..]) {
            tried += 1;
            assert!(conform(&without).is_err(), "without line {}: {line:?}", at + 2);
        }
        let mut twice = recording.clone();
        twice.lines.insert(at, line.clone());
        // A second stop, or a tick that is not due any more, changes nothing.
        let idle =
            matches!(&line, Line::Step(step) if matches!(step.input, Input::Stop | Input::Tick));
        assert!(idle || conform(&twice).is_err(), "line {} twice: {line:?}", at + 2);
    }
    assert!(tried > 30, "{tried}");
}

/// Whether what comes after a line cannot be without it. A tick that changed nothing is not missed,
/// nor what concerned nobody; and silence is possible.
fn is_missed(line: &Line, after: &[Line]) -> bool {
    let answers = |line: &Line| match line {
        Line::Step(step) => match step.input {
            Input::Answer { node, .. } => Some(node),
            _ => None,
        },
        _ => None,
    };
    match line {
        Line::Step(step) => match step.input {
            Input::Answer { .. } => {
                let mut connection = after.iter().take_while(|line| !matches!(line, Line::Node(_)));
                connection.any(|later| answers(later) == answers(line))
            }
            Input::Tick | Input::Reset { .. } | Input::Connected { .. } => false,
            _ => true,
        },
        Line::Node(_) => false,
        _ => true,
    }
}

fn any_recording() -> impl Strategy<Value = String> {
    let lines = prop::collection::vec((0..8_usize, any::<u8>(), any::<i64>()), 0..30);
    lines.prop_map(|drawn| {
        let mut text = String::from("{\"begin\":{\"version\":1,\"nodes\":[\"a\",\"b\",\"c\"]}}\n");
        for (kind, node, now) in drawn {
            let node = node % 3;
            let what = match kind {
                0 => "\"down\"".to_owned(),
                1 => "{\"up\":{\"new_process\":true}}".to_owned(),
                2 => format!("{{\"kills\":{}}}", now as u32),
                3 => "{\"killed\":\"not_sent\"}".to_owned(),
                _ => "\"try_again\"".to_owned(),
            };
            text += &format!("{{\"node\":{{\"node\":{node},\"now\":{now},\"what\":{what}}}}}\n");
        }
        text
    })
}

/// What somebody else might do to a file.
fn damage(text: &str, (at, byte, kind): (usize, u8, u8)) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let at = at % bytes.len();
    match kind % 4 {
        0 => bytes.truncate(at),
        1 => bytes[at] = byte,
        2 => bytes.insert(at, byte),
        _ => drop(bytes.remove(at)),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_reads_back_and_whatever_is_read_is_judged() {
    let recorded = short_recording().await.write().unwrap();
    let read = Recording::read(&recorded).unwrap();
    assert_eq!(read.write().unwrap(), recorded);
    let damages = (any::<usize>(), any::<u8>(), any::<u8>());
    let mut runner = proptest::test_runner::TestRunner::default();
    let texts = prop_oneof![Just(recorded), any_recording()];
    let outcome = runner.run(&(texts, damages), |(text, damages)| {
        let whole = Recording::read(&text).unwrap();
        prop_assert_eq!(whole.write().unwrap(), text.clone());
        let damaged = damage(&text, damages);
        match Recording::read(&damaged) {
            Ok(read) => {
                // Nothing panics; what it says depends on the damage.
                if conform(&read).is_ok() {
                    let _ = follow(&read);
                }
            }
            Err(error) => {
                let lines = damaged.lines().count();
                prop_assert!(error.line >= 1 && error.line <= lines.max(1), "{}", error);
                prop_assert!(error.to_string().starts_with("line "));
            }
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn each_flaw_of_a_file_is_named_with_its_line() {
    let begin = r#"{"begin":{"version":1,"nodes":["a"]}}"#;
    let down = r#"{"node":{"node":0,"now":1,"what":"down"}}"#;
    for (text, says) in [
        (String::new(), "line 1: the file is empty"),
        (down.to_owned(), "line 1: not a recording"),
        (begin.replace(":1,", ":2,"), "line 1: recording version 2"),
        (begin.replace("\"a\"", ""), "line 1: 0 nodes"),
        (format!("{begin}\n{begin}\n"), "line 2: a second beginning"),
        (format!("{begin}\n{}\n", down.replace("down", "away")), "line 2: no line"),
        (format!("{begin}\n{}\n", down.replace("now", "then")), "`then`"),
        (
            format!("{begin}\n{down}\n{{\"end\":{{\"lines\":9}}}}\n"),
            "line 3: the end of 9 lines after 2",
        ),
        (
            format!("{begin}\n{{\"end\":{{\"lines\":1}}}}\n{down}\n"),
            "line 3: something stands after",
        ),
    ] {
        let error = Recording::read(&text).unwrap_err().to_string();
        assert!(error.contains(says), "{says:?}: {error}");
    }
    // A process that was killed leaves half a line.
    let cut = Recording::read(&format!("{begin}\n{down}\n{}", &down[..20])).unwrap();
    assert_eq!((cut.lines.len(), cut.complete), (1, false));
    let deviation = conform(&cut).unwrap_err().to_string();
    assert_eq!(deviation, "line 2: node 0: it fails, and there is no connection");
}
