//! What recording rules must say so that Envoy's own surface shows what the filter's own does: the schema's units, and the
//! gauges that are computed. From a schema table alone.

use genops_core::schema::{Computed, Family, Formula, Kind, Label, Ratio, Table, Term, Unit};

/// A recording rule: what it records, and from what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Name of the series.
    pub record: String,
    /// The expression.
    pub expr: String,
}

/// The rules of all families of `table` that Envoy shows in integers, then those of the computed gauges.
pub fn conversion(table: &Table) -> Vec<Rule> {
    let stats = table.families().iter().filter(|family| family.is_stat());
    let units = stats.filter_map(|family| {
        let (name, unit) = (&family.name, family.fact.unit());
        let (record, stat) = match family.kind {
            _ if unit == Unit::Count => return None,
            Kind::Histogram => (format!("{name}_sum"), format!("{name}{}", unit.sum_suffix())),
            _ => (name.to_string(), format!("{name}{}", unit.suffix())),
        };
        Some(Rule { record, expr: format!("{stat} / {}", scale(unit)) })
    });
    let gauges = table.computed().filter_map(|(family, computed)| gauge(table, family, computed));
    units.chain(gauges).collect()
}

/// The rule of a computed gauge; `None` where a family that it needs is no stat.
fn gauge(table: &Table, gauge: &Family, computed: &Computed) -> Option<Rule> {
    let of = Of { table, gauge };
    let expr = match &computed.formula {
        Formula::Ratio(ratio) => of.ratio(ratio)?,
        Formula::Lowest(ratios, target) => of.lowest(ratios, target)?,
        Formula::ErrorBudget(ratios, target) => {
            let (lowest, target) = (of.lowest(ratios, target)?, of.term(target)?);
            format!("clamp(1 - ({target} - ({lowest})) / (1 - {target}), 0, 1)")
        }
    };
    Some(Rule { record: gauge.name.to_string(), expr })
}

fn scale(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "1",
        Unit::Usd => "1e12",
        Unit::Seconds | Unit::Ratio => "1e9",
    }
}

struct Of<'t> {
    table: &'t Table,
    gauge: &'t Family,
}

impl Of<'_> {
    /// The sum of a term over what the gauge does not tell apart; labels of the scrape (`instance`, `job`) stay.
    fn term(&self, term: &Term) -> Option<String> {
        let family = self.table.named(&self.table.name(term.family)).filter(|family| family.is_stat())?;
        let unit = family.fact.unit();
        let name = |label: Label| self.table.label_name(label);
        let mut sum = format!("{}{}", family.name, unit.suffix());
        if let Some((label, value)) = term.only {
            sum += &format!("{{{}=\"{value}\"}}", name(label));
        }
        let more: Vec<&str> = family.all_labels().filter(|l| !self.gauge.labels.contains(l)).map(name).collect();
        if !more.is_empty() {
            sum = format!("sum without ({}) ({sum})", more.join(", "));
        }
        Some(if unit == Unit::Count { sum } else { format!("({sum} / {})", scale(unit)) })
    }

    fn ratio(&self, ratio: &Ratio) -> Option<String> {
        let (of, over) = (self.term(&ratio.of)?, self.term(&ratio.over)?);
        let quotient = format!("({of} or {over} * 0) / ({over} > 0)");
        let quotient = if ratio.complement { format!("1 - {quotient}") } else { quotient };
        Some(ratio.empty.map_or(quotient.clone(), |empty| format!("({quotient}) or ({over} * 0 + {empty})")))
    }

    fn lowest(&self, ratios: &[Ratio], target: &Term) -> Option<String> {
        let ratio = |(n, ratio): (usize, &Ratio)| {
            Some(format!("label_replace({}, \"ratio\", \"{n}\", \"\", \"\")", self.ratio(ratio)?))
        };
        let all: Vec<String> = ratios.iter().enumerate().map(ratio).collect::<Option<_>>()?;
        Some(format!("min without (ratio) ({}) and {}", all.join(" or "), self.term(target)?))
    }
}
