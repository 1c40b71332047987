//! The house: how it does, which dialplan is in force, its users with their tokens, and who did what.

use std::time::Duration;

use axum::http::Method;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::base::Wall;
use crate::daemon::clock;
use crate::daemon::office::{InForce, NewToken, NewUser};
use crate::daemon::store::DeedFilter;
use crate::daemon::users::{Deed, Role, Scope, Token, User};
use crate::daemon::versions::Task;
use crate::daemon::web::api::{Api, At, Done, Lists, Makes, Nothing, Shows};
use crate::daemon::web::problem::Problem;
use crate::daemon::web::rules::{ADMINISTRATORS, ADMINISTRATORS_AND_AUDITORS, EVERYBODY, Rule, WATCHERS};
use crate::daemon::web::shown::{Time, Typed};
use crate::exchange::TrunkLine;
use crate::record::Version;

const READ: Rule = Rule::new(ADMINISTRATORS_AND_AUDITORS, Scope::HouseRead);
const WRITE: Rule = Rule::new(ADMINISTRATORS, Scope::HouseWrite);
/// Tokens are each user's own business; administrators see and revoke all.
const TOKENS: Rule = Rule::new(EVERYBODY, Scope::HouseWrite);

/// Deeds in one answer.
const MOST: usize = 5000;

pub fn declare(api: &mut Api) {
    api.get("/status", Rule::new(WATCHERS, Scope::StatusRead), "How the hotline does, in figures", status);
    api.get(
        "/dialplan/versions",
        READ,
        "Which dialplans were in force or on trial, the newest first",
        versions,
    );
    api.change(
        Method::POST,
        "/dialplan",
        WRITE,
        "Reload, roll back, or try a dialplan with some callers first",
        dialplan,
    );
    api.get("/users", READ, "Who may sign in", users);
    api.change(Method::POST, "/users", WRITE, "Somebody else may sign in", add_user);
    api.change(
        Method::PATCH,
        "/users/{name}",
        WRITE,
        "Another password or role; the user's sessions end",
        change_user,
    );
    api.order(
        Method::DELETE,
        "/users/{name}",
        WRITE,
        "Nobody of this name may sign in; sessions and tokens end",
        remove_user,
    );
    api.get(
        "/tokens",
        Rule::new(EVERYBODY, Scope::HouseRead),
        "The visitor's tokens; an administrator: all",
        tokens,
    );
    api.change(
        Method::POST,
        "/tokens",
        TOKENS,
        "A token for a program of the visitor's; it is shown once",
        add_token,
    );
    api.order(Method::DELETE, "/tokens/{token}", TOKENS, "It is of no use from now on", revoke_token);
    api.get("/deeds", READ, "Who did what, the newest first", deeds);
}

/// The hotline in figures.
#[derive(Serialize, ToSchema)]
struct StatusView {
    version: String,
    up_ms: u64,
    listening: Vec<String>,
    calls: usize,
    most_calls: usize,
    /// No new calls are taken, and the running ones are the last.
    draining: bool,
    /// Why new calls are refused, if they are.
    no_more_calls: Option<String>,
    registrations: usize,
    rtp_ports_free: usize,
    trunks: Vec<TrunkView>,
    /// What was refused, dropped or done, by name.
    counters: Vec<CounterView>,
}

#[derive(Serialize, ToSchema)]
struct TrunkView {
    name: String,
    /// `up`, `down`, or `not asked` where nobody looks after it.
    state: String,
    registration: Option<String>,
    calls: u32,
    /// Zero for no limit.
    most_calls: u32,
}

#[derive(Serialize, ToSchema)]
struct CounterView {
    name: String,
    value: u64,
}

fn status(at: &mut At<'_>, _: Nothing) -> Result<Shows<StatusView>, Problem> {
    let (exchange, shell) = at.office.status()?;
    let trunk = |line: TrunkLine| TrunkView {
        name: line.name,
        state: line.state,
        registration: line.registration,
        calls: line.calls,
        most_calls: line.most_calls,
    };
    let counters = exchange.counters.into_iter().chain(shell.counters);
    Ok(Shows(StatusView {
        version: shell.version,
        up_ms: shell.up_ms,
        listening: shell.listening,
        calls: exchange.calls,
        most_calls: exchange.most_calls,
        draining: exchange.draining,
        no_more_calls: exchange.no_more_calls,
        registrations: exchange.registrations,
        rtp_ports_free: exchange.rtp_ports_free,
        trunks: exchange.trunks.into_iter().map(trunk).collect(),
        counters: counters.map(|(name, value)| CounterView { name, value }).collect(),
    }))
}

/// What is to become of the dialplan. Settings and prompts are read again with it.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "task", rename_all = "kebab-case", deny_unknown_fields)]
// Braces: of what has none the derived code takes any further field.
enum DialplanOrder {
    /// What lies on disk, for everybody.
    Reload {
        /// Its own tests are left out: for an hour in which they cannot be mended.
        #[serde(default)]
        without_tests: bool,
    },
    /// What lies on disk, for so many callers of a thousand first.
    Canary {
        per_mille: u16,
        /// Accepted after so many seconds, unless something gets worse; without it, when somebody says so.
        for_s: Option<u64>,
        #[serde(default)]
        without_tests: bool,
    },
    /// Another version; without a number, what was live before the present one.
    Rollback { to: Option<u64> },
    /// The canary for everybody.
    Accept {},
    /// The canary for nobody any more.
    Stop {},
}

/// What is live now, or on trial.
#[derive(Serialize, ToSchema)]
struct InForceView {
    version: Option<u64>,
    /// What callers notice of it, each in one line.
    changes: Vec<String>,
    /// What a person should look at.
    warnings: Vec<String>,
}

fn dialplan(at: &mut At<'_>, order: DialplanOrder) -> Result<Shows<InForceView>, Problem> {
    let by = at.visitor.user.name.clone();
    let task = match order {
        DialplanOrder::Reload { without_tests } => Task::Reload { without_tests },
        DialplanOrder::Canary { per_mille, for_s, without_tests } => {
            if !(1..=999).contains(&per_mille) {
                return Err(Problem::malformed("per_mille: 1 to 999"));
            }
            Task::Canary { per_mille, for_s, without_tests }
        }
        DialplanOrder::Rollback { to } => Task::Rollback { to },
        DialplanOrder::Accept {} => Task::Accept,
        DialplanOrder::Stop {} => Task::Stop { why: format!("stopped by {by}") },
    };
    at.detail = match &task {
        Task::Reload { .. } => "reload",
        Task::Canary { .. } => "canary",
        Task::Rollback { .. } => "rollback",
        Task::Accept => "accept",
        Task::Stop { .. } => "stop",
    }
    .to_owned();
    let InForce { version, changes, warnings, .. } = at.office.dialplan(task, &by)?;
    let changes = changes.iter().map(ToString::to_string).collect();
    Ok(Shows(InForceView { version, changes, warnings }))
}

/// A dialplan that was in force or on trial.
#[derive(Serialize, ToSchema)]
struct VersionView {
    version: u64,
    since: Time,
    until: Option<Time>,
    /// Why it is no longer in force.
    ended: Option<String>,
    by: String,
    /// Live whatever lies on disk.
    pinned: bool,
    /// What callers noticed of it, each in one line.
    changes: Vec<String>,
}

fn versions(at: &mut At<'_>, _: Nothing) -> Result<Lists<VersionView>, Problem> {
    let view = |version: Version| VersionView {
        version: version.number,
        since: Time(version.since),
        until: version.until.map(Time),
        ended: version.ended,
        by: version.by,
        pinned: version.pinned,
        changes: version.changes,
    };
    Ok(Lists(at.office.versions()?.into_iter().map(view).collect()))
}

/// Somebody who may sign in.
#[derive(Serialize, ToSchema)]
struct UserView {
    name: String,
    /// `agent`, `supervisor`, `administrator` or `auditor`.
    role: &'static str,
    /// The agent of the dialplan that they are.
    extension: Option<String>,
    made: Time,
}

fn user_view(user: User) -> UserView {
    UserView { name: user.name, role: user.role.name(), extension: user.extension, made: Time(user.made) }
}

fn users(at: &mut At<'_>, _: Nothing) -> Result<Lists<UserView>, Problem> {
    Ok(Lists(at.office.users()?.into_iter().map(user_view).collect()))
}

/// Somebody else.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserOrder {
    /// 1 to 64 of a to z, 0 to 9 and .-_@
    name: String,
    /// `agent`, `supervisor`, `administrator` or `auditor`.
    role: String,
    /// An agent has one.
    extension: Option<String>,
    /// Ten characters at least.
    password: Typed,
}

fn role(word: &str) -> Result<Role, Problem> {
    let names = Role::ALL.map(Role::name).join(", ");
    Role::parse(word).ok_or_else(|| Problem::malformed(format!("{word:?} is no role: one of {names}")))
}

fn add_user(at: &mut At<'_>, order: UserOrder) -> Result<Makes<UserView>, Problem> {
    let UserOrder { name, role: word, extension, password } = order;
    let new = NewUser { name, role: role(&word)?, extension };
    let user = at.office.add_user(new, &password.0, clock::now().wall)?;
    at.detail = format!("{} {}", user.role, user.name);
    Ok(Makes(user_view(user)))
}

/// What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserChange {
    /// With it the extension is another one, too, or none.
    role: Option<String>,
    extension: Option<String>,
    password: Option<Typed>,
}

fn change_user(at: &mut At<'_>, change: UserChange) -> Result<Done, Problem> {
    let UserChange { role: word, extension, password } = change;
    let name = at.param("name").to_owned();
    match (word, password) {
        (None, None) => return Err(Problem::malformed("neither a role nor a password")),
        (word, password) => {
            if let Some(word) = word {
                let role = role(&word)?;
                at.detail = format!("role {role}");
                at.office.set_role(&name, role, extension)?;
            }
            if let Some(password) = password {
                at.detail.push_str(if at.detail.is_empty() { "password" } else { ", password" });
                at.office.set_password(&name, &password.0)?;
            }
        }
    }
    Ok(Done)
}

fn remove_user(at: &mut At<'_>) -> Result<Done, Problem> {
    at.office.remove_user(at.param("name"))?;
    Ok(Done)
}

/// What a program shows instead of a password.
#[derive(Serialize, ToSchema)]
struct TokenView {
    token: u64,
    user: String,
    title: String,
    scopes: Vec<&'static str>,
    made: Time,
    expires: Option<Time>,
    /// The last request with it, to the minute.
    used: Option<Time>,
    /// What the program shows. Only in the answer that it is made in: nobody can look it up.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

fn token_view(token: Token, secret: Option<String>) -> TokenView {
    TokenView {
        token: token.token,
        user: token.user,
        title: token.title,
        scopes: token.scopes.into_iter().map(Scope::name).collect(),
        made: Time(token.made),
        expires: token.expires.map(Time),
        used: token.used.map(Time),
        secret,
    }
}

/// `None`: everybody's.
fn whose(at: &At<'_>) -> Option<String> {
    let all = matches!(at.visitor.role(), Role::Administrator | Role::Auditor);
    (!all).then(|| at.visitor.user.name.clone())
}

fn tokens(at: &mut At<'_>, _: Nothing) -> Result<Lists<TokenView>, Problem> {
    let tokens = at.office.tokens(whose(at).as_deref())?;
    Ok(Lists(tokens.into_iter().map(|token| token_view(token, None)).collect()))
}

/// A token that is made for a program of the visitor's.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TokenOrder {
    /// What it is for.
    title: String,
    /// As `calls:read`.
    scopes: Vec<String>,
    /// Without it, until it is revoked.
    days: Option<u32>,
}

fn add_token(at: &mut At<'_>, order: TokenOrder) -> Result<Makes<TokenView>, Problem> {
    let TokenOrder { title, scopes, days } = order;
    let mut known = Vec::new();
    for word in &scopes {
        let scope = Scope::parse(word).ok_or_else(|| Problem::malformed(format!("{word:?} is no scope")))?;
        // No token makes another one that may more.
        if !at.visitor.may_use(scope) {
            return Err(Problem::forbidden("scope", format!("the token has not the scope {scope} itself")));
        }
        known.push(scope);
    }
    let now = clock::now().wall;
    let expires = days.map(|days| now + Duration::from_secs(u64::from(days) * 24 * 3600));
    let new = NewToken { user: at.visitor.user.name.clone(), title, scopes: known, expires };
    let (token, secret) = at.office.add_token(new, now)?;
    at.detail = format!("token {}: {}", token.token, scopes.join(" "));
    Ok(Makes(token_view(token, Some(secret.text().to_owned()))))
}

/// An auditor sees all, and revokes their own.
fn revoke_token(at: &mut At<'_>) -> Result<Done, Problem> {
    let token = at.number("token", 't')?;
    let all = at.visitor.role() == Role::Administrator;
    let of = (!all).then_some(at.visitor.user.name.as_str());
    at.office.revoke_token(token, of)?;
    Ok(Done)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct DeedsQuery {
    /// One user's.
    who: Option<String>,
    #[param(value_type = Option<String>)]
    since: Option<Time>,
    /// What the object contains, as `/messages/3`.
    object: Option<String>,
    /// At most so many, up to 5000; 200 where nothing is said.
    latest: Option<usize>,
}

/// One line of the list of who did what.
#[derive(Serialize, ToSchema)]
struct DeedView {
    at: Time,
    who: String,
    /// `session`, `token 3`, `password`, `command line`.
    by: String,
    /// The address that it came from.
    from: String,
    what: String,
    object: String,
    /// `done`, or why not.
    outcome: String,
    detail: String,
}

fn deeds(at: &mut At<'_>, query: DeedsQuery) -> Result<Lists<DeedView>, Problem> {
    let filter = DeedFilter {
        who: query.who,
        since: query.since.map(|time: Time| -> Wall { time.0 }),
        object: query.object.unwrap_or_default(),
        latest: query.latest.unwrap_or(200).min(MOST),
    };
    let view = |deed: Deed| {
        let Deed { at, who, by, from, what, object, outcome, detail } = deed;
        DeedView { at: Time(at), who, by, from, what, object, outcome, detail }
    };
    Ok(Lists(at.office.deeds(&filter)?.into_iter().map(view).collect()))
}
