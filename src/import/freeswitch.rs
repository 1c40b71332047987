//! FreeSWITCH's IVR menus: `<menu name=…>` with `<entry action=… digits=… param=…/>`.

use roxmltree::{Document, Node};

use super::draft::{Does, Draft, Menu};

pub(super) fn read(draft: &mut Draft, text: &str) {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let line = usize::try_from(error.pos().row).unwrap_or(0);
            draft.note(line, format!("it is not XML: {error}"));
            return;
        }
    };
    let is_menu = |node: &Node<'_, '_>| node.has_tag_name("menu") && node.attribute("name").is_some();
    let menus: Vec<_> = document.descendants().filter(is_menu).collect();
    if menus.is_empty() {
        draft.note(0, "there is no `<menu name=…>` in it");
    }
    let top = menus.first().and_then(|menu| menu.attribute("name")).unwrap_or_default().to_owned();
    for node in &menus {
        let name = node.attribute("name").unwrap_or_default();
        let menu = menu(draft, &document, *node, &top, &menus);
        draft.menu(name, menu, line(&document, *node));
    }
}

fn line(document: &Document<'_>, node: Node<'_, '_>) -> usize {
    usize::try_from(document.text_pos_at(node.range().start).row).unwrap_or(0)
}

fn menu<'a>(
    draft: &mut Draft,
    document: &Document<'_>,
    node: Node<'a, '_>,
    top: &str,
    all: &[Node<'a, '_>],
) -> Menu {
    let at = line(document, node);
    let mut menu = Menu::default();
    for attribute in node.attributes() {
        let value = attribute.value();
        match attribute.name() {
            "name" => {}
            "greet-long" => menu.played.push(value.to_owned()),
            "timeout" => menu.first_digit_ms = number(draft, at, "timeout", value, 500, 60_000),
            "inter-digit-timeout" => {
                menu.between_digits_ms = number(draft, at, "inter-digit-timeout", value, 500, 60_000);
            }
            "max-failures" | "max-timeouts" => {
                let tries = number(draft, at, attribute.name(), value, 1, 9);
                menu.tries = menu.tries.max(tries);
            }
            // Both follow from the keys.
            "digit-len" | "greet-short" => {}
            "invalid-sound" | "exit-sound" => {
                let text = format!("`{}` `{value}`: the shipped phrase is said instead", attribute.name());
                draft.note(at, text);
            }
            other => draft.note(at, format!("`{other}` of a menu is not carried over")),
        }
    }
    for entry in node.children().filter(Node::is_element) {
        let at = line(document, entry);
        if !entry.has_tag_name("entry") {
            draft.note(at, format!("`<{}>` in a menu is not carried over", entry.tag_name().name()));
            continue;
        }
        let attribute = |name: &str| entry.attribute(name).unwrap_or_default().trim();
        let (action, digits, param) = (attribute("action"), attribute("digits"), attribute("param"));
        if digits.starts_with('/') {
            let text = format!(
                "the keys `{digits}` are a pattern: who presses them is asked for the extension again"
            );
            draft.note(at, text);
            let first = digits.chars().find(char::is_ascii_digit);
            if let Some(first) = first {
                menu.keys.push((first.to_string(), Does::AskExtension, at));
            }
            continue;
        }
        let does = match action {
            "menu-sub" => Does::Flow(param.to_owned()),
            "menu-top" => Does::Flow(top.to_owned()),
            "menu-back" => back(draft, at, node, all, top),
            "menu-exit" => Does::HangUp,
            "menu-exec-app" => application(draft, at, param),
            "menu-play-sound" => {
                draft.note(
                    at,
                    format!(
                        "`{param}` was played here: record it, and let the key lead to a flow with `play`"
                    ),
                );
                Does::Repeat
            }
            other => {
                draft.note(
                    at,
                    format!("the action `{other}` is not carried over: the key leads to the operator"),
                );
                Does::Operator
            }
        };
        menu.keys.push((digits.to_owned(), does, at));
    }
    menu
}

/// The menu that leads to this one; there it was whichever the caller came from.
fn back(draft: &mut Draft, at: usize, node: Node<'_, '_>, all: &[Node<'_, '_>], top: &str) -> Does {
    let own = node.attribute("name").unwrap_or_default();
    let leads = |menu: &&Node<'_, '_>| {
        let mut entries = menu.children().filter(|entry| entry.attribute("action") == Some("menu-sub"));
        entries.any(|entry| entry.attribute("param") == Some(own))
    };
    let from: Vec<_> = all.iter().filter(leads).filter_map(|menu| menu.attribute("name")).collect();
    if from.len() > 1 {
        draft.note(at, "several menus lead here: `menu-back` goes to the first of them");
    }
    Does::Flow(from.first().map_or(top, |name| *name).to_owned())
}

fn application(draft: &mut Draft, at: usize, param: &str) -> Does {
    let (name, rest) = param.split_once(' ').unwrap_or((param, ""));
    let first = rest.split_whitespace().next().unwrap_or_default();
    let digits = |text: &str| (2..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let does = match name {
        "transfer" | "execute_extension" if digits(first) => Does::Dial(first.to_owned()),
        "bridge" => {
            // `user/1001@domain`; whoever is reached over a gateway or a domain of others is none of this house.
            let user = rest.trim().strip_prefix("user/").and_then(|user| user.split('@').next());
            user.filter(|user| digits(user)).map_or(Does::Operator, |user| Does::Dial(user.to_owned()))
        }
        "callcenter" | "fifo" if !first.is_empty() => {
            Does::Queue(first.split('@').next().unwrap_or_default().to_owned())
        }
        "voicemail" => Does::Message,
        "hangup" => Does::HangUp,
        _ => Does::Operator,
    };
    if does == Does::Operator {
        draft.note(at, format!("`{param}` is not carried over: the key leads to the operator"));
    }
    does
}

fn number(draft: &mut Draft, at: usize, name: &str, value: &str, least: u64, most: u64) -> Option<u64> {
    match value.parse::<u64>() {
        Ok(number) => Some(number.clamp(least, most)),
        Err(_) => {
            draft.note(at, format!("`{name}` is no number, and is left out"));
            None
        }
    }
}
