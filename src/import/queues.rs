//! `queues.conf`: queues, and who serves them.

use super::conf::{Line, Section};
use super::draft::{Draft, Queue};

pub(super) fn read(draft: &mut Draft, sections: &[Section]) {
    for section in sections {
        if section.template {
            continue;
        }
        let inherited = sections.iter().filter(|one| one.template && section.inherits.contains(&one.name));
        let all = inherited.flat_map(|one| &one.lines).chain(&section.lines);
        if section.name.eq_ignore_ascii_case("general") {
            all.for_each(|line| draft.note(line.number, format!("`{}` holds for no queue here", line.name)));
            continue;
        }
        let name = draft.queue(&section.name);
        for line in all {
            setting(draft, &name, line);
        }
    }
}

fn setting(draft: &mut Draft, name: &str, line: &Line) {
    let value = line.value.as_str();
    let set =
        |draft: &mut Draft, field: fn(&mut Queue) -> &mut Option<u64>, least: u64, most: u64| match value
            .parse::<u64>()
        {
            Ok(0) => {}
            Ok(number) => {
                let bounded = number.clamp(least, most);
                if bounded != number {
                    let text = format!("`{}` is {bounded} here: {least} to {most} are possible", line.name);
                    draft.note(line.number, text);
                }
                if let Some(queue) = draft.queues.get_mut(name) {
                    *field(queue) = Some(bounded);
                }
            }
            Err(_) => draft.note(line.number, format!("`{}` is no number, and is left out", line.name)),
        };
    match line.name.as_str() {
        "timeout" => set(draft, |queue| &mut queue.ring_s, 3, 120),
        "wrapuptime" => set(draft, |queue| &mut queue.wrap_up_s, 0, 3_600),
        "servicelevel" => set(draft, |queue| &mut queue.target_s, 1, 600),
        "maxlen" => set(draft, |queue| &mut queue.capacity, 1, 100_000),
        "announce-frequency" => set(draft, |queue| &mut queue.position_every_s, 10, 600),
        "periodic-announce-frequency" => set(draft, |queue| &mut queue.comfort_every_s, 5, 600),
        "member" => member(draft, name, line),
        "weight" => {
            let text = "`weight` is not carried over: who comes first goes by the queue's `credit`, in seconds of waiting";
            draft.note(line.number, text);
        }
        "strategy" => {
            let text = format!(
                "`strategy = {value}` is not carried over: the agent with the rarest skills to spare, then who has been free longest"
            );
            draft.note(line.number, text);
        }
        "musicclass" | "musiconhold" => {
            let text = format!("music `{value}`: give the queue a folder of prompts as `music`");
            draft.note(line.number, text);
        }
        "joinempty" | "leavewhenempty" => {
            let text =
                format!("`{}`: where nobody is signed on, the verb `queue` goes to `on_nobody`", line.name);
            draft.note(line.number, text);
        }
        "announce-position" | "announce-holdtime" if matches!(value, "no" | "false") => {
            if let Some(queue) = draft.queues.get_mut(name) {
                queue.silent_position = true;
            }
        }
        // As it is here by itself.
        "announce-position" | "announce-holdtime" | "ringinuse" | "autofill" | "setinterfacevar" => {}
        _ => draft.note(line.number, format!("`{}` is not carried over", line.name)),
    }
}

/// `SIP/1001,penalty,name,state`.
fn member(draft: &mut Draft, queue: &str, line: &Line) {
    let mut parts = line.value.split(',').map(str::trim);
    let device = parts.next().unwrap_or_default();
    let penalty = parts.next().filter(|text| !text.is_empty()).map(str::parse::<u8>);
    let title = parts.next().unwrap_or_default();
    let Some(extension) = extension_of(device) else {
        draft.note(line.number, format!("the member `{device}` has no extension of digits, and is left out"));
        return;
    };
    // A small penalty there is a high level here.
    let level = match penalty {
        None => 5,
        Some(Ok(penalty)) => 9u8.saturating_sub(penalty).clamp(1, 9),
        Some(Err(_)) => {
            draft.note(line.number, "the penalty is no number: level 5");
            5
        }
    };
    draft.agent(&extension, title, Some((queue, level)));
}

/// The digits of `SIP/1001`, `PJSIP/1001@trunk`, `Local/1001@agents/n`, `Agent/1001`.
pub(super) fn extension_of(device: &str) -> Option<String> {
    let (_, rest) = device.split_once('/')?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let ends = rest.chars().nth(digits.len()).is_none_or(|next| matches!(next, '@' | '/' | ',' | '&'));
    (ends && (2..=8).contains(&digits.len())).then_some(digits)
}
