//! Through whose hands a matter went: read from the stages of its calls.

use std::fmt;

use crate::record::{Stage, StageKind};

/// One person on a matter's way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// By extension.
    pub agent: String,
    pub what: Hopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hopped {
    /// Talked with the customer.
    Served,
    /// Their phone rang, and somebody else came, or nobody.
    Bounced,
    /// Had handed the customer on, and has them again: whoever it was did not take them.
    CameBack,
    /// Has said by a key that the matter is theirs from now on.
    Took,
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.agent)?;
        f.write_str(match self.what {
            Hopped::Served => "",
            Hopped::Bounced => " (not taken)",
            Hopped::CameBack => " (came back)",
            Hopped::Took => " (took it)",
        })
    }
}

const TAKES: &str = " takes the matter";

/// Of one call, in the order of time. Who talks on after a hold is one hop.
pub fn hops(stages: &[Stage]) -> Vec<Hop> {
    let mut hops: Vec<Hop> = Vec::new();
    let mut rings: Option<&str> = None;
    // The one who talks, and whether they have tried to hand the customer on since.
    let mut talks: Option<(&str, bool)> = None;
    let bounce = |hops: &mut Vec<Hop>, rings: &mut Option<&str>| {
        hops.extend(rings.take().map(|agent| Hop { agent: agent.to_owned(), what: Hopped::Bounced }));
    };
    for Stage { kind, detail, .. } in stages {
        match kind {
            StageKind::Talk => {
                if let Some(agent) = detail.strip_suffix(TAKES) {
                    hops.push(Hop { agent: agent.to_owned(), what: Hopped::Took });
                    continue;
                }
                if rings.is_some_and(|rings| rings != detail) {
                    bounce(&mut hops, &mut rings);
                }
                rings = None;
                match talks {
                    Some((agent, false)) if agent == detail => {}
                    Some((agent, true)) if agent == detail => {
                        hops.push(Hop { agent: detail.clone(), what: Hopped::CameBack });
                    }
                    _ => hops.push(Hop { agent: detail.clone(), what: Hopped::Served }),
                }
                talks = Some((detail, false));
            }
            StageKind::Offer if is_extension(detail) => {
                bounce(&mut hops, &mut rings);
                rings = Some(detail);
                talks = None;
            }
            StageKind::Transfer => {
                if let Some((_, handed_on)) = &mut talks {
                    *handed_on = true;
                }
            }
            StageKind::Wait | StageKind::Listen | StageKind::Message | StageKind::HangUp => {
                bounce(&mut hops, &mut rings);
            }
            _ => {}
        }
    }
    bounce(&mut hops, &mut rings);
    hops
}

/// And not "outside by …".
fn is_extension(detail: &str) -> bool {
    !detail.is_empty() && !detail.contains(' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Wall;

    fn of(stages: &[(StageKind, &str)]) -> String {
        let stage = |(kind, detail): &(StageKind, &str)| Stage {
            at: Wall::default(),
            kind: *kind,
            detail: (*detail).to_owned(),
        };
        let stages: Vec<Stage> = stages.iter().map(stage).collect();
        hops(&stages).iter().map(ToString::to_string).collect::<Vec<_>>().join(" > ")
    }

    #[test]
    fn who_was_rung_in_vain_and_who_came_are_told_in_order() {
        use StageKind::{HangUp, Hold, Listen, Offer, Talk, Transfer, Wait};
        let queued =
            [(Wait, "q"), (Offer, "1001"), (Wait, "q"), (Offer, "1002"), (Talk, "1002"), (HangUp, "x")];
        assert_eq!(of(&queued), "1001 (not taken) > 1002");
        let held = [(Offer, "1002"), (Talk, "1002"), (Hold, "x"), (Talk, "1002")];
        assert_eq!(of(&held), "1002", "hold is no hop");
        let handed_on = [(Talk, "1002"), (Transfer, "blind by 1002 to 1003"), (Talk, "1003")];
        assert_eq!(of(&handed_on), "1002 > 1003");
        let back = [(Talk, "1002"), (Transfer, "attended by 1002 to 1003"), (Talk, "1002")];
        assert_eq!(of(&back), "1002 > 1002 (came back)");
        let taken = [(Talk, "1003"), (Talk, "1003 takes the matter"), (HangUp, "x")];
        assert_eq!(of(&taken), "1003 > 1003 (took it)");
        assert_eq!(
            of(&[(Offer, "1001"), (Listen, "main"), (Offer, "outside by carrier")]),
            "1001 (not taken)"
        );
        assert_eq!(of(&[]), "");
    }
}
