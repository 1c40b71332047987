//! `application/pidf+xml` (RFC 3863) with the activities of RPID (RFC 4480): is the person there, and if not, why.

use std::fmt::Write as _;

use crate::base::Wall;

use super::escaped;

/// The Content-Type.
pub const KIND: &str = "application/pidf+xml";

/// A document of a phone is a kilobyte; more is not read.
const LONGEST: usize = 16 * 1024;
/// Elements, attributes and texts of a document that is read.
const MOST_NODES: u32 = 1000;

macro_rules! activities {
    ($($variant:ident $name:literal,)*) => {
        /// RFC 4480 §3.2: those that say something about a person's work. What else a phone publishes is `other`.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Activity {
            $(#[doc = concat!("`", $name, "`")] $variant,)*
        }

        impl Activity {
            pub const fn name(self) -> &'static str {
                match self {
                    $(Activity::$variant => $name,)*
                }
            }

            fn of(name: &str) -> Option<Activity> {
                match name {
                    $($name => Some(Activity::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

activities! {
    Appointment "appointment",
    Away "away",
    Breakfast "breakfast",
    Busy "busy",
    Dinner "dinner",
    Holiday "holiday",
    InTransit "in-transit",
    Lunch "lunch",
    Meal "meal",
    Meeting "meeting",
    OnThePhone "on-the-phone",
    Other "other",
    PermanentAbsence "permanent-absence",
    Presentation "presentation",
    Travel "travel",
    Unknown "unknown",
    Vacation "vacation",
    Working "working",
}

/// What is told of a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// Whether calls can reach them.
    pub open: bool,
    pub activity: Option<Activity>,
    /// For people, in English.
    pub note: &'static str,
    /// The expected end of the activity.
    pub until: Option<Wall>,
}

/// What a phone published about its person.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Published {
    /// `false` only where the phone said "closed": some send activities alone.
    pub open: bool,
    /// In the order of the document.
    pub activities: Vec<Activity>,
}

/// A document that is none. Without its content: it is a person's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadPresence {
    #[error("longer than {LONGEST} octets")]
    TooLong,
    #[error("not UTF-8")]
    NotText,
    #[error("not well-formed XML, or with a document type")]
    NotXml,
    #[error("the root element is not <presence>")]
    NotPresence,
}

/// `entity`: the URI that was subscribed to.
pub fn write(entity: &str, told: &Told) -> String {
    let Told { open, activity, note, until } = told;
    let basic = if *open { "open" } else { "closed" };
    let mut xml = String::with_capacity(640);
    // Writing to a string does not fail.
    let _ = write!(
        xml,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" \
         xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" \
         entity=\"{}\">\r\n<tuple id=\"desk\"><status><basic>{basic}</basic></status></tuple>\r\n",
        escaped(entity),
    );
    if !note.is_empty() {
        let _ = write!(xml, "<note xml:lang=\"en\">{}</note>\r\n", escaped(note));
    }
    if let Some(activity) = activity {
        let until = until.map_or(String::new(), |until| format!(" until=\"{until}\""));
        let _ = write!(
            xml,
            "<dm:person id=\"agent\"><rpid:activities{until}><rpid:{}/></rpid:activities></dm:person>\r\n",
            activity.name()
        );
    }
    xml.push_str("</presence>\r\n");
    xml
}

/// What a phone published. Tolerant: element names count, their namespaces and order do not, since phones get both
/// wrong. A document type, and with it every entity, is refused.
///
/// # Errors
/// The document says nothing.
pub fn read(body: &[u8]) -> Result<Published, BadPresence> {
    if body.len() > LONGEST {
        return Err(BadPresence::TooLong);
    }
    let text = str::from_utf8(body).map_err(|_| BadPresence::NotText)?;
    let options =
        roxmltree::ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..Default::default() };
    let text = text.trim_start_matches('\u{feff}').trim();
    let document = roxmltree::Document::parse_with_options(text, options).map_err(|_| BadPresence::NotXml)?;
    let root = document.root_element();
    if root.tag_name().name() != "presence" {
        return Err(BadPresence::NotPresence);
    }
    let mut basics = root.descendants().filter(|node| node.tag_name().name() == "basic").peekable();
    // Several tuples are several devices: one that is open is enough (RFC 3863 §4.1.4).
    let says_nothing = basics.peek().is_none();
    let open = says_nothing
        || basics.any(|basic| !basic.text().unwrap_or_default().trim().eq_ignore_ascii_case("closed"));
    let activities = root
        .descendants()
        .filter(|node| node.tag_name().name() == "activities")
        .flat_map(|node| node.children().filter(|child| child.is_element()))
        .map(|child| Activity::of(child.tag_name().name()).unwrap_or(Activity::Other))
        .collect();
    Ok(Published { open, activities })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(open: bool, activities: &[Activity]) -> Published {
        Published { open, activities: activities.to_vec() }
    }

    #[test]
    fn what_is_written_is_read() {
        let told = |open, activity| Told {
            open,
            activity,
            note: "in a meeting",
            until: Some(Wall::from_micros(1_700_000_000_000_000)),
        };
        let text = write("sip:8001@h", &told(false, Some(Activity::Meeting)));
        assert!(text.contains("until=\"2023-11-14T22:13:20.000Z\""), "{text}");
        assert_eq!(read(text.as_bytes()), Ok(published(false, &[Activity::Meeting])));
        assert_eq!(read(write("sip:1@h", &told(true, None)).as_bytes()), Ok(published(true, &[])));
    }

    #[test]
    fn phones_that_do_not_care_for_namespaces_are_understood() {
        let bare = "<presence><tuple id='a'><status><basic> Closed </basic></status></tuple></presence>";
        assert_eq!(read(bare.as_bytes()), Ok(published(false, &[])));
        let two = "<presence><tuple><status><basic>closed</basic></status></tuple>\
            <tuple><status><basic>open</basic></status></tuple></presence>";
        assert_eq!(read(two.as_bytes()), Ok(published(true, &[])));
        let only = "<p:presence xmlns:p='x' xmlns:r='y'><r:person><r:activities><r:dnd/><r:lunch/>\
            </r:activities></r:person></p:presence>";
        assert_eq!(read(only.as_bytes()), Ok(published(true, &[Activity::Other, Activity::Lunch])));
    }

    #[test]
    fn what_is_no_presence_is_refused_and_no_entity_is_expanded() {
        assert_eq!(read(&[b' '; LONGEST + 1]), Err(BadPresence::TooLong));
        assert_eq!(read(b"\xff\xfe"), Err(BadPresence::NotText));
        assert_eq!(read(b""), Err(BadPresence::NotXml));
        assert_eq!(read(b"<presence>"), Err(BadPresence::NotXml));
        assert_eq!(read(b"<html/>"), Err(BadPresence::NotPresence));
        let bomb = "<!DOCTYPE p [<!ENTITY a 'aaaaaaaaaa'>]><presence><note>&a;</note></presence>";
        assert_eq!(read(bomb.as_bytes()), Err(BadPresence::NotXml));
        let many = format!("<presence>{}</presence>", "<a/>".repeat(2000));
        assert_eq!(read(many.as_bytes()), Err(BadPresence::NotXml));
    }
}
