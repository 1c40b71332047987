//! Event packages: what a NOTIFY or a PUBLISH says, as bytes and as meaning. Pure.
//!
//! ```text
//!   dialog_info.rs      dialog            lamps: does this desk ring, does it talk (RFC 4235)
//!   message_summary.rs  message-summary   the message waiting lamp (RFC 3842)
//!   presence.rs         presence          is the person there, and if not, why (RFC 3863, RFC 4480)
//!   compositor.rs       PUBLISH           what phones say about their people, for as long as they say so (RFC 3903)
//! ```

pub mod compositor;
pub mod dialog_info;
pub mod message_summary;
pub mod presence;

/// Text and attribute values as XML takes them (XML 1.0 §2.4). What XML cannot carry at all (§2.2) is left out.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' | '\r' => out.push(' '),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_chose_cannot_end_an_attribute_or_an_element() {
        assert_eq!(escaped("a\"b'<c>&\u{1}\r\n王"), "a&quot;b&apos;&lt;c&gt;&amp;  王");
    }
}
