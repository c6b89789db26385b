//! What a server tells of its uptime, against what the model's node has been up for. The restart
//! guard rests on it: nobody may take a server for older than it is.

use leasehold::protocol::guard::certain_uptime_s;
use leasehold::protocol::{Extend, Instant, Micros};
use leasehold_tests::{Clock, Program, Server, done, is_here};
use leasehold_world::Node;

use crate::connection::Connection;

const SECOND_US: i64 = 1_000_000;
/// The longest TTL of any client.
const GUARDED_US: i64 = 30 * SECOND_US;

#[test]
fn no_server_counts_sooner_than_its_model() {
    for program in [Program::Redis, Program::Valkey].into_iter().filter(|p| is_here(*p)) {
        let mut server = Server::start_with_clock(program, &[]);
        for phase_us in [0, 1, SECOND_US / 2, SECOND_US - 1] {
            done(server.clock().set(Clock::START_US + phase_us));
            server.restart();
            let mut node = Node { now: Micros(Clock::START_US + phase_us), ..Node::default() };
            node.crash(false, 0);
            node.restart(GUARDED_US);
            let certain_us = |up_us: i64| {
                done(server.clock().set(Clock::START_US + phase_us + up_us));
                let (_, greeted) = Connection::greet(&server, Extend::Touch);
                certain_uptime_s(greeted.uptime_s.expect("an uptime")) * SECOND_US
            };
            for up_us in [1, SECOND_US - 1, SECOND_US, 15 * SECOND_US + 1, GUARDED_US - 1] {
                let told_us = certain_us(up_us);
                let mut later = node;
                later.now = node.now.plus(up_us);
                let modelled_us = later.uptime(GUARDED_US);
                assert_eq!((modelled_us, later.is_withheld()), (up_us, true));
                // Whole seconds, of which one is not certain.
                assert!(told_us <= modelled_us, "{phase_us} {up_us}: {told_us}");
                assert!(modelled_us < told_us + 2 * SECOND_US, "{phase_us} {up_us}: {told_us}");
            }
        }
    }
}
