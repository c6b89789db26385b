//! Writing a recording.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::line::{Begin, End, Line};
use super::{EXTENSION, VERSION};

/// Writes one recording.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    file: BufWriter<File>,
    lines: u64,
}

impl Recorder {
    /// Begins a recording in `folder`, which is made if need be, in a file that did not exist.
    /// On Unix only its owner may read it.
    ///
    /// # Errors
    /// The folder or the file cannot be made or written.
    pub fn begin(folder: &Path, nodes: &[std::string::String]) -> io::Result<Recorder> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        std::fs::create_dir_all(folder)?;
        let (path, file) = loop {
            let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = folder.join(std::format!("client-{process}-{number}.{EXTENSION}"));
            match create(&path) {
                // Left there by a process that had the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => break (path, created?),
            }
        };
        let open = Mutex::new(Some(Open { file: BufWriter::new(file), lines: 0 }));
        let recorder = Recorder { path, open };
        recorder.line(&Line::Begin(Begin { version: VERSION, nodes: nodes.to_vec() }))?;
        Ok(recorder)
    }

    /// Where it is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line.
    ///
    /// # Errors
    /// It cannot be written. The recording ends there: whatever is added later is left out.
    pub fn line(&self, line: &Line) -> io::Result<()> {
        self.write(|open| {
            serde_json::to_writer(&mut open.file, line)?;
            open.file.write_all(b"\n")?;
            open.lines += 1;
            Ok(())
        })
    }

    /// Hands what was written to the system: it outlives the process then.
    ///
    /// # Errors
    /// As [`line`](Self::line).
    pub fn flush(&self) -> io::Result<()> {
        self.write(|open| open.file.flush())
    }

    fn write(&self, write: impl FnOnce(&mut Open) -> io::Result<()>) -> io::Result<()> {
        let mut place = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let written = place.as_mut().map_or(Ok(()), write);
        if written.is_err() {
            *place = None;
        }
        written
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = open.as_ref().map(|open| open.lines);
        drop(open);
        // A recording without an end says so itself.
        let _ = lines.map(|lines| self.line(&Line::End(End { lines })).and_then(|()| self.flush()));
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
