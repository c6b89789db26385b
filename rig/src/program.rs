//! The programs that speak Redis.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A server program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `redis-server`: the one that `LEASEHOLD_REDIS_SERVER` names, for another version, or from
    /// the search path.
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

    /// How it is installed, for people.
    pub fn advice(self) -> &'static str {
        match self {
            Program::Redis => "apt-get install redis-server",
            Program::Valkey => "tests/get_valkey.sh target/valkey",
        }
    }

    /// Where it is; `None` if it is nowhere. Looked for once.
    pub fn found(self) -> Option<&'static Path> {
        self.installed().map(|installed| installed.path.as_path())
    }

    /// Whether it is older than Redis 7.0, where some settings are not known yet.
    pub(crate) fn is_old(self) -> bool {
        self.installed().is_some_and(|installed| installed.is_old)
    }

    fn installed(self) -> Option<&'static Installed> {
        static REDIS: OnceLock<Option<Installed>> = OnceLock::new();
        static VALKEY: OnceLock<Option<Installed>> = OnceLock::new();
        let known = match self {
            Program::Redis => &REDIS,
            Program::Valkey => &VALKEY,
        };
        known.get_or_init(|| self.places().into_iter().find_map(Installed::at)).as_ref()
    }

    fn places(self) -> Vec<PathBuf> {
        let named = |variable| std::env::var_os(variable).map(PathBuf::from);
        let places = match self {
            Program::Redis => [named("LEASEHOLD_REDIS_SERVER"), None],
            Program::Valkey => {
                let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
                [named("VALKEY_SERVER"), Some(workspace.join(UNPACKED))]
            }
        };
        let plain = Some(PathBuf::from(self.name()));
        places.into_iter().chain([plain]).flatten().collect()
    }
}

/// A program that can be started.
#[derive(Debug)]
struct Installed {
    path: PathBuf,
    is_old: bool,
}

impl Installed {
    fn at(path: PathBuf) -> Option<Installed> {
        let version = Command::new(&path).arg("--version").output().ok()?;
        let is_old = String::from_utf8_lossy(&version.stdout).contains(" v=6.");
        version.status.success().then_some(Installed { path, is_old })
    }
}
