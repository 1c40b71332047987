//! `application/dialog-info+xml` (RFC 4235): what the phones' lamps show of a desk.
//!
//! Every document is a full one: a desk has one or two dialogs, and a lamp that missed one NOTIFY is right again
//! with the next. Who is on the other side is left out (RFC 4235 §4.1.2 makes `remote` optional): a colleague's lamp
//! is no place for a customer's number.

use std::fmt::Write as _;

use super::escaped;

/// The Content-Type.
pub const KIND: &str = "application/dialog-info+xml";

/// One dialog of the desk.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DialogLine {
    /// The same in every document for the same dialog, and of no meaning.
    pub id: String,
    pub direction: Direction,
    pub state: State,
}

/// Who began it, seen from the desk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Direction {
    Initiator,
    Recipient,
}

/// RFC 4235 §3.7.1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum State {
    /// It rings.
    Early,
    /// Two people talk, or one of them holds.
    Confirmed,
    /// Over: said once, so that also those phones turn their lamp off that wait for this word.
    Terminated,
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            State::Early => "early",
            State::Confirmed => "confirmed",
            State::Terminated => "terminated",
        }
    }
}

/// `entity`: the URI that was subscribed to. `version` starts at 0 with a subscription and grows by one with each
/// document (RFC 4235 §4.1.1).
pub fn write(entity: &str, version: u32, dialogs: &[DialogLine]) -> String {
    let mut xml = String::with_capacity(384);
    // Writing to a string does not fail.
    let _ = write!(
        xml,
        "<?xml version=\"1.0\"?>\r\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" \
         version=\"{version}\" state=\"full\" entity=\"{}\">\r\n",
        escaped(entity)
    );
    for DialogLine { id, direction, state } in dialogs {
        let direction = match direction {
            Direction::Initiator => "initiator",
            Direction::Recipient => "recipient",
        };
        let _ = write!(
            xml,
            "<dialog id=\"{}\" direction=\"{direction}\"><state>{}</state></dialog>\r\n",
            escaped(id),
            state.name()
        );
    }
    xml.push_str("</dialog-info>\r\n");
    xml
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_xml_whatever_the_entity_is_called() {
        let line = |id: &str, state| DialogLine { id: id.to_owned(), direction: Direction::Recipient, state };
        let text = write("sip:80\"<01@h", 3, &[line("c1", State::Confirmed), line("c2", State::Terminated)]);
        let document = roxmltree::Document::parse(&text).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute("entity"), Some("sip:80\"<01@h"));
        assert_eq!((root.attribute("version"), root.attribute("state")), (Some("3"), Some("full")));
        let states: Vec<_> =
            root.descendants().filter(|node| node.has_tag_name("state")).filter_map(|n| n.text()).collect();
        assert_eq!(states, ["confirmed", "terminated"]);
        assert!(!text.contains("remote"));
    }
}
