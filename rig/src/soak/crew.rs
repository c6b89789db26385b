//! The processes that contend: started, listened to, stopped and killed.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::process::Signal;

use super::CLIENTS;
use super::tally::Tally;
use super::windows::{Holdings, Window};
use super::words::Word;
use crate::clock::monotonic_us;
use crate::processes::{Process, spawn, tied};
use crate::{PATIENCE, RigError};

/// Starts the contender of that number: the command, without its standard input and output. Where
/// it records is in its environment.
pub type Starts = dyn Fn(u64, &[String]) -> Command + Send + Sync;

/// A process.
#[derive(Debug)]
struct Member {
    number: usize,
    process: Process,
    listener: JoinHandle<Holdings>,
}

/// All of them.
pub(super) struct Crew {
    starts: Arc<Starts>,
    members: Vec<Option<Member>>,
    begun: usize,
    folder: PathBuf,
    /// What the windows of those that have ended were.
    pub(super) windows: Vec<Window>,
    pub(super) tally: Arc<Mutex<Tally>>,
    /// The folders of recordings of those that have ended.
    pub(super) recorded: Vec<PathBuf>,
}

impl Crew {
    pub(super) fn new(starts: Arc<Starts>, folder: PathBuf) -> Crew {
        Crew {
            starts,
            members: (0..CLIENTS).map(|_| None).collect(),
            begun: 0,
            folder,
            windows: Vec::new(),
            tally: Arc::default(),
            recorded: Vec::new(),
        }
    }

    /// How many there were.
    pub(super) fn processes(&self) -> usize {
        self.begun
    }

    /// Starts one where there is none.
    pub(super) fn start(&mut self, client: usize, nodes: &[String]) -> Result<(), RigError> {
        let number = self.begun;
        self.begun += 1;
        let folder = self.folder.join(number.to_string());
        std::fs::create_dir(&folder).map_err(RigError::system("a folder for recordings"))?;
        let wanted = (self.starts)(number as u64, nodes);
        let mut command = tied(wanted.get_program().as_ref());
        command.args(wanted.get_args()).env("LEASEHOLD_RECORD", &folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = spawn(command).map_err(RigError::system("a process that contends"))?;
        let says = process.take_stdout().ok_or(RigError::Closed)?;
        let tally = Arc::clone(&self.tally);
        let listener = thread::spawn(move || listen(BufReader::new(says), &tally));
        self.members[client] = Some(Member { number, process, listener });
        Ok(())
    }

    /// Ends one: kills it, or tells it to stop and waits.
    pub(super) fn end(&mut self, client: usize, kill: bool) -> Result<(), RigError> {
        let Some(mut member) = self.members[client].take() else { return Ok(()) };
        let process = &mut member.process;
        // Whoever is told to stop and does not is killed too, which its status shows.
        let status = if kill { process.kill() } else { process.end(PATIENCE) };
        let status = status.map_err(RigError::system("the end of a process"))?;
        let killed_us = monotonic_us();
        let holdings = member.listener.join().map_err(|_| RigError::Closed)?;
        if !kill && !status.success() {
            let wrong = format!("a process that was told to stop ended with {status}");
            self.tally.lock().unwrap_or_else(PoisonError::into_inner).wrong.push(wrong);
        }
        self.windows.extend(holdings.windows(member.number, killed_us));
        self.recorded.push(self.folder.join(member.number.to_string()));
        Ok(())
    }

    pub(super) fn pause(&self, client: usize) -> Result<(), RigError> {
        self.signal(client, Signal::STOP)
    }

    pub(super) fn resume(&self, client: usize) -> Result<(), RigError> {
        self.signal(client, Signal::CONT)
    }

    fn signal(&self, client: usize, signal: Signal) -> Result<(), RigError> {
        let Some(member) = &self.members[client] else { return Ok(()) };
        member.process.signal(signal).map_err(RigError::system("a signal to a process"))
    }
}

fn listen(says: impl BufRead, tally: &Mutex<Tally>) -> Holdings {
    let mut holdings = Holdings::default();
    // What comes after bytes that are no text is not heard: the last line of a killed process.
    for line in says.lines().map_while(Result::ok) {
        let word = line.parse::<Word>();
        if let Ok(word) = &word {
            holdings.hear(word);
        }
        tally.lock().unwrap_or_else(PoisonError::into_inner).hear(word);
    }
    holdings
}
