//! Clients that take turns, each a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::figures::Figures;
use super::work::Task;

/// The argument that makes this program a client. The others are those of its [`Task`].
pub const CLIENT: &str = "--client";

/// One client, killed when this is dropped.
#[derive(Debug)]
pub struct Measured {
    process: Child,
    orders: ChildStdin,
    figures: BufReader<ChildStdout>,
}

impl Measured {
    /// Starts it in a new process of this program, and waits until it is ready.
    pub fn start(task: &Task) -> Measured {
        let program = std::env::current_exe().expect("the path of this bench");
        let mut command = Command::new(program);
        command.arg(CLIENT).args(task.to_args()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("this bench can run itself");
        let orders = process.stdin.take().expect("a pipe");
        let figures = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut client = Measured { process, orders, figures };
        assert_eq!(client.line(), "ready", "{task:?}");
        client
    }

    /// Lets it take a turn of so long.
    pub fn begin(&mut self, length: Duration) {
        writeln!(self.orders, "{}", length.as_millis()).expect("a client that runs");
    }

    /// What the turn has cost, when it is over.
    pub fn end(&mut self) -> Figures {
        let line = self.line();
        line.parse().unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// A turn.
    pub fn turn(&mut self, length: Duration) -> Figures {
        self.begin(length);
        self.end()
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.figures.read_line(&mut line).expect("a client that runs");
        line.trim().to_owned()
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        // Either fails only if it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
