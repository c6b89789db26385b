//! The programs of the libraries: where they are, and how they are made.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

use super::Network;
use crate::RigError;

/// A library, as it is set up for the workloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Library {
    /// This one, with its restart guard where servers restart.
    Leasehold,
    /// This one without.
    LeaseholdUnguarded,
    /// go-redsync on go-redis, as in its issue #158.
    GoRedsync,
    /// The same with `WithSetNXOnExtend`.
    GoRedsyncSetNx,
    /// rslock.
    Rslock,
    /// node-redlock on ioredis.
    NodeRedlock,
}

impl Library {
    /// All of them.
    pub const ALL: [Library; 6] = [
        Library::Leasehold,
        Library::LeaseholdUnguarded,
        Library::GoRedsync,
        Library::GoRedsyncSetNx,
        Library::Rslock,
        Library::NodeRedlock,
    ];

    /// Its name and version, for people.
    pub fn name(self) -> &'static str {
        match self {
            Library::Leasehold => "leasehold",
            Library::LeaseholdUnguarded => "leasehold, no restart guard",
            Library::GoRedsync => "go-redsync 4.16.0",
            Library::GoRedsyncSetNx => "go-redsync 4.16.0, SetNXOnExtend",
            Library::Rslock => "rslock 0.10.0",
            Library::NodeRedlock => "node-redlock 5.0.0-beta.2",
        }
    }

    /// Whether it is this one.
    pub fn is_ours(self) -> bool {
        match self {
            Library::Leasehold | Library::LeaseholdUnguarded => true,
            Library::GoRedsync
            | Library::GoRedsyncSetNx
            | Library::Rslock
            | Library::NodeRedlock => false,
        }
    }

    /// What its program is told in place of OPTION.
    pub(super) fn option(self, network: Network) -> &'static str {
        match self {
            // Elsewhere it would only wait for servers that have just started.
            Library::Leasehold if network == Network::Restarts => "guard",
            Library::Leasehold | Library::LeaseholdUnguarded => "no-guard",
            Library::GoRedsyncSetNx => "set-nx-on-extend",
            Library::GoRedsync | Library::Rslock | Library::NodeRedlock => "plain",
        }
    }
}

/// Where programs are and are put.
#[derive(Clone, Debug)]
pub struct Places {
    /// The words that start [`contender`](super::contender): a program of ours.
    pub ours: Vec<OsString>,
    /// The sources of the others: the folder `interop` of this workspace.
    pub interop: PathBuf,
    /// A folder for what is built; kept, it saves building again.
    pub built: PathBuf,
}

/// The words that start a program.
pub(super) type Start = Vec<OsString>;

impl Places {
    /// Makes the program of a library, if that was not done before: the words that start it.
    ///
    /// # Errors
    /// Why it cannot be had here, for people.
    pub fn program(&self, library: Library) -> Result<Vec<OsString>, String> {
        match library {
            Library::Leasehold | Library::LeaseholdUnguarded => self.ours(),
            Library::GoRedsync | Library::GoRedsyncSetNx => self.go(),
            Library::Rslock => self.cargo(),
            Library::NodeRedlock => self.node(),
        }
    }

    fn ours(&self) -> Result<Start, String> {
        let program = self.ours.first().map(Path::new).unwrap_or(Path::new(""));
        let advice = "is missing; run: cargo build --release";
        let missing = || format!("{} {advice}", program.display());
        program.exists().then(|| self.ours.clone()).ok_or_else(missing)
    }

    fn go(&self) -> Result<Start, String> {
        let program = self.folder("")?.join("go-redsync");
        let mut go = Command::new("go");
        go.args(["build", "-mod=readonly", "-o"]).arg(&program).arg(".");
        run(go, &self.source("go-redsync")?, "apt-get install golang")?;
        Ok(vec![program.into()])
    }

    fn cargo(&self) -> Result<Start, String> {
        let built = self.folder("rslock")?;
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--release", "--locked", "--target-dir"]).arg(&built);
        run(cargo, &self.source("rslock")?, "https://rustup.rs")?;
        Ok(vec![built.join("release/leasehold-interop-rslock").into()])
    }

    fn node(&self) -> Result<Start, String> {
        let (source, built) = (self.source("node-redlock")?, self.folder("node-redlock")?);
        for file in ["package.json", "package-lock.json", "workload.js"] {
            let copied = fs::copy(source.join(file), built.join(file));
            copied.map_err(|error| format!("{file} cannot be copied: {error}"))?;
        }
        if !built.join("node_modules/.package-lock.json").exists() {
            let mut npm = Command::new("npm");
            npm.args(["ci", "--no-audit", "--no-fund"]);
            run(npm, &built, "apt-get install npm")?;
        }
        let mut version = Command::new("node");
        version.arg("--version");
        run(version, &built, "apt-get install nodejs")?;
        Ok(vec!["node".into(), built.join("workload.js").into()])
    }

    fn source(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.interop.join(name);
        if path.is_dir() { Ok(path) } else { Err(format!("{} is not here", path.display())) }
    }

    fn folder(&self, name: &str) -> Result<PathBuf, String> {
        let path = std::path::absolute(self.built.join(name));
        let made = path.and_then(|path| fs::create_dir_all(&path).map(|()| path));
        made.map_err(|error| format!("{} cannot be made: {error}", self.built.display()))
    }
}

/// Runs a tool to its end.
fn run(mut command: Command, folder: &Path, advice: &str) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.current_dir(folder).stdin(Stdio::null());
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.trim().lines().last().unwrap_or_default().to_owned();
            let status = output.status;
            Err(format!("{name} failed ({status}), it may need the network: {last}"))
        }
        Err(error) => Err(format!("{name} is missing ({error}); install it: {advice}")),
    }
}

impl RigError {
    /// A library that cannot be had, where every one is required.
    pub(super) fn required(library: Library, why: &str) -> RigError {
        RigError::Library { library: library.name(), why: why.to_owned() }
    }
}
