//! What a server executes, in the order in which it does: its `MONITOR`.
//!
//! A proxy sees the order in which commands arrive on each connection. In which order a server
//! takes them from several connections, and whether it takes them at all when one was killed, it
//! alone can say.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::{PATIENCE, RigError, Server};

/// A command that a server has executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Executed {
    /// When, in microseconds of the server's clock.
    pub(super) at_us: i64,
    /// Whether the script before it did it.
    pub(super) is_in_script: bool,
    /// The command and its arguments, as `MONITOR` quotes them.
    pub(super) words: Vec<String>,
}

/// Listens to one server until it ends, or this is stopped.
#[derive(Debug)]
pub(super) struct Monitor {
    thread: JoinHandle<Vec<Executed>>,
    is_over: Arc<AtomicBool>,
}

impl Monitor {
    /// From here on every command is heard.
    pub(super) fn start(server: &Server) -> Result<Monitor, RigError> {
        let system = || RigError::system("MONITOR of a server");
        let mut stream = UnixStream::connect(server.socket()).map_err(system())?;
        stream.write_all(b"MONITOR\r\n").map_err(system())?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(system())?;
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first).map_err(system())?;
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let short = Duration::from_millis(50);
        reader.get_ref().set_read_timeout(Some(short)).map_err(system())?;
        let thread = thread::spawn(move || hear(reader, &told));
        Ok(Monitor { thread, is_over })
    }

    /// What it has heard, up to the last command.
    pub(super) fn stop(self) -> Vec<Executed> {
        self.is_over.store(true, Ordering::SeqCst);
        // Its thread does not panic.
        self.thread.join().unwrap_or_default()
    }
}

/// Until the server ends; or, when told so, until it has been silent for a while.
fn hear(mut reader: BufReader<UnixStream>, is_over: &AtomicBool) -> Vec<Executed> {
    let mut heard = Vec::new();
    let mut line = Vec::new();
    loop {
        match reader.read_until(b'\n', &mut line) {
            Ok(0) => return heard,
            Ok(_) => {
                heard.extend(parse(&String::from_utf8_lossy(&line)));
                line.clear();
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                let is_silence = error.kind() == std::io::ErrorKind::WouldBlock;
                if !is_silence || is_over.load(Ordering::SeqCst) {
                    return heard;
                }
            }
        }
    }
}

/// `+1700000000.123456 [0 lua] "GET" "k"`.
pub(super) fn parse(line: &str) -> Option<Executed> {
    let (time, rest) = line.strip_prefix('+')?.split_once(' ')?;
    let (seconds, micros) = time.split_once('.')?;
    let at_us = seconds.parse::<i64>().ok()? * 1_000_000 + micros.parse::<i64>().ok()?;
    let (source, rest) = rest.strip_prefix('[')?.split_once("] ")?;
    Some(Executed { at_us, is_in_script: source.ends_with(" lua"), words: quoted(rest) })
}

/// The words between quotes. Escapes stay as they are: it is enough that they are equal.
fn quoted(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut letters = text.chars();
    while letters.any(|letter| letter == '"') {
        let mut word = String::new();
        while let Some(letter) = letters.next() {
            match letter {
                '"' => break,
                '\\' => word.extend([Some(letter), letters.next()].into_iter().flatten()),
                _ => word.push(letter),
            }
        }
        words.push(word);
    }
    words
}
