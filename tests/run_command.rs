//! `leasehold run` as a process: what it runs, how it ends, and with which exit code.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use leasehold_tests::{Server, binary, eventually, now, servers, signal, stored};

fn run(servers: &[Server], options: &[&str], command: &[&str]) -> Command {
    let mut run = Command::new(binary());
    run.arg("run").args(["--key", "k", "--no-restart-guard"]);
    for server in servers {
        run.args(["--node", &server.url()]);
    }
    run.args(options).arg("--").args(command);
    run.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    run
}

fn finish(mut command: Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8(stderr).unwrap())
}

/// The one line that goes with an exit code of its own.
fn one_line(text: &str) -> &str {
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    text
}

/// A run whose command is under way: it holds the lock.
fn hold(servers: &[Server], options: &[&str], command: &[&str]) -> Child {
    let child = run(servers, options, command).spawn().unwrap();
    assert!(eventually(|| stored(servers, "k") * 2 > servers.len()));
    child
}

fn end(mut child: Child) -> (i32, String) {
    let status = child.wait().unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    (status.code().unwrap(), stderr)
}

#[test]
fn the_command_runs_holding_the_lock_and_its_exit_code_is_passed_on() {
    let servers = servers(3);
    for code in [0, 7] {
        let script = format!("sleep 0.3; exit {code}");
        let (got, stderr) = end(hold(&servers, &["--ttl", "20s"], &["sh", "-c", &script]));
        assert_eq!((got, stderr.as_str()), (code, ""));
        assert_eq!(stored(&servers, "k"), 0);
    }
    let (code, _) = finish(run(&servers, &[], &["sh", "-c", "kill -9 $$"]));
    assert_eq!(code, 137);
}

#[test]
fn servers_that_have_just_started_are_waited_for_and_that_is_said() {
    let servers = servers(3);
    let mut guarded = Command::new(binary());
    guarded.arg("run").args(["--key", "k", "--ttl", "1s", "--max-ttl", "1s"]);
    for server in &servers {
        guarded.args(["--node", &server.url()]);
    }
    guarded.args(["--", "true"]).stdin(Stdio::null());
    let (code, stderr) = finish(guarded);
    assert_eq!(code, 0);
    assert!(one_line(&stderr).contains("waiting: 3 of 3 nodes started "), "{stderr}");
}

#[test]
fn a_lock_that_is_held_is_waited_for() {
    let servers = servers(1);
    let first = hold(&servers, &[], &["sleep", "1"]);
    let second = run(&servers, &[], &["true"]);
    let (code, stderr) = finish(second);
    assert_eq!((code, stderr.as_str()), (0, ""));
    // The second got in when the first was through, long before the TTL.
    assert_eq!(end(first).0, 0);
}

#[test]
fn a_lock_that_is_not_acquired_is_told_by_exit_code() {
    let servers = servers(3);
    for server in &servers {
        server.query::<()>(&["SET", "k", "another"]);
    }
    for options in [&["--no-wait"][..], &["--wait", "300ms"][..]] {
        let (code, stderr) = finish(run(&servers, options, &["false"]));
        assert_eq!(code, 73, "{stderr}");
        assert!(one_line(&stderr).contains("taken"), "{stderr}");
    }
}

#[test]
fn a_killed_run_frees_the_lock_after_one_ttl() {
    let servers = servers(3);
    let mut first = hold(&servers, &["--ttl", "2s"], &["sleep", "3"]);
    first.kill().unwrap();
    let killed = now();
    first.wait().unwrap();
    let (code, _) = finish(run(&servers, &["--wait", "20s"], &["true"]));
    assert_eq!(code, 0);
    assert!(killed.elapsed().as_secs() < 10);
}

#[test]
fn a_loss_that_shows_stops_the_command() {
    let servers = servers(3);
    let child = hold(&servers, &["--ttl", "1500ms"], &["sleep", "60"]);
    servers.iter().for_each(Server::flush);
    let (code, stderr) = end(child);
    assert_eq!(code, 75, "{stderr}");
    assert!(one_line(&stderr).contains("lost") && stderr.contains("gone"), "{stderr}");
}

#[test]
fn a_command_that_ignores_sigterm_is_killed_before_the_lock_runs_out() {
    let servers = servers(3);
    let stubborn = "trap '' TERM; while :; do sleep 0.05; done";
    let child = hold(&servers, &["--ttl", "2s"], &["sh", "-c", stubborn]);
    servers[0].pause();
    servers[1].pause();
    let paused = now();
    let (code, stderr) = end(child);
    assert_eq!(code, 75, "{stderr}");
    assert!(one_line(&stderr).contains("running out"), "{stderr}");
    assert!(paused.elapsed().as_secs() < 15);
}

#[test]
fn signals_are_passed_on_and_the_lock_is_released() {
    let servers = servers(3);
    for name in ["TERM", "INT"] {
        let script = format!("trap 'exit 3' {name}; touch $0; while :; do sleep 0.02; done");
        let directory = tempfile::tempdir().unwrap();
        let started = directory.path().join("started");
        let command = ["sh", "-c", &script, started.to_str().unwrap()];
        let child = hold(&servers, &["--ttl", "60s"], &command);
        assert!(eventually(|| started.exists()));
        signal(child.id(), name);
        assert_eq!(end(child).0, 3);
        assert_eq!(stored(&servers, "k"), 0);
    }
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let nowhere = |options: &[&str]| {
        let mut run = Command::new(binary());
        run.args(["run", "--key", "k"]).args(options).args(["--", "true"]);
        finish(run)
    };
    let (code, stderr) = nowhere(&["--node", "unix:///nowhere/s"]);
    assert_eq!(code, 69, "{stderr}");
    assert!(one_line(&stderr).contains("unix:///nowhere/s"), "{stderr}");
    let (code, stderr) = nowhere(&["--node", "http://:secret@host"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(one_line(&stderr).contains("not a Redis URL") && !stderr.contains("secret"));
    let (code, stderr) = nowhere(&["--node", "redis://host", "--ttl", "0s"]);
    assert_eq!(code, 2, "{stderr}");
    assert!(one_line(&stderr).contains("at least 1ms"), "{stderr}");
    let (code, stderr) = nowhere(&["--node", "redis://host", "--ttl", "10"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("500ms, 10s, 2m"), "{stderr}");
    assert_eq!(nowhere(&[]).0, 2);
}

#[test]
fn a_command_that_cannot_start_releases_the_lock() {
    let servers = servers(1);
    let (code, stderr) = finish(run(&servers, &[], &["/nowhere/command"]));
    assert_eq!(code, 127);
    assert!(one_line(&stderr).contains("/nowhere/command"), "{stderr}");
    let (code, _) = finish(run(&servers, &[], &[Path::new("/").to_str().unwrap()]));
    assert_eq!(code, 126);
    assert_eq!(stored(&servers, "k"), 0);
}
