//! Who may take which route. Each route has its rule where it is declared, and there is no other way to declare one.

use crate::daemon::users::{Role, Scope};

/// Who may take a route, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub roles: &'static [Role],
    /// What a token needs for it; `None`: any token will do.
    pub scope: Option<Scope>,
    /// An agent may take it for their own extension only: the `{extension}` of the path.
    pub own: bool,
    /// Each look at it is noted among the deeds. What changes something always is.
    pub noted: bool,
}

pub const EVERYBODY: &[Role] = &Role::ALL;
/// Who works with callers.
pub const FLOOR: &[Role] = &[Role::Agent, Role::Supervisor];
/// Who works with callers, and who looks after them.
pub const FLOOR_AND_AUDITORS: &[Role] = &[Role::Agent, Role::Supervisor, Role::Auditor];
pub const SUPERVISORS: &[Role] = &[Role::Supervisor];
pub const SUPERVISORS_AND_AUDITORS: &[Role] = &[Role::Supervisor, Role::Auditor];
/// Who looks at the house as a whole.
pub const WATCHERS: &[Role] = &[Role::Supervisor, Role::Administrator, Role::Auditor];
pub const ADMINISTRATORS: &[Role] = &[Role::Administrator];
pub const ADMINISTRATORS_AND_AUDITORS: &[Role] = &[Role::Administrator, Role::Auditor];

impl Rule {
    pub const fn new(roles: &'static [Role], scope: Scope) -> Rule {
        Rule { roles, scope: Some(scope), own: false, noted: false }
    }

    /// With any token.
    pub const fn anything(roles: &'static [Role]) -> Rule {
        Rule { roles, scope: None, own: false, noted: false }
    }

    pub const fn own(self) -> Rule {
        Rule { own: true, ..self }
    }

    pub const fn noted(self) -> Rule {
        Rule { noted: true, ..self }
    }

    /// For people, in the description of the route.
    pub fn words(&self) -> String {
        let roles: Vec<String> = self
            .roles
            .iter()
            .map(|role| match role {
                Role::Agent if self.own => "agent (for their own extension)".to_owned(),
                role => role.to_string(),
            })
            .collect();
        let noted = if self.noted { " Each look is noted among the deeds." } else { "" };
        let scope = self.scope.map_or("any".to_owned(), |scope| format!("`{scope}`"));
        format!("For: {}. Scope of a token: {scope}.{noted}", roles.join(", "))
    }
}
