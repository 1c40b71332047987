//! `hotline demo`: the hotline without a phone to hand.
//!
//! ```text
//!   house     the hotline itself: this program again, as a process on free ports of loopback
//!   cast      who plays, and what they say
//!   phone     four softphones: real SIP (registration, line), real RTP, a recording of each call
//!   hearing   what arrived, found by correlating it with every recording there is (sounds)
//!   player    somebody who acts on what they hear, and notes what came of it; play: the scripts
//!   narrate   all of it as a ladder
//! ```
//!
//! Two callers and two agents, under a minute: one is served by the second agent because the first does not
//! answer, one leaves a message for a manager who is in a meeting. What is told is what arrived.

mod cast;
mod event;
mod hearing;
mod house;
mod line;
mod narrate;
mod phone;
mod play;
mod player;
mod registration;
mod sounds;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use jiff::tz::TimeZone;

use self::cast::{Lines, MANAGER, Who};
use self::event::{Reporter, Told, What};
use self::house::House;
use self::narrate::Ladder;
use self::phone::{Config, Phone};
use self::player::{Check, Found, Player};
use self::sounds::Sounds;
use super::clock;
use super::commands::{self, Form, MessageOrder};
use super::control::{Order, Response, ask};
use super::failure::Failure;
use super::prompts::Prompts;
use crate::base::{AwayReason, Catalog, Clip, Codec, Language, Masked, PromptInfo, Rng, Wall};
use crate::dialplan::Speech;
use crate::exchange::{AgentChange, Command, Reply};
use crate::sip::auth::Credentials;

/// What `hotline demo` is asked for.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the recordings and the hotline's state go: a new or an empty folder. Without it, a new one among the
    /// temporary files.
    pub out: Option<PathBuf>,
}

/// The manager is away for an hour at least, and comes back at a full or a half hour.
const MEETING: Duration = Duration::from_secs(3600);
const HALF_HOUR_US: i64 = 1_800_000_000;

/// Plays it all and tells it on standard output. Success only if everybody heard everything that they should have.
pub fn run(options: Options) -> Result<ExitCode, Failure> {
    let colours = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let mut rng = Rng::from_seed(seed()?);
    let folder = folder(options.out, &mut rng)?;
    let stop = Stop::on_signals()?;
    let prompts = Prompts::load(None)?;
    let mut sounds = Sounds::of_prompts(&prompts.catalog, &prompts.library);
    let lines = Lines::rehearse(&mut sounds);
    introduce(&folder);
    let began = clock::mono();
    let mut house = House::open(&folder, &mut rng, &stop)?;
    let stage = Stage {
        folder: &folder,
        house: &house,
        sounds: Arc::new(sounds),
        stop: stop.clone(),
        lines,
        colours,
    };
    let checks = stage.play(&prompts.catalog, &mut rng)?;
    let took = clock::mono().since(began);
    let ended_well = house.close();
    if stop.is_wanted() {
        println!("\nstopped; what was recorded so far lies in {}", folder.display());
        return Ok(ExitCode::FAILURE);
    }
    let good = conclude(&checks, took, ended_well);
    show_what_is_left(&folder, &house.state);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Ctrl-C and the like end the play; everything that was started is ended with it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    fn on_signals() -> Result<Stop, Failure> {
        let stop = Stop::default();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
        {
            signal_hook::flag::register(signal, Arc::clone(&stop.0))
                .map_err(Failure::io("signals cannot be handled"))?;
        }
        Ok(stop)
    }

    pub fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where the play is given.
struct Stage<'a> {
    folder: &'a Path,
    house: &'a House,
    sounds: Arc<Sounds>,
    stop: Stop,
    lines: Lines,
    colours: bool,
}

impl Stage<'_> {
    /// All four scripts at once, with the ladder beside them.
    fn play(&self, catalog: &Arc<Catalog>, rng: &mut Rng) -> Result<Vec<Check>, Failure> {
        let (narrator, told) = mpsc::channel();
        let mut ladder = Ladder::new(io::stdout(), self.colours, clock::mono(), Arc::clone(&self.sounds));
        let until = return_time(clock::now().wall);
        let (back_at, english) = back_at(catalog, "en-US", until);
        ladder.learn([english, self::back_at(catalog, "zh-CN", until).1]);
        thread::scope(|scope| {
            let narration = scope.spawn(move || ladder.narrate(&told));
            let players = self.players(&narrator, rng);
            let sent_away = self.manager_goes_away(until, &narrator);
            drop(narrator);
            let back_at = &back_at;
            let scripts: Vec<_> = players?
                .into_iter()
                .map(|mut player| {
                    let who = player.who;
                    let script = scope.spawn(move || {
                        // Where it ended early, the checks say why.
                        drop(play::act(&mut player, self.lines, back_at));
                        player.leave()
                    });
                    (who, script)
                })
                .collect();
            let noted = |(who, script): (Who, thread::ScopedJoinHandle<'_, Vec<Check>>)| {
                let broken = |_| {
                    vec![Check { who, what: "the script".to_owned(), result: Err("it broke".to_owned()) }]
                };
                script.join().unwrap_or_else(broken)
            };
            let checks = scripts.into_iter().flat_map(noted).collect();
            sent_away?;
            match narration.join() {
                Ok(Err(error)) => Err(Failure::Io { what: "the ladder cannot be written", error }),
                _ => Ok(checks),
            }
        })
    }

    fn players(&self, narrator: &Sender<Told>, rng: &mut Rng) -> Result<Vec<Player>, Failure> {
        let start = |who: Who| {
            let (reports, events) = mpsc::channel();
            let reporter = Reporter::new(who, reports, narrator.clone());
            let phone = Phone::start(self.phone(who), Arc::clone(&self.sounds), reporter, rng.fork())
                .map_err(Failure::io("a phone cannot be started"))?;
            Ok(Player::new(who, phone, events, Arc::clone(&self.sounds), self.stop.clone()))
        };
        Who::ALL.into_iter().map(start).collect()
    }

    fn phone(&self, who: Who) -> Config {
        let password = self.house.password(who);
        let user = who.number().to_owned();
        // One phone of the other law, so that both are heard.
        let codecs = if who == Who::Agent2 { vec![Codec::Pcmu] } else { vec![Codec::Pcma, Codec::Pcmu] };
        Config {
            server: self.house.server,
            address: if who.is_agent() { house::DESKS } else { house::CALLERS },
            user: user.clone(),
            credentials: password.map(|password: Masked<String>| Credentials { user, password }),
            codecs,
            folder: self.folder.to_owned(),
        }
    }

    /// As `hotline agent away` does.
    fn manager_goes_away(&self, until: Wall, narrator: &Sender<Told>) -> Result<(), Failure> {
        let change = AgentChange::away(AwayReason::Meeting, Some(until));
        let order = Order::Exchange(Command::SetAgent { extension: MANAGER.to_owned(), change });
        let line = format!("hotline agent away {MANAGER} meeting --until {}", time_of_day(until));
        drop(narrator.send(Told { at: clock::mono(), what: What::Command(line) }));
        match ask(&self.house.state, &order)? {
            Response::Reply(Reply::Done) => Ok(()),
            Response::Refused(reason) | Response::Reply(Reply::Refused(reason)) => {
                Err(Failure::Refused(reason))
            }
            _ => Err(Failure::Other("the demo's hotline answered something else".to_owned())),
        }
    }
}

/// The prompts that say when the manager is back, and their text.
fn back_at(catalog: &Arc<Catalog>, tag: &str, until: Wall) -> (Vec<String>, String) {
    let speech = Speech::new(Arc::clone(catalog), Language::new(tag), zone());
    let clips = speech.back_at(until, clock::now().wall);
    let info = |clip: &Clip| match clip {
        Clip::Prompt(id) => catalog.get(*id).cloned(),
        _ => None,
    };
    let prompts: Vec<PromptInfo> = clips.iter().filter_map(info).collect();
    let texts: Vec<&str> = prompts.iter().map(|prompt| prompt.text.as_str()).collect();
    let text = texts.join(if tag == "zh-CN" { "" } else { " " });
    (prompts.into_iter().map(|prompt| prompt.name).collect(), text)
}

fn return_time(now: Wall) -> Wall {
    let earliest = (now + MEETING).as_micros();
    Wall::from_micros((earliest / HALF_HOUR_US + 1) * HALF_HOUR_US)
}

/// Of the shipped plan.
fn zone() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap_or(TimeZone::UTC)
}

fn time_of_day(at: Wall) -> String {
    match jiff::Timestamp::from_microsecond(at.as_micros()) {
        Ok(time) => zone().to_datetime(time).strftime("%H:%M").to_string(),
        Err(_) => at.to_string(),
    }
}

/// A folder that is new or empty: nothing of anybody's is written over.
fn folder(wanted: Option<PathBuf>, rng: &mut Rng) -> Result<PathBuf, Failure> {
    let folder =
        wanted.unwrap_or_else(|| std::env::temp_dir().join(format!("hotline-demo-{}", rng.token(6))));
    house::make_folder(&folder)?;
    let mut inside = std::fs::read_dir(&folder).map_err(Failure::read(&folder))?;
    if inside.next().is_some() {
        return Err(Failure::Other(format!(
            "{} is not empty: the demo wants a folder of its own",
            folder.display()
        )));
    }
    folder.canonicalize().map_err(Failure::read(&folder))
}

fn seed() -> Result<[u8; 32], Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| Failure::Other(format!("no randomness: {error}")))?;
    Ok(seed)
}

fn introduce(folder: &Path) {
    print(&format!(
        "A bank's hotline, seen and heard without a phone. Everything below is real SIP and RTP on loopback, against a\n\
         daemon of its own with the shipped dialplan, open around the clock; what is heard is what arrived, compared\n\
         sample by sample (r: how alike they are, at most 1).\n\n\
         A        caller, {a}: wants a consultation, in Mandarin\n\
         B        caller, {b}: wants the manager, {MANAGER}, who is in a meeting; in English\n\
         1001     agent: signs on, then does not answer\n\
         1002     agent: signs on, and answers\n\n\
         Recordings go to {folder}\n\n",
        a = Who::CallerA.number(),
        b = Who::CallerB.number(),
        folder = folder.display(),
    ));
}

/// Whether everything was as it should be, and if not, what was not.
fn conclude(checks: &[Check], took: Duration, ended_well: bool) -> bool {
    let missed: Vec<&Check> = checks.iter().filter(|check| check.result.is_err()).collect();
    let heard = checks.iter().filter_map(|check| match check.result {
        Ok(Found::Heard(correlation)) => Some(correlation),
        _ => None,
    });
    let (count, least) = heard.fold((0, 1.0f32), |(n, least), r| (n + 1, least.min(r)));
    let good = missed.is_empty() && ended_well && !checks.is_empty();
    let mut text = String::from("\n");
    if good {
        text.push_str(&format!(
            "All as it should be: {} expectations met in {:.0} s, {count} of them by ear, none with r below {least:.3}.\n",
            checks.len(),
            took.as_secs_f32()
        ));
    }
    for Check { who, what, result } in missed {
        let why = result.as_ref().err().map(String::as_str).unwrap_or_default();
        text.push_str(&format!("MISSED  {}: {what}: {why}\n", who.name()));
    }
    if !ended_well {
        text.push_str("MISSED  the hotline did not end when it was told to; see daemon.log\n");
    }
    print(&text);
    good
}

/// The records and messages, by the same commands that anybody has.
fn show_what_is_left(folder: &Path, state: &Path) {
    let shown = |result: Result<String, Failure>| result.unwrap_or_else(|failure| format!("{failure}\n"));
    let calls = shown(commands::calls(state, 20, Form::Table));
    let messages = shown(commands::messages(
        state,
        MessageOrder::List { mailbox: None, all: true, latest: 0, search: Masked::default() },
        Form::Table,
    ));
    // The first word of a row of the table.
    let row = |table: &str, of: &str| -> Option<String> {
        let line = table.lines().find(|line| line.contains(of))?;
        line.split_whitespace().next().map(str::to_owned)
    };
    let call = row(&calls, "consultation").unwrap_or_else(|| "CALL".to_owned());
    let message = row(&messages, MANAGER).unwrap_or_else(|| "MESSAGE".to_owned());
    let (folder, state) = (folder.display(), state.display());
    print(&format!(
        "\n$ hotline calls --state {state}\n{calls}\
         \n$ hotline messages --state {state}\n{messages}\
         \nEach call to listen to    {folder}/*.wav  (left: heard, right: said)\n\
         The message               hotline messages play {message} --state {state}\n\
         One call, step by step    hotline calls {call} --state {state}\n\
         The daemon's log          {folder}/daemon.log\n\
         \nTry next                  hotline serve, then dial sip:10000@127.0.0.1 with a softphone on this machine\n",
    ));
}

/// To standard output. Nobody reads any more: not worth ending for.
fn print(text: &str) {
    drop(io::stdout().write_all(text.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manager_is_back_at_a_full_or_half_hour_that_can_be_said() {
        let prompts = Prompts::load(None).unwrap();
        for minutes in 0..60 {
            let now = Wall::from_micros(1_795_000_000_000_000 + minutes * 60_000_000);
            let back = return_time(now);
            assert_eq!(back.as_micros() % HALF_HOUR_US, 0);
            let away = back.since(now);
            assert!(away > MEETING && away <= MEETING + Duration::from_secs(1800));
            assert!(time_of_day(back).ends_with(":00") || time_of_day(back).ends_with(":30"));
        }
        for tag in ["zh-CN", "en-US"] {
            let (names, text) = back_at(&prompts.catalog, tag, return_time(clock::now().wall));
            assert_eq!(names.first().map(String::as_str), Some("message/back-before"));
            assert!(names.len() >= 3 && !text.is_empty(), "{names:?} {text}");
        }
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let mut rng = Rng::from_number(1);
        let fresh = folder(Some(root.path().join("new/deep")), &mut rng).unwrap();
        std::fs::write(fresh.join("letter.txt"), "dear").unwrap();
        let refused = folder(Some(fresh.clone()), &mut rng).unwrap_err();
        assert!(refused.to_string().contains("is not empty"), "{refused}");
    }
}
