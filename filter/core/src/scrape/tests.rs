//! From names and values to bodies.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::schema::stat_name::push_label;
use crate::schema::{Kind, Label, SCHEMAS, Table};

/// Series by number, as a host has them; a missing value is one that the host does not have yet.
#[derive(Default)]
struct Proxy(Vec<(String, Kind, Option<u64>)>);

impl Proxy {
    fn counter(&mut self, labels: &[(Label, &str)], stat: &str, value: u64) {
        self.put(labels, stat, Kind::Counter, Some(value));
    }

    fn put(&mut self, labels: &[(Label, &str)], stat: &str, kind: Kind, value: Option<u64>) {
        let mut name = String::new();
        labels.iter().for_each(|(label, value)| push_label(&mut name, label.key(), value));
        name.push_str(stat);
        self.0.push((name, kind, value));
    }

    fn histogram(&mut self, labels: &[(Label, &str)], family: &str, buckets: &[(&str, u64)], sum_nano: u64) {
        let seen = buckets.last().map_or(0, |(_, seen)| *seen);
        // The last bucket first, as the shell defines them.
        for (le, value) in buckets.iter().rev().take(1).chain(buckets.iter().rev().skip(1).rev()) {
            let with_le = [labels, &[(Label::Le, *le)]].concat();
            self.counter(&with_le, &format!("{family}_bucket"), *value);
        }
        self.counter(labels, &format!("{family}_count"), seen);
        self.counter(labels, &format!("{family}_sum_nano"), sum_nano);
    }

    fn catalog(&self) -> Catalog {
        let mut catalog = Catalog::default();
        catalog.learn(&Table::default());
        self.insert(&mut catalog);
        catalog
    }

    fn insert(&self, catalog: &mut Catalog) {
        for (at, (name, kind, _)) in self.0.iter().enumerate() {
            catalog.insert(u32::try_from(at).expect("few"), name, *kind);
        }
    }

    fn body(&mut self, format: Format) -> String {
        self.selected(format, "")
    }

    fn selected(&mut self, format: Format, query: &str) -> String {
        let catalog = self.catalog();
        let mut rendering = Rendering::new(self.query(format, query));
        assert_eq!(rendering.advance(&catalog, self, || true), Progress::Done);
        rendering.into_body()
    }

    fn query(&self, format: Format, query: &str) -> Query {
        let path = format!("/metrics?{query}");
        let head = [(":method", "GET"), (":path", path.as_str()), ("accept", format.content_type())];
        match Asked::of(&head.into_iter().collect(), "/metrics") {
            Asked::Scrape(query) => query,
            other => panic!("{other:?}"),
        }
    }
}

impl Values for Proxy {
    fn name(&self, series: SeriesId) -> Option<&str> {
        self.0.get(series as usize).map(|(name, ..)| name.as_str())
    }

    fn value(&mut self, series: SeriesId) -> Option<u64> {
        self.0.get(series as usize)?.2
    }
}

fn proxy() -> Proxy {
    let mut proxy = Proxy::default();
    let acme = [(Label::Provider, "openai"), (Label::Model, "gpt-4o"), (Label::Team, "a \"b\" \\")];
    proxy.counter(&acme, "genops_cost_total_usd_pico", 5_120_000_000);
    proxy.counter(&[&acme[..], &[(Label::TokenType, "input")]].concat(), "genops_tokens_total", 1_200);
    proxy.counter(&[&acme[..], &[(Label::TokenType, "output")]].concat(), "genops_tokens_total", 340);
    let latency = [("0.5", 1), ("1.0", 3), ("+Inf", 4)];
    proxy.histogram(&acme[..1], "genops_operation_latency_seconds", &latency, 2_500_000_000);
    proxy.put(&[(Label::Version, "1")], "genops_filter_info", Kind::Gauge, Some(1));
    proxy
}

#[test]
fn text_has_help_type_labels_and_units() {
    let body = proxy().body(Format::Text);
    let expected = "\
# HELP genops_cost_total_usd Cost of LLM exchanges in US dollars, at list prices of the price book or as the provider stated it
# TYPE genops_cost_total_usd counter
genops_cost_total_usd{provider=\"openai\",model=\"gpt-4o\",team=\"a \\\"b\\\" \\\\\"} 0.00512
# HELP genops_tokens_total Tokens by type: input and output, which sum to all
# TYPE genops_tokens_total counter
genops_tokens_total{provider=\"openai\",model=\"gpt-4o\",team=\"a \\\"b\\\" \\\\\",type=\"input\"} 1200
genops_tokens_total{provider=\"openai\",model=\"gpt-4o\",team=\"a \\\"b\\\" \\\\\",type=\"output\"} 340
# HELP genops_operation_latency_seconds Request headers to end of the response stream
# TYPE genops_operation_latency_seconds histogram
genops_operation_latency_seconds_bucket{provider=\"openai\",le=\"0.5\"} 1
genops_operation_latency_seconds_bucket{provider=\"openai\",le=\"1.0\"} 3
genops_operation_latency_seconds_bucket{provider=\"openai\",le=\"+Inf\"} 4
genops_operation_latency_seconds_count{provider=\"openai\"} 4
genops_operation_latency_seconds_sum{provider=\"openai\"} 2.5
# HELP genops_filter_info 1, with the versions of the filter and of its price book
# TYPE genops_filter_info gauge
genops_filter_info{version=\"1\"} 1
# HELP genops_token_efficiency_tokens_per_usd Tokens for each US dollar spent
# TYPE genops_token_efficiency_tokens_per_usd gauge
genops_token_efficiency_tokens_per_usd{provider=\"openai\",model=\"gpt-4o\",team=\"a \\\"b\\\" \\\\\"} 300781.25
";
    assert_eq!(body, expected);
}

#[test]
fn open_metrics_names_families_by_its_own_rule() {
    let body = proxy().body(Format::OpenMetrics);
    for line in [
        "# TYPE genops_cost_total_usd unknown",
        "# TYPE genops_tokens counter",
        "# HELP genops_tokens Tokens by type: input and output, which sum to all",
        "# TYPE genops_operation_latency_seconds histogram",
        "# TYPE genops_filter_info gauge",
        "# EOF",
    ] {
        assert!(body.lines().any(|l| l == line), "no {line:?} in\n{body}");
    }
    assert!(body.ends_with("# EOF\n"), "{body}");
    assert_eq!(Proxy::default().body(Format::OpenMetrics), "# EOF\n");
    assert_eq!(Proxy::default().body(Format::Text), "");
}

#[test]
fn a_counter_whose_base_is_taken_is_unknown() {
    let mut proxy = Proxy::default();
    proxy.counter(&[], "x_total", 1);
    proxy.put(&[], "x", Kind::Gauge, Some(2));
    let body = proxy.body(Format::OpenMetrics);
    assert!(body.contains("# TYPE x_total unknown\nx_total 1\n") && body.contains("# TYPE x gauge\nx 2\n"), "{body}");
}

#[test]
fn no_table_s_family_takes_another_s_name_in_open_metrics() {
    let table = Table::new(SCHEMAS, "genops");
    for family in table.families() {
        let claims: Vec<String> = match (family.kind, family.name.strip_suffix("_total")) {
            (Kind::Counter, Some(base)) => vec![base.to_owned(), format!("{base}_created")],
            (Kind::Histogram, _) => {
                ["_bucket", "_count", "_sum", "_created"].map(|s| format!("{}{s}", family.name)).to_vec()
            }
            _ => Vec::new(),
        };
        for claim in claims {
            assert!(table.named(&claim).is_none(), "{} claims {claim}", family.name);
        }
    }
}

#[test]
fn a_table_that_comes_later_says_better_what_series_are() {
    let mut proxy = Proxy::default();
    proxy.counter(&[(Label::Team, "a")], "acme_tokens_input_total", 5);
    proxy.counter(&[(Label::Team, "a"), (Label::TokenType, "input")], "acme_tokens_total", 5);
    proxy.counter(&[(Label::Team, "a")], "acme_cost_total_usd_pico", 2_000_000_000_000);
    let mut catalog = proxy.catalog();
    let mut rendering = Rendering::new(proxy.query(Format::Text, ""));
    assert_eq!(rendering.advance(&catalog, &mut proxy, || true), Progress::Done);
    let guessed = rendering.into_body();
    assert!(guessed.contains("acme_cost_total_usd{team=\"a\"} 2\n") && guessed.contains("Not in the"), "{guessed}");

    let mut rendering = Rendering::new(proxy.query(Format::Text, ""));
    let before = catalog.generation();
    catalog.learn(&Table::new(SCHEMAS, "acme"));
    assert_ne!(before, catalog.generation());
    proxy.insert(&mut catalog);
    assert_eq!(rendering.advance(&catalog, &mut proxy, || true), Progress::Done);
    let body = rendering.into_body();
    assert!(!body.contains("Not in the"), "{body}");
    assert!(body.contains("acme_token_efficiency_tokens_per_usd{team=\"a\"} 2.5\n"), "{body}");
    let again = catalog.generation();
    catalog.learn(&Table::new(SCHEMAS, "acme"));
    assert_eq!(again, catalog.generation(), "nothing new in it");
}

#[test]
fn what_is_not_among_the_proxy_s_stats_is_not_shown() {
    let mut proxy = proxy();
    for (name, _, value) in &mut proxy.0 {
        if name.contains("_pico") || name.contains("le=.=0.5") {
            *value = None;
        }
    }
    let body = proxy.body(Format::Text);
    assert!(!body.contains("cost") && !body.contains("latency") && !body.contains("per_usd"), "{body}");
    assert!(body.contains("genops_tokens_total{"), "{body}");
}

#[test]
fn a_histogram_read_while_it_is_written_is_one_all_the_same() {
    let mut proxy = Proxy::default();
    // +Inf and the count lag, a bound in the middle too.
    proxy.histogram(&[], "genops_operation_latency_seconds", &[("0.5", 5), ("1.0", 4), ("5.0", 7), ("+Inf", 6)], 0);
    let body = proxy.body(Format::Text);
    let values: Vec<&str> = body.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split(' ').nth(1)).collect();
    assert_eq!(values, ["5", "5", "7", "7", "7", "0"], "{body}");
}

#[test]
fn half_a_histogram_waits() {
    let mut proxy = Proxy::default();
    proxy.counter(&[(Label::Le, "+Inf")], "genops_operation_latency_seconds_bucket", 0);
    proxy.counter(&[(Label::Le, "0.5")], "genops_operation_latency_seconds_bucket", 0);
    assert_eq!(proxy.body(Format::Text), "");
    proxy.counter(&[], "genops_operation_latency_seconds_count", 0);
    proxy.counter(&[], "genops_operation_latency_seconds_sum_nano", 0);
    assert!(proxy.body(Format::Text).contains("_bucket{le=\"0.5\"} 0\n"));
}

#[test]
fn an_efficiency_without_cost_is_absent() {
    let mut proxy = Proxy::default();
    proxy.counter(&[(Label::TokenType, "input")], "genops_tokens_total", 5);
    proxy.counter(&[], "genops_cost_total_usd_pico", 0);
    assert!(!proxy.body(Format::Text).contains("per_usd"));
}

#[test]
fn names_select_whole_families() {
    let body =
        proxy().selected(Format::Text, "name[]=genops_operation_latency_seconds_count&name%5B%5D=genops_filter_info");
    let families: Vec<&str> = body.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert_eq!(families, ["genops_operation_latency_seconds", "genops_filter_info"]);
    assert!(body.contains("_sum{") && body.contains("le=\"+Inf\""), "{body}");
    let ratio = proxy().selected(Format::Text, "name[]=genops_token_efficiency_tokens_per_usd");
    assert_eq!(ratio.lines().count(), 3, "{ratio}");
}

/// A reader of its own: families in one piece, each named once, labels unescaped. Gives samples.
fn read(body: &str) -> BTreeMap<(String, Vec<(String, String)>), f64> {
    let (mut samples, mut seen, mut family) = (BTreeMap::new(), Vec::new(), String::new());
    for line in body.lines().filter(|l| *l != "# EOF" && !l.starts_with("# HELP ")) {
        if let Some(head) = line.strip_prefix("# TYPE ") {
            family = head.split(' ').next().expect("a name").to_owned();
            assert!(!seen.contains(&family), "{family} twice");
            seen.push(family.clone());
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        assert!(name.starts_with(&family), "{name} under {family}");
        let mut pairs = Vec::new();
        let mut rest = labels.strip_suffix('}').unwrap_or(labels);
        while let Some((label, tail)) = rest.split_once("=\"") {
            let (mut value, mut chars, mut end) = (String::new(), tail.char_indices(), tail.len());
            while let Some((at, c)) = chars.next() {
                match c {
                    '\\' => value.push(chars.next().map_or('?', |(_, c)| if c == 'n' { '\n' } else { c })),
                    '"' => {
                        end = at + 1;
                        break;
                    }
                    c => value.push(c),
                }
            }
            pairs.push((label.trim_start_matches(',').to_owned(), value));
            rest = &tail[end..];
        }
        let before = samples.insert((name.to_owned(), pairs), value.parse().expect("a number"));
        assert_eq!(before, None, "{line} twice");
    }
    samples
}

proptest! {
    /// Whatever values labels have, in whatever slices: every series comes back once, with its float.
    #[test]
    fn series_come_back(
        sets in prop::collection::btree_map("[^\u{0}-\u{1f}\u{7f}-\u{9f};=]{1,12}[^\u{0}-\u{1f}\u{7f}-\u{9f};=.]", any::<u64>(), 0..40),
        slice in 1_usize..5,
    ) {
        let mut proxy = Proxy::default();
        let table = Table::default();
        let plain = table.fed().iter().filter(|f| f.kind == Kind::Counter).take(2);
        let stats: Vec<(&str, String)> =
            plain.map(|f| (&*f.name, format!("{}{}", f.name, f.fact.unit().suffix()))).collect();
        let mut expected = BTreeMap::new();
        for (project, value) in &sets {
            for (family, stat) in &stats {
                proxy.counter(&[(Label::Provider, "p"), (Label::Project, project)], stat, *value);
                let clean = crate::schema::stat_name::clean(project).into_owned();
                let labels = vec![("provider".to_owned(), "p".to_owned()), ("project".to_owned(), clean)];
                #[expect(clippy::cast_precision_loss, reason = "as a reader does")]
                let float = if stat.ends_with("_pico") { *value as f64 / 1e12 } else { *value as f64 };
                expected.insert(((*family).to_owned(), labels), float);
            }
        }
        // Values that clean to the same text are the caller's affair: it makes one series of them.
        prop_assume!(expected.len() == sets.len() * stats.len());
        let catalog = proxy.catalog();
        for format in [Format::Text, Format::OpenMetrics] {
            let mut rendering = Rendering::new(proxy.query(format, ""));
            let (mut looks, mut rounds) = (0, 0);
            while rendering.advance(&catalog, &mut proxy, || { looks += 1; looks % slice != 0 }) == Progress::More {
                rounds += 1;
                prop_assert!(rounds < 1000);
            }
            let body = rendering.into_body();
            prop_assert_eq!(&body, &proxy.body(format), "slices change nothing");
            let mut samples = read(&body);
            // Nothing over dollars is 0.
            samples.retain(|(name, _), _| name != "genops_token_efficiency_tokens_per_usd");
            prop_assert_eq!(samples, expected.clone());
        }
    }
}
