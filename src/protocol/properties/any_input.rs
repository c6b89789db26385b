//! Inputs that nobody would send, at moments that do not fit, under settings at their limits.

use super::*;

fn any_settings() -> impl Strategy<Value = Settings> {
    let names = (
        prop::sample::select(std::vec![Extend::Touch, Extend::TouchOrSet]),
        prop::sample::select(std::vec![Transport::Fifo, Transport::Pooled]),
    );
    let ttl = prop_oneof![2i64..50, 2i64..30_000_000, 2i64..];
    (1u8..=16, ttl, any::<[u32; 5]>(), any::<[bool; 2]>(), names).prop_filter_map(
        "settings that do not fit together",
        |(nodes, ttl, spans, [repair, guards], (extend, transport))| {
            let span = |index: usize| i64::from(spans[index]) + 1;
            let settings = Settings {
                nodes,
                ttl,
                drift: Drift { factor_ppm: spans[0] % 1_000_000, floor: 0 },
                renew_every: 1 + span(4) % ttl,
                renew_retry: span(1),
                node_timeout: span(2),
                release_within: span(3),
                extend,
                transport,
                max_ttl: guards.then_some(ttl),
                repair,
            };
            Config::new(settings).is_ok().then_some(settings)
        },
    )
}

/// How far time goes on, which nodes have a connection, which are guarded, and the input.
type Anything = (u64, u16, u16, Input<u32>);

fn anything() -> impl Strategy<Value = Vec<Anything>> {
    prop::collection::vec((any::<u64>(), any::<u16>(), any::<u16>(), any_input()), 0..60)
}

/// Nothing panics; and even where the clock ends, no lease is believed without a deadline.
fn survives<I: Instant>(
    settings: Settings,
    start: i64,
    told: Vec<Anything>,
) -> Result<(), TestCaseError> {
    let Ok(config) = Config::new(settings) else { return Ok(()) };
    let mut lease = TestLease::<Sound, I>::new(Sound);
    let mut now = I::default().plus(start);
    for (after, reachable, guarded, input) in told {
        // Small steps and leaps alike.
        now = now.plus((after >> 1) as i64 >> (after % 64));
        let input = input_of(&config, &lease, scripts::Told::Any(input));
        let (reachable, guarded) =
            (set_of(reachable, config.nodes()), set_of(guarded, config.nodes()));
        let _ = lease.handle(&config, Moment { now, reachable, guarded }, input);
        let due = lease.deadline().map(|(at, _)| at);
        prop_assert!(lease.valid_until().is_none_or(|until| due.is_some_and(|at| at <= until)));
        prop_assert!(lease.phase() == Phase::Held || !lease.believes(now));
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn nothing_makes_it_panic_in_micros(
        settings in any_settings(), start in any::<i64>(), told in anything(),
    ) {
        survives::<Micros>(settings, start, told)?;
    }

    #[test]
    fn nothing_makes_it_panic_in_ticks(
        settings in any_settings(), start in any::<i64>(), told in anything(),
    ) {
        survives::<Ticks>(settings, start, told)?;
    }
}
