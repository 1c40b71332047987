//! One media thread.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};

use crate::base::LegId;
use crate::daemon::browsers::Door;
use crate::daemon::clock;
use crate::daemon::counters::Counters;
use crate::daemon::heartbeat::Heartbeat;
use crate::daemon::inbox::{Inbox, Report};
use crate::daemon::recorder::Recorder;
use crate::media::{Channel, Command, Engine, Event, Output, Seat};

use super::ports::Ports;
use super::tick::Tick;

pub enum Order {
    Command(Command),
    /// A packet that is no voice, from a leg's RTP port.
    Send {
        leg: LegId,
        to: SocketAddr,
        bytes: Vec<u8>,
    },
    /// The [`Command::Open`] of a leg with the ports that it names.
    Open {
        leg: LegId,
        ports: Ports,
        command: Command,
    },
    Stop,
}

/// The driver pushes, one worker takes.
///
/// The worker runs at a higher priority than the driver: whatever the worker waits for, the driver cannot
/// finish on the same core until the kernel throttles the worker, a second later. So the worker never waits, neither
/// for a lock nor for a push that is under way (a lock-free queue's pop spins for that one): what it cannot have now it
/// takes a tick later. The driver waits at most while the worker exchanges two vectors.
#[derive(Clone)]
pub struct Orders(Arc<Shared>);

struct Shared {
    queue: Mutex<Vec<Order>>,
    /// Written by the worker before it sleeps long, cleared by whoever rings the bell.
    asleep: AtomicBool,
    bell: OwnedFd,
}

impl Orders {
    pub fn new() -> io::Result<Orders> {
        let bell = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Orders(Arc::new(Shared { queue: Mutex::default(), asleep: AtomicBool::new(false), bell })))
    }

    /// Costs a system call only when the worker has no legs: else it looks every millisecond anyway.
    pub fn push(&self, order: Order) {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).push(order);
        // Either this sees `asleep`, or the worker's look after setting it sees the order.
        fence(Ordering::SeqCst);
        if self.0.asleep.swap(false, Ordering::SeqCst) {
            let _ = rustix::io::write(&self.0.bell, &1u64.to_ne_bytes());
        }
    }

    /// Whether one can be taken now.
    fn are_there(&self) -> bool {
        match self.0.queue.try_lock() {
            Ok(queue) => !queue.is_empty(),
            Err(TryLockError::Poisoned(queue)) => !queue.get_ref().is_empty(),
            // The driver looks at `asleep` after it has let go.
            Err(TryLockError::WouldBlock) => false,
        }
    }

    /// All that wait, in order; `taken` must be empty. None while the driver is just adding one.
    fn take(&self, taken: &mut Vec<Order>) {
        match self.0.queue.try_lock() {
            Ok(mut queue) => mem::swap(&mut *queue, taken),
            Err(TryLockError::Poisoned(queue)) => mem::swap(&mut *queue.into_inner(), taken),
            Err(TryLockError::WouldBlock) => {}
        }
    }
}

/// How long a worker without legs sleeps at most: its heart must go on beating.
const IDLE: Duration = Duration::from_millis(500);
/// How often a turn asks for more packets: a flood on one leg must not hold up the others' voice.
const ROUNDS: usize = 8;
const EVENTS: usize = 1024;
/// Larger than any Ethernet frame: what is longer is no voice packet.
const PACKET: usize = 2048;
/// Marks the bell among the sockets.
const BELL: u64 = u64::MAX;

/// How much of a worker's work is dear. Written by the worker now and then, read for the status.
#[derive(Default)]
pub struct Work {
    mixes: AtomicUsize,
    translations: AtomicUsize,
}

impl Work {
    pub fn mixes(&self) -> usize {
        self.mixes.load(Ordering::Relaxed)
    }

    pub fn translations(&self) -> usize {
        self.translations.load(Ordering::Relaxed)
    }

    fn note(&self, engine: &Engine) {
        self.mixes.store(engine.mixes(), Ordering::Relaxed);
        self.translations.store(engine.translations(), Ordering::Relaxed);
    }
}

/// Turns between two looks at how much of the work is dear.
const LOOK_EVERY: u32 = 500;

pub struct Worker {
    engine: Engine,
    work: Arc<Work>,
    turns: u32,
    orders: Orders,
    /// Room for what is taken, kept between turns.
    taken: Vec<Order>,
    legs: Legs,
    /// Where what is no voice goes; `None`: there are no browsers.
    door: Option<Door>,
    poll: OwnedFd,
    recorder: Recorder,
    inbox: Inbox<Report>,
    /// What the driver had no room for yet, in order.
    unsent: VecDeque<Event>,
    counters: Arc<Counters>,
    heart: Heartbeat,
}

impl Worker {
    pub fn new(
        engine: Engine,
        work: Arc<Work>,
        orders: Orders,
        recorder: Recorder,
        inbox: Inbox<Report>,
        counters: Arc<Counters>,
        heart: Heartbeat,
    ) -> io::Result<Self> {
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let bell = epoll::EventData::new_u64(BELL);
        epoll::add(&poll, orders.0.bell.as_fd(), bell, epoll::EventFlags::IN)?;
        Ok(Worker {
            engine,
            work,
            turns: 0,
            orders,
            taken: Vec::new(),
            legs: Legs::default(),
            door: None,
            poll,
            recorder,
            inbox,
            unsent: VecDeque::new(),
            counters,
            heart,
        })
    }

    /// What is no voice goes there.
    pub fn with_door(self, door: Option<Door>) -> Self {
        Worker { door, ..self }
    }

    /// Until [`Order::Stop`].
    pub fn run(mut self) {
        let mut tick = Tick::starting(clock::mono());
        let mut ready = Vec::with_capacity(EVENTS);
        loop {
            if self.legs.is_empty() && self.unsent.is_empty() {
                self.sleep_until_called(&mut ready);
                tick = Tick::starting(clock::mono());
            }
            if !self.take_orders() {
                return;
            }
            self.receive(&mut ready);
            self.engine.handle_tick(clock::mono());
            self.put_out();
            self.report();
            self.turns = self.turns.wrapping_add(1);
            if self.turns.is_multiple_of(LOOK_EVERY) || self.legs.is_empty() {
                self.work.note(&self.engine);
            }
            self.heart.beat();
            // Also while only reports wait for room: the driver that makes it needs the processor.
            if !self.legs.is_empty() || !self.unsent.is_empty() {
                self.counters.ticks_late.add(tick.sleep());
            }
        }
    }

    fn sleep_until_called(&mut self, ready: &mut Vec<epoll::Event>) {
        let shared = Arc::clone(&self.orders.0);
        shared.asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if !self.orders.are_there() {
            self.wait(ready, IDLE);
            self.silence_bell();
        }
        shared.asleep.store(false, Ordering::SeqCst);
    }

    fn silence_bell(&self) {
        let mut rung = [0; 8];
        let _ = rustix::io::read(&self.orders.0.bell, &mut rung);
    }

    /// Fills `ready`; empty after `patience` or an interruption.
    fn wait(&self, ready: &mut Vec<epoll::Event>, patience: Duration) {
        let patience = Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(patience.subsec_nanos()),
        };
        ready.clear();
        if epoll::wait(&self.poll, spare_capacity(ready), Some(&patience)).is_err() {
            ready.clear();
        }
    }

    /// False when the thread shall end.
    fn take_orders(&mut self) -> bool {
        let mut taken = mem::take(&mut self.taken);
        self.orders.take(&mut taken);
        for order in taken.drain(..) {
            match order {
                Order::Command(Command::Close { leg }) => self.close(leg),
                Order::Command(command) => {
                    if let Command::Await { leg, .. } = &command
                        && let Some(sits) = self.sits(*leg)
                    {
                        sits.browser = true;
                    }
                    self.engine.handle_command(clock::mono(), command);
                }
                Order::Send { leg, to, bytes } => {
                    let sent = self.sits(leg).map(|sits| sits.ports.send(Channel::Rtp, to, &bytes));
                    // A leg that has just been closed has nothing more to say.
                    if matches!(sent, Some(Err(_))) {
                        self.counters.rtp_send_failed.add_one();
                    }
                }
                Order::Open { leg, ports, command } => self.open(leg, ports, command),
                Order::Stop => {
                    self.put_out();
                    self.report();
                    return false;
                }
            }
        }
        self.taken = taken;
        true
    }

    fn open(&mut self, leg: LegId, ports: Ports, command: Command) {
        self.engine.handle_command(clock::mono(), command);
        let Some(seat) = self.engine.seat(leg) else { return };
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let data = epoll::EventData::new_u64(Legs::key(seat, channel));
            if let Err(error) = epoll::add(&self.poll, ports.socket(channel), data, epoll::EventFlags::IN) {
                let reason = format!("the leg's socket cannot be watched: {error}");
                self.unsent.push_back(Event::OpenFailed { leg, reason });
                return self.close(leg);
            }
        }
        self.legs.add(seat, ports);
    }

    fn close(&mut self, leg: LegId) {
        let seat = self.engine.seat(leg);
        self.engine.handle_command(clock::mono(), Command::Close { leg });
        // The leg's last packets still need its ports.
        self.put_out();
        if let Some(seat) = seat {
            self.legs.remove(seat);
        }
    }

    fn sits(&mut self, leg: LegId) -> Option<&mut Sits> {
        self.legs.get(self.engine.seat(leg)?)
    }

    /// One packet of every socket that has some, until none has: the usual case, a packet each, costs one
    /// read each and no read in vain.
    fn receive(&mut self, ready: &mut Vec<epoll::Event>) {
        let mut buffer = [0; PACKET];
        for _ in 0..ROUNDS {
            self.wait(ready, Duration::ZERO);
            if ready.is_empty() {
                return;
            }
            let now = clock::mono();
            for event in ready.iter() {
                if event.data.u64() == BELL {
                    // Rung just as we woke by ourselves: else the poll would be ready for ever.
                    self.silence_bell();
                    continue;
                }
                let Some((sits, channel)) = self.legs.by_key(event.data.u64()) else { continue };
                if let Some((length, from)) = sits.ports.receive(channel, &mut buffer) {
                    let packet = buffer.get(..length).unwrap_or_default();
                    match &self.door {
                        Some(door) if sits.browser && !is_voice(packet) => {
                            door.packet(sits.seat.leg, from, packet);
                        }
                        _ => self.engine.handle_packet(now, sits.seat, channel, from, packet),
                    }
                }
            }
            self.put_out();
        }
    }

    fn put_out(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Send { seat, channel, to, bytes } => {
                    let sent = self.legs.get(seat).map(|sits| sits.ports.send(channel, to, bytes));
                    if !matches!(sent, Some(Ok(()))) {
                        self.counters.rtp_send_failed.add_one();
                    }
                }
                Output::Event(event) => {
                    if let Event::RecordingEnded { recording, .. } = event {
                        self.recorder.end(recording);
                    }
                    self.unsent.push_back(event);
                }
                Output::Audio(audio) => self.recorder.audio(audio),
                Output::Peer { seat, only } => {
                    if let Some(sits) = self.legs.get(seat) {
                        sits.ports.only_from(only);
                    }
                }
            }
        }
    }

    fn report(&mut self) {
        while let Some(event) = self.unsent.pop_front() {
            if let Err(Report::Media(back)) = self.inbox.push(Report::Media(event)) {
                self.unsent.push_front(back);
                return;
            }
        }
    }
}

/// RFC 7983 §7: what is below is STUN and DTLS.
fn is_voice(packet: &[u8]) -> bool {
    packet.first().is_none_or(|first| *first >= 64)
}

/// Who sits in a place.
struct Sits {
    seat: Seat,
    ports: Ports,
    /// What comes to its port is not only voice.
    browser: bool,
}

/// The legs' sockets, by the legs' places in the engine.
#[derive(Default)]
struct Legs {
    places: Vec<Option<Sits>>,
    open: usize,
}

impl Legs {
    fn is_empty(&self) -> bool {
        self.open == 0
    }

    fn add(&mut self, seat: Seat, ports: Ports) {
        if self.places.len() <= seat.place {
            self.places.resize_with(seat.place + 1, || None);
        }
        if let Some(place) = self.places.get_mut(seat.place) {
            self.open += usize::from(place.is_none());
            *place = Some(Sits { seat, ports, browser: false });
        }
    }

    /// Closing the sockets takes them off the poll.
    fn remove(&mut self, seat: Seat) {
        if self.get(seat).is_some()
            && let Some(place) = self.places.get_mut(seat.place)
        {
            *place = None;
            self.open -= 1;
        }
    }

    fn get(&mut self, seat: Seat) -> Option<&mut Sits> {
        self.places.get_mut(seat.place)?.as_mut().filter(|sits| sits.seat == seat)
    }

    /// A leg's place and the channel in one number.
    fn key(seat: Seat, channel: Channel) -> u64 {
        (seat.place as u64) << 1 | u64::from(channel == Channel::Rtcp)
    }

    fn by_key(&self, key: u64) -> Option<(&Sits, Channel)> {
        let place = usize::try_from(key >> 1).ok()?;
        let sits = self.places.get(place)?.as_ref()?;
        Some((sits, if key & 1 == 0 { Channel::Rtp } else { Channel::Rtcp }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_in_the_middle_of_a_push_makes_nobody_wait() {
        let orders = Orders::new().unwrap();
        let mut taken = Vec::new();
        orders.push(Order::Stop);
        let driver = orders.0.queue.lock().unwrap();
        orders.take(&mut taken);
        assert!(
            taken.is_empty() && !orders.are_there(),
            "the worker sleeps, and the driver rings when it is done"
        );
        drop(driver);
        assert!(orders.are_there());
        orders.take(&mut taken);
        assert_eq!((taken.len(), orders.are_there()), (1, false));
    }
}
