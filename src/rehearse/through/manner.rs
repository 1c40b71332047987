//! How people listen to a menu and press keys.

use std::time::Duration;

use crate::base::{Instant, Rng};
use crate::rehearse::distribution::Distribution;

/// Shares of a hundred callers: those who hear a menu out, who know it and press early, who press a wrong key once, who
/// press wrong keys again and again, and who do not press at all. Round numbers of the trade, as the example days are.
const SHARES: [(Listens, u64); 5] = [
    (Listens::ToTheEnd, 55),
    (Listens::Early, 35),
    (Listens::Wrong(1), 5),
    (Listens::Wrong(9), 1),
    (Listens::Silent, 4),
];

/// Who is told and asked things for longer than this hangs up, on the average.
const PATIENCE: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listens {
    ToTheEnd,
    Early,
    /// So often before they press what is meant.
    Wrong(u8),
    Silent,
}

/// One caller's way.
#[derive(Clone, Debug)]
pub(super) struct Manner {
    listens: Listens,
    /// Hangs up in the midst of menus after it.
    pub patience: Duration,
    /// The words that they wait for.
    wish: Option<String>,
    /// They have heard them.
    pub is_offered: bool,
}

impl Manner {
    /// Somebody who makes no mistakes and has all the time in the world.
    pub fn perfect(wish: Option<String>) -> Self {
        Manner { listens: Listens::ToTheEnd, patience: Duration::MAX, wish, is_offered: false }
    }

    pub fn draw(wish: Option<String>, rng: &mut Rng) -> Self {
        let mut at = rng.below(100);
        let mut listens = Listens::ToTheEnd;
        for (way, share) in SHARES {
            if at < share {
                listens = way;
                break;
            }
            at -= share;
        }
        let patience = Distribution::Exponential(PATIENCE).draw(rng);
        Manner { listens, patience, wish, is_offered: false }
    }

    /// The keys that they press while or after this is played, each with its time.
    pub fn keys(
        &mut self,
        heard: &[&str],
        now: Instant,
        lasts: Duration,
        rng: &mut Rng,
    ) -> Vec<(Instant, char)> {
        let Some(keys) = self.choose(heard, rng) else { return Vec::new() };
        let reaction = Duration::from_millis(300 + rng.below(2_200));
        let mut at = now
            + match self.listens {
                Listens::Silent => return Vec::new(),
                Listens::Early => lasts.min(Duration::from_secs(60)).mul_f64(rng.unit()),
                _ => lasts + reaction,
            };
        let mut typed = Vec::new();
        for key in keys.chars() {
            typed.push((at, key));
            at += Duration::from_millis(200 + rng.below(700));
        }
        typed
    }

    fn choose(&mut self, heard: &[&str], rng: &mut Rng) -> Option<String> {
        let pairs = heard.iter().zip(heard.iter().skip(1));
        let lines: Vec<(&str, char)> =
            pairs.filter_map(|(said, next)| Some((*said, pressed(next)?))).collect();
        if lines.is_empty() {
            return match *heard.last()? {
                "language/choose" => Some("1".to_owned()),
                "menu/confirm-or-reenter" => Some("1".to_owned()),
                // Nobody's, so that the plan says what becomes of those who err.
                "menu/enter-extension" => Some("9999#".to_owned()),
                _ => None,
            };
        }
        if let Listens::Wrong(left) = &mut self.listens
            && *left > 0
        {
            *left -= 1;
            let free = ('1'..='9').rev().find(|key| lines.iter().all(|(_, known)| known != key));
            return Some(free.unwrap_or('#').to_string());
        }
        let line = |wanted: &str| lines.iter().find(|(said, _)| *said == wanted).map(|(_, key)| *key);
        let meant = self.wish.as_deref().and_then(line);
        self.is_offered |= meant.is_some();
        // Not offered: somebody to ask, or a guess.
        let key = meant.or_else(|| line("topic/agent")).or_else(|| {
            let guess = usize::try_from(rng.below(lines.len() as u64)).unwrap_or(0);
            lines.get(guess).map(|(_, key)| *key)
        });
        key.map(|key| key.to_string())
    }
}

/// The key that a prompt asks to press.
fn pressed(prompt: &str) -> Option<char> {
    match prompt.strip_prefix("menu/press-")? {
        "star" => Some('*'),
        "pound" => Some('#'),
        digit => digit.chars().next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_press_the_key_of_their_words_or_ask_somebody() {
        let menu = ["menu/listen", "topic/complaint", "menu/press-2", "topic/agent", "menu/press-0"];
        let mut rng = Rng::from_number(1);
        let mut pressed = |mut manner: Manner| {
            let keys = manner.keys(&menu, Instant::ZERO, Duration::from_secs(8), &mut rng);
            keys.first().map(|(at, key)| (*at > Instant::ZERO + Duration::from_secs(8), *key))
        };
        let wish = |wish: &str| Some(wish.to_owned());
        assert_eq!(pressed(Manner::perfect(wish("topic/complaint"))), Some((true, '2')));
        assert_eq!(pressed(Manner::perfect(wish("topic/loans"))), Some((true, '0')));
        let wrong = Manner { listens: Listens::Wrong(1), ..Manner::perfect(wish("topic/complaint")) };
        assert_eq!(pressed(wrong), Some((true, '9')));
        let silent = Manner { listens: Listens::Silent, ..Manner::perfect(wish("topic/complaint")) };
        assert_eq!(pressed(silent), None);
    }
}
