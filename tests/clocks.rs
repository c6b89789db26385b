//! The wall clock of a real server does what a test tells it, and keys live by it.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::thread;
use std::time::Duration;

use leasehold_tests::{Clock, Program, Server, done, is_here, now};

const KEY: &str = "lock";

/// A server of each kind that is here.
fn servers() -> Vec<Server> {
    let programs = [Program::Redis, Program::Valkey].into_iter().filter(|p| is_here(*p));
    programs.map(|program| Server::start_with_clock(program, &[])).collect()
}

/// What the server takes for the time, in microseconds.
fn time_us(server: &Server) -> i64 {
    let [seconds, micros]: [i64; 2] = server.query(&["TIME"]);
    seconds * 1_000_000 + micros
}

fn set(server: &Server, ttl_ms: &str) -> bool {
    let set: Option<String> = server.query(&["SET", KEY, "mine", "NX", "PX", ttl_ms]);
    set.is_some()
}

fn pttl(server: &Server) -> i64 {
    server.query(&["PTTL", KEY])
}

#[test]
fn a_clock_that_stands_shows_what_it_is_told_to_the_microsecond() {
    for server in servers() {
        assert_eq!(time_us(&server), Clock::START_US);
        assert!(set(&server, "10"));
        thread::sleep(Duration::from_millis(50));
        assert_eq!(pttl(&server), 10, "no time has passed");
        done(server.clock().step(1));
        assert_eq!(time_us(&server), Clock::START_US + 1);
        done(server.clock().set(Clock::START_US - 1));
        assert_eq!(time_us(&server), Clock::START_US - 1);
        assert_eq!(server.clock().now_us(), Clock::START_US - 1);
    }
}

#[test]
fn a_key_lives_by_the_wall_clock_and_jumps_move_its_end() {
    for server in servers() {
        assert!(set(&server, "10000"));
        done(server.clock().step(20_000_000));
        assert_eq!((pttl(&server), server.get(KEY)), (-2, None));
        assert!(set(&server, "10000"), "the second owner");
        done(server.clock().step(-20_000_000));
        assert_eq!(pttl(&server), 30_000, "it lives as long as the jump on top");
    }
}

/// The key is there in the millisecond in which its TTL ends, and gone with the next.
#[test]
fn a_key_is_gone_in_the_millisecond_after_its_last() {
    for server in servers() {
        for (phase_us, ttl_ms) in [(0, 5), (1, 5), (999, 5), (0, 1), (999, 1), (500, 1_000)] {
            server.flush();
            done(server.clock().set(Clock::START_US + phase_us));
            assert!(set(&server, &ttl_ms.to_string()));
            done(server.clock().set(Clock::START_US + (ttl_ms + 1) * 1_000 - 1));
            assert_eq!((pttl(&server), set(&server, "1")), (0, false), "{phase_us} {ttl_ms}");
            done(server.clock().step(1));
            assert_eq!((pttl(&server), set(&server, "1")), (-2, true), "{phase_us} {ttl_ms}");
        }
    }
}

#[test]
fn a_clock_keeps_its_time_over_a_restart() {
    for mut server in servers() {
        done(server.clock().step(5));
        server.restart();
        assert_eq!(time_us(&server), Clock::START_US + 5);
    }
}

/// Keys set on a clock that is half as fast again, or half as slow, against a clock of ours that
/// is neither.
#[test]
fn a_clock_that_drifts_makes_lives_shorter_or_longer() {
    for server in servers() {
        let mut shown_us = Vec::new();
        for ahead_ppm in [500_000, 0, -500_000] {
            server.flush();
            let (began, from_us) = (now(), time_us(&server));
            done(server.clock().run(ahead_ppm));
            assert!(set(&server, "150"));
            while server.get(KEY).is_some() {
                thread::sleep(Duration::from_millis(1));
            }
            done(server.clock().freeze());
            let took_us = i64::try_from(began.elapsed().as_micros()).unwrap();
            shown_us.push(time_us(&server) - from_us);
            // It cannot be gone sooner than the rate allows; how much later depends on the machine.
            let least_us = 150_000 * 1_000_000 / (1_000_000 + ahead_ppm);
            assert!(took_us >= least_us, "{ahead_ppm}: {took_us}");
        }
        assert!(shown_us.iter().all(|&us| us > 150_000), "{shown_us:?}");
    }
}
