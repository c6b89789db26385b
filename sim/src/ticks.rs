//! Runs in the checker's ticks, in a scope of the checker: every state that they visit must be one
//! that the checker has visited too.

use leasehold::protocol::{Retry, Span};
use leasehold_world::{Faults, Lifecycle, Scope};

use crate::arranged::Arranged;
use crate::draw::Draw;
use crate::plan::{Clocks, Habits, Plan};
use crate::weather::{
    Cancel, Crash, Delay, Loss, Overlap, Pause, Resend, Reset, Scripts, Stall, Weather,
};

/// No run in ticks lasts longer, for a clock of ticks does not go far.
const HORIZON: Span = 90;

/// A run lasts so many times as long as anything in its scope.
const LENGTHS: Span = 8;

impl Plan {
    /// A run in ticks within `scope`, to its end whatever breaks. Every budget of the scope may be
    /// spent: some seeds spend it soon, some late and some never. A world of up to five nodes and
    /// two clients has a program.
    pub fn in_ticks(seed: u64, scope: Scope) -> Plan {
        let mut draw = Draw::new(seed);
        let settings = scope.settings();
        let longest = scope.longest_ttl() + settings.restart_delay + scope.guarded_for();
        let horizon = HORIZON.min(longest * LENGTHS);
        let weather = weather(&scope, &mut draw);
        let habits = habits(&scope, &mut draw);
        let heals_after = draw.below(horizon);
        Plan {
            seed,
            keys: 1,
            key: 0,
            clocks: Clocks::steady(),
            weather,
            habits,
            heal_after: if settings.faults.heals > 0 { heals_after } else { horizon },
            goes_on: true,
            in_ticks: true,
            scope,
            arranged: Arranged::default(),
        }
    }
}

fn weather(scope: &Scope, draw: &mut Draw) -> Weather {
    let settings = scope.settings();
    let Faults { resets, crashes_keeping, crashes_losing, pauses, .. } = settings.faults;
    let Faults { stalls, resends, script_losses, cancels, overlaps, .. } = settings.faults;
    let ttl = scope.longest_ttl();
    // Nobody but a broken program's renewer stalls.
    let stalls = if scope.lifecycle == Lifecycle::Joined { 0 } else { stalls };
    // What is not allowed takes its number all the same.
    let mut chance_of = |budget: u8| {
        let chance = draw.pick([20_000, 100_000, 300_000]);
        if budget > 0 { chance } else { 0 }
    };
    let mut weather = Weather {
        reset: Reset {
            ppm: chance_of(resets),
            connect_max: ttl,
            stray_ppm: 700_000,
            stray_max: ttl,
            most: resets,
        },
        crash: Crash {
            keeping_ppm: chance_of(crashes_keeping),
            losing_ppm: chance_of(crashes_losing),
            down_max: settings.restart_delay + ttl,
            most: 0,
        },
        pause: Pause { ppm: chance_of(pauses), suspend_ppm: 0, longest: ttl, most: 0 },
        stall: Stall { ppm: chance_of(stalls), longest: settings.renew_every * 2, most: 0 },
        resend: Resend { ppm: chance_of(resends), most: 0 },
        scripts: Scripts { ppm: chance_of(script_losses), most: 0 },
        cancel: Cancel { ppm: chance_of(cancels), most: 0 },
        overlap: Overlap { ppm: if overlaps > 0 { 300_000 } else { 0 }, most: 0 },
        ..Weather::default()
    };
    // The world has no budget for messages that are late or lost: it lets every one be.
    weather.delay = Delay {
        latency: (0, draw.pick([0, 0, 1, 2])),
        slow_ppm: draw.pick([0, 100_000, 300_000, 600_000]),
        slow_max: ttl,
        stuck_ppm: draw.pick([0, 50_000, 200_000]),
        stuck_max: ttl * 2,
        round_trip: None,
    };
    weather.loss = Loss { ppm: draw.pick([0, 0, 30_000, 150_000]), most: 4 };
    weather
}

fn habits(scope: &Scope, draw: &mut Draw) -> Habits {
    let ttl = scope.longest_ttl();
    Habits {
        tie_ppm: draw.pick([200_000, 500_000, 900_000]),
        near: 1,
        work_max: ttl * 2,
        at_once_ppm: draw.pick([100_000, 500_000, 900_000]),
        idle_max: ttl,
        retry: Retry { attempts: None, delay_min: 0, delay_max: ttl },
    }
}
