//! Partitions: walls between some clients and some nodes, in one direction or in both.

use leasehold_world::WorldTime;

use crate::agenda::{Event, Parcel};
use crate::clock::{NANOS, TrueTime};
use crate::counts::Hazard;
use crate::dice::Question;
use crate::run::Run;

/// How many walls can stand at once; a further one takes the place of the oldest.
pub(crate) const WALLS: usize = 4;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Request,
    Answer,
}

/// What is cut off from what.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wall {
    clients: u64,
    nodes: u16,
    requests: bool,
    answers: bool,
    until: TrueTime,
}

impl Wall {
    fn stops(&self, parcel: &Parcel, way: Way) -> bool {
        let open = match way {
            Way::Request => !self.requests,
            Way::Answer => !self.answers,
        };
        !open && self.clients >> parcel.client & 1 == 1 && self.nodes >> parcel.node & 1 == 1
    }
}

impl<I: WorldTime, const N: usize, const C: usize> Run<'_, I, N, C> {
    /// A wall rises that cuts off at least the client and the node of this message.
    pub(crate) fn raise_wall(&mut self, parcel: &Parcel) {
        let side = self.roll(Question::PartitionSides, parcel);
        let ways = side.again();
        let length = ways.again().between(1, self.plan.weather.partition.longest);
        let (clients, nodes) = (side.bits(), side.again().bits());
        // One client alone, or as many as the dice say.
        let alone = ways.chance(500_000);
        let wall = Wall {
            clients: 1 << parcel.client | if alone { 0 } else { clients },
            nodes: 1 << parcel.node | nodes as u16,
            requests: ways.below(3) != 1,
            answers: ways.below(3) != 2,
            until: self.now + length * NANOS,
        };
        self.watch.counts.met(Hazard::Partition);
        self.walls[self.walls_raised % WALLS] = wall;
        self.walls_raised += 1;
    }

    /// Whether a message that would arrive now has to wait, behind a wall or before a server that
    /// stands still; if so, it is noted anew, and what follows it on its connection waits too.
    pub(crate) fn is_held(&mut self, parcel: &Parcel, way: Way, event: Event) -> bool {
        let lane = &self.lanes[usize::from(parcel.client)][usize::from(parcel.node)];
        let before = match way {
            Way::Request => lane.request_gate.max(self.frozen_until[usize::from(parcel.node)]),
            Way::Answer => lane.answer_gate,
        };
        let walls = self.walls.iter().filter(|wall| wall.stops(parcel, way));
        let until = walls.map(|wall| wall.until).fold(before, TrueTime::max);
        if until <= self.now {
            return false;
        }
        if self.scope().ordered() {
            let lane = &mut self.lanes[usize::from(parcel.client)][usize::from(parcel.node)];
            match way {
                Way::Request => lane.request_gate = until,
                Way::Answer => lane.answer_gate = until,
            }
        }
        self.agenda.note(until, event);
        true
    }
}
