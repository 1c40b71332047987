//! Who calls, from where, and whether they are taken in.

use super::sign_in::{CHALLENGED, Claim};
use super::trunks::{Identity, Rewrite, Trunk, diversions, identity, is_telephone};
use super::{Exchange, Notice, Output};
use crate::base::{AgentId, LegId, Masked, Now};
use crate::call::{self, Arrival};
use crate::dialplan::{Cursor, Entry, Facts, Origin, Plan};
use crate::sip::{Answer, DialogId, Flow, Method, Name, Request, RequestId};

/// A refused caller's system may try again after this many seconds.
const RETRY_AFTER_S: u32 = 10;

/// What a record says was dialled where the number itself is somebody's.
const OUTSIDE: &str = "outside";

/// What was dialled.
struct Dialled {
    number: String,
    entry: Entry,
    /// The number of the outside.
    outside: Option<Masked<String>>,
}

/// Whom a call comes from.
struct Who {
    origin: Origin,
    /// The trunk's name or the account, for records.
    name: String,
    number: Masked<String>,
    /// The caller does not want it to be shown.
    withheld: bool,
    /// The trunk that they come over; `None` for a desk, and for a loopback that is one.
    trunk: Option<Trunk>,
    /// They have proven to be the account of that name.
    signed_in: bool,
}

impl Exchange {
    pub(super) fn arrival(&mut self, now: Now, dialog: DialogId, request: &Request, flow: Flow) {
        if let Err((answer, why)) = self.admit(now, dialog, request, flow) {
            self.reject_call(now, dialog, answer, why, flow);
        }
    }

    pub(super) fn reject_call(
        &mut self,
        now: Now,
        dialog: DialogId,
        answer: Answer,
        why: &'static str,
        flow: Flow,
    ) {
        self.refuse(now, answer.status, why, flow);
        // Whoever has read our challenge is at no forged address; and a repetition must not fail once more.
        if why != CHALLENGED {
            self.sip.trying(now.mono, dialog);
        }
        self.sip.reject(now.mono, dialog, answer);
    }

    fn admit(
        &mut self,
        now: Now,
        dialog: DialogId,
        request: &Request,
        flow: Flow,
    ) -> Result<(), (Answer, &'static str)> {
        let who = self.who(now, request, flow)?;
        self.sip.trying(now.mono, dialog);
        let plan = self.plan_for(who.origin, &who.number, request.call_id.as_bytes());
        let Dialled { number: dialled, entry, outside } = self.dialled(&plan, request, &who)?;
        let id = self.ids.next_call();
        let leg = LegId { call: id, index: 0 };
        if let Some(trunk) = &who.trunk
            && let Err(why) = self.admit_on_trunk(now, &trunk.name, leg)
        {
            return Err((Answer::new(503).with("Retry-After", RETRY_AFTER_S.to_string()), why));
        }
        // Nobody is told a number that its owner keeps to themselves; the record knows it.
        let from = if who.withheld { Masked::default() } else { who.number.clone() };
        let owner = self.contact_owner(now, &who.number);
        let facts = Facts { from, dialled: dialled.clone(), owner, origin: who.origin, now };
        self.begins_with(id, who.origin, &plan);
        let cursor = Cursor::new(plan, entry, facts);
        self.dialogs.insert(dialog, leg);
        self.legs.insert(leg, dialog);
        self.name_leg(leg, request.call_id.clone(), who.name.clone());
        self.output.push_back(Output::Notice(Notice::CallBegan {
            call: id,
            from: who.number.clone(),
            dialled: dialled.clone(),
        }));
        let towards = self.towards_caller(flow, who.trunk.as_ref(), &who.name);
        let arrival = Arrival {
            call: id,
            sip_call_id: request.call_id.to_string(),
            from: who.number,
            withheld: who.withheld,
            diverted: who
                .trunk
                .as_ref()
                .map(|trunk| diversions(&request.headers, &trunk.rewrite))
                .unwrap_or_default(),
            outside,
            dialled,
            origin: who.name,
            desk: match who.origin {
                Origin::Desk(_) => self.desk_of(&who.origin),
                Origin::Caller => None,
            },
            towards,
            sdp: (!request.body.is_empty()).then(|| request.body.clone()),
            cursor,
        };
        if let (Some(_), Some(agent)) = (&arrival.outside, arrival.desk) {
            self.take_desk(now, agent, id);
        }
        let (call, effects) = self.in_ctx(now, |ctx| call::Call::arrive(ctx, arrival));
        self.keep(call);
        self.carry_out(now, id, effects);
        Ok(())
    }

    /// The number that was dialled, and where its call begins. Only for a desk, and only by its agent's right, that
    /// may be outside.
    fn dialled(&self, plan: &Plan, request: &Request, who: &Who) -> Result<Dialled, (Answer, &'static str)> {
        let written = request.uri.dialled().unwrap_or_default();
        let numbers = who.trunk.as_ref().map_or(&[][..], |trunk| &trunk.numbers);
        // As the carrier writes it, and as the house does.
        let house = who.trunk.as_ref().map(|trunk| trunk.rewrite.apply(&written)).unwrap_or_default();
        for number in [&written, &house] {
            let served = numbers.is_empty() || numbers.contains(number);
            if let Some(entry) = plan.entry(number, who.origin).filter(|_| served) {
                return Ok(Dialled { number: number.clone(), entry, outside: None });
            }
        }
        let Origin::Desk(agent) = who.origin else { return Err((Answer::new(404), "number not served")) };
        match plan.entry_outside(&written, agent) {
            Some(entry) => {
                let outside = Some(Masked::new(written));
                Ok(Dialled { number: OUTSIDE.to_owned(), entry, outside })
            }
            None if is_telephone(&written) => Err((Answer::new(403), "no right to call that number")),
            None => Err((Answer::new(404), "number not served")),
        }
    }

    /// A desk's agent by the number that outlives a reload.
    fn desk_of(&self, origin: &Origin) -> Option<AgentId> {
        let Origin::Desk(agent) = origin else { return None };
        let agent = self.plan.agent(*agent)?;
        self.numbering.agent(&agent.extension)
    }

    /// Credentials count before addresses: an agent's phone may stand on a trunk's network, and on loopback
    /// everybody does. A trunk's callers may have any number, an agent's extension too, and are not asked.
    fn who(&mut self, now: Now, request: &Request, flow: Flow) -> Result<Who, (Answer, &'static str)> {
        let source = flow.remote.ip();
        let number = request.from.uri.dialled().unwrap_or_default();
        let caller = |trunk: &Trunk| {
            let Identity { number, withheld } = identity(request, trunk.trusted, &trunk.rewrite);
            let (name, trunk) = (trunk.name.clone(), Some(trunk.clone()));
            Who { origin: Origin::Caller, name, number, withheld, trunk, signed_in: false }
        };
        let on_loopback = || {
            let Identity { number, withheld } = identity(request, false, &Rewrite::default());
            Who {
                origin: Origin::Caller,
                name: "loopback".to_owned(),
                number,
                withheld,
                trunk: None,
                signed_in: false,
            }
        };
        let by_address = self.trunk_at(source);
        let loopback = self.config.loopback_is_trunk && source.to_canonical().is_loopback();
        if !request.headers.has(Name::Authorization) {
            match by_address {
                Some(trunk) if trunk.credentials.is_none() => return Ok(caller(trunk)),
                None if loopback && !self.sign_in.has_account(&number) => return Ok(on_loopback()),
                _ => {}
            }
        }
        let user = match self.sign_in.check(now.mono, request, source) {
            Claim::Proven(user) => user,
            Claim::Refused(answer, why) => return Err((answer, why)),
        };
        let trunk = self
            .config
            .trunks
            .iter()
            .find(|trunk| trunk.credentials.as_ref().is_some_and(|(name, _)| name == user.expose()));
        if let Some(trunk) = trunk {
            let here = trunk.networks.is_empty() || trunk.networks.iter().any(|net| net.contains(source));
            return if here { Ok(caller(trunk)) } else { Err((Answer::new(403), "not from there")) };
        }
        let origin = match self.plan.agent_by_extension(user.expose()) {
            Some(agent) => Origin::Desk(agent.id),
            None => Origin::Caller,
        };
        Ok(Who {
            origin,
            name: user.expose().clone(),
            number: user,
            withheld: false,
            trunk: None,
            signed_in: true,
        })
    }

    /// Whether a desk sends this request, and which.
    ///
    /// # Errors
    /// The challenge or refusal of whom nobody knows.
    pub(super) fn origin_of(
        &mut self,
        now: Now,
        request: &Request,
        flow: Flow,
    ) -> Result<Origin, (Answer, &'static str)> {
        self.who(now, request, flow).map(|who| who.origin)
    }

    /// The account that sends this request.
    ///
    /// # Errors
    /// The challenge or refusal of whom nobody knows; 403 for callers.
    pub(super) fn account_of(
        &mut self,
        now: Now,
        request: &Request,
        flow: Flow,
    ) -> Result<String, (Answer, &'static str)> {
        let who = self.who(now, request, flow)?;
        if who.signed_in { Ok(who.name) } else { Err((Answer::new(403), "text by a caller")) }
    }

    /// Requests outside a dialog that are no calls.
    pub(super) fn request(&mut self, now: Now, id: RequestId, request: &Request, flow: Flow) {
        let answer = match &request.method {
            Method::Register => self.register(now, request, flow),
            Method::Publish => self.publish(now, request, flow),
            Method::Message => return self.text(now, id, request, flow),
            Method::Options if self.draining => {
                self.refuse(now, 503, "draining", flow);
                Answer::new(503).with("Retry-After", RETRY_AFTER_S.to_string())
            }
            // Health checks of trunks and phones: the truth is that we are here.
            Method::Options => self.sip.abilities().with("Accept", "application/sdp"),
            _ => {
                self.refuse(now, 405, "method not served", flow);
                // The endpoint says what is allowed.
                Answer::new(405)
            }
        };
        self.sip.respond(now.mono, id, answer);
    }

    fn register(&mut self, now: Now, request: &Request, flow: Flow) -> Answer {
        let user = match self.sign_in.check(now.mono, request, flow.remote.ip()) {
            Claim::Proven(user) => user,
            Claim::Refused(answer, why) => {
                self.refuse(now, answer.status, why, flow);
                return answer;
            }
        };
        // RFC 3261 §10.3 step 4: who has signed in may change their own bindings and nobody else's.
        if request.to.uri.user().as_deref() != Some(user.expose().as_str()) {
            self.refuse(now, 403, "registers for somebody else", flow);
            return Answer::new(403);
        }
        self.register_proven(now, user.expose(), request, flow)
    }

    pub(super) fn refuse(&mut self, now: Now, status: u16, why: &'static str, source: Flow) {
        self.count_refusal(why);
        // Every phone is challenged before it signs in: no news.
        if why == CHALLENGED {
            return;
        }
        if self.guard.may_log(now.mono) {
            tracing::info!(status, why, %source, "refused");
        }
        self.output.push_back(Output::Notice(Notice::Refused { status, why, source }));
    }
}
