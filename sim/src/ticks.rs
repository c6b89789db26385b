//! Runs in the checker's ticks, in a scope of the checker: every state that they visit must be one
//! that the checker has visited too.

use leasehold::protocol::{Retry, Span};
use leasehold_world::{Lifecycle, Scope};

use crate::dice::{Dice, Question};
use crate::plan::{Clocks, Habits, Plan};
use crate::weather::{Cancel, Crash, Delay, Loss, Pause, Resend, Reset, Scripts, Stall, Weather};

/// No run in ticks lasts longer, for a clock of ticks does not go far.
const HORIZON: Span = 90;

impl Plan {
    /// A run in ticks within `scope`, whose budgets it spends freely: each fault that the scope
    /// allows strikes as often as not. A world of up to five nodes and two clients has a program.
    pub fn in_ticks(seed: u64, scope: Scope) -> Plan {
        let settings = scope.settings().clone();
        let faults = settings.faults;
        let (ttl, interval) = (settings.ttl, settings.renew_every);
        let often = |budget: u8| if budget > 0 { 200_000 } else { 0 };
        let stalls = if scope.lifecycle == Lifecycle::Joined { 0 } else { faults.stalls };
        // The world has no budget for messages that are late or lost: it lets every one be.
        let weather = Weather {
            delay: Delay {
                latency: (0, 1),
                slow_ppm: 200_000,
                slow_max: ttl,
                stuck_ppm: 50_000,
                stuck_max: ttl * 2,
            },
            loss: Loss { ppm: 30_000, most: 4 },
            reset: Reset {
                ppm: often(faults.resets),
                connect_max: 2,
                stray_ppm: 700_000,
                stray_max: ttl,
                most: faults.resets,
            },
            crash: Crash {
                keeping_ppm: often(faults.crashes_keeping),
                losing_ppm: often(faults.crashes_losing),
                down_max: settings.restart_delay + ttl,
                most: 0,
            },
            pause: Pause { ppm: often(faults.pauses), suspend_ppm: 0, longest: ttl, most: 0 },
            stall: Stall { ppm: often(stalls), longest: interval * 2, most: 0 },
            resend: Resend { ppm: often(faults.resends), most: 0 },
            scripts: Scripts { ppm: often(faults.script_losses), most: 0 },
            cancel: Cancel { ppm: often(faults.cancels), most: 0 },
            ..Weather::default()
        };
        let habits = Habits {
            tie_ppm: 500_000,
            near: 1,
            work_max: ttl * 2,
            at_once_ppm: 500_000,
            idle_max: ttl,
            retry: Retry { attempts: None, delay_min: 0, delay_max: ttl },
        };
        let heals = Dice::new(seed, 0).roll(Question::Heal, 0);
        let heal_after = heals.below(HORIZON);
        Plan {
            seed,
            scope,
            keys: 1,
            key: 0,
            clocks: Clocks::steady(),
            weather,
            habits,
            heal_after,
            goes_on: false,
            in_ticks: true,
        }
    }
}
