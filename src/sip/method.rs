//! Request methods: those that the product names, and every other token as it came.

use std::fmt;

use bytes::Bytes;

use super::wire::{Text, is_token};

macro_rules! methods {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// A request's method (RFC 3261 §7.1). Methods are case-sensitive: `invite` is an unknown method.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Method {
            $($(#[$doc])* $variant,)*
            /// A token of no method named above; the answer to it is 405 or 501, never a parse error.
            Other(Text),
        }

        impl Method {
            pub fn as_bytes(&self) -> &[u8] {
                match self {
                    $(Method::$variant => $name.as_bytes(),)*
                    Method::Other(token) => token.as_bytes(),
                }
            }

            fn known(name: &[u8]) -> Option<Method> {
                $(if name == $name.as_bytes() {
                    return Some(Method::$variant);
                })*
                None
            }
        }
    };
}

methods! {
    Invite = "INVITE",
    Ack = "ACK",
    Bye = "BYE",
    Cancel = "CANCEL",
    Register = "REGISTER",
    Options = "OPTIONS",
    /// RFC 3262.
    Prack = "PRACK",
    /// RFC 6665.
    Subscribe = "SUBSCRIBE",
    /// RFC 6665.
    Notify = "NOTIFY",
    /// RFC 3903.
    Publish = "PUBLISH",
    /// RFC 6086.
    Info = "INFO",
    /// RFC 3515.
    Refer = "REFER",
    /// RFC 3428.
    Message = "MESSAGE",
    /// RFC 3311.
    Update = "UPDATE",
}

impl Method {
    /// `None` where `name` is not a token (RFC 3261 §25.1).
    pub fn from_text(name: Text) -> Option<Method> {
        Method::known(name.as_bytes()).or_else(|| is_token(name.as_bytes()).then_some(Method::Other(name)))
    }

    /// As [`from_text`](Self::from_text), of a slice of `owner`.
    pub(crate) fn from_parsed(owner: &Bytes, name: &[u8]) -> Option<Method> {
        let other = || is_token(name).then(|| Method::Other(Text::from_parsed(owner.slice_ref(name))));
        Method::known(name).or_else(other)
    }

    /// Whether this is a method that the product has a name for.
    pub fn is_known(&self) -> bool {
        !matches!(self, Method::Other(_))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_tokens_are_kept_and_case_counts() {
        let method = |name: &str| Method::from_text(Text::from(name));
        assert_eq!(method("INVITE"), Some(Method::Invite));
        assert_eq!(method("invite"), Some(Method::Other(Text::from("invite"))));
        assert_eq!(method("RE%47IST%45R").map(|m| m.to_string()), Some("RE%47IST%45R".into()));
        assert_eq!(method("IN VITE"), None);
        assert_eq!(method(""), None);
    }
}
