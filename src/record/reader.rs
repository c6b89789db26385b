//! Reading a recording.

use std::string::{String, ToString};
use std::vec::Vec;

use super::VERSION;
use super::line::{Begin, Line};
use crate::protocol::nodes::MAX_NODES;

/// A recording as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// What was recorded.
    pub begin: Begin,
    /// The other lines, but for the end. Line `i` of these is line `i + 2` of the file.
    pub lines: Vec<Line>,
    /// Whether it was ended in order. Otherwise the process was killed, and what its client did
    /// last may be missing.
    pub complete: bool,
}

/// A text that is no recording: the line, counted from 1, and the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {flaw}")]
pub struct RecordingError {
    /// Which line.
    pub line: usize,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What is wrong with a line of a recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// There is none.
    #[error("the file is empty; a recording begins with {{\"begin\": ...}}")]
    Empty,
    /// It is none of the lines there are.
    #[error("no line of a recording: {0}; record it anew, or cut the file off above it")]
    Malformed(String),
    /// The first line is another.
    #[error("not a recording; it should begin with {{\"begin\": {{\"version\": {VERSION}, ...}}}}")]
    NotARecording,
    /// Another version.
    #[error("recording version {0}, and this program reads {VERSION}; use the one that wrote it")]
    Version(u32),
    /// No nodes, or too many.
    #[error("{0} nodes; a lock has 1 to {MAX_NODES}")]
    Nodes(usize),
    /// `begin` in the middle.
    #[error("a second beginning; it is two recordings, keep each in a file of its own")]
    BeginsAgain,
    /// The end counts other lines than there are.
    #[error("the end of {said} lines after {found}: some are missing or added; record it anew")]
    WrongEnd {
        /// What it says.
        said: u64,
        /// How many there are.
        found: u64,
    },
    /// Something follows the end.
    #[error("something stands after the end; take it out")]
    AfterEnd,
}

impl Recording {
    /// Reads a recording. The last line may be cut off in the middle, where the process was killed.
    ///
    /// # Errors
    /// The first line that is not as it should be.
    pub fn read(text: &str) -> Result<Recording, RecordingError> {
        let flawed = |line, flaw| RecordingError { line, flaw };
        let mut lines = text.split_inclusive('\n').zip(1..);
        let Some((first, _)) = lines.next() else { return Err(flawed(1, Flaw::Empty)) };
        let Ok(Line::Begin(begin)) = serde_json::from_str(first) else {
            return Err(flawed(1, Flaw::NotARecording));
        };
        if begin.version != VERSION {
            return Err(flawed(1, Flaw::Version(begin.version)));
        }
        if !(1..=usize::from(MAX_NODES)).contains(&begin.nodes.len()) {
            return Err(flawed(1, Flaw::Nodes(begin.nodes.len())));
        }
        let mut read = Recording { begin, lines: Vec::new(), complete: false };
        for (text, line) in lines {
            if read.complete {
                return Err(flawed(line, Flaw::AfterEnd));
            }
            match serde_json::from_str(text) {
                Ok(Line::Begin(_)) => return Err(flawed(line, Flaw::BeginsAgain)),
                Ok(Line::End(end)) => {
                    let found = line as u64 - 1;
                    if end.lines != found {
                        return Err(flawed(line, Flaw::WrongEnd { said: end.lines, found }));
                    }
                    read.complete = true;
                }
                Ok(known @ (Line::Lease(_) | Line::Step(_) | Line::Node(_))) => {
                    read.lines.push(known);
                }
                Err(error) if error.is_eof() && !text.ends_with('\n') => break,
                Err(error) => return Err(flawed(line, Flaw::Malformed(error.to_string()))),
            }
        }
        Ok(read)
    }

    /// Writes it as the recorder does.
    ///
    /// # Errors
    /// What the JSON writer says; there is nothing in a recording that it cannot write.
    pub fn write(&self) -> Result<String, serde_json::Error> {
        let mut text = String::new();
        let first = Line::Begin(self.begin.clone());
        let end = Line::End(super::line::End { lines: self.lines.len() as u64 + 1 });
        let last = self.complete.then_some(&end);
        for line in core::iter::once(&first).chain(&self.lines).chain(last) {
            text.push_str(&serde_json::to_string(line)?);
            text.push('\n');
        }
        Ok(text)
    }
}
