//! Pictures of what the checker and the simulator found, as SVG that any browser shows without
//! scripts or fonts of its own.
//!
//! [`space_time`] draws one trace: who sent what to whom and when it ran, who believed, and what
//! every node stored. [`map`] draws many verdicts at once: a table of cells, coloured by verdict,
//! with the boundary that was expected. [`BarChart`] draws how often each of many things was met.
//!
//! The same input gives the same bytes, so a picture can be kept in a repository and compared.

mod bars;
mod brush;
mod chart;
mod extras;
mod flights;
mod header;
mod ink;
pub mod map;
mod messages;
mod paper;
mod picture;
mod space_time;
mod steps;
mod story;
mod walk;

pub use chart::{Bar, BarChart, BarGroup};
pub use extras::Extras;
pub use map::{Cell, Facet, Map, MapError, Tone};
pub use space_time::{space_time, space_time_with};
