//! Each fault of the proxy, on a real server: it does what it says and nothing else.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use leasehold_rig::proxy::{Fault, Newcomers, Proxy, Rule, Upstream};
use leasehold_rig::{PATIENCE, Program, RigError, Server, eventually, now};

/// How long nothing must come, to be taken for nothing.
const NOTHING: Duration = Duration::from_millis(100);

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn rules(texts: &[&str]) -> Vec<Rule> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn start(texts: &[&str]) -> (Server, Proxy) {
    let server = Server::start(Program::Redis, &[]).unwrap();
    let proxy = Proxy::start(&server, rules(texts)).unwrap();
    (server, proxy)
}

/// A client that sees bytes.
struct Client(TcpStream);

#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Bytes(String),
    Nothing,
    End,
    Reset,
}

fn said(text: &str) -> Heard {
    Heard::Bytes(text.to_owned())
}

impl Client {
    fn of(proxy: &Proxy) -> Client {
        Client(TcpStream::connect(proxy.address()).unwrap())
    }

    fn send(&mut self, command: &str) {
        let words: Vec<String> =
            command.split(' ').map(|word| format!("${}\r\n{word}\r\n", word.len())).collect();
        self.0.write_all(format!("*{}\r\n{}", words.len(), words.concat()).as_bytes()).unwrap();
    }

    fn hears_within(&mut self, time: Duration) -> Heard {
        self.0.set_read_timeout(Some(time)).unwrap();
        let mut chunk = [0; 4096];
        match self.0.read(&mut chunk) {
            Ok(0) => Heard::End,
            Ok(length) => Heard::Bytes(String::from_utf8(chunk[..length].to_vec()).unwrap()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Heard::Reset,
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut));
                Heard::Nothing
            }
        }
    }

    fn hears(&mut self) -> Heard {
        self.hears_within(PATIENCE)
    }

    /// Replies may arrive one by one.
    fn hears_all(&mut self, text: &str) {
        let mut heard = String::new();
        while heard.len() < text.len() {
            let Heard::Bytes(more) = self.hears() else { panic!("{heard}") };
            heard += &more;
        }
        assert_eq!(heard, text);
    }

    fn asks(&mut self, command: &str) -> Heard {
        self.send(command);
        self.hears()
    }

    fn hears_nothing(&mut self) {
        assert_eq!(self.hears_within(NOTHING), Heard::Nothing);
    }
}

fn get(server: &Server, key: &str) -> Option<String> {
    server.query(&["GET", key]).unwrap()
}

/// Waits for a value to come, and a little for it not to change again.
fn comes_to(server: &Server, key: &str, value: &str) {
    assert!(eventually(|| get(server, key).as_deref() == Some(value)), "{:?}", get(server, key));
    sleep(ms(20));
    assert_eq!(get(server, key).as_deref(), Some(value));
}

fn injected(proxy: &Proxy) -> Vec<(u64, u64)> {
    proxy.injected().rules.iter().map(|rule| (rule.matched, rule.injected)).collect()
}

#[test]
fn without_rules_everything_passes_unchanged_in_any_pieces() {
    let (server, proxy) = start(&[]);
    let mut client = Client::of(&proxy);
    for piece in ["*3\r\n$3\r\nSE", "T\r\n$1\r", "\nk\r\n$4\r\na\r\n", "b\r\nGET k\r", "\n"] {
        client.0.write_all(piece.as_bytes()).unwrap();
        sleep(ms(5));
    }
    client.hears_all("+OK\r\n$4\r\na\r\nb\r\n");
    assert_eq!(get(&server, "k").as_deref(), Some("a\r\nb"));
    let long = "x".repeat(1 << 20);
    assert_eq!(client.asks(&format!("SET long {long}")), said("+OK\r\n"));
    assert_eq!(get(&server, "long"), Some(long));
    let counts = proxy.injected();
    assert_eq!((counts.connections, counts.requests, counts.replies), (1, 3, 3));
}

#[test]
fn resp3_pushes_and_silenced_replies_do_not_shift_the_others() {
    let (_server, proxy) = start(&["drop-reply GET"]);
    let mut client = Client::of(&proxy);
    let Heard::Bytes(hello) = client.asks("HELLO 3") else { panic!() };
    assert!(hello.starts_with('%'), "{hello}");
    assert_eq!(client.asks("SUBSCRIBE c"), said(">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"));
    assert_eq!(client.asks("PING"), said("+PONG\r\n"));
    client.send("CLIENT REPLY SKIP");
    client.send("PING");
    client.send("CLIENT REPLY OFF");
    client.send("PING");
    assert_eq!(client.asks("CLIENT REPLY ON"), said("+OK\r\n"));
    assert_eq!(client.asks("SET k v"), said("+OK\r\n"));
    client.send("GET k");
    client.hears_nothing();
    assert_eq!(injected(&proxy), [(1, 1)]);
}

#[test]
fn a_delay_delays_its_command_and_what_comes_behind_it() {
    let (server, proxy) = start(&["delay 500ms set"]);
    let mut client = Client::of(&proxy);
    let started = now();
    assert_eq!(client.asks("GET k"), said("$-1\r\n"));
    let quick = started.elapsed();
    let started = now();
    client.send("SET k v");
    client.send("PING");
    assert_eq!(Client::of(&proxy).asks("PING"), said("+PONG\r\n"));
    assert_eq!(get(&server, "k"), None);
    client.hears_all("+OK\r\n+PONG\r\n");
    assert!(started.elapsed() >= ms(500) && quick < PATIENCE);
    assert_eq!(injected(&proxy), [(1, 1)]);
}

#[test]
fn a_delayed_reply_is_late_and_its_command_is_not() {
    let (server, proxy) = start(&["delay-reply 150ms SET"]);
    let mut client = Client::of(&proxy);
    let started = now();
    client.send("SET k v");
    comes_to(&server, "k", "v");
    assert_eq!(client.hears(), said("+OK\r\n"));
    assert!(started.elapsed() >= ms(150));
}

#[test]
fn a_dropped_request_is_not_executed_and_its_connection_falls_silent() {
    let (server, proxy) = start(&["drop SET #1"]);
    let mut client = Client::of(&proxy);
    client.send("SET k v");
    client.send("SET l v");
    client.hears_nothing();
    assert_eq!((get(&server, "k"), get(&server, "l")), (None, None));
    // Other connections are not concerned, and the second is not the first.
    assert_eq!(Client::of(&proxy).asks("SET k v"), said("+OK\r\n"));
    assert_eq!(injected(&proxy), [(2, 1)]);
    // Who gives up is heard of by the server.
    drop(client);
    assert!(eventually(|| proxy.open_connections() == 0));
}

#[test]
fn a_dropped_reply_is_that_of_a_command_that_was_executed() {
    let (server, proxy) = start(&["drop-reply SET with=k"]);
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("SET other v"), said("+OK\r\n"));
    client.send("SET k v");
    client.hears_nothing();
    comes_to(&server, "k", "v");
    // What is sent afterwards is executed, and not heard of either.
    client.send("INCR n");
    comes_to(&server, "n", "1");
    client.hears_nothing();
    assert_eq!(injected(&proxy), [(1, 1)]);
}

#[test]
fn what_was_dropped_may_end_in_a_reset() {
    let (server, proxy) = start(&["drop 50ms SET", "drop-reply 50ms INCR"]);
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("SET k v"), Heard::Reset);
    assert_eq!(get(&server, "k"), None);
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("INCR n"), Heard::Reset);
    comes_to(&server, "n", "1");
    assert!(eventually(|| proxy.open_connections() == 0));
}

#[test]
fn a_duplicate_is_executed_twice_and_answered_once() {
    let (server, proxy) = start(&["duplicate INCR /2"]);
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("INCR n"), said(":1\r\n"));
    assert_eq!(client.asks("INCR n"), said(":2\r\n"));
    comes_to(&server, "n", "3");
    assert_eq!(client.asks("PING"), said("+PONG\r\n"));
    assert_eq!(client.asks("INCR n"), said(":4\r\n"));
    assert_eq!(injected(&proxy), [(3, 1)]);
}

#[test]
fn what_is_held_is_delivered_later_in_order() {
    let (server, proxy) = start(&["hold SET #1"]);
    let mut client = Client::of(&proxy);
    client.send("SET k v");
    client.send("SET k w");
    client.hears_nothing();
    assert_eq!(get(&server, "k"), None);
    proxy.deliver();
    comes_to(&server, "k", "w");
    client.hears_all("+OK\r\n+OK\r\n");

    // With a window it ends by itself.
    proxy.add("hold GET @0ms..300ms".parse().unwrap());
    assert_eq!(client.asks("GET k"), said("$1\r\nw\r\n"));
    assert!(proxy.injected().rules.len() == 2);
}

#[test]
fn a_held_set_of_a_half_open_connection_runs_after_the_client_has_gone() {
    let (server, proxy) = start(&["half-open SET"]);
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("SET k v"), Heard::End);
    drop(client);
    sleep(NOTHING);
    assert_eq!(get(&server, "k"), None);
    assert_eq!(Client::of(&proxy).asks("SETNX k mine"), said(":1\r\n"));
    let known = || server.query::<String>(&["CLIENT", "LIST"]).unwrap();
    // The one that asks, the new one, and the one whose client has gone.
    assert_eq!(known().lines().count(), 2, "{}", known());
    proxy.deliver();
    comes_to(&server, "k", "v");
    assert_eq!(known().lines().count(), 2, "{}", known());
    drop(proxy);
    assert!(eventually(|| known().lines().count() == 1));
}

#[test]
fn a_stray_may_come_by_itself_and_then_its_connection_ends() {
    let (server, proxy) = start(&["half-open 500ms SET"]);
    let mut client = Client::of(&proxy);
    let started = now();
    assert_eq!(client.asks("SET k v"), Heard::End);
    assert!(started.elapsed() < PATIENCE && get(&server, "k").is_none());
    comes_to(&server, "k", "v");
    assert!(started.elapsed() >= ms(500));
    assert!(eventually(|| proxy.open_connections() == 0));
}

#[test]
fn hold_and_cut_by_hand_make_strays_too() {
    let (server, proxy) = start(&[]);
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("PING"), said("+PONG\r\n"));
    proxy.hold();
    client.send("SET k v");
    client.hears_nothing();
    proxy.cut();
    assert_eq!(client.hears(), Heard::End);
    assert_eq!(get(&server, "k"), None);
    proxy.deliver();
    comes_to(&server, "k", "v");
}

#[test]
fn a_client_that_closes_what_is_held_leaves_a_stray() {
    let (server, proxy) = start(&[]);
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("PING"), said("+PONG\r\n"));
    proxy.hold();
    client.send("SET k v");
    drop(client);
    sleep(NOTHING);
    assert_eq!(get(&server, "k"), None);
    proxy.deliver();
    comes_to(&server, "k", "v");
    assert!(eventually(|| proxy.open_connections() == 0));
}

#[test]
fn a_reset_aborts_both_sides_and_loses_the_request() {
    let (server, proxy) = start(&["reset SET"]);
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("PING"), said("+PONG\r\n"));
    assert_eq!(client.asks("SET k v"), Heard::Reset);
    assert!(eventually(|| proxy.open_connections() == 0));
    assert_eq!(get(&server, "k"), None);
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("PING"), said("+PONG\r\n"));
    proxy.reset();
    assert_eq!(client.hears(), Heard::Reset);
}

#[test]
fn in_a_partition_nothing_passes_either_way_and_newcomers_wait() {
    let (server, proxy) = start(&["delay-reply 500ms INCR"]);
    let mut client = Client::of(&proxy);
    client.send("INCR n");
    comes_to(&server, "n", "1");
    proxy.part(Newcomers::Hang);
    // Not even the reply that was under way.
    client.send("INCR n");
    assert_eq!(client.hears_within(ms(700)), Heard::Nothing);
    let mut newcomer = Client::of(&proxy);
    newcomer.send("PING");
    newcomer.hears_nothing();
    assert_eq!((get(&server, "n").as_deref(), proxy.connections()), (Some("1"), 1));
    proxy.heal();
    assert_eq!(newcomer.hears(), said("+PONG\r\n"));
    client.hears_all(":1\r\n:2\r\n");

    proxy.part(Newcomers::Refuse);
    let mut newcomer = Client::of(&proxy);
    assert_eq!(newcomer.hears(), Heard::Reset);
}

#[test]
fn a_partition_by_a_rule_lasts_for_its_window() {
    let (_server, proxy) = start(&["partition @0ms..600ms"]);
    let started = now();
    assert_eq!(Client::of(&proxy).asks("PING"), said("+PONG\r\n"));
    assert!(started.elapsed() >= ms(200));
    assert_eq!(injected(&proxy), [(1, 1)]);
    let endless = Rule::new(Fault::Partition(Newcomers::Hang));
    proxy.add(endless);
    let mut client = Client::of(&proxy);
    client.send("PING");
    client.hears_nothing();
    proxy.clear();
    assert_eq!(client.hears(), said("+PONG\r\n"));
    assert_eq!(injected(&proxy), [(1, 1), (1, 1)]);
}

#[test]
fn a_window_that_has_not_come_or_has_passed_injects_nothing() {
    let (_server, proxy) = start(&["drop PING @60m..", "reset @0ms..1ms"]);
    sleep(ms(5));
    assert_eq!(Client::of(&proxy).asks("PING"), said("+PONG\r\n"));
    assert_eq!(injected(&proxy), [(0, 0), (0, 0)]);
}

/// What is drawn is a matter of the seed alone.
#[test]
fn the_same_seed_strikes_the_same_requests() {
    let server = Server::start(Program::Redis, &[]).unwrap();
    let at = "127.0.0.1:0".parse().unwrap();
    let struck = |seed| -> Vec<bool> {
        let proxy = Proxy::listen(at, &server, rules(&["duplicate INCR 30%"]), seed).unwrap();
        server.query::<()>(&["DEL", "n"]).unwrap();
        let mut client = Client::of(&proxy);
        let mut before = 0;
        let mut strikes = Vec::new();
        for _ in 0..100 {
            let Heard::Bytes(reply) = client.asks("INCR n") else { panic!() };
            let after: i64 = reply.trim_start_matches(':').trim_end().parse().unwrap();
            strikes.push(after - before == 2);
            before = after;
        }
        let injected = injected(&proxy);
        let (struck, known) =
            (strikes.iter().filter(|struck| **struck).count() as u64, injected[0]);
        // The last may have been struck too, and then nobody has seen it.
        assert!(known.0 == 100 && known.1 - struck <= 1, "{known:?} {struck}");
        strikes
    };
    let first = struck(7);
    assert_eq!(first, struck(7));
    assert_ne!(first, struck(8));
    let count = first.iter().filter(|struck| **struck).count();
    assert!((10..=50).contains(&count), "{count}");
}

#[test]
fn what_is_no_resp_passes_as_it_is() {
    let (_server, proxy) = start(&["drop GET"]);
    let mut client = Client::of(&proxy);
    client.0.write_all(b"*1\r\n:1\r\n").unwrap();
    // In the server's own words.
    let Heard::Bytes(error) = client.hears() else { panic!() };
    assert!(error.starts_with("-ERR Protocol error: expected '$', got ':'"), "{error}");
    assert_eq!(client.hears(), Heard::End);
}

#[test]
fn a_replica_can_copy_through_it() {
    let (server, proxy) = start(&[]);
    server.query::<()>(&["CONFIG", "SET", "repl-diskless-sync-delay", "0"]).unwrap();
    server.query::<()>(&["SET", "k", "v"]).unwrap();
    let replica = Server::start(Program::Redis, &[]).unwrap();
    let port = proxy.port().to_string();
    replica.query::<()>(&["REPLICAOF", "127.0.0.1", &port]).unwrap();
    comes_to(&replica, "k", "v");
    server.query::<()>(&["SET", "k", "w"]).unwrap();
    comes_to(&replica, "k", "w");
}

#[test]
fn a_server_that_is_down_or_ends_is_so_for_clients() {
    let (mut server, proxy) = start(&[]);
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("PING"), said("+PONG\r\n"));
    server.kill();
    assert!(matches!(client.hears(), Heard::End | Heard::Reset));
    assert_eq!(Client::of(&proxy).hears(), Heard::Reset);
    server.restart().unwrap();
    assert_eq!(Client::of(&proxy).asks("PING"), said("+PONG\r\n"));
}

#[test]
fn three_hundred_connections_are_few() {
    let (server, proxy) = start(&["delay 1ms..5ms"]);
    let mut clients: Vec<Client> = (0..300).map(|_| Client::of(&proxy)).collect();
    for client in &mut clients {
        client.send("INCR n");
    }
    for client in &mut clients {
        assert!(matches!(client.hears(), Heard::Bytes(_)));
    }
    comes_to(&server, "n", "300");
    assert_eq!(proxy.open_connections(), 300);
}

#[test]
fn dropping_it_ends_its_connections_and_frees_its_address() {
    let (server, proxy) = start(&[]);
    let mut client = Client::of(&proxy);
    assert_eq!(client.asks("PING"), said("+PONG\r\n"));
    let at = proxy.address();
    let taken = Proxy::listen(at, &server, Vec::new(), 0).unwrap_err();
    assert!(matches!(taken, RigError::Listen { .. }));
    assert!(taken.to_string().contains("choose another address"), "{taken}");
    drop(proxy);
    assert!(matches!(client.hears(), Heard::End | Heard::Reset));
    let again = Proxy::listen(at, &server, Vec::new(), 0).unwrap();
    assert_eq!(Client::of(&again).asks("PING"), said("+PONG\r\n"));
}

#[test]
fn a_server_behind_tcp_is_reached_as_well() {
    let (server, first) = start(&[]);
    let second =
        Proxy::start(Upstream::parse(&first.url()).unwrap(), rules(&["reset SET"])).unwrap();
    let mut client = Client::of(&second);
    assert_eq!(client.asks("INCR n"), said(":1\r\n"));
    assert_eq!(client.asks("SET k v"), Heard::Reset);
    assert!(eventually(|| first.open_connections() == 0));
    assert_eq!(get(&server, "n").as_deref(), Some("1"));
}

#[test]
fn addresses_are_read_or_refused_with_a_reason() {
    let tcp = |address: &str| Upstream::Tcp(address.to_owned());
    for (url, wanted) in [
        ("redis://10.0.0.1", tcp("10.0.0.1:6379")),
        ("redis://host:7000/", tcp("host:7000")),
        ("host:7000", tcp("host:7000")),
        ("redis://[::1]:7000", tcp("[::1]:7000")),
        ("redis://[::1]", tcp("[::1]:6379")),
        ("unix:///run/s", Upstream::Unix("/run/s".into())),
    ] {
        assert_eq!(Upstream::parse(url).unwrap(), wanted, "{url}");
    }
    for (url, why) in [
        ("rediss://host", "frames cannot be read through TLS"),
        ("redis://user:pw@host", "write redis://host:port or unix:///path"),
        ("", "write redis://host:port"),
        ("redis://host:0", "a port is a number from 1 to 65535"),
        ("redis://host:x", "a port is a number from 1 to 65535"),
        ("unix://s", "the path of a unix socket is absolute"),
    ] {
        let error = Upstream::parse(url).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("\"{url}\" is no server to forward to: {why}")),
            "{error}"
        );
    }
}
