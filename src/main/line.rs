//! What may be written on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use hotline::base::{AwayReason, CallId, SlipId, UrgentAnswer, Wall};
use hotline::daemon::commands::{
    self, AgentOrder, CanaryOrder, Checked, ComplaintOf, ComplaintsLine, DiffLine, Drawn, NoteLine,
    ReloadLine, RollbackLine, SchemaOf, SurveysLine, VersionsLine,
};
use hotline::exchange::{AgentChange, AwayOrder};
use hotline::rehearse::Peer;

/// A bank's customer hotline over SIP and RTP.
#[derive(Parser)]
#[command(name = "hotline", version)]
pub struct Line {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Args)]
pub struct Common {
    /// Configuration file; without it /etc/hotline/hotline.toml where that exists, else the defaults.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where records, recordings and the control socket lie.
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Dialplans laid over the embedded ones.
    #[arg(long, global = true, value_name = "DIR")]
    pub dialplans: Option<PathBuf>,
    /// Use nothing embedded beside --dialplans.
    #[arg(long, global = true)]
    pub alone: bool,
    /// Prompts laid over the embedded ones.
    #[arg(long, global = true, value_name = "DIR")]
    pub prompts: Option<PathBuf>,
    /// Address for SIP over UDP and TCP, as 192.0.2.1 or 192.0.2.1:5060; may be repeated.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub listen: Vec<String>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Take calls (the default).
    Serve,
    /// Play a caller, two agents and a manager in a meeting on this machine, and tell what each heard.
    Demo {
        /// A new or an empty folder for the recordings; without it, one among the temporary files.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Live through a bank's day in virtual time: the dialplan with invented callers and agents.
    Sim {
        /// The same seed gives the same day, byte for byte.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Customers' calls; what agents dial from their desks comes on top.
        #[arg(long, default_value_t = 5_000)]
        calls: u32,
        /// Invented agents, beside those of the dialplan.
        #[arg(long, default_value_t = 55)]
        agents: u32,
        /// One datagram in five is lost, many come twice or late, half of the phones are cut off now and then.
        #[arg(long)]
        harsh: bool,
    },
    /// Staffing and what-if: a day's callers and agents with the dialplan's rules, many times over.
    Rehearse {
        /// The day: arrivals, talks, patience, roster; without it, the example. See --reference.
        #[arg(long, value_name = "FILE")]
        day: Option<PathBuf>,
        /// The calls that were recorded on this date, as 2026-11-20, instead of the day's own.
        #[arg(long, value_name = "DATE")]
        recorded: Option<jiff::civil::Date>,
        /// What if these people worked? One more column; may be repeated.
        #[arg(long, value_name = "FILE")]
        roster: Vec<PathBuf>,
        /// What if the dialplan were this? One more column; may be repeated.
        #[arg(long, value_name = "DIR")]
        with: Vec<PathBuf>,
        /// How would a model of another product route? One of
        /// app_queue, app_queue-apart, app_queue-defaults or mod_callcenter; may be repeated.
        #[arg(long, value_name = "PEER", value_parser = peer)]
        against: Vec<Peer>,
        /// Each caller goes through the whole dialplan, from the first word: where do they end, with how many keys, in how many
        /// seconds? Beside it, what lies on disk, or the dialplans of --with.
        #[arg(long, conflicts_with = "against")]
        through: bool,
        /// With --through: a chart of where they end.
        #[arg(long, value_name = "FILE", requires = "through")]
        svg: Option<PathBuf>,
        /// How many days; the more, the narrower the confidence intervals.
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=10_000))]
        days: u32,
        /// The same seed gives the same days.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// As one JSON object.
        #[arg(long)]
        json: bool,
        /// Print what may be written in a day.
        #[arg(long)]
        reference: bool,
    },
    /// Load dialplans, prompts and settings, prove the flow, and print every mistake.
    ///
    /// Proven is that each path ends in a person, a message, a callback or a goodbye, and that nothing goes round without
    /// the caller; what is refused comes with a call that shows it. A plan that is sound comes with how many keys and
    /// seconds each number is from a person.
    Check {
        /// A folder of dialplans, laid over the embedded ones as by --dialplans; with --alone, nothing else.
        dir: Option<PathBuf>,
        /// For people, or for a build server: one JSON object, or SARIF 2.1.0. The exit code is 1 where there is a mistake.
        #[arg(long, value_name = "FORM", default_value = "text", value_parser = checked)]
        format: Checked,
        /// The rules of the house, as `[policy.RULE]` tables: instead of the folder's policy.toml.
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// Call the hotline here in the terminal, in virtual time: prompts as text, keys typed, time skipped.
    Try {
        /// A folder of dialplans, laid over the embedded ones as by --dialplans; with --alone, nothing else.
        dir: Option<PathBuf>,
        /// The number that is dialled; without it, the plan's first.
        #[arg(long, value_name = "NUMBER")]
        dials: Option<String>,
        /// The caller's own number; "" for one that is withheld.
        #[arg(long, value_name = "NUMBER")]
        from: Option<String>,
        /// When, as "2026-11-16 10:00", in the plan's time zone.
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Whose phone is signed in and what it does, as 1001=answers (or no-answer, busy, refuses, away); may be repeated.
        #[arg(long, value_name = "EXTENSION=CONDUCT")]
        person: Vec<String>,
    },
    /// Make the calls that the dialplan's own tests describe, in virtual time.
    Test {
        /// A folder of dialplans, laid over the embedded ones as by --dialplans; with --alone, nothing else.
        dir: Option<PathBuf>,
        /// Only tests whose names contain this.
        #[arg(long, value_name = "TEXT")]
        only: Option<String>,
        /// Tell every call, not only those that failed.
        #[arg(long, short)]
        verbose: bool,
        /// List the steps, keys and branches of the dialplan that no test came by.
        #[arg(long)]
        coverage: bool,
        /// Print the dialplan with how often each step and key was come by in the margin.
        #[arg(long)]
        listing: bool,
        /// Fail where no test presses a key, in each language in which it can be pressed.
        #[arg(long)]
        all_keys: bool,
        /// Make each call so many times, and tell the pace.
        #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        repeat: u32,
        /// Write a report for a build server, in the form of JUnit.
        #[arg(long, value_name = "FILE")]
        junit: Option<PathBuf>,
        /// Print what may be written in a test.
        #[arg(long)]
        reference: bool,
    },
    /// Draw the dialplan: what callers come by, and by what they get from one to the next.
    Graph {
        /// A folder of dialplans, laid over the embedded ones as by --dialplans; with --alone, nothing else.
        dir: Option<PathBuf>,
        /// svg for a browser, mermaid for Markdown, dot for Graphviz.
        #[arg(long, value_name = "FORM", default_value = "svg", value_parser = drawn)]
        format: Drawn,
        /// In whose words, as en-US; without it, the plan's own language.
        #[arg(long, value_name = "TAG")]
        language: Option<String>,
        /// What agents dial from their own phones, instead of what callers do.
        #[arg(long)]
        desks: bool,
        /// With how often the plan's own tests came by.
        #[arg(long, conflicts_with = "live")]
        coverage: bool,
        /// With how often callers did, of so many of the latest calls.
        #[arg(long, value_name = "CALLS", num_args = 0..=1, default_missing_value = "1000")]
        live: Option<usize>,
    },
    /// Print what may be written in a dialplan.
    Reference,
    /// Print a JSON schema for editors: names are completed and mistakes underlined while somebody types.
    Schema {
        /// One of
        /// dialplan, tests or day.
        #[arg(default_value = "dialplan", value_parser = schema_of)]
        of: SchemaOf,
    },
    /// Make the draft of a dialplan from FreeSWITCH's IVR menus, or Asterisk's queues.conf and extensions.conf.
    Import {
        /// All that belong together.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Write the draft here and print what could not be carried over; without it, print the draft.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List the agents, or change the state of one.
    Agent {
        #[command(subcommand)]
        order: Agent,
    },
    /// Read settings, prompts and dialplans again; refused where the dialplan or one of its own tests is wrong.
    Reload(ReloadLine),
    /// Take an earlier version of the dialplan again, whatever lies on disk.
    Rollback(RollbackLine),
    /// What becomes of the version that some callers meet first: see `hotline reload --canary`.
    Canary {
        #[command(subcommand)]
        order: CanaryOrder,
    },
    /// The versions of the dialplan: who put what in force, when, and what came of it.
    Versions(VersionsLine),
    /// What callers would notice, in words: between the live version and what lies on disk, or any two.
    Diff(DiffLine),
    /// Show what the daemon is doing.
    Status {
        /// As one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Follow what happens on the floor: callers, offers, answers, agents, service levels.
    Events {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// What went over the wire.
    Sip {
        #[command(subcommand)]
        order: Sip,
    },
    /// Show the latest calls, or one with its stages.
    Calls {
        /// As `12` or `c12`.
        #[arg(value_parser = call_id)]
        call: Option<CallId>,
        /// How many.
        #[arg(long, default_value_t = 20)]
        latest: usize,
        /// Those that run now instead.
        #[arg(long, conflicts_with = "call")]
        running: bool,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Join a desk to two who talk: its phone rings, and hears both. Again, to take part in another manner.
    Listen {
        /// As `12` or `c12`: see `hotline calls --running`.
        #[arg(value_parser = call_id)]
        call: CallId,
        /// The extension of the desk, as 1001.
        #[arg(long = "as", value_name = "DESK")]
        desk: String,
        /// The agent hears it, the caller does not.
        #[arg(long, conflicts_with = "barge")]
        whisper: bool,
        /// Both hear it.
        #[arg(long)]
        barge: bool,
    },
    /// Have an agent call a customer: the agent's phone rings, and who answers it hears the customer's ring.
    Call {
        /// The agent's extension.
        agent: String,
        /// A number that the agent's desk may call: see may_call in the dialplan.
        number: String,
    },
    /// Have the agent of a call hand the caller on, to an extension or a number that the agent's desk may dial.
    Transfer {
        /// As `12` or `c12`: see `hotline calls --running`.
        #[arg(value_parser = call_id)]
        call: CallId,
        to: String,
        /// The agent speaks with them first.
        #[arg(long)]
        consult: bool,
    },
    /// Pause the recording of a talk, or resume it.
    Recording {
        #[command(subcommand)]
        order: Recording,
    },
    /// List the callbacks that are owed, or cancel one.
    Callbacks(commands::Callbacks),
    /// List who is asked what becomes of an urgent caller, or answer in their name.
    Urgent {
        #[command(subcommand)]
        order: Option<Urgent>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Whose the customers' matters are (first asked, first responsible), and through whose hands they went.
    Matters(commands::Matters),
    /// What callers were promised: what is open, what was kept, late, broken or passed on.
    Promises(commands::Promises),
    /// Tell why a call was offered to whom it was, or why it still waits: who was considered, and what became of it.
    Why {
        /// As `12` or `c12`.
        #[arg(value_parser = call_id)]
        call: CallId,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Show the queues; give a call that waits another priority, or move it to another queue.
    #[command(visible_alias = "queues")]
    Queue {
        #[command(subcommand)]
        order: Option<Queue>,
        /// One JSON object a line.
        #[arg(long, global = true)]
        json: bool,
    },
    /// List the complaints that are not closed.
    Complaints(ComplaintsLine),
    /// Accept a complaint, show one, or say what becomes of it.
    Complaint(ComplaintOf),
    /// Note something of a call that runs, for whoever has it next and for its record.
    Note(NoteLine),
    /// What callers say of talks, by queue and by agent.
    Surveys(SurveysLine),
    /// Who may sign in at the web.
    User {
        #[command(subcommand)]
        order: commands::Users,
    },
    /// What users' programs show at the web instead of a password.
    Token {
        #[command(subcommand)]
        order: commands::Tokens,
    },
    /// Who did what by the web, and to its users.
    Audit(commands::Audit),
    /// Read a PIN from standard input and print what `mailbox_pin` of an account has to say.
    Pin,
    /// List, play or settle the messages that callers left.
    Messages {
        #[command(subcommand)]
        order: Option<Messages>,
        /// Of this person or box only.
        #[arg(long)]
        mailbox: Option<String>,
        /// Also those that are settled.
        #[arg(long)]
        all: bool,
        /// Only those with this in the box's name, the caller's number or the number to call back.
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Of these, at most so many of the newest.
        #[arg(long, value_name = "COUNT", default_value_t = 0, hide_default_value = true)]
        latest: usize,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
pub enum Agent {
    /// Everybody, with state, phone and skills.
    List,
    /// Begin work, ready for calls.
    SignOn {
        /// As 1001.
        extension: String,
    },
    /// End work: no calls until the next sign-on.
    SignOff {
        /// As 1001.
        extension: String,
    },
    /// Take calls.
    Ready {
        /// As 1001.
        extension: String,
    },
    /// Extend the wrap-up after a call, once.
    MoreTime {
        /// As 1001.
        extension: String,
    },
    /// Take no calls for a while; callers who ask for this person are told why.
    Away {
        /// As 1001.
        extension: String,
        /// Why: one of
        /// meeting, important-meeting, visitor, out, banquet, break, leave or training.
        #[arg(default_value = "break", value_parser = away_reason)]
        reason: AwayReason,
        /// The expected return: 15:30, or a date and time. The absence ends then.
        #[arg(long, value_parser = commands::parse_until)]
        until: Option<Wall>,
        /// At an hour that is agreed on, instead of now.
        #[arg(long, value_parser = commands::parse_until)]
        from: Option<Wall>,
        /// The whereabouts, for colleagues: callers are not told.
        #[arg(long)]
        place: Option<String>,
        /// Who takes the calls meanwhile, by extension.
        #[arg(long)]
        delegate: Option<String>,
    },
    /// Name who takes somebody's calls for the rest of their absence.
    Delegate {
        /// As 4001.
        extension: String,
        /// As 3001; without it, whom the dialplan says.
        to: Option<String>,
    },
}

#[derive(Subcommand)]
pub enum Recording {
    /// What is said from now on is blank in it.
    Pause {
        /// As `12` or `c12`: see `hotline calls --running`.
        #[arg(value_parser = call_id)]
        call: CallId,
    },
    Resume {
        /// As `12` or `c12`.
        #[arg(value_parser = call_id)]
        call: CallId,
    },
}

#[derive(Subcommand)]
pub enum Urgent {
    /// The caller hears it in words.
    Answer {
        /// Whoever is asked.
        extension: String,
        /// now, call-back, delegate or message.
        #[arg(value_parser = commands::parse_answer)]
        answer: UrgentAnswer,
        /// With call-back: 15:30, or a date and time; without it, as soon as possible.
        #[arg(long, value_parser = commands::parse_until)]
        at: Option<Wall>,
    },
}

#[derive(Subcommand)]
pub enum Queue {
    /// Who waits, who talks, who is there, as without an order; read beside the exchange, however busy it is.
    List {
        /// This one only, as the dialplan names it.
        queue: Option<String>,
    },
    /// Treat it as if it had waited so many seconds more, instead of what its queue gives.
    Priority {
        /// As `12` or `c12`: see `hotline calls --running`.
        #[arg(value_parser = call_id)]
        call: CallId,
        /// 0 to 600.
        #[arg(value_parser = clap::value_parser!(u64).range(0..=600))]
        seconds: u64,
    },
    /// It waits there from now on; its wait goes on counting.
    Move {
        /// As `12` or `c12`.
        #[arg(value_parser = call_id)]
        call: CallId,
        /// As the dialplan names it.
        queue: String,
    },
}

#[derive(Subcommand)]
pub enum Sip {
    /// Draw the latest messages as a ladder, numbers and names masked.
    Trace {
        /// One call with all its dialogs: as `12` or `c12`, or a Call-ID.
        #[arg(long, value_name = "ID")]
        call: Option<String>,
        /// Calls and registrations from or to this number.
        #[arg(long, conflicts_with = "call")]
        number: Option<String>,
        /// Go on with messages as they come.
        #[arg(long, short)]
        follow: bool,
        /// Of those that are kept, the latest.
        #[arg(long, default_value_t = 200)]
        limit: usize,
        /// Each message whole below its arrow, masked.
        #[arg(long)]
        detail: bool,
        /// Each message whole, as it was; only where trace.unmasked allows it.
        #[arg(long)]
        unmasked: bool,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
pub enum Messages {
    /// What is not done yet (the default).
    List,
    /// Play the recording with a player of this machine.
    Play {
        /// As `3` or `m3`.
        #[arg(value_parser = slip_id)]
        message: SlipId,
        /// Copy the recording to this file instead.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print where the recording lies.
    Path {
        /// As `3` or `m3`.
        #[arg(value_parser = slip_id)]
        message: SlipId,
    },
    /// Everything that is known of one but its sound.
    Show {
        /// As `3` or `m3`.
        #[arg(value_parser = slip_id)]
        message: SlipId,
    },
    /// Put it into another box, where it is new.
    Forward {
        /// As `3` or `m3`.
        #[arg(value_parser = slip_id)]
        message: SlipId,
        /// A person's extension, or a team's box.
        #[arg(long, value_name = "BOX")]
        to: String,
    },
    /// Mark it as listened to.
    Heard {
        /// As `3` or `m3`.
        #[arg(value_parser = slip_id)]
        message: SlipId,
    },
    /// Mark it as in somebody's hands; also one that was settled too early.
    Open {
        /// As `3` or `m3`.
        #[arg(value_parser = slip_id)]
        message: SlipId,
    },
    /// Mark it as settled: no longer listed.
    Done {
        /// As `3` or `m3`.
        #[arg(value_parser = slip_id)]
        message: SlipId,
    },
}

impl From<Agent> for AgentOrder {
    fn from(order: Agent) -> Self {
        let (extension, change) = match order {
            Agent::List => return AgentOrder::List,
            Agent::SignOn { extension } => (extension, AgentChange::SignOn),
            Agent::SignOff { extension } => (extension, AgentChange::SignOff),
            Agent::Ready { extension } => (extension, AgentChange::Ready),
            Agent::MoreTime { extension } => (extension, AgentChange::MoreTime),
            Agent::Away { extension, reason, until, from, place, delegate } => {
                let away = AwayOrder { reason, until, from, place, delegate };
                (extension, AgentChange::Away(Box::new(away)))
            }
            Agent::Delegate { extension, to } => (extension, AgentChange::Delegate(to)),
        };
        AgentOrder::Change { extension, change }
    }
}

fn call_id(text: &str) -> Result<CallId, String> {
    number(text, 'c').map(CallId)
}

fn slip_id(text: &str) -> Result<SlipId, String> {
    number(text, 'm').map(SlipId)
}

fn number(text: &str, prefix: char) -> Result<u64, String> {
    text.trim_start_matches(prefix).parse().map_err(|_| format!("not a number, as 12 or {prefix}12"))
}

fn checked(text: &str) -> Result<Checked, String> {
    match text {
        "text" => Ok(Checked::Text),
        "json" => Ok(Checked::Json),
        "sarif" => Ok(Checked::Sarif),
        _ => Err("text, json or sarif".to_owned()),
    }
}

fn drawn(text: &str) -> Result<Drawn, String> {
    match text {
        "svg" => Ok(Drawn::Svg),
        "mermaid" => Ok(Drawn::Mermaid),
        "dot" => Ok(Drawn::Dot),
        _ => Err("svg, mermaid or dot".to_owned()),
    }
}

fn schema_of(text: &str) -> Result<SchemaOf, String> {
    SchemaOf::parse(text).ok_or_else(|| SchemaOf::ALL.map(SchemaOf::name).join(", "))
}

fn peer(text: &str) -> Result<Peer, String> {
    let names = || Peer::ALL.map(Peer::name).join(", ");
    Peer::ALL.into_iter().find(|peer| peer.name() == text).ok_or_else(|| format!("one of {}", names()))
}

fn away_reason(text: &str) -> Result<AwayReason, String> {
    let settable = AwayReason::ALL.into_iter().filter(|reason| *reason != AwayReason::NoAnswer);
    let names: Vec<_> = settable.map(AwayReason::name).collect();
    AwayReason::parse(text)
        .filter(|reason| names.contains(&reason.name()))
        .ok_or_else(|| format!("one of {}", names.join(", ")))
}
