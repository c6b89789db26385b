//! Every example, run against real servers.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use leasehold_tests::{Server, eventually, now, servers, signal, stored, urls};

/// An example of this build.
fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is missing; run: cargo build --examples", path.display());
    path
}

/// An example that runs, and what it says.
struct Running {
    child: Child,
    says: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(name: &str, nodes: &[Server], environment: &[(&str, &str)]) -> Running {
        let mut command = Command::new(example(name));
        command.args(urls(nodes)).envs(environment.iter().copied()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        Running { child, says }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The rest of what it says, once it has come to a good end.
    fn end(mut self) -> String {
        let mut rest = String::new();
        self.says.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "{rest}");
        rest
    }
}

/// One server: there is no restart guard, so the examples need not wait for it.
fn one() -> Vec<Server> {
    servers(1)
}

#[test]
fn cron_is_done_by_one_host() {
    let nodes = one();
    let started = now();
    let mut first = Running::start("cron", &nodes, &[]);
    assert_eq!(first.line(), "this host writes the report");
    let second = Running::start("cron", &nodes, &[]);
    assert!(second.end().starts_with("not this host: no quorum"));
    first.end();
    assert!(started.elapsed() >= Duration::from_secs(5), "the lock is kept");
    assert_eq!(stored(&nodes, "cron:nightly-report"), 0);
}

#[test]
fn the_lead_is_handed_on() {
    let nodes = one();
    let mut first = Running::start("leader", &nodes, &[]);
    assert_eq!([first.line(), first.line()], ["follows", "leads"]);
    let mut second = Running::start("leader", &nodes, &[]);
    assert_eq!(second.line(), "follows");
    signal(first.child.id(), "INT");
    first.end();
    assert_eq!(second.line(), "leads");
    nodes[0].query::<()>(&["SET", "leader", "another's", "PX", "4000"]);
    assert_eq!(second.line(), "leads no more: the lock was taken by another");
    assert_eq!([second.line(), second.line()], ["follows", "leads"]);
    signal(second.child.id(), "INT");
    second.end();
    assert_eq!(stored(&nodes, "leader"), 0);
}

#[test]
fn the_service_is_handed_over() {
    let nodes = one();
    let mut old = Running::start("handover", &nodes, &[]);
    assert_eq!(old.line(), "works");
    signal(old.child.id(), "INT");
    let ticket = old.end();
    assert_eq!(stored(&nodes, "service"), 1);
    let mut new = Running::start("handover", &nodes, &[("TICKET", ticket.trim())]);
    assert_eq!(new.line(), "works");
    signal(new.child.id(), "INT");
    assert!(new.end().starts_with("leasehold-ticket-1:"));
}

#[test]
fn one_request_at_a_time_works_on_an_order() {
    let nodes = one();
    let mut service = Running::start("web", &nodes, &[("LISTEN", "127.0.0.1:0")]);
    let line = service.line();
    let address = line.strip_prefix("listens on ").unwrap();
    let ask = |order: u32| {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("POST /orders/{order} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n");
        write!(stream, "{head}Content-Length: 0\r\n\r\n").unwrap();
        stream
    };
    let read = |mut stream: TcpStream| {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let first = ask(42);
    assert!(eventually(|| stored(&nodes, "orders:42") == 1));
    let (second, other) = (ask(42), ask(7));
    let second = read(second);
    assert!(second.starts_with("HTTP/1.1 409"), "{second}");
    assert!(second.contains("orders:42"), "{second}");
    assert!(read(first).ends_with("order 42 is paid\n"));
    assert!(read(other).ends_with("order 7 is paid\n"));
    // A request that hangs up takes its lock with it.
    drop(ask(43));
    assert!(eventually(|| stored(&nodes, "orders:43") == 0));
    signal(service.child.id(), "INT");
    service.end();
    assert_eq!(stored(&nodes, "orders:42"), 0);
}

#[test]
fn backups_wait_for_one_another() {
    let nodes = one();
    let mut first = Running::start("backup", &nodes, &[]);
    assert_eq!([first.line(), first.line()], ["waits for its turn", "copies accounts"]);
    let mut second = Running::start("backup", &nodes, &[]);
    assert_eq!(second.line(), "waits for its turn");
    assert_eq!(first.end(), "copies orders\ncopies invoices\n");
    assert_eq!(second.end(), "copies accounts\ncopies orders\ncopies invoices\n");
    assert_eq!(stored(&nodes, "backup"), 0);
}

#[test]
fn transfers_lose_nothing() {
    let nodes = one();
    let transfer = Running::start("transfer", &nodes, &[]);
    assert_eq!(transfer.end(), "ann has 500, bob has 1500\n");
}
