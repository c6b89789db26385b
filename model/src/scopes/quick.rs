//! The scope `quick`: the 16 cells of the hazards with one client; exclusion and continuity with
//! two; and the faults that decide between `joined` and its mutants.

use leasehold::protocol::{Extend, Mutant, Transport};
use leasehold_world::{Lifecycle, Settings};

use super::{Cell, Group, contended, contender, one_client, row, shipped};

pub(super) fn cells(all_pairs: bool) -> Vec<Cell> {
    let mut cells = Vec::new();
    for group in [Group::Hazards, Group::Exclusion] {
        for lifecycle in Lifecycle::ALL {
            for extend in [Extend::Touch, Extend::TouchOrSet] {
                for transport in [Transport::Fifo, Transport::Pooled] {
                    let settings = one_client(lifecycle, extend, transport);
                    let settings = if group == Group::Exclusion {
                        two_clients(lifecycle, settings, all_pairs)
                    } else {
                        Some(settings)
                    };
                    let (note, beyond) = (String::new(), false);
                    cells.push(Cell {
                        group,
                        lifecycle,
                        extend,
                        transport,
                        settings,
                        note,
                        beyond,
                    });
                }
            }
        }
    }
    cells.extend(faults());
    cells
}

/// The broken programs are searched only if `all` are asked for, at TTL 2 and with a time-out on
/// the renewal.
fn two_clients(lifecycle: Lifecycle, settings: Settings, all: bool) -> Option<Settings> {
    let joined = lifecycle == Lifecycle::Joined;
    let settings = contended(settings);
    if joined {
        return Some(settings);
    }
    let brief = Settings { ttl: 2, node_timeout: 1, renewal_timeout: Some(1), ..settings };
    all.then_some(brief)
}

fn faults() -> Vec<Cell> {
    let with = |note: &str, change: &dyn Fn(&mut Settings)| {
        let mut settings = shipped();
        change(&mut settings);
        row(Group::Faults, note, settings)
    };
    let broken = |settings: &mut Settings, mutant: Mutant| {
        settings.mutant = Some(mutant.name().to_owned());
    };
    let stalled = |extend| {
        let mut settings = one_client(Lifecycle::Sleep, extend, Transport::Fifo);
        settings.faults.stalls = 1;
        Cell { lifecycle: Lifecycle::Sleep, ..row(Group::Faults, "task stalls", settings) }
    };
    vec![
        with("reset with KILL", &|settings| settings.faults.resets = 1),
        with("reset without KILL", &|settings| {
            settings.faults.resets = 1;
            broken(settings, Mutant::NoKillAfterReset);
        }),
        with("release does not wait", &|settings| {
            settings.transport = Transport::Pooled.name().to_owned();
            broken(settings, Mutant::ReleaseBeforeDrain);
        }),
        with("holder dies, then all heals", &|settings| {
            *settings = contended(settings.clone());
            settings.roles = vec![contender(), contender()];
            settings.faults.heals = 1;
        }),
        stalled(Extend::Touch),
        stalled(Extend::TouchOrSet),
    ]
}
