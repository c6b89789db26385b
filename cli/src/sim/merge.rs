//! `leasehold sim merge`: the results of all shards, read and put together.

use std::path::Path;

use leasehold_sim::{FORMAT, Results, merge};

use super::args::MergeArgs;
use crate::check::stop_on_ctrl_c;
use crate::exit::{Ending, Failure};

/// Why a file is not the result of a shard.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// Another version wrote it.
    #[error(
        "format {0}, and this program reads format {FORMAT}; merge with the program that wrote it"
    )]
    Format(u64),
    /// It is not what was written.
    #[error("not a result of `leasehold sim --json`: {0}")]
    Malformed(serde_json::Error),
}

/// The part of a file that every format has.
#[derive(serde::Deserialize)]
struct Head {
    format: u64,
}

/// Reads the result of a campaign.
fn read(bytes: &[u8]) -> Result<Results, ReadError> {
    let head: Head = serde_json::from_slice(bytes).map_err(ReadError::Malformed)?;
    if head.format != u64::from(FORMAT) {
        return Err(ReadError::Format(head.format));
    }
    serde_json::from_slice(bytes).map_err(ReadError::Malformed)
}

fn read_file(path: &Path) -> Result<(String, Results), Failure> {
    let bytes =
        std::fs::read(path).map_err(|error| Failure::Read { path: path.to_owned(), error })?;
    let results =
        read(&bytes).map_err(|error| Failure::Results { path: path.to_owned(), error })?;
    Ok((path.display().to_string(), results))
}

/// Runs the command.
pub(super) fn run(args: &MergeArgs) -> Result<Ending, Failure> {
    if let Some(folder) = &args.output.save {
        crate::exit::prepare(folder)?;
    }
    let shards = args.files.iter().map(|path| read_file(path)).collect::<Result<_, _>>()?;
    super::give(&merge(shards)?, &args.output, &stop_on_ctrl_c())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use leasehold_sim::{Options, Shard, campaign};
    use leasehold_world::Lifecycle;
    use proptest::prelude::*;

    use super::*;

    fn written() -> String {
        let options = Options { lifecycle: Lifecycle::Detached, ..Options::default() };
        let campaign = campaign(0..40, &options, 1, &|_, _| {}, &AtomicBool::new(false));
        let results = Results::of(&campaign, &options, 0..40, Shard::WHOLE);
        serde_json::to_string_pretty(&results).unwrap()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let complaint = |text: &str| read(text.as_bytes()).unwrap_err().to_string();
        assert!(complaint("").contains("line 1 column 0"), "{}", complaint(""));
        assert!(complaint("{}").contains("missing field `format`"), "{}", complaint("{}"));
        // Another format is told before anything else that is different about it.
        let other = complaint("{\"format\": 2, \"unknown\": []}");
        assert!(other.starts_with("format 2, and this program reads format 1; "), "{other}");
        let text = written();
        let cut = complaint(&text[..text.len() / 2]);
        assert!(cut.contains("EOF") && cut.contains("line "), "{cut}");
        let wrong = complaint(&text.replacen("\"seeds_run\": 40", "\"seeds_run\": \"x\"", 1));
        assert!(wrong.contains("line 16 column 18"), "{wrong}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            prop_assert!(read(&bytes).is_err());
        }

        #[test]
        fn whatever_is_read_can_be_printed(
            at in any::<prop::sample::Index>(),
            length in 0..9_usize,
            with in "[-0-9eE.\"{}:,a-z]{0,6}",
        ) {
            let text = written();
            let from = at.index(text.len());
            let until = text.len().min(from + length);
            let altered = [&text[..from], &with, &text[until..]].concat();
            if let Ok(results) = read(altered.as_bytes()) {
                prop_assert!(super::super::print::tables(&results).contains("digest"));
            }
        }
    }
}
