//! Who is at the other end of the control socket.

use std::fs;

/// The user's name on this machine, or the number where it has none.
pub fn user_name(uid: u32) -> String {
    let known = fs::read_to_string("/etc/passwd").unwrap_or_default();
    named(&known, uid).map_or_else(|| format!("user {uid}"), str::to_owned)
}

/// passwd(5): `name:password:uid:…`.
fn named(passwd: &str, uid: u32) -> Option<&str> {
    let mut users = passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        Some((name, number.parse::<u32>().ok()?))
    });
    users.find(|(_, number)| *number == uid).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_known_by_name_where_there_is_one() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nbroken\nwang:x:1001:100::/home/wang:/bin/sh\n";
        assert_eq!(
            (named(passwd, 1001), named(passwd, 0), named(passwd, 7)),
            (Some("wang"), Some("root"), None)
        );
    }
}
