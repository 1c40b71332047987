//! From what was written to what is meant: collects the names, then reads every table with all of them known.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use toml::de::DeValue;

use super::SourceFile;
use super::calendar::{Calendar, Year};
use super::check;
use super::diagnostic::Diagnostic;
use super::plan::{
    Agent, Flow, NumberList, OfferRules, OwnPhrases, Phrase, Plan, Skill, UrgentRules, Written as WrittenBy,
};
use super::source::{Entry, Named, Parsed, Report, Written};
use super::speech;
use super::step::{FlowId, Located, MenuSpec, Place, Step, Target};
use super::table::hotline::Defaults;
use super::table::{
    agent, calendar, complaints, hotline, list, menu, message_box, number, policy, queue, skill,
};
use super::verb;
use crate::base::{AgentId, Catalog, Clip, Language, QueueId, Wall};

/// What is defined, by name.
#[derive(Default)]
pub(super) struct Names {
    pub(super) flows: BTreeMap<String, FlowId>,
    pub(super) menus: BTreeMap<String, u32>,
    pub(super) queues: BTreeMap<String, QueueId>,
    pub(super) skills: BTreeMap<String, u16>,
    pub(super) agents: BTreeMap<String, AgentId>,
    pub(super) lists: BTreeMap<String, usize>,
    pub(super) calendars: BTreeMap<String, usize>,
    /// What some `collect` stores into.
    pub(super) collected: BTreeSet<String>,
}

/// A plan in the making.
pub(super) struct Loader<'a, 's> {
    pub(super) report: Report<'s>,
    pub(super) catalog: Arc<Catalog>,
    /// The trunks of the configuration, where it is known.
    pub(super) trunks: Option<Vec<String>>,
    pub(super) name: String,
    /// Where `[hotline]` stands.
    pub(super) hotline: Option<Place>,
    pub(super) language: Language,
    pub(super) languages: Vec<Language>,
    pub(super) zone: TimeZone,
    pub(super) offers: OfferRules,
    pub(super) urgent: UrgentRules,
    pub(super) operator: Option<Target>,
    pub(super) operator_written: bool,
    pub(super) main_numbers: Option<usize>,
    pub(super) defaults: Defaults,
    pub(super) names: Names,
    pub(super) calendars: Vec<Calendar>,
    pub(super) agents: Vec<Agent>,
    /// Missing prompts already reported, by place.
    pub(super) missing: BTreeSet<(String, Place)>,
    pub(super) flows: Vec<Flow>,
    pub(super) menus: Vec<MenuSpec>,
    /// A flow that stands for whatever could not be read.
    pub(super) void: Option<FlowId>,
    /// The queues that have a rule for callbacks.
    pub(super) called_back: BTreeSet<QueueId>,
    /// Boxes that somebody besides may open.
    pub(super) opened: BTreeSet<String>,
    /// Those of them that call numbers which are keyed in.
    pub(super) called_back_keyed: BTreeSet<QueueId>,
    tables: &'a Tables<'a, 's>,
}

/// The tables of all files, by kind.
pub(super) struct Tables<'a, 's> {
    hotline: Vec<Entry<'a, 's>>,
    defaults: Vec<Entry<'a, 's>>,
    complaints: Vec<Entry<'a, 's>>,
    numbers: Named<'a, 's>,
    flows: Named<'a, 's>,
    menus: Named<'a, 's>,
    queues: Named<'a, 's>,
    skills: Named<'a, 's>,
    agents: Named<'a, 's>,
    lists: Named<'a, 's>,
    boxes: Named<'a, 's>,
    calendars: Named<'a, 's>,
    policy: Named<'a, 's>,
    holidays: Vec<Entry<'a, 's>>,
}

const KINDS: [&str; 14] = [
    "hotline",
    "defaults",
    "complaints",
    "numbers",
    "flow",
    "menu",
    "queue",
    "skill",
    "agent",
    "list",
    "box",
    "calendar",
    "holidays",
    "policy",
];

/// Reads and checks the files as one plan. `Ok` carries warnings, `Err` every mistake, then the warnings.
///
/// Where a file is not TOML, only that is reported: what it would have defined is not known.
pub fn load(files: &[SourceFile], catalog: Arc<Catalog>) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    load_beside(files, catalog, None)
}

/// The same where it is known which trunks there are: a step that names another is a mistake.
pub fn load_beside(
    files: &[SourceFile],
    catalog: Arc<Catalog>,
    trunks: Option<Vec<String>>,
) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    let examined = examine(files, catalog, &Around { trunks, today: None });
    match examined.plan.filter(|_| examined.sound) {
        Some(plan) => Ok((plan, examined.diagnostics)),
        None => Err(examined.diagnostics),
    }
}

/// What is known where a plan is looked at.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Around {
    /// The trunks of the configuration.
    pub trunks: Option<Vec<String>>,
    /// From when on calls come: calendars are looked at for a year. `None`: that is not looked at.
    pub today: Option<Wall>,
}

/// What came of looking at a plan.
#[derive(Debug)]
pub struct Examined {
    /// What was written means this; `None` where it means nothing. Not to be served unless it is `sound`.
    pub plan: Option<Plan>,
    /// Without a mistake.
    pub sound: bool,
    /// Every mistake, then the warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads and checks the files as one plan.
pub fn examine(files: &[SourceFile], catalog: Arc<Catalog>, around: &Around) -> Examined {
    let mut report = Report::new(files);
    let plans = files.iter().enumerate().filter(|(_, f)| f.name.ends_with(".toml"));
    let parsed: Vec<Parsed<'_>> = plans.map(|(at, _)| Parsed::read(&mut report, at)).collect();
    if report.failed() {
        return Examined { plan: None, sound: false, diagnostics: report.into_diagnostics() };
    }
    let tables = tables(&mut report, &parsed);
    let loader = Loader {
        report,
        catalog,
        trunks: around.trunks.clone(),
        name: String::new(),
        hotline: None,
        language: Language::new("zh-CN"),
        languages: Vec::new(),
        zone: TimeZone::get("Asia/Shanghai").unwrap_or(TimeZone::UTC),
        offers: OfferRules::default(),
        urgent: UrgentRules::default(),
        operator: None,
        operator_written: false,
        main_numbers: None,
        defaults: Defaults::default(),
        names: Names::default(),
        calendars: Vec::new(),
        agents: Vec::new(),
        missing: BTreeSet::new(),
        flows: Vec::new(),
        menus: Vec::new(),
        void: None,
        called_back: BTreeSet::new(),
        opened: BTreeSet::new(),
        called_back_keyed: BTreeSet::new(),
        tables: &tables,
    };
    loader.load(around.today)
}

fn tables<'a, 's>(report: &mut Report<'_>, parsed: &'a [Parsed<'s>]) -> Tables<'a, 's> {
    let mut tables = Tables {
        hotline: Vec::new(),
        defaults: Vec::new(),
        complaints: Vec::new(),
        numbers: Named::new("number"),
        flows: Named::new("flow"),
        menus: Named::new("menu"),
        queues: Named::new("queue"),
        skills: Named::new("skill"),
        agents: Named::new("agent"),
        lists: Named::new("list"),
        boxes: Named::new("box"),
        calendars: Named::new("calendar"),
        policy: Named::new("policy"),
        holidays: Vec::new(),
    };
    for entry in parsed.iter().flat_map(Parsed::entries) {
        let named = match entry.key {
            "hotline" => {
                tables.hotline.push(entry);
                continue;
            }
            "defaults" => {
                tables.defaults.push(entry);
                continue;
            }
            "complaints" => {
                tables.complaints.push(entry);
                continue;
            }
            "holidays" => {
                tables.holidays.push(entry);
                continue;
            }
            "numbers" => &mut tables.numbers,
            "flow" => &mut tables.flows,
            "menu" => &mut tables.menus,
            "queue" => &mut tables.queues,
            "skill" => &mut tables.skills,
            "agent" => &mut tables.agents,
            "list" => &mut tables.lists,
            "box" => &mut tables.boxes,
            "calendar" => &mut tables.calendars,
            "policy" => &mut tables.policy,
            other => {
                let reason = format!("a dialplan has no table `{other}`");
                report.unknown(entry.key_place, reason, other, KINDS);
                continue;
            }
        };
        named.add(report, entry);
    }
    tables
}

impl<'a, 's> Loader<'a, 's> {
    fn load(mut self, today: Option<Wall>) -> Examined {
        let tables = self.tables;
        let ranges = self.collect_names();
        self.only_one(&tables.hotline, "hotline");
        self.only_one(&tables.defaults, "defaults");
        self.only_one(&tables.complaints, "complaints");
        match tables.hotline.first() {
            Some(whole) => hotline::read(&mut self, *whole),
            None => {
                self.report.mistake(Place { file: 0, start: 0, end: 0 }, "no file has the table `[hotline]`");
            }
        }
        if let Some(whole) = tables.defaults.first() {
            hotline::read_defaults(&mut self, *whole);
        }
        let own = self.own_phrases();
        let skills: Vec<Skill> = tables.skills.order.iter().map(|e| skill::read(&mut self, *e)).collect();
        let holidays = self.holidays(&tables.holidays);
        self.calendars =
            tables.calendars.order.iter().map(|e| calendar::read(&mut self, *e, &holidays)).collect();
        self.agents = ranges.iter().flat_map(|(entry, all)| agent::read(&mut self, *entry, all)).collect();
        let lists: Vec<NumberList> = tables.lists.order.iter().map(|e| list::read(&mut self, *e)).collect();
        let mut boxes: BTreeMap<_, _> =
            tables.boxes.order.iter().map(|e| (e.key.to_owned(), message_box::read(&mut self, *e))).collect();
        let every_box = boxes.remove(message_box::DEFAULT).unwrap_or_else(message_box::unwritten);
        let complaints = tables.complaints.first().map(|whole| complaints::read(&mut self, *whole));
        let complaints = complaints.unwrap_or_else(complaints::unwritten);
        let queues = tables.queues.order.iter().zip(0u16..);
        let mut queues: Vec<_> = queues.map(|(e, at)| queue::read(&mut self, *e, QueueId(at))).collect();
        self.menus_and_flows();
        for (queue, entry) in queues.iter_mut().zip(&tables.queues.order) {
            if let Some(rule) = &mut queue.callback {
                rule.flow = self.flow_of_callbacks(entry.key_place, queue.id, entry.key);
            }
        }
        let numbers = tables.numbers.order.iter().filter_map(|e| number::read(&mut self, *e)).collect();
        let outside = self.outside_call();
        let written = WrittenBy { flows: tables.flows.order.len(), menus: tables.menus.order.len() };
        let rules = tables.policy.order.iter().filter_map(|e| policy::read(&mut self, *e)).collect();
        let plan = Plan {
            version: 0,
            written,
            name: self.name,
            language: self.language,
            languages: self.languages,
            zone: self.zone,
            offers: self.offers,
            urgent: self.urgent,
            catalog: self.catalog,
            files: self.report.file_names(),
            numbers,
            flows: self.flows,
            menus: self.menus.into_iter().map(Arc::new).collect(),
            queues,
            skills,
            by_extension: self.names.agents,
            agents: self.agents,
            lists,
            main_numbers: self.main_numbers,
            boxes,
            every_box,
            complaints,
            calendars: self.calendars,
            own,
            outside,
        };
        let places = |named: &Named<'_, '_>| named.order.iter().map(|e| e.key_place).collect();
        let written = check::WrittenAt {
            flows: places(&tables.flows),
            menus: places(&tables.menus),
            queues: places(&tables.queues),
            calendars: places(&tables.calendars),
            numbers: tables.numbers.order.first().map(|e| e.key_place),
            operator: self.operator,
            rules,
        };
        let broken = self.report.failed();
        let plan = Arc::new(plan);
        check::check(&mut self.report, &plan, &written, today);
        let sound = !self.report.failed();
        let plan = (!broken).then(|| Arc::unwrap_or_clone(plan));
        Examined { plan, sound, diagnostics: self.report.into_diagnostics() }
    }

    fn only_one(&mut self, whole: &[Entry<'a, 's>], name: &str) {
        for second in whole.iter().skip(1) {
            let first = self.report.show(whole[0].key_place);
            let reason = format!("there is one table `[{name}]` in a plan");
            self.report.mistake(second.key_place, reason).add_help(format!("the first is at {first}"));
        }
    }

    /// Gives every definition its id. Returns the agents' tables with the extensions that each stands for.
    fn collect_names(&mut self) -> Vec<(Entry<'a, 's>, Vec<String>)> {
        let tables = self.tables;
        let name = |e: &Entry<'_, '_>| e.key.to_owned();
        self.names.flows = tables.flows.order.iter().map(name).zip((0..).map(FlowId)).collect();
        self.names.menus = tables.menus.order.iter().map(name).zip(0..).collect();
        self.names.queues = tables.queues.order.iter().map(name).zip((0..).map(QueueId)).collect();
        self.names.skills = tables.skills.order.iter().map(name).zip(0..).collect();
        self.names.lists = tables.lists.order.iter().map(name).zip(0..).collect();
        self.names.calendars = tables.calendars.order.iter().map(name).zip(0..).collect();
        self.names.collected = tables.flows.order.iter().flat_map(|e| collected(e.value)).collect();
        let mut ranges = Vec::new();
        for entry in &tables.agents.order {
            let mut all = agent::extensions(entry.key).unwrap_or_else(|reason| {
                self.report.mistake(entry.key_place, reason);
                Vec::new()
            });
            all.retain(|extension| {
                let next = AgentId(u32::try_from(self.names.agents.len()).unwrap_or(u32::MAX));
                let new = !self.names.agents.contains_key(extension);
                if new {
                    self.names.agents.insert(extension.clone(), next);
                } else {
                    self.report.mistake(entry.key_place, format!("agent `{extension}` is defined twice"));
                }
                new
            });
            ranges.push((*entry, all));
        }
        ranges
    }

    fn holidays(&mut self, whole: &[Entry<'a, 's>]) -> BTreeMap<String, BTreeMap<i16, Year>> {
        let mut all: BTreeMap<String, BTreeMap<i16, Year>> = BTreeMap::new();
        for entry in whole {
            let Some(named) = entry.value.entries() else {
                self.wrong(entry.value, "`holidays`", "a table of years by name");
                continue;
            };
            for named in named {
                let Some(years) = named.value.entries() else {
                    self.wrong(named.value, "holidays", "a table of years");
                    continue;
                };
                let into = all.entry(named.key.to_owned()).or_default();
                for year in years {
                    let Some((number, read)) = calendar::read_year(self, year) else { continue };
                    if into.insert(number, read).is_some() {
                        let reason = format!("the holidays `{}` of {number} are defined twice", named.key);
                        self.report.mistake(year.key_place, reason);
                    }
                }
            }
        }
        all
    }

    fn menus_and_flows(&mut self) {
        let tables = self.tables;
        let named = |e: &Entry<'_, '_>| Flow { name: e.key.to_owned(), steps: Vec::new() };
        self.flows = tables.flows.order.iter().map(named).collect();
        let void = self.void();
        for entry in &tables.menus.order {
            let empty = MenuSpec {
                name: entry.key.to_owned(),
                prompts: Phrase::default(),
                keys: Vec::new(),
                first_digit: Duration::ZERO,
                between_digits: Duration::ZERO,
                tries: 1,
                invalid: Phrase::default(),
                silent: Phrase::default(),
                too_many: Phrase::default(),
                leaving: Phrase::default(),
                exhausted: void,
            };
            let menu = menu::read(self, *entry).unwrap_or(empty);
            self.menus.push(menu);
        }
        for (at, entry) in tables.flows.order.iter().enumerate() {
            let steps = self.steps(*entry);
            if let Some(flow) = self.flows.get_mut(at) {
                flow.steps = steps;
            }
        }
    }

    fn steps(&mut self, flow: Entry<'a, 's>) -> Vec<Located> {
        let DeValue::Array(_) = flow.value.value else {
            let reason = format!("flow `{}` is a list of steps, found {}", flow.key, flow.value.kind());
            let help = format!("begin each step with `[[flow.{}]]`", flow.key);
            self.report.mistake(flow.key_place, reason).add_help(help);
            return vec![self.placeholder(flow.key_place)];
        };
        let steps = flow.value.each();
        if steps.is_empty() {
            self.report.mistake(flow.key_place, format!("flow `{}` has no steps", flow.key));
            return vec![self.placeholder(flow.key_place)];
        }
        let mut located = Vec::new();
        for written in steps {
            located.push(match self.step(written) {
                Some((step, place)) => self.at(place, step),
                None => self.placeholder(written.place),
            });
        }
        located
    }

    fn step(&mut self, written: Written<'a, 's>) -> Option<(Step, Place)> {
        let Some(entries) = written.entries() else {
            self.wrong(written, "a step", "a table with one verb");
            return None;
        };
        let [entry] = entries[..] else {
            let verbs: Vec<&str> = entries.iter().map(|e| e.key).collect();
            let place = entries.get(1).map_or(written.place, |second| second.key_place);
            let found = if verbs.is_empty() { "nothing".to_owned() } else { verbs.join(" and ") };
            self.report.mistake(place, format!("a step has one verb, found {found}"));
            return None;
        };
        let Some(verb) = verb::find(entry.key) else {
            let reason = format!("there is no verb `{}`", entry.key);
            self.report.unknown(entry.key_place, reason, entry.key, verb::VERBS.iter().map(|v| v.doc.name));
            return None;
        };
        let fields = self.open(entry, verb.doc);
        (verb.read)(self, &fields).map(|step| (step, entry.key_place))
    }

    pub(super) fn at(&self, place: Place, step: Step) -> Located {
        Located { step, place, line: self.report.line(place) }
    }

    /// In the place of what could not be read: ends the path, so that one mistake is not told twice.
    fn placeholder(&self, place: Place) -> Located {
        self.at(place, Step::HangUp { phrase: Phrase::default() })
    }

    /// What the interpreter and the calls say by themselves; the whole vocabulary must exist in every language.
    fn own_phrases(&mut self) -> OwnPhrases {
        let place = self.hotline.unwrap_or(Place { file: 0, start: 0, end: 0 });
        for language in self.languages.clone() {
            let mut wanted = speech::vocabulary(&language);
            wanted.extend(verb::regret::PROMPTS.map(str::to_owned));
            wanted.extend(verb::urgent::PROMPTS.map(str::to_owned));
            wanted.extend(verb::find::PROMPTS.map(str::to_owned));
            wanted.extend(verb::callback_at::PROMPTS.map(str::to_owned));
            wanted.extend(SAID_BY_CALLS.split_whitespace().map(str::to_owned));
            wanted.sort();
            wanted.retain(|name| self.catalog.find(&language, name).is_none());
            if wanted.is_empty() {
                continue;
            }
            let some: Vec<String> = wanted.iter().take(5).map(|n| format!("`{n}`")).collect();
            let more = match wanted.len().saturating_sub(5) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let reason = format!("the prompts lack in {language}: {}{more}", some.join(", "));
            self.report.mistake(place, reason).add_help("every call may need them");
            for name in wanted {
                self.missing.insert((name, place));
            }
        }
        let mut phrase = |names: &str| self.own_phrase(names);
        OwnPhrases {
            goodbye: phrase("goodbye/thanks"),
            system_busy: phrase("error/system-busy"),
            invalid_key: phrase("error/invalid-key"),
            no_input: phrase("error/no-input"),
            too_many: phrase("error/too-many-tries"),
            no_such_extension: phrase("error/no-such-extension"),
            you_entered: phrase("menu/you-entered"),
            confirm: phrase("menu/confirm-or-reenter"),
        }
    }

    /// Without a report: what is missing has been reported as a whole.
    fn own_phrase(&mut self, names: &str) -> Phrase {
        let find = |l: &Language| -> Vec<Clip> {
            names.split_whitespace().filter_map(|n| self.catalog.find(l, n)).map(Clip::Prompt).collect()
        };
        Phrase(self.languages.iter().map(|l| (l.clone(), find(l))).collect())
    }
}

/// Beside sentences and apologies: what calls say without being told by a plan.
const SAID_BY_CALLS: &str = "common/beep common/recording-beep common/hold-music goodbye/thanks error/system-busy error/invalid-key \
    error/no-input error/too-many-tries error/no-such-extension menu/you-entered menu/confirm-or-reenter \
    message/say-name message/enter-number message/number-right message/number-other message/is-urgent \
    message/not-urgent message/marked-urgent message/read-back message/your-name-is message/your-message-is \
    message/to-accept message/to-record-again message/to-add message/add-now menu/press-1 menu/press-2 menu/press-3 \
    mailbox/enter-extension mailbox/enter-pin mailbox/wrong-pin mailbox/not-now mailbox/open-before mailbox/urgent \
    mailbox/received mailbox/from-number mailbox/number-withheld mailbox/call-back-number mailbox/caller-is \
    mailbox/to-listen-again mailbox/to-save mailbox/to-delete mailbox/to-call-back mailbox/to-forward \
    mailbox/to-mark-done mailbox/to-skip mailbox/forward-to mailbox/no-such-box mailbox/forwarded mailbox/saved \
    mailbox/deleted mailbox/marked-done mailbox/cannot-call-back mailbox/no-more menu/press-4 menu/press-5 \
    menu/press-6 menu/press-pound message/saved message/too-short message/time-is-up message/record-now message/choices transfer/sorry-please-wait transfer/still-trying \
    transfer/trying-another hold/on-hold hold/still-holding hold/resumed queue/please-wait queue/thanks-for-waiting \
    queue/sorry-for-the-wait queue/offer-continue \
    complaint/follow-up complaint/is-it-solved complaint/it-is-solved complaint/it-is-not-solved \
    complaint/thanks-closed complaint/reopened survey/invite survey/scale-five survey/resolved survey/thanks mailbox/about-complaint mailbox/about-survey complaint/accepted complaint/number-is complaint/number-again complaint/number-unknown complaint/status-open \
    complaint/status-escalated complaint/status-answered complaint/status-resolved complaint/status-reopened \
    complaint/status-closed complaint/due-before complaint/due-after complaint/late menu/enter-complaint-number \
    callback/here-it-is callback/answer callback/cancelled language/choose \
    promise/is-due promise/customers-number promise/somebody-else promise/noted topic/call-now topic/somebody-else \
    goodbye/please-hang-up matter/yours agent/not-done";

/// The names that the `collect` and `find` steps of a flow store into.
fn collected(flow: Written<'_, '_>) -> Vec<String> {
    let mut names = Vec::new();
    for step in flow.each() {
        for verb in step.entries().unwrap_or_default().iter().filter(|v| matches!(v.key, "collect" | "find"))
        {
            for field in verb.value.entries().unwrap_or_default().iter().filter(|f| f.key == "into") {
                if let DeValue::String(name) = field.value.value {
                    names.push(name.to_string());
                }
            }
        }
    }
    names
}
