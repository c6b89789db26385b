//! The rig's proxy in front of a server; what fails is a failed test.

use std::ops::Deref;

use crate::{Server, done};

/// A proxy that forwards everything, until it is told otherwise.
#[derive(Debug)]
pub struct Proxy(leasehold_rig::Proxy);

impl Proxy {
    /// Starts a proxy in front of `server`.
    pub fn start(server: &Server) -> Proxy {
        Proxy(done(leasehold_rig::Proxy::start(&**server, Vec::new())))
    }

    /// The URL for a client.
    pub fn url(&self) -> String {
        self.0.url()
    }
}

impl Deref for Proxy {
    type Target = leasehold_rig::Proxy;

    fn deref(&self) -> &leasehold_rig::Proxy {
        &self.0
    }
}
