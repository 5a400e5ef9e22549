//! The period of a report.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _, Zoned};

/// A period as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Period {
    /// Since midnight.
    Today,
    /// The day before.
    Yesterday,
    /// Since the first of the month.
    Month,
    /// So many seconds back from now.
    Last(i64),
}

/// From and to, seconds since 1970. `from` is outside, `to` is inside, as in Prometheus 3's ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: i64,
    pub(super) end: i64,
}

/// More than any server keeps at full resolution, and far from what overflows.
const LONGEST: i64 = 366 * 86_400;

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "{text:?} is no period: today, yesterday, week, month, or a number with m, h or d up to 366d, such as 24h"
            )
        };
        match text {
            "today" => return Ok(Self::Today),
            "yesterday" => return Ok(Self::Yesterday),
            "week" => return Ok(Self::Last(7 * 86_400)),
            "month" => return Ok(Self::Month),
            _ => {}
        }
        let unit = match text.chars().next_back() {
            Some('m') => 60,
            Some('h') => 3600,
            Some('d') => 86_400,
            _ => return Err(bad()),
        };
        let digits = &text[..text.len() - 1];
        let number: i64 = digits.parse().map_err(|_| bad())?;
        let seconds = number.checked_mul(unit).filter(|s| (1..=LONGEST).contains(s)).ok_or_else(bad)?;
        Ok(Self::Last(seconds))
    }
}

impl Period {
    /// The window of the period at the time `now`.
    pub(super) fn window(self, now: Timestamp) -> Window {
        let end = now.as_second();
        let today = now.to_zoned(TimeZone::UTC);
        let midnight = |day: Result<Zoned, jiff::Error>| {
            // UTC has every midnight; what cannot be told is no earlier than now.
            day.and_then(|day| day.start_of_day()).map_or(end, |start| start.timestamp().as_second())
        };
        let (start, end) = match self {
            Self::Today => (midnight(Ok(today)), end),
            Self::Yesterday => (midnight(today.checked_sub(1.day())), midnight(Ok(today))),
            Self::Month => (midnight(today.first_of_month()), end),
            Self::Last(seconds) => (end.saturating_sub(seconds), end),
        };
        // The first second of a day is a period, too.
        Window { start: start.min(end - 1), end }
    }
}

impl Window {
    /// Its length in seconds, 1 at least.
    pub(super) const fn seconds(self) -> i64 {
        self.end - self.start
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |seconds: i64| {
            Timestamp::from_second(seconds)
                .map_or_else(|_| seconds.to_string(), |t| t.strftime("%Y-%m-%d %H:%M:%S").to_string())
        };
        write!(f, "{} to {} UTC", time(self.start), time(self.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(period: &str, now: &str) -> String {
        let now: Timestamp = now.parse().expect("a time");
        period.parse::<Period>().expect("a period").window(now).to_string()
    }

    #[test]
    fn windows() {
        let now = "2026-03-01T10:20:30.5Z";
        assert_eq!(window("today", now), "2026-03-01 00:00:00 to 2026-03-01 10:20:30 UTC");
        assert_eq!(window("yesterday", now), "2026-02-28 00:00:00 to 2026-03-01 00:00:00 UTC");
        assert_eq!(window("month", "2026-02-17T01:00:00Z"), "2026-02-01 00:00:00 to 2026-02-17 01:00:00 UTC");
        assert_eq!(window("90m", now), "2026-03-01 08:50:30 to 2026-03-01 10:20:30 UTC");
        assert_eq!(window("week", now), window("7d", now));
        assert_eq!(window("today", "2026-03-01T00:00:00Z"), "2026-02-28 23:59:59 to 2026-03-01 00:00:00 UTC");
    }

    #[test]
    fn what_is_no_period_says_what_is() {
        for text in ["", "tomorrow", "h", "1.5h", "-1h", "0d", "367d", "99999999999999999999d", "7 d", "7\u{e9}"] {
            let problem = text.parse::<Period>().expect_err(text);
            assert!(problem.contains("yesterday") && problem.contains(&format!("{text:?}")), "{problem}");
        }
    }
}
