//! What a call asks of the engine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::ice::Terms;
use crate::base::srtp::Keys;
use crate::base::{Codec, LegId, Masked, PlayId, PromptId, RecordingId};

use super::Library;

/// One order. An order about a leg or recording that does not exist is ignored, except [`Command::Record`],
/// which always leads to one [`Event::RecordingEnded`](super::Event::RecordingEnded).
#[derive(Clone, Debug)]
pub enum Command {
    /// The encoded prompts. A library only ever grows: a shorter one than the present is ignored.
    Library(Arc<Library>),
    /// A leg begins. The host has bound `rtp_port`, and `rtp_port + 1` for RTCP. The three starting values are
    /// random (RFC 3550 §5.1). An open leg is silent until [`Command::Connect`].
    Open {
        leg: LegId,
        rtp_port: u16,
        ssrc: u32,
        sequence: u16,
        timestamp: u32,
    },
    /// What offer and answer agreed: the first time, and after each re-negotiation.
    Connect {
        leg: LegId,
        stream: Stream,
    },
    /// From now on the leg's packets are protected (SRTP), and what the peer sends in the clear is dropped; without
    /// keys all goes in the clear again.
    Protect {
        leg: LegId,
        keys: Option<Box<Keys>>,
    },
    /// The leg is a browser: until [`Command::Secured`] it is neither heard nor spoken to, and what is to be played waits.
    /// The host looks for the way to it and shakes hands by these terms. Again when they have changed: the leg goes on as
    /// it is until the next [`Command::Secured`].
    Await {
        leg: LegId,
        terms: Box<Terms>,
    },
    /// From the host: the browser is there, and these are the keys. Voice and reports go to this address, both from the
    /// RTP port (RFC 5761).
    Secured {
        leg: LegId,
        peer: SocketAddr,
        keys: Box<Keys>,
    },
    /// Replaces what is playing. Waits for the first [`Command::Connect`]; goes on in silence while the peer
    /// wants nothing sent, so that [`Event::Played`](super::Event::Played) always comes.
    Play {
        leg: LegId,
        play: PlayId,
        clips: Vec<Sound>,
        repeat: bool,
    },
    /// Ends what is playing, without an event.
    Stop {
        leg: LegId,
    },
    /// Something short over what the leg hears otherwise: a tone, a word to one party. Replaces what was played so
    /// before; without an event.
    PlayOver {
        leg: LegId,
        clips: Vec<Sound>,
        repeat: bool,
    },
    /// The two hear each other from now on. What either was bridged to before is unbridged.
    Bridge {
        a: LegId,
        b: LegId,
    },
    /// The leg hears these from now on, itself never, and nobody else: one as it is, several mixed. Whom it is heard
    /// by stays as it is. A leg that is closed is heard by nobody any more.
    Hear {
        leg: LegId,
        others: Vec<LegId>,
    },
    /// The leg hears nobody and is heard by nobody.
    Unbridge {
        leg: LegId,
    },
    /// Records what `left` says, or what both say, one on each channel. Ends by [`Command::StopRecording`], after
    /// `silence_ends` without a voice, at `longest`, or when `left` is closed; a closed `right` is silent.
    Record {
        recording: RecordingId,
        left: LegId,
        right: Option<LegId>,
        longest: Duration,
        silence_ends: Option<Duration>,
    },
    /// What `third` says is recorded too from now on, on the last channel; `None`: no longer.
    RecordThird {
        recording: RecordingId,
        third: Option<LegId>,
    },
    StopRecording {
        recording: RecordingId,
    },
    /// While paused, what is said is blank in the recording and keeps its place.
    PauseRecording {
        recording: RecordingId,
        paused: bool,
    },
    /// Presses keys towards the peer: as telephone events (RFC 4733), or as tones where it takes none.
    SendDigits {
        leg: LegId,
        digits: Masked<String>,
    },
    /// While on: keys are listened for in the leg's voice. For a peer that sends none as events, and only while
    /// somebody waits for keys: it costs an ear and 3 µs a frame.
    HearTones {
        leg: LegId,
        on: bool,
    },
    /// While on: what the leg says or keys is blank in recordings and does not cross the bridge.
    /// Keys still come as events.
    Secret {
        leg: LegId,
        on: bool,
    },
    /// The leg ends: RTCP BYE, its last quality report, the end of recordings of it.
    Close {
        leg: LegId,
    },
}

/// A leg's stream as agreed: where it goes and in which shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    pub remote_rtp: SocketAddr,
    pub remote_rtcp: SocketAddr,
    pub codec: Codec,
    /// Payload type of `codec`, in both directions.
    pub payload_type: u8,
    /// Payload type of telephone events; `None` where the peer takes none.
    pub dtmf: Option<u8>,
    /// Units a second of their time stamps and durations: the codec's, or 8000 where the peer has events at no other.
    pub dtmf_clock: u32,
    /// Milliseconds of audio in each packet that we make: 10, 20, 30, 40 or 60; Opus has none of 30. What is forwarded
    /// untouched stays as it came.
    pub ptime_ms: u8,
    /// Payload type of comfort noise (RFC 3389) that the peer takes.
    pub noise: Option<u8>,
    /// We may send.
    pub send: bool,
    /// The peer may send.
    pub receive: bool,
    /// The peer holds us: silence from it is no reason to worry for a long time.
    pub held: bool,
}

/// What a leg hears, in order: a [`Clip`](crate::base::Clip) whose recording the host has turned into samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Sound {
    /// A prompt that the library does not have is left out.
    Prompt(PromptId),
    Silence(Duration),
    /// 16-bit linear samples at 8 kHz.
    Samples(Arc<[i16]>),
}

/// Which of a leg's two ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Rtp,
    Rtcp,
}
