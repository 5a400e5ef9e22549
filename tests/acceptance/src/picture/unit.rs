//! Values as Grafana prints them.

/// A value in its unit.
pub(super) fn shown(value: f64, unit: &str) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    match unit {
        "currencyUSD" => format!("${}", short(value)),
        "currencyUSD/s" => format!("${}/s", short(value)),
        "percentunit" => format!("{}%", digits(value * 100.0)),
        "percent" => format!("{}%", digits(value)),
        "s" => seconds(value),
        "reqps" => format!("{} req/s", short(value)),
        "ops" => format!("{} ops/s", short(value)),
        "short" => short(value),
        other => format!("{} {other}", short(value)),
    }
}

fn seconds(value: f64) -> String {
    match value.abs() {
        0.0 => "0 s".to_owned(),
        v if v < 1e-3 => format!("{} µs", digits(value * 1e6)),
        v if v < 1.0 => format!("{} ms", digits(value * 1e3)),
        v if v < 120.0 => format!("{} s", digits(value)),
        _ => format!("{} min", digits(value / 60.0)),
    }
}

/// Three digits that say something, and none that say nothing.
fn digits(value: f64) -> String {
    let places = match value.abs() {
        v if v == 0.0 || v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        v => (2.0 - v.log10().floor()).min(8.0) as usize,
    };
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 1e9 => format!("{} B", digits(value / 1e9)),
        v if v >= 1e6 => format!("{} M", digits(value / 1e6)),
        v if v >= 1e3 => format!("{} K", digits(value / 1e3)),
        _ => digits(value),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn values_read_as_in_grafana() {
        for (value, unit, text) in [
            (0.0342, "currencyUSD", "$0.0342"),
            (12_345.0, "short", "12.3 K"),
            (0.05, "percentunit", "5%"),
            (0.35, "s", "350 ms"),
            (17.0, "s", "17 s"),
            (f64::NAN, "s", "-"),
            (2.5, "reqps", "2.5 req/s"),
            (100.0, "percent", "100%"),
        ] {
            assert_eq!(shown(value, unit), text);
        }
    }
}
