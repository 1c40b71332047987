//! A dialplan's own tests on the bench: files become cases, verdicts become text; the calls are the core's business.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::cases::{self, Case, Coverage, Verdict};
use crate::daemon::clock;
use crate::daemon::dialplans;
use crate::daemon::failure::Failure;
use crate::daemon::prompts::Prompts;
use crate::daemon::settings::Settings;
use crate::dialplan::{Diagnostic, Plan};

/// What `hotline test` is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TestOrder {
    /// Only tests whose names contain this.
    pub only: Option<String>,
    /// The story of each call, not only of those that failed.
    pub verbose: bool,
    /// The steps, keys and branches that no test came by.
    pub coverage: bool,
    /// The dialplan's text with how often each step was come by.
    pub listing: bool,
    /// A key that no test presses, in a language in which it can be pressed, is a failure.
    pub all_keys: bool,
    /// Each test so many times, for the pace; 1 for all else.
    pub repeat: u32,
    /// Where a report for a build server is written, in the form of JUnit.
    pub junit: Option<PathBuf>,
}

/// Makes the calls of all tests, on as many threads as there are processors. The text, and whether all came as written.
pub fn test(settings: &Settings, order: &TestOrder) -> Result<(String, bool), Failure> {
    let prompts = Prompts::load_at(settings.levels, settings.prompts.as_deref())?;
    let (plan, _) = dialplans::load(&settings.dialplans, &prompts.catalog)?;
    let files = dialplans::tests(&settings.dialplans)?;
    let mut cases = cases::read(&files, &plan).map_err(|mistakes| {
        let shown: Vec<_> = mistakes.iter().map(Diagnostic::to_string).collect();
        Failure::Dialplan { diagnostics: shown.join("\n\n") }
    })?;
    if let Some(only) = &order.only {
        cases.retain(|case| case.name.contains(only.as_str()));
    }
    if cases.is_empty() {
        return Err(Failure::Other(
            "there are no such tests: they are TOML files in dialplans/tests".to_owned(),
        ));
    }
    let began = clock::mono();
    for _ in 1..order.repeat {
        run(&plan, &cases);
    }
    let verdicts = run(&plan, &cases);
    let pace = (order.repeat > 1).then(|| pace(cases.len(), order.repeat, clock::mono().since(began)));
    if let Some(path) = &order.junit {
        fs::write(path, junit(&cases, &verdicts)).map_err(Failure::write(path))?;
    }
    let graph = plan.graph();
    let mut coverage = Coverage::new(&plan, &graph);
    verdicts.iter().for_each(|verdict| coverage.add(verdict));
    let mut text = table(&cases, &verdicts, &coverage, order);
    if order.listing {
        text.push_str(&format!("\n{}", cases::listing(&coverage, &dialplans::sources(&settings.dialplans)?)));
    }
    text.extend(pace);
    let mut sound = verdicts.iter().all(|verdict| verdict.fault.is_none());
    if order.all_keys && !coverage.has_all_keys() {
        text.push_str("FAILED  not every key is pressed in every language: see --coverage\n");
        sound = false;
    }
    Ok((text, sound))
}

fn pace(tests: usize, times: u32, took: Duration) -> String {
    let calls = tests as f64 * f64::from(times);
    let threads = thread::available_parallelism().map_or(1, usize::from) as f64;
    let seconds = took.as_secs_f64();
    format!(
        "{calls} calls in {seconds:.2} s on {threads} threads: {:.0} a second and thread\n",
        calls / seconds / threads
    )
}

/// Everything that may be written in a test.
pub fn tests_reference() -> String {
    cases::reference()
}

/// In the order of the cases.
fn run(plan: &Arc<Plan>, cases: &[Case]) -> Vec<Verdict> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = cases.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let running: Vec<_> = cases
            .chunks(share)
            .map(|share| scope.spawn(|| share.iter().map(|case| cases::run(plan, case)).collect::<Vec<_>>()))
            .collect();
        let verdicts = running.into_iter().map(|thread| thread.join());
        verdicts.flat_map(|share| share.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

fn table(cases: &[Case], verdicts: &[Verdict], coverage: &Coverage<'_>, order: &TestOrder) -> String {
    let mut text = String::new();
    // Writing into memory does not fail.
    for (case, verdict) in cases.iter().zip(verdicts) {
        let word = if verdict.fault.is_some() { "FAILED" } else { "ok" };
        let _ = writeln!(text, "{word:<7} {} ({})", case.name, case.place);
        if let Some(reason) = reason(case, verdict) {
            let _ = writeln!(text, "        {reason}");
        }
        if order.verbose || verdict.fault.is_some() {
            let _ = write!(text, "{}", verdict.story);
        }
    }
    if order.coverage {
        for missed in coverage.missed() {
            let _ = writeln!(text, "not met: {missed}");
        }
    }
    let failed = verdicts.iter().filter(|verdict| verdict.fault.is_some()).count();
    let _ = writeln!(text, "{} tests, {failed} failed; {coverage}", cases.len());
    text
}

fn reason(case: &Case, verdict: &Verdict) -> Option<String> {
    let fault = verdict.fault.as_ref()?;
    Some(match fault.step {
        Some(step) => format!("step {} of {}: {}", step + 1, case.steps.len(), fault.reason),
        None => fault.reason.clone(),
    })
}

/// The form that build servers read.
fn junit(cases: &[Case], verdicts: &[Verdict]) -> String {
    let failed = verdicts.iter().filter(|verdict| verdict.fault.is_some()).count();
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(text, "<testsuite name=\"dialplan\" tests=\"{}\" failures=\"{failed}\">", cases.len());
    for (case, verdict) in cases.iter().zip(verdicts) {
        let (file, _) = case.place.rsplit_once(':').unwrap_or((&case.place, ""));
        let (name, file, time) = (escaped(&case.name), escaped(file), verdict.lasted.as_secs_f64());
        let _ = write!(text, "  <testcase name=\"{name}\" classname=\"{file}\" time=\"{time:.3}\"");
        match reason(case, verdict) {
            None => text.push_str("/>\n"),
            Some(reason) => {
                let (reason, story) = (escaped(&reason), escaped(&verdict.story.to_string()));
                let _ =
                    writeln!(text, ">\n    <failure message=\"{reason}\">{story}</failure>\n  </testcase>");
            }
        }
    }
    text.push_str("</testsuite>\n");
    text
}

/// XML 1.0 §2.4; characters that no XML may hold (§2.2) are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(character),
            control if control.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_holds_nothing_that_xml_may_not() {
        assert_eq!(escaped("a<b> & \"c\"\u{7}\n"), "a&lt;b&gt; &amp; &quot;c&quot;\n");
    }
}
