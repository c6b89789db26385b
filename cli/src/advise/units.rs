//! Lengths of time and rates, as they are typed and as they are printed.

use leasehold::protocol::Span;
use leasehold_sim::Quantiles;
use leasehold_sim::advise::{HOUR, Rate};

/// The longest length of time that can be given: an hour.
const LONGEST_MS: i64 = 3_600_000;
/// The most events of a kind per hour.
const MOST_PER_HOUR: f64 = 3_600.0;

/// `10000` or `0.25`, in milliseconds; the answer is in microseconds.
pub(super) fn milliseconds(text: &str) -> Result<Span, String> {
    let rule = "a length of time in ms, from 0 to 3600000, for instance 250 or 0.25";
    let wrong = || format!("not {rule}");
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return Err(wrong());
    }
    let whole: Span = whole.parse().map_err(|_| wrong())?;
    // Three digits; what is below a microsecond is left out.
    let micros: Span = format!("{part:0<3}")[..3].parse().map_err(|_| wrong())?;
    if whole > LONGEST_MS { Err(wrong()) } else { Ok(whole * 1_000 + micros) }
}

/// The same, and not zero.
pub(super) fn some_milliseconds(text: &str) -> Result<Span, String> {
    match milliseconds(text)? {
        0 => Err("must be more than 0; leave the option out for the usual value".to_owned()),
        span => Ok(span),
    }
}

/// `LENGTH` or `P50,P99,MAX`, in milliseconds.
pub(super) fn distribution(text: &str) -> Result<Quantiles, String> {
    let parts: Result<Vec<Span>, String> = text.split(',').map(milliseconds).collect();
    match *parts?.as_slice() {
        [length] => Ok(Quantiles::constant(length)),
        // None of them is negative, so this is all that can be wrong with them.
        [p50, p99, max] => Quantiles::of_summary(p50, p99, max).map_err(|_| {
            "p50, p99 and max must not fall: give them in this order, for instance 1,20,500"
                .to_owned()
        }),
        _ => Err("give one length, or three: p50,p99,max, for instance 1,20,500".to_owned()),
    }
}

/// So many per hour.
pub(super) fn per_hour(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().unwrap_or(f64::NAN);
    if (0.0..=MOST_PER_HOUR).contains(&rate) {
        Ok(rate)
    } else {
        Err("not a number per hour, from 0 to 3600, for instance 0.5".to_owned())
    }
}

/// A number that is more than zero.
pub(super) fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().unwrap_or(f64::NAN);
    if number > 0.0 && number.is_finite() && number <= 1e6 {
        Ok(number)
    } else {
        Err("not a number above 0 and up to a million, for instance 0.01".to_owned())
    }
}

/// The mean time between two events, in microseconds; 0 for never.
pub(super) fn mean_between(per_hour: f64) -> Span {
    if per_hour > 0.0 { (HOUR as f64 / per_hour) as Span } else { 0 }
}

/// A length of time for people: `10 min`, `3.333 s`, `0.4 ms`.
pub(super) fn length(us: Span) -> String {
    let trimmed = |text: String| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    let (unit_us, unit) = match us {
        0..1_000_000 => (1e3, "ms"),
        1_000_000..120_000_000 => (1e6, "s"),
        120_000_000..3_600_000_000 => (60e6, "min"),
        _ => (3_600e6, "h"),
    };
    format!("{} {unit}", trimmed(format!("{:.3}", us as f64 / unit_us)))
}

/// A number with two digits that count, and no more than are needed.
pub(super) fn amount(number: f64) -> String {
    if number.is_nan() {
        return "?".to_owned();
    }
    if number.is_infinite() {
        return "any number".to_owned();
    }
    if number >= 10.0 || number == 0.0 {
        return format!("{number:.0}");
    }
    let mut decimals = 1;
    let mut unit = 1.0;
    while number < unit && decimals < 12 {
        decimals += 1;
        unit /= 10.0;
    }
    format!("{number:.decimals$}")
}

/// Losses per day of holding, with the interval that has the truth in 95 of 100 cases.
pub(super) fn per_day(rate: Rate) -> String {
    let day = |per_hour: f64| amount(per_hour * 24.0);
    if rate.high.is_infinite() {
        "unknown".to_owned()
    } else if rate.low == 0.0 && rate.per_hour == 0.0 {
        format!("below {}", day(rate.high))
    } else {
        format!("{} ({} to {})", day(rate.per_hour), day(rate.low), day(rate.high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_may_have_a_fraction_and_no_sign() {
        for (text, us) in [("0", 0), ("10000", 10_000_000), ("0.25", 250), ("1.2345", 1_234)] {
            assert_eq!(milliseconds(text), Ok(us));
        }
        for text in ["", "-1", "+1", "1s", ".5", "5.", "1e3", "3600001", "99999999999999999999"] {
            assert!(milliseconds(text).is_err(), "{text}");
        }
        assert!(some_milliseconds("0.0").is_err());
    }

    #[test]
    fn a_distribution_is_one_length_or_three_that_do_not_fall() {
        assert_eq!(distribution("250"), Ok(Quantiles::constant(250_000)));
        assert_eq!(
            distribution("1,20.5,500"),
            Ok(Quantiles::of_summary(1_000, 20_500, 500_000).unwrap())
        );
        assert!(distribution("20,1,500").unwrap_err().contains("must not fall"));
        assert!(distribution("1,2").unwrap_err().contains("three"));
        assert!(distribution("1,,2").is_err());
    }

    #[test]
    fn rates_are_finite_and_not_negative() {
        assert_eq!(per_hour("0.5"), Ok(0.5));
        for text in ["-1", "nan", "inf", "3601", "x", ""] {
            assert!(per_hour(text).is_err(), "{text}");
        }
        assert!(positive("0").is_err() && positive("-1").is_err() && positive("0.01").is_ok());
        assert_eq!((mean_between(0.0), mean_between(6.0)), (0, 600_000_000));
    }

    #[test]
    fn numbers_are_as_long_as_they_need_be() {
        let lengths = [5_400_000_000, 600_000_000, 10_000_000, 3_333_333, 400, 0].map(length);
        assert_eq!(lengths, ["1.5 h", "10 min", "10 s", "3.333 s", "0.4 ms", "0 ms"]);
        let amounts = [0.0, 123.4, 12.3, 1.23, 0.123, 0.012_3].map(amount);
        assert_eq!(amounts, ["0", "123", "12", "1.2", "0.12", "0.012"]);
        assert_eq!(per_day(Rate::of(0, 72.0)), "below 1.00");
        assert_eq!(per_day(Rate::of(0, 0.0)), "unknown");
    }
}
