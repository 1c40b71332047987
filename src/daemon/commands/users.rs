//! `hotline user`, `hotline token`, `hotline audit`: who may sign in at the web, what their programs may, and who did what.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::agent::columns;
use super::parse_until;
use super::records::{json, local};
use crate::base::{Masked, Wall};
use crate::daemon::clock;
use crate::daemon::failure::Failure;
use crate::daemon::office::{NewToken, NewUser, Office};
use crate::daemon::store::DeedFilter;
use crate::daemon::users::{Deed, Password, Role, Scope};

#[derive(Subcommand, Clone, Debug)]
pub enum Users {
    /// Everybody who may sign in.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Somebody else may sign in. The password is asked for, or read as a line from standard input.
    Add {
        /// a to z, 0 to 9 and .-_@
        name: String,
        /// agent, supervisor, administrator or auditor.
        #[arg(long, value_parser = role)]
        role: Role,
        /// The agent of the dialplan that they are, as 1001.
        #[arg(long)]
        extension: Option<String>,
    },
    /// Another password; whoever is signed in with the old one is no longer.
    Password { name: String },
    /// Another role; whoever is signed in with the old one is no longer.
    Role {
        name: String,
        /// agent, supervisor, administrator or auditor.
        #[arg(value_parser = role)]
        role: Role,
        /// The agent of the dialplan that they are, as 1001.
        #[arg(long)]
        extension: Option<String>,
    },
    /// They may no longer; sessions and tokens end. What they did stays in the list.
    Remove { name: String },
}

#[derive(Subcommand, Clone, Debug)]
pub enum Tokens {
    /// All tokens, or one user's.
    List {
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// A token for a program of a user's: it may no more than they may. It is printed once, and kept as a digest.
    Add {
        /// Whose it is.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// What it may be used for, as calls:read; may be repeated. `hotline token scopes` lists them.
        #[arg(long = "scope", required = true, value_parser = scope)]
        scopes: Vec<Scope>,
        /// What it is for.
        #[arg(long)]
        title: String,
        /// Without it, until it is revoked.
        #[arg(long)]
        days: Option<u32>,
    },
    /// It is of no use from now on.
    Revoke { token: u64 },
    /// What a token may be used for.
    Scopes,
}

#[derive(Args, Clone, Debug)]
pub struct Audit {
    /// One user's only.
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// As 15:30 (the next one), or a date and time.
    #[arg(long, value_parser = parse_until)]
    since: Option<Wall>,
    /// What the object contains, as /messages/3.
    #[arg(long, default_value = "", hide_default_value = true)]
    object: String,
    /// How many.
    #[arg(long, default_value_t = 50)]
    latest: usize,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

pub fn users(folder: &Path, order: Users) -> Result<String, Failure> {
    let office = Office::at(folder);
    let noted = |what: &str, object: &str, detail: String| note(&office, what, object, detail);
    match order {
        Users::List { json: as_json } => {
            let users = office.users()?;
            if as_json {
                let line = |user: crate::daemon::users::User| {
                    json(&serde_json::json!({
                        "name": user.name, "role": user.role.name(), "extension": user.extension,
                        "made": user.made.to_string(),
                    }))
                };
                return Ok(users.into_iter().map(line).collect());
            }
            let mut rows = vec![["name", "role", "extension", "made"].map(str::to_owned)];
            rows.extend(users.into_iter().map(|user| {
                let extension = user.extension.unwrap_or_else(|| "-".to_owned());
                [user.name, user.role.to_string(), extension, local(user.made)]
            }));
            Ok(columns(&rows))
        }
        Users::Add { name, role, extension } => {
            let user = office.add_user(NewUser { name, role, extension }, &typed()?, clock::now().wall)?;
            noted("user add", &user.name, user.role.to_string())?;
            Ok(format!("{} may sign in as {}\n", user.name, user.role))
        }
        Users::Password { name } => {
            office.set_password(&name, &typed()?)?;
            noted("user password", &name, String::new())?;
            Ok("done\n".to_owned())
        }
        Users::Role { name, role, extension } => {
            office.set_role(&name, role, extension)?;
            noted("user role", &name, role.to_string())?;
            Ok("done\n".to_owned())
        }
        Users::Remove { name } => {
            office.remove_user(&name)?;
            noted("user remove", &name, String::new())?;
            Ok("done\n".to_owned())
        }
    }
}

pub fn tokens(folder: &Path, order: Tokens) -> Result<String, Failure> {
    let office = Office::at(folder);
    match order {
        Tokens::List { user, json: as_json } => {
            let tokens = office.tokens(user.as_deref())?;
            let words = |scopes: &[Scope]| scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>();
            if as_json {
                let line = |token: crate::daemon::users::Token| {
                    json(&serde_json::json!({
                        "token": token.token, "user": token.user, "title": token.title,
                        "scopes": words(&token.scopes), "made": token.made.to_string(),
                        "expires": token.expires.map(|at| at.to_string()),
                        "used": token.used.map(|at| at.to_string()),
                    }))
                };
                return Ok(tokens.into_iter().map(line).collect());
            }
            let mut rows =
                vec![["token", "user", "title", "made", "expires", "used", "scopes"].map(str::to_owned)];
            let or_none = |at: Option<Wall>| at.map_or("-".to_owned(), local);
            rows.extend(tokens.into_iter().map(|token| {
                [
                    token.token.to_string(),
                    token.user,
                    token.title,
                    local(token.made),
                    or_none(token.expires),
                    or_none(token.used),
                    words(&token.scopes).join(" "),
                ]
            }));
            Ok(columns(&rows))
        }
        Tokens::Add { user, scopes, title, days } => {
            let now = clock::now().wall;
            let expires = days.map(|days| now + Duration::from_secs(u64::from(days) * 24 * 3600));
            let words: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
            let detail = format!("of {user}: {}", words.join(" "));
            let (token, secret) = office.add_token(NewToken { user, title, scopes, expires }, now)?;
            note(&office, "token add", &token.token.to_string(), detail)?;
            Ok(format!("{}\n", secret.text()))
        }
        Tokens::Revoke { token } => {
            office.revoke_token(token, None)?;
            note(&office, "token revoke", &token.to_string(), String::new())?;
            Ok("done\n".to_owned())
        }
        Tokens::Scopes => {
            let rows: Vec<_> =
                Scope::ALL.iter().map(|scope| [scope.name().to_owned(), scope.about().to_owned()]).collect();
            Ok(columns(&rows))
        }
    }
}

/// Who did what, the newest last: next to the prompt of a terminal.
pub fn audit(folder: &Path, asked: Audit) -> Result<String, Failure> {
    let Audit { who, since, object, latest, json: as_json } = asked;
    let mut deeds = Office::at(folder).deeds(&DeedFilter { who, since, object, latest })?;
    deeds.reverse();
    if as_json {
        let line = |deed: Deed| {
            json(&serde_json::json!({
                "at": deed.at.to_string(), "who": deed.who, "by": deed.by, "from": deed.from, "what": deed.what,
                "object": deed.object, "outcome": deed.outcome, "detail": deed.detail,
            }))
        };
        return Ok(deeds.into_iter().map(line).collect());
    }
    let mut rows =
        vec![["at", "who", "by", "from", "what", "object", "outcome", "detail"].map(str::to_owned)];
    rows.extend(deeds.into_iter().map(|deed| {
        let Deed { at, who, by, from, what, object, outcome, detail } = deed;
        [local(at), who, by, from, what, object, outcome, detail]
    }));
    Ok(columns(&rows))
}

/// As whom the system knows who sits here.
fn note(office: &Office, what: &str, object: &str, detail: String) -> Result<(), Failure> {
    let who = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER"));
    office.note_deed(&Deed {
        at: clock::now().wall,
        who: who.unwrap_or_else(|_| format!("uid {}", rustix::process::getuid().as_raw())),
        by: "command line".to_owned(),
        from: String::new(),
        what: what.to_owned(),
        object: object.to_owned(),
        outcome: "done".to_owned(),
        detail,
    })
}

fn role(word: &str) -> Result<Role, String> {
    Role::parse(word).ok_or_else(|| format!("one of {}", Role::ALL.map(Role::name).join(", ")))
}

fn scope(word: &str) -> Result<Scope, String> {
    let names = || Scope::ALL.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ");
    Scope::parse(word).ok_or_else(|| format!("one of {}", names()))
}

/// A password: asked for twice at a terminal and shown nowhere, else a line.
fn typed() -> Result<Password, Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return line(&mut stdin.lock());
    }
    let (first, again) = (unseen("password: ")?, unseen("again: ")?);
    if first != again {
        return Err(Failure::Other("these are two different passwords".to_owned()));
    }
    Ok(first)
}

fn line(input: &mut dyn BufRead) -> Result<Password, Failure> {
    let mut text = String::new();
    input.read_line(&mut text).map_err(Failure::io(UNREAD))?;
    Ok(Masked::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

const UNREAD: &str = "the password cannot be read";

/// Without an echo; the terminal is as before in any case.
fn unseen(prompt: &str) -> Result<Password, Failure> {
    struct Before(Termios);
    impl Drop for Before {
        fn drop(&mut self) {
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
            let _ = writeln!(io::stderr());
        }
    }
    let failed = |error: rustix::io::Errno| Failure::io(UNREAD)(error.into());
    let before = Before(tcgetattr(io::stdin()).map_err(failed)?);
    let mut silent = before.0.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    tcsetattr(io::stdin(), OptionalActions::Flush, &silent).map_err(failed)?;
    let _ = write!(io::stderr(), "{prompt}");
    line(&mut io::stdin().lock())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::state;
    use crate::daemon::store::Sqlite;

    #[test]
    fn a_password_is_a_line_with_all_its_spaces() {
        let read = |text: &str| line(&mut text.as_bytes()).unwrap();
        assert_eq!(read(" correct horse \r\nrest"), Masked::from(" correct horse "));
        assert_eq!(read(""), Masked::from(""));
    }

    #[test]
    fn what_is_done_at_the_command_line_is_among_the_deeds() {
        let folder = tempfile::tempdir().unwrap();
        drop(Sqlite::open(&state::database(folder.path())).unwrap());
        let office = Office::at(folder.path());
        let new = NewUser { name: "Min".to_owned(), role: Role::Agent, extension: Some("1001".to_owned()) };
        let password = Masked::from("correct horse");
        office.add_user(new.clone(), &password, Wall::default()).unwrap();
        assert!(office.add_user(new.clone(), &password, Wall::default()).is_err(), "there is one already");
        let nowhere = NewUser { name: "li".to_owned(), extension: None, ..new };
        assert!(office.add_user(nowhere, &password, Wall::default()).is_err(), "an agent sits somewhere");
        let order = Tokens::Add {
            user: "min".to_owned(),
            scopes: vec![Scope::CallsRead],
            title: "wallboard".to_owned(),
            days: Some(30),
        };
        let secret = tokens(folder.path(), order).unwrap();
        assert!(secret.starts_with("hlt_"), "{secret}");
        let listed = tokens(folder.path(), Tokens::List { user: None, json: false }).unwrap();
        assert!(
            listed.contains("wallboard") && listed.contains("calls:read") && !listed.contains("hlt_"),
            "{listed}"
        );
        users(folder.path(), Users::Remove { name: "min".to_owned() }).unwrap();
        assert_eq!(tokens(folder.path(), Tokens::List { user: None, json: true }).unwrap(), "");
        let all = Audit { who: None, since: None, object: String::new(), latest: 9, json: false };
        let deeds = audit(folder.path(), all).unwrap();
        let lines: Vec<_> = deeds.lines().skip(1).collect();
        assert!(
            lines.len() == 2 && lines[0].contains("token add") && lines[1].contains("user remove"),
            "{deeds}"
        );
    }
}
