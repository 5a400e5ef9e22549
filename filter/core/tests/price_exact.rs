//! Money against arithmetic that has no bounds: the nearest whole pico-dollar to the exact rational, for any usage.
//!
//! The other side of the comparison reads the book's files itself, chooses entries by scanning them, and takes parts
//! out of wholes by recursion, all in big integers; only the format's own types are shared with the filter.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use genops_core::price::book::{self, Date, Dimension, Key, Kind, Model, ProviderFile, Tier, UniqueMap};
use genops_core::price::{Charge, Context, price};
use genops_core::{UnpricedReason, Usage};
use num_bigint::BigInt;
use proptest::prelude::*;

static BOOK: LazyLock<Vec<ProviderFile>> = LazyLock::new(|| {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../prices/book");
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).expect("the book").map(|e| e.expect("a file").path()).collect();
    paths.sort();
    let text = |path| std::fs::read_to_string(path).expect("text");
    paths.iter().map(|path| book::parse(&text(path)).expect("a book file")).collect()
});

/// (file, model) of every model with prices.
static MODELS: LazyLock<Vec<(usize, usize)>> = LazyLock::new(|| {
    let models = |(number, file): (usize, &ProviderFile)| {
        let priced = file.models.0.iter().enumerate().filter(|(_, (_, model))| !model.prices.is_empty());
        priced.map(|(index, _)| (number, index)).collect::<Vec<_>>()
    };
    BOOK.iter().enumerate().flat_map(models).collect()
});

/// Rates by dimension in 1e-15 dollars, as big integers.
type Rates = BTreeMap<Dimension, BigInt>;

fn lay(rates: &mut Rates, plain: &UniqueMap<book::Rate>, tiers: &[Tier], input: u64) {
    let key = |key: &str| Dimension::parse(key).expect("a dimension");
    for (name, rate) in plain.iter() {
        // The last tier that is exceeded and names the dimension.
        let tier = tiers.iter().filter(|tier| input > tier.over).filter_map(|tier| tier.rates.get(name)).next_back();
        rates.insert(key(name), BigInt::from(tier.unwrap_or(rate).0));
    }
}

fn rates(model: &Model, at: i64, tier: Option<&str>, input: u64) -> Option<Rates> {
    let started = |from: Option<Date>| from.is_none_or(|day| at >= i64::from(day.0) * 86_400);
    let minute = at.rem_euclid(86_400) / 60;
    let inside = |w: &book::Window| {
        let (start, end) = (i64::from(w.start), i64::from(w.end));
        if start < end { (start..end).contains(&minute) } else { !(end..start).contains(&minute) }
    };
    let active = |p: &&book::Prices| started(p.from) && (p.windows.is_empty() || p.windows.iter().any(inside));
    let entry = model.prices.iter().rfind(active).or_else(|| model.prices.first())?;
    let mut found = Rates::new();
    lay(&mut found, &entry.rates, &entry.tiers, input);
    if let Some(tier) = tier {
        let named = |v: &&book::Variant| {
            v.when.0.iter().all(|(key, values)| *key == Key::ServiceTier && values.iter().any(|v| v == tier))
        };
        let variants: Vec<_> = model.variants.iter().filter(named).filter(|v| started(v.from)).collect();
        if variants.is_empty() {
            return None;
        }
        variants.iter().for_each(|v| lay(&mut found, &v.rates, &v.tiers, input));
    }
    Some(found)
}

/// The usage with reasoning inside the output, where the provider tells it beside.
fn inclusive(file: &ProviderFile, usage: &Usage) -> Usage {
    let beside = usage.reasoning.filter(|_| file.reasoning_beside).unwrap_or(0);
    Usage { output: usage.output.map(|output| output + beside), ..usage.clone() }
}

fn figure(usage: &Usage, dimension: Dimension) -> Option<u64> {
    use Dimension as D;
    match dimension {
        D::Input => usage.input,
        D::InputAudio => usage.input_audio,
        D::InputImage => usage.input_image,
        D::InputVideo => usage.input_video,
        D::InputTool => usage.input_tool,
        D::CacheRead => usage.cache_read,
        D::CacheReadAudio => usage.cache_read_audio,
        D::CacheReadImage => usage.cache_read_image,
        D::CacheReadVideo => usage.cache_read_video,
        D::CacheWrite => usage.cache_write,
        D::CacheWrite5m => usage.cache_write_5m,
        D::CacheWrite1h => usage.cache_write_1h,
        D::Output => usage.output.map(|output| output + usage.citation.unwrap_or(0)),
        D::Reasoning => usage.reasoning,
        D::OutputAudio => usage.output_audio,
        D::OutputImage => usage.output_image,
        D::OutputVideo => usage.output_video,
        D::Citation => usage.citation,
        D::WebSearch => usage.web_searches,
        D::Request => Some(1),
        _ => None,
    }
}

/// What the rate of `dimension` pays for: its figure without what rates of its parts pay for.
fn own(usage: &Usage, rates: &Rates, dimension: Dimension) -> BigInt {
    let parts = rates.keys().filter(|part| part.is_part_of(dimension));
    let taken: BigInt = parts.map(|part| own(usage, rates, *part)).sum();
    BigInt::from(figure(usage, dimension).unwrap_or(0)) - taken
}

/// The exact cost in dollars as numerator and denominator; `None` where the figures contradict each other.
fn exact(usage: &Usage, rates: &Rates) -> Option<(BigInt, BigInt)> {
    let mut numerator = BigInt::ZERO;
    let mut denominator = BigInt::from(1_000_000_000_000_000_u64);
    for (dimension, rate) in rates {
        let own = own(usage, rates, *dimension);
        if own < BigInt::ZERO {
            return None;
        }
        let per = BigInt::from(dimension.per());
        numerator = numerator * &per + own * rate * &denominator / BigInt::from(1_000_000_000_000_000_u64);
        denominator *= per;
    }
    Some((numerator, denominator))
}

/// Figures whose parts mostly fit into their wholes, and sometimes do not.
fn usages() -> impl Strategy<Value = Usage> {
    let size = prop_oneof![0..10_u64, 0..300_000_u64, 0..2_000_000_u64, 0..1_u64 << 40];
    let share = || prop::option::weighted(0.4, 0.0..1.02_f64);
    (size.clone(), size, prop::array::uniform8(share()), prop::option::weighted(0.1, 0..9_u64)).prop_map(
        |(input, output, shares, web_searches)| {
            let of = |whole: u64, share: Option<f64>| share.map(|share| (whole as f64 * share) as u64);
            let [read, write, audio, image, reasoning, long, spoken, cited] = shares;
            let cache_write = of(input / 3, write);
            let cache_write_1h = cache_write.and_then(|write| of(write, long));
            Usage {
                input: Some(input),
                output: Some(output),
                cache_read: of(input / 3, read),
                cache_write,
                cache_write_1h,
                input_audio: of(input / 8, audio),
                input_image: of(input / 8, image),
                cache_read_audio: read.and(audio).map(|_| 0),
                cache_read_image: read.and(image).map(|_| 0),
                reasoning: of(output, reasoning),
                output_audio: of(output / 4, spoken.filter(|_| reasoning.is_none())),
                citation: of(1_000, cited),
                web_searches,
                ..Usage::default()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn a_cost_is_the_nearest_pico_dollar(
        model in any::<prop::sample::Index>(),
        usage in usages(),
        at in 1_700_000_000..1_850_000_000_i64,
        tier in prop::option::weighted(0.3, prop::sample::select(vec!["flex", "priority", "fast"])),
    ) {
        let (file, index) = MODELS[model.index(MODELS.len())];
        let (file, (name, model)) = (&BOOK[file], &BOOK[file].models.0[index]);
        let context = Context { service_tier: tier, ..Context::default() };
        let ours = price(&Charge { provider: &file.provider, model: name, at, usage: &usage, context });
        let Some(rates) = rates(model, at, tier, usage.input.unwrap_or(0)) else {
            prop_assert_eq!(ours, Err(UnpricedReason::UnknownTier));
            return Ok(());
        };
        let usage = inclusive(file, &usage);
        match (ours, exact(&usage, &rates)) {
            (Ok(ours), Some((numerator, denominator))) => {
                // |ours / 10^12 - exact| <= 1 / (2 * 10^12)
                let pico = BigInt::from(1_000_000_000_000_u64);
                let distance = BigInt::from(ours.pico_usd) * &denominator - numerator * &pico;
                prop_assert!(distance.magnitude() * 2_u32 <= *denominator.magnitude(), "{} {}", file.provider, name);
            }
            (Err(UnpricedReason::InconsistentUsage), exact) => prop_assert_eq!(exact, None),
            (Err(UnpricedReason::MissingRate), _) => {
                let covered = |d: Dimension| rates.keys().any(|rate| *rate == d || d.is_part_of(*rate));
                let used = |d: &Dimension| d.kind() != Kind::Request && figure(&usage, *d).is_some_and(|n| n > 0);
                prop_assert!(Dimension::ALL.into_iter().filter(used).any(|d| !covered(d)));
            }
            (Err(UnpricedReason::UnsupportedUnit), _) => {
                prop_assert!(!rates.contains_key(&Dimension::Input) && !rates.contains_key(&Dimension::Output));
            }
            (Err(UnpricedReason::Overflow), Some((numerator, denominator))) => {
                let huge = usage.output.is_some_and(|output| output > 1 << 40);
                prop_assert!(huge || numerator / denominator > BigInt::from(18_000_000));
            }
            (ours, exact) => prop_assert!(false, "{:?} {:?}", ours, exact.is_some()),
        }
    }

    #[test]
    fn no_name_and_no_figure_panics(
        provider in prop_oneof![Just("openai".to_owned()), Just("aws-bedrock".to_owned()), Just("google".to_owned()),
            Just("openrouter".to_owned()), Just("fireworks".to_owned()), ".*"],
        name in prop_oneof![".*", "(arn:|models/|ft:|us\\.|publishers/)?[a-z0-9.:/@%-]{0,60}",
            "gpt-4o[-@:.]?[0-9-]{0,12}", "claude-opus-5[-@][0-9]{0,8}(-v[0-9]:0)?(:[0-9]{1,3}k)?"],
        figures in prop::array::uniform10(prop::option::of(any::<u64>())),
        at in any::<i64>(),
        tier in prop::option::of(".*"),
    ) {
        let [input, output, cache_read, cache_write, reasoning, citation, billed_input, web, audio, cached] = figures;
        let usage = Usage {
            input, output, cache_read, cache_write, reasoning, citation, billed_input, web_searches: web,
            input_audio: audio, cache_read_audio: cached, ..Usage::default()
        };
        let context = Context { service_tier: tier.as_deref(), ..Context::default() };
        _ = price(&Charge { provider: &provider, model: &name, at, usage: &usage, context });
    }
}
