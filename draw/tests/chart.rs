//! Bar charts of how often each of many things was met.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use leasehold_draw::{Bar, BarChart, BarGroup};
use roxmltree::Document;

fn chart(counts: &[&[u64]]) -> BarChart {
    let bar = |(number, &count): (usize, &u64)| Bar {
        label: format!("cause {number}"),
        count,
        note: if count > 0 { format!("first in seed {number}") } else { String::new() },
    };
    let group = |(number, counts): (usize, &&[u64])| BarGroup {
        title: format!("group <{number}>"),
        bars: counts.iter().enumerate().map(bar).collect(),
    };
    BarChart {
        title: "Causes & counts".to_owned(),
        subtitle: "1000 seeds".to_owned(),
        groups: counts.iter().enumerate().map(group).collect(),
    }
}

/// The widths of the bars, in pixels: rectangles that are as high as a bar.
fn widths(picture: &str) -> Vec<u32> {
    let document = Document::parse(picture).unwrap();
    let bars = document.descendants().filter(|node| node.attribute("height") == Some("16"));
    bars.map(|node| node.attribute("width").unwrap().parse().unwrap()).collect()
}

#[test]
fn a_bar_is_as_long_as_its_count_among_its_group() {
    let picture = chart(&[&[100, 50, 0, 1], &[2_000_000, 1]]).draw().unwrap();
    assert_eq!(widths(&picture), [360, 180, 3, 360, 1], "nothing is drawn for what was not met");
}

#[test]
fn every_number_and_every_word_is_there_and_the_bytes_are_the_same() {
    let chart = chart(&[&[7, 0], &[u64::MAX]]);
    let picture = chart.draw().unwrap();
    assert_eq!(chart.draw().unwrap(), picture);
    let document = Document::parse(&picture).unwrap();
    let texts: Vec<&str> = (document.descendants().filter(|node| node.has_tag_name("text")))
        .filter_map(|node| node.text())
        .map(str::trim)
        .collect();
    let most = u64::MAX.to_string();
    for words in ["Causes & counts", "1000 seeds", "group <0>", "group <1>", "cause 1", "0"] {
        assert!(texts.contains(&words), "{words}: {texts:?}");
    }
    for words in ["7, first in seed 0", &format!("{most}, first in seed 0")] {
        assert!(texts.contains(&words), "{words}: {texts:?}");
    }
}

#[test]
fn a_chart_of_nothing_is_drawn() {
    assert!(chart(&[&[], &[0]]).draw().unwrap().contains("Causes"));
    assert!(chart(&[]).draw().unwrap().contains("Causes"));
}
