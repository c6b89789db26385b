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
    /// Anything: a figure to know.
    Any,
}

impl Bar {
    /// Whether `ratio` passes.
    pub fn admits(self, ratio: f64) -> bool {
        match self {
            Bar::AtLeast(bar) => ratio >= bar,
            Bar::AtMost(bar) => ratio <= bar,
            Bar::Exactly(bar) => (ratio - bar).abs() < f64::EPSILON,
            Bar::Any => true,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bar::AtLeast(bar) => f.pad(&format!(">= {bar}")),
            Bar::AtMost(bar) => f.pad(&format!("<= {bar}")),
            Bar::Exactly(bar) => f.pad(&format!("= {bar}")),
            Bar::Any => f.pad(""),
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

    /// What the table says of it, from left to right.
    pub fn cells(&self) -> [String; 7] {
        let least = self.ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.ratios.iter().copied().fold(0.0, f64::max);
        let verdict = match self.bar {
            Bar::Any => "",
            Bar::AtLeast(_) | Bar::AtMost(_) | Bar::Exactly(_) if self.passes() => "reached",
            Bar::AtLeast(_) | Bar::AtMost(_) | Bar::Exactly(_) => "MISSED",
        };
        [
            self.name.clone(),
            self.first.clone(),
            self.second.clone(),
            format!("{:.2}", median(&self.ratios)),
            format!("{least:.2}..{most:.2}"),
            self.bar.to_string(),
            verdict.to_owned(),
        ]
    }
}

/// The heads of the columns.
pub const HEADS: [&str; 7] = ["ratio", "first", "second", "median", "least..most", "bar", ""];

/// The head of the table.
pub fn head() -> String {
    line(&HEADS.map(str::to_owned))
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&line(&self.cells()))
    }
}

fn line([name, first, second, ratio, spread, bar, verdict]: &[String; 7]) -> String {
    format!("{name:36} {first:>13} {second:>13} {ratio:>7} {spread:>12} {bar:>7} {verdict}")
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
