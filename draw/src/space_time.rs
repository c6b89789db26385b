//! The space-time picture of a trace.

use leasehold_world::{ReplayError, Trace};

use crate::extras::Extras;
use crate::picture::picture;
use crate::walk::walk;

/// Draws `trace` as an SVG document.
///
/// Time runs downwards. Every client and every node has a lane: a bar on a client's is the time in
/// which it believes to hold the lock, a bar on a node's is the time in which it stores the key.
/// Commands run from a client to a node, answers back. Where a claim breaks for the first time,
/// the row is red and says which.
///
/// # Errors
/// As [`leasehold_world::replay()`]: the first line that is no step, or no step that may be taken
/// there.
pub fn space_time(trace: &Trace) -> Result<String, ReplayError> {
    space_time_with(trace, Extras::default())
}

/// The same, with more than the trace tells: why it broke, and what a page around it needs.
///
/// # Errors
/// As [`space_time`].
pub fn space_time_with(trace: &Trace, extras: Extras) -> Result<String, ReplayError> {
    let mut story = walk(trace)?;
    story.extras = extras;
    let mut text = picture(trace, &story).to_string();
    text.push('\n');
    Ok(text)
}
