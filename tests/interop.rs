//! Our lock and go-redsync's on one key: each keeps the other out.
//!
//! Needs Go and, the first time, the network for its modules; without these tests say so and
//! pass, and with `REQUIRE_ALL=1` they fail.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "these are tests")]

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use leasehold::protocol::Retry;
use leasehold::{AcquireError, Client, Loss, Vote};
use leasehold_rig::foreign::Library;
use leasehold_tests::{Server, eventually, places, servers, stored, urls};

/// The words that start the program that locks with go-redsync; `None` where there is no Go.
fn program() -> Option<&'static [OsString]> {
    static PROGRAM: OnceLock<Option<Vec<OsString>>> = OnceLock::new();
    let build = || {
        let why = match places(Vec::new()).program(Library::GoRedsync) {
            Ok(program) => return Some(program),
            Err(why) => why,
        };
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "{why}");
        eprintln!("SKIPPED: {why}");
        None
    };
    PROGRAM.get_or_init(build).as_deref()
}

/// A process that locks with go-redsync.
struct Redsync {
    child: Child,
    tell: ChildStdin,
    says: BufReader<ChildStdout>,
}

impl Redsync {
    fn start(nodes: &[Server]) -> Option<Redsync> {
        let (program, words) = program()?.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(words).args(urls(nodes)).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let tell = child.stdin.take().unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        Some(Redsync { child, tell, says })
    }

    fn ask(&mut self, words: &str) -> String {
        self.begin(words);
        self.answer()
    }

    fn begin(&mut self, words: &str) {
        writeln!(self.tell, "{words}").unwrap();
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.says.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Redsync {
    fn drop(&mut self) {
        // Either fails only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn client(nodes: &[Server]) -> Client {
    let retry = Retry { attempts: None, delay_min: 5_000, delay_max: 10_000 };
    let builder = Client::builder().nodes(urls(nodes)).restart_guard(false).retry(retry);
    builder.ttl(Duration::from_secs(2)).connect().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_keeps_the_other_out() {
    for count in [1, 3] {
        let nodes = servers(count);
        let Some(mut theirs) = Redsync::start(&nodes) else { return };
        let ours = client(&nodes).await;

        assert_eq!(theirs.ask("try k 60000"), "ok");
        let error = ours.try_acquire("k").await.unwrap_err();
        let AcquireError::Exhausted { last, .. } = &error else { panic!("{error:?}") };
        assert!(last.iter().any(|(_, vote)| *vote == Vote::Taken), "{error}");
        // Our clean-up leaves their key alone.
        assert_eq!(theirs.ask("extend"), "ok");
        assert_eq!(theirs.ask("unlock"), "ok");
        assert_eq!(stored(&nodes, "k"), 0);

        let guard = ours.acquire("k").await.unwrap();
        assert!(eventually(|| stored(&nodes, "k") == count));
        assert_eq!(theirs.ask("try k 60000"), "taken");
        // Nor does theirs touch ours; two renewals go by.
        let until = guard.valid_until();
        assert!(eventually(|| guard.valid_until() > until + Duration::from_millis(1_200)));
        assert_eq!(theirs.ask("try k 60000"), "taken");
        assert!(guard.release().await.unwrap().unsettled.is_empty());
        assert_eq!(theirs.ask("try k 60000"), "ok");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_extends_nor_releases_what_has_become_the_others() {
    let nodes = servers(3);
    let Some(mut theirs) = Redsync::start(&nodes) else { return };
    let ours = client(&nodes).await;
    let guard = ours.acquire("k").await.unwrap();
    nodes.iter().for_each(|node| node.query::<()>(&["DEL", "k"]));
    assert_eq!(theirs.ask("try k 60000"), "ok");
    guard.extend().await.unwrap_err();
    assert_eq!(guard.lost().await, Loss::Taken);
    drop(guard);
    assert!(ours.shutdown().await.unwrap().unsettled.is_empty());
    assert_eq!(stored(&nodes, "k"), 3);

    nodes.iter().for_each(|node| node.query::<()>(&["DEL", "k"]));
    let ours = client(&nodes).await;
    let guard = ours.acquire("k").await.unwrap();
    assert!(theirs.ask("extend").starts_with("failed"));
    assert!(theirs.ask("unlock").starts_with("failed"));
    assert!(guard.is_held() && guard.extend().await.is_ok());
}

/// Both add to a counter that is read, kept for a while and written: what one adds while the other
/// is at it is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_contention_and_renewals_no_addition_is_lost() {
    const TIMES: u32 = 100;
    let (nodes, witness) = (servers(3), Server::start());
    let Some(mut theirs) = Redsync::start(&nodes) else { return };
    let ours = client(&nodes).await;
    theirs.begin(&format!("add k 2000 {TIMES} {} sum", witness.url()));
    for _ in 0..TIMES {
        let guard = ours.acquire("k").await.unwrap();
        let before: u32 = witness.get("sum").map_or(0, |sum| sum.parse().unwrap());
        guard.extend().await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
        guard.ensure_held().unwrap();
        witness.query::<()>(&["SET", "sum", &(before + 1).to_string()]);
        let _ = guard.release().await.unwrap();
        // Else it would have the lock again before the other looks.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(theirs.answer(), format!("done {TIMES}"));
    assert_eq!(witness.get("sum").unwrap(), (2 * TIMES).to_string());
}
