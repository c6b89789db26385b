//! Locks to measure: ours, rslock, and two rounds of commands written by hand.

use std::fmt::Write as _;
use std::future::Future;
use std::io::{Read, Write};
use std::net::TcpStream as BlockingStream;
use std::str::FromStr;
use std::time::Duration;

use leasehold::protocol::Retry;
use leasehold::{Client, Guard};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rslock::{LockGuard, LockManager};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// This library, with its default settings but for the restart guard: the servers are new.
    Leasehold,
    /// rslock, with a delay of up to 10 ms between attempts.
    Rslock,
    /// Two rounds by hand on tokio: the least that an async lock can do.
    ByHand,
    /// The same on blocking sockets: the least that any lock can do.
    Raw,
}

impl Peer {
    const ALL: [Peer; 4] = [Peer::Leasehold, Peer::Rslock, Peer::ByHand, Peer::Raw];

    /// Its name on the command line of a client.
    pub fn name(self) -> &'static str {
        match self {
            Peer::Leasehold => "leasehold",
            Peer::Rslock => "rslock",
            Peer::ByHand => "by-hand",
            Peer::Raw => "raw",
        }
    }
}

impl FromStr for Peer {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Peer, Self::Err> {
        Peer::ALL.into_iter().find(|peer| peer.name() == name).ok_or("no such peer")
    }
}

/// Acquires and releases.
pub trait Locks: Send + 'static {
    /// A lock that is held.
    type Held: Send + 'static;

    /// Acquires a key that another may hold.
    fn acquire(&mut self, key: &str) -> impl Future<Output = Self::Held> + Send;

    /// Releases it and waits for the nodes.
    fn release(&mut self, held: Self::Held) -> impl Future<Output = ()> + Send;

    /// Whether it is held still, of locks that know.
    fn is_held(_: &Self::Held) -> bool {
        true
    }
}

const TTL: Duration = Duration::from_secs(10);
/// How long to wait at most between attempts that were denied.
const DELAY: Duration = Duration::from_millis(10);

/// This library.
#[derive(Clone, Debug)]
pub struct Leasehold(Client);

impl Leasehold {
    /// Connects.
    pub async fn connect(urls: &[String]) -> Leasehold {
        let delay_max = i64::try_from(DELAY.as_micros()).expect("a short delay");
        let retry = Retry { attempts: None, delay_min: 0, delay_max };
        let client = Client::builder().nodes(urls).ttl(TTL).restart_guard(false).retry(retry);
        Leasehold(client.connect().await.expect("servers that run"))
    }
}

impl Locks for Leasehold {
    type Held = Guard;

    async fn acquire(&mut self, key: &str) -> Guard {
        self.0.acquire(key).await.expect("a lock")
    }

    async fn release(&mut self, held: Guard) {
        // A server that is stopped does not acknowledge it.
        let _ = held.release().await.expect("a lock that was held");
    }

    fn is_held(held: &Guard) -> bool {
        held.is_held()
    }
}

/// rslock.
#[derive(Clone, Debug)]
pub struct Rslock(LockManager);

impl Rslock {
    /// It connects when it is first used.
    pub fn new(urls: &[String]) -> Rslock {
        let urls = urls.iter().map(String::as_str).collect();
        let mut locks = LockManager::new(urls);
        locks.set_retry(u32::MAX, DELAY);
        Rslock(locks)
    }
}

impl Locks for Rslock {
    type Held = LockGuard;

    async fn acquire(&mut self, key: &str) -> LockGuard {
        self.0.acquire(key, TTL).await.expect("a lock")
    }

    async fn release(&mut self, held: LockGuard) {
        held.release().await;
    }
}

/// As in the documentation of Redis.
const RELEASE: &str = "if redis.call(\"get\",KEYS[1]) == ARGV[1] then \
    return redis.call(\"del\",KEYS[1]) else return 0 end";

/// The commands of a lock, as bytes.
#[derive(Debug)]
struct Words {
    random: ChaCha8Rng,
    key: String,
    token: String,
    sha: String,
    out: String,
}

impl Words {
    fn new(sha: String) -> Words {
        let random = ChaCha8Rng::seed_from_u64(now_ns());
        let (key, token, out) = (String::new(), String::new(), String::new());
        Words { random, key, token, sha, out }
    }

    /// With a token that is new.
    fn set(&mut self, key: &str) -> &[u8] {
        self.key.clear();
        self.key += key;
        self.token.clear();
        let high = self.random.next_u64() >> 32;
        let low = self.random.next_u64();
        write!(self.token, "{high:08x}{low:016x}").expect("a string");
        let Words { token, out, .. } = self;
        out.clear();
        write!(
            out,
            "*6\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n{token}\r\n$2\r\nNX\r\n$2\r\nPX\r\n\
             $5\r\n{}\r\n",
            key.len(),
            token.len(),
            TTL.as_millis()
        )
        .expect("a string");
        out.as_bytes()
    }

    fn release(&mut self) -> &[u8] {
        let Words { key, token, sha, out, .. } = self;
        out.clear();
        write!(
            out,
            "*5\r\n$7\r\nEVALSHA\r\n${}\r\n{sha}\r\n$1\r\n1\r\n${}\r\n{key}\r\n${}\r\n{token}\r\n",
            sha.len(),
            key.len(),
            token.len()
        )
        .expect("a string");
        out.as_bytes()
    }
}

fn now_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

const SET: &[u8] = b"+OK\r\n";
const RELEASED: &[u8] = b":1\r\n";

/// The release script's name at each of the servers.
fn load(urls: &[String]) -> String {
    let mut sha = String::new();
    for url in urls {
        let client = redis::Client::open(url.as_str()).expect("the URL of a server");
        let mut connection = client.get_connection().expect("a server that runs");
        let mut load = redis::cmd("SCRIPT");
        sha = load.arg("LOAD").arg(RELEASE).query(&mut connection).expect("a name");
    }
    sha
}

fn address(url: &str) -> &str {
    url.strip_prefix("redis://").expect("a URL with a port")
}

/// Two rounds on tokio.
#[derive(Debug)]
pub struct ByHand {
    streams: Vec<TcpStream>,
    words: Words,
}

impl ByHand {
    /// Connects.
    pub async fn connect(urls: &[String]) -> ByHand {
        let mut streams = Vec::new();
        for url in urls {
            let stream = TcpStream::connect(address(url)).await.expect("a server that runs");
            stream.set_nodelay(true).expect("a TCP stream");
            streams.push(stream);
        }
        ByHand { streams, words: Words::new(load(urls)) }
    }
}

async fn round(streams: &mut [TcpStream], command: &[u8], answer: &[u8]) {
    for stream in &mut *streams {
        stream.write_all(command).await.expect("a server that runs");
    }
    for stream in streams {
        // More room than it takes: from a short read tokio knows that nothing is left.
        let mut reply = [0; 64];
        let length = stream.read(&mut reply).await.expect("a server that runs");
        assert_eq!(&reply[..length], answer);
    }
}

impl Locks for ByHand {
    type Held = ();

    async fn acquire(&mut self, key: &str) {
        round(&mut self.streams, self.words.set(key), SET).await;
    }

    async fn release(&mut self, (): ()) {
        round(&mut self.streams, self.words.release(), RELEASED).await;
    }
}

/// Two rounds on blocking sockets.
#[derive(Debug)]
pub struct Raw {
    streams: Vec<BlockingStream>,
    words: Words,
}

impl Raw {
    /// Connects.
    pub fn connect(urls: &[String]) -> Raw {
        let streams = urls.iter().map(|url| {
            let stream = BlockingStream::connect(address(url)).expect("a server that runs");
            stream.set_nodelay(true).expect("a TCP stream");
            stream
        });
        let streams = streams.collect();
        Raw { streams, words: Words::new(load(urls)) }
    }

    /// Acquires and releases many keys with two rounds for all of them: what the servers can do.
    pub fn batch(&mut self, keys: &[String]) {
        let mut sets = Vec::new();
        let mut releases = Vec::new();
        for key in keys {
            sets.extend_from_slice(self.words.set(key));
            releases.extend_from_slice(self.words.release());
        }
        blocking_round(&mut self.streams, &sets, &SET.repeat(keys.len()));
        blocking_round(&mut self.streams, &releases, &RELEASED.repeat(keys.len()));
    }
}

fn blocking_round(streams: &mut [BlockingStream], commands: &[u8], answers: &[u8]) {
    for stream in &mut *streams {
        stream.write_all(commands).expect("a server that runs");
    }
    let mut reply = [0; 512];
    let reply = &mut reply[..answers.len()];
    for stream in streams {
        stream.read_exact(reply).expect("a server that runs");
        assert_eq!(reply, answers);
    }
}

impl Locks for Raw {
    type Held = ();

    async fn acquire(&mut self, key: &str) {
        blocking_round(&mut self.streams, self.words.set(key), SET);
    }

    async fn release(&mut self, (): ()) {
        blocking_round(&mut self.streams, self.words.release(), RELEASED);
    }
}
