//! What the bench `library` measures: the lock on real Redis servers, and others beside it.
//!
//! Every client is a process of its own ([`measured`]), pinned to one core, and the clients of one
//! row live at the same time and take turns of a fraction of a second, so that what else happens
//! on the machine happens to all of them.

pub mod cores;
pub mod figures;
pub mod measured;
pub mod nodes;
pub mod peers;
pub mod report;
pub mod work;
