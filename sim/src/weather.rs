//! What the network, the servers, the schedulers and the clocks do in one run: the options of
//! every fault, drawn from the seed. Spans are in microseconds of true time, chances in parts per
//! million of the occasions; a chance of 0 means that the fault is off in this run.

use leasehold::protocol::Span;
use leasehold_world::Faults;

use crate::draw::{Draw, Mix};
use crate::plan::Spans;
use crate::profile::{Fault, Profile};
use crate::quantiles::Quantiles;

/// How long messages are under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delay {
    /// The usual delay of a message, shortest and longest.
    pub latency: (Span, Span),
    /// How often a message is slow.
    pub slow_ppm: u32,
    /// The longest delay of a slow one.
    pub slow_max: Span,
    /// How often a message is stuck.
    pub stuck_ppm: u32,
    /// The longest delay of a stuck one; beyond the TTL.
    pub stuck_max: Span,
    /// Instead of all that: how long a command and its answer are under way together. Each takes
    /// half of it.
    pub round_trip: Option<Quantiles>,
}

/// Messages that never arrive. On one connection nothing arrives after them in that direction,
/// as behind a peer that is gone (half-open), until the connection is given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// How often a message is lost.
    pub ppm: u32,
    /// The most messages lost in a run.
    pub most: u8,
}

/// Walls between clients and nodes, in one direction or both. What is sent waits behind them, as
/// what TCP sends again and again does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    /// How often a wall rises after a command was sent.
    pub ppm: u32,
    /// For how long at most.
    pub longest: Span,
}

/// Connections that fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reset {
    /// How often a connection fails after a command was sent on it.
    pub ppm: u32,
    /// The longest time until there is a connection again.
    pub connect_max: Span,
    /// How often a stray still runs, if those before it did.
    pub stray_ppm: u32,
    /// The longest time until it does.
    pub stray_max: Span,
    /// The most connections that fail in a run.
    pub most: u8,
}

/// Servers that die.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crash {
    /// How often a server dies after a command was sent to it, and keeps its data.
    pub keeping_ppm: u32,
    /// How often it loses them.
    pub losing_ppm: u32,
    /// The longest time that a server is down.
    pub down_max: Span,
    /// The most crashes of a run, of each kind.
    pub most: u8,
}

/// Servers that stand still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freeze {
    /// How often a server stands still after a command was sent to it.
    pub ppm: u32,
    /// For how long at most.
    pub longest: Span,
}

/// Clients that are not scheduled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pause {
    /// How often a client is not scheduled after it reported or began something.
    pub ppm: u32,
    /// How often its machine is suspended instead, and its clock stands still.
    pub suspend_ppm: u32,
    /// For how long at most.
    pub longest: Span,
    /// How often in a run.
    pub most: u8,
}

/// Renewers of the broken programs that are not scheduled in mid-step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stall {
    /// How often.
    pub ppm: u32,
    /// For how long at most.
    pub longest: Span,
    /// How often in a run.
    pub most: u8,
}

/// Servers whose wall clock jumps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Jump {
    /// How often after a command was sent.
    pub ppm: u32,
    /// How far ahead at most.
    pub ahead_max: Span,
    /// How far back at most.
    pub back_max: Span,
}

/// Client libraries that send a command again by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resend {
    /// How often a command is sent twice.
    pub ppm: u32,
    /// How often in a run.
    pub most: u8,
}

/// Servers that lose their script cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    /// How often after a command was sent.
    pub ppm: u32,
    /// How often in a run.
    pub most: u8,
}

/// Users who give an acquisition up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cancel {
    /// How often.
    pub ppm: u32,
    /// How often in a run.
    pub most: u8,
}

/// Leases of a broken program that begin while the renewer of the lease before still runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overlap {
    /// How often, where the renewer still runs when the next lease is wanted.
    pub ppm: u32,
    /// How often in a run.
    pub most: u8,
}

/// All of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// Messages under way.
    pub delay: Delay,
    /// Messages that never arrive.
    pub loss: Loss,
    /// Walls.
    pub partition: Partition,
    /// Connections that fail.
    pub reset: Reset,
    /// Servers that die.
    pub crash: Crash,
    /// Servers that stand still.
    pub freeze: Freeze,
    /// Clients that are not scheduled.
    pub pause: Pause,
    /// Renewers that are not scheduled.
    pub stall: Stall,
    /// Wall clocks that jump.
    pub jump: Jump,
    /// Commands sent twice.
    pub resend: Resend,
    /// Script caches that are lost.
    pub scripts: Scripts,
    /// Acquisitions that are given up.
    pub cancel: Cancel,
    /// Leases that begin before the last renewer ended.
    pub overlap: Overlap,
}

impl Weather {
    pub(crate) fn drawn(profile: Profile, spans: &Spans, draw: &mut Draw) -> Weather {
        let mut mixed = Mixed { profile, draw };
        let delay = mixed.delay(spans);
        Weather {
            delay,
            loss: Loss {
                ppm: mixed.strength(Fault::Loss, 500, 20_000),
                most: mixed.draw.between(1, 4) as u8,
            },
            partition: Partition {
                ppm: mixed.strength(Fault::Partition, 1_000, 10_000),
                longest: mixed.draw.between(1_000, spans.ttl * 3 / 2),
            },
            reset: Reset {
                ppm: mixed.strength(Fault::Reset, 5_000, 80_000),
                connect_max: mixed.draw.between(1_000, spans.ttl / 4),
                stray_ppm: mixed.draw.pick([300_000, 700_000, 1_000_000]),
                stray_max: mixed.draw.between(1_000, spans.ttl),
                most: mixed.draw.between(1, 8) as u8,
            },
            crash: Crash {
                keeping_ppm: mixed.strength(Fault::Crash, 1_000, 10_000),
                losing_ppm: mixed.strength(Fault::Amnesia, 1_000, 10_000),
                down_max: mixed.draw.between(10_000, spans.ttl * 2),
                most: mixed.draw.between(1, 4) as u8,
            },
            freeze: Freeze {
                ppm: mixed.strength(Fault::Freeze, 500, 5_000),
                longest: mixed.draw.between(1_000, spans.ttl * 3 / 2),
            },
            pause: Pause {
                ppm: mixed.strength(Fault::Pause, 10_000, 150_000),
                suspend_ppm: mixed.strength(Fault::Suspend, 10_000, 150_000),
                longest: spans.ttl * 3 / 2,
                most: mixed.draw.between(1, 6) as u8,
            },
            stall: Stall {
                ppm: mixed.strength(Fault::Stall, 20_000, 300_000),
                longest: spans.renew_every * 2,
                most: mixed.draw.between(1, 6) as u8,
            },
            jump: Jump {
                ppm: mixed.strength(Fault::Jump, 2_000, 20_000),
                ahead_max: mixed.draw.between(0, spans.ttl * 2),
                back_max: mixed.draw.between(0, spans.ttl * 2),
            },
            resend: Resend {
                ppm: mixed.strength(Fault::Resend, 5_000, 50_000),
                most: mixed.draw.between(1, 6) as u8,
            },
            scripts: Scripts {
                ppm: mixed.strength(Fault::Scripts, 2_000, 20_000),
                most: mixed.draw.between(1, 6) as u8,
            },
            cancel: Cancel {
                ppm: mixed.strength(Fault::Cancel, 20_000, 300_000),
                most: mixed.draw.between(1, 6) as u8,
            },
            overlap: Overlap::default(),
        }
    }

    /// Draws the fault that was thought of last, after everything else.
    pub(crate) fn draw_overlap(&mut self, profile: Profile, draw: &mut Draw) {
        let mut mixed = Mixed { profile, draw };
        self.overlap = Overlap {
            ppm: mixed.strength(Fault::Overlap, 100_000, 1_000_000),
            most: mixed.draw.between(1, 4) as u8,
        };
    }

    /// What the world is told that a run may spend. How often it does is a matter of the chances.
    pub(crate) fn budgets(&self) -> Faults {
        let budget = |ppm: u32, most: u8| if ppm > 0 { most } else { 0 };
        let Weather { loss, reset, crash, pause, stall, resend, scripts, cancel, overlap, .. } =
            *self;
        Faults {
            // A connection on which something was lost fails in the end.
            resets: budget(reset.ppm, reset.most) + budget(loss.ppm, loss.most),
            crashes_keeping: budget(crash.keeping_ppm, crash.most),
            crashes_losing: budget(crash.losing_ppm, crash.most),
            pauses: budget(pause.ppm + pause.suspend_ppm, pause.most),
            stalls: budget(stall.ppm, stall.most),
            resends: budget(resend.ppm, resend.most),
            script_losses: budget(scripts.ppm, scripts.most),
            cancels: budget(cancel.ppm, cancel.most),
            overlaps: budget(overlap.ppm, overlap.most),
            heals: 1,
            node_slips: 0,
            client_slips: 0,
        }
    }
}

struct Mixed<'a> {
    profile: Profile,
    draw: &'a mut Draw,
}

impl Mixed<'_> {
    fn strength(&mut self, fault: Fault, weak: u32, strong: u32) -> u32 {
        self.draw.strength(self.profile.mix(fault), weak, strong)
    }

    fn delay(&mut self, spans: &Spans) -> Delay {
        let shortest = self.draw.between(30, 1_000);
        let widest = spans.node_timeout / self.draw.pick([4, 20, 100]);
        let spread = self.draw.between(10, widest);
        Delay {
            latency: (shortest, shortest + spread),
            slow_ppm: self.strength(Fault::Delay, 1_000, 100_000),
            slow_max: spans.node_timeout * 2,
            stuck_ppm: self.strength(Fault::Delay, 500, 20_000),
            stuck_max: spans.ttl * 3 / 2,
            round_trip: None,
        }
    }
}

/// Whether a fault can be on in a run of this profile.
pub(crate) fn may_meet(profile: Profile, fault: Fault) -> bool {
    profile.mix(fault) != Mix::Never
}
