//! What holds of all tables together.

use super::*;

fn all() -> Table {
    Table::new(SCHEMAS, NAMESPACE)
}

#[test]
fn schemas_that_name_the_same_family_mean_the_same() {
    let definitions: Vec<&Definition> = SCHEMAS.iter().flat_map(|schema| schema.families).collect();
    for (at, a) in definitions.iter().enumerate() {
        for b in definitions.iter().skip(at + 1).filter(|b| b.name == a.name) {
            assert_eq!((a.kind, a.fact, a.bounds), (b.kind, b.fact, b.bounds), "{}", a.name);
        }
    }
}

#[test]
fn a_family_of_several_schemas_is_there_once_with_the_labels_of_all() {
    let both = Table::new(&[&genops_kubernetes::SCHEMA, &genops::SCHEMA], NAMESPACE);
    let [one] = both.families().iter().filter(|f| f.name == "genops_policy_violations_total").collect::<Vec<_>>()[..]
    else {
        panic!("not once");
    };
    for label in [Label::Severity, Label::PolicyName, Label::CustomerId, Label::Team] {
        assert_eq!(one.labels.iter().filter(|l| **l == label).count(), 1, "{label:?}");
    }
    assert_eq!(one.schemas, ["genops-kubernetes", "genops"]);
    let alone = Table::new(&[&genops_kubernetes::SCHEMA], NAMESPACE);
    let cost = alone.named("genops_cost_total_usd").expect("a family");
    assert_eq!(cost.labels, [Label::Provider, Label::Team, Label::Project]);
}

#[test]
fn every_stat_has_one_name_and_is_found_by_it() {
    let table = all();
    let mut names = std::collections::BTreeSet::new();
    for family in table.families().iter().filter(|family| family.is_stat()) {
        assert_eq!(family.stats().count(), family.parts(), "{}", family.name);
        assert!(family.bounds.is_sorted_by(|a, b| a.at < b.at), "{}", family.name);
        assert_eq!(family.bounds.is_empty(), family.kind != Kind::Histogram, "{}", family.name);
        let suffixes: std::collections::BTreeSet<&str> = family.stats().map(|part| part.suffix).collect();
        for suffix in suffixes {
            let name = format!("{}{suffix}", family.name);
            let (found, part) = table.stat(&name).expect("found");
            assert_eq!((&found.name, part), (&family.name, suffix));
            assert!(names.insert(name), "{} twice", family.name);
        }
        for label in family.labels.iter().chain(&family.fact.variable()) {
            assert_eq!(family.all_labels().filter(|l| l == label).count(), 1, "{} {label:?}", family.name);
        }
    }
}

#[test]
fn bounds_are_written_as_they_are() {
    for family in all().families() {
        let scale = family.fact.unit().scale();
        for bound in &family.bounds {
            let value: f64 = bound.le.parse().expect("a number");
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let at = bound.at as f64 / scale as f64;
            assert!((value - at).abs() < 1e-12, "{} {}", family.name, bound.le);
            assert!(bound.le.contains('.'), "{}: Prometheus 3 writes {} with a point", family.name, bound.le);
        }
    }
}

/// Istio cuts keys out of names wherever they stand.
#[test]
fn no_stat_key_ends_in_another_whatever_labels_are_added() {
    let mut table = all();
    for name in ["customer_tier", "tier", "cost_center", "role", "id", "tenant"] {
        let label = table.add_label(name, |family| family.labels.contains(&Label::Team)).expect(name);
        assert_eq!(table.label_name(label), name);
        assert_eq!(table.label_of_key(table.label_key(label)), Some(label));
    }
    assert_eq!(table.label_key(table.label_of_key("role_").expect("its key")), "role_");
    let tags = table.tags();
    assert_eq!(tags.last(), Some(&("le", "le")));
    for (_, a) in &tags {
        for (_, b) in &tags {
            assert!(a == b || !a.ends_with(b), "{a} ends in {b}");
        }
    }
    let cost = table.named("genops_cost_total_usd").expect("a family");
    assert!(cost.labels.iter().any(|label| table.label_name(*label) == "cost_center"));
}

#[test]
fn labels_that_would_be_taken_for_others_are_refused() {
    let mut table = Table::default();
    for name in ["", "9a", "a-b", "__name__", "team", "type", "le", &"x".repeat(65)] {
        assert!(table.add_label(name, |_| true).is_err(), "{name}");
    }
    for n in 0..MAX_EXTRA_LABELS {
        table.add_label(&format!("extra{n}x"), |_| false).expect("room");
    }
    assert!(table.add_label("one_more", |_| true).expect_err("too many").contains("16"));
}

#[test]
fn a_namespace_takes_the_place_of_genops() {
    let table = Table::new(SCHEMAS, "acme_ai");
    assert!(table.families().iter().all(|family| !family.name.starts_with("genops")));
    assert!(table.named("acme_ai_cost_total_usd").is_some() && table.named("acme_ai_stats_pending").is_some());
    assert_eq!(table.own(Own::LabelRejected), "acme_ai_label_rejected_total");
    let (gauge, computed) = table.computed().next().expect("a computed gauge");
    assert_eq!(gauge.name, "acme_ai_token_efficiency_tokens_per_usd");
    let Formula::Ratio(ratio) = &computed.formula else { panic!("a ratio") };
    assert!(table.named(&table.name(ratio.of.family)).is_some(), "its terms are found");
}

#[test]
fn what_is_computed_is_computed_from_families_of_the_same_schema() {
    for schema in SCHEMAS {
        let table = Table::new(&[schema], NAMESPACE);
        for (gauge, computed) in table.computed() {
            let terms = match &computed.formula {
                Formula::Ratio(ratio) => vec![&ratio.of, &ratio.over],
                Formula::Lowest(ratios, target) | Formula::ErrorBudget(ratios, target) => {
                    ratios.iter().flat_map(|r| [&r.of, &r.over]).chain([target]).collect()
                }
            };
            for term in terms {
                let family = table.named(&table.name(term.family)).expect(term.family);
                let has = |label: &Label| family.all_labels().any(|l| l == *label);
                assert!(gauge.labels.iter().all(has), "{} cannot be told by {}", gauge.name, family.name);
                assert!(term.only.is_none_or(|(label, _)| has(&label)), "{}", family.name);
            }
        }
    }
}

#[test]
fn the_filters_own_families_stand_in_their_order() {
    let table = Table::default();
    for own in [
        Own::SeriesOverflow,
        Own::LabelRejected,
        Own::IncludeUsage,
        Own::FilterInfo,
        Own::StatsPending,
        Own::SeriesActive,
        Own::SeriesLimit,
        Own::StatsActive,
        Own::StatsLimit,
        Own::ConfigInvalid,
    ] {
        assert_eq!(table.named(own.name()).map(|family| family.fact), Some(Fact::Own(own)));
    }
}
