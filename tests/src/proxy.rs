//! A TCP address in front of a server: a network that delays, and whose connections end on the
//! client's side alone.
//!
//! What a client sent before its connection was cut still arrives: requests of a cut connection
//! are strays, which the server may execute at any later time.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use crate::Server;

/// A proxy that forwards everything, until it is told otherwise.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    connections: Connections,
}

type Connections = Arc<Mutex<Vec<Connection>>>;

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    gate: Arc<Gate>,
}

/// What a client sends on a connection waits here while it is closed.
#[derive(Debug, Default)]
struct Gate {
    closed: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn set_closed(&self, closed: bool) {
        *self.closed.lock().expect("no thread panicked") = closed;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let closed = self.closed.lock().expect("no thread panicked");
        let opened = self.opened.wait_while(closed, |closed| *closed);
        drop(opened.expect("no thread panicked"));
    }
}

impl Proxy {
    /// Starts a proxy in front of `server`. It lives as long as the process.
    pub fn start(server: &Server) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("the port").port();
        let connections = Connections::default();
        let (to, opened) = (server.socket(), Arc::clone(&connections));
        thread::spawn(move || serve(&listener, &to, &opened));
        Proxy { port, connections }
    }

    /// The URL for a client.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// How many connections were made through it, cut ones included.
    pub fn connections(&self) -> usize {
        self.connections.lock().expect("no thread panicked").len()
    }

    /// Holds back what is sent on the present connections. Later ones are not concerned.
    pub fn hold(&self) {
        self.each(|connection| connection.gate.set_closed(true));
    }

    /// Lets go of what is held back.
    pub fn deliver(&self) {
        self.each(|connection| connection.gate.set_closed(false));
    }

    /// Ends every connection for its client. The server does not notice, and what is held back
    /// stays so.
    pub fn cut(&self) {
        // It fails only if the client was faster.
        self.each(|connection| drop(connection.client.shutdown(Shutdown::Both)));
    }

    fn each(&self, act: impl Fn(&Connection)) {
        self.connections.lock().expect("no thread panicked").iter().for_each(act);
    }
}

fn serve(listener: &TcpListener, to: &Path, connections: &Connections) {
    for client in listener.incoming() {
        // A connection that cannot be forwarded is closed, as by a server that is down.
        if let Ok(connection) = client.and_then(|client| open(client, to)) {
            connections.lock().expect("no thread panicked").push(connection);
        }
    }
}

fn open(client: TcpStream, to: &Path) -> io::Result<Connection> {
    client.set_nodelay(true)?;
    let mut server = UnixStream::connect(to)?;
    let (mut from_client, mut to_client) = (client.try_clone()?, client.try_clone()?);
    let mut from_server = server.try_clone()?;
    let gate = Arc::new(Gate::default());
    let entrance = Arc::clone(&gate);
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = from_client.read(&mut chunk) {
            entrance.pass();
            if server.write_all(&chunk[..length]).is_err() {
                break;
            }
        }
    });
    // It keeps the server's side open when the client's has ended.
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = from_server.read(&mut chunk) {
            // Nobody may be there any more to read it.
            let _ = to_client.write_all(&chunk[..length]);
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
    Ok(Connection { client, gate })
}
