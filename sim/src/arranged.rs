//! What is arranged by hand in a run, beyond what a seed draws.

use leasehold::protocol::Span;

pub use crate::dice::Salts;
use crate::quantiles::Quantiles;

/// What is arranged by hand. The default is what every seed has: nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arranged {
    /// Whether it is a run that lasts, and how.
    pub lasting: Option<Lasting>,
    /// When each of the first three clients wants the lock first, in nanoseconds of true time,
    /// instead of when the seed says.
    pub first_starts_ns: Option<[i64; 3]>,
    /// Other dice for some kinds of decisions.
    pub salts: Salts,
    /// Whether the [spare](crate::Outcome::spare_ns) is measured.
    pub measures_spare: bool,
}

/// A run that lasts: a lease held for hours, and faults that come by the clock instead of with the
/// messages. Spans are in microseconds of true time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lasting {
    /// How long it lasts.
    pub length: Span,
    /// The most steps.
    pub steps: u32,
    /// From when on leases are observed: every connection is new at the beginning of a run, which
    /// is better than it will be. See [`Tenure`](crate::Tenure).
    pub observed_from: Span,
    /// How long a connection on which something was lost stays silent before it fails.
    pub silence: Span,
    /// Each connection fails, on average, once in so long, whether it is used or not; 0 for never.
    pub reset_every: Span,
    /// Each client is not scheduled, on average, once in so long; 0 for never.
    pub pause_every: Span,
    /// For how long it is then not scheduled.
    pub pause_length: Quantiles,
}
