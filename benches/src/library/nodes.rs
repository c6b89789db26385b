//! Redis servers on TCP ports of the loopback interface, each pinned to a core.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use leasehold_tests::Server;

use super::cores::pin_process;
use super::figures::now;

/// Some servers without persistence, killed when this is dropped.
#[derive(Debug)]
pub struct Nodes {
    servers: Vec<Server>,
    ports: Vec<u16>,
}

impl Nodes {
    /// Starts `count` servers on one core.
    ///
    /// # Panics
    /// If `redis-server` is missing or older than 7.0.
    pub fn start(count: usize, core: usize) -> Nodes {
        let servers = leasehold_tests::servers(count);
        let ports = servers.iter().map(|server| {
            let info: String = server.query(&["INFO", "server"]);
            let id = info.lines().find_map(|line| line.strip_prefix("process_id:"));
            let id = id.and_then(|id| id.trim().parse().ok()).expect("the id of the server");
            pin_process(id, core);
            open_port(server)
        });
        let ports = ports.collect();
        Nodes { servers, ports }
    }

    /// The servers.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The URLs for clients.
    pub fn urls(&self) -> Vec<String> {
        self.ports.iter().map(|port| format!("redis://127.0.0.1:{port}")).collect()
    }

    /// Forgets how many commands were carried out.
    pub fn reset_commands(&self) {
        for server in &self.servers {
            server.query::<()>(&["CONFIG", "RESETSTAT"]);
        }
    }

    /// How many commands of these names were carried out at all servers, those within scripts
    /// included.
    pub fn commands(&self, names: &[&str]) -> f64 {
        let count = |server: &Server| -> f64 {
            let stats: String = server.query(&["INFO", "commandstats"]);
            let calls = stats.lines().filter_map(|line| {
                let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
                let calls = rest.split(',').next()?.parse::<f64>().ok()?;
                names.contains(&name).then_some(calls)
            });
            calls.sum()
        };
        self.servers.iter().map(count).sum()
    }
}

/// What a lock needs of a server.
pub const LOCKING: &[&str] = &["set", "eval", "evalsha", "get", "del", "pexpire"];

/// A free port may be taken by somebody else before the server has it.
fn open_port(server: &Server) -> u16 {
    server.query::<()>(&["CONFIG", "SET", "bind", "127.0.0.1"]);
    for _ in 0..10 {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("its number").port();
        drop(free);
        let opened = redis::cmd("CONFIG").arg("SET").arg("port").arg(port).clone();
        let client = redis::Client::open(server.url()).expect("the URL of a server");
        let mut connection = client.get_connection().expect("a server that runs");
        if opened.query::<()>(&mut connection).is_ok() {
            return port;
        }
    }
    panic!("no free port for a Redis server; it takes Redis 7.0 to change the port")
}

/// A port in front of a node, from which every answer arrives later by the delay of the moment.
#[derive(Debug)]
pub struct Late {
    url: String,
    delay_us: Arc<AtomicU64>,
}

impl Late {
    /// In front of the node with that URL, without delay. Lives as long as the process.
    pub fn before(url: &str) -> Late {
        let node = url.strip_prefix("redis://").expect("a URL of a node").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let delay_us = Arc::new(AtomicU64::new(0));
        let delay = Arc::clone(&delay_us);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a client");
                let server = TcpStream::connect(&node).expect("a node that runs");
                let copy = |stream: &TcpStream| stream.try_clone().expect("a second handle");
                client.set_nodelay(true).expect("a TCP stream");
                server.set_nodelay(true).expect("a TCP stream");
                forward(copy(&client), copy(&server), Arc::default());
                forward(server, client, Arc::clone(&delay));
            }
        });
        Late { url: format!("redis://127.0.0.1:{port}"), delay_us }
    }

    /// The URL for clients.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Sets the delay of all answers from now on.
    pub fn set_delay(&self, delay: Duration) {
        let delay_us = u64::try_from(delay.as_micros()).expect("a short delay");
        self.delay_us.store(delay_us, Ordering::Relaxed);
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, delay_us: Arc<AtomicU64>) {
    let (sender, chunks) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut chunk) {
            let delay = Duration::from_micros(delay_us.load(Ordering::Relaxed));
            if sender.send((now() + delay, chunk[..length].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (due, chunk) in chunks {
            thread::sleep(due.saturating_duration_since(now()));
            if to.write_all(&chunk).is_err() {
                break;
            }
        }
        // The other side may have closed it already.
        let _ = to.shutdown(Shutdown::Both);
    });
}
