//! The thread that a blocking client runs on.

use std::future::Future;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::driver::ConnectError;

/// Ends with the last handle of its client, when what that held has been released.
#[derive(Debug)]
pub(super) struct Runtime {
    handle: Handle,
    /// The thread ends when this is dropped.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Runtime {
    /// Starts the thread and connects there.
    pub(super) fn start(builder: crate::Builder) -> Result<(Runtime, crate::Client), ConnectError> {
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(ConnectError::NoThread)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let (reply, connected) = mpsc::channel();
        let thread = thread::Builder::new().name("leasehold".into());
        let thread = thread.spawn(move || {
            runtime.block_on(async {
                let client = match builder.connect().await {
                    Ok(client) => client,
                    Err(error) => {
                        let _ = reply.send(Err(error));
                        return;
                    }
                };
                let _ = reply.send(Ok(client.clone()));
                // Never sent: an error says that the last handle is gone.
                let _ = stopped.await;
                // An error means that it was shut down before.
                let _ = client.shutdown().await;
            });
        });
        let thread = Some(thread.map_err(ConnectError::NoThread)?);
        let runtime = Runtime { handle, stop: Some(stop), thread };
        let client = connected.recv().map_err(|_| ConnectError::Closed)??;
        Ok((runtime, client))
    }

    /// Waits on this thread.
    pub(super) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed by that thread.
            let _ = thread.join();
        }
    }
}
