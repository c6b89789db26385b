//! The table of ratios.

use std::fmt;

/// What a ratio must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// No less than this.
    AtLeast(f64),
    /// No more than this.
    AtMost(f64),
    /// Exactly this: counts.
    Exactly(f64),
}

impl Bar {
    /// Whether `ratio` passes.
    pub fn admits(self, ratio: f64) -> bool {
        match self {
            Bar::AtLeast(bar) => ratio >= bar,
            Bar::AtMost(bar) => ratio <= bar,
            Bar::Exactly(bar) => (ratio - bar).abs() < f64::EPSILON,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bar::AtLeast(bar) => f.pad(&format!(">= {bar}")),
            Bar::AtMost(bar) => f.pad(&format!("<= {bar}")),
            Bar::Exactly(bar) => f.pad(&format!("= {bar}")),
        }
    }
}

/// One ratio, measured several times.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it is a ratio of.
    pub name: String,
    /// Its numerator, with its unit.
    pub first: String,
    /// Its denominator, with its unit.
    pub second: String,
    /// One per repetition.
    pub ratios: Vec<f64>,
    /// What their median must be.
    pub bar: Bar,
}

impl Row {
    /// Whether it passes.
    pub fn passes(&self) -> bool {
        self.bar.admits(median(&self.ratios))
    }
}

/// The head of the table.
pub fn head() -> String {
    line(["ratio", "first", "second", "median", "least..most", "bar", ""])
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = format!("{:.2}", median(&self.ratios));
        let least = self.ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.ratios.iter().copied().fold(0.0, f64::max);
        let spread = format!("{least:.2}..{most:.2}");
        let verdict = if self.passes() { "pass" } else { "FAIL" };
        let bar = self.bar.to_string();
        f.write_str(&line([&self.name, &self.first, &self.second, &ratio, &spread, &bar, verdict]))
    }
}

fn line([name, first, second, ratio, spread, bar, verdict]: [&str; 7]) -> String {
    format!("{name:36} {first:>14} {second:>14} {ratio:>7} {spread:>13} {bar:>8}  {verdict}")
}

/// The middle one; of an even number, the lower of the two in the middle.
///
/// # Panics
/// If there is none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() - 1) / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_decides() {
        let row = |ratios: &[f64], bar| Row {
            name: String::new(),
            first: String::new(),
            second: String::new(),
            ratios: ratios.to_vec(),
            bar,
        };
        assert!(row(&[0.1, 9.0, 0.7], Bar::AtLeast(0.7)).passes());
        assert!(!row(&[0.1, 9.0, 0.7], Bar::AtMost(0.6)).passes());
        assert!(!row(&[1.0 + 1e-9], Bar::Exactly(1.0)).passes());
    }
}
