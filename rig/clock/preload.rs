//! A wall clock that tests command, preloaded into a Redis server (`LD_PRELOAD`).
//!
//! Redis stores when a key is gone as a moment of the wall clock, which it reads through the three
//! functions below. They answer from a file that the test writes. The monotonic clock, by which
//! Redis runs its event loop, is left alone, so a server whose wall clock stands still works on.
//!
//! This is not linked into any test, where it would replace the test's own clock: `build.rs` makes
//! a library of it that only servers load. These functions are called while the server's allocator
//! is not ready yet, so nothing here allocates, or calls what might. It is the one place with
//! `unsafe` in the workspace, and outside of it for the lints.
#![deny(unsafe_op_in_unsafe_fn, missing_docs)]

use core::ffi::{c_char, c_int, c_long, c_void};
use core::ptr;
use core::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

/// Seconds and nanoseconds, as the C library has them.
#[repr(C)]
pub struct Timespec {
    seconds: i64,
    nanoseconds: c_long,
}

/// Seconds and microseconds, as the C library has them.
#[repr(C)]
pub struct Timeval {
    seconds: i64,
    microseconds: i64,
}

/// What the test commands; all of it in the order of the file, see `Clock` in `tests/src`.
#[repr(C)]
struct Control {
    /// Odd while it is written.
    version: AtomicI64,
    /// The wall clock at `monotonic_us`, in microseconds since 1970.
    wall_us: AtomicI64,
    /// When that was, on CLOCK_MONOTONIC.
    monotonic_us: AtomicI64,
    /// How fast the wall clock goes: 1 000 000 as it should, 0 not at all.
    rate_ppm: AtomicI64,
}

// SAFETY: these are the C library's own declarations, for 64 bits.
unsafe extern "C" {
    fn getenv(name: *const c_char) -> *const c_char;
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    fn close(file: c_int) -> c_int;
    fn mmap(
        wanted: *mut c_void,
        length: usize,
        protection: c_int,
        flags: c_int,
        file: c_int,
        offset: i64,
    ) -> *mut c_void;
    fn syscall(number: c_long, ...) -> c_long;
}

const READ_ONLY: c_int = 0;
const PROTECT_READ: c_int = 1;
const MAP_SHARED: c_int = 1;
const CLOCK_REALTIME: c_int = 0;
const CLOCK_MONOTONIC: c_int = 1;
const CLOCK_REALTIME_COARSE: c_int = 5;

#[cfg(target_arch = "x86_64")]
const CLOCK_GETTIME: c_long = 228;
#[cfg(target_arch = "aarch64")]
const CLOCK_GETTIME: c_long = 113;

/// The mapped file; null as long as nobody has asked for the time.
static CONTROL: AtomicPtr<Control> = AtomicPtr::new(ptr::null_mut());

/// The file that the test writes. Without it the program ends: a test must not take the wrong
/// clock for the right one.
fn control() -> &'static Control {
    let mut control = CONTROL.load(Ordering::Acquire);
    if control.is_null() {
        control = map();
        CONTROL.store(control, Ordering::Release);
    }
    // SAFETY: `map` returns a mapping that is large enough and page-aligned, and is never undone.
    // Another process writes to it, which is why every field is atomic.
    unsafe { &*control }
}

fn map() -> *mut Control {
    // SAFETY: the name ends with a zero byte. Nobody sets variables this early, or ever, in a
    // Redis server.
    let path = unsafe { getenv(c"LEASEHOLD_CLOCK".as_ptr()) };
    if path.is_null() {
        std::process::abort();
    }
    // SAFETY: `path` is a C string of the environment, which lives as long as the process.
    let file = unsafe { open(path, READ_ONLY) };
    // SAFETY: a mapping wherever the system likes takes nobody's memory. If `file` is no file the
    // call fails, as is checked below.
    let mapped = unsafe {
        mmap(ptr::null_mut(), size_of::<Control>(), PROTECT_READ, MAP_SHARED, file, 0)
    };
    if file < 0 || mapped.is_null() || mapped.addr() == usize::MAX {
        std::process::abort();
    }
    // SAFETY: it was opened above and is used nowhere else. The mapping stays without it.
    unsafe { close(file) };
    mapped.cast()
}

/// What the kernel says, without the functions that are replaced here.
fn kernel_clock(clock: c_int, time: &mut Timespec) -> c_int {
    // SAFETY: the call writes one `timespec`, for which `time` is valid and of the right layout.
    unsafe { syscall(CLOCK_GETTIME, clock as c_long, ptr::from_mut(time)) as c_int }
}

/// The wall clock as the test wants it, in microseconds since 1970.
fn wall_us() -> i64 {
    let control = control();
    loop {
        let version = control.version.load(Ordering::Acquire);
        let wall_us = control.wall_us.load(Ordering::Acquire);
        let since_us = control.monotonic_us.load(Ordering::Acquire);
        let rate_ppm = control.rate_ppm.load(Ordering::Acquire);
        if version & 1 == 1 || control.version.load(Ordering::Acquire) != version {
            core::hint::spin_loop();
            continue;
        }
        if rate_ppm == 0 {
            return wall_us;
        }
        let mut now = Timespec { seconds: 0, nanoseconds: 0 };
        kernel_clock(CLOCK_MONOTONIC, &mut now);
        let now_us = now.seconds * 1_000_000 + now.nanoseconds / 1_000;
        // In 128 bits: a product of days and rates.
        let passed = i128::from(now_us - since_us) * i128::from(rate_ppm) / 1_000_000;
        return wall_us.wrapping_add(passed as i64);
    }
}

/// `gettimeofday`, from the control file.
///
/// # Safety
/// As in C: `time` is null or valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(time: *mut Timeval, _zone: *mut c_void) -> c_int {
    let us = wall_us();
    // SAFETY: the caller passes null or a place for a `timeval`.
    if let Some(time) = unsafe { time.as_mut() } {
        time.seconds = us.div_euclid(1_000_000);
        time.microseconds = us.rem_euclid(1_000_000);
    }
    0
}

/// `clock_gettime`: the wall clock from the control file, every other clock from the kernel.
///
/// # Safety
/// As in C: `time` is null or valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int {
    // SAFETY: the caller passes null or a place for a `timespec`.
    // SAFETY: the caller passes null or a place for a `timespec`.
    let Some(time) = (unsafe { time.as_mut() }) else { return -1 };
    if clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE {
        return kernel_clock(clock, time);
    }
    let us = wall_us();
    time.seconds = us.div_euclid(1_000_000);
    time.nanoseconds = us.rem_euclid(1_000_000) as c_long * 1_000;
    0
}

/// `time`, from the control file.
///
/// # Safety
/// As in C: `time` is null or valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn time(time: *mut i64) -> i64 {
    let seconds = wall_us().div_euclid(1_000_000);
    // SAFETY: the caller passes null or a place for a `time_t`.
    if let Some(time) = unsafe { time.as_mut() } {
        *time = seconds;
    }
    seconds
}
