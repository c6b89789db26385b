//! The programs that speak Redis and may be missing: tests say so, or fail if all are required.
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::path::{Path, PathBuf};

use crate::runs;

/// A server program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `redis-server`, which every test needs: the one that `LEASEHOLD_REDIS_SERVER` names, for
    /// tests on another version, or from the search path.
    Redis,
    /// `valkey-server`: the one that `VALKEY_SERVER` names, or where `test.sh` unpacks it, or
    /// from the search path.
    Valkey,
}

/// Where `test.sh` unpacks Valkey, from the root of the workspace.
const UNPACKED: &str = "target/valkey/usr/bin/valkey-server";

impl Program {
    /// The name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Program::Redis => "redis-server",
            Program::Valkey => "valkey-server",
        }
    }

    /// How it is called. If it is nowhere, the plain name.
    pub fn path(self) -> PathBuf {
        self.found().unwrap_or_else(|| self.name().into())
    }

    /// Whether it is here. If not this says so, and fails with `REQUIRE_ALL=1`.
    ///
    /// # Panics
    /// If it is not here, with `REQUIRE_ALL=1`.
    pub fn is_here(self) -> bool {
        let here = self.found().is_some();
        if !here {
            let required = std::env::var("REQUIRE_ALL").is_ok_and(|all| all == "1");
            assert!(!required, "{} is missing; see test.sh for how to get it", self.name());
            eprintln!("SKIPPED: {} is missing; see test.sh for how to get it", self.name());
        }
        here
    }

    fn found(self) -> Option<PathBuf> {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let places = match self {
            Program::Redis => {
                vec![std::env::var_os("LEASEHOLD_REDIS_SERVER").map(PathBuf::from)]
            }
            Program::Valkey => vec![
                std::env::var_os("VALKEY_SERVER").map(PathBuf::from),
                Some(workspace.join(UNPACKED)),
            ],
        };
        let plain = Some(PathBuf::from(self.name()));
        let mut places = places.into_iter().chain([plain]).flatten();
        places.find(|place| runs(place, "--version"))
    }
}
