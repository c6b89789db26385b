//! Which core a process runs on.

use rustix::thread::{CpuSet, Pid, sched_getaffinity, sched_setaffinity};

/// The cores on which this process may run, in order.
pub fn cores() -> Vec<usize> {
    let allowed = sched_getaffinity(None).expect("the cores of this process");
    (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect()
}

/// Keeps this thread, and those and the processes that it starts from now on, to one core.
pub fn pin(core: usize) {
    sched_setaffinity(None, &only(core)).expect("a core of this machine");
}

/// Keeps the main thread of another process to one core.
pub fn pin_process(process: i32, core: usize) {
    let process = Pid::from_raw(process).expect("the id of a process");
    sched_setaffinity(Some(process), &only(core)).expect("a core of this machine");
}

fn only(core: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(core);
    set
}
