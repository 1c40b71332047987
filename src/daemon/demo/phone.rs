//! A softphone: real SIP and RTP over sockets of its own on loopback, one plain thread.
//!
//! It does as it is told, says what happens, and lets its [`Ear`] listen on a thread beside it, so that
//! recognising what arrives never delays what is sent.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use bytes::Bytes;

use super::event::{Event, Reporter};
use super::hearing::{Ear, Hearing};
use super::line::{Line, Ports};
use super::registration;
use super::sounds::{SoundId, Sounds};
use crate::base::{Codec, Instant, Rng};
use crate::daemon::clock;
use crate::media::Digit;
use crate::sdp::{self, Direction};
use crate::sip::auth::Credentials;
use crate::sip::{self, Answer, DialogId, Endpoint, Flow, Invite, NameAddr, Transport, Uri};

/// Between two frames.
const FRAME: Duration = Duration::from_millis(20);
/// The longest the thread waits before it looks at its sockets again.
const TURN: Duration = Duration::from_millis(4);

/// What a phone is and where it calls.
pub struct Config {
    pub server: SocketAddr,
    /// Callers' phones are on the trunk's network, desk phones are not.
    pub address: Ipv4Addr,
    /// Number or extension.
    pub user: String,
    /// Only who has an account signs in.
    pub credentials: Option<Credentials>,
    pub codecs: Vec<Codec>,
    /// Where the recordings of its calls go.
    pub folder: PathBuf,
}

/// What a phone is told to do.
#[derive(Debug)]
pub enum Order {
    Register,
    /// Calls a number; `recording` is the file's name without its ending.
    Dial {
        number: String,
        recording: String,
    },
    /// Takes the call that rings.
    Answer {
        recording: String,
    },
    Press(String),
    Say(SoundId),
    HangUp,
}

/// A running phone. Dropped, its thread ends and what was recorded is kept.
pub struct Phone {
    orders: Option<Sender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Phone {
    pub fn start(config: Config, sounds: Arc<Sounds>, reporter: Reporter, mut rng: Rng) -> io::Result<Phone> {
        let socket = UdpSocket::bind((config.address, 0))?;
        let local = socket.local_addr()?;
        let (orders, received) = mpsc::channel();
        let name = format!("phone {}", config.user);
        let mut handset = Handset {
            endpoint: Endpoint::new(sip::Config::default(), rng.fork()),
            config,
            socket,
            local,
            sounds,
            reporter,
            rng,
            call: None,
            next_frame: clock::mono(),
        };
        let thread = thread::Builder::new().name(name).spawn(move || {
            if let Err(error) = handset.run(&received) {
                handset.reporter.tell(Event::Fails(error.to_string()));
            }
        })?;
        Ok(Phone { orders: Some(orders), thread: Some(thread) })
    }

    pub fn tell(&self, order: Order) {
        // A phone whose thread is gone has said why.
        let _ = self.orders.as_ref().map(|orders| orders.send(order));
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

struct Handset {
    config: Config,
    socket: UdpSocket,
    local: SocketAddr,
    sounds: Arc<Sounds>,
    reporter: Reporter,
    rng: Rng,
    endpoint: Endpoint,
    call: Option<Call>,
    next_frame: Instant,
}

struct Call {
    dialog: DialogId,
    /// Until the line is open.
    ports: Option<Ports>,
    /// The hotline's SDP offer, while the phone rings.
    offer: Option<Bytes>,
    recording: String,
    line: Option<OpenLine>,
}

struct OpenLine {
    line: Line,
    ear: Sender<(usize, Vec<i16>)>,
    listener: JoinHandle<()>,
}

impl Handset {
    fn run(&mut self, orders: &Receiver<Order>) -> io::Result<()> {
        self.socket.set_nonblocking(true)?;
        loop {
            match orders.recv_timeout(TURN) {
                Ok(order) => self.obey(order)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.receive();
            self.speak();
            self.exchange()?;
        }
        self.hang_up();
        self.exchange()
    }

    fn obey(&mut self, order: Order) -> io::Result<()> {
        let now = clock::mono();
        match order {
            Order::Register => self.register()?,
            Order::Dial { number, recording } => self.dial(now, &number, recording)?,
            Order::Answer { recording } => self.answer(now, recording)?,
            Order::Press(keys) => {
                if let Some(line) = self.line() {
                    keys.chars().filter_map(Digit::from_char).for_each(|key| line.press(key));
                }
                self.reporter.tell(Event::Presses(keys));
            }
            Order::Say(sound) => {
                let sounds = Arc::clone(&self.sounds);
                if let (Some(sound), Some(line)) = (sounds.get(sound), self.line()) {
                    line.speak(&sound.samples);
                }
                self.reporter.tell(Event::Says(sound));
            }
            Order::HangUp => self.hang_up(),
        }
        Ok(())
    }

    fn register(&mut self) -> io::Result<()> {
        let Some(credentials) = self.config.credentials.clone() else { return Ok(()) };
        self.socket.set_nonblocking(false)?;
        let done = registration::register(&self.socket, self.config.server, credentials, &mut self.rng);
        self.socket.set_nonblocking(true)?;
        self.reporter.tell(match done {
            Ok(()) => Event::Registered,
            Err(reason) => Event::Fails(reason),
        });
        Ok(())
    }

    fn dial(&mut self, now: Instant, number: &str, recording: String) -> io::Result<()> {
        let ports = Ports::bind(self.config.address.into())?;
        let offer = sdp::offer(&local(&self.config, ports.port));
        let invite = Invite {
            to: Uri::sip(Some(number), self.config.server),
            via: self.flow(self.config.server),
            from: NameAddr::new(Uri::sip(Some(&self.config.user), self.config.server)),
            to_display: None,
            contact_user: Some(self.config.user.clone()),
            sdp: Some(offer.into()),
            headers: Vec::new(),
            credentials: self.config.credentials.clone(),
        };
        let dialog = self.endpoint.invite(now, invite);
        self.call = Some(Call { dialog, ports: Some(ports), offer: None, recording, line: None });
        self.reporter.tell(Event::Dials(number.to_owned()));
        Ok(())
    }

    fn answer(&mut self, now: Instant, recording: String) -> io::Result<()> {
        let Some(mut call) = self.call.take() else { return Ok(()) };
        let ports = Ports::bind(self.config.address.into())?;
        let offer = call.offer.take().unwrap_or_default();
        let ours = local(&self.config, ports.port);
        let answered = sdp::parse(&offer)
            .map_err(|error| error.to_string())
            .and_then(|offer| sdp::answer(&offer, &ours).map_err(|refused| refused.to_string()));
        match answered {
            Ok((text, agreed)) => {
                self.endpoint.accept(now, call.dialog, Some(text.into()));
                call.recording = recording;
                self.reporter.tell(Event::Answers);
                let line = Line::new(ports, &agreed, now, &mut self.rng);
                call.line = Some(self.open(line)?);
                self.call = Some(call);
            }
            Err(reason) => {
                self.endpoint.reject(now, call.dialog, Answer::new(488));
                self.reporter.tell(Event::Fails(reason));
            }
        }
        Ok(())
    }

    /// From now on frames are sent, and somebody listens.
    fn open(&mut self, line: Line) -> io::Result<OpenLine> {
        self.next_frame = clock::mono();
        let (ear, audio) = mpsc::channel::<(usize, Vec<i16>)>();
        let (sounds, reporter) = (Arc::clone(&self.sounds), self.reporter.clone());
        let name = format!("ear {}", self.config.user);
        let listener = thread::Builder::new().name(name).spawn(move || {
            let mut ear = Ear::new(sounds);
            let tell = |ear: &mut Ear| {
                while let Some(hearing) = ear.poll() {
                    reporter.tell(match hearing {
                        Hearing::Begins(sound) => Event::Begins(sound),
                        Hearing::Ends(heard) => Event::Hears(heard),
                    });
                }
            };
            for (at, samples) in audio {
                ear.listen(at, &samples);
                tell(&mut ear);
            }
            ear.finish();
            tell(&mut ear);
        })?;
        Ok(OpenLine { line, ear, listener })
    }

    fn hang_up(&mut self) {
        if let Some(call) = self.call.take() {
            self.endpoint.bye(clock::mono(), call.dialog, None);
            self.close(call);
            self.reporter.tell(Event::HangsUp);
        }
    }

    /// Keeps what was recorded, and hears it to the end.
    fn close(&self, call: Call) {
        let Some(OpenLine { line, ear, listener }) = call.line else { return };
        drop(ear);
        drop(listener.join());
        let path = self.config.folder.join(format!("{}.wav", call.recording));
        let saved = fs::create_dir_all(&self.config.folder).map_err(hound::Error::from);
        if let Err(error) = saved.and_then(|()| line.save(&path)) {
            self.reporter.tell(Event::Fails(format!("{} cannot be written: {error}", path.display())));
        }
    }

    fn receive(&mut self) {
        let now = clock::mono();
        let mut datagram = [0; 8192];
        while let Ok((length, remote)) = self.socket.recv_from(&mut datagram) {
            let bytes = datagram.get(..length).unwrap_or_default();
            let flow = self.flow(remote);
            self.endpoint.handle_message(now, flow, bytes);
        }
        if let Some(OpenLine { line, ear, .. }) = self.call.as_mut().and_then(|call| call.line.as_mut()) {
            line.receive(now, |at, samples| drop(ear.send((at, samples))));
        }
    }

    fn speak(&mut self) {
        let now = clock::mono();
        let mut next = self.next_frame;
        if let Some(line) = self.line() {
            while next <= now {
                line.send_frame();
                next += FRAME;
            }
            self.next_frame = next;
        }
    }

    /// Carries out what SIP wants.
    fn exchange(&mut self) -> io::Result<()> {
        let now = clock::mono();
        if self.endpoint.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.endpoint.handle_timeout(now);
        }
        loop {
            while let Some(transmit) = self.endpoint.poll_transmit() {
                if self.socket.send_to(&transmit.bytes, transmit.flow.remote).is_err() {
                    self.endpoint.handle_flow_closed(now, transmit.flow);
                }
            }
            let Some(event) = self.endpoint.poll_event() else { return Ok(()) };
            self.handle(now, event)?;
        }
    }

    fn handle(&mut self, now: Instant, event: sip::Event) -> io::Result<()> {
        match event {
            sip::Event::Invite { dialog, .. } if self.call.is_some() => {
                self.endpoint.reject(now, dialog, Answer::new(486));
            }
            sip::Event::Invite { dialog, request, .. } => {
                let shown = request.from.display_name().unwrap_or_default().into_owned();
                self.endpoint.ring(now, dialog, 180, None);
                let offer = Some(request.body.clone());
                let recording = String::new();
                self.call = Some(Call { dialog, ports: None, offer, recording, line: None });
                self.reporter.tell(Event::Rings(shown));
            }
            sip::Event::Cancelled { dialog } if self.is_ours(dialog) => {
                self.call = None;
                self.reporter.tell(Event::StopsRinging);
            }
            sip::Event::Answered { dialog, sdp } if self.is_ours(dialog) => self.connected(now, sdp)?,
            sip::Event::Rejected { dialog, status, .. } if self.is_ours(dialog) => {
                self.call = None;
                self.reporter.tell(Event::Refused(status));
            }
            sip::Event::Ended { dialog, .. } if self.is_ours(dialog) => {
                if let Some(call) = self.call.take() {
                    self.close(call);
                }
                self.reporter.tell(Event::HungUp);
            }
            // This phone is asked for nothing new in a call.
            sip::Event::Reoffer { dialog, .. } => {
                self.endpoint.answer_reoffer(now, dialog, Err(Answer::new(488)));
            }
            sip::Event::Request { id, .. } => self.endpoint.respond(now, id, Answer::new(200)),
            _ => {}
        }
        Ok(())
    }

    fn connected(&mut self, now: Instant, answer: Option<Bytes>) -> io::Result<()> {
        let Some(mut call) = self.call.take() else { return Ok(()) };
        let Some(ports) = call.ports.take() else { return Ok(()) };
        let ours = local(&self.config, ports.port);
        let agreed = sdp::parse(&answer.unwrap_or_default())
            .map_err(|error| error.to_string())
            .and_then(|answer| sdp::agree(&ours, &answer).map_err(|refused| refused.to_string()));
        match agreed {
            Ok(agreed) => {
                self.reporter.tell(Event::Connected);
                let line = Line::new(ports, &agreed, now, &mut self.rng);
                call.line = Some(self.open(line)?);
                self.call = Some(call);
            }
            Err(reason) => {
                self.endpoint.bye(now, call.dialog, None);
                self.reporter.tell(Event::Fails(reason));
            }
        }
        Ok(())
    }

    fn is_ours(&self, dialog: DialogId) -> bool {
        self.call.as_ref().is_some_and(|call| call.dialog == dialog)
    }

    fn line(&mut self) -> Option<&mut Line> {
        self.call.as_mut()?.line.as_mut().map(|open| &mut open.line)
    }

    fn flow(&self, remote: SocketAddr) -> Flow {
        Flow { transport: Transport::Udp, local: self.local, remote, connection: 0 }
    }
}

fn local(config: &Config, rtp_port: u16) -> sdp::Local<'_> {
    sdp::Local {
        address: IpAddr::V4(config.address),
        rtp_port,
        codecs: &config.codecs,
        session_id: u64::from(rtp_port),
        version: 1,
        direction: Direction::SendRecv,
        events: true,
        protection: None,
        web: None,
    }
}
