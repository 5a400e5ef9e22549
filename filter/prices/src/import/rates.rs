//! Prices of genai-prices to the book's.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use genops_core::price::book::{
    Dated, Dimension, Key, Model, Prices, RATE_DECIMALS, Rate, Tier, UniqueMap, Variant, When,
};

use super::genai::{self, Constraint, Price};
use super::owner::Owner;
use super::spelling::Spelling;

/// Decimals to which a float's noise is rounded away: price lists print no more.
const LISTED_DECIMALS: usize = 6;
/// Largest relative distance of such noise.
const NOISE: f64 = 1e-9;

/// A model of the book.
pub(super) fn model(model: &genai::Model, owner: &Owner, spelling: Spelling, free: bool) -> Result<Model> {
    let mut prices = match &model.prices {
        genai::Prices::Always(rates) if rates.is_empty() => Vec::new(),
        genai::Prices::Always(rates) => vec![entry(None, rates)?],
        genai::Prices::Conditional(entries) => {
            entries.iter().map(|e| entry(e.constraint.as_ref(), &e.prices)).collect::<Result<_>>()?
        }
    };
    ensure!(!free || prices.is_empty(), "is said to be free of charge, but has prices");
    merge_windows(&mut prices);
    for entry in &mut prices {
        include_output(entry);
        include_search(owner, entry);
    }
    let mut variants: Vec<Variant> = Vec::new();
    // There the first one that applies counts, in the book the last.
    for variant in model.variants.iter().rev().filter(|variant| !variant.prices.is_empty()) {
        add_variant(&mut variants, self::variant(variant)?);
    }
    let Spelling { id: _, alias, dated, geo } = spelling;
    let dated = if dated { Dated::Any } else { Dated::None };
    Ok(Model { alias, dated, geo, free, prices, variants, ..Model::default() })
}

/// Embeddings and the like are priced by their input alone: what some of them report as output costs nothing more.
fn include_output(prices: &mut Prices) {
    let [input, output] = [Dimension::Input, Dimension::Output].map(Dimension::as_str);
    if prices.rates.get(input).is_some() && prices.rates.get(output).is_none() {
        prices.rates.0.push((output.to_owned(), Rate(0)));
    }
}

/// Where searches are part of the request fee, the book says so: they cost nothing more.
fn include_search(owner: &Owner, prices: &mut Prices) {
    let key = Dimension::WebSearch.as_str();
    if owner.search_included && prices.rates.get(key).is_none() {
        prices.rates.0.push((key.to_owned(), Rate(0)));
    }
}

/// One entry with several windows instead of one entry for each, where they stand together.
fn merge_windows(prices: &mut Vec<Prices>) {
    prices.dedup_by(|next, entry| {
        let same = next.rates == entry.rates && next.tiers == entry.tiers && next.from == entry.from;
        let merge = same && !next.windows.is_empty() && !entry.windows.is_empty();
        if merge {
            entry.windows.append(&mut next.windows);
        }
        merge
    });
}

fn entry(constraint: Option<&Constraint>, source: &genai::Rates) -> Result<Prices> {
    let (rates, tiers) = rates(source)?;
    let mut prices = Prices { rates, tiers, ..Prices::default() };
    match constraint {
        None => {}
        Some(Constraint::From { start_date }) => prices.from = Some(start_date.parse().map_err(anyhow::Error::msg)?),
        Some(Constraint::Daily { start_time, end_time }) => {
            let minute = |time: &str| {
                let time =
                    time.strip_suffix(":00+00:00").with_context(|| format!("{time} is no whole minute in UTC"))?;
                Ok::<_, anyhow::Error>(time.to_owned())
            };
            let window = format!("{}-{}", minute(start_time)?, minute(end_time)?);
            prices.windows.push(window.parse().map_err(anyhow::Error::msg)?);
        }
    }
    Ok(prices)
}

fn variant(source: &genai::Variant) -> Result<Variant> {
    let from = match &source.constraint {
        None => None,
        Some(Constraint::From { start_date }) => Some(start_date.parse().map_err(anyhow::Error::msg)?),
        Some(Constraint::Daily { .. }) => bail!("a variant by the hour has no place in the book yet"),
    };
    let mut conditions = source.when.iter();
    let (Some((name, value)), None) = (conditions.next(), conditions.next()) else {
        bail!("a variant with {} conditions has no place in the book yet", source.when.len());
    };
    let values = vec![value.to_lowercase()];
    let key = Key::ALL.into_iter().find(|known| known.as_str() == name);
    let when = When::one(key.with_context(|| format!("condition {name} has no place in the book yet"))?, values);
    let (rates, tiers) = rates(&source.prices)?;
    Ok(Variant { from, when, rates, tiers })
}

/// Adds a variant; one that only has another name for the same thing joins the one before it.
fn add_variant(variants: &mut Vec<Variant>, variant: Variant) {
    if let Some(last) = variants.last_mut()
        && last.from == variant.from
        && last.rates == variant.rates
        && last.tiers == variant.tiers
        && let ([(Key::ServiceTier, known)], [(Key::ServiceTier, more)]) = (&mut last.when.0[..], &variant.when.0[..])
    {
        known.extend_from_slice(more);
        return;
    }
    variants.push(variant);
}

fn rates(source: &genai::Rates) -> Result<(UniqueMap<Rate>, Vec<Tier>)> {
    let mut rates = Vec::new();
    let mut tiers: BTreeMap<u64, Vec<(Dimension, Rate)>> = BTreeMap::new();
    for (key, price) in source {
        let dimension = dimension(key)?;
        let base = match price {
            Price::Flat(base) => base,
            Price::Tiered { base, tiers: steps } => {
                for step in steps {
                    tiers.entry(step.start).or_default().push((dimension, rate(&step.price)?));
                }
                base
            }
        };
        rates.push((dimension, rate(base)?));
    }
    let tiers = tiers.into_iter().map(|(over, rates)| Tier { over, rates: keyed(rates) });
    Ok((keyed(rates), tiers.collect()))
}

fn keyed(mut rates: Vec<(Dimension, Rate)>) -> UniqueMap<Rate> {
    rates.sort_by_key(|(dimension, _)| *dimension);
    rates.into_iter().map(|(dimension, rate)| (dimension.as_str().to_owned(), rate)).collect()
}

/// The book's dimension of a price key.
fn dimension(key: &str) -> Result<Dimension> {
    use Dimension as D;
    Ok(match key {
        "input_mtok" => D::Input,
        "input_audio_mtok" => D::InputAudio,
        "input_image_mtok" => D::InputImage,
        "input_video_mtok" => D::InputVideo,
        "cache_read_mtok" => D::CacheRead,
        "cache_audio_read_mtok" => D::CacheReadAudio,
        "cache_image_read_mtok" => D::CacheReadImage,
        "cache_video_read_mtok" => D::CacheReadVideo,
        "cache_write_mtok" => D::CacheWrite,
        "cache_write_5m_mtok" => D::CacheWrite5m,
        "cache_write_1h_mtok" => D::CacheWrite1h,
        "output_mtok" => D::Output,
        "output_reasoning_mtok" => D::Reasoning,
        "output_audio_mtok" => D::OutputAudio,
        "output_image_mtok" => D::OutputImage,
        "output_video_mtok" => D::OutputVideo,
        "output_citation_mtok" => D::Citation,
        "requests_kcount" => D::Request,
        "web_searches_kcount" => D::WebSearch,
        "storage_searches_kcount" => D::StorageSearch,
        "rerank_searches_kcount" => D::SearchUnit,
        "input_mchars" => D::Character,
        "input_text_messages_kcount" => D::TextMessage,
        "audio_hours" => D::AudioSecond,
        "input_audio_hours" => D::InputAudioSecond,
        "input_document_kpages" => D::Page,
        "input_annotated_document_kpages" => D::AnnotatedPage,
        _ => bail!("price {key} has no dimension in the book yet"),
    })
}

/// The exact rate. Some figures of resellers went through a float once (1.0399999999999998): what is within its noise
/// of a listed figure is that figure, other quotients keep as many decimals as the book has.
fn rate(text: &str) -> Result<Rate> {
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    if decimals <= LISTED_DECIMALS {
        return Ok(text.parse()?);
    }
    let value: f64 = text.parse()?;
    let listed = format!("{value:.LISTED_DECIMALS$}");
    let distance = (listed.parse::<f64>()? - value).abs();
    if distance <= NOISE * value {
        return Ok(listed.parse()?);
    }
    let (whole, fraction) = text.split_once('.').context("has decimals")?;
    let kept = fraction.get(..RATE_DECIMALS.min(fraction.len())).context("is ASCII")?;
    Ok(format!("{whole}.{kept}").parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_of_floats_goes_and_quotients_stay() -> Result<()> {
        for (text, expected) in [
            ("2.5", "2.5"),
            ("0.003625", "0.003625"),
            ("1.0399999999999998", "1.04"),
            ("0.18000000000000002", "0.18"),
            ("0.08333333333333334", "0.083333333333333"),
        ] {
            assert_eq!(rate(text)?.to_string(), expected, "{text}");
        }
        assert!(rate("free").is_err());
        Ok(())
    }
}
