//! Sentences as the texts of their parts, so that a reader sees what a caller hears.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::*;
use crate::base::PromptInfo;

fn speech(tag: &str) -> Speech {
    let manifest = super::super::Manifest::parse(include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/prompts/manifest.toml"
    )))
    .unwrap();
    let mut catalog = Catalog::default();
    for (name, texts) in manifest.iter() {
        for (language, text) in texts {
            let language = Some(language.clone());
            let duration = Duration::from_secs(1);
            catalog.add(PromptInfo { name: name.into(), language, text: text.clone(), duration }).unwrap();
        }
    }
    Speech::new(Arc::new(catalog), Language::new(tag), TimeZone::get("Asia/Shanghai").unwrap())
}

/// What is heard, part by part.
fn heard(tag: &str, say: impl Fn(&Speech) -> Vec<Clip>) -> String {
    let speech = speech(tag);
    let text = |clip: &Clip| match clip {
        Clip::Prompt(id) => speech.catalog.get(*id).unwrap().text.clone(),
        Clip::Silence(pause) => format!("({} ms)", pause.as_millis()),
        Clip::Recording(_) => unreachable!("sentences hold no recordings"),
    };
    say(&speech).iter().map(text).collect::<Vec<_>>().join(" ")
}

pub(super) fn zh(say: impl Fn(&Speech) -> Vec<Clip>) -> String {
    heard("zh-CN", say).replace(' ', "")
}

pub(super) fn en(say: impl Fn(&Speech) -> Vec<Clip>) -> String {
    heard("en-US", say)
}

fn at(text: &str) -> Wall {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let local: DateTime = text.parse().unwrap();
    Wall::from_micros(local.to_zoned(zone).unwrap().timestamp().as_microsecond())
}

#[test]
fn mandarin_numbers() {
    for (n, text) in [
        (0, "零"),
        (2, "二"),
        (10, "十"),
        (15, "十五"),
        (20, "二十"),
        (60, "六十"),
        (65, "六十五"),
        (99, "九十九"),
        (100, "一百"),
        (105, "一百零五"),
        (110, "一百一十"),
        (115, "一百一十五"),
        (222, "二百二十二"),
        (1000, "一千"),
        (1005, "一千零五"),
        (1015, "一千零一十五"),
        (1050, "一千零五十"),
        (1500, "一千五百"),
        (2008, "两千零八"),
        (10_000, "一万"),
        (10_500, "一万零五百"),
        (20_000, "两万"),
        (100_010, "十万零一十"),
        (120_000, "十二万"),
        (123_456_789, "一亿两千三百四十五万六千七百八十九"),
    ] {
        assert_eq!(zh(|s| s.number(n)), text, "{n}");
    }
}

#[test]
fn english_numbers() {
    for (n, text) in [
        (0, "zero"),
        (21, "twenty one"),
        (70, "seventy"),
        (79, "seventy nine"),
        (100, "one hundred"),
        (115, "one hundred and fifteen"),
        (1_000, "one thousand"),
        (1_005, "one thousand and five"),
        (2_345, "two thousand three hundred and forty five"),
        (1_000_000, "one million"),
        (12_000_099, "twelve million and ninety nine"),
    ] {
        assert_eq!(en(|s| s.number(n)), text, "{n}");
    }
}

#[test]
fn what_is_too_large_is_read_digit_by_digit() {
    assert_eq!(zh(|s| s.number(1_000_000_000)), "幺零零零零零零零零零");
}

#[test]
fn digits_close_with_the_last_and_are_read_twice() {
    assert_eq!(zh(|s| s.digits_twice("138-01")), "幺三八零幺(120ms)幺三八零幺");
    let speech = speech("en-US");
    let names: Vec<_> = speech
        .digits("12")
        .iter()
        .map(|c| match c {
            Clip::Prompt(id) => speech.catalog.get(*id).unwrap().name.clone(),
            _ => String::new(),
        })
        .collect();
    assert_eq!(names, ["digit/1", "digit/2-end"]);
    assert_eq!(speech.digits_twice("-"), []);
}

#[test]
fn the_clock() {
    for (hour, minute, chinese, english) in [
        (0, 0, "凌晨零点", "twelve o'clock A M"),
        (0, 5, "凌晨零点零五分", "twelve oh five A M"),
        (8, 30, "早上八点半", "eight thirty A M"),
        (9, 0, "上午九点", "nine o'clock A M"),
        (12, 0, "中午十二点", "twelve o'clock noon"),
        (15, 0, "下午三点", "three o'clock P M"),
        (15, 5, "下午三点零五分", "three oh five P M"),
        (15, 30, "下午三点半", "three thirty P M"),
        (20, 45, "晚上八点四十五分", "eight forty five P M"),
    ] {
        assert_eq!(zh(|s| s.clock(hour, minute)), chinese);
        assert_eq!(en(|s| s.clock(hour, minute)), english);
    }
}

#[test]
fn dates_and_returns() {
    let now = at("2026-10-01T14:00:00");
    assert_eq!(zh(|s| s.date(now)), "十月一号星期四");
    assert_eq!(en(|s| s.date(now)), "Thursday October first");
    assert_eq!(zh(|s| s.back_at(at("2026-10-01T15:00:00"), now)), "预计，下午三点回来。");
    assert_eq!(
        en(|s| s.back_at(at("2026-10-01T15:00:00"), now)),
        "They are expected back, at three o'clock P M"
    );
    assert_eq!(zh(|s| s.back_at(at("2026-10-02T09:30:00"), now)), "预计，明天上午九点半回来。");
    assert_eq!(zh(|s| s.back_at(at("2026-10-05T09:30:00"), now)), "预计，十月五号星期一上午九点半回来。");
}

#[test]
fn the_line() {
    assert_eq!(zh(|s| s.position(0)), "您是下一位，马上为您接通。");
    assert_eq!(zh(|s| s.position(2)), "您前面还有，两位客户在等待。");
    assert_eq!(en(|s| s.position(2)), "You are number, three in the queue.");
    let minutes = |least: u64, most: Option<u64>| {
        (Duration::from_secs(least * 60), most.map(|m| Duration::from_secs(m * 60)))
    };
    for ((least, most), chinese, english) in [
        (
            minutes(0, Some(1)),
            "预计等待时间不到一分钟。",
            "The estimated waiting time is less than one minute.",
        ),
        (minutes(1, Some(1)), "预计等待时间，大约一分钟", "The estimated waiting time is about, one minute"),
        (
            minutes(1, Some(2)),
            "预计等待时间，大约一至两分钟。",
            "The estimated waiting time is about, one to two minutes.",
        ),
        (
            minutes(5, Some(10)),
            "预计等待时间，大约五至十分钟。",
            "The estimated waiting time is about, five to ten minutes.",
        ),
        (
            minutes(10, None),
            "当前来电较多，等待时间可能较长。",
            "We are receiving many calls, so you may have to wait longer than usual.",
        ),
    ] {
        assert_eq!(zh(|s| s.wait(least, most)), chinese);
        assert_eq!(en(|s| s.wait(least, most)), english);
    }
}

#[test]
fn agents_complaints_messages() {
    assert_eq!(zh(|s| s.agent_number("1001")), "工号，幺零零幺为您服务。");
    assert_eq!(zh(|s| s.complaint_number("27")), "您的投诉编号是，二七现在再重复一遍，二七");
    assert_eq!(en(|s| s.reply_within(15)), "We will reply within, fifteen working days.");
    assert_eq!(zh(|s| s.reply_within(2)), "我们将在，两个工作日内给您答复。");
    assert_eq!(zh(|s| s.messages(0)), "您没有新留言。");
    assert_eq!(zh(|s| s.messages(1)), "您有一条新留言。");
    assert_eq!(en(|s| s.messages(4)), "You have, four new messages.");
}

#[test]
fn opening_hours_and_greetings() {
    let spans = [Span { from: 8 * 60, until: 20 * 60 }];
    assert_eq!(zh(|s| s.opening_hours(false, &spans)), "人工服务时间是，周一至周五，早上八点至晚上八点");
    assert_eq!(
        en(|s| s.opening_hours(true, &spans)),
        "Our service hours are, every day, eight o'clock A M to eight o'clock P M"
    );
    for (time, chinese) in [
        ("T05:00:00", "早上好！"),
        ("T10:59:59", "早上好！"),
        ("T11:00:00", "中午好！"),
        ("T13:00:00", "下午好！"),
        ("T18:00:00", "晚上好！"),
        ("T04:59:59", "晚上好！"),
    ] {
        let now = at(&format!("2026-10-01{time}"));
        assert_eq!(zh(|s| s.greeting(now, None)), chinese, "{time}");
    }
    let feast = at("2026-10-01T09:00:00");
    assert_eq!(zh(|s| s.greeting(feast, Some("greeting/national-day"))), "早上好！国庆节快乐！");
    assert_eq!(en(|s| s.greeting(feast, None)), "Good morning.");
}

#[test]
fn the_recordings_cover_the_vocabulary() {
    for tag in ["zh-CN", "en-US"] {
        let speech = speech(tag);
        let missing: Vec<_> = vocabulary(&speech.language)
            .into_iter()
            .filter(|n| speech.catalog.find(&speech.language, n).is_none())
            .collect();
        assert_eq!(missing, Vec::<String>::new(), "{tag}");
    }
}
