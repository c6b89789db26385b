//! What `check` found in a cell.

use leasehold_world::Trace;
use serde::Serialize;

/// A claim that broke in a cell.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct BrokenClaim {
    /// Its name.
    pub(crate) claim: &'static str,
    /// The length of the shortest counterexample.
    pub(crate) steps: usize,
    /// The counterexample.
    #[serde(skip)]
    pub(crate) trace: Option<Trace>,
}

/// What was found in a cell.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Verdict {
    /// Its name.
    pub(crate) cell: String,
    /// Distinct states; none if the cell is not searched in this scope.
    pub(crate) states: Option<usize>,
    /// Steps taken in all.
    pub(crate) generated: usize,
    /// Whether an exact search of another kind counted the same states and broke the same claims.
    pub(crate) confirmed: bool,
    /// The claims that broke.
    pub(crate) broken: Vec<BrokenClaim>,
    /// Claims that were seen to break before it was known how soon: in a search that was stopped.
    pub(crate) unmeasured: Vec<&'static str>,
    /// Dangers that the search never approached, so that their claims mean nothing.
    pub(crate) vacuous: Vec<&'static str>,
    /// Whether the search was stopped before its end.
    pub(crate) truncated: bool,
    /// How long it took.
    pub(crate) seconds: f64,
    /// Whether every claim must hold here.
    pub(crate) ships: bool,
    /// The constants.
    pub(crate) settings: Option<leasehold_world::Settings>,
}
