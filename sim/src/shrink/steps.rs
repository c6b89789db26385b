//! Taking steps away.

use super::search::Search;

/// The most steps of a schedule of which every stretch and every pair is tried.
const FEW: usize = 100;

/// Takes chunks away: halves first, then smaller ones, single steps in the end, and these until
/// none can be spared.
pub(super) fn chunks(search: &mut Search<'_>) {
    let mut size = search.smallest().acts.len();
    while size > 0 {
        let spared = one_size(search, size);
        if !(size == 1 && spared) {
            size /= 2;
        }
    }
}

/// Tries every chunk of one size, the last one first: what follows from a step goes before it.
fn one_size(search: &mut Search<'_>, size: usize) -> bool {
    let mut spared = false;
    let mut to = search.smallest().acts.len();
    while to > 0 {
        let from = to.saturating_sub(size);
        let candidate = search.smallest().without(from, to);
        spared |= search.tries(&candidate);
        to = from.min(search.smallest().acts.len());
    }
    spared
}

/// Takes away what can only be spared together: every stretch, and every pair of steps.
pub(super) fn combinations(search: &mut Search<'_>) {
    if search.smallest().acts.len() > FEW {
        return;
    }
    let mut from = 0;
    while from < search.smallest().acts.len() {
        let mut to = from + 2;
        while to <= search.smallest().acts.len() {
            let candidate = search.smallest().without(from, to);
            if !search.tries(&candidate) {
                to += 1;
            }
        }
        from += 1;
    }
    let mut first = 0;
    while first < search.smallest().acts.len() {
        let mut second = first + 1;
        while second < search.smallest().acts.len() {
            let candidate = search.smallest().without(second, second + 1).without(first, first + 1);
            if !search.tries(&candidate) {
                second += 1;
            }
        }
        first += 1;
    }
}
