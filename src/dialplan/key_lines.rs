//! Where the keys of menus are written: a plan knows their meaning only.

use std::collections::BTreeMap;

use super::SourceFile;
use super::source::{Parsed, Report};

/// Index into the files and line, from 1, by menu and key. What cannot be read is left out.
pub fn key_lines(files: &[SourceFile]) -> BTreeMap<(String, String), (usize, u32)> {
    let mut report = Report::new(files);
    let mut lines = BTreeMap::new();
    for (at, file) in files.iter().enumerate() {
        if !file.name.ends_with(".toml") {
            continue;
        }
        let parsed = Parsed::read(&mut report, at);
        let menus = parsed.entries().into_iter().filter(|entry| entry.key == "menu");
        for menu in menus.flat_map(|entry| entry.value.entries().unwrap_or_default()) {
            let fields = menu.value.entries().unwrap_or_default();
            for key in fields.iter().filter(|field| field.key == "keys") {
                for key in key.value.entries().unwrap_or_default() {
                    let line = report.line(key.key_place);
                    lines.insert((menu.key.to_owned(), key.key.to_owned()), (at, line));
                }
            }
        }
    }
    lines
}
