//! Which text form a scraper takes, by its `accept` header (RFC 9110 12.5.1).

/// A text form of a scrape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4. Also what those get who take neither form: a scraper that can read nothing of it can say
    /// so better than a 406.
    #[default]
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// OpenMetrics 0.0.1, its last draft: the same text under the version that older scrapers ask for.
    OpenMetricsDraft,
}

impl Format {
    /// The form that an `accept` header prefers: by quality, then in the order in which it is written.
    pub fn accepted(accept: Option<&str>) -> Self {
        let mut best = (0, Self::Text);
        for offer in accept.unwrap_or_default().split(',') {
            let mut parts = offer.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut quality, mut version) = (1000, None);
            for (name, value) in parts.filter_map(|p| p.split_once('=')) {
                match name.trim().to_ascii_lowercase().as_str() {
                    "q" => quality = thousandths(value.trim()),
                    "version" => version = Some(value.trim().trim_matches('"')),
                    _ => {}
                }
            }
            let format = match (media.as_str(), version) {
                ("application/openmetrics-text", None | Some("1.0.0")) => Self::OpenMetrics,
                ("application/openmetrics-text", Some("0.0.1")) => Self::OpenMetricsDraft,
                ("text/plain" | "text/*" | "*/*", _) => Self::Text,
                _ => continue,
            };
            if quality > best.0 {
                best = (quality, format);
            }
        }
        best.1
    }

    /// The `content-type` of a body in this form.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::OpenMetricsDraft => "application/openmetrics-text; version=0.0.1; charset=utf-8",
        }
    }

    /// Either OpenMetrics.
    pub(super) const fn is_open_metrics(self) -> bool {
        matches!(self, Self::OpenMetrics | Self::OpenMetricsDraft)
    }
}

/// A quality in thousandths: at most three decimals are allowed, what follows is cut; nonsense is 0.
fn thousandths(value: &str) -> u32 {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    let mut thousandths: u32 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return 0;
        }
        thousandths = thousandths * 10 + u32::from(digit - b'0');
    }
    match whole {
        "0" | "" => thousandths,
        "1" => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrapers_get_what_they_prefer() {
        // Prometheus 3's own header, and that of 2.x.
        let three = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                     application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                     text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let two = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                   text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, format) in [
            (Some(three), Format::OpenMetrics),
            (Some(two), Format::OpenMetrics),
            (None, Format::Text),
            (Some("*/*"), Format::Text),
            (Some("text/html,application/xhtml+xml,*/*;q=0.8"), Format::Text),
            (Some("application/openmetrics-text"), Format::OpenMetrics),
            (Some("Application/OpenMetrics-Text; Version=\"1.0.0\" ; Q=1"), Format::OpenMetrics),
            (Some("application/openmetrics-text; version=0.0.1"), Format::OpenMetricsDraft),
            (Some("application/openmetrics-text; version=2.0.0, text/plain; q=0.1"), Format::Text),
            (Some("application/openmetrics-text;q=0.5,text/plain;q=0.7"), Format::Text),
            (Some("application/openmetrics-text;q=0.75,text/plain;q=0.7"), Format::OpenMetrics),
            (Some("application/openmetrics-text;q=0"), Format::Text),
            (Some("application/openmetrics-text;q=x"), Format::Text),
            (Some("application/vnd.google.protobuf;q=0.9,text/plain;q=0.1"), Format::Text),
            (Some("text/plain,application/openmetrics-text"), Format::Text),
            (Some(";;,=,q=;"), Format::Text),
        ] {
            assert_eq!(Format::accepted(accept), format, "{accept:?}");
        }
    }
}
