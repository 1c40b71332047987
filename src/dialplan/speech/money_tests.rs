//! Tables of what is heard: amounts, ordinals, dates, clock, telephone numbers, and the numbers in them.

use jiff::civil::date;

use super::super::tests::{en, zh};
use super::groups;

#[test]
fn amounts() {
    for (yuan, fen, chinese, english) in [
        (0, 0, "零元", "zero yuan"),
        (0, 1, "一分", "one fen"),
        (0, 2, "两分", "two fen"),
        (0, 5, "五分", "five fen"),
        (0, 10, "一角", "ten fen"),
        (0, 20, "两角", "twenty fen"),
        (0, 22, "两角二分", "twenty two fen"),
        (0, 99, "九角九分", "ninety nine fen"),
        (1, 0, "一元", "one yuan"),
        (2, 0, "两元", "two yuan"),
        (2, 22, "两元二角二分", "two yuan and twenty two fen"),
        (12, 0, "十二元", "twelve yuan"),
        (12, 30, "十二元三角", "twelve yuan and thirty fen"),
        (12, 34, "十二元三角四分", "twelve yuan and thirty four fen"),
        (12, 4, "十二元零四分", "twelve yuan and four fen"),
        (100, 5, "一百元零五分", "one hundred yuan and five fen"),
        (110, 0, "一百一十元", "one hundred and ten yuan"),
        (200, 0, "二百元", "two hundred yuan"),
        (1_010, 10, "一千零一十元一角", "one thousand and ten yuan and ten fen"),
        (2_005, 0, "两千零五元", "two thousand and five yuan"),
        (10_010, 0, "一万零一十元", "ten thousand and ten yuan"),
        (20_000, 0, "两万元", "twenty thousand yuan"),
        (
            1_234_567,
            89,
            "一百二十三万四千五百六十七元八角九分",
            "one million two hundred and thirty four thousand five hundred and sixty seven yuan and eighty nine fen",
        ),
    ] {
        assert_eq!(zh(|s| s.amount(yuan, fen)), chinese, "{yuan}.{fen:02}");
        assert_eq!(en(|s| s.amount(yuan, fen)), english, "{yuan}.{fen:02}");
    }
}

#[test]
fn ordinals() {
    for (n, chinese, english) in [
        (1, "第一", "first"),
        (2, "第二", "second"),
        (3, "第三", "third"),
        (5, "第五", "fifth"),
        (10, "第十", "tenth"),
        (12, "第十二", "twelfth"),
        (20, "第二十", "twentieth"),
        (21, "第二十一", "twenty first"),
        (31, "第三十一", "thirty first"),
        (32, "第三十二", "thirty second"),
        (40, "第四十", "fortieth"),
        (53, "第五十三", "fifty third"),
        (90, "第九十", "ninetieth"),
        (99, "第九十九", "ninety ninth"),
        (100, "第一百", "one hundredth"),
        (101, "第一百零一", "one hundred and first"),
        (110, "第一百一十", "one hundred and tenth"),
        (115, "第一百一十五", "one hundred and fifteenth"),
        (240, "第二百四十", "two hundred and fortieth"),
        (999, "第九百九十九", "nine hundred and ninety ninth"),
    ] {
        assert_eq!(zh(|s| s.ordinal(n)), chinese, "{n}");
        assert_eq!(en(|s| s.ordinal(n)), english, "{n}");
    }
}

#[test]
fn dates_with_their_year() {
    for (year, month, day, chinese, english) in [
        (2005, 10, 1, "二零零五年十月一号", "October first two thousand and five"),
        (2000, 2, 29, "二零零零年二月二十九号", "February twenty ninth two thousand"),
        (2015, 5, 31, "二零一五年五月三十一号", "May thirty first twenty fifteen"),
        (2026, 11, 22, "二零二六年十一月二十二号", "November twenty second twenty twenty six"),
        (1999, 12, 31, "一九九九年十二月三十一号", "December thirty first nineteen ninety nine"),
        (1905, 1, 3, "一九零五年一月三号", "January third nineteen oh five"),
        (1900, 6, 10, "一九零零年六月十号", "June tenth nineteen hundred"),
    ] {
        assert_eq!(zh(|s| s.full_date(date(year, month, day))), chinese);
        assert_eq!(en(|s| s.full_date(date(year, month, day))), english);
    }
}

#[test]
fn more_of_the_clock() {
    for (hour, minute, chinese, english) in [
        (0, 0, "凌晨零点", "twelve o'clock A M"),
        (0, 5, "凌晨零点零五分", "twelve oh five A M"),
        (0, 30, "凌晨零点半", "twelve thirty A M"),
        (2, 0, "凌晨两点", "two o'clock A M"),
        (2, 2, "凌晨两点零二分", "two oh two A M"),
        (10, 10, "上午十点十分", "ten ten A M"),
        (12, 0, "中午十二点", "twelve o'clock noon"),
        (12, 15, "中午十二点十五分", "twelve fifteen P M"),
        (12, 30, "中午十二点半", "twelve thirty P M"),
        (14, 0, "下午两点", "two o'clock P M"),
        (17, 59, "下午五点五十九分", "five fifty nine P M"),
        (18, 30, "下午六点半", "six thirty P M"),
        (23, 59, "晚上十一点五十九分", "eleven fifty nine P M"),
    ] {
        assert_eq!(zh(|s| s.clock(hour, minute)), chinese, "{hour}:{minute:02}");
        assert_eq!(en(|s| s.clock(hour, minute)), english, "{hour}:{minute:02}");
    }
}

#[test]
fn more_numbers() {
    for (n, chinese, english) in [
        (12, "十二", "twelve"),
        (22, "二十二", "twenty two"),
        (101, "一百零一", "one hundred and one"),
        (110, "一百一十", "one hundred and ten"),
        (111, "一百一十一", "one hundred and eleven"),
        (200, "二百", "two hundred"),
        (212, "二百一十二", "two hundred and twelve"),
        (1_001, "一千零一", "one thousand and one"),
        (1_010, "一千零一十", "one thousand and ten"),
        (1_100, "一千一百", "one thousand one hundred"),
        (1_110, "一千一百一十", "one thousand one hundred and ten"),
        (2_000, "两千", "two thousand"),
        (2_005, "两千零五", "two thousand and five"),
        (2_222, "两千二百二十二", "two thousand two hundred and twenty two"),
        (10_001, "一万零一", "ten thousand and one"),
        (10_010, "一万零一十", "ten thousand and ten"),
        (10_100, "一万零一百", "ten thousand one hundred"),
        (11_000, "一万一千", "eleven thousand"),
        (22_222, "两万两千二百二十二", "twenty two thousand two hundred and twenty two"),
        (100_000, "十万", "one hundred thousand"),
        (110_000, "十一万", "one hundred and ten thousand"),
        (200_000, "二十万", "two hundred thousand"),
        (1_000_001, "一百万零一", "one million and one"),
        (10_010_000, "一千零一万", "ten million ten thousand"),
        (100_000_000, "一亿", "one hundred million"),
        (200_000_000, "两亿", "two hundred million"),
        (100_000_001, "一亿零一", "one hundred million and one"),
        (110_000_000, "一亿一千万", "one hundred and ten million"),
        (
            999_999_999,
            "九亿九千九百九十九万九千九百九十九",
            "nine hundred and ninety nine million nine hundred and ninety nine thousand nine hundred and ninety nine",
        ),
    ] {
        assert_eq!(zh(|s| s.number(n)), chinese, "{n}");
        assert_eq!(en(|s| s.number(n)), english, "{n}");
    }
}

#[test]
fn telephone_numbers_are_read_in_their_groups() {
    for (number, read) in [
        ("13800138000", "138 0013 8000"),
        ("+8613800138000", "138 0013 8000"),
        ("008613800138000", "138 0013 8000"),
        ("+86 10 6655 4433", "010 6655 4433"),
        ("010-66554433", "010 6655 4433"),
        ("02188889999", "021 8888 9999"),
        ("057188889999", "0571 8888 9999"),
        ("03917654321", "0391 765 4321"),
        ("4008095588", "400 809 5588"),
        ("+864008095588", "400 809 5588"),
        ("95588", "95588"),
        ("12345678", "1234 5678"),
        ("7654321", "765 4321"),
        ("1001", "1001"),
        ("+12025550123", "12025550123"),
        ("", ""),
    ] {
        assert_eq!(groups(number).join(" "), read, "{number}");
    }
    assert_eq!(zh(|s| s.telephone("13800138000")), "幺三八(120ms)零零幺三(120ms)八零零零");
    assert_eq!(en(|s| s.telephone("95588")), "nine five five eight eight");
    assert_eq!(zh(|s| s.telephone_twice("95588")), "九五五八八(120ms)九五五八八");
    assert_eq!(zh(|s| s.telephone_twice("7654321")), "七六五(120ms)四三二幺(400ms)七六五(120ms)四三二幺");
    assert!(zh(|s| s.telephone_twice("withheld")).is_empty());
}

/// Whatever is said, both languages have recordings for each of its parts: none is left out in silence.
#[test]
fn nothing_is_left_out() {
    for n in (0..1_200).chain([1_999, 9_999, 10_001, 99_999, 1_000_000, 123_456_789]) {
        for said in [zh(|s| s.number(n)), zh(|s| s.ordinal(n.max(1))), zh(|s| s.amount(n, (n % 100) as u8))] {
            assert!(!said.is_empty(), "{n}");
        }
    }
    for fen in 0..100u8 {
        let said = en(|s| s.amount(0, fen));
        assert!(said.ends_with("fen") || fen == 0 && said == "zero yuan", "{fen}: {said}");
        assert_eq!(zh(|s| s.amount(7, fen)).chars().next(), Some('七'));
    }
    for n in 1..=999 {
        let last = en(|s| s.ordinal(n));
        assert!(["st", "nd", "rd", "th"].iter().any(|end| last.ends_with(end)), "{n}: {last}");
    }
}
