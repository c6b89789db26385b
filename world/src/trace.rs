//! A trace file: a scope, and the steps taken under it.
//!
//! ```text
//! leasehold trace 1
//! unit ticks
//! scope {"lifecycle":"detached", ...}
//! breaks true cause
//!    1  start c0          | c0 sends SET to n0 n1 n2
//!    2  run c0 n0 #0      | n0: SET of c0/1 -> done
//! end 2
//! ```
//!
//! What stands behind `|` is for people. `docs/trace.md` is the legend.

use std::fmt;
use std::str::FromStr;

use crate::properties::Claim;
use crate::scope::{Scope, ScopeError, Settings};

/// The version this program writes, and the only one it reads.
pub const VERSION: u32 = 1;

/// A trace as read or to be written. Its steps are text: their type depends on the scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The unit of every span in it.
    pub unit: String,
    /// The constants.
    pub scope: Scope,
    /// The claim it breaks, if any.
    pub breaks: Option<Claim>,
    /// The seed it was made from, if any.
    pub seed: Option<u64>,
    /// The steps.
    pub steps: Vec<Line>,
}

/// One step as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line of the file it came from; 0 if it came from none.
    pub number: usize,
    /// The step.
    pub step: String,
    /// What it did, for people.
    pub note: String,
}

/// Why a text is not a trace. Lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The first line is not a trace's.
    #[error("line 1: not a trace file; it should begin with \"leasehold trace {VERSION}\"")]
    NotATrace,
    /// Another version.
    #[error(
        "line 1: trace version {0:?}, and this program reads version {VERSION}; \
         use the program that wrote it"
    )]
    Version(String),
    /// The file ends too soon.
    #[error(
        "the file ends after line {lines} without \"end\": it was cut short; write it anew with \
         `leasehold check` or `leasehold sim`"
    )]
    CutShort {
        /// How many lines it has.
        lines: usize,
    },
    /// A header line is missing or wrong.
    #[error("line {line}: {text:?} stands where {wanted} should")]
    Header {
        /// Which line.
        line: usize,
        /// What stands there.
        text: String,
        /// What should.
        wanted: &'static str,
    },
    /// The scope is not readable.
    #[error("line {line}: the scope is malformed: {reason}")]
    ScopeText {
        /// Which line.
        line: usize,
        /// What the JSON reader says.
        reason: String,
    },
    /// The scope is readable and impossible.
    #[error("line {line}: {error}")]
    Scope {
        /// Which line.
        line: usize,
        /// What is wrong with it.
        error: ScopeError,
    },
    /// A step has the wrong number or none.
    #[error(
        "line {line}: {text:?} is not step {wanted}; steps are numbered from 1 without gaps: put \
         back what is missing, or number them anew"
    )]
    Numbering {
        /// Which line.
        line: usize,
        /// What stands there.
        text: String,
        /// Which number it should have.
        wanted: usize,
    },
    /// `end` counts other steps than there are.
    #[error(
        "line {line}: \"end {said}\" after {found} steps: some are missing or added; put them \
         right, or write \"end {found}\""
    )]
    WrongEnd {
        /// Which line.
        line: usize,
        /// What it says.
        said: String,
        /// How many there are.
        found: usize,
    },
    /// Something follows `end`.
    #[error("line {line}: {text:?} stands after \"end\"")]
    AfterEnd {
        /// Which line.
        line: usize,
        /// What stands there.
        text: String,
    },
}

/// The lines of the file, counted from 1, blank ones skipped.
struct Lines<'a> {
    inner: std::iter::Enumerate<std::str::Lines<'a>>,
    read: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<(usize, &'a str)> {
        loop {
            let (index, line) = self.inner.next()?;
            self.read = index + 1;
            if !line.trim().is_empty() {
                return Some((self.read, line));
            }
        }
    }

    fn expect(&mut self) -> Result<(usize, &'a str), TraceError> {
        self.next().ok_or(TraceError::CutShort { lines: self.read })
    }

    fn header(&mut self, key: &str, wanted: &'static str) -> Result<(usize, &'a str), TraceError> {
        let (line, text) = self.expect()?;
        let value = text.strip_prefix(key).map(str::trim).filter(|value| !value.is_empty());
        value.map(|value| (line, value)).ok_or_else(|| TraceError::Header {
            line,
            text: shortened(text),
            wanted,
        })
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

impl FromStr for Trace {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, TraceError> {
        let mut lines = Lines { inner: text.lines().enumerate(), read: 0 };
        let version = lines
            .next()
            .and_then(|(_, first)| first.strip_prefix("leasehold trace "))
            .ok_or(TraceError::NotATrace)?;
        if version.trim() != VERSION.to_string() {
            return Err(TraceError::Version(shortened(version.trim())));
        }
        let (_, unit) = lines.header("unit ", "\"unit ticks\" or \"unit us\"")?;
        let (line, json) = lines.header("scope ", "\"scope {...}\"")?;
        let settings: Settings = serde_json::from_str(json)
            .map_err(|error| TraceError::ScopeText { line, reason: error.to_string() })?;
        let scope = Scope::new(settings).map_err(|error| TraceError::Scope { line, error })?;
        let mut trace =
            Trace { unit: unit.to_owned(), scope, breaks: None, seed: None, steps: Vec::new() };
        read_body(&mut lines, &mut trace)?;
        match lines.next() {
            None => Ok(trace),
            Some((line, text)) => Err(TraceError::AfterEnd { line, text: shortened(text) }),
        }
    }
}

/// The optional headers, the steps, and the end.
fn read_body(lines: &mut Lines<'_>, trace: &mut Trace) -> Result<(), TraceError> {
    loop {
        let (line, text) = lines.expect()?;
        let header = |wanted| TraceError::Header { line, text: shortened(text), wanted };
        if let Some(name) = text.strip_prefix("breaks ") {
            let claim = Claim::named(name.trim()).ok_or(header("the name of a claim"))?;
            trace.breaks = Some(claim);
        } else if let Some(seed) = text.strip_prefix("seed ") {
            trace.seed = Some(seed.trim().parse().map_err(|_| header("a seed"))?);
        } else if let Some(said) = text.strip_prefix("end") {
            let found = trace.steps.len();
            let said = said.trim();
            return if said == found.to_string() {
                Ok(())
            } else {
                Err(TraceError::WrongEnd { line, said: shortened(said), found })
            };
        } else {
            let wanted = trace.steps.len() + 1;
            let (step, note) = text.split_once('|').unwrap_or((text, ""));
            let (number, step) = step.trim().split_once(' ').unwrap_or((step.trim(), ""));
            if number != wanted.to_string() {
                return Err(TraceError::Numbering { line, text: shortened(text), wanted });
            }
            let (step, note) = (step.trim().to_owned(), note.trim().to_owned());
            trace.steps.push(Line { number: line, step, note });
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "leasehold trace {VERSION}")?;
        writeln!(f, "unit {}", self.unit)?;
        let scope = serde_json::to_string(self.scope.settings()).map_err(|_| fmt::Error)?;
        writeln!(f, "scope {scope}")?;
        if let Some(claim) = self.breaks {
            writeln!(f, "breaks {}", claim.name())?;
        }
        if let Some(seed) = self.seed {
            writeln!(f, "seed {seed}")?;
        }
        let width = self.steps.iter().map(|line| line.step.len()).max().unwrap_or(0).min(40);
        for (index, line) in self.steps.iter().enumerate() {
            let number = index + 1;
            if line.note.is_empty() {
                writeln!(f, "{number:>4}  {}", line.step)?;
            } else {
                writeln!(f, "{number:>4}  {:<width$}  | {}", line.step, line.note)?;
            }
        }
        writeln!(f, "end {}", self.steps.len())
    }
}
