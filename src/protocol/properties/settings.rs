//! Retries, drift and settings.

use super::*;

fn retry(attempts: Option<u32>, a: i64, b: i64) -> Retry {
    Retry { attempts, delay_min: a.min(b), delay_max: a.max(b) }
}

proptest! {
    #[test]
    fn a_delay_lies_within_its_bounds_and_grows_with_the_jitter(
        a in 0i64.., b in 0i64.., attempt in 1u32.., jitter in any::<[u32; 2]>(),
    ) {
        let retry = retry(None, a, b);
        let [low, high] = [jitter[0].min(jitter[1]), jitter[0].max(jitter[1])];
        let (low, high) = (retry.delay(attempt, low).unwrap(), retry.delay(attempt, high).unwrap());
        prop_assert!(retry.delay_min <= low && low <= high && high <= retry.delay_max);
    }

    #[test]
    fn attempts_are_counted(limit in any::<u32>(), attempt in 1u32.., jitter in any::<u32>()) {
        let delay = retry(Some(limit), 1, 9).delay(attempt, jitter);
        prop_assert_eq!(delay.is_some(), attempt < limit);
    }

    #[test]
    fn drift_covers_its_share_and_never_shrinks_with_the_ttl(
        factor_ppm in 0u32..=1_000_000, floor in 0i64..1_000_000, ttl in 0i64..1 << 40,
        more in 0i64..1 << 20,
    ) {
        let drift = Drift { factor_ppm, floor };
        let allowance = drift.allowance(ttl);
        let share = i128::from(ttl) * i128::from(factor_ppm);
        let counted = i128::from(allowance - floor) * 1_000_000;
        prop_assert!(counted >= share && counted < share + 1_000_000);
        prop_assert!(drift.allowance(ttl + more) >= allowance);
    }

    #[test]
    fn settings_are_refused_or_usable(
        nodes in any::<u8>(), spans in prop::array::uniform5(-3i64..40),
        factor_ppm in 0u32..2_000_000, floor in 0i64..20,
    ) {
        let [ttl, renew_every, renew_retry, node_timeout, release_within] = spans;
        let drift = Drift { factor_ppm, floor };
        let settings = Settings {
            nodes, ttl, drift, renew_every, renew_retry, node_timeout, release_within,
            extend: Extend::Touch, transport: Transport::Fifo, max_ttl: None, repair: false,
        };
        let works = (1..=16).contains(&nodes)
            && spans.iter().all(|&span| span > 0)
            && drift.allowance(ttl) < ttl
            && renew_every < ttl - drift.allowance(ttl);
        match Config::new(settings) {
            Ok(config) => {
                prop_assert!(works);
                prop_assert_eq!(config.settings(), &settings);
                prop_assert_eq!(config.drift(), drift.allowance(ttl));
            }
            Err(error) => prop_assert!(!works, "{}", error),
        }
    }
}
