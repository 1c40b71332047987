//! Arguments to one of the commands. Nothing else.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use hotline::base::Masked;
use hotline::call::{How, Manner};
use hotline::config::{Arguments, Source};
use hotline::daemon::commands::{
    self, Form, GraphOrder, MessageOrder, Over, RehearseOrder, TestOrder, TrialOrder,
};
use hotline::daemon::control::TraceOrder;
use hotline::daemon::demo::Options;
use hotline::daemon::{self, Failure, banner, state};
use hotline::rehearse::Days;
use hotline::sim::{self, Day};
use line::{Command, Common, Line, Messages, Queue, Recording, Sip, Urgent};

/// Gives back what a burst of calls took, and costs a third of the system's allocator where one call's transactions of 32
/// seconds lie between another's: `benches/load/overload.py` shows both.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[path = "main/line.rs"]
mod line;

fn main() -> ExitCode {
    run(Line::parse()).unwrap_or_else(|failure| {
        eprintln!("{failure}");
        ExitCode::from(2)
    })
}

/// Success only if the day broke no invariant.
fn simulate(source: &Source, seed: u64, calls: u32, agents: u32, harsh: bool) -> Result<ExitCode, Failure> {
    let plan = commands::plan_with(&source.load()?, sim::staff(agents))?;
    let day = if harsh { Day::harsh } else { Day::new };
    let report = sim::day(&day(plan, seed, calls));
    println!("{report}");
    Ok(if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn run(Line { command, common }: Line) -> Result<ExitCode, Failure> {
    let source = source(common, &command);
    let folder = || state::folder(source.load()?.state.as_deref());
    let text = match command.unwrap_or(Command::Serve) {
        Command::Demo { out } => return daemon::demo::run(Options { out }),
        Command::Sim { seed, calls, agents, harsh } => {
            return simulate(&source, seed, calls, agents, harsh);
        }
        Command::Rehearse { reference: true, .. } => commands::days_reference(),
        Command::Rehearse {
            day, recorded, roster, with, against, through, svg, days, seed, json, ..
        } => {
            let days = Days { count: days, seed };
            let order = RehearseOrder { day, recorded, rosters: roster, with, against, through, svg, days };
            match through {
                true => commands::passage(&source.load()?, folder, &order, form(json))?,
                false => commands::rehearse(&source.load()?, folder, &order, form(json))?,
            }
        }
        Command::Serve => {
            daemon::run(Arc::new(move || source.load()), |ready, _| banner::print(ready))?;
            String::new()
        }
        Command::Check { format, policy, .. } => {
            let (text, sound) = commands::check(&source.load()?, format, policy.as_deref())?;
            print!("{text}");
            return Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Graph { format, language, desks, coverage, live, .. } => {
            let over = match live {
                Some(latest) => Over::Live(latest),
                None if coverage => Over::Coverage,
                None => Over::Nothing,
            };
            let order = GraphOrder { drawn: format, over, desks, language };
            commands::graph(&source.load()?, folder, &order)?
        }
        Command::Reference => commands::reference(),
        Command::Schema { of } => commands::schema(of),
        Command::Import { files, out } => commands::import(&files, out.as_deref())?,
        Command::Pin => commands::pin()?,
        Command::Try { dials, from, at, person, .. } => {
            let order = TrialOrder { dials, from, at, people: person };
            let stdin = std::io::stdin();
            let asks = stdin.is_terminal();
            commands::trial(&source.load()?, &order, asks, &mut stdin.lock(), &mut std::io::stdout().lock())?;
            String::new()
        }
        Command::Test { reference: true, .. } => commands::tests_reference(),
        Command::Test { only, verbose, coverage, listing, all_keys, repeat, junit, .. } => {
            let order = TestOrder { only, verbose, coverage, listing, all_keys, repeat, junit };
            let (text, sound) = commands::test(&source.load()?, &order)?;
            print!("{text}");
            return Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Agent { order } => commands::agent(&folder()?, order.into())?,
        Command::Reload(line) => line.run(&folder()?)?,
        Command::Rollback(line) => line.run(&folder()?)?,
        Command::Canary { order } => order.run(&folder()?)?,
        Command::Versions(line) => line.run(&source.load()?, &folder()?)?,
        Command::Diff(line) => line.run(&source.load()?, &folder()?)?,
        Command::Status { json } => commands::status(&folder()?, form(json))?,
        Command::Events { json } => {
            commands::events(&folder()?, form(json))?;
            String::new()
        }
        Command::Sip { order: Sip::Trace { call, number, follow, limit, detail, unmasked, json } } => {
            let number = number.map(Masked::new);
            let order = TraceOrder { call, number, follow, limit, detail, unmasked };
            commands::trace(&folder()?, order, form(json))?;
            String::new()
        }
        Command::Calls { running: true, json, .. } => commands::running(&folder()?, form(json))?,
        Command::Recording { order: Recording::Pause { call } } => {
            commands::pause_recording(&folder()?, call, true)?
        }
        Command::Recording { order: Recording::Resume { call } } => {
            commands::pause_recording(&folder()?, call, false)?
        }
        Command::Listen { call, desk, whisper, barge } => {
            let manner = match (whisper, barge) {
                (_, true) => Manner::Barge,
                (true, false) => Manner::Whisper,
                (false, false) => Manner::Listen,
            };
            commands::supervise(&folder()?, call, desk, manner)?
        }
        Command::Call { agent, number } => commands::call_out(&folder()?, agent, number)?,
        Command::Transfer { call, to, consult } => {
            let how = if consult { How::Attended } else { How::Blind };
            commands::transfer(&folder()?, call, to, how)?
        }
        Command::Calls { call: Some(call), json, .. } => commands::call(&folder()?, call, form(json))?,
        Command::Calls { latest, json, .. } => commands::calls(&folder()?, latest, form(json))?,
        Command::Callbacks(asked) => commands::callbacks(&folder()?, asked)?,
        Command::Urgent { order: None, json } => commands::urgents(&folder()?, form(json))?,
        Command::Urgent { order: Some(Urgent::Answer { extension, answer, at }), .. } => {
            commands::answer_urgent(&folder()?, extension, answer, at)?
        }
        Command::Matters(asked) => commands::matters(&folder()?, &asked)?,
        Command::Promises(asked) => commands::promises(&folder()?, asked)?,
        Command::Why { call, json } => commands::why(&folder()?, call, form(json))?,
        Command::Queue { order: None, json } => commands::queues(&folder()?, None, form(json))?,
        Command::Queue { order: Some(Queue::List { queue }), json } => {
            commands::queues(&folder()?, queue.as_deref(), form(json))?
        }
        Command::Queue { order: Some(Queue::Priority { call, seconds }), .. } => {
            commands::change_waiting(&folder()?, call, None, Some(seconds))?
        }
        Command::Queue { order: Some(Queue::Move { call, queue }), .. } => {
            commands::change_waiting(&folder()?, call, Some(queue), None)?
        }
        Command::User { order } => commands::users(&folder()?, order)?,
        Command::Token { order } => commands::tokens(&folder()?, order)?,
        Command::Audit(asked) => commands::audit(&folder()?, asked)?,
        Command::Complaints(line) => line.run(&folder()?)?,
        Command::Complaint(line) => line.run(&folder()?)?,
        Command::Note(line) => line.run(&folder()?)?,
        Command::Surveys(line) => line.run(&folder()?)?,
        Command::Messages { order, mailbox, all, search, latest, json } => {
            let order = match order {
                None | Some(Messages::List) => {
                    let search = search.map(Masked::new).unwrap_or_default();
                    MessageOrder::List { mailbox, all, latest, search }
                }
                Some(Messages::Play { message, out: Some(to) }) => MessageOrder::Copy { slip: message, to },
                Some(Messages::Play { message, out: None }) => MessageOrder::Play(message),
                Some(Messages::Path { message }) => MessageOrder::Path(message),
                Some(Messages::Show { message }) => MessageOrder::Show(message),
                Some(Messages::Forward { message, to }) => MessageOrder::Forward { slip: message, to },
                Some(Messages::Heard { message }) => MessageOrder::Heard(message),
                Some(Messages::Open { message }) => MessageOrder::Open(message),
                Some(Messages::Done { message }) => MessageOrder::Done(message),
            };
            commands::messages(&folder()?, order, form(json))?
        }
    };
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}

fn source(common: Common, command: &Option<Command>) -> Source {
    let checked = match command {
        Some(
            Command::Check { dir, .. }
            | Command::Test { dir, .. }
            | Command::Try { dir, .. }
            | Command::Graph { dir, .. },
        ) => dir.clone(),
        _ => None,
    };
    let arguments = Arguments {
        listen: common.listen,
        state: common.state,
        dialplans: checked.or(common.dialplans),
        dialplans_alone: common.alone,
        prompts: common.prompts,
    };
    Source::of_process(common.config, arguments)
}

fn form(json: bool) -> Form {
    if json { Form::Json } else { Form::Table }
}
