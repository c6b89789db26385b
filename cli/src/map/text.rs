//! A map as text: tables side by side for a terminal, and the report in Markdown.

use anstyle::{AnsiColor, Style};
use leasehold_model::maps::{Found, Spot, Table};

use super::{Map, shows_states};
use crate::layout::WIDTH;

/// Between two tables that stand side by side.
const GAP: usize = 4;

/// The words of a cell, and whether they are about something that breaks.
fn words(spot: &Spot, found: &Found) -> (String, AnsiColor) {
    if found.truncated {
        return ("?".to_owned(), AnsiColor::Yellow);
    }
    let mark = if found.is_as(spot.expected) { "" } else { "!" };
    match found.steps {
        Some(steps) => (format!("{steps}{mark}"), AnsiColor::Red),
        None if !found.broken.is_empty() => (format!("broken{mark}"), AnsiColor::Red),
        None if shows_states(spot) => (format!("{}{mark}", found.states), AnsiColor::Green),
        None => (format!("·{mark}"), AnsiColor::Green),
    }
}

/// What the words mean.
fn legend(map: &Map) -> &'static str {
    if map.plan.tables.iter().flat_map(|table| &table.spots).any(shows_states) {
        "A number: the states of a cell in which every claim holds. !: not as expected."
    } else {
        "A number: two holders, in so many steps at least. ·: every claim holds. !: not as \
         expected."
    }
}

/// A table as lines of the same width, in colour; and that width.
fn block(table: &Table, found: &[Found]) -> (Vec<String>, usize) {
    let at = |x: usize, y: usize| {
        let cells = table.spots.iter().zip(found);
        let mut here = cells.filter(|(spot, _)| (spot.x, spot.y) == (x, y));
        here.next().map(|(spot, found)| words(spot, found))
    };
    let longest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(1);
    let lengths = table.spots.iter().zip(found).map(|(spot, found)| words(spot, found).0);
    let cell = longest(&mut lengths.map(|text| text.chars().count()))
        .max(longest(&mut table.x_ticks.iter().map(String::len)))
        + 2;
    let head = longest(&mut table.y_ticks.iter().map(String::len));
    let width = (head + 2 + cell * table.x_ticks.len()).max(table.title.len());
    let pad = |used: usize| " ".repeat(width.saturating_sub(used));
    let bold = Style::new().bold();
    let mut lines = vec![format!("{bold}{}{bold:#}{}", table.title, pad(table.title.len()))];
    let used = head + 2 + cell * table.x_ticks.len();
    for (y, tick) in table.y_ticks.iter().enumerate().rev() {
        let mut line = format!("{tick:>head$} │");
        for x in 0..table.x_ticks.len() {
            let (text, colour) = at(x, y).unwrap_or((String::new(), AnsiColor::White));
            let style = Style::new().fg_color(Some(colour.into()));
            let space = " ".repeat(cell.saturating_sub(text.chars().count()));
            line += &format!("{space}{style}{text}{style:#}");
        }
        lines.push(line + &pad(used));
    }
    let ticks: String = table.x_ticks.iter().map(|tick| format!("{tick:>cell$}")).collect();
    lines.push(format!("{:head$}  {ticks}{}", "", pad(used)));
    (lines, width)
}

/// The map as it is printed, in colour if the terminal has any.
pub(super) fn for_terminal(map: &Map) -> String {
    let plan = &map.plan;
    let bold = Style::new().bold();
    let mut text = format!("{bold}{}{bold:#}\n", plan.title);
    for sentence in &plan.reading {
        text += &format!("{}\n", wrapped(sentence));
    }
    text += &format!("\nAcross: {}. Upward: {}.\n", plan.x_label, plan.y_label);
    let blocks: Vec<_> = map.tables().map(|(table, found)| block(table, found)).collect();
    let mut rest = blocks.as_slice();
    while !rest.is_empty() {
        let mut taken = 0;
        let mut width = 0;
        while let Some((_, next)) = rest.get(taken).filter(|_| taken < plan.columns) {
            if taken > 0 && width + GAP + next > WIDTH {
                break;
            }
            width += GAP + next;
            taken += 1;
        }
        let (row, later) = rest.split_at(taken);
        text.push('\n');
        text += &side_by_side(row);
        rest = later;
    }
    format!("{text}\n{}\n{}", wrapped(legend(map)), wrapped(&map.result()))
}

/// The lines of each table next to those of the others, ending at the same height.
fn side_by_side(row: &[(Vec<String>, usize)]) -> String {
    let height = row.iter().map(|(lines, _)| lines.len()).max().unwrap_or(0);
    let mut text = String::new();
    for index in 0..height {
        let mut line = String::new();
        for (number, (lines, width)) in row.iter().enumerate() {
            if number > 0 {
                line += &" ".repeat(GAP);
            }
            match lines.get(index) {
                Some(part) => line += part,
                None => line += &" ".repeat(*width),
            }
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// The sentence in lines that are not too wide. No line begins with an operator, which Markdown
/// would take for a list.
fn wrapped(sentence: &str) -> String {
    let mut text = String::new();
    let mut width = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        let operator = ["+", "-", "<"].contains(&word);
        if width > 0 && width + 3 + length > WIDTH && !operator {
            text.push('\n');
            width = 0;
        }
        if width > 0 {
            text.push(' ');
            width += 1;
        }
        text += word;
        width += length;
    }
    text
}

/// The report.
pub(super) fn for_report(map: &Map, complaints: &[String]) -> String {
    let plan = &map.plan;
    let kind = map.kind;
    let mut text = format!(
        "# {}\n\nWritten by `leasehold check --map {kind}`. Each cell is a scope of its own, \
         searched to the end.\n",
        plan.title
    );
    for sentence in &plan.reading {
        text += &format!("\n{}\n", wrapped(sentence));
    }
    text += &format!("\n**{}**\n", map.result());
    for complaint in complaints {
        text += &format!("- NOT AS EXPECTED: {complaint}\n");
    }
    text += &format!("\n![{}]({kind}.svg)\n\n{}\n", plan.title, wrapped(legend(map)));
    for (table, found) in map.tables() {
        text += &format!("\n## {}\n\n| {} \\ {} |", table.title, plan.y_label, plan.x_label);
        let cell = |text: &str| format!(" {text} |");
        text += &table.x_ticks.iter().map(|tick| cell(tick)).collect::<String>();
        text += &format!("\n|---|{}\n", "---|".repeat(table.x_ticks.len()));
        for (y, tick) in table.y_ticks.iter().enumerate().rev() {
            text += &format!("| {tick} |");
            for x in 0..table.x_ticks.len() {
                let cells = table.spots.iter().zip(found);
                let mut here = cells.filter(|(spot, _)| (spot.x, spot.y) == (x, y));
                let words = here.next().map(|(spot, found)| words(spot, found).0);
                text += &cell(&words.unwrap_or_default());
            }
            text.push('\n');
        }
    }
    text
}
