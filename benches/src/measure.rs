//! Time and memory of this process and of those it has waited for.

use std::fmt;
use std::fs;
use std::str::FromStr;
use std::time::Instant;

use rustix::param::clock_ticks_per_second;
use rustix::time::{ClockId, clock_gettime};

/// What one search counted and cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Distinct states.
    pub unique: usize,
    /// States generated, the known ones included; 0 if the search does not count them.
    pub generated: usize,
    /// CPU time of all threads, user and system, in seconds.
    pub cpu_s: f64,
    /// Time that passed, in seconds.
    pub wall_s: f64,
    /// By how much the resident set grew at most, in bytes.
    pub grown: usize,
}

impl Measured {
    /// Runs `search`, which returns how many states are distinct and how many were generated.
    #[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
    pub fn of(search: impl FnOnce() -> (usize, usize)) -> Measured {
        let (before, cpu, wall) = (status("VmRSS:"), cpu_s(), Instant::now());
        let (unique, generated) = search();
        Measured {
            unique,
            generated,
            cpu_s: cpu_s() - cpu,
            wall_s: wall.elapsed().as_secs_f64(),
            grown: status("VmHWM:").saturating_sub(before),
        }
    }

    /// States generated per second of CPU time.
    pub fn rate(&self) -> f64 {
        self.generated as f64 / self.cpu_s
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured { unique, generated, cpu_s, wall_s, grown } = self;
        write!(f, "{unique} {generated} {cpu_s} {wall_s} {grown}")
    }
}

impl FromStr for Measured {
    type Err = &'static str;

    fn from_str(line: &str) -> Result<Measured, Self::Err> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [unique, generated, cpu_s, wall_s, grown] = words[..] else {
            return Err("not five numbers");
        };
        let count = |word: &str| word.parse::<usize>().map_err(|_| "not a count");
        let seconds = |word: &str| word.parse::<f64>().map_err(|_| "not a time");
        Ok(Measured {
            unique: count(unique)?,
            generated: count(generated)?,
            cpu_s: seconds(cpu_s)?,
            wall_s: seconds(wall_s)?,
            grown: count(grown)?,
        })
    }
}

/// The CPU time of this process.
pub fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// The CPU time of the children that this process has waited for.
pub fn children_cpu_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("/proc/self/stat");
    // The name, in parentheses, may hold anything; `cutime` and `cstime` are fields 16 and 17.
    let (_, fields) = stat.rsplit_once(')').expect("a name in /proc/self/stat");
    let ticks = fields.split_whitespace().skip(13).take(2);
    let ticks: u64 = ticks.map(|field| field.parse::<u64>().expect("a number of ticks")).sum();
    ticks as f64 / clock_ticks_per_second() as f64
}

/// A line of `/proc/self/status`, in bytes.
pub fn status(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("/proc/self/status");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kib.expect("a size in KiB") * 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_parses_back_to_itself() {
        let measured = Measured::of(|| (3, 4));
        assert_eq!(measured.to_string().parse(), Ok(measured));
        assert!("1 2 3".parse::<Measured>().is_err());
    }
}
