//! What a user is, and what a token of theirs may be used for.

use std::fmt;

/// What a user is in the house. Which role may do what is written with each route of the web.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Takes calls. Sees the floor, and customers' numbers of their own calls and messages.
    Agent,
    /// Has the floor in hand, and customers' numbers with it.
    Supervisor,
    /// Has the machine in hand: dialplans, users, health. Sees no customer's number and hears no recording.
    Administrator,
    /// Sees and hears everything but numbers, and changes nothing. Who did what is theirs to read.
    Auditor,
}

impl Role {
    pub const ALL: [Role; 4] = [Role::Agent, Role::Supervisor, Role::Administrator, Role::Auditor];

    pub const fn name(self) -> &'static str {
        match self {
            Role::Agent => "agent",
            Role::Supervisor => "supervisor",
            Role::Administrator => "administrator",
            Role::Auditor => "auditor",
        }
    }

    pub fn parse(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! scopes {
    ($($name:ident $word:literal $about:literal,)*) => {
        /// What a token may be used for, of what its user may do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Scope {
            $(#[doc = $about] $name,)*
        }

        impl Scope {
            pub const ALL: &[Scope] = &[$(Scope::$name,)*];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Scope::$name => $word,)*
                }
            }

            pub const fn about(self) -> &'static str {
                match self {
                    $(Scope::$name => $about,)*
                }
            }
        }
    };
}

scopes! {
    StatusRead "status:read" "How the hotline does.",
    AgentsRead "agents:read" "Agents with their states.",
    AgentsWrite "agents:write" "Agents' states, and calls of theirs to the outside.",
    CallsRead "calls:read" "Calls that run, their records, queues, why a call waits.",
    CallsWrite "calls:write" "Transfer, supervision, recording, notes, places in line.",
    MessagesRead "messages:read" "Messages that callers left, but not their sound.",
    MessagesWrite "messages:write" "What becomes of messages; answers to urgent slips.",
    RecordingsRead "recordings:read" "The sound of messages and calls.",
    NumbersRead "numbers:read" "Customers' numbers as they are, where the user may see them.",
    OwedRead "owed:read" "Callbacks, promises, matters, complaints, surveys.",
    OwedWrite "owed:write" "What becomes of callbacks, promises and complaints.",
    EventsRead "events:read" "What happens on the floor, as it happens.",
    HouseRead "house:read" "Users, tokens, and who did what.",
    HouseWrite "house:write" "Users, tokens, reloads.",
}

impl Scope {
    pub fn parse(name: &str) -> Option<Scope> {
        Scope::ALL.iter().copied().find(|scope| scope.name() == name)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        assert_eq!(Role::ALL.map(|role| Role::parse(role.name())), Role::ALL.map(Some));
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.name()), Some(*scope));
            assert!(scope.about().ends_with('.'));
        }
        assert_eq!((Role::parse("root"), Scope::parse("calls")), (None, None));
    }
}
