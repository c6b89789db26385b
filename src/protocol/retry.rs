//! How long a denied acquisition waits before it asks again. The jitter comes in as data.

use super::instant::Span;

/// A retry policy: at most so many attempts, a uniformly random delay between them.
///
/// The Redlock text asks for "a random delay ... in order to try to desynchronize multiple clients
/// trying to acquire the lock for the same resource at the same time".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, the first included; `None` for no limit.
    pub attempts: Option<u32>,
    /// The shortest delay.
    pub delay_min: Span,
    /// The longest delay.
    pub delay_max: Span,
}

impl Retry {
    /// One attempt and no more.
    pub const NEVER: Retry = Retry { attempts: Some(1), delay_min: 0, delay_max: 0 };

    /// The delay after the failed attempt number `attempt` (counted from 1), or `None` if it was
    /// the last. `jitter` is uniform over all of `u32`; equal jitter gives equal delays.
    pub fn delay(&self, attempt: u32, jitter: u32) -> Option<Span> {
        if self.attempts.is_some_and(|limit| attempt >= limit) {
            return None;
        }
        let width = i128::from(self.delay_max.max(self.delay_min)) - i128::from(self.delay_min);
        let within = ((width + 1) * i128::from(jitter)) >> 32;
        Some(self.delay_min + within as Span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_covers_the_whole_range_and_no_more() {
        let retry = Retry { attempts: Some(3), delay_min: 50, delay_max: 250 };
        assert_eq!(retry.delay(1, 0), Some(50));
        assert_eq!(retry.delay(2, u32::MAX), Some(250));
        assert_eq!(retry.delay(3, 0), None);
        assert_eq!(Retry::NEVER.delay(1, 7), None);
    }

    #[test]
    fn no_limit_means_no_limit() {
        let retry = Retry { attempts: None, delay_min: 1, delay_max: 1 };
        assert_eq!(retry.delay(u32::MAX, u32::MAX), Some(1));
    }
}
