//! A call walked through a plan by a script of events, told as a ladder of what the call was to do.

use std::sync::Arc;
use std::time::Duration;

use hotline::base::{AwayReason, Clip, Instant, Masked, Now, RecordingId, Wall};
use hotline::dialplan::{
    Action, Cursor, DialEnd, Event, Facts, MessageEnd, Origin, Plan, PresenceChange, QueueEnd, QueueState,
    UrgentEnd,
};
use jiff::civil::DateTime;

/// A moment in the plan's time zone.
pub fn at(plan: &Plan, text: &str) -> Wall {
    let local: DateTime = text.parse().unwrap();
    let zoned = local.to_zoned(plan.time_zone().clone()).unwrap();
    Wall::from_micros(zoned.timestamp().as_microsecond())
}

pub struct Walk {
    plan: Arc<Plan>,
    pub cursor: Cursor,
    now: Now,
    ladder: String,
}

impl Walk {
    pub fn new(plan: &Arc<Plan>, dialled: &str, from: &str, origin: Origin, time: &str) -> Self {
        let now = Now { mono: Instant::ZERO, wall: at(plan, time) };
        let facts = Facts { from: Masked::from(from), dialled: dialled.to_owned(), owner: None, origin, now };
        let entry = plan.entry(dialled, origin).expect("the number is served");
        let cursor = Cursor::new(plan.clone(), entry, facts);
        let mut walk = Walk { plan: plan.clone(), cursor, now, ladder: String::new() };
        walk.event("answered", Event::Begin);
        walk
    }

    /// A caller of the hotline on a working morning.
    pub fn caller(plan: &Arc<Plan>, dialled: &str) -> Self {
        Walk::new(plan, dialled, "13512345678", Origin::Caller, "2026-11-20T09:30:00")
    }

    /// Words: `heard` (what played is over), `late` (the timer), digits, and how a queue, a person, a message
    /// or a change of presence ended.
    pub fn run(mut self, script: &str) -> Self {
        for word in script.split_whitespace() {
            for event in events(&self.plan, word) {
                self.event(word, event);
            }
        }
        self
    }

    fn event(&mut self, word: &str, event: Event) {
        let mut actions = Vec::new();
        self.cursor.handle(self.now, event, &mut actions);
        self.ladder.push_str(&format!("{word}\n"));
        for action in &actions {
            if let Some(shown) = show(&self.plan, action) {
                self.ladder.push_str(&format!("    {shown}\n"));
            }
        }
    }

    pub fn ladder(self) -> String {
        self.ladder
    }
}

/// Compares what happened with what was expected; both begin with a line break for the reader's sake.
#[track_caller]
pub fn check(walk: Walk, expected: &str) {
    let ladder = walk.ladder();
    assert!(ladder.trim() == expected.trim(), "it went otherwise:\n{ladder}");
}

fn events(plan: &Plan, word: &str) -> Vec<Event> {
    let queue = |end| vec![Event::QueueEnded(end)];
    let dial = |end| vec![Event::DialEnded(end)];
    if let Some(away) = word.strip_prefix("away:") {
        let (reason, back) = away.split_once('@').map_or((away, None), |(r, b)| (r, Some(b)));
        let reason = AwayReason::parse(reason).unwrap();
        return dial(DialEnd::Away { reason, until: back.map(|b| at(plan, b)), delegate: false });
    }
    // Callers in line, seconds of the longest wait, agents who are ready.
    if let Some(line) = word.strip_prefix("line:") {
        let [waiting, longest, ready] = line.split('/').map(|n| n.parse().unwrap()).collect::<Vec<u32>>()[..]
        else {
            panic!("line:waiting/longest/ready");
        };
        let longest = (waiting > 0).then(|| Duration::from_secs(u64::from(longest)));
        return vec![Event::QueueState(QueueState { waiting, longest, ready })];
    }
    match word {
        "heard" => vec![Event::Played],
        "late" => vec![Event::TimedOut],
        "served" => queue(QueueEnd::Served),
        "full" => queue(QueueEnd::Full),
        "nobody" => queue(QueueEnd::NobodySignedOn),
        "closed" => queue(QueueEnd::Closed),
        "max-wait" => queue(QueueEnd::MaxWait),
        "talked" => dial(DialEnd::Served),
        "busy" => dial(DialEnd::Busy),
        "no-answer" => dial(DialEnd::NoAnswer),
        "unreachable" => dial(DialEnd::Unreachable),
        "saved" => vec![Event::MessageEnded(MessageEnd::Saved)],
        "nothing" => vec![Event::MessageEnded(MessageEnd::Nothing)],
        "failed" => vec![Event::MessageEnded(MessageEnd::Failed)],
        "rated" => vec![Event::SurveyEnded],
        "found" => vec![Event::ComplaintTold { found: true }],
        "unfound" => vec![Event::ComplaintTold { found: false }],
        "done" => vec![Event::PresenceSet { ok: true }],
        "booked" => vec![Event::CallbackBooked { ok: true, wait: None }],
        "unbooked" => vec![Event::NOT_BOOKED],
        "refused" => vec![Event::PresenceSet { ok: false }],
        "not-now" => vec![Event::UrgentEnded(UrgentEnd::NotNow)],
        "call-back" => {
            vec![Event::UrgentEnded(UrgentEnd::CallBack { at: Some(at(plan, "2026-11-20T15:00:00")) })]
        }
        "to-delegate" => vec![Event::UrgentEnded(UrgentEnd::Delegate)],
        "no-reply" => vec![Event::UrgentEnded(UrgentEnd::NoAnswer)],
        "told" => vec![Event::UrgentAnswered { ok: true }],
        "nobody-waits" => vec![Event::UrgentAnswered { ok: false }],
        "heard-slip" => vec![Event::UrgentHeard(Some(RecordingId(7)))],
        _ => match word.strip_prefix("queue-key:") {
            Some(key) => queue(QueueEnd::Key(key.chars().next().unwrap())),
            None => word.chars().map(Event::Digit).collect(),
        },
    }
}

fn time(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

pub fn clips(plan: &Plan, clips: &[Clip]) -> String {
    let text = |clip: &Clip| match clip {
        Clip::Prompt(id) => {
            let info = plan.catalog().get(*id).unwrap();
            if info.text.is_empty() { format!("<{}>", info.name) } else { info.text.clone() }
        }
        Clip::Silence(pause) => format!("({} ms)", pause.as_millis()),
        Clip::Recording(id) => format!("<{id}>"),
    };
    clips.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn show(plan: &Plan, action: &Action) -> Option<String> {
    let extension = |id| plan.agent(id).unwrap().extension.clone();
    Some(match action {
        Action::Play(said) => format!("says {}", clips(plan, said)),
        Action::StopPlaying => "is silent".to_owned(),
        Action::Arm(wait) => format!("waits {}", time(*wait)),
        Action::Disarm => "waits no more".to_owned(),
        Action::Queue { queue, needs, credit, keys, offer, .. } => {
            let mut shown = format!("queues for {}", plan.queue(*queue).unwrap().name);
            for need in needs {
                shown += &format!(", {} {}", plan.skills()[usize::from(need.skill)].name, need.level);
            }
            if let Some(credit) = credit {
                shown += &format!(", credit {}", time(*credit));
            }
            if !keys.is_empty() {
                shown += &format!(", keys {}", keys.iter().collect::<String>());
            }
            if !offer.is_empty() {
                shown += &format!(", offers {}", clips(plan, offer));
            }
            shown
        }
        Action::QueueState(queue) => format!("looks at {}", plan.queue(*queue).unwrap().name),
        Action::BookCallback { queue, .. } => {
            format!("books a callback of {}", plan.queue(*queue).unwrap().name)
        }
        Action::Urgent { person } => format!("asks {} urgently", extension(*person)),
        Action::AnswerUrgent(answer) => format!("answers {answer:?}"),
        Action::HearUrgent => "hears who asks urgently".to_owned(),
        Action::PromiseCall { queue, person, .. } => {
            let whose = person.map(extension).unwrap_or_else(|| plan.queue(*queue).unwrap().name.clone());
            format!("promises a call of {whose}")
        }
        Action::PickUp(which) => format!("picks up {which:?}"),
        Action::Dial { person, delegate, ring } => {
            let who = if *delegate { "who takes the calls of " } else { "" };
            format!("rings {who}{} for {}", extension(*person), time(*ring))
        }
        Action::Outside { number, trunk, ring } => {
            let number = number.as_ref().map_or("what the desk dialled".to_owned(), ToString::to_string);
            let by = trunk.as_ref().map(|trunk| format!(" by {trunk}")).unwrap_or_default();
            format!("rings {number} outside{by} for {}", time(*ring))
        }
        Action::Message { person, box_name, complaint, ask, before, longest, silence, shortest } => {
            let what =
                complaint.as_ref().map(|category| format!("a complaint ({category}) ")).unwrap_or_default();
            let whose = person.map(|p| format!(" of {}", extension(p))).unwrap_or_default();
            let asked = ask.iter().map(|ask| format!(", asks {}", ask.name())).collect::<String>();
            format!(
                "records {what}for box {box_name}{whose}: {} to {}, silence {}{asked}, says {}",
                time(*shortest),
                time(*longest),
                time(*silence),
                clips(plan, before)
            )
        }
        Action::Survey { after_talk, once_in, solved, low, low_to } => {
            let solved = if *solved { ", and whether it is solved" } else { "" };
            let to = low_to.map(|to| format!(", for {}", extension(to))).unwrap_or_default();
            let (talk, once) = (time(*after_talk), time(*once_in));
            format!("asks for a mark after {talk} of talk and {once}{solved}; up to {low} is low{to}")
        }
        Action::Complaint { tries } => format!("asks for a complaint's number in {tries} tries"),
        Action::Mailbox { tries, team: None } => format!("opens a message box in {tries} tries"),
        Action::Mailbox { team: Some(team), .. } => format!("opens the box {team}"),
        Action::Presence { change } => match change {
            PresenceChange::Away { reason, until, delegate } => {
                let until = until.map(|u| format!(" until {u}")).unwrap_or_default();
                let to = delegate.as_ref().map(|to| format!(", calls to {to}")).unwrap_or_default();
                format!("sets away: {reason}{until}{to}")
            }
            change => format!("sets {change:?}"),
        },
        Action::Secret(on) => format!("secret {on}"),
        Action::Step { .. } | Action::Took(_) => return None,
        Action::HangUp => "hangs up".to_owned(),
    })
}
