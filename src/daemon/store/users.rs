//! Users, sessions, tokens and deeds. Read and written by the web and by commands, each over a connection of its own;
//! what one of them changes holds for the next request.

use rusqlite::{OptionalExtension, Row, named_params, params};

use super::StoreError;
use super::read::wall;
use super::sqlite::{Sqlite, stored};
use crate::base::Wall;
use crate::daemon::users::{Deed, Digest, Ended, Role, Scope, Session, Token, User};

/// A session or a token is marked as used only where that was this long ago: no write for each request.
const NOTEWORTHY_MICROS: i64 = 60_000_000;
/// Sessions that are over are remembered for a day, so that whoever comes back is told why.
const REMEMBERED_MICROS: i64 = 24 * 3600 * 1_000_000;

const USER: &str = "users.name, users.role, users.extension, users.made";

/// Which deeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeedFilter {
    pub who: Option<String>,
    pub since: Option<Wall>,
    /// What the object contains; empty: anything.
    pub object: String,
    /// At most so many, the newest.
    pub latest: usize,
}

impl Sqlite {
    /// By name.
    pub fn users(&self) -> Result<Vec<User>, StoreError> {
        self.asked(|store| {
            let mut select = store.db.prepare_cached(&format!("SELECT {USER} FROM users ORDER BY name"))?;
            select.query_map([], user)?.collect()
        })
    }

    /// With the hash of the password.
    pub fn user(&self, name: &str) -> Result<Option<(User, String)>, StoreError> {
        self.asked(|store| {
            let sql = format!("SELECT {USER}, users.hash FROM users WHERE name = ?1");
            let mut select = store.db.prepare_cached(&sql)?;
            select.query_row([name], |row| Ok((user(row)?, row.get(4)?))).optional()
        })
    }

    /// `false`: there is one of this name already.
    pub fn add_user(&mut self, user: &User, hash: &str) -> Result<bool, StoreError> {
        self.change(|transaction| {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO users (name, role, extension, hash, made) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )?;
            let made = user.made.as_micros();
            let added = insert.execute(params![user.name, user.role.name(), user.extension, hash, made])?;
            Ok(added > 0)
        })
    }

    /// Whoever is signed in with the old one is no longer. `false`: there is no such user.
    pub fn set_password(&mut self, name: &str, hash: &str) -> Result<bool, StoreError> {
        self.change(|transaction| {
            let changed = transaction.execute("UPDATE users SET hash = ?2 WHERE name = ?1", [name, hash])?;
            end_sessions(transaction, name, Ended::Changed)?;
            Ok(changed > 0)
        })
    }

    /// Sessions with the old role are over. `false`: there is no such user.
    pub fn set_role(&mut self, name: &str, role: Role, extension: Option<&str>) -> Result<bool, StoreError> {
        self.change(|transaction| {
            let sql = "UPDATE users SET role = ?2, extension = ?3 WHERE name = ?1";
            let changed = transaction.execute(sql, params![name, role.name(), extension])?;
            end_sessions(transaction, name, Ended::Changed)?;
            Ok(changed > 0)
        })
    }

    /// With sessions and tokens. What they did stays. `false`: there is no such user.
    pub fn remove_user(&mut self, name: &str) -> Result<bool, StoreError> {
        self.change(|transaction| {
            transaction.execute("DELETE FROM sessions WHERE user = ?1", [name])?;
            transaction.execute("DELETE FROM tokens WHERE user = ?1", [name])?;
            Ok(transaction.execute("DELETE FROM users WHERE name = ?1", [name])? > 0)
        })
    }

    /// Earlier sessions of the user are over.
    pub fn begin_session(&mut self, digest: &Digest, user: &str, now: Wall) -> Result<(), StoreError> {
        self.change(|transaction| {
            end_sessions(transaction, user, Ended::Elsewhere)?;
            let long_ago = now.as_micros() - REMEMBERED_MICROS;
            transaction.execute("DELETE FROM sessions WHERE seen < ?1", [long_ago])?;
            transaction.execute(
                "INSERT INTO sessions (digest, user, began, seen) VALUES (?1, ?2, ?3, ?3)",
                params![digest, user, now.as_micros()],
            )?;
            Ok(())
        })
    }

    /// As it is; time has not been looked at. `None`: there is none, or its user is gone.
    pub fn session(&self, digest: &Digest) -> Result<Option<Session>, StoreError> {
        self.asked(|store| {
            let sql = format!(
                "SELECT {USER}, sessions.began, sessions.seen, sessions.ended
                 FROM sessions JOIN users ON users.name = sessions.user WHERE digest = ?1"
            );
            let mut select = store.db.prepare_cached(&sql)?;
            let session = |row: &Row<'_>| {
                Ok(Session {
                    user: user(row)?,
                    began: wall(row, 4)?,
                    seen: wall(row, 5)?,
                    ended: row
                        .get::<_, Option<String>>(6)?
                        .map(|why| Ended::parse(&why).unwrap_or(Ended::Changed)),
                })
            };
            select.query_row([digest], session).optional()
        })
    }

    pub fn session_seen(&mut self, digest: &Digest, before: Wall, now: Wall) -> Result<(), StoreError> {
        if now.as_micros() - before.as_micros() < NOTEWORTHY_MICROS {
            return Ok(());
        }
        self.change(|transaction| {
            let sql = "UPDATE sessions SET seen = ?2 WHERE digest = ?1";
            transaction.execute(sql, params![digest, now.as_micros()]).map(drop)
        })
    }

    pub fn end_session(&mut self, digest: &Digest) -> Result<(), StoreError> {
        self.change(|transaction| {
            let sql = "UPDATE sessions SET ended = ?2 WHERE digest = ?1 AND ended IS NULL";
            transaction.execute(sql, params![digest, Ended::SignedOut.name()]).map(drop)
        })
    }

    /// The earliest first; of one user, or of all.
    pub fn tokens(&self, of: Option<&str>) -> Result<Vec<Token>, StoreError> {
        self.asked(|store| {
            let mut select = store.db.prepare_cached(
                "SELECT token, user, title, scopes, made, expires, used FROM tokens
                 WHERE ?1 IS NULL OR user = ?1 ORDER BY token",
            )?;
            select.query_map([of], |row| token(row, 0))?.collect()
        })
    }

    /// The number that it got.
    pub fn add_token(&mut self, token: &Token, digest: &Digest) -> Result<u64, StoreError> {
        self.change(|transaction| {
            let scopes: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
            transaction.execute(
                "INSERT INTO tokens (digest, user, title, scopes, made, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    digest,
                    token.user,
                    token.title,
                    scopes.join(" "),
                    token.made.as_micros(),
                    token.expires.map(Wall::as_micros),
                ],
            )?;
            Ok(transaction.last_insert_rowid().unsigned_abs())
        })
    }

    /// With its user. `None`: there is none, or its user is gone.
    pub fn token(&self, digest: &Digest) -> Result<Option<(User, Token)>, StoreError> {
        self.asked(|store| {
            let sql = format!(
                "SELECT {USER}, tokens.token, tokens.user, tokens.title, tokens.scopes, tokens.made, tokens.expires,
                     tokens.used
                 FROM tokens JOIN users ON users.name = tokens.user WHERE digest = ?1"
            );
            let mut select = store.db.prepare_cached(&sql)?;
            select.query_row([digest], |row| Ok((user(row)?, token(row, 4)?))).optional()
        })
    }

    pub fn token_used(&mut self, token: &Token, now: Wall) -> Result<(), StoreError> {
        if token.used.is_some_and(|used| now.as_micros() - used.as_micros() < NOTEWORTHY_MICROS) {
            return Ok(());
        }
        self.change(|transaction| {
            let sql = "UPDATE tokens SET used = ?2 WHERE token = ?1";
            transaction.execute(sql, params![stored(token.token), now.as_micros()]).map(drop)
        })
    }

    /// `of`: only where it is this user's. `false`: there is no such token.
    pub fn revoke_token(&mut self, token: u64, of: Option<&str>) -> Result<bool, StoreError> {
        self.change(|transaction| {
            let sql = "DELETE FROM tokens WHERE token = ?1 AND (?2 IS NULL OR user = ?2)";
            Ok(transaction.execute(sql, params![stored(token), of])? > 0)
        })
    }

    /// On disk when it returns.
    pub fn note_deed(&mut self, deed: &Deed) -> Result<(), StoreError> {
        self.change(|transaction| {
            let Deed { at, who, by, from, what, object, outcome, detail } = deed;
            transaction.execute(
                "INSERT INTO deeds (at, who, by, source, what, object, outcome, detail)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![at.as_micros(), who, by, from, what, object, outcome, detail],
            )?;
            Ok(())
        })
    }

    /// Newest first.
    pub fn deeds(&self, filter: &DeedFilter) -> Result<Vec<Deed>, StoreError> {
        self.asked(|store| {
            let mut select = store.db.prepare_cached(
                "SELECT at, who, by, source, what, object, outcome, detail FROM deeds
                 WHERE at >= :since AND (:who IS NULL OR who = :who) AND instr(object, :object) > 0
                 ORDER BY deed DESC LIMIT :latest",
            )?;
            let with = named_params! {
                ":since": filter.since.map_or(i64::MIN, Wall::as_micros),
                ":who": filter.who,
                ":object": filter.object,
                ":latest": i64::try_from(filter.latest).unwrap_or(i64::MAX),
            };
            select.query_map(with, deed)?.collect()
        })
    }

    fn asked<R>(&self, ask: impl FnOnce(&Sqlite) -> rusqlite::Result<R>) -> Result<R, StoreError> {
        ask(self).map_err(self.failed())
    }
}

fn end_sessions(transaction: &rusqlite::Transaction<'_>, user: &str, why: Ended) -> rusqlite::Result<()> {
    let sql = "UPDATE sessions SET ended = ?2 WHERE user = ?1 AND ended IS NULL";
    transaction.execute(sql, [user, why.name()]).map(drop)
}

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    let role: String = row.get(1)?;
    Ok(User {
        name: row.get(0)?,
        // Of a role that nobody knows any more: whoever has it may do least.
        role: Role::parse(&role).unwrap_or(Role::Agent),
        extension: row.get(2)?,
        made: wall(row, 3)?,
    })
}

fn token(row: &Row<'_>, first: usize) -> rusqlite::Result<Token> {
    let scopes: String = row.get(first + 3)?;
    let at = |column: usize| -> rusqlite::Result<Option<Wall>> {
        Ok(row.get::<_, Option<i64>>(column)?.map(Wall::from_micros))
    };
    Ok(Token {
        token: row.get::<_, i64>(first)?.unsigned_abs(),
        user: row.get(first + 1)?,
        title: row.get(first + 2)?,
        scopes: scopes.split_whitespace().filter_map(Scope::parse).collect(),
        made: wall(row, first + 4)?,
        expires: at(first + 5)?,
        used: at(first + 6)?,
    })
}

fn deed(row: &Row<'_>) -> rusqlite::Result<Deed> {
    Ok(Deed {
        at: wall(row, 0)?,
        who: row.get(1)?,
        by: row.get(2)?,
        from: row.get(3)?,
        what: row.get(4)?,
        object: row.get(5)?,
        outcome: row.get(6)?,
        detail: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Wall = Wall::from_micros(1_700_000_000_000_000);

    fn store() -> (tempfile::TempDir, Sqlite) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Sqlite::open(&folder.path().join("hotline.sqlite")).unwrap();
        let min =
            User { name: "min".to_owned(), role: Role::Agent, extension: Some("1001".to_owned()), made: NOW };
        assert!(store.add_user(&min, "hash").unwrap());
        assert!(!store.add_user(&min, "other").unwrap(), "the first one stays");
        (folder, store)
    }

    #[test]
    fn the_newest_session_counts_and_a_change_ends_it() {
        let (_folder, mut store) = store();
        let (first, second, third) = ([1; 32], [2; 32], [3; 32]);
        store.begin_session(&first, "min", NOW).unwrap();
        store.begin_session(&second, "min", NOW).unwrap();
        let ended = |store: &Sqlite, digest| store.session(digest).unwrap().unwrap().ended;
        assert_eq!(ended(&store, &first), Some(Ended::Elsewhere));
        assert_eq!(ended(&store, &second), None);
        store.end_session(&second).unwrap();
        assert_eq!(ended(&store, &second), Some(Ended::SignedOut));
        store.begin_session(&third, "min", NOW).unwrap();
        assert!(store.set_role("min", Role::Supervisor, None).unwrap());
        assert_eq!(ended(&store, &third), Some(Ended::Changed));
        assert_eq!(ended(&store, &second), Some(Ended::SignedOut), "it was over before");
        store.begin_session(&[4; 32], "min", NOW + Duration::from_secs(2 * 24 * 3600)).unwrap();
        assert_eq!(store.session(&first).unwrap(), None, "nobody asks for it any more");
        assert!(store.remove_user("min").unwrap() && !store.remove_user("min").unwrap());
        assert_eq!(store.session(&[4; 32]).unwrap(), None);
    }

    #[test]
    fn use_is_noted_to_the_minute() {
        let (_folder, mut store) = store();
        let at = |seconds| NOW + Duration::from_secs(seconds);
        store.begin_session(&[1; 32], "min", NOW).unwrap();
        store.session_seen(&[1; 32], NOW, at(59)).unwrap();
        assert_eq!(store.session(&[1; 32]).unwrap().unwrap().seen, NOW);
        store.session_seen(&[1; 32], NOW, at(60)).unwrap();
        assert_eq!(store.session(&[1; 32]).unwrap().unwrap().seen, at(60));
    }

    #[test]
    fn a_token_is_found_by_its_digest_and_gone_when_revoked() {
        let (_folder, mut store) = store();
        let token = Token {
            token: 0,
            user: "min".to_owned(),
            title: "wallboard".to_owned(),
            scopes: vec![Scope::CallsRead, Scope::EventsRead],
            made: NOW,
            expires: None,
            used: None,
        };
        let number = store.add_token(&token, &[7; 32]).unwrap();
        let (user, found) = store.token(&[7; 32]).unwrap().unwrap();
        assert_eq!((user.name.as_str(), &found), ("min", &Token { token: number, ..token }));
        store.token_used(&found, NOW).unwrap();
        assert_eq!(store.tokens(Some("min")).unwrap()[0].used, Some(NOW));
        assert!(store.tokens(Some("li")).unwrap().is_empty());
        assert!(!store.revoke_token(number, Some("li")).unwrap(), "it is somebody else's");
        assert!(store.revoke_token(number, None).unwrap());
        assert_eq!(store.token(&[7; 32]).unwrap(), None);
    }

    #[test]
    fn deeds_are_found_by_who_when_and_what() {
        let (_folder, mut store) = store();
        for (second, who, object) in [(0, "min", "/a"), (10, "li", "/b/3"), (20, "min", "/b/4")] {
            let at = NOW + Duration::from_secs(second);
            let deed = Deed { at, who: who.to_owned(), object: object.to_owned(), ..Deed::default() };
            store.note_deed(&deed).unwrap();
        }
        let objects = |filter: DeedFilter| {
            let deeds = store.deeds(&DeedFilter { latest: 10, ..filter }).unwrap();
            deeds.into_iter().map(|deed| deed.object).collect::<Vec<_>>()
        };
        assert_eq!(objects(DeedFilter::default()), ["/b/4", "/b/3", "/a"]);
        assert_eq!(
            objects(DeedFilter { who: Some("min".to_owned()), ..DeedFilter::default() }),
            ["/b/4", "/a"]
        );
        assert_eq!(
            objects(DeedFilter { object: "/b/".to_owned(), ..DeedFilter::default() }),
            ["/b/4", "/b/3"]
        );
        let since = Some(NOW + Duration::from_secs(15));
        assert_eq!(objects(DeedFilter { since, ..DeedFilter::default() }), ["/b/4"]);
    }
}
