//! The other yardstick of the simulator: the same rounds on turmoil, a simulator of hosts that run
//! real asynchronous code. Three clients take a lease on five nodes, hold it, renew it every third
//! of its TTL and release it, by datagrams of one word; no protocol beyond that, no claims.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use turmoil::net::UdpSocket;

const CLIENTS: usize = 3;
const NODES: usize = 5;
const QUORUM: usize = 3;
const PORT: u16 = 6379;

/// How clients spend their time.
#[derive(Clone, Copy, Debug)]
pub struct Rhythm {
    /// Between two rounds of one lease.
    pub renew_every: Duration,
    /// How many renewals a lease has.
    pub renewals: usize,
    /// Between two leases.
    pub idle: Duration,
    /// Until a client gives a round up.
    pub node_timeout: Duration,
}

impl Rhythm {
    /// As the simulator's leases: seconds long, and mostly quiet.
    pub const LEASES: Rhythm = Rhythm {
        renew_every: Duration::from_millis(3_300),
        renewals: 2,
        idle: Duration::from_millis(1_000),
        node_timeout: Duration::from_millis(500),
    };
    /// One round after the other, as the bare loop.
    pub const DENSE: Rhythm = Rhythm {
        renew_every: Duration::ZERO,
        renewals: 1_000,
        idle: Duration::ZERO,
        node_timeout: Duration::from_millis(10),
    };
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Runs so much virtual time; returns how many messages were received.
///
/// # Panics
/// If turmoil says that a host failed.
pub fn turmoil_loop(rhythm: Rhythm, virtual_time: Duration) -> usize {
    let received = std::rc::Rc::new(std::cell::Cell::new(0_usize));
    let mut sim = turmoil::Builder::new()
        .rng_seed(1)
        .tick_duration(Duration::from_millis(1))
        .min_message_latency(Duration::from_micros(100))
        .max_message_latency(Duration::from_millis(2))
        .simulation_duration(virtual_time * 2)
        .enable_tokio_io()
        .build();
    for node in 0..NODES {
        let received = received.clone();
        sim.host(format!("node{node}"), move || serve(received.clone()));
    }
    for client in 0..CLIENTS {
        sim.client(format!("client{client}"), lease(rhythm, virtual_time, received.clone()));
    }
    sim.run().expect("no host fails");
    received.get()
}

type Counter = std::rc::Rc<std::cell::Cell<usize>>;

async fn socket() -> std::io::Result<UdpSocket> {
    UdpSocket::bind((IpAddr::from(Ipv4Addr::UNSPECIFIED), PORT)).await
}

async fn serve(received: Counter) -> Outcome {
    let socket = socket().await?;
    let mut word = [0; 8];
    loop {
        let (_, from) = socket.recv_from(&mut word).await?;
        received.set(received.get() + 1);
        let _ = socket.send_to(&word, from).await?;
    }
}

async fn lease(rhythm: Rhythm, virtual_time: Duration, received: Counter) -> Outcome {
    let socket = socket().await?;
    let mut number = 0;
    while turmoil::elapsed() < virtual_time {
        for _ in 0..=rhythm.renewals {
            number += 1;
            round(&socket, number, rhythm, &received).await?;
            sleep(rhythm.renew_every).await;
        }
        number += 1;
        round(&socket, number, rhythm, &received).await?;
        sleep(rhythm.idle).await;
    }
    Ok(())
}

/// Asks every node and waits for a quorum; what answers an earlier round is not counted as one.
async fn round(socket: &UdpSocket, number: u64, rhythm: Rhythm, received: &Counter) -> Outcome {
    for node in 0..NODES {
        let _ = socket.send_to(&number.to_le_bytes(), (format!("node{node}"), PORT)).await?;
    }
    let quorum = async {
        let (mut answers, mut word) = (0, [0; 8]);
        while answers < QUORUM {
            let _ = socket.recv_from(&mut word).await?;
            received.set(received.get() + 1);
            answers += usize::from(u64::from_le_bytes(word) == number);
        }
        Ok::<(), std::io::Error>(())
    };
    // A round that is given up is over too.
    if let Ok(answered) = timeout(rhythm.node_timeout, quorum).await {
        answered?;
    }
    Ok(())
}
