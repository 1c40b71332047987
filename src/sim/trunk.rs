//! The callers' side: their phones behind the trunk, speaking SIP and SDP like any other.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::agenda::{Agenda, Due};
use super::called::{Called, Ring};
use super::caller::{Act, Caller, Intent, While};
use super::line::Line;
use super::media_model::{Cue, MediaModel, Outcome};
use super::network::{HOTLINE, Phone, turned};
use crate::base::{Catalog, Instant, Rng};
use crate::sip::{
    Answer, Config, DialogId, Endpoint, Event, Flow, Invite, NameAddr, Request, Transport, Uri,
};

/// All callers' phones on one endpoint: each has its own address.
pub(super) struct Trunk {
    pub endpoint: Endpoint,
    callers: Vec<Visitor>,
    by_dialog: BTreeMap<DialogId, u32>,
    pub called: Called,
    rng: Rng,
    /// The next stream's number.
    connection: u64,
}

/// A caller and their line.
struct Visitor {
    caller: Caller,
    line: Option<Line>,
    answered: bool,
    over: bool,
}

/// What the callers' side may use of the world.
pub(super) struct Ctx<'a> {
    pub now: Instant,
    pub agenda: &'a mut Agenda,
    pub media: &'a mut MediaModel,
    pub catalog: &'a Catalog,
}

impl Trunk {
    pub(super) fn new(mut rng: Rng) -> Self {
        let endpoint = Endpoint::new(Config::default(), rng.fork());
        Trunk {
            endpoint,
            callers: Vec::new(),
            by_dialog: BTreeMap::new(),
            called: Called::default(),
            rng,
            connection: 1_000_000,
        }
    }

    /// Number of the new caller.
    pub(super) fn add(&mut self, caller: Caller) -> u32 {
        self.callers.push(Visitor { caller, line: None, answered: false, over: false });
        (self.callers.len() - 1) as u32
    }

    /// A phone that never acknowledges our 200 is a fault of the world's.
    pub(super) fn dial(&mut self, ctx: &mut Ctx<'_>, number: u32, never_acknowledges: bool) {
        let Some(visitor) = self.callers.get_mut(number as usize) else { return };
        visitor.caller.never_acknowledges |= never_acknowledges;
        let phone = Phone::Caller(number);
        let tcp = visitor.caller.over_tcp;
        let flow = Flow {
            transport: if tcp { Transport::Tcp } else { Transport::Udp },
            local: phone.address(),
            remote: HOTLINE,
            connection: if tcp { self.connection } else { 0 },
        };
        self.connection += u64::from(tcp);
        let mut line = Line::new(ctx.now, phone, flow, self.rng.next_u64() >> 2);
        let dialog = self.endpoint.invite(
            ctx.now,
            Invite {
                to: Uri::sip(Some(&visitor.caller.dials), HOTLINE),
                via: flow,
                from: NameAddr::new(Uri::sip(Some(&visitor.caller.number), phone.address())),
                to_display: None,
                contact_user: Some(visitor.caller.number.clone()),
                sdp: (!visitor.caller.offers_late).then(|| line.offer()),
                headers: Vec::new(),
                credentials: None,
            },
        );
        line.dialog = Some(dialog);
        visitor.line = Some(line);
        self.by_dialog.insert(dialog, number);
        if let Some(after) = visitor.caller.cancels_after {
            ctx.agenda.add(ctx.now + after, Due::Caller(number, Act::HangUp, While::Always));
        }
    }

    /// `true` where the phone has gone dead: nothing reaches it any more.
    pub(super) fn act(&mut self, ctx: &mut Ctx<'_>, number: u32, act: Act, out: &mut Outcome) -> bool {
        let Some(visitor) = self.callers.get_mut(number as usize).filter(|visitor| !visitor.over) else {
            return false;
        };
        let phone = Phone::Caller(number);
        let Some(line) = &mut visitor.line else { return false };
        let Some(dialog) = line.dialog else { return false };
        match act {
            Act::Press(key) => ctx.media.press(phone, key, out),
            Act::Speak(length) => ctx.media.speak(ctx.now, phone, length, out),
            Act::Hold | Act::Resume if visitor.answered => {
                let sdp = line.reoffer(act == Act::Hold);
                self.endpoint.reoffer(ctx.now, dialog, sdp);
            }
            Act::Hold | Act::Resume => {}
            Act::PickUp => {
                visitor.answered = true;
                let answer = line.described.take();
                self.endpoint.accept(ctx.now, dialog, answer);
                self.cue(ctx, number, &Cue::Answered);
            }
            Act::HangUp | Act::Vanish => {
                self.endpoint.bye(ctx.now, dialog, None);
                self.over(number, dialog);
                if act == Act::Vanish {
                    ctx.media.mute(ctx.now, phone, out);
                    return true;
                }
            }
        }
        false
    }

    pub(super) fn holds(&self, number: u32, only: While) -> bool {
        self.callers.get(number as usize).is_some_and(|visitor| visitor.caller.holds(only))
    }

    pub(super) fn never_acknowledges(&self, number: u32) -> bool {
        self.callers.get(number as usize).is_some_and(|visitor| visitor.caller.never_acknowledges)
    }

    /// The caller notices something and may do something about it.
    pub(super) fn cue(&mut self, ctx: &mut Ctx<'_>, number: u32, cue: &Cue) {
        let Some(visitor) = self.callers.get_mut(number as usize).filter(|visitor| !visitor.over) else {
            return;
        };
        let mut intents: Vec<Intent> = Vec::new();
        visitor.caller.notice(cue, ctx.catalog, &mut self.rng, &mut intents);
        for Intent { after, act, only } in intents {
            ctx.agenda.add(ctx.now + after, Due::Caller(number, act, only));
        }
    }

    /// Takes one event of the endpoint. `false`: there is none.
    pub(super) fn poll_event(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let Some(event) = self.endpoint.poll_event() else { return false };
        match event {
            Event::Answered { dialog, sdp } => {
                if let Some(number) = self.by_dialog.get(&dialog).copied() {
                    if let Some(visitor) = self.callers.get_mut(number as usize) {
                        visitor.answered = true;
                        let answer = visitor.line.as_mut().filter(|_| visitor.caller.offers_late);
                        if let Some(Ok(answer)) = answer.map(|line| line.answer(sdp)) {
                            self.endpoint.ack_sdp(ctx.now, dialog, answer);
                        }
                    }
                    self.cue(ctx, number, &Cue::Answered);
                }
            }
            Event::Invite { dialog, request, flow, .. } => self.ring(ctx, dialog, &request, flow),
            Event::Rejected { dialog, .. } | Event::Ended { dialog, .. } | Event::Cancelled { dialog } => {
                if let Some(number) = self.by_dialog.get(&dialog).copied() {
                    self.over(number, dialog);
                }
            }
            Event::Reoffer { dialog, sdp } => {
                let answer = self.line(dialog).map(|line| line.answer(sdp));
                if let Some(answer) = answer {
                    self.endpoint.answer_reoffer(ctx.now, dialog, answer);
                }
            }
            _ => {}
        }
        true
    }

    /// The hotline calls somebody: one more caller, as far as the world can tell, on a telephone of their own.
    fn ring(&mut self, ctx: &mut Ctx<'_>, dialog: DialogId, request: &Request, flow: Flow) {
        let number = request.uri.user().unwrap_or_default().into_owned();
        let (after, who) = match self.called.next(&number) {
            Ring::Refuses(status) => return self.endpoint.reject(ctx.now, dialog, Answer::new(status)),
            Ring::NobodyThere => return self.endpoint.ring(ctx.now, dialog, 180, None),
            Ring::Answers { after, who } => (after, *who),
        };
        let caller = self.add(Caller { number, ..who });
        let mut line = Line::new(ctx.now, Phone::Caller(caller), flow, self.rng.next_u64() >> 2);
        match line.answer((!request.body.is_empty()).then(|| request.body.clone())) {
            Ok(answer) => line.described = Some(answer),
            Err(refusal) => return self.endpoint.reject(ctx.now, dialog, refusal),
        }
        line.dialog = Some(dialog);
        self.endpoint.ring(ctx.now, dialog, 180, None);
        if let Some(visitor) = self.callers.get_mut(caller as usize) {
            visitor.line = Some(line);
        }
        self.by_dialog.insert(dialog, caller);
        ctx.agenda.add(ctx.now + after, Due::Caller(caller, Act::PickUp, While::Always));
    }

    fn line(&mut self, dialog: DialogId) -> Option<&mut Line> {
        let number = self.by_dialog.get(&dialog)?;
        self.callers.get_mut(*number as usize)?.line.as_mut()
    }

    fn over(&mut self, number: u32, dialog: DialogId) {
        self.by_dialog.remove(&dialog);
        if let Some(visitor) = self.callers.get_mut(number as usize) {
            visitor.over = true;
            visitor.line = None;
        }
    }

    /// Those who have a line now, in order.
    pub(super) fn on_the_line(&self) -> impl Iterator<Item = u32> {
        self.callers.iter().enumerate().filter(|(_, visitor)| visitor.line.is_some()).map(|(at, _)| at as u32)
    }

    /// The streams that callers have opened, as the hotline sees them.
    pub(super) fn streams(&self) -> impl Iterator<Item = (u32, Flow)> {
        self.callers.iter().enumerate().filter_map(|(at, visitor)| {
            let flow = visitor.line.as_ref()?.flow;
            flow.transport.is_reliable().then(|| (at as u32, turned(flow)))
        })
    }

    /// The way of the caller's dialog, while there is one.
    pub(super) fn line_of(&self, number: u32) -> Option<Flow> {
        self.callers.get(number as usize)?.line.as_ref().map(|line| line.flow)
    }

    pub(super) fn left_over(&self) -> usize {
        self.by_dialog.len()
    }
}

/// How long after everything is over the phones' last transactions have ended too: 64 × T1, and the ACK's wait.
pub(super) const AFTERGLOW: Duration = Duration::from_secs(40);

/// An SDP body, or the refusal of one.
pub(super) type Described = Result<Bytes, crate::sip::Answer>;
