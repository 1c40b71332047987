//! The desks' side: phones that register, ring, answer, hold and hang up.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::agenda::{Agenda, Due};
use super::chance::Chance;
use super::desk::{Desk, DeskAct, Reaction};
use super::line::Line;
use super::media_model::{Cue, MediaModel, Outcome};
use super::network::{HOTLINE, Phone};
use crate::base::{Catalog, Clip, Instant, Masked, Rng};
use crate::sip::auth::{Credentials, Login};
use crate::sip::{
    Answer, Config, Content, DialogId, Endpoint, Event, Flow, Framing, Invite, Limits, Message, Method,
    NameAddr, OutOfDialog, RequestId, Response, Transport, Uri,
};

/// A phone registers for so long …
const EXPIRES_S: u64 = 3600;
/// … and again after so long.
const REFRESH: Duration = Duration::from_secs(3000);
/// What is dialled in the shipped dialplan: to park a caller, to take one for whom a colleague's phone rings, and a line.
const PARK: &str = "700";
const PICK_UP: &str = "*8";
const LINE: &str = "10000";
/// How the house's question about an urgent caller begins.
const QUESTION: &str = "急件";
/// Whom the house's own texts come from.
const HOUSE: &str = "hotline";
/// A registration that failed is tried again after this.
const RETRY: Duration = Duration::from_secs(30);

/// All desk phones on one endpoint: each has its own address.
pub(super) struct Office {
    pub endpoint: Endpoint,
    places: Vec<Place>,
    by_dialog: BTreeMap<DialogId, u16>,
    requests: BTreeMap<RequestId, u16>,
    rng: Rng,
    connection: u64,
    closed: bool,
    /// Every phone's answer while a fault lasts.
    refusing: Option<(u16, Instant)>,
}

/// A desk with its phone's state.
struct Place {
    desk: Desk,
    login: Login,
    connection: u64,
    /// Every dialog that the phone takes part in.
    lines: BTreeMap<DialogId, Line>,
    reactions: BTreeMap<DialogId, Reaction>,
    gone: bool,
}

/// What the desks' side may use of the world.
pub(super) struct Ctx<'a> {
    pub now: Instant,
    pub agenda: &'a mut Agenda,
    pub media: &'a mut MediaModel,
}

impl Office {
    pub(super) fn new(mut rng: Rng) -> Self {
        Office {
            endpoint: Endpoint::new(Config::default(), rng.fork()),
            places: Vec::new(),
            by_dialog: BTreeMap::new(),
            requests: BTreeMap::new(),
            rng,
            connection: 1,
            closed: false,
            refusing: None,
        }
    }

    pub(super) fn add(&mut self, desk: Desk) -> u16 {
        let credentials =
            Credentials { user: desk.extension.clone(), password: Masked::new(desk.password.clone()) };
        let connection = self.connection;
        self.connection += 1;
        self.places.push(Place {
            login: Login::new(credentials),
            connection,
            lines: BTreeMap::new(),
            reactions: BTreeMap::new(),
            gone: false,
            desk,
        });
        (self.places.len() - 1) as u16
    }

    /// The next ring at this desk is answered after so long.
    pub(super) fn answer_next_after(&mut self, number: u16, after: Duration) {
        if let Some(place) = self.places.get_mut(usize::from(number)) {
            let talks_for = Some(Duration::from_secs(30));
            place.desk.script.push_front(Reaction::Answer { after, talks_for, holds: None, hands_on: None });
        }
    }

    /// The day is over: nobody registers again, or dials.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// For a while every ring is refused with this status.
    pub(super) fn refuse_until(&mut self, status: u16, until: Instant) {
        self.refusing = Some((status, until));
    }

    /// The stream of a desk's phone, as the hotline sees it.
    pub(super) fn stream(&self, number: u16) -> Option<Flow> {
        let place = self.places.get(usize::from(number)).filter(|place| place.desk.over_tcp)?;
        Some(super::network::turned(flow(number, place)))
    }

    /// The stream has broken: the phone opens another one and registers over it.
    pub(super) fn stream_lost(&mut self, ctx: &mut Ctx<'_>, number: u16) {
        let Some(place) = self.places.get_mut(usize::from(number)) else { return };
        place.connection = self.connection;
        self.connection += 1;
        ctx.agenda.add(ctx.now + Duration::from_secs(2), Due::Desk(number, DeskAct::Register));
    }

    pub(super) fn len(&self) -> u16 {
        self.places.len() as u16
    }

    /// `Some(dead)` where the phone went dead or came back.
    /// Who is told of a promise calls the customer for the most part, now and then has somebody else do it, or lays the
    /// hand-set beside the phone.
    pub(super) fn notice(&mut self, ctx: &mut Ctx<'_>, number: u16, cue: &Cue, catalog: &Catalog) {
        let Cue::Hears { clips, .. } = cue else { return };
        let is_due = |clip: &Clip| match clip {
            Clip::Prompt(id) => catalog.get(*id).is_some_and(|prompt| prompt.name == "promise/is-due"),
            _ => false,
        };
        if !clips.iter().any(is_due) {
            return;
        }
        let key = match self.rng.below(10) {
            0..7 => '1',
            7 | 8 => '2',
            _ => return,
        };
        ctx.agenda.add(ctx.now + Duration::from_secs(4), Due::Desk(number, DeskAct::Press(key)));
    }

    pub(super) fn act(
        &mut self,
        ctx: &mut Ctx<'_>,
        number: u16,
        act: DeskAct,
        out: &mut Outcome,
    ) -> Option<bool> {
        let place = self.places.get_mut(usize::from(number))?;
        let phone = Phone::Desk(number);
        match act {
            DeskAct::Return => {
                place.gone = false;
                ctx.media.unmute(phone);
                self.register(ctx, number);
                return Some(false);
            }
            DeskAct::Register => self.register(ctx, number),
            _ if place.gone => {}
            DeskAct::Dial(code) => self.dial(ctx, number, &code),
            DeskAct::Answer(dialog) => self.answer(ctx, number, dialog),
            DeskAct::Refuse(dialog, status) => {
                if place.reactions.remove(&dialog).is_some() {
                    self.endpoint.reject(ctx.now, dialog, Answer::new(status));
                    self.forget(dialog);
                }
            }
            DeskAct::Hold(dialog) | DeskAct::Resume(dialog) => {
                if let Some(line) = place.lines.get_mut(&dialog) {
                    let sdp = line.reoffer(matches!(act, DeskAct::Hold(_)));
                    self.endpoint.reoffer(ctx.now, dialog, sdp);
                }
            }
            DeskAct::HandOn(dialog) => self.hand_on(ctx, number, dialog),
            DeskAct::Press(key) => ctx.media.press(phone, key, out),
            DeskAct::Speak(length) => ctx.media.speak(ctx.now, phone, length, out),
            DeskAct::LayDown => {
                let dialogs: Vec<_> = place.lines.keys().copied().collect();
                for dialog in dialogs {
                    self.endpoint.bye(ctx.now, dialog, None);
                    self.forget(dialog);
                }
            }
            DeskAct::Write(text) => self.write(ctx, number, &text),
            DeskAct::HangUp(dialog) => {
                if place.lines.contains_key(&dialog) {
                    self.endpoint.bye(ctx.now, dialog, None);
                    self.forget(dialog);
                }
            }
            DeskAct::Vanish => {
                place.gone = true;
                let dialogs: Vec<_> = place.lines.keys().copied().collect();
                for dialog in dialogs {
                    self.endpoint.bye(ctx.now, dialog, None);
                    self.forget(dialog);
                }
                ctx.media.mute(ctx.now, phone, out);
                return Some(true);
            }
        }
        None
    }

    /// Takes one event of the endpoint. `false`: there is none.
    pub(super) fn poll_event(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let Some(event) = self.endpoint.poll_event() else { return false };
        match event {
            Event::Invite { dialog, request, flow, .. } => {
                if let Some(Phone::Desk(number)) = Phone::at(flow.local.ip()) {
                    let offer = (!request.body.is_empty()).then(|| request.body.clone());
                    self.ring(ctx, number, dialog, flow, offer);
                }
            }
            // The feature code's flow speaks and hangs up by itself.
            Event::Answered { .. } | Event::Progress { .. } => {}
            Event::Acked { dialog, .. } => self.talk(ctx, dialog),
            Event::Cancelled { dialog } | Event::Rejected { dialog, .. } | Event::Ended { dialog, .. } => {
                self.forget(dialog);
            }
            Event::Reoffer { dialog, sdp } => {
                let line = self.by_dialog.get(&dialog).and_then(|number| {
                    self.places.get_mut(usize::from(*number)).and_then(|place| place.lines.get_mut(&dialog))
                });
                if let Some(answer) = line.map(|line| line.answer(sdp)) {
                    self.endpoint.answer_reoffer(ctx.now, dialog, answer);
                }
            }
            Event::Reply { id, status, headers, .. } => self.registered(ctx, id, status, &headers),
            // A sign of life is asked for, or somebody is written to.
            Event::Request { id, request, .. } if request.method == Method::Options => {
                self.endpoint.respond(ctx.now, id, Answer::new(200));
            }
            Event::Request { id, request, flow } if request.method == Method::Message => {
                let takes = self.takes_texts(flow);
                self.endpoint.respond(ctx.now, id, Answer::new(if takes { 200 } else { 405 }));
                if takes {
                    self.read(ctx, flow, &request.body);
                }
            }
            _ => {}
        }
        true
    }

    fn ring(&mut self, ctx: &mut Ctx<'_>, number: u16, dialog: DialogId, flow: Flow, offer: Option<Bytes>) {
        let Some(place) = self.places.get_mut(usize::from(number)) else { return };
        let session = self.rng.next_u64() >> 2;
        let mut line = Line::new(ctx.now, Phone::Desk(number), flow, session);
        let answer = line.answer(offer);
        // One line a phone: who talks is busy.
        if !place.lines.is_empty() || answer.is_err() {
            let status = if answer.is_err() { 488 } else { 486 };
            self.endpoint.reject(ctx.now, dialog, Answer::new(status));
            return;
        }
        line.dialog = Some(dialog);
        line.described = answer.ok();
        place.lines.insert(dialog, line);
        self.by_dialog.insert(dialog, number);
        self.endpoint.ring(ctx.now, dialog, 180, None);
        let mut reaction = place.desk.react(&mut self.rng);
        if let Some((status, _)) = self.refusing.filter(|(_, until)| ctx.now < *until) {
            reaction = Reaction::Refuse { after: Duration::from_millis(300), status };
        }
        place.reactions.insert(dialog, reaction);
        match reaction {
            Reaction::Answer { after, .. } => {
                ctx.agenda.add(ctx.now + after, Due::Desk(number, DeskAct::Answer(dialog)));
            }
            Reaction::Ignore => {}
            Reaction::Refuse { after, status } => {
                ctx.agenda.add(ctx.now + after, Due::Desk(number, DeskAct::Refuse(dialog, status)));
            }
        }
    }

    fn answer(&mut self, ctx: &mut Ctx<'_>, number: u16, dialog: DialogId) {
        let Some(place) = self.places.get_mut(usize::from(number)) else { return };
        if let Some(line) = place.lines.get_mut(&dialog) {
            let sdp = line.described.take();
            self.endpoint.accept(ctx.now, dialog, sdp);
        }
    }

    /// The ACK has come: both are on the line.
    fn talk(&mut self, ctx: &mut Ctx<'_>, dialog: DialogId) {
        let Some(number) = self.by_dialog.get(&dialog).copied() else { return };
        let Some(place) = self.places.get_mut(usize::from(number)) else { return };
        let Some(Reaction::Answer { talks_for, holds, hands_on, .. }) = place.reactions.remove(&dialog)
        else {
            return;
        };
        let mut plan = |after, act| ctx.agenda.add(ctx.now + after, Due::Desk(number, act));
        if let Some(after) = talks_for {
            plan(after, DeskAct::HangUp(dialog));
        }
        if let Some(after) = hands_on {
            plan(after, DeskAct::HandOn(dialog));
        }
        if let Some((from, to)) = holds {
            plan(from, DeskAct::Hold(dialog));
            plan(to, DeskAct::Resume(dialog));
        }
    }

    /// Somebody who talks sends their caller elsewhere; and where that is a slot, a colleague may fetch them.
    fn hand_on(&mut self, ctx: &mut Ctx<'_>, number: u16, dialog: DialogId) {
        let talks =
            self.places.get(usize::from(number)).is_some_and(|place| place.lines.contains_key(&dialog));
        if !talks || self.places.is_empty() {
            return;
        }
        let pick = self.rng.below(self.places.len() as u64);
        let colleague = self.places.get(pick as usize).map(|place| place.desk.extension.clone());
        let to = match self.rng.weighted(&[55, 30, 10, 5]) {
            0 => colleague.unwrap_or_default(),
            1 => PARK.to_owned(),
            2 => LINE.to_owned(),
            _ => "9999".to_owned(),
        };
        if to == PARK {
            let fetched = ctx.now + self.rng.between_ms(5_000, 120_000);
            let slot = format!("{}", 701 + self.rng.below(3));
            ctx.agenda.add(fetched, Due::Desk(pick as u16, DeskAct::Dial(slot)));
        } else if self.rng.chance(0.3) {
            let ringing = ctx.now + self.rng.between_ms(500, 4_000);
            let by = self.rng.below(self.places.len() as u64) as u16;
            ctx.agenda.add(ringing, Due::Desk(by, DeskAct::Dial(PICK_UP.to_owned())));
        }
        self.endpoint.refer(ctx.now, dialog, Uri::sip(Some(&to), HOTLINE), None);
    }

    fn dial(&mut self, ctx: &mut Ctx<'_>, number: u16, code: &str) {
        let Some(place) = self.places.get_mut(usize::from(number)).filter(|_| !self.closed) else { return };
        if !place.lines.is_empty() {
            // Busy with a caller: the code is dialled a little later.
            let again = DeskAct::Dial(code.to_owned());
            ctx.agenda.add(ctx.now + self.rng.between_ms(10_000, 60_000), Due::Desk(number, again));
            return;
        }
        let phone = Phone::Desk(number);
        let via = flow(number, place);
        let mut line = Line::new(ctx.now, phone, via, self.rng.next_u64() >> 2);
        let extension = place.desk.extension.clone();
        let dialog = self.endpoint.invite(
            ctx.now,
            Invite {
                to: Uri::sip(Some(code), HOTLINE),
                via,
                from: NameAddr::new(Uri::sip(Some(&extension), HOTLINE)),
                to_display: None,
                contact_user: Some(extension.clone()),
                sdp: Some(line.offer()),
                headers: Vec::new(),
                credentials: Some(Credentials {
                    user: extension,
                    password: Masked::new(place.desk.password.clone()),
                }),
            },
        );
        line.dialog = Some(dialog);
        place.lines.insert(dialog, line);
        self.by_dialog.insert(dialog, number);
        // Whoever has taken a caller talks with them for a while.
        if code == PICK_UP || code.starts_with("70") {
            let over = ctx.now + self.rng.between_ms(30_000, 180_000);
            ctx.agenda.add(over, Due::Desk(number, DeskAct::HangUp(dialog)));
        }
    }

    fn takes_texts(&self, flow: Flow) -> bool {
        let Some(Phone::Desk(number)) = Phone::at(flow.local.ip()) else { return false };
        self.places.get(usize::from(number)).is_some_and(|place| place.desk.takes_texts)
    }

    /// Who is asked what becomes of a caller answers, mostly; on days on which people do as they do.
    fn read(&mut self, ctx: &mut Ctx<'_>, flow: Flow, text: &[u8]) {
        let Some(Phone::Desk(number)) = Phone::at(flow.local.ip()) else { return };
        let answers = self.places.get(usize::from(number)).is_some_and(|place| place.desk.answers_texts);
        if !answers || !String::from_utf8_lossy(text).starts_with(QUESTION) {
            return;
        }
        let all = ["1", "2 1530", "2", "3", "4", "in a meeting"];
        let answer = self.rng.weighted(&[30, 15, 5, 15, 10, 5, 20]);
        if let Some(answer) = all.get(answer) {
            let after = self.rng.between_ms(1_000, 25_000);
            ctx.agenda.add(ctx.now + after, Due::Desk(number, DeskAct::Write((*answer).to_owned())));
        }
    }

    fn write(&mut self, ctx: &mut Ctx<'_>, number: u16, text: &str) {
        let Some(place) = self.places.get(usize::from(number)) else { return };
        let user = place.desk.extension.clone();
        let from = NameAddr::new(Uri::sip(Some(&user), HOTLINE));
        let to = Uri::sip(Some(HOUSE), HOTLINE);
        let message = OutOfDialog {
            content: Some(Content {
                kind: "text/plain".to_owned(),
                body: Bytes::copy_from_slice(text.as_bytes()),
            }),
            credentials: Some(Credentials { user, password: Masked::new(place.desk.password.clone()) }),
            ..OutOfDialog::new(Method::Message, to, flow(number, place), from)
        };
        self.endpoint.request(ctx.now, message);
    }

    fn register(&mut self, ctx: &mut Ctx<'_>, number: u16) {
        let Some(place) = self.places.get_mut(usize::from(number)) else { return };
        if place.gone || self.closed {
            return;
        }
        let extension = place.desk.extension.as_str();
        let uri = Uri::sip(Some(extension), HOTLINE);
        let via = flow(number, place);
        let contact = Uri::sip(Some(extension), Phone::Desk(number).address());
        let contact = if place.desk.over_tcp { contact.with_param("transport", "tcp") } else { contact };
        let mut headers = vec![
            ("Contact".to_owned(), format!("<{}>", String::from_utf8_lossy(contact.as_bytes()))),
            ("Expires".to_owned(), EXPIRES_S.to_string()),
        ];
        if let Some((name, value)) = place.login.authorize(&mut self.rng, &Method::Register, &uri) {
            headers.push((name.as_str().to_owned(), value));
        }
        let from = NameAddr::new(uri.clone());
        let request = OutOfDialog { headers, ..OutOfDialog::new(Method::Register, uri, via, from) };
        let id = self.endpoint.request(ctx.now, request);
        self.requests.insert(id, number);
    }

    fn registered(&mut self, ctx: &mut Ctx<'_>, id: RequestId, status: u16, headers: &[(String, String)]) {
        let Some(number) = self.requests.remove(&id) else { return };
        let Some(place) = self.places.get_mut(usize::from(number)) else { return };
        let after = match status {
            200 => REFRESH,
            401 => match challenge(headers).and_then(|response| place.login.challenged(&response).ok()) {
                Some(()) => return self.register(ctx, number),
                None => RETRY,
            },
            _ => RETRY,
        };
        ctx.agenda.add(ctx.now + after, Due::Desk(number, DeskAct::Register));
    }

    fn forget(&mut self, dialog: DialogId) {
        if let Some(number) = self.by_dialog.remove(&dialog)
            && let Some(place) = self.places.get_mut(usize::from(number))
        {
            place.lines.remove(&dialog);
            place.reactions.remove(&dialog);
        }
    }

    /// The way of a dialog of this desk that began before `then`, while there is one.
    pub(super) fn line_before(&self, number: u16, then: Instant) -> Option<Flow> {
        let lines = &self.places.get(usize::from(number))?.lines;
        lines.values().find(|line| line.began < then).map(|line| line.flow)
    }

    /// The phone is in a call, or rings.
    pub(super) fn has_line(&self, number: u16) -> bool {
        self.places.get(usize::from(number)).is_some_and(|place| !place.lines.is_empty())
    }

    pub(super) fn left_over(&self) -> usize {
        self.by_dialog.len()
    }
}

fn flow(number: u16, place: &Place) -> Flow {
    let tcp = place.desk.over_tcp;
    Flow {
        transport: if tcp { Transport::Tcp } else { Transport::Udp },
        local: Phone::Desk(number).address(),
        remote: HOTLINE,
        connection: if tcp { place.connection } else { 0 },
    }
}

/// A 401 with these headers, as the login wants to see it.
fn challenge(headers: &[(String, String)]) -> Option<Response> {
    let mut text = String::from(
        "SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 10.1.0.0;branch=z9hG4bK\r\nFrom: <sip:a@10.1.0.0>;tag=a\r\n\
         To: <sip:a@10.1.0.0>;tag=b\r\nCall-ID: a\r\nCSeq: 1 REGISTER\r\n",
    );
    for (name, value) in headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("WWW-Authenticate")) {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("Content-Length: 0\r\n\r\n");
    match Message::parse(Bytes::from(text), Framing::Datagram, &Limits::default()) {
        Ok(Message::Response(response)) => Some(response),
        _ => None,
    }
}
