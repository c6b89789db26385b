//! One connection: what is read on one side, what waits, and what is written on the other.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, tcp};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, sleep_until};

use super::frame::{Splitter, Way, is_push, words};
use super::net::{Line, Net, locked};
use super::rule::{Fault, Silence};
use super::upstream::{Reader, Stream, Upstream, Writer};
use crate::now;

/// How many frames may wait on one side of a connection before no more are read.
const MOST_WAITING: usize = 1024;
/// How many bytes are read at once.
const CHUNK: usize = 16 << 10;

/// A request on its way to the server, or bytes that are no frame.
struct Request {
    bytes: Vec<u8>,
    due: Option<Instant>,
    is_twice: bool,
    reply: Option<Plan>,
}

/// What is to become of a reply.
#[derive(Clone, Copy, Default)]
struct Plan {
    delay_us: u64,
    /// It is lost, and what comes after it.
    lost: Option<Silence>,
    /// It is the second reply to a request that the client sent once.
    is_spare: bool,
}

struct Reply {
    bytes: Vec<u8>,
    due: Option<Instant>,
}

/// Carries everything between `client` and a server, until both have ended.
pub(super) async fn relay(client: TcpStream, upstream: Arc<Upstream>, net: Arc<Net>) {
    if net.refuses() {
        return abort(client);
    }
    net.passable().await;
    // As by a server that is down.
    let Ok(server) = upstream.connect().await else { return abort(client) };
    if client.set_nodelay(true).is_err() {
        return;
    }
    let (number, line) = net.open();
    let relay = Relay {
        number,
        line,
        expected: Mutex::default(),
        is_raw: AtomicBool::new(false),
        has_subscribed: AtomicBool::new(false),
        net: &net,
    };
    let (to_server, from_client) = mpsc::channel(MOST_WAITING);
    let (to_client, from_server) = mpsc::channel(MOST_WAITING);
    tokio::join!(
        relay.client_side(client, to_server, from_server),
        relay.server_side(server, from_client, to_client)
    );
    net.close(number);
}

fn abort(client: TcpStream) {
    // It fails only if the connection has ended.
    let _ = client.set_zero_linger();
}

struct Relay<'a> {
    number: u64,
    line: watch::Sender<Line>,
    /// What is to become of the replies that have not come, in the order of the requests.
    expected: Mutex<VecDeque<Plan>>,
    /// What passes is no RESP, or no requests and replies, any more.
    is_raw: AtomicBool,
    has_subscribed: AtomicBool,
    net: &'a Net,
}

impl Relay<'_> {
    async fn client_side(
        &self,
        mut client: TcpStream,
        to_server: mpsc::Sender<Request>,
        from_server: mpsc::Receiver<Reply>,
    ) {
        {
            let (mut reader, mut writer) = client.split();
            let reading = async {
                self.read_requests(&mut reader, to_server).await;
                pending::<()>().await;
            };
            tokio::select! {
                () = reading => {}
                () = self.write_replies(&mut writer, from_server) => {}
                () = self.becomes(|line| line.is_cut || line.is_aborted) => {}
            }
        }
        // The other side may have been the first to end.
        if self.line.borrow().is_aborted {
            abort(client);
        } else {
            // It fails only if the client was faster.
            let _ = client.shutdown().await;
        }
    }

    async fn server_side(
        &self,
        mut server: Stream,
        from_client: mpsc::Receiver<Request>,
        to_client: mpsc::Sender<Reply>,
    ) {
        {
            let (mut reader, mut writer) = server.split();
            let writing = async {
                self.write_requests(&mut writer, from_client).await;
                let line = *self.line.borrow();
                if !line.is_cut || line.ends_after {
                    let _ = writer.shutdown().await;
                }
                pending::<()>().await;
            };
            tokio::select! {
                () = writing => {}
                () = self.read_replies(&mut reader, to_client) => {}
                () = self.becomes(|line| line.is_aborted) => {}
            }
        }
        if self.line.borrow().is_aborted {
            server.abort();
        }
    }

    async fn becomes(&self, holds: impl FnMut(&Line) -> bool) {
        // The sender is ours, so there is no other end.
        drop(self.line.subscribe().wait_for(holds).await);
    }

    // ---- requests ----------------------------------------------------------------------------

    async fn read_requests(&self, from: &mut tcp::ReadHalf<'_>, to: mpsc::Sender<Request>) {
        let mut intake = Intake { relay: self, to, count: 0, is_lost: false, replies: Some(true) };
        let mut splitter = Splitter::new(Way::Request);
        let mut chunk = vec![0; CHUNK];
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            let bytes = chunk.get(..length).unwrap_or_default();
            splitter.push(bytes);
            if intake.take_all(&mut splitter).await.is_err() {
                return;
            }
        }
    }

    async fn write_requests(&self, to: &mut Writer<'_>, mut from: mpsc::Receiver<Request>) {
        while let Some(request) = from.recv().await {
            until(request.due).await;
            loop {
                self.becomes(|line| !line.is_held).await;
                if !self.net.passable().await {
                    break;
                }
            }
            for copy in 0..=u8::from(request.is_twice) {
                if let Some(plan) = request.reply {
                    let spare = Plan { is_spare: true, ..Plan::default() };
                    let plan = if copy == 0 { plan } else { spare };
                    locked(&self.expected).push_back(plan);
                }
                if to.write_all(&request.bytes).await.is_err() {
                    return;
                }
            }
        }
    }

    // ---- replies -----------------------------------------------------------------------------

    async fn read_replies(&self, from: &mut Reader<'_>, to: mpsc::Sender<Reply>) {
        let mut splitter = Splitter::new(Way::Reply);
        let mut is_lost = false;
        let mut chunk = vec![0; CHUNK];
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            splitter.push(chunk.get(..length).unwrap_or_default());
            while let Some((bytes, is_frame)) = self.next(&mut splitter) {
                let plan = if is_frame { self.plan_of(&bytes) } else { Plan::default() };
                if let Some(silence) = plan.lost.filter(|_| !is_lost) {
                    is_lost = true;
                    self.reset_after(silence);
                }
                if is_lost || plan.is_spare {
                    continue;
                }
                let due = later(now(), plan.delay_us);
                // The client may be gone; the server is heard out.
                let _ = to.send(Reply { bytes, due }).await;
            }
        }
    }

    async fn write_replies(&self, to: &mut tcp::WriteHalf<'_>, mut from: mpsc::Receiver<Reply>) {
        while let Some(reply) = from.recv().await {
            until(reply.due).await;
            self.net.passable().await;
            // Nobody may be there any more to read it.
            let _ = to.write_all(&reply.bytes).await;
        }
    }

    /// What was planned for this reply, which is the next.
    fn plan_of(&self, reply: &[u8]) -> Plan {
        if is_push(reply, self.has_subscribed.load(Ordering::SeqCst)) {
            return Plan::default();
        }
        self.net.replies.fetch_add(1, Ordering::SeqCst);
        locked(&self.expected).pop_front().unwrap_or_default()
    }

    // ---- both ways ---------------------------------------------------------------------------

    /// The next frame; or all the bytes that there are, when they are none any more.
    fn next(&self, splitter: &mut Splitter) -> Option<(Vec<u8>, bool)> {
        if !self.is_raw.load(Ordering::SeqCst) {
            match splitter.next_frame() {
                Ok(frame) => return frame.map(|frame| (frame, true)),
                Err(error) => {
                    tracing::warn!(connection = self.number, %error, "bytes pass as they are");
                    self.is_raw.store(true, Ordering::SeqCst);
                }
            }
        }
        let rest = splitter.rest();
        (!rest.is_empty()).then_some((rest, false))
    }

    fn reset_after(&self, silence: Silence) {
        if let Silence::ResetAfterUs(us) = silence {
            let line = self.line.clone();
            tokio::spawn(async move {
                sleep(Duration::from_micros(us)).await;
                line.send_modify(|line| line.is_aborted = true);
            });
        }
    }
}

/// The client's side will send nothing more.
struct Ended;

/// What becomes of a connection.
type Change = fn(&mut Line);

/// What a client has sent, judged frame by frame.
struct Intake<'a> {
    relay: &'a Relay<'a>,
    to: mpsc::Sender<Request>,
    /// The frames so far.
    count: u64,
    /// What comes is lost.
    is_lost: bool,
    /// Whether the server replies; not to the next request if `None`.
    replies: Option<bool>,
}

impl Intake<'_> {
    async fn take_all(&mut self, splitter: &mut Splitter) -> Result<(), Ended> {
        while let Some((bytes, is_frame)) = self.relay.next(splitter) {
            let request = if is_frame {
                self.count += 1;
                self.relay.net.requests.fetch_add(1, Ordering::SeqCst);
                self.judge(bytes)
            } else {
                Some((Request { bytes, due: None, is_twice: false, reply: None }, None))
            };
            let Some((request, half_open)) = request.filter(|_| !self.is_lost) else { continue };
            self.to.send(request).await.map_err(|_| Ended)?;
            if let Some(change) = half_open {
                self.relay.line.send_modify(change);
                return Err(Ended);
            }
        }
        Ok(())
    }

    /// What is sent to the server, and what then becomes of the connection.
    fn judge(&mut self, bytes: Vec<u8>) -> Option<(Request, Option<Change>)> {
        let (relay, arrived) = (self.relay, now());
        let words = words(&bytes);
        let is_answered = self.is_answered(&words);
        if self.is_lost {
            return None;
        }
        let verdict = relay.net.decide(relay.number, self.count, &words);
        if !verdict.names.is_empty() {
            let command = String::from_utf8_lossy(words.first().unwrap_or(&&b""[..])).into_owned();
            let (connection, request) = (relay.number, self.count);
            let fault = verdict.names.join(", ");
            tracing::info!(connection, request, command, "{fault}");
        }
        let mut plan = Plan { delay_us: verdict.reply_delay_us, ..Plan::default() };
        let mut due = later(arrived, verdict.delay_us);
        let (mut is_twice, mut half_open): (_, Option<Change>) = (false, None);
        match verdict.fault {
            None | Some((Fault::Delay(_) | Fault::DelayReply(_) | Fault::Partition(_), _)) => {}
            Some((Fault::Hold, Some(until_us))) => due = due.max(Some(relay.net.at(until_us))),
            Some((Fault::Hold, None)) => relay.line.send_modify(|line| line.is_held = true),
            Some((Fault::Drop(silence), _)) => {
                self.is_lost = true;
                relay.reset_after(silence);
                return None;
            }
            Some((Fault::DropReply(silence), _)) => plan.lost = Some(silence),
            Some((Fault::Duplicate, _)) => is_twice = true,
            Some((Fault::HalfOpen { deliver_after_us: Some(us) }, _)) => {
                due = later(arrived, verdict.delay_us + us);
                half_open = Some(|line| (line.is_cut, line.ends_after) = (true, true));
            }
            Some((Fault::HalfOpen { deliver_after_us: None }, _)) => {
                relay.line.send_modify(|line| line.is_held = true);
                half_open = Some(|line| line.is_cut = true);
            }
            Some((Fault::Reset, _)) => {
                relay.line.send_modify(|line| line.is_aborted = true);
                self.is_lost = true;
                return None;
            }
        }
        let reply = is_answered.then_some(plan);
        Some((Request { bytes, due, is_twice, reply }, half_open))
    }

    /// Whether the server answers this request by a reply of its own.
    fn is_answered(&mut self, words: &[&[u8]]) -> bool {
        let is = |at: usize, name: &[u8]| {
            words.get(at).is_some_and(|word: &&[u8]| word.eq_ignore_ascii_case(name))
        };
        let Some(_) = words.first() else { return false };
        let subscriptions: [&[u8]; 6] = [
            b"SUBSCRIBE",
            b"PSUBSCRIBE",
            b"SSUBSCRIBE",
            b"UNSUBSCRIBE",
            b"PUNSUBSCRIBE",
            b"SUNSUBSCRIBE",
        ];
        if subscriptions.iter().any(|name| is(0, name)) {
            self.relay.has_subscribed.store(true, Ordering::SeqCst);
            return false;
        }
        if is(0, b"PSYNC") || is(0, b"SYNC") {
            // What follows is a stream, and no replies.
            self.relay.is_raw.store(true, Ordering::SeqCst);
        }
        let replied = self.replies.unwrap_or(false);
        if self.replies.is_none() {
            self.replies = Some(true);
        }
        if is(0, b"CLIENT") && is(1, b"REPLY") {
            self.replies = if is(2, b"ON") {
                Some(true)
            } else if is(2, b"OFF") {
                Some(false)
            } else {
                None
            };
            return self.replies == Some(true);
        }
        replied
    }
}

/// So much later than `from`; `None` if that is at once.
fn later(from: Instant, us: u64) -> Option<Instant> {
    (us > 0).then(|| from + Duration::from_micros(us))
}

async fn until(due: Option<Instant>) {
    if let Some(due) = due {
        sleep_until(due.into()).await;
    }
}
