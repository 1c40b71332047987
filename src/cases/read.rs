//! Cases as they are written: TOML, read as a dialplan is, with every mistake told at once.

use jiff::civil::DateTime;

use super::case::{Case, Conduct, ENDS, Expected, OUTCOMES, Person, Step, Wanted};
use super::story::exists;
use crate::base::{AwayReason, Masked, UrgentAnswer, Wall};
use crate::dialplan::written::{
    Doc, Entry, Field, Fields, Form, Named, Parsed, Place, Report, Written, describe,
};
use crate::dialplan::{Diagnostic, Origin, Plan, SourceFile};

/// Longer than any call that somebody would write down: a day.
const DAY: u64 = 86_400_000;

const TEST: Doc = Doc {
    name: "test.<name>",
    about: "A call, and what must come of it. The name is a sentence: it says what is tested.",
    short: None,
    fields: &[
        Field::optional("dials", Form::Text, "the plan's first number", "The number that the caller dials."),
        Field::optional(
            "desk",
            Form::Text,
            "a caller dials",
            "The extension of an agent whose own phone dials, as `*14`; the steps are what is done there. They need not be \
             among `people`: then the phone is signed in, and nobody signed on.",
        ),
        Field::with("from", Form::Text, "13900000000", "The caller's own number; `\"\"`: withheld."),
        Field::with(
            "at",
            Form::Other("a date and a time, `\"2026-11-16 10:00\"`"),
            "2026-11-16 10:00",
            "When they dial, in the plan's time zone.",
        ),
        Field::optional(
            "people",
            Form::Other("a table: extension and conduct"),
            "nobody is there",
            "Whose phones are signed in, and what they do: `\"answers\"` (after 2 s; the caller hangs up), \
             `\"no-answer\"`, `\"busy\"`, `\"refuses\"`, `\"signed-off\"`, `\"away\"`, or a table, see `conduct`.",
        ),
        Field::optional(
            "steps",
            Form::Other("a list of steps"),
            "none",
            "What happens, in order: see `step`.",
        ),
        Field::optional(
            "never",
            Form::Other("a prompt's name, words out of its text, or a list of them"),
            "nothing",
            "What must not be heard in the whole call.",
        ),
        Field::with("within", Form::Time(1_000, DAY), "10 min", "The whole call takes no longer."),
        Field::optional(
            "ends",
            Form::One(ENDS),
            "the caller hangs up after the last step",
            "How the call must end by itself, in the words of `hotline calls`.",
        ),
        Field::optional("queue", Form::Name("queue"), "not looked at", "The queue that they waited in last."),
        Field::optional("outcome", Form::One(OUTCOMES), "not looked at", "What came of that wait."),
        Field::optional("served_by", Form::Text, "not looked at", "The extension of who served them."),
        Field::optional(
            "message",
            Form::Text,
            "not looked at",
            "The message box that they left a message in.",
        ),
        Field::optional(
            "language",
            Form::Name("language"),
            "not looked at",
            "The call's language at its end.",
        ),
        Field::optional("keys", Form::Count(0, 100), "not looked at", "No more keys than these are pressed."),
    ],
    example: r#"[test."Who has lost a card talks with somebody after one key"]
people = { 1001 = "answers" }
steps = [
  { hears = "topic/lost-card" },
  { press = "3" },
  { talks = "1001", within = "20 s" },
]
queue = "lost-card"
outcome = "served"
keys = 1
"#,
};

const STEP: Doc = Doc {
    name: "step",
    about: "What comes next. Exactly one of `hears`, `press`, `speak`, `wait`, `talks`, `answers`, `hold`, `resume`, `hang_up` \
            and `desk` is written. The caller acts 600 ms after what came before, as people do.",
    short: Some("hears"),
    fields: &[
        Field::optional(
            "hears",
            Form::Other("a prompt's name, or words out of its text"),
            "nothing",
            "Waits until this is heard.",
        ),
        Field::optional("press", Form::Text, "nothing", "Presses keys, as `1001#`, 300 ms apart."),
        Field::optional(
            "speak",
            Form::Time(100, DAY),
            "nothing",
            "Waits for the tone and speaks for so long.",
        ),
        Field::optional("wait", Form::Time(1, DAY), "nothing", "Does nothing for so long."),
        Field::optional(
            "talks",
            Form::Text,
            "nothing",
            "Waits until this extension is on the line; `\"\"`: anybody.",
        ),
        Field::optional(
            "answers",
            Form::One(&["now", "call-back", "delegate", "message"]),
            "nothing",
            "Waits until the caller hears that somebody is asked urgently; who is away answers this, 2 s later.",
        ),
        Field::optional("hold", Form::Flag, "nothing", "Puts the hotline on hold."),
        Field::optional("resume", Form::Flag, "nothing", "Takes it back."),
        Field::optional("hang_up", Form::Flag, "nothing", "Hangs up."),
        Field::optional(
            "desk",
            Form::Text,
            "nothing",
            "Meanwhile the phone of this extension, which is among `people`, dials `dials`, as `*17`, and presses `keys`, \
             each when something is heard there.",
        ),
        Field::optional("dials", Form::Text, "nothing", "With `desk`."),
        Field::optional("keys", Form::Text, "none", "With `desk`."),
        Field::optional(
            "within",
            Form::Time(100, DAY),
            "the rest of the call",
            "`hears` and `talks` come so soon after the step before.",
        ),
    ],
    example: r#"[test."The menu is heard"]
steps = [
  "greeting/welcome",
  { hears = "menu/listen", within = "30 s" },
  { hang_up = true },
]
"#,
};

/// Fields of a step that are no step by themselves.
const BESIDE: [&str; 3] = ["within", "dials", "keys"];

const CONDUCT: Doc = Doc {
    name: "conduct",
    about: "What somebody's phone does.",
    short: Some("does"),
    fields: &[
        Field::needed(
            "does",
            Form::One(&["answers", "no-answer", "busy", "refuses", "signed-off", "away"]),
            "`no-answer`: it rings; `busy`: engaged (486); `refuses`: the button that refuses (603).",
        ),
        Field::with("after", Form::Time(0, DAY), "2 s", "From the ring to the answer."),
        Field::optional(
            "talks",
            Form::Time(100, DAY),
            "until the caller hangs up",
            "From the answer to the end.",
        ),
        Field::with("reason", Form::Text, "meeting", "Why they are away: a reason of `presence`."),
        Field::optional(
            "until",
            Form::Other("a date and a time, `\"2026-11-16 15:00\"`"),
            "not known",
            "When who is away comes back.",
        ),
    ],
    example: r#"[test."An agent who hangs up first leaves nobody in silence"]
people = { 1001 = { does = "answers", after = "5 s", talks = "1 min" } }
steps = [
  { hears = "topic/lost-card" },
  { press = "3" },
  { talks = "1001" },
  "goodbye/thanks",
]
ends = "agent-hung-up"
"#,
};

/// Everything that may be written in a case.
pub fn reference() -> String {
    let mut out = String::from(
        "# Tests of a dialplan\n\n\
         Tests are TOML files in the folder `tests` of a dialplan, for `hotline test`. Numbers, queues, people and \
         prompts are those of the dialplan; times are written `\"300 ms\"`, `\"15 s\"`, `\"2 min\"`, `\"1 h\"`. Every \
         mistake is told at once, with file, line and column.\n",
    );
    [TEST, STEP, CONDUCT].iter().for_each(|doc| describe(doc, &mut out));
    out
}

/// The tables of a file of tests, by their places.
#[cfg(feature = "daemon")]
pub(crate) fn written() -> Vec<(&'static str, &'static Doc)> {
    vec![("test.<name>", &TEST), ("test.<name>.steps", &STEP), ("test.<name>.people.<extension>", &CONDUCT)]
}

/// Reads cases against a plan: all of them, in the order of the files, or every mistake.
pub fn read(files: &[SourceFile], plan: &Plan) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let mut report = Report::new(files);
    let parsed: Vec<_> = (0..files.len()).map(|file| Parsed::read(&mut report, file)).collect();
    let mut reader = Reader { report, plan };
    let mut named = Named::new("test");
    for entry in parsed.iter().flat_map(Parsed::entries) {
        if entry.key == "test" {
            named.add(&mut reader.report, entry);
        } else {
            let reason = format!("a file of tests has no table `{}`", entry.key);
            reader.report.unknown(entry.key_place, reason, entry.key, ["test"]);
        }
    }
    let cases: Vec<_> = named.order.iter().map(|entry| reader.case(*entry)).collect();
    if reader.report.failed() { Err(reader.report.into_diagnostics()) } else { Ok(cases) }
}

struct Reader<'s, 'p> {
    report: Report<'s>,
    plan: &'p Plan,
}

impl<'s> Reader<'s, '_> {
    fn case(&mut self, entry: Entry<'_, 's>) -> Case {
        let fields = self.report.open(entry, &TEST);
        let end = self.one(&fields, "ends");
        let expected = Expected {
            end,
            queue: self.queue(&fields),
            outcome: self.one(&fields, "outcome"),
            served_by: self.extension(&fields, "served_by"),
            message: self.report.text(&fields, "message").map(|(name, _)| name),
            language: self.language(&fields),
            keys: self.report.count_if(&fields, "keys").and_then(|keys| usize::try_from(keys).ok()),
        };
        let from =
            self.report.text(&fields, "from").map_or_else(|| fields.default("from").to_owned(), |f| f.0);
        let desk = self.extension(&fields, "desk");
        Case {
            name: entry.key.to_owned(),
            place: self.report.show(entry.key_place),
            dials: self.dialled(&fields, desk.as_deref()),
            desk,
            from: Masked::new(from),
            at: self.moment(&fields, "at").unwrap_or(self.usual_morning()),
            people: self.people(&fields),
            steps: self.steps(&fields),
            never: self.never(&fields),
            within: self.report.time(&fields, "within"),
            expected,
        }
    }

    /// Unlike in a dialplan, what is not written is not looked at.
    fn one(&mut self, fields: &Fields<'_, 's>, name: &str) -> Option<&'static str> {
        fields.has(name).then(|| self.report.one(fields, name)).flatten()
    }

    fn dialled(&mut self, fields: &Fields<'_, 's>, desk: Option<&str>) -> String {
        let Some((number, place)) = self.report.text(fields, "dials") else {
            let callers = self.plan.numbers().iter().find(|number| !number.desks);
            return callers.map(|number| number.pattern.to_string()).unwrap_or_default();
        };
        self.can_be_dialled(&number, place, desk);
        number
    }

    fn can_be_dialled(&mut self, number: &str, place: Place, desk: Option<&str>) {
        let agent = desk.and_then(|extension| self.plan.agent_by_extension(extension));
        let origin = agent.map_or(Origin::Caller, |agent| Origin::Desk(agent.id));
        if self.plan.entry(number, origin).is_some() {
            return;
        }
        let who = if agent.is_some() { "desks" } else { "callers" };
        let known: Vec<_> = self.plan.numbers().iter().map(|number| number.pattern.to_string()).collect();
        let reason = format!("{who} cannot dial `{number}`");
        self.report.unknown(place, reason, number, known.iter().map(String::as_str));
    }

    /// What a desk does meanwhile.
    fn at_desk(&mut self, own: &Fields<'_, 's>, value: Written<'_, 's>) -> Option<Wanted> {
        let extension = self.as_extension(value)?;
        let Some((dials, place)) = self.report.text(own, "dials") else {
            self.report.mistake(value.place, "`desk` needs `dials`");
            return None;
        };
        self.can_be_dialled(&dials, place, Some(&extension));
        let keys = match own.get("keys") {
            Some(written) => self.keys(written)?,
            None => String::new(),
        };
        Some(Wanted::Desk { extension, dials, keys })
    }

    fn queue(&mut self, fields: &Fields<'_, 's>) -> Option<String> {
        let (name, place) = self.report.text(fields, "queue")?;
        if self.plan.queue_by_name(&name).is_none() {
            let known = self.plan.queues().iter().map(|queue| queue.name.as_str());
            self.report.unknown(place, format!("the dialplan has no queue `{name}`"), &name, known);
        }
        Some(name)
    }

    fn language(&mut self, fields: &Fields<'_, 's>) -> Option<String> {
        let (name, place) = self.report.text(fields, "language")?;
        let known: Vec<_> = self.plan.languages().iter().map(ToString::to_string).collect();
        if !known.contains(&name) {
            let reason = format!("`{name}` is not among the languages of the dialplan");
            self.report.unknown(place, reason, &name, known.iter().map(String::as_str));
        }
        Some(name)
    }

    fn extension(&mut self, fields: &Fields<'_, 's>, name: &str) -> Option<String> {
        let written = fields.get(name)?;
        self.as_extension(written)
    }

    fn as_extension(&mut self, written: Written<'_, 's>) -> Option<String> {
        let extension = self.report.as_text(written, "an extension")?.to_owned();
        self.known_extension(&extension, written.place);
        Some(extension)
    }

    fn known_extension(&mut self, extension: &str, place: Place) {
        if self.plan.agent_by_extension(extension).is_none() {
            let known = self.plan.agents().iter().map(|agent| agent.extension.as_str());
            let reason = format!("the dialplan has nobody at the extension {extension}");
            self.report.unknown(place, reason, extension, known);
        }
    }

    fn usual_morning(&self) -> Wall {
        parse_moment("2026-11-16 10:00", self.plan).unwrap_or(Wall::from_micros(0))
    }

    fn moment(&mut self, fields: &Fields<'_, 's>, name: &str) -> Option<Wall> {
        let (text, place) = self.report.text(fields, name)?;
        let moment = parse_moment(&text, self.plan);
        if moment.is_none() {
            self.report
                .mistake(place, format!("`{name}` is a date and a time"))
                .add_help("write \"2026-11-16 10:00\"");
        }
        moment
    }

    fn people(&mut self, fields: &Fields<'_, 's>) -> Vec<Person> {
        let Some(written) = fields.get("people") else { return Vec::new() };
        let Some(entries) = written.entries() else {
            self.report.wrong(written, "`people`", "a table of extensions with what their phones do");
            return Vec::new();
        };
        let mut people = Vec::new();
        for entry in entries {
            self.known_extension(entry.key, entry.key_place);
            let own = self.report.open(entry, &CONDUCT);
            let conduct = self.conduct(&own);
            people.push(Person { extension: entry.key.to_owned(), conduct });
        }
        people
    }

    fn conduct(&mut self, own: &Fields<'_, 's>) -> Conduct {
        let does = self.report.one(own, "does");
        for (name, of) in [("after", "answers"), ("talks", "answers"), ("reason", "away"), ("until", "away")]
        {
            if let Some(odd) = own.get(name)
                && does.is_some_and(|does| does != of)
            {
                self.report.mistake(odd.place, format!("only who {of} has a field `{name}`"));
            }
        }
        match does {
            Some("no-answer") => Conduct::NoAnswer,
            Some("busy") => Conduct::Busy,
            Some("refuses") => Conduct::Refuses,
            Some("signed-off") => Conduct::SignedOff,
            Some("away") => {
                let until = self.moment(own, "until");
                Conduct::Away { reason: self.reason(own), until }
            }
            _ => Conduct::Answers {
                after: self.report.time(own, "after"),
                talks: self.report.time_if(own, "talks"),
            },
        }
    }

    fn reason(&mut self, own: &Fields<'_, 's>) -> AwayReason {
        let Some((text, place)) = self.report.text(own, "reason") else { return AwayReason::Meeting };
        AwayReason::parse(&text).unwrap_or_else(|| {
            let known = AwayReason::ALL.iter().map(|reason| reason.name());
            self.report.unknown(place, format!("`{text}` is no reason to be away"), &text, known);
            AwayReason::Meeting
        })
    }

    fn never(&mut self, fields: &Fields<'_, 's>) -> Vec<String> {
        let Some(written) = fields.get("never") else { return Vec::new() };
        written.each().into_iter().filter_map(|each| self.prompt(each, "`never`")).collect()
    }

    /// A prompt that could be heard.
    fn prompt(&mut self, written: Written<'_, 's>, what: &str) -> Option<String> {
        let text = self.report.as_text(written, what)?.to_owned();
        let catalog = self.plan.catalog();
        if !exists(&text, self.plan.languages(), catalog) {
            let reason = format!("no prompt is called `{text}`, and none says so");
            self.report.unknown(written.place, reason, &text, catalog.names());
        }
        Some(text)
    }

    fn steps(&mut self, fields: &Fields<'_, 's>) -> Vec<Step> {
        let Some(written) = fields.get("steps") else { return Vec::new() };
        written.each().into_iter().filter_map(|each| self.step(each)).collect()
    }

    fn step(&mut self, written: Written<'_, 's>) -> Option<Step> {
        let own = self.report.open(Entry { key: "step", key_place: written.place, value: written }, &STEP);
        let verbs: Vec<_> =
            STEP.fields.iter().map(|f| f.name).filter(|n| !BESIDE.contains(n) && own.has(n)).collect();
        let [verb] = verbs[..] else {
            if !self.report.failed() {
                let known = "hears, press, speak, wait, talks, answers, hold, resume, hang_up, desk";
                self.report.mistake(written.place, format!("a step has exactly one of {known}"));
            }
            return None;
        };
        if let Some(odd) = own.get("within").filter(|_| !matches!(verb, "hears" | "talks")) {
            self.report
                .mistake(odd.place, format!("`within` goes with `hears` and `talks`, not with `{verb}`"));
        }
        for beside in ["dials", "keys"] {
            if let Some(odd) = own.get(beside).filter(|_| verb != "desk") {
                self.report.mistake(odd.place, format!("`{beside}` goes with `desk`, not with `{verb}`"));
            }
        }
        let value = own.get(verb)?;
        let wanted = match verb {
            "hears" => Wanted::Hears(self.prompt(value, "`hears`")?),
            "press" => Wanted::Press(self.keys(value)?),
            "speak" => Wanted::Speak(self.report.time(&own, verb)),
            "wait" => Wanted::Wait(self.report.time(&own, verb)),
            "desk" => self.at_desk(&own, value)?,
            "talks" if value.as_word() == Some("") => Wanted::Talks(None),
            "talks" => Wanted::Talks(Some(self.as_extension(value)?)),
            "answers" => {
                let word = self.report.one(&own, verb)?;
                let all = UrgentAnswer::KEYS.into_iter().filter_map(UrgentAnswer::of_key);
                Wanted::Answers(all.into_iter().find(|answer| answer.name() == word)?)
            }
            _ if !self.report.flag(&own, verb) => {
                self.report.mistake(value.place, format!("`{verb} = true`, or nothing"));
                return None;
            }
            "hold" => Wanted::Hold,
            "resume" => Wanted::Resume,
            _ => Wanted::HangUp,
        };
        Some(Step { wanted, within: self.report.time_if(&own, "within") })
    }

    fn keys(&mut self, written: Written<'_, 's>) -> Option<String> {
        let keys = self.report.as_text(written, "keys")?.to_owned();
        if keys.is_empty() || !keys.chars().all(|key| key.is_ascii_digit() || matches!(key, '*' | '#')) {
            self.report.mistake(written.place, "keys are 0 to 9, * and #").add_help("write \"1001#\"");
            return None;
        }
        Some(keys)
    }
}

fn parse_moment(text: &str, plan: &Plan) -> Option<Wall> {
    let local: DateTime = text.parse().ok()?;
    let zoned = local.to_zoned(plan.time_zone().clone()).ok()?;
    Some(Wall::from_micros(zoned.timestamp().as_microsecond()))
}
