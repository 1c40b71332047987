//! What is read at the start and again at a reload: settings, prompts, dialplans. All of it, or none.

use std::sync::Arc;

use crate::dialplan::{Plan, SourceFile};

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
    /// The text that the plan is of, with its own tests.
    pub files: Arc<[SourceFile]>,
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
    /// `pinned`: what is live whatever lies on disk; unless it cannot be used any more.
    pub fn first(settings: Settings, pinned: Option<(u64, Vec<SourceFile>)>) -> Result<Loaded, Failure> {
        let prompts = Prompts::load_at(settings.levels, settings.prompts.as_deref())?;
        let Some((version, files)) = pinned else { return Self::with(settings, prompts, None) };
        match Self::with(settings.clone(), prompts.clone(), Some(files)) {
            Ok(mut loaded) => {
                if dialplans::files(&loaded.settings.dialplans).is_ok_and(|disk| disk != *loaded.files) {
                    let text =
                        "is live, as before the start; what lies on disk is not, until the next reload";
                    loaded.warnings.push(format!("version {version} of the dialplan {text}"));
                }
                Ok(loaded)
            }
            // A hotline with the dialplan on disk is better than none.
            Err(failure) => {
                let mut loaded = Self::with(settings, prompts, None)?;
                let text = "was live and cannot be used any more: what lies on disk is live instead";
                loaded.warnings.push(format!("version {version} of the dialplan {text}:\n{failure}"));
                Ok(loaded)
            }
        }
    }

    /// Reads everything again; ids of prompts that running calls hold keep their meaning.
    /// `files`: instead of those on disk.
    pub fn again(load: &Load, prompts: &Prompts, files: Option<Vec<SourceFile>>) -> Result<Loaded, Failure> {
        let settings = load()?;
        let prompts = prompts.reload(settings.levels, settings.prompts.as_deref())?;
        Self::with(settings, prompts, files)
    }

    /// From now on the plan bears this number of the history.
    pub fn is_version(&mut self, version: Option<u64>) {
        let plan = Plan::clone(&self.plan);
        self.plan = Arc::new(plan.with_version(version.unwrap_or(0)));
    }

    fn with(settings: Settings, prompts: Prompts, files: Option<Vec<SourceFile>>) -> Result<Loaded, Failure> {
        let files = match files {
            Some(files) => files,
            None => dialplans::files(&settings.dialplans)?,
        };
        let (plan, doubts) = dialplans::plan_of(&files, &settings.dialplans.trunks, &prompts.catalog)?;
        let mut warnings: Vec<_> = doubts.iter().map(ToString::to_string).collect();
        warnings.extend(prompts.doubts.iter().map(|(file, reason)| format!("{file}: {reason}")));
        let listen = &settings.listen;
        let open = !(listen.udp.is_empty() && listen.tcp.is_empty() && listen.ws.is_empty());
        warnings.extend(settings.exchange.readable_keys(open));
        let tls = Tls::load(&settings.listen.certificates, &mut warnings)?;
        Ok(Loaded { settings, prompts, plan: Arc::new(plan), files: files.into(), tls, warnings })
    }
}
