//! Counters and histograms, with the feature `metrics`; nothing without it.
//!
//! | name | kind | labels | |
//! |---|---|---|---|
//! | `leasehold_acquired_total` | counter | | locks acquired |
//! | `leasehold_not_acquired_total` | counter | | calls that ended without the lock |
//! | `leasehold_attempts_denied_total` | counter | | attempts denied |
//! | `leasehold_wait_seconds` | histogram | | from the call to the lock |
//! | `leasehold_renewals_total` | counter | `outcome`: `ok`, `failed` | renewals |
//! | `leasehold_validity_left_seconds` | histogram | | left of a lease when it was renewed |
//! | `leasehold_lost_total` | counter | `cause` | leases lost |
//! | `leasehold_node_latency_seconds` | histogram | `node` | from a command to its answer |
//! | `leasehold_node_errors_total` | counter | `node`, `kind`: `connection`, `refused` | failures |
//!
//! Keys are no labels: there may be any number of them.

use std::time::Duration;

use super::error::Loss;

#[cfg(feature = "metrics")]
mod recorded {
    use std::string::ToString;
    use std::time::Duration;

    use metrics::{counter, histogram};

    pub(in super::super) const ON: bool = true;

    pub(super) fn count(name: &'static str) {
        counter!(name).increment(1);
    }

    pub(super) fn count_by(name: &'static str, label: &'static str, value: &'static str) {
        counter!(name, label => value).increment(1);
    }

    pub(super) fn measure(name: &'static str, length: Duration) {
        histogram!(name).record(length);
    }

    pub(super) fn node_latency(node: &str, length: Duration) {
        histogram!("leasehold_node_latency_seconds", "node" => node.to_string()).record(length);
    }

    pub(super) fn node_error(node: &str, kind: &'static str) {
        let node = node.to_string();
        counter!("leasehold_node_errors_total", "node" => node, "kind" => kind).increment(1);
    }
}

#[cfg(not(feature = "metrics"))]
mod recorded {
    use std::time::Duration;

    pub(in super::super) const ON: bool = false;

    pub(super) fn count(_: &'static str) {}
    pub(super) fn count_by(_: &'static str, _: &'static str, _: &'static str) {}
    pub(super) fn measure(_: &'static str, _: Duration) {}
    pub(super) fn node_latency(_: &str, _: Duration) {}
    pub(super) fn node_error(_: &str, _: &'static str) {}
}

/// Whether anything is recorded: whether it is worth reading the clock for.
pub(super) use recorded::ON;

pub(super) fn acquired(waited: Duration) {
    recorded::count("leasehold_acquired_total");
    recorded::measure("leasehold_wait_seconds", waited);
}

pub(super) fn not_acquired() {
    recorded::count("leasehold_not_acquired_total");
}

pub(super) fn denied() {
    recorded::count("leasehold_attempts_denied_total");
}

pub(super) fn renewed(left: Duration) {
    recorded::count_by("leasehold_renewals_total", "outcome", "ok");
    recorded::measure("leasehold_validity_left_seconds", left);
}

pub(super) fn renewal_failed() {
    recorded::count_by("leasehold_renewals_total", "outcome", "failed");
}

pub(super) fn lost(loss: Loss) {
    let cause = match loss {
        Loss::Expired => "expired",
        Loss::Gone => "gone",
        Loss::Taken => "taken",
        Loss::HeldTooLong => "held_too_long",
        Loss::Released => "released",
        Loss::Closed => "closed",
    };
    recorded::count_by("leasehold_lost_total", "cause", cause);
}

pub(super) fn node_answered(node: &str, after: Duration) {
    recorded::node_latency(node, after);
}

pub(super) fn node_failed(node: &str) {
    recorded::node_error(node, "connection");
}

pub(super) fn node_refused(node: &str) {
    recorded::node_error(node, "refused");
}

#[cfg(feature = "metrics")]
#[cfg(test)]
mod tests {
    use std::borrow::ToOwned;
    use std::string::String;
    use std::sync::{Arc, Mutex};
    use std::vec::Vec;

    use metrics::{
        Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
        SharedString, Unit,
    };

    use super::*;

    type Lines = Arc<Mutex<Vec<String>>>;

    /// Writes down everything.
    #[derive(Default)]
    struct Paper(Lines);

    struct Row(Lines, String);

    impl Row {
        fn write(&self, value: f64) {
            self.0.lock().unwrap().push(std::format!("{} {value}", self.1));
        }
    }

    impl CounterFn for Row {
        fn increment(&self, value: u64) {
            self.write(value as f64);
        }
        fn absolute(&self, _: u64) {}
    }

    impl HistogramFn for Row {
        fn record(&self, value: f64) {
            self.write(value);
        }
    }

    impl Paper {
        fn row(&self, key: &Key) -> Arc<Row> {
            let mut name = key.name().to_owned();
            for label in key.labels() {
                name += &std::format!(" {}={}", label.key(), label.value());
            }
            Arc::new(Row(Arc::clone(&self.0), name))
        }
    }

    impl Recorder for Paper {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            Counter::from_arc(self.row(key))
        }
        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }
        fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::from_arc(self.row(key))
        }
    }

    #[test]
    fn everything_is_recorded_under_its_name() {
        let paper = Paper::default();
        metrics::with_local_recorder(&paper, || {
            acquired(Duration::from_millis(250));
            denied();
            not_acquired();
            renewed(Duration::from_secs(5));
            renewal_failed();
            lost(Loss::Taken);
            node_answered("redis://a", Duration::from_millis(1));
            node_failed("redis://a");
            node_refused("redis://b");
        });
        let lines = paper.0.lock().unwrap();
        assert_eq!(
            *lines,
            [
                "leasehold_acquired_total 1",
                "leasehold_wait_seconds 0.25",
                "leasehold_attempts_denied_total 1",
                "leasehold_not_acquired_total 1",
                "leasehold_renewals_total outcome=ok 1",
                "leasehold_validity_left_seconds 5",
                "leasehold_renewals_total outcome=failed 1",
                "leasehold_lost_total cause=taken 1",
                "leasehold_node_latency_seconds node=redis://a 0.001",
                "leasehold_node_errors_total node=redis://a kind=connection 1",
                "leasehold_node_errors_total node=redis://b kind=refused 1",
            ]
        );
    }
}
