//! What has to stay the same while a schedule gets shorter, besides the claim: the root cause.

use leasehold_world::{ReplayError, Trace};

use crate::explain::{Explained, explain};

/// What the user is told with the last step of `trace`, explained; none if that is nothing that
/// has a root cause. What was told earlier has nothing to do with the failure.
pub(super) fn told_last(trace: &Trace) -> Result<Option<Explained>, ReplayError> {
    let last = explain(trace)?.pop();
    Ok(last.filter(|explained| explained.step == trace.steps.len()))
}
