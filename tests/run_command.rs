//! `leasehold run` as a process: what it runs, how it ends, and with which exit code.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

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
    let waiting = ["--wait"].as_slice();
    let second = run(&servers, waiting, &["true"]);
    let third = run(&servers, &[], &["true"]);
    for next in [second, third] {
        let (code, stderr) = finish(next);
        assert_eq!((code, stderr.as_str()), (0, ""));
    }
    // The second got in when the first was through, long before the TTL.
    assert_eq!(end(first).0, 0);
}

#[test]
fn a_lock_that_is_not_acquired_is_told_by_exit_code() {
    let servers = servers(3);
    for server in &servers {
        server.query::<()>(&["SET", "k", "another"]);
    }
    for options in [&["--no-wait"][..], &["--timeout", "300ms"][..], &["--timeout", "0s"][..]] {
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
    let (code, _) = finish(run(&servers, &["--timeout", "20s"], &["true"]));
    assert_eq!(code, 0);
    assert!(killed.elapsed().as_secs() < 10);
}

/// Whether a process is there and no zombie.
fn is_alive(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// A script that writes its process id to `$0` before it goes on, and the id when it is there.
fn id_in(file: &Path) -> String {
    let id = || fs::read_to_string(file).unwrap_or_default();
    assert!(eventually(|| id().ends_with('\n')));
    id().trim_end().to_owned()
}

#[test]
#[cfg(target_os = "linux")]
fn a_command_dies_with_a_run_that_is_killed() {
    let servers = servers(1);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("id");
    // It ignores all that can be ignored.
    let stubborn = "trap '' TERM HUP INT; echo $$ > $0; while :; do sleep 0.05; done";
    let command = ["sh", "-c", stubborn, file.to_str().unwrap()];
    let mut child = hold(&servers, &["--ttl", "60s"], &command);
    let id = id_in(&file);
    assert!(is_alive(&id));
    let killed = now();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(eventually(|| !is_alive(&id)));
    // Long before the next holder.
    assert!(killed.elapsed().as_secs() < 15, "{:?}", killed.elapsed());
    assert_eq!(stored(&servers, "k"), 1);
}

#[test]
fn the_grace_is_counted_back_from_the_end_of_the_lease() {
    const TTL: Duration = Duration::from_secs(4);
    let servers = servers(3);
    let directory = tempfile::tempdir().unwrap();
    let (file, told) = (directory.path().join("id"), directory.path().join("told"));
    let stubborn = "trap 'touch $1' TERM; echo $$ > $0; while :; do sleep 0.01; done";
    let paths = [file.to_str().unwrap(), told.to_str().unwrap()];
    let command = ["sh", "-c", stubborn, paths[0], paths[1]];
    let child = hold(&servers, &["--ttl", "4s", "--grace", "1500ms"], &command);
    let id = id_in(&file);
    servers[..2].iter().for_each(Server::pause);
    // No renewal has begun since, so the lease ends a TTL from now at the latest.
    let paused = now();
    assert!(eventually(|| told.exists()));
    let told_after = paused.elapsed();
    assert!(is_alive(&id), "it was killed at once");
    assert!(told_after < TTL - Duration::from_millis(1_400), "{told_after:?}");
    assert!(eventually(|| !is_alive(&id)));
    let ended_after = paused.elapsed();
    assert!(ended_after < TTL, "{ended_after:?}");
    // All of the grace, but for the margin before the end.
    assert!(
        ended_after - told_after > Duration::from_millis(1_000),
        "{told_after:?} {ended_after:?}"
    );
    let (code, stderr) = end(child);
    assert_eq!(code, 75, "{stderr}");
}

#[test]
fn a_command_that_ends_on_sigterm_is_not_killed() {
    let servers = servers(3);
    let directory = tempfile::tempdir().unwrap();
    let (file, tidied) = (directory.path().join("id"), directory.path().join("tidied"));
    let obedient = "trap 'sleep 0.2; touch $1; exit 0' TERM; echo $$ > $0; \
                    while :; do sleep 0.01; done";
    let paths = [file.to_str().unwrap(), tidied.to_str().unwrap()];
    let command = ["sh", "-c", obedient, paths[0], paths[1]];
    let child = hold(&servers, &["--ttl", "3s", "--grace", "1s"], &command);
    id_in(&file);
    servers[..2].iter().for_each(Server::pause);
    let (code, stderr) = end(child);
    assert!(tidied.exists());
    // Also a command that ends well has been stopped.
    assert_eq!(code, 75, "{stderr}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_is_ignored_stays_so() {
    let servers = servers(1);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("id");
    let script = "trap 'exit 3' TERM; echo $$ > $0; while :; do sleep 0.02; done";
    let run = run(&servers, &[], &["sh", "-c", script, file.to_str().unwrap()]);
    let mut under_nohup = Command::new("sh");
    under_nohup.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(run.get_program());
    under_nohup.args(run.get_args()).stdin(Stdio::null()).stderr(Stdio::piped());
    let child = under_nohup.spawn().unwrap();
    let id = id_in(&file);
    signal(child.id(), "HUP");
    signal(id.parse().unwrap(), "HUP");
    signal(child.id(), "TERM");
    assert_eq!(end(child).0, 3);
}

#[test]
fn a_signal_while_waiting_ends_the_wait() {
    let servers = servers(1);
    servers[0].query::<()>(&["SET", "k", "another"]);
    for (name, code) in [("TERM", 143), ("USR1", 138)] {
        let waiting = run(&servers, &[], &["false"]).spawn().unwrap();
        let connected = || {
            let clients: String = servers[0].query(&["CLIENT", "LIST"]);
            clients.lines().count() > 1
        };
        assert!(eventually(connected));
        signal(waiting.id(), name);
        let (got, stderr) = end(waiting);
        assert_eq!(got, code, "{stderr}");
        assert!(one_line(&stderr).contains("while waiting"), "{stderr}");
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    for options in [
        &["--wait", "--no-wait"][..],
        &["--wait", "--timeout", "1s"][..],
        &["--timeout", "1s", "--no-wait"][..],
        &["--ttl", "10s", "--grace", "6s"][..],
    ] {
        let mut run = Command::new(binary());
        run.args(["run", "--node", "redis://h", "--key", "k"]).args(options).args(["--", "true"]);
        let (code, stderr) = finish(run);
        assert_eq!(code, 2, "{stderr}");
        assert!(stderr.contains(options[0]) || stderr.contains(options[2]), "{stderr}");
    }
}

#[test]
fn the_help_tells_of_exit_codes_fencing_and_sigkill() {
    let output = Command::new(binary()).args(["run", "--help"]).output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for code in ["69", "73", "75", "126", "127"] {
        assert!(help.contains(code), "{help}");
    }
    assert!(help.contains("DOES NOT FENCE") && help.contains("SIGKILL"), "{help}");
    let commands = Command::new(binary()).arg("--help").output().unwrap();
    let commands = String::from_utf8(commands.stdout).unwrap();
    assert!(commands.contains("doctor") && !commands.contains("run-child"), "{commands}");
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

/// Whether this process ignores a signal.
fn is_ignored(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    ignored.is_some_and(|set| set >> (number - 1) & 1 == 1)
}

#[test]
fn signals_are_passed_on_and_the_lock_is_released() {
    let servers = servers(3);
    let signals = [(15, "TERM"), (2, "INT"), (1, "HUP"), (3, "QUIT"), (10, "USR1"), (12, "USR2")];
    // Under nohup, or in the background of a shell, some are ignored, and stay so in all children.
    let heard: Vec<&str> =
        signals.iter().filter(|(number, _)| !is_ignored(*number)).map(|(_, name)| *name).collect();
    assert!(heard.contains(&"TERM"));
    for name in heard {
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
