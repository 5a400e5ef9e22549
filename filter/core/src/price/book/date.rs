//! Days and hours in UTC, as the book writes them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A UTC day, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub u16);

/// Hours of every day: minutes since midnight UTC, start included, end not. An end before the start is past midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// First minute.
    pub start: u16,
    /// First minute after it.
    pub end: u16,
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
    fn hours_go_there_and_back() {
        assert_eq!("01:00-04:30".parse(), Ok(Window { start: 60, end: 270 }));
        assert_eq!(Window { start: 60, end: 270 }.to_string(), "01:00-04:30");
        for text in ["", "1:00-2:00", "24:00-01:00", "01:60-02:00", "01:00", "01:00-01:00"] {
            assert!(text.parse::<Window>().is_err(), "{text}");
        }
    }
}
