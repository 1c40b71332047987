//! Dialplans on the bench: what is wrong with them, what may be written in them.

use crate::daemon::dialplans;
use crate::daemon::failure::Failure;
use crate::daemon::prompts::Prompts;
use crate::daemon::settings::Settings;
use crate::dialplan;

/// Loads prompts and dialplans as a start would. A summary with the warnings, or every mistake.
pub fn check(settings: &Settings) -> Result<String, Failure> {
    let prompts = Prompts::load(settings.prompts.as_deref())?;
    let (plan, warnings) = dialplans::load(&settings.dialplans, &prompts.catalog)?;
    let mut text = String::new();
    for warning in &warnings {
        text.push_str(&format!("{warning}\n\n"));
    }
    text.push_str(&format!(
        "{}: {} numbers, {} queues, {} agents, {} prompts: no mistakes\n",
        plan.name(),
        plan.numbers().len(),
        plan.queues().len(),
        plan.agents().len(),
        prompts.catalog.len(),
    ));
    Ok(text)
}

/// Everything that may be written in a dialplan.
pub fn reference() -> String {
    dialplan::reference()
}
