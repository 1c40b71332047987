//! Just enough of Rust's lexical grammar to look at names: comments, strings and characters are gone,
//! identifiers and punctuation remain, each with its line.

/// An identifier, or one character of punctuation; `::` is one token, a literal is `"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// All tokens of a source file.
pub fn tokens(source: &str) -> Vec<Token> {
    let mut lexer = Lexer { rest: source, line: 1, out: Vec::new() };
    while lexer.step() {}
    lexer.out
}

/// The tokens that are compiled into the product: items under `#[cfg(test)]` are left out.
pub fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut out = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let marked = MARK.iter().enumerate().all(|(i, m)| tokens.get(at + i).is_some_and(|t| t.text == *m));
        if marked {
            at = end_of_item(tokens, at + MARK.len());
        } else {
            out.push(tokens[at].clone());
            at += 1;
        }
    }
    out
}

/// The index behind the item that starts at `at`: behind its `;`, or behind the brace that closes it.
fn end_of_item(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0usize;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            ";" if depth == 0 => return at,
            _ => {}
        }
    }
    at
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
    out: Vec<Token>,
}

impl Lexer<'_> {
    /// Takes one token or one stretch of what is no token; false at the end of the file.
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else { return false };
        if self.rest.starts_with("//") {
            self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
        } else if self.rest.starts_with("/*") {
            self.skip(block_comment(self.rest));
        } else if let Some(length) = raw_string(self.rest) {
            self.take("\"", length);
        } else if first == '"' || self.rest.starts_with("b\"") || self.rest.starts_with("c\"") {
            self.take("\"", string(self.rest));
        } else if let Some(length) = character(self.rest) {
            self.take("\"", length);
        } else if first.is_alphanumeric() || first == '_' {
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let length = self.rest.find(|c| !word(c)).unwrap_or(self.rest.len());
            self.take(&self.rest[..length], length);
        } else if self.rest.starts_with("::") {
            self.take("::", 2);
        } else if first.is_whitespace() {
            self.skip(first.len_utf8());
        } else {
            self.take(&first.to_string(), first.len_utf8());
        }
        true
    }

    fn take(&mut self, text: &str, length: usize) {
        self.out.push(Token { text: text.to_owned(), line: self.line });
        self.skip(length);
    }

    fn skip(&mut self, length: usize) {
        self.line += self.rest[..length].matches('\n').count();
        self.rest = &self.rest[length..];
    }
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// `r"…"`, `r#"…"#`, `br#"…"#`; not the raw identifier `r#type`.
fn raw_string(rest: &str) -> Option<usize> {
    let body =
        rest.strip_prefix("br").or_else(|| rest.strip_prefix("cr")).or_else(|| rest.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let text = body[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let end = text.find(&close)? + close.len();
    Some(rest.len() - text.len() + end)
}

/// From the opening quote (with its prefix) to behind the closing one.
fn string(rest: &str) -> usize {
    let open = rest.find('"').unwrap_or(0) + 1;
    let mut escaped = false;
    for (at, c) in rest[open..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return open + at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A character or byte literal; `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let prefix = usize::from(rest.starts_with("b'"));
    let body = rest[prefix..].strip_prefix('\'')?;
    let first = body.chars().next()?;
    if first == '\\' {
        let escaped = 1 + body[1..].chars().next()?.len_utf8();
        return Some(prefix + 1 + escaped + body[escaped..].find('\'')? + 1);
    }
    let quote = body[first.len_utf8()..].starts_with('\'');
    quote.then(|| prefix + 1 + first.len_utf8() + 1)
}

#[test]
fn only_names_and_punctuation_remain() {
    let source = "use a::b; // tokio\n/* std::fs /* nested */ */ let x: &'a str = \"std::thread\"; 'b' r#\"\"q\"\"# b'\\'' '\\\\' c";
    let got: Vec<String> = tokens(source).into_iter().map(|t| format!("{}{}", t.line, t.text)).collect();
    let want = "1use 1a 1:: 1b 1; 2let 2x 2: 2& 2' 2a 2str 2= 2\" 2; 2\" 2\" 2\" 2\" 2c";
    assert_eq!(got.join(" "), want);
}

#[test]
fn test_items_are_left_out() {
    let source =
        "fn a() {} #[cfg(test)] mod tests { fn b() { [1] } } fn c() {} #[cfg(test)] mod t; fn d() {}";
    let got: Vec<String> = without_tests(&tokens(source)).into_iter().map(|t| t.text).collect();
    assert_eq!(got.join(" "), "fn a ( ) { } fn c ( ) { } fn d ( ) { }");
}
