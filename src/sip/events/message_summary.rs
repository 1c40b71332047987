//! `application/simple-message-summary` (RFC 3842): the message waiting lamp.

use crate::record::Waiting;

/// The Content-Type.
pub const KIND: &str = "application/simple-message-summary";

/// `account`: the URI that the phone dials to hear them. The count of urgent ones is left out (RFC 3842 §5.2 makes it
/// optional): urgency belongs to slips that are answered in the moment, not to boxes.
pub fn write(account: &str, waiting: Waiting) -> String {
    let Waiting { new, old } = waiting;
    let lamp = if new > 0 { "yes" } else { "no" };
    // The account is a URI as a message carried it: it has no line ends.
    format!("Messages-Waiting: {lamp}\r\nMessage-Account: {account}\r\nVoice-Message: {new}/{old}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lamp_is_for_what_nobody_has_heard() {
        let text = |new, old| write("sip:8001@h", Waiting { new, old });
        assert_eq!(
            text(2, 1),
            "Messages-Waiting: yes\r\nMessage-Account: sip:8001@h\r\nVoice-Message: 2/1\r\n"
        );
        assert!(text(0, 3).starts_with("Messages-Waiting: no\r\n"));
    }
}
