//! The play: four people, each with a script, at the same time.
//!
//! Nobody acts by the clock: a key is pressed and a word is said when what should come before it has been heard.

use std::time::Duration;

use super::cast::{Lines, MANAGER, Who};
use super::event::Event;
use super::phone::Order;
use super::player::{Found, Missed, Player};

/// The customers' number.
const HOTLINE: &str = "10000";
/// What agents dial to sign on.
const SIGN_ON: &str = "*11";

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// For what comes at once, after a prompt of usual length, and after a phone that rings in vain.
const SOON: Duration = s(4);
const NEXT: Duration = s(10);
const LATER: Duration = s(25);
/// An agent's phone is to ring for so long, about.
const RING: std::ops::Range<Duration> = s(13)..s(17);
/// The least music a caller hears while an agent's phone rings in vain.
const MUSIC: Duration = s(8);

const GREETINGS: [&str; 4] =
    ["greeting/good-morning", "greeting/good-noon", "greeting/good-afternoon", "greeting/good-evening"];

/// Everybody's script to its end, or to where it cannot go on.
pub fn act(player: &mut Player, lines: Lines, back_at: &[String]) -> Result<(), Missed> {
    match player.who {
        Who::CallerA => consultation(player, lines),
        Who::CallerB => message(player, lines, back_at),
        Who::Agent1 => does_not_answer(player),
        Who::Agent2 => answers(player, lines),
    }
}

/// Caller A: Mandarin, consultation, somebody does not answer, somebody else does.
fn consultation(me: &mut Player, lines: Lines) -> Result<(), Missed> {
    me.wait(Duration::from_millis(900))?;
    dial(me, HOTLINE, "calls")?;
    me.hears("the greeting", &GREETINGS, SOON)?;
    me.hears("the welcome", &["greeting/welcome"], SOON)?;
    me.hears("the choice of language", &["language/choose"], SOON)?;
    me.press("1");
    me.hears("the recording notice", &["notice/recording"], NEXT)?;
    me.hears_all("the menu", &["menu/listen", "topic/consult", "menu/press-1"], NEXT)?;
    me.press("1");
    me.hears("that an agent is looked for", &["queue/connecting"], NEXT)?;
    me.hears("the apology after no answer", &["transfer/sorry-please-wait"], LATER)?;
    me.has_heard("music while waiting", "common/hold-music", MUSIC)?;
    me.hears("the agent's voice", &["agent-1002/greets"], NEXT)?;
    me.say(lines.caller_asks)?;
    me.hears("the agent's voice again", &["agent-1002/closes"], NEXT)?;
    me.hears("the closing phrase", &["goodbye/thanks"], NEXT)?;
    me.sees("the hotline hangs up after it", SOON, |event| *event == Event::HungUp)?;
    Ok(())
}

/// Caller B: English, asks for the manager, who is in a meeting, and leaves a message.
fn message(me: &mut Player, lines: Lines, back_at: &[String]) -> Result<(), Missed> {
    me.wait(Duration::from_millis(300))?;
    dial(me, HOTLINE, "calls")?;
    me.hears("the greeting", &GREETINGS, SOON)?;
    me.hears("the welcome", &["greeting/welcome"], SOON)?;
    me.expect_language("en-US");
    me.hears("the choice of language", &["language/choose"], NEXT)?;
    me.press("2");
    me.hears("the recording notice", &["notice/recording"], NEXT)?;
    me.hears("the menu", &["menu/listen"], NEXT)?;
    me.press("4");
    me.hears("the question for the extension", &["menu/enter-extension"], NEXT)?;
    me.press(MANAGER);
    me.hears("that the manager is tried", &["transfer/trying"], NEXT)?;
    me.hears_all("that the manager is in a meeting", &["person/manager-wang", "person/in-a-meeting"], NEXT)?;
    let back_at: Vec<&str> = back_at.iter().map(String::as_str).collect();
    me.hears_all("when the manager is expected back", &back_at, SOON)?;
    me.hears("what they can do instead", &["topic/message"], SOON)?;
    me.wait(Duration::from_millis(500))?;
    me.press("1");
    me.hears("the question who is calling", &["message/say-name"], NEXT)?;
    me.hears("the tone", &["common/beep"], SOON)?;
    me.say(lines.name)?;
    me.wait(Duration::from_millis(300))?;
    me.press("#");
    // Their own number, read out twice: once is enough.
    me.hears("the number to call back", &["message/your-number-is"], NEXT)?;
    me.wait(Duration::from_secs(6))?;
    me.press("1");
    me.hears("the invitation to speak", &["message/record-now"], NEXT)?;
    me.hears("the tone", &["common/beep"], SOON)?;
    me.say(lines.message)?;
    me.wait(Duration::from_millis(300))?;
    me.press("#");
    me.begins("message/is-urgent", NEXT)?;
    me.wait(Duration::from_millis(2500))?;
    me.press("2");
    me.hears("that it is read back", &["message/read-back"], NEXT)?;
    me.hears("the name, played back", &["caller-b/name"], NEXT)?;
    me.hears("the message, played back", &["caller-b/message"], LATER)?;
    me.begins("message/to-accept", NEXT)?;
    me.wait(Duration::from_millis(1200))?;
    me.press("1");
    me.hears("that the message is kept", &["message/saved"], NEXT)?;
    me.hears("the closing phrase", &["goodbye/thanks"], NEXT)?;
    me.sees("the hotline hangs up after it", SOON, |event| *event == Event::HungUp)?;
    Ok(())
}

/// Agent 1001 signs on and is at the coffee machine.
fn does_not_answer(me: &mut Player) -> Result<(), Missed> {
    sign_on(me)?;
    let rings = me.sees("the phone rings first", LATER, |event| matches!(event, Event::Rings(_)))?;
    let stops = me.sees("the call goes on to the next", LATER, |event| *event == Event::StopsRinging)?;
    let rang = stops.since(rings);
    let in_time = if RING.contains(&rang) {
        Ok(Found::Happened)
    } else {
        Err(format!("it rang for {:.1} s", rang.as_secs_f32()))
    };
    me.note("after 15 s of ringing", in_time)
}

/// Agent 1002 signs on, answers after a moment, and is kind.
fn answers(me: &mut Player, lines: Lines) -> Result<(), Missed> {
    me.wait(Duration::from_millis(300))?;
    sign_on(me)?;
    me.sees("the phone rings second", s(45), |event| matches!(event, Event::Rings(_)))?;
    // The hotline says its apology meanwhile.
    me.wait(Duration::from_millis(2500))?;
    me.tell(Order::Answer { recording: format!("{}-talks", me.who.slug()) });
    me.wait(Duration::from_millis(300))?;
    me.say(lines.agent_greets)?;
    me.hears("the caller's voice", &["caller-a/asks"], NEXT)?;
    me.say(lines.agent_closes)?;
    me.wait(Duration::from_millis(500))?;
    me.tell(Order::HangUp);
    Ok(())
}

fn sign_on(me: &mut Player) -> Result<(), Missed> {
    me.tell(Order::Register);
    me.sees("the phone is registered", SOON, |event| *event == Event::Registered)?;
    dial(me, SIGN_ON, "signs-on")?;
    me.hears("that they are signed on", &["agent/signed-in"], SOON)?;
    me.hears("that they may hang up", &["goodbye/please-hang-up"], SOON)?;
    me.sees("the hotline hangs up after it", SOON, |event| *event == Event::HungUp)?;
    Ok(())
}

fn dial(me: &mut Player, number: &str, does: &str) -> Result<(), Missed> {
    let recording = format!("{}-{does}", me.who.slug());
    me.tell(Order::Dial { number: number.to_owned(), recording });
    me.sees("the hotline answers", SOON, |event| *event == Event::Connected)?;
    Ok(())
}
