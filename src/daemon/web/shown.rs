//! What is shown to whom: customers' numbers and words by role, times as text. The only place of the web that reads them.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

use super::gate::Visitor;
use crate::base::{Masked, Wall};
use crate::daemon::users::{Role, Scope};

/// A moment, as RFC 3339 has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Time(pub Wall);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment: Result<jiff::Timestamp, _> = text.parse();
        let wrong =
            |_| de::Error::custom("not a date and time with its offset, as 2026-05-01T09:00:00+08:00");
        moment.map(|moment| Time(Wall::from_micros(moment.as_microsecond()))).map_err(wrong)
    }
}

impl From<Wall> for Time {
    fn from(wall: Wall) -> Time {
        Time(wall)
    }
}

/// Supervisors see customers' numbers, agents those of what is theirs; a token needs a scope of its own for it.
fn sees_numbers(visitor: &Visitor, own: bool) -> bool {
    let by_role = match visitor.role() {
        Role::Supervisor => true,
        Role::Agent => own,
        Role::Administrator | Role::Auditor => false,
    };
    by_role && visitor.may_use(Scope::NumbersRead)
}

/// A customer's number. `own`: it is of a call or a message of the visitor's. `None`: there is none, or nobody may know.
pub fn number(visitor: &Visitor, own: bool, number: &Masked<String>) -> Option<String> {
    if number.is_empty() {
        return None;
    }
    Some(if sees_numbers(visitor, own) { number.expose().clone() } else { number.to_string() })
}

/// What somebody wrote of a customer. Auditors read it as they hear recordings; who only runs the machine does not.
pub fn words(visitor: &Visitor, own: bool, text: &Masked<String>) -> Option<String> {
    let may = match visitor.role() {
        Role::Supervisor | Role::Auditor => true,
        Role::Agent => own,
        Role::Administrator => false,
    };
    (may && !text.is_empty()).then(|| text.expose().clone())
}

/// What was typed as a secret, on its way to where it is looked at.
#[derive(Clone, Debug, ToSchema)]
#[schema(value_type = String, format = Password)]
pub struct Typed(pub Masked<String>);

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Masked::deserialize(deserializer).map(Typed)
    }
}

#[cfg(test)]
mod tests {
    use super::super::gate::By;
    use super::*;
    use crate::daemon::users::User;

    fn visitor(role: Role, by: By) -> Visitor {
        let user = User { name: "x".to_owned(), role, extension: None, made: Wall::default() };
        Visitor { user, by, from: [127, 0, 0, 1].into() }
    }

    #[test]
    fn numbers_are_for_who_works_with_the_customer() {
        let customer = Masked::from("13800138000");
        let shown = |role, own| {
            let session = visitor(role, By::Session { began: Wall::default() });
            (
                number(&session, own, &customer).unwrap() == "13800138000",
                words(&session, own, &customer).is_some(),
            )
        };
        assert_eq!([shown(Role::Supervisor, false), shown(Role::Agent, true)], [(true, true); 2]);
        assert_eq!([shown(Role::Agent, false), shown(Role::Administrator, true)], [(false, false); 2]);
        assert_eq!(shown(Role::Auditor, true), (false, true));
        let token =
            |scopes: &[Scope]| visitor(Role::Supervisor, By::Token { token: 1, scopes: scopes.to_vec() });
        assert_eq!(number(&token(&[Scope::CallsRead]), true, &customer).unwrap(), "13*******00");
        assert_eq!(number(&token(&[Scope::NumbersRead]), true, &customer).unwrap(), "13800138000");
        assert_eq!(number(&token(Scope::ALL), true, &Masked::default()), None);
    }

    #[test]
    fn times_are_read_with_any_offset_and_written_in_utc() {
        let time: Time = serde_json::from_str("\"2026-05-01T09:00:00+08:00\"").unwrap();
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-05-01T01:00:00.000Z\"");
        for wrong in ["\"15:30\"", "\"2026-05-01\"", "17", "null"] {
            assert!(serde_json::from_str::<Time>(wrong).is_err(), "{wrong}");
        }
    }
}
