//! Holds other libraries against ours under the same faults, and prints what was seen.
//!
//! `cargo run --release -p leasehold-rig --example foreign -- [TRIAL_MS] [SEED] [json]`

use std::io::{Write, stderr, stdout};
use std::path::{Path, PathBuf};

use leasehold_rig::foreign::{Library, Options, Places, programme};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: u64| words.get(at).map_or(Ok(usual), |word| word.parse());
    // Examples of a build lie in a folder of their own, next to its binaries.
    let here = std::env::current_exe()?;
    let built: PathBuf = here.ancestors().nth(2).unwrap_or(Path::new(".")).to_owned();
    let options = Options {
        places: Places {
            ours: built.join("leasehold-contender"),
            interop: Path::new(env!("CARGO_MANIFEST_DIR")).join("../interop"),
            built: built.join("interop"),
        },
        trial_ms: number(0, 10_000)?,
        seed: number(1, 158)?,
        libraries: Library::ALL.to_vec(),
        is_every_required: false,
    };
    let report = programme(&options, &mut |what| drop(writeln!(stderr(), "{what}")))?;
    if words.iter().any(|word| word == "json") {
        writeln!(stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        writeln!(stdout(), "{}", report.markdown())?;
    }
    Ok(())
}
