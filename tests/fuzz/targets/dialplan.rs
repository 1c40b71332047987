//! Any text as a dialplan beside a house: diagnostics, and what is accepted holds what the checker promises.

#![no_main]

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hotline::base::{Catalog, Language, PromptInfo, Wall};
use hotline::dialplan::{Around, Manifest, Severity, SourceFile, What, examine};
use libfuzzer_sys::fuzz_target;

const HOUSE: &str = "[hotline]\nname = \"Fuzz\"\nlanguages = [\"zh-CN\", \"en-US\"]\n[skill.help]\n[queue.help]\nskills = { help = 1 }\n\
    [agent.1001]\nskills = { help = 5 }\n[agent.4001]\nmailbox = true\n[calendar.service]\nopen = { mon-fri = \"09:00-18:00\" }\n\
    [list.vip]\nentries = [\"13800138000\"]\n";

/// The shipped prompts by name, each a second long.
fn catalog() -> Arc<Catalog> {
    static CATALOG: OnceLock<Arc<Catalog>> = OnceLock::new();
    let build = || {
        let texts = Manifest::parse(include_str!("../../../prompts/manifest.toml")).expect("the manifest");
        let mut catalog = Catalog::default();
        let mut add = |name: &str, language: Option<&str>| {
            let language = language.map(Language::new);
            let info = PromptInfo {
                name: name.to_owned(),
                language,
                text: String::new(),
                duration: Duration::from_secs(1),
            };
            catalog.add(info).expect("once");
        };
        for (name, _) in texts.iter() {
            add(name, Some("zh-CN"));
            add(name, Some("en-US"));
        }
        for name in ["common/beep", "common/recording-beep", "common/hold-music"] {
            add(name, None);
        }
        Arc::new(catalog)
    };
    CATALOG.get_or_init(build).clone()
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data).into_owned();
    let file = |name: &str, text: String| SourceFile { name: name.to_owned(), text };
    // With a first octet that no plan begins with, it stands alone.
    let mut files = vec![file("plan.toml", text)];
    if data.first() != Some(&b'!') {
        files.push(file("house.toml", HOUSE.to_owned()));
    }
    let around = Around { trunks: None, today: Some(Wall::from_micros(1_795_140_000_000_000)) };
    let examined = examine(&files, catalog(), &around);
    let refused = examined.diagnostics.iter().any(|one| one.severity == Severity::Mistake);
    assert_eq!(examined.sound, !refused);
    for one in &examined.diagnostics {
        assert!(!one.to_string().is_empty());
    }
    let Some(plan) = examined.plan.map(Arc::new) else { return };
    for witness in examined.diagnostics.iter().filter_map(|one| one.witness.as_ref()) {
        assert!(witness.is_true(&plan), "{witness}");
    }
    let graph = plan.graph();
    for (id, node) in graph.nodes() {
        let ends = matches!(node.what, What::Goodbye | What::Stay);
        assert!(ends || !graph.from(id).is_empty(), "{}", node.label());
    }
});
