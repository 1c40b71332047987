//! What a mail says, in both languages.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Parcel;
use crate::base::Wall;
use crate::record::Occasion;

/// Without the caller's data: a subject is read on locked screens and stands in mail servers' logs.
pub(super) fn subject(parcel: &Parcel) -> String {
    let slip = &parcel.slip;
    let (chinese, english) = occasion(parcel.occasion);
    let urgent = if slip.urgent { "[紧急 urgent] " } else { "" };
    format!("{urgent}{chinese} {} {english} ({})", slip.slip, slip.mailbox)
}

pub(super) fn text(parcel: &Parcel) -> String {
    let slip = &parcel.slip;
    let (chinese, english) = occasion(parcel.occasion);
    let from = match slip.from.is_empty() {
        true => "未显示 / withheld",
        false => slip.from.expose().as_str(),
    };
    let number = slip.number.as_ref().map_or("-", |number| number.expose().as_str());
    let passed = slip.keeping.passed.join(", ");
    let seconds = slip.length_ms / 1000;
    let received = received(slip.taken, &parcel.zone);
    let mut lines = vec![
        format!("{chinese} / {english}: {}", slip.slip),
        String::new(),
        format!("信箱 / box: {}", slip.mailbox),
        format!("收到 / received: {received}"),
        format!("来电 / from: {from}"),
        format!("回电 / call back: {number}"),
        format!("时长 / length: {seconds} s"),
    ];
    if let Some(about) = &slip.about {
        lines.push(format!("事由 / about: {}", about.words()));
    }
    if slip.urgent {
        lines.push("紧急 / urgent".to_owned());
    }
    if !slip.confirmed {
        lines.push("来电人中途挂机 / the caller hung up before the end".to_owned());
    }
    if !passed.is_empty() {
        lines.push(format!("原信箱 / was in: {passed}"));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn occasion(occasion: Occasion) -> (&'static str, &'static str) {
    match occasion {
        Occasion::New => ("新留言", "new message"),
        Occasion::Reminder => ("留言待办提醒", "message still open"),
        Occasion::PassedOn => ("逾期留言转交", "overdue message, passed on to you"),
    }
}

fn received(at: Wall, zone: &TimeZone) -> String {
    let at = Timestamp::from_microsecond(at.as_micros()).unwrap_or_default();
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}
