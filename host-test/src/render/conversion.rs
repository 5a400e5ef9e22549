//! How integer families read in OpenMetrics: the one table of names that this view knows (DESIGN 3 and 4).

/// A suffix that says in which power of ten a counter counts.
pub(super) struct Scale {
    /// End of the stat's family; it falls off in the view.
    pub(super) suffix: &'static str,
    /// Decimal places of the unit.
    pub(super) places: u32,
}

/// USD are counted in pico units, everything else that is fractional in nano units.
pub(super) const SCALES: [Scale; 2] = [Scale { suffix: "_pico", places: 12 }, Scale { suffix: "_nano", places: 9 }];

/// A gauge that is the quotient of two families, per label set that both have.
pub(super) struct Ratio {
    /// The gauge's name.
    pub(super) name: &'static str,
    /// Its help text.
    pub(super) help: &'static str,
    /// Dividend, summed over `summed_over`.
    pub(super) dividend: &'static str,
    /// Labels of the dividend that the divisor does not have.
    pub(super) summed_over: &'static [&'static str],
    /// Divisor, by its name in this view. Where it is 0 or absent the gauge is absent.
    pub(super) divisor: &'static str,
}

/// Ratios are not kept as stats: a u64 cannot hold them, and a quotient of counters is always current.
pub(super) const RATIOS: [Ratio; 1] = [Ratio {
    name: "genops_token_efficiency_tokens_per_usd",
    help: "Tokens per US dollar since the start",
    dividend: "genops_tokens_total",
    summed_over: &["type"],
    divisor: "genops_cost_total_usd",
}];

/// The name in the view and the decimal places of its unit.
pub(super) fn scaled_name(name: &str) -> (&str, u32) {
    SCALES
        .iter()
        .find_map(|scale| name.strip_suffix(scale.suffix).map(|short| (short, scale.places)))
        .filter(|(short, _)| !short.is_empty())
        .unwrap_or((name, 0))
}
