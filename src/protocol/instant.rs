//! A moment on one clock. The protocol reads no clock: every moment is given to it.

use core::fmt::Debug;
use core::hash::Hash;

/// A length of time, in the unit of the [`Instant`] it is used with. Signed.
pub type Span = i64;

/// A moment on one client's (or one node's) own clock, in a unit of the caller's choice.
///
/// Only differences mean anything, so the origin is free and moments may be negative.
pub trait Instant: Copy + Ord + Hash + Debug + Default {
    /// The moment `span` later (earlier, if negative). Saturates at the ends of the range.
    #[must_use]
    fn plus(self, span: Span) -> Self;

    /// How long after `earlier` this moment is; negative if it is before.
    fn since(self, earlier: Self) -> Span;
}

/// Microseconds: the library and the simulator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Micros(pub i64);

/// Ticks: the model checker, where one tick is the least time that matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticks(pub i8);

impl Instant for Micros {
    #[inline]
    fn plus(self, span: Span) -> Self {
        Micros(self.0.saturating_add(span))
    }

    #[inline]
    fn since(self, earlier: Self) -> Span {
        self.0.saturating_sub(earlier.0)
    }
}

impl Instant for Ticks {
    #[inline]
    fn plus(self, span: Span) -> Self {
        Ticks(i64::from(self.0).saturating_add(span).clamp(i8::MIN.into(), i8::MAX.into()) as i8)
    }

    #[inline]
    fn since(self, earlier: Self) -> Span {
        Span::from(self.0) - Span::from(earlier.0)
    }
}
