//! `leasehold proxy` as a process: its faults, its report, and how it refuses what is wrong.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread;

use leasehold_tests::{Server, binary, eventually, ms, signal};
use redis::{ErrorKind, RedisResult};
use serde_json::{Value, json};

/// A proxy that listens.
struct Proxy {
    child: Child,
    stderr: BufReader<ChildStderr>,
    url: String,
}

impl Proxy {
    fn start(to: &str, options: &[&str]) -> Proxy {
        let mut command = Command::new(binary());
        command.args(["proxy", "--to", to]).args(options).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        stderr.read_line(&mut first).unwrap();
        let url = first.split(' ').find(|word| word.starts_with("redis://"));
        let url = url.unwrap_or_else(|| panic!("{first}")).to_owned();
        assert!(first.ends_with(&format!("{url} forwards to {to}, seed 7\n")), "{first}");
        Proxy { child, stderr, url }
    }

    fn client(&self) -> redis::Connection {
        let client = redis::Client::open(self.url.as_str()).unwrap().get_connection().unwrap();
        client.set_read_timeout(Some(ms(1_000))).unwrap();
        client
    }

    /// What it printed to both outputs, ended by this signal.
    fn end(mut self, name: &str) -> (String, String) {
        signal(self.child.id(), name);
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.stderr.read_to_string(&mut stderr).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0), "{stderr}");
        (stdout, stderr)
    }
}

fn incr(client: &mut redis::Connection) -> RedisResult<i64> {
    redis::cmd("INCR").arg("n").query(client)
}

#[test]
fn its_faults_strike_and_are_told_one_by_one_and_in_a_table() {
    let server = Server::start();
    let options = ["--seed", "7", "--fault", "duplicate incr #1", "--fault", "drop-reply INCR #2"];
    let proxy = Proxy::start(&server.url(), &options);
    let mut client = proxy.client();
    assert_eq!(incr(&mut client), Ok(1));
    assert_eq!(incr(&mut client), Ok(3));
    let unanswered = incr(&mut client).unwrap_err();
    assert!(unanswered.is_timeout(), "{unanswered}");
    assert!(eventually(|| server.get("n").as_deref() == Some("4")));

    let (stdout, stderr) = proxy.end("INT");
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{stderr}");
    assert!(lines[0].contains("duplicate") && lines[0].contains("command=\"INCR\""), "{stderr}");
    assert!(lines[1].contains("drop-reply") && lines[1].contains("connection=1"), "{stderr}");
    assert!(stdout.lines().all(|line| line.chars().count() <= 100), "{stdout}");
    let row =
        |at: usize| -> Vec<&str> { stdout.lines().nth(at).unwrap().split_whitespace().collect() };
    assert_eq!(row(1), ["│", "fault", "concerned", "injected", "│"], "{stdout}");
    assert_eq!(row(3), ["│", "duplicate", "INCR", "#1", "3", "1", "│"], "{stdout}");
    assert_eq!(row(4), ["│", "drop-reply", "INCR", "#2", "2", "1", "│"], "{stdout}");
    assert!(stdout.contains("1 connections, "), "{stdout}");
}

#[test]
fn the_report_for_machines_is_json_and_sigterm_ends_it_too() {
    let server = Server::start();
    let options = ["--seed", "7", "--json", "--quiet", "--fault", "reset INCR"];
    let proxy = Proxy::start(&server.url(), &options);
    let error = incr(&mut proxy.client()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    let (stdout, stderr) = proxy.end("TERM");
    assert_eq!(stderr, "");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(report["to"], server.url());
    assert_eq!((&report["seed"], &report["connections"]), (&json!(7), &json!(1)));
    let wanted = json!([{ "fault": "reset INCR", "concerned": 1, "injected": 1 }]);
    assert_eq!(report["faults"], wanted);
}

#[test]
fn it_ends_by_itself_when_its_time_is_over() {
    let server = Server::start();
    let proxy = Proxy::start(&server.url(), &["--seed", "7", "--for", "100ms"]);
    thread::sleep(ms(100));
    let Proxy { child, .. } = proxy;
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0));
    let text = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(text, "0 connections, 0 requests, 0 replies; no faults\n");
}

#[test]
fn what_is_wrong_is_refused_with_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (arguments, code, says) in [
        (
            ["--to", "rediss://h", "--seed", "1"],
            2,
            "--to \"rediss://h\" is no server to forward to",
        ),
        (["--to", "redis://h", "--fault", "slow SET"], 2, "\"slow\" is no fault; choose one of"),
        (["--to", "redis://h", "--fault", "delay SET"], 2, "as in delay 50ms"),
        (["--to", "redis://h", "--listen", &taken], 4, "choose another address"),
    ] {
        let output = Command::new(binary()).arg("proxy").args(arguments).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.lines().count() == 1 && stderr.contains(says), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn the_help_has_the_grammar_and_the_page_has_it_too() {
    let output = Command::new(binary()).args(["proxy", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/proxy.md"));
    let page = page.unwrap();
    for line in leasehold_rig::proxy::GRAMMAR.lines() {
        assert!(help.contains(line), "{line} is not in --help");
        assert!(page.contains(line), "{line} is not in docs/proxy.md");
    }
    // What the page shows is accepted.
    let shown: Vec<&str> = page.split("--fault '").skip(1).collect();
    assert!(shown.len() >= 8, "{}", shown.len());
    for example in shown {
        let text = example.split('\'').next().unwrap();
        text.parse::<leasehold_rig::proxy::Rule>().unwrap();
    }
}
