//! One step of the world. Its one-line text form parses back to itself:
//!
//! ```text
//! start c0          c0 begins to acquire            choose c0   the renewer takes its tick
//! tick c0           a deadline of c0 is handled     check c0    the renewer reads the held flag
//! stop c0           the user of c0 stops            send c0     the renewer sends
//! timeout c0        a round of c0 is given up       quit c0     the renewer ends
//! unlock c0         the main task of c0 releases    stall c0    the renewer is not scheduled
//! run c0 n1 #0      n1 runs message 0 of c0's pipe  reply c0 n1 #0   its answer reaches c0
//! reset c0 n1       the connection fails            connect c0 n1    there is one again
//! crash n1 keep     n1 dies (keep or lose)          restart n1       n1 is back
//! pause c0          c0 is not scheduled             resume c0        it is again
//! resend c0 n1 #0   the client library sends it again    forget n1   n1 loses its scripts
//! handover c0       the user of c0 hands over      adopt c1     c1 adopts what was handed over
//! heal c1           all faults end, and only c1 is left alive
//! advance n 1 1 1 c 1 1                             each clock moves by its own amount
//! ```

mod text;

pub use text::ParseStepError;

use crate::threaded::Move;

/// One step. `I` is the clock, `N` the nodes, `C` the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<I, const N: usize, const C: usize> {
    /// The user of a client begins to acquire.
    Start(u8),
    /// A deadline of a client is handled (shipped lifecycle).
    Tick(u8),
    /// The user of a client stops.
    Stop(u8),
    /// The user of a client hands its lease over.
    HandOver(u8),
    /// The user of a client begins to adopt what was handed over last.
    Adopt(u8),
    /// A task of a broken program makes a move of its own.
    Task(u8, TaskMove),
    /// A renewer in mid-step is not scheduled for a while.
    Stall(u8),
    /// A client is not scheduled for a while; its clock runs on.
    Pause(u8),
    /// It is scheduled again.
    Resume(u8),
    /// A node runs a message of a client's pipe.
    Run {
        /// Whose pipe.
        client: u8,
        /// To which node.
        node: u8,
        /// Which message in it.
        index: u8,
    },
    /// An answer reaches the client.
    Reply {
        /// Whose pipe.
        client: u8,
        /// From which node.
        node: u8,
        /// Which message in it.
        index: u8,
    },
    /// A connection fails.
    Reset {
        /// Whose.
        client: u8,
        /// To which node.
        node: u8,
    },
    /// There is a connection again.
    Connect {
        /// Whose.
        client: u8,
        /// To which node.
        node: u8,
    },
    /// A server dies.
    Crash {
        /// Which.
        node: u8,
        /// Whether it keeps what it stored.
        keeps: bool,
    },
    /// A server is back.
    Restart(u8),
    /// A client library stops waiting for an answer, and sends the command again by itself.
    Resend {
        /// Whose pipe.
        client: u8,
        /// To which node.
        node: u8,
        /// Which message in it.
        index: u8,
    },
    /// A server loses its script cache.
    LoseScripts(u8),
    /// The world heals for good: the network is drained before time passes, nothing fails any
    /// more, and every client but this one is dead.
    Heal(u8),
    /// Time passes: each clock moves by its own amount.
    Advance {
        /// The nodes' wall clocks.
        nodes: [I; N],
        /// The clients' clocks.
        clients: [I; C],
    },
}

impl<I, const N: usize, const C: usize> Step<I, N, C> {
    /// Whose step it is, if it is a client's or about one of its messages.
    pub fn client(&self) -> Option<u8> {
        match *self {
            Step::Start(client)
            | Step::Tick(client)
            | Step::Stop(client)
            | Step::HandOver(client)
            | Step::Adopt(client)
            | Step::Task(client, _)
            | Step::Stall(client)
            | Step::Pause(client)
            | Step::Resume(client)
            | Step::Run { client, .. }
            | Step::Reply { client, .. }
            | Step::Reset { client, .. }
            | Step::Connect { client, .. }
            | Step::Resend { client, .. }
            | Step::Heal(client) => Some(client),
            Step::Crash { .. } | Step::Restart(_) | Step::LoseScripts(_) | Step::Advance { .. } => {
                None
            }
        }
    }
}

/// The moves that the scheduler makes for the tasks of a broken program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskMove {
    /// See [`Move::Timeout`].
    Timeout,
    /// See [`Move::Unlock`].
    Unlock,
    /// See [`Move::Choose`].
    Choose,
    /// See [`Move::Check`].
    Check,
    /// See [`Move::Send`].
    Send,
    /// See [`Move::Quit`].
    Quit,
}

impl TaskMove {
    /// All of them.
    pub const ALL: [TaskMove; 6] = [
        TaskMove::Timeout,
        TaskMove::Unlock,
        TaskMove::Choose,
        TaskMove::Check,
        TaskMove::Send,
        TaskMove::Quit,
    ];

    /// The move it asks of the program.
    pub fn as_move(self) -> Move {
        match self {
            TaskMove::Timeout => Move::Timeout,
            TaskMove::Unlock => Move::Unlock,
            TaskMove::Choose => Move::Choose,
            TaskMove::Check => Move::Check,
            TaskMove::Send => Move::Send,
            TaskMove::Quit => Move::Quit,
        }
    }

    fn verb(self) -> &'static str {
        match self {
            TaskMove::Timeout => "timeout",
            TaskMove::Unlock => "unlock",
            TaskMove::Choose => "choose",
            TaskMove::Check => "check",
            TaskMove::Send => "send",
            TaskMove::Quit => "quit",
        }
    }
}
