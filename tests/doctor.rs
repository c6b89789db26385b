//! `leasehold doctor` on real servers: what it finds, in which words, and its exit code.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::process::{Command, Output, Stdio};

use leasehold_tests::proxy::Proxy;
use leasehold_tests::{Server, binary, eventually, servers, urls};
use serde_json::Value;

/// Runs it on `urls`, briefly.
fn doctor(urls: &[String], options: &[&str]) -> (i32, String, String) {
    let mut doctor = Command::new(binary());
    doctor.arg("doctor").args(options);
    if !options.contains(&"--for") {
        doctor.args(["--for", "300ms"]);
    }
    for url in urls {
        doctor.args(["--node", url]);
    }
    let Output { status, stdout, stderr } = doctor.output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    for line in stdout.lines().filter(|_| !options.contains(&"--json")) {
        assert!(line.chars().count() <= 100, "{line}");
        assert!(!line.contains('\u{1b}'), "colour without a terminal: {line}");
    }
    (status.code().unwrap(), stdout, stderr)
}

fn json(urls: &[String], options: &[&str]) -> (i32, Value) {
    let options: Vec<&str> = options.iter().copied().chain(["--json"]).collect();
    let (code, stdout, stderr) = doctor(urls, &options);
    assert_eq!(stderr, "");
    (code, serde_json::from_str(&stdout).unwrap())
}

/// The findings of a level: check and the nodes that it is about.
fn findings(report: &Value, level: &str) -> Vec<(String, Vec<String>)> {
    let list = |value: &Value| value.as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of_level = list(&report["findings"]).into_iter().filter(|it| it["level"] == level);
    of_level.map(|it| (text(&it["check"]), list(&it["nodes"]).iter().map(text).collect())).collect()
}

fn found(check: &str, nodes: &[&String]) -> Vec<(String, Vec<String>)> {
    vec![(check.to_owned(), nodes.iter().copied().cloned().collect())]
}

fn set(server: &Server, name: &str, value: &str) {
    server.query::<()>(&["CONFIG", "SET", name, value]);
}

/// Keeps everything that it acknowledges.
fn keep_all(server: &Server) {
    set(server, "appendfsync", "always");
    set(server, "appendonly", "yes");
}

#[test]
fn a_healthy_set_is_fit_and_there_is_nothing_to_change() {
    let servers = servers(3);
    servers.iter().for_each(keep_all);
    let (code, stdout, stderr) = doctor(&urls(&servers), &["--no-restart-guard", "--for", "2s"]);
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.ends_with("Fit to hold locks. Nothing to change.\n"), "{stdout}");
    // The drift theorem for the default TTL.
    assert!(stdout.contains("ρ* = 5126 ppm"), "{stdout}");
    for url in urls(&servers) {
        assert!(stdout.contains(&url), "{stdout}");
    }
    // It left nothing there.
    for server in &servers {
        assert_eq!(server.query::<u32>(&["DBSIZE"]), 0);
    }
}

#[test]
fn servers_that_keep_nothing_are_fit_while_the_restart_guard_is_on() {
    let servers = servers(3);
    let (code, guarded) = json(&urls(&servers), &[]);
    assert_eq!(code, 0, "{guarded}");
    let all: Vec<String> = urls(&servers);
    let all: Vec<&String> = all.iter().collect();
    assert_eq!(findings(&guarded, "warning"), found("persistence", &all));
    assert_eq!(guarded["fit"], true);
    let (code, alone) = json(&urls(&servers), &["--no-restart-guard"]);
    assert_eq!(code, 5, "{alone}");
    assert_eq!(findings(&alone, "unfit"), found("persistence", &all));
    assert_eq!(alone["fit"], false);
    // Two servers have no guard unless it is turned on.
    let two = &urls(&servers)[..2];
    assert_eq!((json(two, &[]).0, json(two, &["--restart-guard"]).0), (5, 0));
}

#[test]
fn young_servers_are_a_wait() {
    let servers = servers(3);
    let (code, report) = json(&urls(&servers), &[]);
    assert_eq!(code, 0);
    let wait_s = report["leases_can_start_in_s"].as_u64().unwrap();
    assert!((1..=31).contains(&wait_s), "{wait_s}");
    assert_eq!(findings(&report, "wait").len(), 1);
    let (_, text, _) = doctor(&urls(&servers), &["--max-ttl", "1h"]);
    assert!(
        text.contains("3 of 3 nodes started") && text.contains("leases can start in 3"),
        "{text}"
    );
    // Without the guard nobody waits.
    let (_, report) = json(&urls(&servers), &["--no-restart-guard"]);
    assert_eq!(findings(&report, "wait"), []);
    assert!(report["leases_can_start_in_s"].is_null());
}

#[test]
fn servers_that_evict_locks_are_unfit() {
    let servers = servers(3);
    for (server, policy) in servers.iter().zip(["allkeys-lru", "volatile-ttl", "allkeys-random"]) {
        set(server, "maxmemory", "100mb");
        set(server, "maxmemory-policy", policy);
    }
    set(&servers[2], "maxmemory", "0");
    let (code, text, _) = doctor(&urls(&servers), &[]);
    assert_eq!(code, 5);
    assert!(text.contains("CONFIG SET maxmemory-policy noeviction"), "{text}");
    assert!(text.contains("UNFIT to hold locks."), "{text}");
    let (_, report) = json(&urls(&servers), &[]);
    let urls = urls(&servers);
    let unfit = [found("eviction", &[&urls[0]]), found("eviction", &[&urls[1]])].concat();
    assert_eq!(findings(&report, "unfit"), unfit);
    // Without a bound nothing is evicted, but one setting is missing for it to be.
    assert!(findings(&report, "note").contains(&found("eviction", &[&urls[2]])[0]));
}

#[test]
fn two_urls_of_one_server_are_unfit_and_named() {
    let servers = servers(2);
    let other_name = Proxy::start(&servers[0]);
    let named = [servers[0].url(), servers[1].url(), other_name.url()];
    let (code, report) = json(&named, &[]);
    assert_eq!(code, 5);
    assert_eq!(findings(&report, "unfit"), found("distinct", &[&named[0], &named[2]]));
    let (code, text, _) = doctor(&[named[1].clone(), named[1].clone()], &[]);
    assert_eq!(code, 5);
    assert!(text.contains("nodes 1, 2: one server") || text.contains("all nodes: one server"));
}

#[test]
fn a_replica_is_unfit_and_what_it_copies_is_named() {
    let servers = servers(3);
    set(&servers[0], "repl-diskless-sync-delay", "0");
    let primary = Proxy::start(&servers[0]);
    let port = primary.url().rsplit_once(':').unwrap().1.to_owned();
    servers[2].query::<()>(&["REPLICAOF", "127.0.0.1", &port]);
    let copies = || {
        let info: String = servers[2].query(&["INFO", "replication"]);
        info.contains("master_link_status:up")
    };
    assert!(eventually(copies));
    // The two have no address in common; their history gives them away.
    let (code, report) = json(&urls(&servers), &[]);
    assert_eq!(code, 5);
    assert_eq!(findings(&report, "unfit"), found("replication", &[&servers[2].url()]));
    let said = report["findings"][0]["text"].as_str().unwrap();
    assert!(said.contains(&servers[0].url()) && said.contains("a node as well"), "{said}");
    // A replica of somebody else.
    let (code, text, _) = doctor(&urls(&servers[1..]), &[]);
    assert_eq!(code, 5);
    assert!(text.contains(&format!("is a replica of 127.0.0.1:{port}")), "{text}");
}

#[test]
fn servers_that_do_not_answer_are_unfit() {
    let mut servers = servers(3);
    servers[0].kill();
    servers[1].pause();
    let (code, report) = json(&urls(&servers), &["--timeout", "300ms"]);
    assert_eq!(code, 5);
    let urls = urls(&servers);
    let unfit = [found("reachable", &[&urls[0]]), found("reachable", &[&urls[1]])].concat();
    assert_eq!(findings(&report, "unfit"), unfit);
    let said = |at: usize| report["nodes"][at]["error"].as_str().unwrap_or_default().to_owned();
    assert!(said(0).contains("refused"), "{}", said(0));
    assert_eq!(said(1), "no answer within 300ms");
    assert_eq!(report["nodes"][2]["reachable"], true);
    assert!(report["leases_can_start_in_s"].is_null(), "one of three is no majority");
}

#[test]
fn a_server_that_falls_silent_while_it_is_watched_is_unfit() {
    let server = Server::start();
    let mut doctor = Command::new(binary());
    doctor.args(["doctor", "--for", "60s", "--timeout", "300ms", "--node", &server.url()]);
    let doctor = doctor.stdout(Stdio::piped()).spawn().unwrap();
    let watched = || {
        let clients: String = server.query(&["CLIENT", "LIST"]);
        clients.contains("cmd=time")
    };
    assert!(eventually(watched));
    server.pause();
    let output = doctor.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(5), "{text}");
    assert!(text.contains("stopped answering after"), "{text}");
}

#[test]
fn what_a_user_may_not_do_is_found_by_trying() {
    let server = Server::start();
    keep_all(&server);
    let url = format!("{}?user=joe&pass=secret", server.url());
    let grant = |rules: &str, options: &[&str]| {
        let command = format!("ACL SETUSER joe reset on >secret {rules}");
        server.query::<()>(&command.split(' ').collect::<Vec<_>>());
        let (code, report) = json(std::slice::from_ref(&url), options);
        let permissions = |level| -> Vec<String> {
            let of = |it: &&Value| it["check"] == "permissions" && it["level"] == level;
            let all = report["findings"].as_array().unwrap();
            all.iter().filter(of).map(|it| it["text"].as_str().unwrap().to_owned()).collect()
        };
        (code, permissions("unfit"), permissions("warning"))
    };
    let (code, unfit, warned) = grant("~* +@all", &[]);
    assert_eq!((code, unfit.len(), warned.len()), (0, 0, 0));
    let (code, unfit, warned) = grant("~* +@all -client|kill", &[]);
    assert_eq!((code, unfit.len(), warned.len()), (0, 0, 1));
    assert!(warned[0].contains("refuses CLIENT KILL: NOPERM"), "{warned:?}");
    let (code, unfit, _) = grant("~* +@all -script", &[]);
    assert_eq!((code, unfit.len()), (5, 1));
    assert!(unfit[0].contains("refuses SCRIPT LOAD: NOPERM"), "{unfit:?}");
    let (code, unfit, _) = grant("~* +@all -set -pexpire", &[]);
    assert_eq!(code, 5);
    assert!(unfit.iter().any(|text| text.contains("refuses SET")), "{unfit:?}");
    assert!(unfit.iter().any(|text| text.contains("refuses PEXPIRE")), "{unfit:?}");
    // Kept to some keys: whether the lock's key is one of them shows when it is named.
    let (code, unfit, warned) = grant("~lock:* +@all", &[]);
    assert_eq!((code, unfit.len()), (0, 0), "{warned:?}");
    assert!(warned.iter().any(|text| text.contains("key")), "{warned:?}");
    let (code, _, warned) = grant("~lock:* +@all", &["--key", "lock:1"]);
    assert_eq!((code, warned.len()), (0, 0), "{warned:?}");
    let (code, unfit, _) = grant("~lock:* +@all", &["--key", "other"]);
    assert_eq!(code, 5, "{unfit:?}");
    assert_eq!(server.query::<u32>(&["DBSIZE"]), 0);
    // Not let in at all.
    let wrong = format!("{}?user=joe&pass=wrong", server.url());
    let (code, text, _) = doctor(&[wrong], &[]);
    assert_eq!(code, 5);
    assert!(text.contains("cannot be used") && !text.contains("wrong"), "{text}");
}

#[test]
fn a_server_that_writes_nothing_is_unfit() {
    let server = Server::start();
    set(&server, "min-replicas-to-write", "1");
    let (code, text, _) = doctor(&[server.url()], &[]);
    assert_eq!(code, 5);
    assert!(text.contains("refuses SET: NOREPLICAS"), "{text}");
}

#[test]
fn clocks_and_round_trips_are_measured() {
    let servers = servers(1);
    let (_, report) = json(&urls(&servers), &["--ttl", "20s", "--drift-ppm", "1000"]);
    assert_eq!(report["terms"]["ttl_us"], 20_000_000);
    assert_eq!(report["terms"]["drift_us"], 22_000);
    assert_eq!(report["terms"]["tolerated_ppb"], 550_302);
    let clock = &report["nodes"][0]["clock"];
    let number = |value: &Value| value.as_i64().unwrap();
    // It is this machine's own clock.
    let (least, most) = (number(&clock["rate_ppb"]["least"]), number(&clock["rate_ppb"]["most"]));
    assert!(least <= most && least < 500_000 && most > -500_000, "{clock}");
    let (least, most) = (number(&clock["offset_us"]["least"]), number(&clock["offset_us"]["most"]));
    assert!(least <= 1_000 && most >= -1_000, "{clock}");
    let trips = &report["nodes"][0]["round_trip_us"];
    let [min, median, max] = ["min", "median", "max"].map(|name| number(&trips[name]));
    assert!(0 < max && min <= median && median <= max, "{trips}");
    assert!(number(&trips["answers"]) >= 2, "{trips}");
}

#[test]
fn what_is_wrong_with_an_argument_is_said_in_one_line() {
    for (arguments, says) in [
        (&["--node", "http://u:secret@h"][..], "not a Redis URL"),
        (&["--node", "redis://u:secret@h:x"][..], "not a Redis URL"),
        (&["--node", "rediss://h#insecure"][..], "certificate"),
        (&["--node", "redis://a,b"][..], "one URL per server"),
        (&["--node", "redis://h", "--restart-guard", "--ttl", "1m"][..], "--max-ttl"),
        (&["--node", "redis://h", "--ttl", "2ms"][..], "drift"),
        (&["--node", "redis://h", "--for", "1h"][..], "ten minutes"),
    ] {
        let output = Command::new(binary()).arg("doctor").args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
        assert!(stderr.contains(says) && !stderr.contains("secret"), "{stderr}");
    }
    let many: Vec<String> = (0..17).map(|port| format!("redis://h:{port}")).collect();
    let (code, _, stderr) = doctor(&many, &[]);
    assert_eq!(code, 2);
    assert!(stderr.contains("at most 16"), "{stderr}");
    for arguments in [&[][..], &["--node", "redis://h", "--for", "0s"][..]] {
        let output = Command::new(binary()).arg("doctor").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
    }
}
