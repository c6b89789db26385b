//! One cell of a verdict table: a scope, searched to the end.

use leasehold_world::{Claim, Scope, Trace, with_size};

use crate::bfs::{self, Outcome, Until};
use crate::control::Control;
use crate::dfs;
use crate::lift::{NotLiftable, lift};
use crate::model::{Reduction, WorldModel};

/// A claim that does not hold, with the shortest way to break it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub claim: Claim,
    /// The shortest counterexample, as a trace of the real world.
    pub trace: Trace,
}

/// What a cell's searches found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellReport {
    /// Distinct states, up to the reduction.
    pub unique: usize,
    /// Steps taken.
    pub generated: usize,
    /// Claims that broke, in the order of the table, as far as the lengths became known.
    pub broken: Vec<Broken>,
    /// All claims that were seen to break, also if the search was stopped before it knew how soon.
    pub seen_broken: Vec<Claim>,
    /// Witnesses that were never seen: their claims are vacuous here.
    pub unseen: Vec<&'static str>,
    /// Whether a search was stopped before it ended by itself.
    pub truncated: bool,
    /// How many states the second search counted, if it was run to the end.
    pub second_opinion: Option<usize>,
}

/// Why a cell could not be decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CellError {
    /// That size is not built in.
    #[error("{nodes} nodes and {clients} clients: 1 to 5 nodes and 1 to 3 clients can be searched")]
    Size {
        /// How many nodes.
        nodes: u8,
        /// How many clients.
        clients: usize,
    },
    /// A reduction is unsound.
    #[error(transparent)]
    NotLiftable(#[from] NotLiftable),
    /// The two searches counted different states.
    #[error("the two searches disagree: {first} states depth first, {second} breadth first")]
    Disagreement {
        /// Stateright's count.
        first: usize,
        /// The exact search's count.
        second: usize,
    },
    /// One search broke a claim and the other, complete, did not.
    #[error("{0:?} broke in one search and not in the other")]
    Unconfirmed(&'static str),
}

/// Decides every claim in `scope`.
///
/// # Errors
/// If the scope has a size that is not built in, or if the searches contradict each other.
pub fn check_cell(scope: &Scope, control: &Control<'_>) -> Result<CellReport, CellError> {
    let size = || {
        let (nodes, clients) = (scope.config.nodes(), scope.clients());
        Err(CellError::Size { nodes, clients })
    };
    with_size!(scope, |N, C| decide::<N, C>(scope, control), size())
}

fn decide<const N: usize, const C: usize>(
    scope: &Scope,
    control: &Control<'_>,
) -> Result<CellReport, CellError> {
    let model = WorldModel::<N, C>::new(scope.clone(), Reduction::Order);
    let found = dfs::search(&model, control);
    let mut report = CellReport {
        unique: found.unique,
        generated: found.generated,
        broken: Vec::new(),
        seen_broken: found.broken.clone(),
        unseen: found.unseen.iter().map(|witness| witness.name()).collect(),
        truncated: found.truncated,
        second_opinion: None,
    };
    let broken = found.broken;
    if !broken.is_empty() {
        report.broken = shortest(scope, &broken, control)?.broken;
        if report.broken.len() < broken.len() {
            report.truncated = true;
        }
    }
    if !report.truncated && report.unique <= control.second_opinion_up_to {
        second_opinion::<N, C>(&mut report, scope, &broken, control)?;
    }
    Ok(report)
}

/// The shortest counterexamples, and what it took to find them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortest {
    /// The counterexamples, in the order asked for.
    pub broken: Vec<Broken>,
    /// How many states were visited until the last of them was found.
    pub visited: usize,
    /// How the search ended.
    pub outcome: Outcome,
}

/// The shortest counterexamples to `claims`, found by the exact search without the reduction that
/// shortens paths. Claims that hold are left out, and so are those not reached when `control` says
/// stop.
///
/// # Errors
/// If the scope has a size that is not built in, or if a reduction is unsound.
pub fn shortest(
    scope: &Scope,
    claims: &[Claim],
    control: &Control<'_>,
) -> Result<Shortest, CellError> {
    let (nodes, clients) = (scope.config.nodes(), scope.clients());
    let size = Err(CellError::Size { nodes, clients });
    with_size!(scope, |N, C| shortest_of::<N, C>(scope, claims, control), size)
}

fn shortest_of<const N: usize, const C: usize>(
    scope: &Scope,
    claims: &[Claim],
    control: &Control<'_>,
) -> Result<Shortest, CellError> {
    let model = WorldModel::<N, C>::new(scope.clone(), Reduction::Names);
    let search = bfs::search(&model, &Until::Broken(claims.to_vec()), control);
    let mut broken = Vec::new();
    for &claim in claims {
        if let Some(path) = search.path_to(claim) {
            let trace = lift(&model, &path, claim)?;
            broken.push(Broken { claim, trace });
        }
    }
    Ok(Shortest { broken, visited: search.unique(), outcome: search.outcome })
}

/// The exact search over the same reduced states must agree on their number and on every claim.
fn second_opinion<const N: usize, const C: usize>(
    report: &mut CellReport,
    scope: &Scope,
    broken: &[Claim],
    control: &Control<'_>,
) -> Result<(), CellError> {
    let model = WorldModel::<N, C>::new(scope.clone(), Reduction::Order);
    let search = bfs::search(&model, &Until::Exhausted, control);
    if search.outcome == Outcome::Truncated {
        report.truncated = true;
        return Ok(());
    }
    if search.unique() != report.unique {
        let (first, second) = (report.unique, search.unique());
        return Err(CellError::Disagreement { first, second });
    }
    let confirmed: Vec<Claim> = search.broken().collect();
    let differs = |claim: &&Claim| broken.contains(claim) != confirmed.contains(claim);
    if let Some(claim) = broken.iter().chain(&confirmed).find(differs) {
        return Err(CellError::Unconfirmed(claim.name()));
    }
    report.second_opinion = Some(search.unique());
    Ok(())
}
