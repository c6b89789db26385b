//! The model checker's side: the world of [`leasehold_world`], enumerated.
//!
//! Two searches over the same states: stateright's depth-first search ([`dfs`]), which counts and
//! decides, and an exact breadth-first search of our own ([`bfs`]), which must agree and which
//! alone says how short a counterexample can be. Counterexamples are lifted ([`lift`]) to traces
//! of the unreduced world.

pub mod bfs;
pub mod cell;
pub mod control;
pub mod dfs;
pub mod findings;
pub mod lift;
pub mod maps;
pub mod model;
pub mod scopes;

pub use bfs::Outcome;
pub use cell::{Broken, CellReport, Shortest, check_cell, shortest};
pub use control::Control;
pub use model::{Reduction, Ticked, WorldModel};
pub use scopes::{Cell, Group, ScopeName};
