//! Which setting to take: a grid of them around the given one, measured, and one of them chosen.

use leasehold::protocol::Span;
use leasehold_world::ScopeError;

use super::{Control, Measured, Setting, Situation};

/// No setting is measured for longer than so many times what it takes to show the target with no
/// loss at all.
const PATIENCE: f64 = 4.0;
/// How much no loss shows: in so many times the mean time between two losses there is one, in 95
/// of 100 cases.
const RULE_OF_THREE: f64 = 2.996;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// The setting that one has, or would have.
    pub given: Setting,
    /// How many lost leases per hour of holding are tolerable.
    pub target_per_hour: Option<f64>,
    /// For how long leases are held under each setting, in microseconds.
    pub held_us: u64,
    /// Whether that is also the most for the setting that is to be shown to meet the target.
    pub no_longer: bool,
}

/// Whether the target is met.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// There is none.
    NoTarget,
    /// By the setting chosen, as far as 95 of 100 cases go.
    Met,
    /// By no setting.
    NotMet,
    /// Some setting may meet it: to be shown, leases would have to be held for at least so many
    /// hours.
    NotShown {
        /// With no loss at all.
        hours: f64,
    },
}

/// A change that is not a matter of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The client is always scheduled.
    NoPauses,
    /// Nothing is lost on the way.
    NoLoss,
    /// A silent connection is given up within a quarter of the TTL.
    NoticedSooner,
    /// No connection fails.
    NoResets,
    /// A renewal sets the key anew at a node that has dropped it.
    Repair,
    /// Two nodes more.
    MoreNodes,
    /// A TTL that is long enough for the longest pause, or four times as long.
    LongerTtl(Span),
}

/// What would come of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// The change.
    pub change: Change,
    /// What would come of it.
    pub measured: Measured,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// Every setting that was measured, by TTL, interval and time-out.
    pub rows: Vec<Measured>,
    /// Which of them is the given one.
    pub given: usize,
    /// Which of them to take.
    pub chosen: usize,
    /// Whether the target is met.
    pub verdict: Verdict,
    /// What would help, if it is not.
    pub what_ifs: Vec<WhatIf>,
    /// Whether it was stopped before its end.
    pub truncated: bool,
}

/// Measures the grid, chooses a setting and says whether it will do.
///
/// # Errors
/// The given setting is one that the protocol refuses.
pub fn advise(
    situation: &Situation,
    goal: &Goal,
    control: &Control<'_>,
) -> Result<Advice, ScopeError> {
    let grid = grid(situation, goal.given)?;
    (control.expect)(goal.held_us.saturating_mul(grid.len() as u64));
    let mut rows: Vec<Measured> = Vec::new();
    let mut truncated = false;
    for setting in grid {
        let mut row = Measured::new(setting);
        if !truncated {
            row.until(goal.held_us, situation, control)?;
        }
        truncated |= row.truncated;
        // The given one is there always, were it only to say that nothing is known.
        if row.runs > 0 || rows.is_empty() {
            rows.push(row);
        }
    }
    rows.sort_by_key(|row| row.setting);
    let given = rows.iter().position(|row| row.setting == goal.given).unwrap_or(0);
    let verdict = Verdict::NoTarget;
    let mut advice =
        Advice { rows, given, chosen: given, verdict, what_ifs: Vec::new(), truncated };
    match goal.target_per_hour {
        None => advice.chosen = least_lossy(&advice.rows, goal.given),
        Some(target) => advice.meet(target, situation, goal, control)?,
    }
    Ok(advice)
}

/// The settings to try: the given one first, then with half and twice the TTL, a half, a third and
/// a quarter of it as the interval, and the customary time-out or one that suits the round trips.
///
/// # Errors
/// The given one is refused. Others that would be are left out.
fn grid(situation: &Situation, given: Setting) -> Result<Vec<Setting>, ScopeError> {
    let _ = situation.plan(&given, 0)?;
    let mut grid = vec![given];
    for ttl in [given.ttl / 2, given.ttl, given.ttl * 2] {
        let customary = Setting::customary(ttl / MS * MS);
        let suiting = suiting_timeout(situation, customary.node_timeout);
        for part in [2, 3, 4] {
            for node_timeout in [customary.node_timeout, suiting] {
                let renew_every = customary.ttl / part;
                let setting = Setting { renew_every, node_timeout, ..customary };
                let in_time = renew_every + node_timeout < setting.ttl * 9 / 10;
                let known = grid.iter().any(|known| alike(known, &setting));
                if in_time && !known && situation.plan(&setting, 0).is_ok() {
                    grid.push(setting);
                }
            }
        }
    }
    Ok(grid)
}

/// A time-out for these round trips: what one in a thousand of them exceeds and a quarter more, in
/// whole milliseconds; the usual one, if that is nearly as long.
fn suiting_timeout(situation: &Situation, usual: Span) -> Span {
    let slow = situation.round_trip.exceeded_by_ppm(1_000) * 5 / 4;
    let suiting = (slow / MS + 1) * MS;
    let nearly = suiting * 2 > usual && suiting < usual * 2;
    if nearly { usual } else { suiting }
}

/// A millisecond.
const MS: Span = 1_000;

/// Whether two settings are the same but for a millisecond.
fn alike(one: &Setting, other: &Setting) -> bool {
    let near = |a: Span, b: Span| (a - b).abs() < MS;
    near(one.ttl, other.ttl)
        && near(one.renew_every, other.renew_every)
        && near(one.node_timeout, other.node_timeout)
        && near(one.renew_retry, other.renew_retry)
}

/// What one would rather take, all else being equal: the given setting; then the customary part of
/// the TTL, and then the fewest renewals and the shortest time-out.
fn preference(setting: &Setting, given: Setting) -> (bool, bool, Span, Span) {
    let usual = Setting::customary(setting.ttl).renew_every;
    let customary = (setting.renew_every - usual).abs() < MS;
    (*setting != given, !customary, -setting.renew_every, setting.node_timeout)
}

/// Of the settings with the given TTL, the most preferred of those that are not clearly worse than
/// the best.
fn least_lossy(rows: &[Measured], given: Setting) -> usize {
    let of_given_ttl = || (0..rows.len()).filter(|&row| rows[row].setting.ttl == given.ttl);
    let best = of_given_ttl().map(|row| rows[row].rate().high).fold(f64::INFINITY, f64::min);
    let good = of_given_ttl().filter(|&row| rows[row].rate().low <= best);
    good.min_by_key(|&row| preference(&rows[row].setting, given)).unwrap_or(0)
}

impl Advice {
    /// Finds the shortest TTL with a setting that meets the target, measuring on as it goes.
    fn meet(
        &mut self,
        target: f64,
        situation: &Situation,
        goal: &Goal,
        control: &Control<'_>,
    ) -> Result<(), ScopeError> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by_key(|&row| {
            let setting = &self.rows[row].setting;
            (setting.ttl, preference(setting, goal.given))
        });
        let most = if goal.no_longer {
            goal.held_us
        } else {
            super::hours_us(PATIENCE * RULE_OF_THREE / target).max(goal.held_us)
        };
        let mut undecided = None;
        for row in order {
            let row_of = &mut self.rows[row];
            // In pieces, since a setting that misses the target shows it sooner.
            let mut held_us = row_of.tenure.held_us.max(goal.held_us).max(1);
            while undecided_by(row_of, target) && held_us < most && !self.truncated {
                (control.expect)(held_us.min(most - held_us));
                held_us = held_us.saturating_mul(2).min(most);
                row_of.until(held_us, situation, control)?;
                self.truncated |= row_of.truncated;
            }
            if row_of.rate().high <= target {
                (self.chosen, self.verdict) = (row, Verdict::Met);
                return Ok(());
            }
            if undecided_by(row_of, target) {
                undecided = undecided.or(Some(row));
            }
            if self.truncated {
                break;
            }
        }
        if let Some(row) = undecided {
            self.chosen = row;
            self.verdict = Verdict::NotShown { hours: RULE_OF_THREE / target };
            return Ok(());
        }
        self.verdict = Verdict::NotMet;
        self.chosen = least(&self.rows);
        self.what_would_help(situation, goal, control)
    }

    fn what_would_help(
        &mut self,
        situation: &Situation,
        goal: &Goal,
        control: &Control<'_>,
    ) -> Result<(), ScopeError> {
        let changes = changes(situation, self.rows[self.chosen].setting);
        (control.expect)(goal.held_us.saturating_mul(changes.len() as u64));
        for (change, situation, setting) in changes {
            if self.truncated {
                return Ok(());
            }
            let mut measured = Measured::new(setting);
            measured.until(goal.held_us, &situation, control)?;
            self.truncated |= measured.truncated;
            self.what_ifs.push(WhatIf { change, measured });
        }
        Ok(())
    }
}

/// Whether a setting may meet the target and may miss it.
fn undecided_by(row: &Measured, target: f64) -> bool {
    let rate = row.rate();
    rate.low <= target && target < rate.high
}

/// The setting with the least estimate, and of those the shortest TTL.
fn least(rows: &[Measured]) -> usize {
    let better = |&a: &usize, &b: &usize| {
        let key = |row: usize| (rows[row].rate().per_hour, rows[row].rate().high);
        let (a, b) = (key(a), key(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    };
    (0..rows.len()).min_by(better).unwrap_or(0)
}

/// The changes that are possible here, each with the situation and the setting that it makes.
fn changes(situation: &Situation, setting: Setting) -> Vec<(Change, Situation, Setting)> {
    let mut changes = Vec::new();
    let here = *situation;
    if here.pause_every > 0 {
        changes.push((Change::NoPauses, Situation { pause_every: 0, ..here }, setting));
    }
    if here.loss_ppm > 0 {
        changes.push((Change::NoLoss, Situation { loss_ppm: 0, ..here }, setting));
        let soon = setting.ttl / 4;
        if here.silence > soon {
            changes.push((Change::NoticedSooner, Situation { silence: soon, ..here }, setting));
        }
        changes.push((Change::Repair, Situation { repair: true, ..here }, setting));
    }
    if here.reset_every > 0 {
        changes.push((Change::NoResets, Situation { reset_every: 0, ..here }, setting));
    }
    if here.nodes + 2 <= crate::options::MOST_NODES as u8 {
        changes.push((Change::MoreNodes, Situation { nodes: here.nodes + 2, ..here }, setting));
    }
    let pauses = if here.pause_every > 0 { here.pause_length.longest() } else { 0 };
    let longer = (pauses * 8 / 5).max(setting.ttl * 4) / MS * MS;
    let customary = Setting::customary(longer);
    changes.push((Change::LongerTtl(longer), here, customary));
    changes
}
