//! Recordings of processes that have ended, held against machine and world while the soak goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use leasehold::record::Conformity;
use leasehold_world::{Followed, judge};

use crate::RigError;

/// What was found in recordings.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    pub(super) recordings: u64,
    pub(super) found: Conformity,
    pub(super) followed: Followed,
    /// Where one does not conform, and why.
    pub(super) wrong: Vec<String>,
}

/// A thread that judges.
#[derive(Debug)]
pub(super) struct Judge {
    folders: mpsc::Sender<PathBuf>,
    thread: JoinHandle<Judged>,
}

impl Judge {
    pub(super) fn start() -> Judge {
        let (folders, received) = mpsc::channel::<PathBuf>();
        let thread = thread::spawn(move || {
            let mut judged = Judged::default();
            for folder in received {
                judged.look(&folder);
            }
            judged
        });
        Judge { folders, thread }
    }

    /// Hands over the recordings in a folder, which is removed if they conform.
    pub(super) fn give(&self, folder: PathBuf) {
        // It fails only if the thread has panicked, which shows at the end.
        let _ = self.folders.send(folder);
    }

    /// Waits for the rest.
    pub(super) fn end(self) -> Result<Judged, RigError> {
        drop(self.folders);
        let failed =
            |_| RigError::Unexpected("nothing: the thread that judges panicked".to_owned());
        self.thread.join().map_err(failed)
    }
}

impl Judged {
    fn look(&mut self, folder: &Path) {
        let before = self.wrong.len();
        let files = fs::read_dir(folder).into_iter().flatten().flatten();
        for file in files {
            self.recordings += 1;
            if let Err(why) = self.judge(&file.path()) {
                self.wrong.push(format!("{}: {why}", file.path().display()));
            }
        }
        if self.wrong.len() == before {
            // Otherwise it is kept, for whoever wants to know.
            let _ = fs::remove_dir_all(folder);
        }
    }

    fn judge(&mut self, file: &Path) -> Result<(), String> {
        let bytes = fs::read(file).map_err(|error| error.to_string())?;
        let judged = judge(&bytes).map_err(|error| error.to_string())?;
        let (found, followed) = judged.outcome.map_err(|refused| refused.to_string())?;
        self.found = self.found.and(found);
        self.followed = std::mem::take(&mut self.followed).and(&followed);
        Ok(())
    }
}
