//! `leasehold drift`: at which rate of the clocks exclusion turns, in continuous time.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use leasehold::protocol::{Drift, Span};
use leasehold_draw::{Cell, Facet, Map, Tone};
use leasehold_sim::threshold::{
    GRID, Rounding, Threshold, Tried, threshold, threshold_with, try_rate,
};

use crate::check::stop_on_ctrl_c;
use crate::exit::{Ending, Failure, prepare, say, write};
use crate::layout::wrapped;

/// How far from the prediction a threshold may be found.
const TOLERANCE: f64 = 0.02;
/// The rates of the picture, in parts of a hundred of the predicted one.
const RATES: [i64; 6] = [95, 98, 99, 101, 102, 105];
const TITLE: &str = "Where exclusion turns: clocks that drift, in continuous time";

/// Options of `leasehold drift`.
#[derive(clap::Args, Debug)]
pub(crate) struct DriftArgs {
    /// Where `maps/` is
    #[arg(long, default_value = "reports", value_name = "DIR")]
    reports: PathBuf,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
}

/// One TTL with one allowance.
struct Row {
    least: Threshold,
    most: Threshold,
}

/// Runs the command.
pub(crate) fn run(args: &DriftArgs) -> Result<Ending, Failure> {
    let folder = args.reports.join("maps");
    prepare(&folder)?;
    let stop = stop_on_ctrl_c();
    let mut rows = Vec::new();
    for (ttl, drift) in grid() {
        if stop.load(std::sync::atomic::Ordering::Relaxed) {
            say("TRUNCATED: stopped before the end; nothing was written");
            return Ok(Ending::Truncated);
        }
        let least = threshold(ttl, drift)?;
        rows.push(Row { least, most: threshold_with(ttl, drift, Rounding::Most)? });
    }
    let picture = picture()?.draw().map_err(|error| Failure::Write {
        path: folder.join("drift-continuous.svg"),
        error: std::io::Error::other(error),
    })?;
    write(&folder.join("drift-continuous.svg"), &picture)?;
    write(&folder.join("drift-continuous.md"), &report(&rows))?;
    if args.json {
        say(json(&rows));
    } else {
        say(format!("{TITLE}\n\n{}\n\n{}", paragraphs(), terminal(&rows)));
        let written = |kind: &str| shown(&folder, kind);
        say(format!("Written: {} and {}", written("md"), written("svg")));
        say(result(&rows));
    }
    let as_predicted = rows.iter().all(Row::is_as_predicted);
    Ok(if as_predicted { Ending::AsClaimed } else { Ending::Broken })
}

fn shown(folder: &Path, kind: &str) -> String {
    folder.join(format!("drift-continuous.{kind}")).display().to_string()
}

/// By factor, floor and TTL.
fn grid() -> impl Iterator<Item = (Span, Drift)> {
    allowances().flat_map(|drift| GRID.0.into_iter().map(move |ttl| (ttl, drift)))
}

fn allowances() -> impl Iterator<Item = Drift> {
    let (_, factors, floors) = GRID;
    factors.into_iter().flat_map(move |factor_ppm| {
        floors.into_iter().map(move |floor| Drift { factor_ppm, floor })
    })
}

impl Row {
    fn is_as_predicted(&self) -> bool {
        self.least.error().abs() <= TOLERANCE && self.most.error().abs() <= TOLERANCE
    }

    /// Its words, in the order of [`HEAD`].
    fn words(&self) -> [String; 10] {
        let Threshold { ttl, drift, predicted_ppb, holds_ppb, found_ppb } = self.least;
        let ppm = |ppb: i64| format!("{}.{:02}", ppb / 1_000, ppb % 1_000 / 10);
        let whole = |ppb: i64| (ppb / 1_000).to_string();
        let error = |found: &Threshold| match found.error() {
            0.0 => "none".to_owned(),
            error => format!("{:.2} %", error * 100.0),
        };
        [
            seconds(ttl),
            format!("{} %", f64::from(drift.factor_ppm) / 1e4),
            milliseconds(drift.floor),
            milliseconds(drift.allowance(ttl)),
            ppm(predicted_ppb),
            whole(holds_ppb),
            whole(found_ppb),
            error(&self.least),
            ppm(self.most.predicted_ppb),
            whole(self.most.found_ppb),
        ]
    }
}

const HEAD: [&str; 10] = [
    "TTL",
    "factor",
    "floor",
    "d",
    "rho*, ppm",
    "holds at",
    "overlaps at",
    "error",
    "with 1 ms: rho*",
    "overlaps at",
];

/// As much as fits a line of a hundred columns.
const WIDTHS: [usize; 10] = [6, 8, 7, 9, 11, 9, 12, 7, 16, 12];

fn terminal(rows: &[Row]) -> String {
    let line = |words: &[String; 10]| {
        let padded = words.iter().zip(WIDTHS).map(|(word, width)| format!("{word:>width$}"));
        padded.collect::<String>()
    };
    let head = line(&HEAD.map(str::to_owned));
    let lines = rows.iter().map(|row| line(&row.words()));
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}

fn paragraphs() -> String {
    let texts = [
        "In the simulator, whose clocks run on in nanoseconds of true time: every node is fast by \
         rho and every client slow by rho, messages take no time, the holder does not renew, and \
         the other client asks in the nanosecond in which the keys are gone. Clocks are set to \
         whole parts per million (ppm), and rho is found by halving: the last one under which the \
         windows are disjoint, and the first under which two clients believe at once.",
        "Predicted: rho* = d / (2T - d). Error: none if rho* lies between the two.",
        "A key lives for up to a millisecond longer than its TTL, because Redis keeps whole \
         milliseconds. The first columns are the worst case: the SET runs in the last nanoseconds \
         of a millisecond of its node, when the holder's clock has just shown a new microsecond, \
         so that nothing of it is left. The last two columns are the best one: the SET runs at the \
         beginning of a millisecond, and keys live for T + 1 ms. Nobody can count on that, and for \
         a short TTL with a small allowance it is most of what protects.",
    ];
    texts.map(|text| wrapped(text, 0)).join("\n\n")
}

fn result(rows: &[Row]) -> String {
    let good = rows.iter().filter(|row| row.is_as_predicted()).count();
    let between = rows.iter().filter(|row| row.least.error() == 0.0).count();
    format!(
        "{good} of {} thresholds are as predicted, within 2 %; {between} of them to the part per \
         million.",
        rows.len()
    )
}

fn report(rows: &[Row]) -> String {
    let mut text = format!(
        "# {TITLE}\n\nWritten by `leasehold drift`.\n\n{}\n\n**{}**\n\n![{TITLE}]({})\n\nEach cell \
         of the picture is one run; the number is the slack: how long after the end of one belief \
         the\nother began. Below zero, so long before it.\n\n|",
        paragraphs(),
        result(rows),
        "drift-continuous.svg"
    );
    HEAD.iter().for_each(|head| {
        let _ = write!(text, " {head} |");
    });
    let _ = write!(text, "\n|{}\n", "---:|".repeat(HEAD.len()));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.words().join(" | "));
    }
    text
}

fn picture() -> Result<Map, Failure> {
    let facets: Result<Vec<Facet>, Failure> = allowances().map(facet).collect();
    Ok(Map {
        title: TITLE.to_owned(),
        subtitle: "Every node fast and every client slow by so much of rho* = d / (2T - d); the \
                   number is the slack"
            .to_owned(),
        x_label: "rho, in per cent of rho*".to_owned(),
        y_label: "TTL".to_owned(),
        columns: 3,
        facets: facets?,
        legend: vec![
            (Tone::Holds, "the windows are disjoint".to_owned()),
            (Tone::Broken, "two clients believe at once".to_owned()),
        ],
        boundary: "rho*".to_owned(),
    })
}

fn facet(drift: Drift) -> Result<Facet, Failure> {
    let mut cells = Vec::new();
    for (y, ttl) in GRID.0.into_iter().enumerate() {
        for (x, rate) in RATES.into_iter().enumerate() {
            let rho_ppm = drift.tolerated_ppb(ttl) * rate / 100_000;
            let Tried { overlaps, slack_ns, .. } = try_rate(ttl, drift, rho_ppm, Rounding::Least)?;
            let tone = |breaks: bool| if breaks { Tone::Broken } else { Tone::Holds };
            let label = slack_ns.map_or_else(|| "-".to_owned(), slack);
            cells.push(Cell {
                x,
                y,
                found: tone(overlaps),
                expected: Some(tone(rate > 100)),
                label,
            });
        }
    }
    let factor = f64::from(drift.factor_ppm) / 1e4;
    Ok(Facet {
        title: format!("factor {factor} %, floor {}", milliseconds(drift.floor)),
        x_ticks: RATES.map(|rate| rate.to_string()).to_vec(),
        y_ticks: GRID.0.map(seconds).to_vec(),
        cells,
    })
}

/// `12 us`, `-3.4 ms`.
fn slack(ns: i64) -> String {
    let us = ns as f64 / 1e3;
    if us.abs() < 1_000.0 { format!("{us:.0} us") } else { format!("{:.1} ms", us / 1e3) }
}

fn seconds(us: Span) -> String {
    format!("{} s", us as f64 / 1e6)
}

fn milliseconds(us: Span) -> String {
    format!("{} ms", us as f64 / 1e3)
}

fn json(rows: &[Row]) -> serde_json::Value {
    let found = |found: &Threshold| {
        serde_json::json!({
            "predicted_ppb": found.predicted_ppb,
            "holds_ppb": found.holds_ppb,
            "overlaps_ppb": found.found_ppb,
            "error": found.error(),
        })
    };
    let row = |row: &Row| {
        let Threshold { ttl, drift, .. } = row.least;
        serde_json::json!({
            "ttl_us": ttl,
            "factor_ppm": drift.factor_ppm,
            "floor_us": drift.floor,
            "allowance_us": drift.allowance(ttl),
            "worst_case": found(&row.least),
            "with_the_odd_millisecond": found(&row.most),
            "as_predicted": row.is_as_predicted(),
        })
    };
    serde_json::json!({ "thresholds": rows.iter().map(row).collect::<Vec<_>>() })
}
