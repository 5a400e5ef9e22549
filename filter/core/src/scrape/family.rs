//! Families as a scrape shows them, and what a stat is to them.

use std::borrow::Cow;

use crate::schema::{Family, Feed, Kind, SCHEMAS, Table};

/// A family as a scrape shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The schema's own name.
    pub name: Cow<'static, str>,
    /// HELP text.
    pub help: Cow<'static, str>,
    /// Type.
    pub kind: Kind,
    /// Decimal places of the integers that the proxy keeps; of a histogram, of its sum.
    pub places: u32,
    /// The schemas that have it; none where it is the filter's own or the user's, which stand beside all of them.
    pub schemas: Vec<&'static str>,
}

/// What a stat is to its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The value of one label set.
    Value,
    /// A cumulative bucket of a histogram; its bound is the label `le`.
    Bucket,
    /// How many a histogram has seen.
    Count,
    /// Their sum.
    Sum,
}

/// Suffixes by which names say the power of ten that integers count in (DESIGN 3).
const SCALES: [(&str, u32); 2] = [("_pico", 12), ("_nano", 9)];

impl Shown {
    /// A family of a table.
    pub(super) fn of(table: &Table, family: &Family) -> Self {
        let suffix = match family.fact.feed() {
            Feed::Computed => "",
            _ => family.fact.unit().suffix(),
        };
        let has = |name: &'static str| table.name(name) == family.name;
        let schemas = SCHEMAS.iter().filter(|schema| schema.families.iter().any(|family| has(family.name)));
        Self {
            name: family.name.clone(),
            help: family.help.clone(),
            kind: family.kind,
            places: scale(suffix).1,
            schemas: schemas.map(|schema| schema.name).collect(),
        }
    }

    /// A family that no table of this version or configuration has: by the forms of our own names. The proxy shows it,
    /// so the scrape does.
    pub(super) fn guessed(stat: &str, kind: Kind, has_le: bool) -> Self {
        let (name, kind, places) = match stat.strip_suffix("_bucket") {
            // Its sum's scale is that of nearly all our histograms.
            Some(name) if has_le => (name, Kind::Histogram, 9),
            _ => {
                let (name, places) = scale(stat);
                (name, kind, places)
            }
        };
        let help = "Not in the schema tables of this configuration".into();
        Self { name: name.to_owned().into(), help, kind, places, schemas: Vec::new() }
    }

    /// The stats that the family is made of: their names without labels.
    pub(super) fn stats(&self) -> Vec<(String, Part)> {
        let scale = SCALES.iter().find(|(_, places)| *places == self.places).map_or("", |(suffix, _)| suffix);
        let named = |suffix: &str, part: Part| (format!("{}{suffix}", self.name), part);
        match self.kind {
            Kind::Histogram => vec![
                named("_bucket", Part::Bucket),
                named("_count", Part::Count),
                named(&format!("_sum{scale}"), Part::Sum),
            ],
            Kind::Counter | Kind::Gauge => vec![named(scale, Part::Value)],
        }
    }
}

/// The name without its scale, and the scale's decimal places.
fn scale(name: &str) -> (&str, u32) {
    let scaled = SCALES.iter().find_map(|(suffix, places)| name.strip_suffix(suffix).map(|short| (short, *places)));
    scaled.unwrap_or((name, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stats_of_the_tables_come_back() {
        let table = Table::new(SCHEMAS, "acme");
        for family in table.families().iter().filter(|family| family.is_stat()) {
            let ours: Vec<String> = Shown::of(&table, family).stats().into_iter().map(|(name, _)| name).collect();
            for part in family.stats() {
                assert!(ours.contains(&format!("{}{}", family.name, part.suffix)), "{}{}", family.name, part.suffix);
            }
        }
    }

    #[test]
    fn a_family_knows_its_schemas() {
        let table = Table::new(SCHEMAS, "acme");
        let schemas = |name: &str| Shown::of(&table, table.named(name).expect(name)).schemas;
        assert_eq!(schemas("acme_tokens_total"), ["genops", "genops-kubernetes"]);
        assert_eq!(schemas("acme_tokens_input_total"), ["genops"]);
        assert!(schemas("acme_filter_info").is_empty());
    }

    #[test]
    fn unknown_families_are_told_by_their_names() {
        for (stat, has_le, name, kind, places) in [
            ("x_usd_pico", false, "x_usd", Kind::Counter, 12),
            ("x_nano", false, "x", Kind::Counter, 9),
            ("x_total", false, "x_total", Kind::Counter, 0),
            ("x_bucket", false, "x_bucket", Kind::Counter, 0),
            ("x_bucket", true, "x", Kind::Histogram, 9),
        ] {
            let shown = Shown::guessed(stat, Kind::Counter, has_le);
            assert_eq!((&*shown.name, shown.kind, shown.places), (name, kind, places), "{stat}");
        }
    }
}
