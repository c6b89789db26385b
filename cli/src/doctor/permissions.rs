//! Whether the user may do what a lock needs.

use super::finding::{Finding, Level};
use super::judge::mode;
use super::replies::Role;
use super::visit::Visit;

/// What each command is needed for, and how bad it is if it is refused.
fn need(command: &str) -> (Level, &'static str) {
    match command {
        "CLIENT ID" | "CLIENT KILL" => (
            Level::Warning,
            "permit +client|id and +client|kill: otherwise what a broken connection left behind \
             may still be carried out, and a released key may come back for one TTL",
        ),
        "INFO" => {
            (Level::Warning, "permit +info: otherwise neither duplicates nor restarts can be told")
        }
        "CONFIG GET" => (
            Level::Note,
            "look at maxmemory-policy, appendonly, appendfsync and save yourself, or permit \
             +config|get to the user that doctor logs in as",
        ),
        "SET" => (Level::Unfit, "no lock can be had there: permit +set, and let it write"),
        _ => (Level::Unfit, "permit it to the user: no lock can be kept or released without"),
    }
}

/// What the server did not let a visitor do.
pub(super) fn judge(at: usize, visit: &Visit, key_is_ours: bool) -> Vec<Finding> {
    let refused = visit.refused.iter().filter(|(command, _)| {
        // That a replica or a member of a cluster writes nothing is not its worst fault.
        let replica = matches!(visit.facts.role, Some(Role::Replica { .. }));
        *command != "SET" || (!replica && mode(at, visit).is_none())
    });
    let finding = |(command, why): &(&'static str, String)| {
        // The user may be kept to keys of some form, and the lock's key may have it.
        let of_the_key = why.contains("key") && key_is_ours;
        let (level, advice) = match need(command) {
            (Level::Unfit, _) if of_the_key => (Level::Warning, "name the lock's key: --key NAME"),
            need => need,
        };
        Finding::new(level, "permissions", at, format!("refuses {command}: {why}"), advice)
    };
    refused.map(finding).collect()
}
