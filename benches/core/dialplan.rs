//! A dialplan of 10,000 steps: read, checked and proven, as at a reload.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::{Arc, OnceLock};

use hotline::base::{Catalog, Wall};
use hotline::daemon::prompts::Prompts;
use hotline::dialplan::{Around, Plan, SourceFile, examine};

use super::Sample;

/// Flows of ten steps, each with a menu that leads on to others.
const FLOWS: usize = 1_000;

fn catalog() -> Arc<Catalog> {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    CATALOG.get_or_init(|| Prompts::load(None).expect("the shipped prompts").catalog).clone()
}

fn plan(policy: bool) -> Vec<SourceFile> {
    let mut text = String::from(
        "[hotline]\nname = \"Big\"\nlanguages = [\"zh-CN\", \"en-US\"]\noperator = \"help\"\n[numbers]\n10000 = \"f0\"\n\
         [calendar.day]\nopen = { mon-fri = \"09:00-18:00\" }\n[skill.help]\n[queue.help]\nskills = { help = 1 }\n\
         [agent.1001]\nskills = { help = 5 }\n[list.vip]\nentries = [\"13800138000\"]\n\
         [[flow.help]]\nqueue = \"help\"\n",
    );
    for flow in 0..FLOWS {
        let (next, far) = ((flow + 1) % FLOWS, (flow * 7 + 3) % FLOWS);
        let mut step = |step: &str| {
            let _ = writeln!(text, "[[flow.f{flow}]]\n{step}");
        };
        step("play = \"notice/recording\"");
        step("say = \"greeting\"");
        step("lookup = { list = \"vip\", found = \"help\" }");
        step("hours = { calendar = \"day\", closed = \"help\" }");
        step("play = \"greeting/welcome\"");
        step("collect = { into = \"card\", ask = \"menu/enter-extension\" }");
        step("play = \"notice/recording\"");
        step("play = \"greeting/welcome\"");
        step("say = { value = \"card\" }");
        step(&format!("menu = \"m{flow}\""));
        let _ = writeln!(
            text,
            "[menu.m{flow}.keys]\n1 = {{ say = \"topic/consult\", goto = \"f{next}\" }}\n\
             2 = {{ say = \"topic/agent\", goto = \"f{far}\" }}\n0 = {{ say = \"topic/agent\", goto = \"help\" }}"
        );
    }
    if policy {
        text.push_str(
            "[policy.person-from-every-menu]\n[policy.apology]\n[policy.read-back]\n[policy.recording-notice]\n\
             [policy.time-to-person]\n",
        );
    }
    vec![SourceFile { name: "big.toml".to_owned(), text }]
}

fn read(files: &[SourceFile], around: &Around) -> Plan {
    let examined = examine(files, catalog(), around);
    assert!(examined.sound, "{:?}", examined.diagnostics.first());
    examined.plan.expect("a plan")
}

pub fn checked() -> Sample {
    let (files, around) = (plan(false), Around::default());
    catalog();
    Sample::of(1, |_| drop(black_box(read(&files, &around))))
}

pub fn checked_in_full() -> Sample {
    let files = plan(true);
    let around = Around { today: Some(Wall::from_micros(1_795_140_000_000_000)), ..Around::default() };
    catalog();
    Sample::of(1, |_| drop(black_box(read(&files, &around))))
}

pub fn drawn() -> Sample {
    let plan = read(&plan(false), &Around::default());
    Sample::of(10, |_| drop(black_box(plan.graph())))
}
