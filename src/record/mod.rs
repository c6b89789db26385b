//! Recordings: everything that a client's machines were told, and what they said (feature
//! `record`).
//!
//! With `Builder::record`, or the environment variable [`VARIABLE`] for every client of a process,
//! the driver writes one line per call of
//! [`Lease::handle`](crate::protocol::Lease::handle), and one for whatever happens to a connection.
//! [`conform`] takes every recorded lease again, through the same machine, and compares; and it
//! holds the lines against what can happen at all: the world of the checker.
//!
//! A recording is JSON, one value per line (see the repository's `docs/recordings.md`). It holds
//! tokens: while a lease lives, whoever knows its token can release it.

mod conform;
mod line;
mod reader;
mod text;
mod wire;
mod writer;

pub use conform::{Conformity, Deviation, Rule, conform};
pub use line::{After, Begin, Due, End, Happening, Line, Mark, NodeLine, Opened, Step};
pub use reader::{Flaw, Recording, RecordingError};
pub use writer::Recorder;

/// The version that this program writes, and the only one it reads.
pub const VERSION: u32 = 1;

/// The environment variable that names a folder: every client of the process is recorded there,
/// each in a file of its own.
pub const VARIABLE: &str = "LEASEHOLD_RECORD";

/// How the name of a recording ends.
pub const EXTENSION: &str = "jsonl";
