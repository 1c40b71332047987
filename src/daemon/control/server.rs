//! The daemon's end of the control socket: a thread with a task for each connection, the orders in one queue.
//!
//! What the queue core can tell is read here, by this very thread: no exchange is asked, and none is held up.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::daemon::events;
use crate::daemon::failure::Failure;
use crate::daemon::trace::{self, Asked, Feed};
use crate::exchange::QueueLine;

use super::peer::user_name;
use super::protocol::{Order, Response, TraceOrder, line, parse_order};

/// An order and whom to tell what came of it.
pub enum Pending {
    Order {
        order: Order,
        /// The user at the other end.
        by: String,
        reply: oneshot::Sender<Response>,
    },
    /// What is read, masked and written elsewhere.
    Trace { follow: bool, reply: oneshot::Sender<Result<Feed, &'static str>> },
    /// What is written elsewhere, too.
    Events { reply: oneshot::Sender<Result<events::Live, &'static str>> },
}

/// The socket, ours already, with nobody behind it yet. Its file is removed when it is dropped.
pub struct Socket {
    file: Removed,
    listener: UnixListener,
}

/// Where the driver takes orders from. The console's thread ends when it is dropped.
pub struct Control {
    _file: Removed,
    /// Never sent: that it is gone is what the thread waits for.
    _open: oneshot::Sender<()>,
    orders: mpsc::Receiver<Pending>,
    console: Arc<Console>,
    /// Taken while waiting.
    early: Option<Pending>,
}

/// An order is a line of at most this many octets.
const LINE: u64 = 64 * 1024;
const CONNECTIONS: usize = 32;
const FAILED: &str = "the control socket cannot be opened";
/// A connection without an order for so long is closed.
const IDLE: Duration = Duration::from_secs(60);

impl Socket {
    /// Only after the state folder's lock is ours: a socket file that is there is a dead daemon's.
    pub fn bind(path: &Path) -> Result<Socket, Failure> {
        let listener = bind(path).map_err(Failure::io(FAILED))?;
        Ok(Socket { file: Removed(path.to_owned()), listener })
    }

    /// `queues`: what the queue core tells.
    pub fn listen(
        self,
        queues: impl Fn() -> Vec<QueueLine> + Send + Sync + 'static,
    ) -> Result<Control, Failure> {
        let (sender, orders) = mpsc::channel(CONNECTIONS);
        let (open, closed) = oneshot::channel();
        let Socket { file, listener } = self;
        let failed = || Failure::io(FAILED);
        listener.set_nonblocking(true).map_err(failed())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed())?;
        let console = Arc::new(Console { orders: sender, queues: Box::new(queues) });
        let served = Arc::clone(&console);
        let listen = move || {
            runtime.block_on(async move {
                // It was a socket a moment ago.
                let Ok(listener) = tokio::net::UnixListener::from_std(listener) else { return };
                tokio::select! {
                    () = accept(listener, served) => {}
                    _ = closed => {}
                }
            });
        };
        std::thread::Builder::new().name("console".to_owned()).spawn(listen).map_err(failed())?;
        Ok(Control { _file: file, _open: open, orders, console, early: None })
    }
}

/// What a connection needs.
struct Console {
    orders: mpsc::Sender<Pending>,
    queues: Box<dyn Fn() -> Vec<QueueLine> + Send + Sync>,
}

/// Gives orders as the socket does, from within the process.
#[derive(Clone)]
pub struct Orders(Arc<Console>);

impl Orders {
    /// Waits for the answer: on a thread that may. `by`: who wants it done. `None`: the daemon is ending.
    pub fn carry_out(&self, order: Order, by: String) -> Option<Response> {
        match order {
            Order::Queues => return Some(Response::Queues((self.0.queues)())),
            // These are answered for days, each in a manner of its own.
            Order::Trace(_) | Order::Events => return Some(Response::Refused("not by this way".to_owned())),
            _ => {}
        }
        let (reply, answer) = oneshot::channel();
        self.0.orders.blocking_send(Pending::Order { order, by, reply }).ok()?;
        answer.blocking_recv().ok()
    }
}

/// A file that goes with it.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Control {
    /// Waits for an order; nothing is lost when the wait is given up.
    pub async fn ready(&mut self) {
        if self.early.is_none() {
            self.early = self.orders.recv().await;
        }
    }

    /// For whoever gives orders from within.
    pub fn orders(&self) -> Orders {
        Orders(Arc::clone(&self.console))
    }

    pub fn take(&mut self) -> Option<Pending> {
        self.early.take().or_else(|| self.orders.try_recv().ok())
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn accept(listener: tokio::net::UnixListener, console: Arc<Console>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, _)) => {
                let console = Arc::clone(&console);
                tokio::spawn(async move {
                    // The administrator went away: no harm done.
                    let _ = serve(socket, &console, place).await;
                });
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn serve(mut socket: UnixStream, console: &Console, place: OwnedSemaphorePermit) -> io::Result<()> {
    let by = socket.peer_cred().map_or_else(|_| "nobody".to_owned(), |peer| user_name(peer.uid()));
    let stream = {
        let (reader, mut writer) = socket.split();
        let mut reader = BufReader::new(reader);
        loop {
            let mut text = String::new();
            let length = timeout(IDLE, (&mut reader).take(LINE).read_line(&mut text)).await??;
            if length == 0 {
                return Ok(());
            }
            let response = match parse_order(text.trim()) {
                Ok(Order::Trace(order)) => match feed(&order, &console.orders).await {
                    Ok(feed) => break Stream::Trace(order, feed),
                    Err(why) => Response::Refused(why.to_owned()),
                },
                Ok(Order::Events) => match follow(&console.orders).await {
                    Ok(live) => break Stream::Events(live),
                    Err(why) => Response::Refused(why.to_owned()),
                },
                Ok(Order::Queues) => Response::Queues((console.queues)()),
                Ok(order) => carry_out(order, by.clone(), &console.orders).await,
                Err(reason) => Response::Refused(reason),
            };
            // Who does not read what they asked for gives their place to others.
            timeout(IDLE, writer.write_all(line(&response).as_bytes())).await??;
        }
    };
    // From here on a thread has the socket: messages may come for days.
    let user = socket.peer_cred().ok().map(|peer| peer.uid());
    let socket = socket.into_std()?;
    match stream {
        Stream::Trace(order, feed) => trace::serve(socket, Asked { order, user }, feed, place),
        Stream::Events(live) => events::serve(socket, live, place),
    }
    Ok(())
}

/// What goes on until somebody has seen enough.
enum Stream {
    Trace(TraceOrder, Feed),
    Events(events::Live),
}

async fn follow(orders: &mpsc::Sender<Pending>) -> Result<events::Live, &'static str> {
    let (reply, answer) = oneshot::channel();
    orders.send(Pending::Events { reply }).await.map_err(|_| "the hotline is ending")?;
    answer.await.map_err(|_| "the hotline is ending")?
}

async fn feed(order: &TraceOrder, orders: &mpsc::Sender<Pending>) -> Result<Feed, &'static str> {
    let (reply, answer) = oneshot::channel();
    let gone = |_| "the hotline is ending";
    orders.send(Pending::Trace { follow: order.follow, reply }).await.map_err(|_| "the hotline is ending")?;
    answer.await.map_err(gone)?
}

async fn carry_out(order: Order, by: String, orders: &mpsc::Sender<Pending>) -> Response {
    let (reply, answer) = oneshot::channel();
    let gone = || Response::Refused("the hotline is ending".to_owned());
    if orders.send(Pending::Order { order, by, reply }).await.is_err() {
        return gone();
    }
    answer.await.unwrap_or_else(|_| gone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::control::client::ask;
    use crate::daemon::versions::Task;
    use crate::exchange::{Command, Reply};

    #[test]
    fn an_order_goes_there_and_its_answer_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = crate::daemon::state::control_socket(folder.path());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let asked = folder.path().to_owned();
        runtime.block_on(async {
            let line = QueueLine {
                name: "vip".to_owned(),
                waiting: 3,
                talking: 2,
                longest_ms: 1,
                signed_on: 2,
                ready: 0,
            };
            let queues = vec![line];
            let told = queues.clone();
            let mut control = Socket::bind(&path).unwrap().listen(move || told.clone()).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            let client = std::thread::spawn(move || {
                (
                    // Nobody takes orders yet.
                    ask(&asked, &Order::Queues).unwrap(),
                    ask(&asked, &Order::Exchange(Command::Agents)).unwrap(),
                    ask(&asked, &Order::Dialplan(Task::Accept)).unwrap(),
                )
            });
            for response in [Response::Reply(Reply::Done), Response::Reply(Reply::Done)] {
                control.ready().await;
                let Some(Pending::Order { reply, .. }) = control.take() else { panic!("no order") };
                reply.send(response).unwrap();
            }
            let answers = tokio::task::spawn_blocking(|| client.join().unwrap()).await.unwrap();
            let done = || Response::Reply(Reply::Done);
            assert_eq!(answers, (Response::Queues(queues), done(), done()));
            drop(control);
        });
        assert!(!path.exists());
        assert!(matches!(ask(folder.path(), &Order::Status), Err(Failure::NotRunning { .. })));
    }
}
