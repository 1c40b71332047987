//! The caller is answered and the flow begins.

use super::timer::Timers;
use super::{Arrival, Body, Call, Ctx, Effect, Journal, Leg, Refusal, hang_up};
use crate::base::LegId;
use crate::dialplan;
use crate::record::{CallEnd, StageKind};

/// Straight 200: the first prompt must not wait for a phone that rings at nobody.
pub(super) fn arrive(ctx: &mut Ctx<'_>, arrival: Arrival) -> Call {
    let Arrival {
        call,
        sip_call_id,
        from,
        withheld,
        diverted,
        outside,
        dialled,
        origin,
        desk,
        towards,
        sdp,
        cursor,
    } = arrival;
    let span = tracing::info_span!("call", id = %call, from = %from, dialled, origin);
    let entered = span.clone().entered();
    let mut journal = Journal::new(call, sip_call_id, from.clone(), dialled.clone(), origin, ctx.now);
    journal.came(withheld, diverted);
    journal.stage(ctx.now, StageKind::Arrive, dialled);
    // Whoever is not to see the number does not get it.
    let from = if withheld { Default::default() } else { from };

    let id = LegId { call, index: 0 };
    let leg = Leg::open(ctx, id, towards);
    let accepted = match leg {
        None => Err((None, Refusal { status: 503, warning: None }, "no RTP port is free".to_owned())),
        Some(mut leg) => match sdp.map(|offer| leg.answer(ctx, &offer)) {
            Some(Ok(answer)) => Ok((leg, answer)),
            Some(Err(why)) => Err((Some(leg), why.refusal(), why.to_string())),
            None => {
                let offer = leg.offer();
                Ok((leg, offer))
            }
        },
    };
    let mut body = Body {
        id: call,
        caller_id: id,
        caller: None,
        cursor,
        journal,
        timers: Timers::default(),
        from,
        // Whatever the exchange says, a call that no desk made has no number of the outside.
        outside: outside.filter(|_| desk.is_some()),
        desk,
        keys: Default::default(),
        next_leg: 1,
        place: None,
        owed: None,
        urgent: None,
        handed_by: None,
        case: None,
        talked: None,
        follow_up: None,
        span: span.clone(),
    };
    let (leg, sdp) = match accepted {
        Ok(accepted) => accepted,
        Err((leg, refusal, why)) => {
            let status = refusal.status;
            tracing::warn!(status, why, "refused");
            ctx.effect(Effect::Refuse { leg: id, refusal });
            body.caller = leg;
            let stage = hang_up::over(&mut body, ctx, CallEnd::Refused { status, why });
            drop(entered);
            return Call { body, stage };
        }
    };
    ctx.effect(Effect::Accept { leg: id, sdp });
    body.caller = Some(leg);
    body.journal.answered(ctx.now);
    let stage = body.go_on(ctx, dialplan::Event::Begin);
    drop(entered);
    Call { body, stage }
}
