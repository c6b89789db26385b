//! What a program does when it takes a step.

use leasehold::protocol::Commands;

use crate::effects::Report;

/// What a program did when it took a step: what to send, for which lease, and what to report.
#[derive(Clone, Copy, Debug)]
pub struct Action<I> {
    /// Which lease it did it for.
    pub generation: u8,
    /// What it sends.
    pub commands: Commands,
    /// What it tells its user.
    pub report: Option<Report<I>>,
    /// Whether the report is the outcome of a renewal.
    pub renewal_outcome: bool,
    /// Whether a lease was held past its `valid_until` and something else was said first.
    pub late_loss: bool,
}

impl<I> Action<I> {
    /// Nothing, for lease `generation`.
    pub fn nothing(generation: u8) -> Self {
        Action {
            generation,
            commands: Commands::default(),
            report: None,
            renewal_outcome: false,
            late_loss: false,
        }
    }
}
