//! How a search is run, watched and stopped.

/// How a search is run, and how it is told to stop.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Threads of the deciding search.
    pub threads: usize,
    /// Called now and then with the number of states so far; false stops the search, which is then
    /// marked as truncated.
    pub progress: &'a (dyn Fn(usize) -> bool + Sync),
    /// Up to how many states the second search is run to the end.
    pub second_opinion_up_to: usize,
}

impl Control<'_> {
    /// Reports progress; whether to go on.
    pub fn go_on(&self, states: usize) -> bool {
        (self.progress)(states)
    }
}
