//! Dialplans on the bench: what is wrong with them, what may be written in them.

use std::sync::Arc;

use crate::base::Masked;
use crate::daemon::boxes::Pin;
use crate::daemon::dialplans;
use crate::daemon::failure::Failure;
use crate::daemon::prompts::Prompts;
use crate::daemon::settings::Settings;
use crate::dialplan::{self, Plan, SourceFile};

/// Loads prompts and dialplans as a start would. A summary with the warnings, or every mistake.
pub fn check(settings: &Settings) -> Result<String, Failure> {
    let prompts = Prompts::load_at(settings.levels, settings.prompts.as_deref())?;
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

/// The plan that a start would take, with one more file: for a rehearsal.
pub fn plan_with(settings: &Settings, extra: SourceFile) -> Result<Arc<Plan>, Failure> {
    let prompts = Prompts::load_at(settings.levels, settings.prompts.as_deref())?;
    Ok(dialplans::load_with(&settings.dialplans, Some(extra), &prompts.catalog)?.0)
}

/// Reads a PIN from standard input; what `mailbox_pin` of an account has to say.
pub fn pin() -> Result<String, Failure> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(Failure::io("the PIN cannot be read"))?;
    let hash = Pin::hashed(&Masked::new(line.trim().to_owned()))?;
    Ok(format!("{hash}\n"))
}

/// Everything that may be written in a dialplan.
pub fn reference() -> String {
    dialplan::reference()
}
