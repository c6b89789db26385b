//! A model that is wrong about a node is noticed: every rule of a node that the checker breaks, and
//! more that are broken here.

use leasehold::protocol::{Instant, Micros, Mutant, Mutated, Span};
use leasehold_tests::Program;
use leasehold_world::WorldTime;

use crate::model::Twist;
use crate::rig::Rig;
use crate::sequence::Sequence;
use crate::tried;

/// More than enough for each of them.
const SEQUENCES: u32 = 2_000;

/// A disagreement of any of them is at most this long, when it has been shortened.
const OPERATIONS: usize = 4;

/// Clocks under which keys live too short or too long.
macro_rules! wrong_clock {
    ($name:ident, |$set_us:ident, $ttl_us:ident| $gone_us:expr) => {
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        struct $name(Micros);

        impl Instant for $name {
            fn plus(self, span: Span) -> Self {
                $name(self.0.plus(span))
            }

            fn since(self, earlier: Self) -> Span {
                self.0.since(earlier.0)
            }
        }

        impl WorldTime for $name {
            const UNIT: &'static str = "us";
            const IN_TICKS: bool = false;

            fn key_gone_at(self, $ttl_us: Span) -> Self {
                let $set_us = self.0.0;
                $name(Micros($gone_us))
            }

            fn at(span: Span) -> Self {
                $name(Micros(span))
            }
        }
    };
}

wrong_clock!(ToTheMicrosecond, |set_us, ttl_us| set_us + ttl_us);
wrong_clock!(ToTheMillisecond, |set_us, ttl_us| set_us.div_euclid(1_000) * 1_000 + ttl_us);
wrong_clock!(MicrosecondLong, |set_us, ttl_us| set_us.div_euclid(1_000) * 1_000 + ttl_us + 1_001);
wrong_clock!(MicrosecondShort, |set_us, ttl_us| set_us.div_euclid(1_000) * 1_000 + ttl_us + 999);

type Tried = Result<(), (String, Sequence)>;

fn broken(rig: &mut Rig, mutant: Mutant) -> Tried {
    tried::<Micros>(rig, SEQUENCES, Mutated(Some(mutant)), None)
}

fn twisted(rig: &mut Rig, twist: Twist) -> Tried {
    tried::<Micros>(rig, SEQUENCES, Mutated(None), Some(twist))
}

fn mistimed<I: WorldTime>(rig: &mut Rig) -> Tried {
    tried::<I>(rig, SEQUENCES, Mutated(None), None)
}

#[test]
fn every_mutant_of_a_node_is_noticed() {
    let mut rig = Rig::start(Program::Redis);
    let rig = &mut rig;
    let all: Vec<(&str, Tried)> = vec![
        ("release without compare", broken(rig, Mutant::ReleaseAnyValue)),
        ("extend without compare", broken(rig, Mutant::ExtendAnyValue)),
        ("extend re-creates the key", broken(rig, Mutant::ExtendRecreates)),
        ("gone to the microsecond", mistimed::<ToTheMicrosecond>(rig)),
        ("gone with its last millisecond", mistimed::<ToTheMillisecond>(rig)),
        ("gone a microsecond late", mistimed::<MicrosecondLong>(rig)),
        ("gone a microsecond early", mistimed::<MicrosecondShort>(rig)),
        ("killed requests run", twisted(rig, Twist::KilledRun)),
        ("strays change nothing", twisted(rig, Twist::StraysAreLost)),
        ("a crash keeps everything", twisted(rig, Twist::CrashKeeps)),
        ("a crash loses everything", twisted(rig, Twist::CrashLoses)),
        ("scripts are never lost", twisted(rig, Twist::ScriptsStay)),
        ("memory is endless", twisted(rig, Twist::MemoryIsEndless)),
        ("full memory refuses extensions", twisted(rig, Twist::MemoryRefusesExtensions)),
    ];
    for (name, tried) in all {
        let Err((why, sequence)) = tried else { panic!("{name}: not noticed") };
        println!("{name}: {why}\n    {:?}", sequence.ops);
        assert!(sequence.ops.len() <= OPERATIONS, "{name}: {:#?}", sequence.ops);
    }
}
