//! One run as one web page that needs nothing else: the picture, the steps, what broke and why.

use std::fmt::Write;

use leasehold::protocol::Span;
use leasehold_draw::{Extras, space_time_with};
use leasehold_sim::Explained;
use leasehold_world::{Faults, Frame, Replay, ReplayError, Trace};

use crate::why;

/// The looks. A step that a link leads to is marked in the picture and in the table.
const STYLE: &str = "\
body{font:14px/1.45 Helvetica,Arial,sans-serif;color:#1b1f24;margin:24px;max-width:1900px}
h1{font-size:20px;margin:0 0 4px}
h2{font-size:16px;margin:28px 0 8px}
p{margin:4px 0}
ol{margin:2px 0 10px}
code,pre{font:12px/1.4 ui-monospace,Menlo,Consolas,monospace;background:#f0f2f4;padding:1px 4px}
pre{padding:10px;overflow:auto}
a{color:inherit}
.broken{color:#c8102e;font-weight:bold}
.also{color:#8a3b12}
.why{color:#6e40aa}
.holds{font-weight:bold}
.picture{overflow:auto;border:1px solid #d8dee4}
.picture svg{display:block}
.picture a{text-decoration:underline}
.target{scroll-margin:40vh}
.target:target{fill:#fff3b0}
table{border-collapse:collapse}
th{text-align:left;position:sticky;top:0;background:#fff;color:#57606a;font-weight:normal}
th,td{padding:2px 10px 2px 0;vertical-align:top}
tr{scroll-margin:40vh}
tr:target{background:#fff3b0}
tr.breaks{background:#fde8ea}
tr.breaks:target{background:#fff3b0}
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.code{white-space:nowrap;font:12px/1.6 ui-monospace,Menlo,Consolas,monospace}
dl{display:grid;grid-template-columns:max-content auto;gap:2px 16px;margin:0}
dt{color:#57606a}
dd{margin:0}
";

/// The page of `trace`, which was replayed to `replayed` and made by `command`.
pub(crate) fn page(
    trace: &Trace,
    replayed: &Replay,
    told: Option<&Explained>,
    command: &str,
) -> Result<String, ReplayError> {
    let extras = Extras { links: true, ..why::extras(told) };
    let picture = space_time_with(trace, extras)?;
    let title = escaped(&title(trace));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    page += &verdict(trace, replayed);
    page += &reasons(told);
    let _ = writeln!(page, "<p>Made by <code>{}</code></p>", escaped(command));
    let _ = write!(page, "<h2>Picture</h2>\n<div class=\"picture\">\n{picture}</div>\n");
    page += &timeline(trace, replayed, told);
    page += &settings(trace);
    let file = crate::replay::with_notes(trace, replayed).to_string();
    let _ = write!(
        page,
        "<h2>Trace file</h2>\n<p>Saved as a file, it is taken again by <code>leasehold replay \
         FILE</code>.</p>\n<pre>{}</pre>\n</body>\n</html>\n",
        escaped(&file)
    );
    Ok(page)
}

fn title(trace: &Trace) -> String {
    let settings = trace.scope.settings();
    let origin = trace.seed.map_or("a trace".to_owned(), |seed| format!("seed {seed}"));
    let mutant = settings.mutant.as_ref().map_or(String::new(), |name| format!(" with {name}"));
    let (lifecycle, extend) = (&settings.lifecycle, &settings.extend);
    format!("{origin}: {lifecycle}, {extend}, {}{mutant}", settings.transport)
}

/// What broke, the claim that the run is about first.
fn verdict(trace: &Trace, replayed: &Replay) -> String {
    let Some(own) = why::broken(trace, replayed) else {
        let steps = replayed.moments.len();
        return format!("<p class=\"holds\">{steps} steps, and nothing broke.</p>\n");
    };
    let others = replayed.broken.iter().filter(|other| **other != own);
    let mut text = String::new();
    for (class, (step, claim)) in
        std::iter::once(("broken", &own)).chain(others.map(|other| ("also", other)))
    {
        let (name, verdict) = (escaped(claim.name()), escaped(claim.verdict()));
        let _ = writeln!(
            text,
            "<p class=\"{class}\"><a href=\"#step-{step}\">Step {step}</a> breaks \
             \u{201c}{name}\u{201d}: {verdict}</p>"
        );
    }
    text
}

/// The root cause, and the steps that show it.
fn reasons(told: Option<&Explained>) -> String {
    let Some(told) = told else { return String::new() };
    let mut text = format!("<p class=\"broken why\">{}</p>\n<ol>\n", escaped(&why::sentence(told)));
    for reason in &told.chain {
        let (step, sentence) = (reason.step, escaped(&reason.sentence));
        let _ = writeln!(text, "<li><a href=\"#step-{step}\">Step {step}</a>: {sentence}</li>");
    }
    text + "</ol>\n"
}

fn timeline(trace: &Trace, replayed: &Replay, told: Option<&Explained>) -> String {
    let in_ticks = trace.unit == "ticks";
    let unit = if in_ticks { "tick" } else { "ms" };
    let mut text = format!(
        "<h2>Steps</h2>\n<p>The number of a step leads to its place in the picture, and from \
         there back.</p>\n<table>\n<thead><tr><th>step</th><th>{unit}</th><th>state</th>\
         <th>what happens</th><th>as it is written</th></tr></thead>\n<tbody>\n"
    );
    let own = why::broken(trace, replayed);
    for (number, frame) in (1..).zip(&replayed.moments) {
        let broken = replayed.broken.iter().filter(|(step, _)| *step == number);
        let mut remarks = String::new();
        for one in broken {
            let class = if Some(*one) == own { "broken" } else { "also" };
            let (name, verdict) = (escaped(one.1.name()), escaped(one.1.verdict()));
            let _ = write!(remarks, "<br><span class=\"{class}\">{name}: {verdict}</span>");
        }
        let chain = told.map(|told| told.chain.as_slice()).unwrap_or_default();
        for reason in chain.iter().filter(|reason| reason.step == number) {
            let sentence = escaped(&reason.sentence);
            let _ = write!(remarks, "<br><span class=\"why\">{sentence}</span>");
        }
        // Time that passes shows in the next step's clock.
        if in_ticks || !frame.line.step.starts_with("advance") || !remarks.is_empty() {
            let breaks = own.is_some_and(|(step, _)| step == number);
            text += &row(number, frame, &remarks, breaks, in_ticks);
        }
    }
    text + "</tbody>\n</table>\n"
}

fn row(number: usize, frame: &Frame, remarks: &str, breaks: bool, in_ticks: bool) -> String {
    let class = if breaks { " class=\"breaks\"" } else { "" };
    let clock = if in_ticks { frame.elapsed.to_string() } else { milliseconds(frame.elapsed) };
    let (state, note) = (escaped(&frame.state), escaped(&frame.line.note));
    let step = escaped(&frame.line.step);
    format!(
        "<tr id=\"row-{number}\"{class}><td class=\"number\"><a href=\"#step-{number}\">{number}\
         </a></td><td class=\"number\">{clock}</td><td class=\"code\">{state}</td>\
         <td>{note}{remarks}</td><td class=\"code\">{step}</td></tr>\n"
    )
}

/// Microseconds as milliseconds with three digits.
fn milliseconds(us: i64) -> String {
    let sign = if us < 0 { "-" } else { "" };
    let (whole, rest) = (us.unsigned_abs() / 1000, us.unsigned_abs() % 1000);
    format!("{sign}{whole}.{rest:03}")
}

/// The constants. Budgets of faults are named where there are any.
fn settings(trace: &Trace) -> String {
    let settings = trace.scope.settings();
    let span = |span: Span| {
        if trace.unit == "ticks" { format!("{span} ticks") } else { milliseconds(span) + " ms" }
    };
    let optional = |span_or_none: Option<Span>| span_or_none.map_or("none".to_owned(), span);
    let drift = span(trace.scope.config.drift());
    let roles = settings.roles.iter().zip(0..).map(|(role, client)| {
        let stops = if role.stops { "stops by itself" } else { "holds until the end" };
        let ttl = role.ttl.map_or(String::new(), |ttl| format!(", TTL {}", span(ttl)));
        let (starts, renewals) = (role.starts, role.renewals);
        let gives = if role.hands_over { ", may hand over" } else { "" };
        let adopts = if role.adopts { ", begins by adopting" } else { "" };
        let does = format!("{stops}{gives}{adopts}{ttl}");
        let text = format!("up to {starts} leases and {renewals} renewals, {does}");
        (format!("client c{client}"), text)
    });
    let rows = [
        ("lifecycle", settings.lifecycle.clone()),
        ("extend", settings.extend.clone()),
        ("transport", settings.transport.clone()),
        ("rule broken on purpose", settings.mutant.clone().unwrap_or("none".to_owned())),
        ("nodes", settings.nodes.to_string()),
        ("TTL", span(settings.ttl)),
        ("drift allowance", drift),
        ("renews every", span(settings.renew_every)),
        ("tries again after", span(settings.renew_retry)),
        ("waits for nodes", span(settings.node_timeout)),
        ("waits for releases", span(settings.release_within)),
        ("renewal time-out", optional(settings.renewal_timeout)),
        ("restart guard", optional(settings.max_ttl)),
        ("faults at most", faults(&settings.faults)),
    ];
    let mut text = "<h2>Settings</h2>\n<dl>\n".to_owned();
    for (name, value) in rows.map(|(name, value)| (name.to_owned(), value)).into_iter().chain(roles)
    {
        let _ = writeln!(text, "<dt>{}</dt><dd>{}</dd>", escaped(&name), escaped(&value));
    }
    text + "</dl>\n"
}

/// Every fault that may strike, with how often.
fn faults(faults: &Faults) -> String {
    let budgets = serde_json::to_value(faults).unwrap_or_default();
    let budgets = budgets.as_object().into_iter().flatten();
    let named = budgets.filter(|(_, budget)| budget.as_u64() != Some(0));
    let named: Vec<String> =
        named.map(|(name, budget)| format!("{budget} {}", name.replace('_', " "))).collect();
    if named.is_empty() { "none".to_owned() } else { named.join(", ") }
}

/// A text that a page shows as it is.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_markup_is_shown_as_it_is() {
        assert_eq!(escaped("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
    }

    #[test]
    fn milliseconds_keep_their_sign() {
        assert_eq!(milliseconds(1_234_567), "1234.567");
        assert_eq!(milliseconds(-5), "-0.005");
    }
}
