//! One party of a call: what was negotiated with it and what it hears.
//!
//! A leg knows its media and its session description; its dialog belongs to the exchange, which finds it by
//! the leg's id.

use std::net::IpAddr;

use bytes::Bytes;

use super::{Ctx, Effect};
use crate::base::ice::{Certificate, Credentials, Fingerprint, Terms};
use crate::base::srtp::{Encryption, KeyRing, Keys};
use crate::base::{Clip, Codec, Codecs, DigitWay, LegId, PlayId};
use crate::media::{Command, DigitMeans, Sound, Stream};
use crate::sdp::{self, Agreed, AgreedWeb, Direction, Local, Protection, SdpError, Web};

/// How a peer is talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Towards {
    /// Ours, as the peer shall see it.
    pub address: IpAddr,
    /// What the settings say of its trunk or desk, and its way to us allows.
    pub encryption: Encryption,
    /// What the settings say of its trunk or desk.
    pub codecs: Codecs,
    /// How its keys are taken, as the settings say of its trunk or desk.
    pub digits: DigitWay,
    /// Whether it is, or may be, a browser (WebRTC).
    pub browser: Browser,
}

/// Whether a peer's media is a browser's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    /// Its SDP offer of such media is refused.
    No,
    /// Where it offers such media, that is taken.
    May,
    /// Nothing else is offered or taken; it knows us by this certificate.
    Is(Certificate),
}

/// Why offer and answer come to nothing.
#[derive(Debug, thiserror::Error)]
pub enum NoMedia {
    #[error(transparent)]
    Broken(#[from] SdpError),
    #[error(transparent)]
    Refused(#[from] sdp::Refused),
    #[error("the answer has no session description")]
    NoAnswer,
}

impl NoMedia {
    /// The refusal of the peer's SDP offer, which says why (RFC 3261 §20.43).
    pub fn refusal(&self) -> Refusal {
        let code = match self {
            NoMedia::Refused(refused) => refused.warning(),
            NoMedia::Broken(_) | NoMedia::NoAnswer => 399,
        };
        // What the peer wrote is not given back: it may hold anything.
        let text = match self {
            NoMedia::Refused(sdp::Refused::Transport(_)) => "audio only over RTP/AVP".to_owned(),
            other => other.to_string(),
        };
        Refusal { status: 488, warning: Some(format!("{code} hotline \"{text}\"")) }
    }
}

/// A final refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// The value of a Warning header.
    pub warning: Option<String>,
}

/// What we show a browser: our certificate, and what its connectivity checks must know.
#[derive(Debug)]
struct Shown {
    certificate: Certificate,
    fingerprint: Fingerprint,
    credentials: Credentials,
}

impl Shown {
    fn to(browser: Browser, ctx: &mut Ctx<'_>) -> Option<Self> {
        let certificate = match browser {
            Browser::No => return None,
            Browser::May => Certificate::First,
            Browser::Is(certificate) => certificate,
        };
        let fingerprint = ctx.settings.certificates?.of(certificate);
        Some(Shown { certificate, fingerprint, credentials: Credentials::random(ctx.rng) })
    }
}

#[derive(Debug)]
pub struct Leg {
    pub id: LegId,
    towards: Towards,
    port: u16,
    /// RFC 8866 §5.2: the session's number, and its version that grows with each description we send.
    session: u64,
    version: u64,
    /// In our order of preference.
    codecs: Vec<Codec>,
    agreed: Option<Agreed>,
    /// Our keys, made when the first is needed.
    keys: Option<Box<KeyRing>>,
    /// What we show a browser, where the peer may be one.
    shown: Option<Box<Shown>>,
    /// Keys are listened for in its voice.
    hears_tones: bool,
    playing: Option<PlayId>,
    plays: u32,
}

impl Leg {
    /// Takes a port and opens the media. `None` when no port is left.
    pub fn open(ctx: &mut Ctx<'_>, id: LegId, towards: Towards) -> Option<Leg> {
        let port = ctx.ports.take()?;
        let (ssrc, timestamp) = (ctx.rng.next_u32(), ctx.rng.next_u32());
        // The first sequence number leaves room before the wrap: SRTP peers lose sync otherwise (RFC 3711 §3.3.1).
        let sequence = (ctx.rng.next_u32() & 0x7fff) as u16;
        ctx.media(Command::Open { leg: id, rtp_port: port, ssrc, sequence, timestamp });
        let session = ctx.rng.next_u64() >> 2;
        let keys = (towards.encryption != Encryption::Off).then(|| Box::new(KeyRing::new(ctx.rng)));
        let shown = Shown::to(towards.browser, ctx).map(Box::new);
        Some(Leg {
            id,
            towards,
            port,
            session,
            version: 0,
            codecs: towards.codecs.iter().collect(),
            agreed: None,
            keys,
            shown,
            hears_tones: false,
            playing: None,
            plays: 0,
        })
    }

    /// Our answer to the peer's SDP offer, first or later.
    ///
    /// # Errors
    /// Why there is none: 488.
    pub fn answer(&mut self, ctx: &mut Ctx<'_>, offer: &[u8]) -> Result<Bytes, NoMedia> {
        let offer = sdp::parse(offer)?;
        self.version += 1;
        let (mut text, mut agreed) = sdp::answer(&offer, &self.local())?;
        // A peer that takes another key begins its packets' numbering anew, and expects the same of us: with the key
        // that we had, its memory of our packets would be wrong after the first 65,536.
        if let (Some(before), Some(now)) = (self.secured(), &agreed.keys)
            && before.theirs != now.theirs
            && let Some(keys) = &mut self.keys
        {
            **keys = KeyRing::new(ctx.rng);
            (text, agreed) = sdp::answer(&offer, &self.local())?;
        }
        // A browser that looks for the way anew, after a change of its network, expects the same of us (RFC 8839
        // §4.4.1.1.1).
        if let (Some(before), Some(now)) = (self.web(), &agreed.web)
            && before.ufrag != now.ufrag
            && let Some(shown) = &mut self.shown
        {
            shown.credentials = Credentials::random(ctx.rng);
            (text, agreed) = sdp::answer(&offer, &self.local())?;
        }
        self.connect(ctx, agreed);
        Ok(Bytes::from(text))
    }

    /// Our SDP offer.
    pub fn offer(&mut self) -> Bytes {
        self.version += 1;
        Bytes::from(sdp::offer(&self.local()))
    }

    /// The peer's answer to our last offer.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn agree(&mut self, ctx: &mut Ctx<'_>, answer: &[u8]) -> Result<(), NoMedia> {
        let answer = sdp::parse(answer)?;
        let agreed = sdp::agree(&self.local(), &answer)?;
        self.connect(ctx, agreed);
        Ok(())
    }

    fn local(&self) -> Local<'_> {
        Local {
            address: self.towards.address,
            rtp_port: self.port,
            codecs: &self.codecs,
            session_id: self.session,
            version: self.version,
            direction: Direction::SendRecv,
            events: self.towards.digits.has_events(),
            protection: self
                .keys
                .as_ref()
                .and_then(|keys| Protection::new(self.towards.encryption, keys, self.secured().is_some())),
            web: self.our_web(),
        }
    }

    /// Our side of a browser's stream.
    fn our_web(&self) -> Option<Web<'_>> {
        let Shown { fingerprint, credentials, .. } = self.shown.as_deref()?;
        // What was a browser stays one.
        let only = matches!(self.towards.browser, Browser::Is(_)) || self.web().is_some();
        Some(Web { credentials, fingerprint: *fingerprint, only, before: self.web() })
    }

    /// What was agreed with a browser.
    fn web(&self) -> Option<&AgreedWeb> {
        self.agreed.as_ref()?.web.as_deref()
    }

    /// The keys in use.
    fn secured(&self) -> Option<&Keys> {
        self.agreed.as_ref()?.keys.as_ref()
    }

    fn connect(&mut self, ctx: &mut Ctx<'_>, agreed: Agreed) {
        // What was agreed stays agreed in later offers and answers, unless the peer wants something else.
        self.codecs = self.towards.codecs.led_by(Some(agreed.codec)).iter().collect();
        if let (Some(web), Some(shown)) = (agreed.web.as_deref(), &self.shown)
            && self.web() != Some(web)
        {
            let ours = shown.credentials.clone();
            let (certificate, fingerprint, role) = (shown.certificate, web.fingerprint, web.role);
            let terms = Box::new(Terms { ours, certificate, fingerprint, role });
            ctx.media(Command::Await { leg: self.id, terms });
        }
        if self.secured() != agreed.keys.as_ref() {
            let keys = agreed.keys.clone().map(Box::new);
            let suite = keys.as_ref().map_or("none", |keys| keys.theirs.suite().name());
            tracing::debug!(leg = %self.id, suite, "encryption");
            ctx.media(Command::Protect { leg: self.id, keys });
        }
        ctx.media(Command::Connect {
            leg: self.id,
            stream: Stream {
                remote_rtp: agreed.remote_rtp,
                remote_rtcp: agreed.remote_rtcp,
                codec: agreed.codec,
                payload_type: agreed.payload_type,
                dtmf: agreed.dtmf,
                dtmf_clock: agreed.dtmf_clock,
                ptime_ms: agreed.ptime_ms,
                noise: agreed.noise,
                send: agreed.send,
                receive: agreed.receive,
                held: agreed.peer_holds,
            },
        });
        self.agreed = Some(agreed);
    }

    /// Whether somebody waits for this leg's keys: then they are also listened for in its voice, if they come there.
    pub fn want_keys(&mut self, ctx: &mut Ctx<'_>, wanted: bool) {
        let events_agreed = |agreed: &Agreed| agreed.dtmf.is_some();
        let agreed = self.agreed.as_ref().map(events_agreed);
        let on = wanted && agreed.is_some_and(|events| self.towards.digits.has_tones(events));
        if on != self.hears_tones {
            self.hears_tones = on;
            ctx.media(Command::HearTones { leg: self.id, on });
        }
    }

    /// Whether keys that come `by` this means are this leg's.
    pub fn takes_keys(&self, by: DigitMeans) -> bool {
        by != DigitMeans::Info || self.towards.digits.has_info()
    }

    /// Whether the media passes this leg's keys on to the other party by itself: as events, or within the voice.
    pub fn has_events(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.dtmf.is_some())
    }

    pub fn is_connected(&self) -> bool {
        self.agreed.is_some()
    }

    /// The codec in use: what the other leg is asked to use too, so that nothing need be transcoded.
    pub fn codec(&self) -> Option<Codec> {
        self.agreed.as_ref().map(|agreed| agreed.codec)
    }

    /// The peer does not want to hear us (`a=sendonly`, `a=inactive`, `c=0.0.0.0`, RFC 3264 §8.4).
    pub fn holds(&self) -> bool {
        self.agreed.as_ref().is_some_and(|agreed| agreed.peer_holds)
    }

    /// Plays `clips` instead of whatever is heard now.
    pub fn play(&mut self, ctx: &mut Ctx<'_>, clips: Vec<Clip>, repeat: bool) -> PlayId {
        let play = PlayId(self.plays);
        self.plays = self.plays.wrapping_add(1);
        self.playing = Some(play);
        ctx.effect(Effect::Play { leg: self.id, play, clips, repeat });
        play
    }

    /// Says something over whatever is heard now, which goes on below it. Only what need not be read from disk first.
    pub fn play_over(&self, ctx: &mut Ctx<'_>, clips: Vec<Clip>) {
        let sound = |clip| match clip {
            Clip::Prompt(prompt) => Some(Sound::Prompt(prompt)),
            Clip::Silence(length) => Some(Sound::Silence(length)),
            Clip::Recording(_) => None,
        };
        let clips: Vec<_> = clips.into_iter().filter_map(sound).collect();
        if !clips.is_empty() {
            ctx.media(Command::PlayOver { leg: self.id, clips, repeat: false });
        }
    }

    pub fn stop(&mut self, ctx: &mut Ctx<'_>) {
        if self.playing.take().is_some() {
            ctx.media(Command::Stop { leg: self.id });
        }
    }

    /// `true` where `play` is the one that was last asked for: an older one's end is no news.
    pub fn finished(&mut self, play: PlayId) -> bool {
        let current = self.playing == Some(play);
        if current {
            self.playing = None;
        }
        current
    }

    /// Something was asked to be played and has not been reported as ended.
    pub fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    /// How its peer is talked to.
    pub fn towards(&self) -> Towards {
        self.towards
    }

    /// How its peer is talked to by another leg that takes this one's place in its dialog.
    pub fn towards_by_another(&self) -> Towards {
        let browser = match (self.towards.browser, &self.shown) {
            (Browser::Is(_), Some(shown)) => Browser::Is(shown.certificate.other()),
            (Browser::May, Some(shown)) if self.web().is_some() => Browser::Is(shown.certificate.other()),
            (browser, _) => browser,
        };
        Towards { browser, ..self.towards }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Closes the media and gives the port back.
    pub fn close(self, ctx: &mut Ctx<'_>) {
        ctx.media(Command::Close { leg: self.id });
        ctx.ports.give_back(self.port);
    }
}

impl Ctx<'_> {
    pub(super) fn media(&mut self, command: Command) {
        self.effects.push(Effect::Media(command));
    }
}
