//! What was found, for a terminal.

use anstyle::{AnsiColor, Style};
use comfy_table::Table;

use super::Report;
use super::clock::{self, Rate};
use super::finding::{Finding, Level, Node, length, ppm};
use super::timing::tolerated_ppb;
use super::visit::Visit;
use crate::layout::{self, wrapped};

/// Where the text of a finding begins.
const INDENT: usize = 9;

/// The whole report.
pub(super) fn text(report: &Report) -> String {
    let mut text = format!("{}\n", heading(report));
    for (at, node) in report.nodes.iter().enumerate() {
        text += &wrapped(&format!("{:>3}  {}\n", at + 1, node.name), 5);
    }
    text += &format!("{}\n", table(report));
    text += &wrapped(
        &format!(
            "Clocks were watched for {:?}. Leases of {} tolerate clocks that are off by ρ* = {} \
             ppm each.\n\n",
            report.terms.watched,
            length(report.terms.ttl),
            ppm(tolerated_ppb(report.terms))
        ),
        0,
    );
    for finding in report.findings {
        text += &paragraph(finding, report.nodes.len());
    }
    text + &verdict(report)
}

fn heading(report: &Report) -> String {
    let terms = report.terms;
    let guard = match terms.guard {
        Some(max_ttl) => format!("restart guard on, for TTLs up to {}", length(max_ttl)),
        None => "restart guard off".to_owned(),
    };
    let count = report.nodes.len();
    let plural = if count == 1 { "" } else { "s" };
    wrapped(
        &format!(
            "{count} node{plural}, leases of {}, node time-out {}, {guard}",
            length(terms.ttl),
            length(terms.node_timeout)
        ),
        0,
    )
}

fn table(report: &Report) -> Table {
    let header = [
        "#",
        "server",
        "up",
        "role",
        "evicts",
        "on disk",
        "round trip ms",
        "rate ppm",
        "offset ms",
    ];
    let mut table = layout::table(&header, &[]);
    for (at, node) in report.nodes.iter().enumerate() {
        table.add_row(row(at, node));
    }
    for column in table.column_iter_mut() {
        column.set_padding((1, 0));
    }
    table
}

fn row(at: usize, node: &Node) -> [String; 9] {
    let name = (at + 1).to_string();
    let Ok(visit) = &node.visit else {
        let mut row = std::array::from_fn(|_| "-".to_owned());
        row[0] = name;
        return row;
    };
    let facts = &visit.facts;
    let said = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
    [
        name,
        said(facts.server.as_ref().map(|server| kept_together(&server.to_string()))),
        said(facts.uptime_s.map(|uptime_s| kept_together(&up(uptime_s)))),
        said(facts.role.as_ref().map(|role| role.name().to_owned())),
        said(facts.evicts().map(|evicts| if evicts { "yes" } else { "no" }.to_owned())),
        said(facts.kept.map(|kept| kept.name().to_owned())),
        said(round_trips(visit)),
        said(rate(visit).map(|rate| kept_together(&rate))),
        said(offset(visit).map(|offset| kept_together(&offset))),
    ]
}

/// With hard spaces, so that no line ends within.
fn kept_together(text: &str) -> String {
    text.replace(' ', "\u{a0}")
}

/// `4 s`, `3 min`, `5 h` or `12 d`.
fn up(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn round_trips(visit: &Visit) -> Option<String> {
    let trips = clock::round_trips(&visit.samples)?;
    let ms = |ns: i64| format!("{:.2}", ns as f64 / 1e6);
    Some(format!("{}/{}/{}", ms(trips.min_ns), ms(trips.median_ns), ms(trips.max_ns)))
}

fn rate(visit: &Visit) -> Option<String> {
    Some(match clock::rate(&visit.samples)? {
        Rate::Steady(bounds) => {
            format!("{:+.0} ± {}", bounds.middle() as f64 / 1e3, ppm(bounds.spread()))
        }
        Rate::Stepped(_) => "jumped".to_owned(),
    })
}

fn offset(visit: &Visit) -> Option<String> {
    let bounds = clock::offset_us(&visit.samples)?;
    let (middle_ms, spread_ms) = (bounds.middle() as f64 / 1e3, bounds.spread() as f64 / 1e3);
    Some(format!("{middle_ms:+.2} ± {spread_ms:.2}"))
}

fn paragraph(finding: &Finding, count: usize) -> String {
    let style = style(finding.level);
    let word = format!("{:<width$}", finding.level.name(), width = INDENT);
    // Which nodes are young is of no interest to people: how many are is what the text says.
    let whose =
        if finding.check == "uptime" { String::new() } else { whose(&finding.nodes, count) };
    let body = format!("{whose}{}\n", finding.text);
    let body = wrapped(&format!("{:INDENT$}{body}", ""), INDENT);
    let advice = wrapped(&format!("{:INDENT$}→ {}\n", "", finding.advice), INDENT + 2);
    // The layout is made before the colour, so widths are right.
    format!("{style}{word}{style:#}{}{advice}", body.get(INDENT..).unwrap_or_default())
}

fn whose(nodes: &[usize], count: usize) -> String {
    let numbers: Vec<String> = nodes.iter().map(|node| (node + 1).to_string()).collect();
    match nodes {
        [] => String::new(),
        _ if nodes.len() == count && count > 1 => "all nodes: ".to_owned(),
        [_] => format!("node {}: ", numbers.concat()),
        [..] => format!("nodes {}: ", numbers.join(", ")),
    }
}

fn verdict(report: &Report) -> String {
    let count = |level| report.findings.iter().filter(|finding| finding.level == level).count();
    if !report.is_fit() {
        let style = style(Level::Unfit);
        return format!("{style}UNFIT to hold locks.{style:#}");
    }
    let green = Style::new().fg_color(Some(AnsiColor::Green.into()));
    let with = match (count(Level::Warning), count(Level::Wait)) {
        (0, 0) => String::new(),
        (0, _) => ", after the wait".to_owned(),
        (1, _) => ", with a warning".to_owned(),
        (warnings, _) => format!(", with {warnings} warnings"),
    };
    let nothing = if report.findings.is_empty() { " Nothing to change." } else { "" };
    format!("{green}Fit to hold locks{with}.{green:#}{nothing}")
}

fn style(level: Level) -> Style {
    match level {
        Level::Unfit => Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
        Level::Warning => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
        Level::Wait => Style::new().fg_color(Some(AnsiColor::Cyan.into())),
        Level::Note => Style::new(),
    }
}
