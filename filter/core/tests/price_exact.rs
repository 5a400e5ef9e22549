//! Money against arithmetic that has no bounds: the nearest whole pico-dollar to the exact rational, for any usage.
//!
//! The other side of the comparison reads the book's files itself, chooses entries by scanning them, and takes parts
//! out of wholes by recursion, all in big integers; only the format's own types are shared with the filter.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::LazyLock;

use genops_core::price::book::{self, Date, Dimension, Key, Kind, Model, ProviderFile, Tier, UniqueMap, When};
use genops_core::price::{Charge, Context, price};
use genops_core::schema::{Fact, observations};
use genops_core::usage::{Nano, Share};
use genops_core::{Config, End, Exchange, Head, UnpricedReason, Usage};
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

/// Rates by dimension in 1e-15 dollars, as big integers; and by what tokens are multiplied, in millionths.
#[derive(Default)]
struct Rates {
    by: BTreeMap<Dimension, BigInt>,
    millionths: BigInt,
}

/// What is told of an exchange.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    tier: Option<&'static str>,
    region: Option<&'static str>,
    geo: Option<&'static str>,
    size: Option<&'static str>,
}

impl Told {
    fn context(self) -> Context<'static> {
        let Self { tier, region, geo, size } = self;
        Context { service_tier: tier, region, geo, size, ..Context::default() }
    }

    fn get(self, key: Key) -> Option<&'static str> {
        match key {
            Key::ServiceTier => self.tier,
            Key::Region => self.region,
            Key::Geo => self.geo,
            Key::Size => self.size,
            _ => None,
        }
    }

    fn meets(self, when: &When) -> bool {
        let pattern = |key: Key, pattern: &str, value: &str| match pattern.split_once('*') {
            None => pattern == value,
            Some(("", _)) => key != Key::Region || value != "global",
            Some((start, _)) => value.starts_with(start),
        };
        let holds = |(key, values): &(Key, Vec<String>)| {
            self.get(*key).is_some_and(|told| values.iter().any(|value| pattern(*key, value, told)))
        };
        when.0.iter().all(holds)
    }
}

fn lay(rates: &mut Rates, plain: &UniqueMap<book::Rate>, tiers: &[Tier], input: u64) {
    let key = |key: &str| Dimension::parse(key).expect("a dimension");
    for (name, rate) in plain.iter() {
        // The last tier that is exceeded and names the dimension.
        let tier = tiers.iter().filter(|tier| input > tier.over).filter_map(|tier| tier.rates.get(name)).next_back();
        rates.by.insert(key(name), BigInt::from(tier.unwrap_or(rate).0));
    }
}

/// Whether an entry's hours, weekdays and calendar hold at a second.
fn within(file: &ProviderFile, prices: &book::Prices, at: i64) -> bool {
    let (day, minute) = (at.div_euclid(86_400), at.rem_euclid(86_400) / 60);
    // 1970-01-05 was a Monday.
    let working = |day: i64| {
        let weekday = (day - 4).rem_euclid(7);
        let free = prices
            .except
            .as_deref()
            .and_then(|name| file.calendars.get(name))
            .is_some_and(|calendar| calendar.days.iter().any(|free| i64::from(free.0) == day));
        prices.days.0 & 1 << weekday != 0 && !free
    };
    if prices.windows.is_empty() {
        return working(day);
    }
    prices.windows.iter().any(|window| {
        let (start, end) = (i64::from(window.start), i64::from(window.end));
        let long = (end - start).rem_euclid(1_440);
        // Begun today, or yesterday and not yet over.
        [(day, minute), (day - 1, minute + 1_440)]
            .into_iter()
            .any(|(day, minute)| (start..start + long).contains(&minute) && working(day))
    })
}

fn rates(file: &ProviderFile, model: &Model, at: i64, told: Told, input: u64) -> Option<Rates> {
    let started = |from: Option<Date>| from.is_none_or(|day| at >= i64::from(day.0) * 86_400);
    let active = |p: &&book::Prices| started(p.from) && within(file, p, at);
    let entry = model.prices.iter().rfind(active).or_else(|| model.prices.first())?;
    let mut found = Rates { millionths: BigInt::from(1_000_000), ..Rates::default() };
    lay(&mut found, &entry.rates, &entry.tiers, input);
    let variants: Vec<_> = model.variants.iter().filter(|v| told.meets(&v.when) && started(v.from)).collect();
    variants.iter().for_each(|v| lay(&mut found, &v.rates, &v.tiers, input));
    let multipliers: Vec<_> = model.multipliers.iter().filter(|m| told.meets(&m.when) && started(m.from)).collect();
    // No model of the book has two for one set of keys that can hold at once.
    for multiplier in &multipliers {
        found.millionths = found.millionths * multiplier.by.0 / 100;
    }
    let answers = |key: Key| {
        let names = |when: &When| when.0.iter().any(|(k, _)| *k == key);
        variants.iter().any(|v| names(&v.when)) || multipliers.iter().any(|m| names(&m.when))
    };
    let unknown = [(Key::ServiceTier, told.tier), (Key::Geo, told.geo)];
    if unknown.into_iter().any(|(key, value)| value.is_some() && !answers(key)) {
        return None;
    }
    let whens = model.variants.iter().map(|v| &v.when).chain(model.multipliers.iter().map(|m| &m.when));
    let sizes: Vec<_> = whens.flat_map(|when| &when.0).filter(|(key, _)| *key == Key::Size).collect();
    let named = |size: &str| sizes.iter().any(|(_, values)| values.iter().any(|value| value == size));
    if told.size.is_some_and(|size| !sizes.is_empty() && !named(size)) {
        return None;
    }
    Some(found)
}

/// The usage with reasoning inside the output, where the provider tells it beside.
fn inclusive(file: &ProviderFile, usage: &Usage) -> Usage {
    let beside = usage.reasoning.filter(|_| file.reasoning_beside).unwrap_or(0);
    Usage { output: usage.output.map(|output| output + beside), ..usage.clone() }
}

/// What was used of a dimension, in billionths, raised to the model's minimum.
fn figure(usage: &Usage, model: &Model, dimension: Dimension) -> Option<BigInt> {
    use Dimension as D;
    let whole = match dimension {
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
        D::StorageSearch => usage.storage_searches,
        D::SearchUnit => usage.search_units,
        D::Character => usage.characters,
        D::Page => usage.pages,
        D::Image => usage.images,
        D::ImagePixel => usage.image_pixels,
        D::VideoPixel => usage.video_pixels,
        D::Request => Some(1),
        _ => None,
    };
    let fraction = match dimension {
        D::AudioSecond => usage.audio_seconds.or(usage.input_audio_seconds),
        D::InputAudioSecond => usage.input_audio_seconds,
        D::VideoSecond => usage.video_seconds,
        _ => None,
    };
    let told = whole.map(|whole| BigInt::from(whole) * 1_000_000_000).or(fraction.map(|Nano(n)| BigInt::from(n)))?;
    let least = model.min.get(dimension.as_str()).map_or(BigInt::ZERO, |least| BigInt::from(least.0));
    let most = model.max.get(dimension.as_str()).map(|most| BigInt::from(most.0));
    let told = told.max(least);
    Some(most.map_or(told.clone(), |most| told.min(most)))
}

/// What the rate of `dimension` pays for: its figure without what rates of its parts pay for.
fn own(usage: &Usage, model: &Model, rates: &Rates, dimension: Dimension) -> BigInt {
    let parts = rates.by.keys().filter(|part| part.is_part_of(dimension));
    let taken: BigInt = parts.map(|part| own(usage, model, rates, *part)).sum();
    figure(usage, model, dimension).unwrap_or_default() - taken
}

/// The exact cost in dollars as numerator and denominator; `None` where the figures contradict each other.
fn exact(usage: &Usage, model: &Model, rates: &Rates) -> Option<(BigInt, BigInt)> {
    let one = BigInt::from(1_000_000_u64);
    // Billionths, rates of 15 decimals, millionths.
    let scale = BigInt::from(10_u64).pow(9 + 15 + 6);
    let (mut numerator, mut denominator) = (BigInt::ZERO, BigInt::from(1));
    for (dimension, rate) in &rates.by {
        let own = own(usage, model, rates, *dimension);
        if own < BigInt::ZERO {
            return None;
        }
        let multiplier = if dimension.kind() == Kind::Token { &rates.millionths } else { &one };
        let per = BigInt::from(dimension.per());
        numerator = numerator * &per + own * rate * multiplier * &denominator;
        denominator *= per;
    }
    Some((numerator, denominator * scale))
}

/// Whether a cost is the nearest whole pico-dollar: |ours / 10^12 - exact| <= 1 / (2 * 10^12).
fn is_nearest(pico: u64, numerator: &BigInt, denominator: &BigInt) -> bool {
    let distance = BigInt::from(pico) * denominator - numerator * BigInt::from(1_000_000_000_000_u64);
    distance.magnitude() * 2_u32 <= *denominator.magnitude()
}

/// How exchanges are served: plainly most of the time.
fn told() -> impl Strategy<Value = Told> {
    let one_of = |values: &'static [&'static str]| prop::option::weighted(0.3, prop::sample::select(values));
    let tier = one_of(&["flex", "priority", "fast", "ultrafast"]);
    let region = one_of(&["eu", "us", "ca", "global", "europe-west1", "us-east-1", "us-gov-west-1"]);
    let size = one_of(&["default", "1024x1024", "1792x1024", "720p", "1080p", "4k"]);
    (tier, region, prop::option::weighted(0.1, Just("us")), size).prop_map(|(tier, region, geo, size)| Told {
        tier,
        region,
        geo,
        size,
    })
}

/// Figures whose parts mostly fit into their wholes, and sometimes do not; tokens, other measures, or both.
fn usages() -> impl Strategy<Value = Usage> {
    let size = prop_oneof![0..10_u64, 0..300_000_u64, 0..2_000_000_u64, 0..1_u64 << 40];
    let share = || prop::option::weighted(0.4, 0.0..1.02_f64);
    let some = |limit: u64| prop::option::weighted(0.1, 0..limit);
    let tokens = (size.clone(), size, prop::array::uniform8(share()), some(9), prop::bool::weighted(0.85));
    let seconds = prop::array::uniform3(prop::option::weighted(0.15, 0..20_000_000_000_000_u64));
    (tokens, seconds, some(9), some(100), some(50_000), some(2_000), some(11)).prop_map(
        |((input, output, shares, web_searches, told), seconds, stored, units, characters, pages, images)| {
            let of = |whole: u64, share: Option<f64>| share.map(|share| (whole as f64 * share) as u64);
            let [read, write, audio, image, reasoning, long, spoken, cited] = shares;
            let cache_write = of(input / 3, write);
            let cache_write_1h = cache_write.and_then(|write| of(write, long));
            let [heard, session, video] = seconds.map(|seconds| seconds.map(Nano));
            let measures = Usage {
                web_searches,
                storage_searches: stored,
                search_units: units,
                characters,
                pages,
                images,
                input_audio_seconds: heard,
                audio_seconds: session.map(|Nano(all)| Nano(all + heard.map_or(0, |Nano(heard)| heard))),
                video_seconds: video,
                ..Usage::default()
            };
            if !told {
                return measures;
            }
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
                ..measures
            }
        },
    )
}

/// A model of the book by a random index, with its file and its name.
fn pick(index: prop::sample::Index) -> (&'static ProviderFile, &'static str, &'static Model) {
    let (file, at) = MODELS[index.index(MODELS.len())];
    let (name, model) = &BOOK[file].models.0[at];
    (&BOOK[file], name, model)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn a_cost_is_the_nearest_pico_dollar(
        model in any::<prop::sample::Index>(),
        usage in usages(),
        at in 1_700_000_000..1_850_000_000_i64,
        told in told(),
    ) {
        let (file, name, model) = pick(model);
        let ours = price(&Charge { provider: &file.provider, model: name, at, usage: &usage, context: told.context() });
        let ours = ours.map(|priced| priced.pico_usd);
        if usage == Usage::default() {
            prop_assert_eq!(ours, Err(UnpricedReason::NoUsage));
            return Ok(());
        }
        let Some(rates) = rates(file, model, at, told, usage.input.unwrap_or(0)) else {
            prop_assert_eq!(ours, Err(UnpricedReason::UnknownTier));
            return Ok(());
        };
        let usage = inclusive(file, &usage);
        let figure = |d: Dimension| figure(&usage, model, d);
        let used = |d: &Dimension| d.kind() != Kind::Request && figure(*d).is_some_and(|n| n > BigInt::ZERO);
        let paid = |d: &Dimension| rates.by.keys().any(|rate| rate == d || d.is_part_of(*rate));
        let unpaid: Vec<_> = Dimension::ALL.into_iter().filter(used).filter(|d| !paid(d)).collect();
        match (ours, exact(&usage, model, &rates)) {
            (Ok(ours), Some((numerator, denominator))) => {
                prop_assert!(is_nearest(ours, &numerator, &denominator), "{} {}", file.provider, name);
                prop_assert!(unpaid.iter().all(|d| d.kind() == Kind::Measure), "{:?}", unpaid);
            }
            (Err(UnpricedReason::InconsistentUsage), exact) => prop_assert_eq!(exact, None),
            (Err(UnpricedReason::MissingRate), _) => {
                prop_assert!(unpaid.iter().any(|d| d.kind() != Kind::Measure), "{:?}", unpaid);
            }
            (Err(UnpricedReason::UnsupportedUnit), _) => {
                let counts = |d: &&Dimension| d.kind() != Kind::Request;
                let billed = |d: &Dimension| figure(*d).is_some_and(|n| unpaid.is_empty() || n > BigInt::ZERO);
                prop_assert!(!rates.by.keys().filter(counts).any(billed), "{:?}", unpaid);
            }
            (Err(UnpricedReason::Overflow), Some((numerator, denominator))) => {
                let huge = usage.output.is_some_and(|output| output > 1 << 40);
                prop_assert!(huge || numerator / denominator > BigInt::from(18_000_000));
            }
            (ours, exact) => prop_assert!(false, "{:?} {:?}", ours, exact.is_some()),
        }
    }

    #[test]
    fn a_bill_over_several_models_is_rounded_once(
        models in prop::collection::vec((any::<prop::sample::Index>(), usages()), 1..5),
        at in 1_700_000_000..1_850_000_000_i64,
        told in told(),
    ) {
        // All of the provider of the first one.
        let (file, first, _) = pick(models[0].0);
        let of = |index: prop::sample::Index| {
            let priced: Vec<_> = file.models.0.iter().filter(|(_, model)| !model.prices.is_empty()).collect();
            priced[index.index(priced.len())]
        };
        let shares = models.iter().map(|(index, usage)| {
            Share { model: Some(of(*index).0.clone()), usage: usage.clone() }
        });
        let usage = Usage { shares: shares.collect(), ..Usage::default() };
        let ours = price(&Charge { provider: &file.provider, model: first, at, usage: &usage, context: told.context() });
        let Ok(ours) = ours else { return Ok(()) };
        let (mut numerator, mut denominator) = (BigInt::ZERO, BigInt::from(1));
        for (place, (index, usage)) in models.iter().enumerate() {
            let model = &of(*index).1;
            let rates = rates(file, model, at, told, usage.input.unwrap_or(0));
            let mut rates = rates.ok_or_else(|| TestCaseError::fail("a share without a rate"))?;
            if place > 0 {
                // The fee for a request falls due once.
                rates.by.remove(&Dimension::Request);
            }
            let part = exact(&inclusive(file, usage), model, &rates);
            let (more, per) = part.ok_or_else(|| TestCaseError::fail("a share that contradicts itself"))?;
            numerator = numerator * &per + more * &denominator;
            denominator *= per;
        }
        prop_assert!(is_nearest(ours.pico_usd, &numerator, &denominator), "{}", file.provider);
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

proptest! {
    // Sums do not need many: fewer, and whole exchanges.

    #[test]
    fn counters_are_the_sum_of_the_exchanges_however_they_were_split(
        exchanges in prop::collection::vec((0..3_usize, 0..2_000_000_u64, 0..200_000_u64, 0..4_usize), 1..24),
    ) {
        // Rates whose products are no whole pico-dollars: 0.003625 and 0.083333333333333 per million, and more.
        let config = r#"{"provider": "acme", "prices": {"acme": {"unlisted": "parent", "models": {
            "m0": {"prices": [{"rates": {"input": "0.083333333333333", "output": "0.0000005"}}]},
            "m1": {"prices": [{"rates": {"input": "0.003625", "output": "1.000000500001"}}]},
            "m2": {"prices": [{"rates": {"input": "0.0000011", "output": "3"}}]}}}}}"#;
        let config = Rc::new(Config::parse(config.as_bytes()).expect("valid"));
        let cost = config.table.fed().iter().position(|family| family.fact == Fact::Cost).expect("a family counts the cost");
        let (mut workers, mut alone, mut sum) = ([0_u64; 4], 0_u64, 0_u64);
        for (model, input, output, worker) in exchanges {
            let request = Head::from_iter([(":method", "POST"), (":authority", "x"), (":path", "/v1/chat/completions")]);
            let mut exchange = Exchange::new(Rc::clone(&config), &request, 1_795_089_600_000_000_000);
            exchange.response_head(&Head::from_iter([(":status", "200"), ("content-type", "application/json")]));
            let body = format!(
                r#"{{"model":"m{model}","choices":[{{}}],"usage":{{"prompt_tokens":{input},"completion_tokens":{output}}}}}"#
            );
            exchange.response_body(body.as_bytes(), || 1);
            exchange.response_end();
            let record = exchange.finish(End::Client, 1_795_089_601_000_000_000);
            sum += record.cost_usd.expect("every model has a price").0;
            observations(&config.table, &record, |observation| {
                if observation.family == cost {
                    workers[worker] += observation.value;
                    alone += observation.value;
                }
            });
        }
        prop_assert_eq!(workers.iter().sum::<u64>(), alone);
        prop_assert_eq!(alone, sum);
    }
}
