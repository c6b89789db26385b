//! `leasehold replay`: the timeline of a trace file or of a seed.

use std::path::{Path, PathBuf};

use leasehold_draw::space_time_with;
use leasehold_sim::{Explained, explain};
use leasehold_world::{Claim, Replay, Trace, replay};

use crate::exit::{Ending, Failure, say};
use crate::page::page;
use crate::sim::{Drawn, claim_named};
use crate::why;

/// Options of `leasehold replay`.
#[derive(clap::Args, Debug)]
pub(crate) struct ReplayArgs {
    /// A seed, or a trace file
    #[arg(value_name = "SEED|FILE")]
    what: String,
    /// What the seed is expanded with; as for `leasehold sim`
    #[command(flatten)]
    drawn: Drawn,
    /// Show a seed up to the step that breaks this claim, for instance "no orphan"
    #[arg(long, value_parser = claim_named)]
    claim: Option<Claim>,
    /// Write the trace of a seed to this file
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Draw a space-time picture to this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write one web page to this file: the picture, the steps, what broke and why
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print JSON instead of a timeline
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: &ReplayArgs) -> Result<Ending, Failure> {
    let (path, trace) = load(&args.what, &args.drawn, args.claim)?;
    let unplayable = |error| Failure::Replay { path: path.clone(), error };
    let replayed = replay(&trace).map_err(unplayable)?;
    let explained = explain(&trace).map_err(unplayable)?;
    if let Some(save) = &args.save {
        crate::exit::write(save, &with_notes(&trace, &replayed).to_string())?;
    }
    if args.svg.is_some() || args.html.is_some() {
        let told = why::root(&explained, &trace, &replayed);
        if let Some(svg) = &args.svg {
            let picture = space_time_with(&trace, why::extras(told.as_ref()));
            crate::exit::write(svg, &picture.map_err(unplayable)?)?;
        }
        if let Some(html) = &args.html {
            let page = page(&trace, &replayed, told.as_ref(), &args.typed()?);
            crate::exit::write(html, &page.map_err(unplayable)?)?;
        }
    }
    if args.json {
        say(json(&trace, &replayed, &explained));
    } else {
        print(&trace, &replayed);
        if !explained.is_empty() {
            say(why::text(&explained));
        }
    }
    Ok(if replayed.broken.is_empty() { Ending::AsClaimed } else { Ending::Broken })
}

impl ReplayArgs {
    /// The command that writes the page.
    fn typed(&self) -> Result<String, Failure> {
        let file = self.html.as_ref().map_or(String::new(), |html| html.display().to_string());
        let (what, file) = (quoted(&self.what), quoted(&file));
        let of_seed = self.what.parse::<u64>().is_ok();
        let drawn = if of_seed { self.drawn.typed()? } else { String::new() };
        Ok(format!("leasehold replay {what}{drawn} --html {file}"))
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The trace of a seed, up to the step that breaks `claim` if one is given, or the trace in a file;
/// and what to call it.
pub(crate) fn load(
    what: &str,
    drawn: &Drawn,
    claim: Option<Claim>,
) -> Result<(PathBuf, Trace), Failure> {
    if let Ok(seed) = what.parse::<u64>() {
        return Ok((PathBuf::from(format!("seed {seed}")), drawn.record(seed, claim)?));
    }
    if claim.is_some() {
        let message = "--claim goes with a seed; a trace file ends with the step it is about";
        return Err(Failure::Argument(message.to_owned()));
    }
    let path = PathBuf::from(what);
    let trace = read(&path)?;
    Ok((path, trace))
}

/// The trace in a file.
pub(crate) fn read(path: &Path) -> Result<Trace, Failure> {
    let bytes =
        std::fs::read(path).map_err(|error| Failure::Read { path: path.to_owned(), error })?;
    String::from_utf8_lossy(&bytes)
        .parse()
        .map_err(|error| Failure::Trace { path: path.to_owned(), error })
}

/// The trace with what each step did written beside it.
pub(crate) fn with_notes(trace: &Trace, replayed: &Replay) -> Trace {
    let steps = replayed.moments.iter().map(|frame| frame.line.clone()).collect();
    Trace { steps, ..trace.clone() }
}

/// Prints the settings and the timeline.
pub(crate) fn print(trace: &Trace, replayed: &Replay) {
    let settings = trace.scope.settings();
    say(format!(
        "{} with {} over {}: {} nodes, {} clients, TTL {} {}",
        settings.lifecycle,
        settings.extend,
        settings.transport,
        settings.nodes,
        settings.roles.len(),
        settings.ttl,
        trace.unit,
    ));
    say(format!("{:>5} {:>10}  {:<18} what happens", "step", trace.unit, "state"));
    for (index, frame) in replayed.moments.iter().enumerate() {
        let number = index + 1;
        let time = frame.elapsed;
        let breaks = replayed.broken.iter().any(|(at, _)| *at == number);
        if frame.line.step.starts_with("advance") && trace.unit != "ticks" && !breaks {
            // Time that passes shows in the next line's clock.
            continue;
        }
        say(format!("{number:>5} {time:>10}  {:<18} {}", frame.state, frame.line.note));
        for (_, claim) in replayed.broken.iter().filter(|(at, _)| *at == number) {
            say(format!("{:>18} *** {}: {}", "", claim.name(), claim.verdict()));
        }
    }
    if replayed.broken.is_empty() {
        say(format!("{} steps, and nothing broke.", replayed.moments.len()));
    }
}

pub(crate) fn json(trace: &Trace, replayed: &Replay, told: &[Explained]) -> serde_json::Value {
    let frames = replayed.moments.iter().map(|frame| {
        serde_json::json!({
            "elapsed": frame.elapsed, "step": frame.line.step,
            "note": frame.line.note, "state": frame.state,
        })
    });
    let broken = |(at, claim): &(usize, Claim)| {
        let (name, verdict) = (claim.name(), claim.verdict());
        serde_json::json!({ "step": at, "claim": name, "verdict": verdict })
    };
    serde_json::json!({
        "unit": trace.unit,
        "scope": trace.scope.settings(),
        "steps": frames.collect::<Vec<_>>(),
        "broken": replayed.broken.iter().map(broken).collect::<Vec<_>>(),
        "explained": why::json(told),
    })
}
