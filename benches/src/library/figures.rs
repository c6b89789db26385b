//! What one turn of one client has cost.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use crate::measure::{cpu_s, status};

/// One turn of one client.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// What was done: cycles of acquiring and releasing, acquisitions or leases.
    pub count: f64,
    /// Time that passed, in seconds.
    pub wall_s: f64,
    /// CPU time of the client, user and system, in seconds.
    pub cpu_s: f64,
    /// How long one took: the median, in microseconds.
    pub p50_us: f64,
    /// The same of the slowest in a hundred.
    pub p99_us: f64,
    /// The same of the slowest of all.
    pub most_us: f64,
    /// Of tasks that do the same, what the least of them got as a part of what the most got.
    pub share: f64,
    /// By how much the resident set has grown at most, in bytes.
    pub grown: f64,
    /// Leases that were lost.
    pub lost: f64,
}

impl Figures {
    /// CPU time for each that was done, in microseconds.
    pub fn cpu_us(&self) -> f64 {
        self.cpu_s * 1e6 / self.count
    }

    /// How many were done in a second.
    pub fn rate(&self) -> f64 {
        self.count / self.wall_s
    }

    fn fields(&mut self) -> [&mut f64; 9] {
        let Figures { count, wall_s, cpu_s, p50_us, p99_us, most_us, share, grown, lost } = self;
        [count, wall_s, cpu_s, p50_us, p99_us, most_us, share, grown, lost]
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for field in self.clone().fields() {
            write!(f, "{field} ")?;
        }
        Ok(())
    }
}

impl FromStr for Figures {
    type Err = &'static str;

    fn from_str(line: &str) -> Result<Figures, Self::Err> {
        let mut figures = Figures::default();
        let mut words = line.split_whitespace();
        for field in figures.fields() {
            let word = words.next().ok_or("too few numbers")?;
            *field = word.parse().map_err(|_| "not a number")?;
        }
        words.next().map_or(Ok(figures), |_| Err("too many numbers"))
    }
}

/// A turn that has begun.
#[derive(Debug)]
pub struct Turn {
    began: Instant,
    cpu_s: f64,
    resident: usize,
}

impl Turn {
    /// Begins now.
    pub fn begin() -> Turn {
        Turn { resident: status("VmRSS:"), cpu_s: cpu_s(), began: now() }
    }

    /// Whether it has lasted for so long.
    pub fn is_over(&self, length: Duration) -> bool {
        self.began.elapsed() >= length
    }

    /// What it has cost, with how long each of those done has taken.
    pub fn end(&self, mut took: Vec<Duration>) -> Figures {
        let (wall_s, cpu_s) = (self.began.elapsed().as_secs_f64(), cpu_s() - self.cpu_s);
        took.sort();
        let part = |part: f64| {
            let at = (took.len() as f64 * part) as usize;
            took.get(at).or(took.last()).map_or(0.0, |took| took.as_secs_f64() * 1e6)
        };
        Figures {
            count: took.len() as f64,
            wall_s,
            cpu_s,
            p50_us: part(0.5),
            p99_us: part(0.99),
            most_us: part(1.0),
            grown: status("VmHWM:").saturating_sub(self.resident) as f64,
            ..Figures::default()
        }
    }
}

/// The clock.
#[expect(clippy::disallowed_methods, reason = "a bench reads the clock")]
pub fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_parse_back_to_themselves() {
        let took = (1..=200).map(Duration::from_micros).collect();
        let figures = Figures { share: 0.25, lost: 3.0, ..Turn::begin().end(took) };
        assert_eq!(figures.to_string().parse(), Ok(figures));
        assert!("1 2 3".parse::<Figures>().is_err());
        assert!(format!("{figures} 1").parse::<Figures>().is_err());
    }

    #[test]
    fn the_slowest_are_told_from_the_median() {
        let figures = Turn::begin().end((1..=200).map(Duration::from_micros).collect());
        assert_eq!((figures.p50_us, figures.p99_us, figures.most_us), (101.0, 199.0, 200.0));
        assert_eq!(figures.count, 200.0);
    }
}
