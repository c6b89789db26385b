//! A file with a recording, judged: taken again by the machine, and followed in the world.

use leasehold::record::{Conformity, Deviation, Recording, RecordingError, conform};

use super::{Followed, Strayed, follow};

/// What came of one recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Whether its client had ended it in order; otherwise what it did last may be missing.
    pub complete: bool,
    /// What it is made of and what became of its leases, if it conforms.
    pub outcome: Result<(Conformity, Followed), Refused>,
}

/// What a recording shows that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The machine says something else, or what is told cannot happen.
    #[error(transparent)]
    Deviates(#[from] Deviation),
    /// A lease leaves the world.
    #[error(transparent)]
    Strays(#[from] Strayed),
}

impl Refused {
    /// In which line, counted from 1.
    pub fn line(&self) -> usize {
        match self {
            Refused::Deviates(deviation) => deviation.line,
            Refused::Strays(strayed) => strayed.line,
        }
    }
}

/// Judges the recording in a file of these bytes: it must [conform], and its leases must be
/// [followed](follow).
///
/// # Errors
/// It is no recording.
pub fn judge(bytes: &[u8]) -> Result<Judged, RecordingError> {
    let recording = Recording::read(&String::from_utf8_lossy(bytes))?;
    Ok(Judged { complete: recording.complete, outcome: outcome(&recording) })
}

fn outcome(recording: &Recording) -> Result<(Conformity, Followed), Refused> {
    let found = conform(recording)?;
    Ok((found, follow(recording)?))
}
