//! The wall clock of a server: it stands, jumps and drifts as its owner says.
//!
//! With a clock that stands real Redis runs in virtual time: nothing expires by itself, and who
//! waits for a moment steps there instead of sleeping until it. The other half is
//! `clock/preload.rs`, which the server loads.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::time::{ClockId, clock_gettime};

use crate::RigError;

/// The library that a server loads; empty where there is none for this system.
const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libleasehold_clock.so"));

/// A clock that goes as fast as it should.
const TRUE_RATE_PPM: i64 = 1_000_000;

/// The wall clock of one server, in microseconds since 1970.
#[derive(Debug)]
pub struct Clock {
    library: PathBuf,
    path: PathBuf,
    file: File,
    told: Mutex<Told>,
}

/// What stands in the file.
#[derive(Clone, Copy, Debug)]
struct Told {
    version: i64,
    wall_us: i64,
    monotonic_us: i64,
    rate_ppm: i64,
}

impl Told {
    fn at(&self, monotonic_us: i64) -> i64 {
        let passed = i128::from(monotonic_us - self.monotonic_us) * i128::from(self.rate_ppm);
        self.wall_us + (passed / i128::from(TRUE_RATE_PPM)) as i64
    }
}

impl Clock {
    /// Where a clock stands first: any moment will do, if it is a whole second.
    pub const START_US: i64 = 1_800_000_000_000_000;

    /// A clock in a file of its own in `folder`, which stands at [`START_US`](Self::START_US).
    pub(crate) fn create(folder: &Path) -> Result<Clock, RigError> {
        if LIBRARY.is_empty() {
            return Err(RigError::NoClock);
        }
        let library = folder.join("clock.so");
        std::fs::write(&library, LIBRARY).map_err(RigError::system("the library of a clock"))?;
        let path = folder.join("clock");
        let file = File::create(&path).map_err(RigError::system("the file of a clock"))?;
        let told = Told { version: 0, wall_us: 0, monotonic_us: 0, rate_ppm: 0 };
        let clock = Clock { library, path, file, told: Mutex::new(told) };
        clock.set(Clock::START_US)?;
        Ok(clock)
    }

    /// Makes a server that is about to start obey this clock.
    pub(crate) fn impose(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.library).env("LEASEHOLD_CLOCK", &self.path);
    }

    /// What it shows now.
    pub fn now_us(&self) -> i64 {
        self.told().at(monotonic_us())
    }

    /// Sets it, ahead or back. If it stood, it stands there; if not, it goes on from there.
    ///
    /// # Errors
    /// If its file cannot be written.
    pub fn set(&self, wall_us: i64) -> Result<(), RigError> {
        self.tell(|told| told.wall_us = wall_us)
    }

    /// Lets it jump, back if negative.
    ///
    /// # Errors
    /// If its file cannot be written.
    pub fn step(&self, by_us: i64) -> Result<(), RigError> {
        self.tell(|told| told.wall_us += by_us)
    }

    /// Lets it go, `ahead_ppm` parts per million too fast; too slow if negative.
    ///
    /// # Errors
    /// If its file cannot be written.
    pub fn run(&self, ahead_ppm: i64) -> Result<(), RigError> {
        self.tell(|told| told.rate_ppm = TRUE_RATE_PPM + ahead_ppm)
    }

    /// Lets it stand.
    ///
    /// # Errors
    /// If its file cannot be written.
    pub fn freeze(&self) -> Result<(), RigError> {
        self.tell(|told| told.rate_ppm = 0)
    }

    fn told(&self) -> Told {
        *self.locked()
    }

    /// What was told. It is whole also if a thread that changed it has panicked.
    fn locked(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what stands in the file, from the present moment on. The version is odd meanwhile.
    fn tell(&self, change: impl FnOnce(&mut Told)) -> Result<(), RigError> {
        let mut told = self.locked();
        let now_us = monotonic_us();
        told.wall_us = told.at(now_us);
        told.monotonic_us = now_us;
        change(&mut told);
        let write = |words: &[i64], at| {
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            self.file.write_all_at(&bytes, at).map_err(RigError::system("the file of a clock"))
        };
        write(&[told.version + 1], 0)?;
        write(&[told.wall_us, told.monotonic_us, told.rate_ppm], 8)?;
        told.version += 2;
        write(&[told.version], 0)
    }
}

/// The clock that both sides share, and that nobody commands.
pub(crate) fn monotonic_us() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}
