//! Whether a server's clock and its answers are in time.

use leasehold::protocol::Span;
use leasehold::protocol::validity::apart_ppb;

use super::clock::{self, Bounds, Rate};
use super::finding::{Finding, Level, Terms, length, ppm};
use super::visit::Visit;

/// How far off the rates of clocks may be, in parts per billion: the drift theorem's rho.
pub(super) fn tolerated_ppb(terms: &Terms) -> Span {
    terms.drift.tolerated_ppb(terms.ttl)
}

/// What is to be said of the samples of node `at`.
pub(super) fn judge(at: usize, visit: &Visit, terms: &Terms) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(why) = &visit.broke_off {
        let text = format!("stopped answering after {} answers: {why}", visit.samples.len());
        let advice = "look after it, or name another server";
        findings.push(Finding::new(Level::Unfit, "reachable", at, text, advice));
    }
    findings.extend(rate(at, visit, terms));
    findings.extend(offset(at, visit, terms));
    findings.extend(round_trips(at, visit, terms));
    findings
}

fn rate(at: usize, visit: &Visit, terms: &Terms) -> Option<Finding> {
    let rho_ppb = tolerated_ppb(terms);
    let finding = |level, text: String, advice: &str| {
        Some(Finding::new(level, "clock-rate", at, text, advice))
    };
    let synchronise = "have both machines' clocks disciplined (chrony, ntpd); or allow for more \
                       drift at all clients";
    let bounds = match clock::rate(&visit.samples)? {
        Rate::Steady(bounds) => bounds,
        Rate::Stepped(by_us) => {
            let text = format!("its clock jumped by {} while it was watched", signed(by_us));
            let advice = "have the time service slew the clock, never step it: a key ends by the \
                          wall clock of its server, and a jump ahead ends it early";
            return finding(Level::Warning, text, advice);
        }
    };
    let Bounds { least, most } = bounds;
    let off = format!(
        "its clock runs {:+.0} ppm beside this machine's (± {})",
        bounds.middle() as f64 / 1e3,
        ppm(bounds.spread())
    );
    if least > apart_ppb(rho_ppb) {
        let text = format!("{off}: keys end before the leases that rest on them");
        finding(Level::Unfit, text, synchronise)
    } else if least > rho_ppb || most < -rho_ppb {
        finding(
            Level::Warning,
            format!("{off}, more than the tolerated {}", ppm(rho_ppb)),
            synchronise,
        )
    } else if most > rho_ppb || least < -rho_ppb {
        let text =
            format!("{off}: whether that is within the {} tolerated does not show", ppm(rho_ppb));
        finding(Level::Note, text, "watch for longer: --for 30s")
    } else {
        None
    }
}

/// Offsets do no harm. Being corrected in one step does.
fn offset(at: usize, visit: &Visit, terms: &Terms) -> Option<Finding> {
    let Bounds { least, most } = clock::offset_us(&visit.samples)?;
    let allowance = terms.drift.allowance(terms.ttl);
    let surely = least.max(-most);
    (surely > allowance).then(|| {
        Finding::new(
            Level::Warning,
            "clock-offset",
            at,
            format!(
                "its clock is {} off this machine's: leases do not mind, unless it is put right in \
                 one step",
                signed(i64::midpoint(least, most))
            ),
            "put the clocks right while no lock is held, and have them disciplined (chrony, ntpd)",
        )
    })
}

fn round_trips(at: usize, visit: &Visit, terms: &Terms) -> Option<Finding> {
    let trips = clock::round_trips(&visit.samples)?;
    let timeout_ns = terms.node_timeout.saturating_mul(1_000);
    let late = visit.samples.iter().filter(|it| it.round_trip_ns() > timeout_ns).count();
    let timeout = length(terms.node_timeout);
    let text = if trips.median_ns > timeout_ns {
        format!(
            "usually answers after {}, later than the node time-out of {timeout}: it hardly counts",
            length(trips.median_ns / 1_000)
        )
    } else if late > 0 {
        format!(
            "{late} of {} answers came after the node time-out of {timeout}",
            visit.samples.len()
        )
    } else {
        return None;
    };
    let advice =
        "raise the node time-out (at most a quarter of the TTL), or choose a server nearby";
    Some(Finding::new(Level::Warning, "round-trip", at, text, advice))
}

/// A span for people, with its sign.
fn signed(us: Span) -> String {
    let sign = if us < 0 { "-" } else { "+" };
    format!("{sign}{}", length(us.saturating_abs()))
}

#[cfg(test)]
mod tests {
    use super::super::clock::Sample;
    use super::*;
    use leasehold::protocol::Drift;
    use proptest::prelude::*;
    use std::time::Duration;

    const TERMS: Terms = Terms {
        ttl: 10_000_000,
        drift: Drift { factor_ppm: 10_000, floor: 2_000 },
        node_timeout: 500_000,
        guard: None,
        key_is_ours: true,
        watched: Duration::from_secs(3),
    };

    /// A hundred readings, 30 ms apart, of a clock that is off by `ppm`.
    fn watched(ppm: i64, round_trip_ns: i64, ahead_us: i64) -> Visit {
        let sample = |n: i64| {
            let sent_ns = n * 30_000_000;
            let read_us = (sent_ns + round_trip_ns / 2) / 1_000;
            Sample {
                sent_ns,
                received_ns: sent_ns + round_trip_ns,
                wall_us: sent_ns / 1_000,
                node_us: read_us + ahead_us + read_us * ppm / 1_000_000,
            }
        };
        Visit { samples: (0..100).map(sample).collect(), ..Visit::default() }
    }

    fn levels(visit: &Visit) -> Vec<(Level, &'static str)> {
        judge(0, visit, &TERMS).iter().map(|finding| (finding.level, finding.check)).collect()
    }

    #[test]
    fn rates_are_held_against_the_theorem() {
        // Tolerated: 5126 ppm for each clock, 10305 between two.
        for (ppm, found) in [
            (0, vec![]),
            (5_000, vec![]),
            (-5_000, vec![]),
            (6_000, vec![(Level::Warning, "clock-rate")]),
            (-20_000, vec![(Level::Warning, "clock-rate")]),
            (10_500, vec![(Level::Unfit, "clock-rate")]),
        ] {
            assert_eq!(levels(&watched(ppm, 60_000, 0)), found, "{ppm} ppm");
        }
        // A round trip of 20 ms in 3 s leaves thousands of ppm open.
        assert_eq!(levels(&watched(4_000, 20_000_000, 0)), [(Level::Note, "clock-rate")]);
    }

    #[test]
    fn the_two_bounds_on_rates_are_one_theorem() {
        // d / (T - d), from the other end: 102 ms of 10 s.
        let rho_ppb = tolerated_ppb(&TERMS);
        assert!((apart_ppb(rho_ppb) - 10_305_112).abs() < 100, "{}", apart_ppb(rho_ppb));
    }

    #[test]
    fn offsets_beyond_the_allowance_are_told() {
        assert_eq!(levels(&watched(0, 60_000, 90_000)), []);
        for ahead_us in [3_600_000_000, -110_000] {
            let found = levels(&watched(0, 60_000, ahead_us));
            assert_eq!(found, [(Level::Warning, "clock-offset")]);
        }
    }

    #[test]
    fn late_answers_are_told() {
        let slow = |visit: &Visit| {
            let of = |finding: &&Finding| finding.check == "round-trip";
            judge(0, visit, &TERMS).iter().find(of).map(|finding| finding.text.clone())
        };
        assert_eq!(slow(&watched(0, 400_000_000, 0)), None);
        assert!(slow(&watched(0, 600_000_000, 0)).unwrap().contains("hardly counts"));
        let mut visit = watched(0, 60_000, 0);
        visit.samples[50].received_ns += 501_000_000;
        assert!(slow(&visit).unwrap().starts_with("1 of 100 answers"));
    }

    #[test]
    fn a_server_that_falls_silent_is_unfit() {
        let visit = Visit { broke_off: Some("no answer".to_owned()), ..watched(0, 60_000, 0) };
        assert_eq!(levels(&visit), [(Level::Unfit, "reachable")]);
    }

    proptest! {
        #[test]
        fn a_clock_within_half_the_theorem_is_never_blamed(
            ppm in -5_000..5_000_i64,
            round_trip_ns in 1_000..150_000_i64,
        ) {
            prop_assert_eq!(levels(&watched(ppm, round_trip_ns, 0)), vec![]);
        }
    }
}
