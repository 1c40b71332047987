//! The streams' own thread: a flood of handshakes costs time there, and none of the signalling thread's.

use std::io;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A runtime of one thread, for as long as this is kept.
pub struct StreamThread {
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl StreamThread {
    pub fn start() -> io::Result<StreamThread> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let turn = move || {
            // Told to end, or whoever could tell is gone.
            let _ = runtime.block_on(stopped);
        };
        let thread = std::thread::Builder::new().name("streams".to_owned()).spawn(turn)?;
        Ok(StreamThread { runtime: handle, stop: Some(stop), thread: Some(thread) })
    }

    pub fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

/// Every task ends where it stands; the sockets are closed when this is over.
impl Drop for StreamThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic in a task is caught by the runtime: there is none to pass on.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
