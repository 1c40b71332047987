//! What is read at the start and again at a reload: settings, prompts, dialplans. All of it, or none.

use std::sync::Arc;

use crate::dialplan::Plan;

use super::dialplans;
use super::failure::Failure;
use super::prompts::Prompts;
use super::settings::Settings;
use super::transport::tls::Tls;

/// Reads the settings: at the start, and again at every reload.
pub type Load = Arc<dyn Fn() -> Result<Settings, Failure> + Send + Sync>;

#[derive(Clone)]
pub struct Loaded {
    pub settings: Settings,
    pub prompts: Prompts,
    pub plan: Arc<Plan>,
    pub tls: Tls,
    /// What a person should look at, ready to be shown.
    pub warnings: Vec<String>,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Loaded({:?} prompts, {} warnings)", self.prompts.library, self.warnings.len())
    }
}

impl Loaded {
    pub fn first(settings: Settings) -> Result<Loaded, Failure> {
        let prompts = Prompts::load_at(settings.levels, settings.prompts.as_deref())?;
        Self::with(settings, prompts)
    }

    /// Reads everything again; ids of prompts that running calls hold keep their meaning.
    pub fn again(load: &Load, prompts: &Prompts) -> Result<Loaded, Failure> {
        let settings = load()?;
        let prompts = prompts.reload(settings.levels, settings.prompts.as_deref())?;
        Self::with(settings, prompts)
    }

    fn with(settings: Settings, prompts: Prompts) -> Result<Loaded, Failure> {
        let (plan, doubts) = dialplans::load(&settings.dialplans, &prompts.catalog)?;
        let mut warnings: Vec<_> = doubts.iter().map(ToString::to_string).collect();
        warnings.extend(plan.calendar_gaps(super::clock::now().wall));
        let listen = &settings.listen;
        let open = !(listen.udp.is_empty() && listen.tcp.is_empty() && listen.ws.is_empty());
        warnings.extend(settings.exchange.readable_keys(open));
        let tls = Tls::load(&settings.listen.certificates, &mut warnings)?;
        Ok(Loaded { settings, prompts, plan, tls, warnings })
    }
}
