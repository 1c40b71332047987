//! A person hears their messages by phone: from their own desk, or from anywhere with extension and PIN.
//!
//! ```text
//!   whose box? --> PIN? --> opening --> how many --> one message after the other -- none left --> flow
//!      ^            ^         | wrong                 ^      | 1 again  2 save  3 delete
//!      +------------+---------+                       |      | 5 forward  6 done  # next
//!                                                     +------+ 4 call back --> outside, or a colleague
//! ```
//!
//! What is keyed as a PIN is in no log and no recording, and is checked where nobody else waits for it. A message is
//! heard once its last word is, whatever becomes of the call; every key may be pressed while it still speaks.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Body, Ctx, Effect, Event, Listen, Stage, Timer, dial, outside};
use crate::base::{Clip, Masked, Wall};
use crate::dialplan;
use crate::media::Command;
use crate::record::{About, MessageSlip, Record, SlipChange, SlipState, StageKind};

/// Between two digits of an extension or a PIN.
const BETWEEN_DIGITS: Duration = Duration::from_secs(4);

/// Digits of either.
const MOST_DIGITS: usize = 16;

/// A phone rings so long for who calls back.
const RING: Duration = Duration::from_secs(60);

// The keys, and what is said before each: the caller hears them from these very lines.
const AGAIN: (char, &str) = ('1', "mailbox/to-listen-again");
const SAVE: (char, &str) = ('2', "mailbox/to-save");
const DELETE: (char, &str) = ('3', "mailbox/to-delete");
const CALL_BACK: (char, &str) = ('4', "mailbox/to-call-back");
const FORWARD: (char, &str) = ('5', "mailbox/to-forward");
const DONE: (char, &str) = ('6', "mailbox/to-mark-done");
const SKIP: (char, &str) = ('#', "mailbox/to-skip");

/// The order of a box by the shell: who calls, from where, and what they keyed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBox {
    pub mailbox: String,
    /// The person's own desk calls.
    pub own: bool,
    pub pin: Option<Masked<String>>,
}

/// Why a box is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOpened {
    /// It has a PIN, and none was given.
    NeedsPin,
    /// There is no such box, or no such PIN: nobody is told which.
    WrongPin,
    /// Too many wrong ones, or the store cannot be read.
    NotNow,
}

pub(super) struct Mailbox {
    mailbox: String,
    own: bool,
    /// So often extension and PIN may still be keyed in.
    tries: u8,
    slips: VecDeque<MessageSlip>,
    phase: Phase,
}

enum Phase {
    Extension(String),
    Pin(Masked<String>),
    Opening,
    /// Something is said; then the first message.
    Telling,
    /// The first message; then what may be done with it.
    Message {
        heard: bool,
    },
    ForwardTo(String),
    /// The last word.
    Leaving,
}

pub(super) fn enter(body: &mut Body, ctx: &mut Ctx<'_>, tries: u8) -> Stage {
    let own = body.desk.and_then(|desk| body.extension(desk));
    body.stage(ctx, StageKind::Mailbox, own.clone().unwrap_or_default());
    let asks = Mailbox {
        own: own.is_some(),
        mailbox: own.unwrap_or_default(),
        tries,
        slips: VecDeque::new(),
        phase: Phase::Opening,
    };
    if asks.own { asks.open(body, ctx, None) } else { asks.ask_extension(body, ctx, &[]) }
}

/// A team's box, from the desk of one of its readers: no PIN is asked for, since the box has none.
pub(super) fn enter_team(body: &mut Body, ctx: &mut Ctx<'_>, tries: u8, team: String) -> Stage {
    body.stage(ctx, StageKind::Mailbox, team.clone());
    let reads = body.desk.is_some_and(|desk| body.cursor.plan().box_rule(&team).readers.contains(&desk));
    let asks = Mailbox { own: reads, mailbox: team, tries, slips: VecDeque::new(), phase: Phase::Opening };
    if reads { asks.open(body, ctx, None) } else { asks.leave(body, ctx, &["mailbox/no-such-box"]) }
}

impl Mailbox {
    pub(super) fn handle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, event: Event) -> Stage {
        match event {
            Event::Digit { leg, digit } if leg == body.caller_id => {
                return self.pressed(body, ctx, digit.expose().key());
            }
            Event::Played { leg, play } if leg == body.caller_id && body.finished(play) => {
                return self.played(body, ctx);
            }
            Event::BoxOpened(opened) if matches!(self.phase, Phase::Opening) => {
                body.timers.disarm(Timer::Durable);
                return match opened {
                    Ok(slips) => {
                        self.slips = in_order(slips);
                        self.tell_how_many(body, ctx)
                    }
                    Err(NotOpened::NeedsPin) => self.ask_pin(body, ctx),
                    Err(NotOpened::WrongPin) => self.wrong(body, ctx),
                    Err(NotOpened::NotNow) => self.leave(body, ctx, &["mailbox/not-now"]),
                };
            }
            Event::Reoffer { leg, sdp } if leg == body.caller_id => body.reoffer(ctx, sdp),
            _ => {}
        }
        Stage::Mailbox(self)
    }

    pub(super) fn timed_out(self, body: &mut Body, ctx: &mut Ctx<'_>, timer: Timer) -> Stage {
        match (timer, &self.phase) {
            (Timer::Durable, Phase::Opening) => self.leave(body, ctx, &["mailbox/not-now"]),
            (Timer::Confirm, Phase::Extension(_) | Phase::Pin(_)) => self.complete(body, ctx),
            (Timer::Confirm, Phase::ForwardTo(_)) => self.complete(body, ctx),
            // Whoever says nothing has put the phone down beside them: what is open stays so.
            (Timer::Confirm, _) => self.leave(body, ctx, &[]),
            _ => Stage::Mailbox(self),
        }
    }

    fn pressed(mut self, body: &mut Body, ctx: &mut Ctx<'_>, key: char) -> Stage {
        match &mut self.phase {
            Phase::Extension(typed) | Phase::ForwardTo(typed) if key.is_ascii_digit() => {
                typed.push(key);
                if typed.len() >= MOST_DIGITS {
                    return self.complete(body, ctx);
                }
            }
            Phase::Pin(typed) if key.is_ascii_digit() => {
                *typed = Masked::new(format!("{}{key}", typed.expose()));
                if typed.expose().len() >= MOST_DIGITS {
                    return self.complete(body, ctx);
                }
            }
            Phase::Extension(_) | Phase::Pin(_) | Phase::ForwardTo(_) if key == '#' => {
                return self.complete(body, ctx);
            }
            Phase::Message { .. } => return self.settle(body, ctx, key),
            // Whoever knows how many there are need not hear it to the end.
            Phase::Telling => return self.message(body, ctx),
            _ => return Stage::Mailbox(self),
        }
        body.stop_playing(ctx);
        body.timers.arm(Timer::Confirm, ctx.now.mono + BETWEEN_DIGITS);
        Stage::Mailbox(self)
    }

    fn played(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        match self.phase {
            Phase::Telling => return self.message(body, ctx),
            Phase::Leaving => return Listen::begin(body, ctx, dialplan::Event::MailboxEnded),
            Phase::Opening => {}
            Phase::Message { heard: false } => {
                self.mark(ctx, SlipState::Heard);
                self.phase = Phase::Message { heard: true };
                let clips = body.lines(&[AGAIN, SAVE, DELETE, CALL_BACK, FORWARD, DONE, SKIP]);
                return self.say(body, ctx, clips);
            }
            Phase::Extension(_) | Phase::Pin(_) | Phase::Message { heard: true } | Phase::ForwardTo(_) => {
                body.timers.arm(Timer::Confirm, ctx.now.mono + ctx.settings.confirm_within);
            }
        }
        Stage::Mailbox(self)
    }

    // -- whose it is --

    fn ask_extension(mut self, body: &mut Body, ctx: &mut Ctx<'_>, before: &[&str]) -> Stage {
        self.phase = Phase::Extension(String::new());
        let names: Vec<&str> = before.iter().copied().chain(["mailbox/enter-extension"]).collect();
        self.say(body, ctx, body.prompts(&names))
    }

    fn ask_pin(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        ctx.media(Command::Secret { leg: body.caller_id, on: true });
        self.phase = Phase::Pin(Masked::default());
        self.say(body, ctx, body.prompts(&["mailbox/enter-pin"]))
    }

    /// Digits are complete.
    fn complete(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        match std::mem::replace(&mut self.phase, Phase::Opening) {
            Phase::Extension(typed) if typed.is_empty() => self.wrong(body, ctx),
            // Whether there is such a box is nobody's business who has not the PIN.
            Phase::Extension(typed) => {
                self.mailbox = typed;
                self.ask_pin(body, ctx)
            }
            Phase::Pin(typed) => {
                ctx.media(Command::Secret { leg: body.caller_id, on: false });
                self.open(body, ctx, Some(typed))
            }
            Phase::ForwardTo(typed) => self.forward(body, ctx, &typed),
            phase => {
                self.phase = phase;
                Stage::Mailbox(self)
            }
        }
    }

    fn wrong(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        self.tries = self.tries.saturating_sub(1);
        if self.tries == 0 {
            return self.leave(body, ctx, &["mailbox/wrong-pin"]);
        }
        if self.own {
            ctx.media(Command::Secret { leg: body.caller_id, on: true });
            self.phase = Phase::Pin(Masked::default());
            let clips = body.prompts(&["mailbox/wrong-pin", "mailbox/enter-pin"]);
            return self.say(body, ctx, clips);
        }
        self.ask_extension(body, ctx, &["mailbox/wrong-pin"])
    }

    fn open(mut self, body: &mut Body, ctx: &mut Ctx<'_>, pin: Option<Masked<String>>) -> Stage {
        body.timers.disarm(Timer::Confirm);
        body.timers.arm(Timer::Durable, ctx.now.mono + ctx.settings.durable_within);
        body.stop_playing(ctx);
        self.phase = Phase::Opening;
        ctx.effect(Effect::OpenBox(OpenBox { mailbox: self.mailbox.clone(), own: self.own, pin }));
        Stage::Mailbox(self)
    }

    // -- what is in it --

    fn tell_how_many(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let speech = body.speech();
        let new = self.slips.iter().filter(|slip| slip.state == SlipState::New).count();
        let open = self.slips.len() - new;
        let mut clips = speech.messages(u32::try_from(new).unwrap_or(u32::MAX));
        if open > 0 {
            clips.extend(body.prompts(&["mailbox/open-before"]));
            clips.extend(speech.number(open as u64));
        }
        if self.slips.is_empty() {
            return self.leave_with(body, ctx, clips);
        }
        self.phase = Phase::Telling;
        self.say(body, ctx, clips)
    }

    /// The next one with its head and what may be done with it.
    fn message(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let Some(slip) = self.slips.front() else { return self.leave(body, ctx, &["mailbox/no-more"]) };
        let mut clips = head(body, slip, ctx.now.wall);
        clips.extend(slip.recordings.iter().map(|recording| Clip::Recording(*recording)));
        self.phase = Phase::Message { heard: false };
        self.say(body, ctx, clips)
    }

    fn settle(mut self, body: &mut Body, ctx: &mut Ctx<'_>, key: char) -> Stage {
        let (state, said) = match key {
            key if key == AGAIN.0 => return self.message(body, ctx),
            key if key == SKIP.0 => {
                self.slips.pop_front();
                return self.message(body, ctx);
            }
            key if key == CALL_BACK.0 => return self.call_back(body, ctx),
            key if key == FORWARD.0 => {
                self.phase = Phase::ForwardTo(String::new());
                return self.say(body, ctx, body.prompts(&["mailbox/forward-to"]));
            }
            key if key == SAVE.0 => (SlipState::Open, "mailbox/saved"),
            key if key == DELETE.0 => (SlipState::Deleted, "mailbox/deleted"),
            key if key == DONE.0 => (SlipState::Done, "mailbox/marked-done"),
            _ => return Stage::Mailbox(self),
        };
        self.mark(ctx, state);
        self.next(body, ctx, said)
    }

    /// The first one is done with, for now.
    fn next(mut self, body: &mut Body, ctx: &mut Ctx<'_>, said: &str) -> Stage {
        self.slips.pop_front();
        self.phase = Phase::Telling;
        self.say(body, ctx, body.prompts(&[said]))
    }

    fn mark(&mut self, ctx: &mut Ctx<'_>, state: SlipState) {
        let Some(slip) = self.slips.front_mut() else { return };
        if state == SlipState::Heard && slip.state != SlipState::New {
            return;
        }
        slip.state = state;
        ctx.effect(Effect::Record(Record::SlipChange(slip.slip, SlipChange::Marked(state))));
    }

    fn forward(mut self, body: &mut Body, ctx: &mut Ctx<'_>, to: &str) -> Stage {
        let plan = body.cursor.plan();
        let known = plan.agent_by_extension(to).is_some_and(|agent| agent.mailbox) && to != self.mailbox;
        let Some(slip) = self.slips.front().filter(|_| known) else {
            self.phase = Phase::Telling;
            return self.say(body, ctx, body.prompts(&["mailbox/no-such-box"]));
        };
        let change = SlipChange::Forwarded { mailbox: to.to_owned() };
        ctx.effect(Effect::Record(Record::SlipChange(slip.slip, change)));
        self.next(body, ctx, "mailbox/forwarded")
    }

    /// A colleague, or somebody outside by the rights of whose box it is, from wherever they call.
    fn call_back(mut self, body: &mut Body, ctx: &mut Ctx<'_>) -> Stage {
        let number = self.slips.front().map(|slip| slip.number.as_ref().unwrap_or(&slip.from).clone());
        let plan = body.cursor.plan();
        // Of a team's box it is who reads it that calls back.
        let reader = body.desk.and_then(|desk| plan.agent(desk));
        let whose = plan.agent_by_extension(&self.mailbox).or(reader);
        let rights = whose.map(|agent| agent.may_call.as_slice());
        let may = |number: &Masked<String>| {
            rights.unwrap_or_default().iter().any(|pattern| pattern.matches(number.expose()))
        };
        let colleague = number.as_ref().and_then(|number| plan.agent_by_extension(number.expose()));
        let colleague = colleague.map(|agent| agent.id);
        let number = number.filter(may);
        if colleague.is_none() && number.is_none() {
            self.phase = Phase::Telling;
            return self.say(body, ctx, body.prompts(&["mailbox/cannot-call-back"]));
        }
        self.mark(ctx, SlipState::Open);
        body.timers.disarm(Timer::Confirm);
        body.stop_playing(ctx);
        match colleague {
            Some(person) => dial::enter(body, ctx, person, false, RING),
            None => outside::enter(body, ctx, number, None, RING),
        }
    }

    // -- speaking --

    fn say(self, body: &mut Body, ctx: &mut Ctx<'_>, clips: Vec<Clip>) -> Stage {
        body.timers.disarm(Timer::Confirm);
        body.play(ctx, clips, false);
        Stage::Mailbox(self)
    }

    fn leave(self, body: &mut Body, ctx: &mut Ctx<'_>, said: &[&str]) -> Stage {
        let clips = body.prompts(said);
        self.leave_with(body, ctx, clips)
    }

    fn leave_with(mut self, body: &mut Body, ctx: &mut Ctx<'_>, clips: Vec<Clip>) -> Stage {
        body.timers.disarm(Timer::Confirm);
        if clips.is_empty() {
            body.stop_playing(ctx);
            return Listen::begin(body, ctx, dialplan::Event::MailboxEnded);
        }
        self.phase = Phase::Leaving;
        self.say(body, ctx, clips)
    }
}

/// When it came, and from whom.
fn head(body: &Body, slip: &MessageSlip, now: Wall) -> Vec<Clip> {
    let speech = body.speech();
    let mut clips = if slip.urgent { body.prompts(&["mailbox/urgent"]) } else { Vec::new() };
    clips.extend(about(body, slip));
    clips.extend(body.prompts(&["mailbox/received"]));
    let day = |at: Wall| speech.date(at);
    if day(slip.taken) != day(now) {
        clips.extend(day(slip.taken));
    }
    clips.extend(speech.time(slip.taken));
    if slip.from.is_empty() {
        clips.extend(body.prompts(&["mailbox/number-withheld"]));
    } else {
        clips.extend(body.prompts(&["mailbox/from-number"]));
        clips.extend(speech.digits(slip.from.expose()));
    }
    if let Some(who) = slip.who {
        clips.extend(body.prompts(&["mailbox/caller-is"]));
        clips.push(Clip::Recording(who));
    }
    if let Some(number) = slip.number.as_ref().filter(|number| **number != slip.from) {
        clips.extend(body.prompts(&["mailbox/call-back-number"]));
        clips.extend(speech.digits(number.expose()));
    }
    clips
}

/// What it is, where it is no ordinary message.
fn about(body: &Body, slip: &MessageSlip) -> Vec<Clip> {
    let said = match &slip.about {
        None => return Vec::new(),
        Some(About::Complains { case, .. } | About::Complaint { case, .. }) => {
            ("mailbox/about-complaint", case.to_string())
        }
        Some(About::Survey { mark, .. }) => ("mailbox/about-survey", mark.to_string()),
    };
    let mut clips = body.prompts(&[said.0]);
    clips.extend(body.speech().digits(&said.1));
    clips
}

/// What is new before what is open, what is urgent before what is not, then as they came.
fn in_order(mut slips: Vec<MessageSlip>) -> VecDeque<MessageSlip> {
    slips.sort_by_key(|slip| (slip.state != SlipState::New, !slip.urgent, slip.taken, slip.slip));
    slips.into()
}
