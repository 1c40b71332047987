//! An INVITE that wants another dialog's place (RFC 3891).

use std::fmt;

use bytes::Bytes;

use crate::sip::dialog::Dialog;
use crate::sip::{Method, Name, Params, Request, Text};

use super::Endpoint;
use super::command::Answer;
use super::event::DialogId;
use super::session::Session;

/// The value of a `Replaces` header: a dialog by the names that its other end knows it by.
#[derive(Clone, PartialEq, Eq)]
pub struct Replaces {
    pub call_id: Text,
    /// Of whom the INVITE reaches.
    pub to_tag: Text,
    /// Of the third party, whose dialog is replaced.
    pub from_tag: Text,
    /// Only where nobody has answered yet (RFC 3891 §7.1).
    pub early_only: bool,
}

impl Replaces {
    /// `None` where the Call-ID or a tag is missing, or one is given twice.
    pub fn parse(value: &str) -> Option<Self> {
        let at = value.find(';')?;
        let (call_id, params) = value.split_at(at);
        let params = Bytes::copy_from_slice(params.as_bytes());
        let params = Params::parse(&params, &params).ok()?;
        let once =
            |name: &str| params.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).count() == 1;
        let call_id = call_id.trim();
        if call_id.is_empty() || !once("to-tag") || !once("from-tag") {
            return None;
        }
        Some(Replaces {
            call_id: Text::from(call_id.to_owned()),
            to_tag: params.text("to-tag")?,
            from_tag: params.text("from-tag")?,
            early_only: params.has("early-only"),
        })
    }

    /// Whether it means this dialog of ours: to-tag is our tag, from-tag the peer's. A peer of RFC 2543's time has
    /// none, and is written as `0`.
    fn means(&self, dialog: &Dialog) -> bool {
        let remote = dialog.remote_tag().unwrap_or_else(|| Text::from_static("0"));
        *dialog.call_id() == self.call_id
            && dialog.local_tag().as_ref() == Some(&self.to_tag)
            && remote == self.from_tag
    }
}

impl Endpoint {
    /// What a third party puts into `Replaces` to take our place in this dialog: for the Refer-To that sends it to
    /// our peer. `None` where there is no confirmed dialog.
    pub fn dialog_replaces(&self, dialog: DialogId) -> Option<String> {
        let Some(Session::Talking(talking)) = self.sessions.get(&dialog) else { return None };
        let dialog = talking.dialog();
        let remote = dialog.remote_tag().map_or_else(|| "0".to_owned(), |tag| tag.to_str().into_owned());
        let (call_id, local) = (dialog.call_id(), dialog.local_tag()?);
        Some(format!("{};to-tag={remote};from-tag={}", call_id.to_str(), local.to_str()))
    }

    /// The dialog of ours that a `Replaces` value means, whatever its state.
    pub fn replaced_dialog(&self, replaces: &Replaces) -> Option<DialogId> {
        let id = self.core.dialog_named(&replaces.to_tag)?;
        let session = self.sessions.get(&id)?;
        session.dialogs().any(|dialog| replaces.means(dialog)).then_some(id)
    }

    /// The dialog that an INVITE wants to replace (RFC 3891 §3).
    ///
    /// # Errors
    /// The answer where it asks for what cannot be.
    pub(super) fn replaced_by(&self, request: &Request) -> Result<Option<DialogId>, Answer> {
        let mut values = request.headers.all(Name::Replaces);
        let Some(value) = values.next() else { return Ok(None) };
        let joins = request.headers.named("Join").is_some();
        if request.method != Method::Invite || joins || values.next().is_some() {
            return Err(Answer::new(400));
        }
        let value = std::str::from_utf8(value).ok();
        let Some(replaces) = value.and_then(Replaces::parse) else { return Err(Answer::new(400)) };
        let found = self.replaced_dialog(&replaces).and_then(|id| Some((id, self.sessions.get(&id)?)));
        match found {
            None => Err(Answer::new(481)),
            Some((_, Session::Leaving(_))) => Err(Answer::new(603)),
            Some((_, Session::Talking(talking))) if talking.is_deserted() => Err(Answer::new(603)),
            Some((_, Session::Talking(_))) if replaces.early_only => Err(Answer::new(486)),
            // "If the Replaces header field matches an early dialog that was not initiated by this UA": 481.
            Some((_, Session::Ringing(_))) => Err(Answer::new(481)),
            Some((id, Session::Talking(_) | Session::Calling(_))) => Ok(Some(id)),
        }
    }
}

/// Without its values: they are as good as a password for the dialog.
impl fmt::Debug for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.early_only { "Replaces early-only" } else { "Replaces" })
    }
}

#[cfg(test)]
mod tests {
    use super::Replaces;

    #[test]
    fn call_id_and_both_tags_each_once() {
        let parsed = Replaces::parse("12adf2f34456gs5@a;to-tag=12345;from-tag=54321;early-only").unwrap();
        assert_eq!(parsed.call_id.to_string(), "12adf2f34456gs5@a");
        assert_eq!(
            (parsed.to_tag.to_string(), parsed.from_tag.to_string()),
            ("12345".into(), "54321".into())
        );
        assert!(parsed.early_only);
        for bad in
            ["", "a", "a;to-tag=1", "a;from-tag=1", ";to-tag=1;from-tag=2", "a;to-tag=1;to-tag=1;from-tag=2"]
        {
            assert_eq!(Replaces::parse(bad), None, "{bad}");
        }
    }
}
