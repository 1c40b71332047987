//! The source files of the library and the paths that are named in them.

use std::fs;
use std::path::{Path, PathBuf};

use super::lexer::{self, Token};

/// One file below `src`.
pub struct Source {
    /// Relative to the root of the project, with `/`.
    pub name: String,
    /// `sip::wire` as `["sip", "wire"]`; empty for `lib.rs` and `main.rs`.
    pub module: Vec<String>,
    pub text: String,
    pub tokens: Vec<Token>,
}

/// `a::b` as it is written, groups expanded: `use a::{b, c::d}` names `a::b` and `a::c::d`.
pub struct Named {
    pub segments: Vec<String>,
    pub line: usize,
    /// How many modules are open around it inside the file.
    pub depth: usize,
}

impl Source {
    pub fn named(&self) -> Vec<Named> {
        named(&self.tokens)
    }

    /// What is compiled into the product.
    pub fn named_outside_tests(&self) -> Vec<Named> {
        let own_tests = self.module.iter().any(|m| m == "tests");
        if own_tests { Vec::new() } else { named(&lexer::without_tests(&self.tokens)) }
    }
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `src`, in order of name.
pub fn sources() -> Vec<Source> {
    files(&root().join("src"), &["rs"]).iter().map(|path| source(path)).collect()
}

/// Every file below a folder with one of these endings (all files where none is given), in order of name.
pub fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            if path.is_dir() {
                folders.push(path);
            } else if endings.is_empty() || endings.contains(&ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Relative to the root, for messages.
pub fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn source(path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let name = shown(path);
    let inner = name.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    let module = match inner {
        "lib" | "main" => Vec::new(),
        inner => inner.split('/').map(str::to_owned).collect(),
    };
    let tokens = lexer::tokens(&text);
    Source { name, module, text, tokens }
}

fn named(tokens: &[Token]) -> Vec<Named> {
    let mut out = Vec::new();
    let mut open_modules: Vec<usize> = Vec::new();
    let mut braces = 0usize;
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                let names_module = at >= 2 && tokens[at - 2].text == "mod";
                if names_module {
                    open_modules.push(braces);
                }
                braces += 1;
            }
            "}" => {
                braces = braces.saturating_sub(1);
                if open_modules.last() == Some(&braces) {
                    open_modules.pop();
                }
            }
            text if is_name(text) && tokens.get(at + 1).is_some_and(|t| t.text == "::") => {
                at = expand(tokens, at, &mut Vec::new(), open_modules.len(), &mut out);
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    out
}

/// Takes the path at `at` with the groups that follow it; returns the index behind it.
fn expand(
    tokens: &[Token],
    mut at: usize,
    before: &mut Vec<String>,
    depth: usize,
    out: &mut Vec<Named>,
) -> usize {
    let start = before.len();
    let line = tokens[at].line;
    while let Some(token) = tokens.get(at).filter(|t| is_name(&t.text) || t.text == "*") {
        before.push(token.text.clone());
        at += 1;
        if tokens.get(at).is_none_or(|t| t.text != "::") {
            break;
        }
        at += 1;
        if tokens.get(at).is_some_and(|t| t.text == "{") {
            at += 1;
            while tokens.get(at).is_some_and(|t| t.text != "}") {
                at = match tokens[at].text.as_str() {
                    text if is_name(text) || text == "*" => expand(tokens, at, before, depth, out),
                    _ => at + 1,
                };
            }
            before.truncate(start);
            return at + 1;
        }
    }
    out.push(Named { segments: before.clone(), line, depth });
    before.truncate(start);
    at
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

#[test]
fn groups_are_expanded() {
    let tokens =
        lexer::tokens("use crate::{a::{B, c::*}, d}; mod tests { use super::super::x; f(std::fs::read(y)) }");
    let got: Vec<String> =
        named(&tokens).into_iter().map(|n| format!("{}{}", n.depth, n.segments.join("::"))).collect();
    assert_eq!(got, ["0crate::a::B", "0crate::a::c::*", "0crate::d", "1super::super::x", "1std::fs::read"]);
}
