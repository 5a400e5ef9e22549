//! Days and hours in UTC, as the book writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A UTC day, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub u16);

/// Hours of a day: minutes since midnight UTC, start included, end not. An end before the start is past midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First minute.
    pub start: u16,
    /// First minute after it.
    pub end: u16,
}

/// Days of the week: a bit each, Monday the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Weekdays(pub u8);

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Weekdays {
    /// Whether no day is left out.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the day, in days since 1970-01-01, is one of them.
    pub const fn contains(self, day: i64) -> bool {
        // 1970-01-01 was a Thursday.
        self.0 >> (day + 3).rem_euclid(7) & 1 == 1
    }
}

impl Default for Weekdays {
    fn default() -> Self {
        Self((1 << WEEKDAYS.len()) - 1)
    }
}

impl TryFrom<Vec<String>> for Weekdays {
    type Error = &'static str;

    fn try_from(names: Vec<String>) -> Result<Self, Self::Error> {
        let bit = |name: &String| WEEKDAYS.iter().position(|day| day == name).map(|place| 1 << place);
        let add = |days: u8, name: &String| bit(name).filter(|bit| days & bit == 0).map(|bit| days | bit);
        let days = names.iter().try_fold(0, add).filter(|days| *days > 0);
        days.map(Self).ok_or("days are a list of mon, tue, wed, thu, fri, sat, sun, each at most once")
    }
}

impl From<Weekdays> for Vec<String> {
    fn from(days: Weekdays) -> Self {
        let named = WEEKDAYS.iter().enumerate().filter(|(place, _)| days.0 >> place & 1 == 1);
        named.map(|(_, day)| (*day).to_owned()).collect()
    }
}

/// Days of each month of a year.
const fn month_days(year: u16) -> [u16; 12] {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

/// Exactly `width` digits.
fn digits(text: &str, width: usize) -> Option<u16> {
    (text.len() == width && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

impl FromStr for Date {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (year, rest) = text.split_once('-')?;
            let (month, day) = rest.split_once('-')?;
            let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
            // 2149 is where a u16 of days ends.
            let months = month_days(year);
            let in_month = months.get(usize::from(month.checked_sub(1)?))?;
            if !(1970..2149).contains(&year) || day == 0 || day > *in_month {
                return None;
            }
            let years: u16 = (1970..year).map(|y| month_days(y).iter().sum::<u16>()).sum();
            let before: u16 = months.iter().take(usize::from(month) - 1).sum();
            Some(Self(years + before + day - 1))
        };
        parse().ok_or("a day is written YYYY-MM-DD")
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut year, mut left) = (1970u16, self.0);
        loop {
            let days = month_days(year).iter().sum::<u16>();
            if left < days {
                break;
            }
            (year, left) = (year + 1, left - days);
        }
        let mut month = 1;
        for days in month_days(year) {
            if left < days {
                break;
            }
            (month, left) = (month + 1, left - days);
        }
        write!(f, "{year:04}-{month:02}-{:02}", left + 1)
    }
}

impl FromStr for Window {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let parse = || {
            let (start, end) = text.split_once('-')?;
            Some(Self { start: minute(start)?, end: minute(end)? }).filter(|w| w.start != w.end)
        };
        parse().ok_or("hours are written HH:MM-HH:MM, in UTC")
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, end } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", start / 60, start % 60, end / 60, end % 60)
    }
}

macro_rules! as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(Date);
as_text!(Window);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_go_there_and_back() {
        assert_eq!("1970-01-01".parse(), Ok(Date(0)));
        // 1,792,108,800 s / 86,400.
        assert_eq!("2026-10-16".parse(), Ok(Date(20_742)));
        for days in [0, 58, 59, 60, 10_957, 11_016, 20_742, 47_482, 65_000] {
            assert_eq!(Date(days).to_string().parse(), Ok(Date(days)));
        }
        for text in ["2026-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-1-1", "26-01-01", "2150-01-01", "x"]
        {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        assert!("2024-02-29".parse::<Date>().is_ok());
    }

    #[test]
    fn weekdays_go_there_and_back() {
        let days: Weekdays = serde_json::from_str(r#"["mon","fri"]"#).expect("two days");
        assert_eq!(serde_json::to_string(&days).ok(), Some(r#"["mon","fri"]"#.to_owned()));
        // 2026-11-20 was a Friday.
        let friday = i64::from("2026-11-20".parse::<Date>().expect("a day").0);
        assert_eq!(
            (-1..=4).map(|d| days.contains(friday + d)).collect::<Vec<_>>(),
            [false, true, false, false, true, false]
        );
        assert!(days.contains(-3) && !days.contains(0) && Weekdays::default().contains(i64::from(i32::MIN)));
        for text in ["[]", r#"["mon","mon"]"#, r#"["Monday"]"#, r#""mon""#] {
            assert!(serde_json::from_str::<Weekdays>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hours_go_there_and_back() {
        assert_eq!("01:00-04:30".parse(), Ok(Window { start: 60, end: 270 }));
        assert_eq!(Window { start: 60, end: 270 }.to_string(), "01:00-04:30");
        for text in ["", "1:00-2:00", "24:00-01:00", "01:60-02:00", "01:00", "01:00-01:00"] {
            assert!(text.parse::<Window>().is_err(), "{text}");
        }
    }
}
