//! One entry of litellm's list to a sheet of rates.

use std::collections::BTreeMap;

use genops_core::price::book::{Dimension, FACTOR_DECIMALS, Factor, Key, Rate, Weekdays, Window};
use serde_json::{Map, Value};

use super::decimal::Decimal;
use super::key::{self, PriceKey};
use super::sheet::{Condition, Laid, Sheet, When};

/// An entry, as far as it is about money.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) sheet: Sheet,
    /// Conditions and by how much they multiply the rates of tokens.
    pub(super) multipliers: Vec<(Condition, Factor)>,
    /// Rates at some hours.
    pub(super) off_peak: Option<OffPeak>,
}

/// Rates at some hours, and which of which days; none for all day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OffPeak {
    pub(super) rates: BTreeMap<Dimension, Rate>,
    pub(super) windows: Vec<(Weekdays, Vec<Window>)>,
}

/// A field that could not be taken over, and why.
pub(super) type Left = (String, String);

/// Reads the fields of an entry. `inclusive`: at this provider a limit belongs to the longer context.
pub(super) fn read(fields: &Map<String, Value>, inclusive: bool) -> (Entry, Vec<Left>) {
    let mode = fields.get("mode").and_then(Value::as_str).unwrap_or_default();
    let mut reader = Reader { entry: Entry::default(), left: Vec::new(), mode, inclusive };
    for (field, value) in fields.iter().filter(|(field, _)| key::is_price(field)) {
        if !reader.special(fields, field, value)
            && let Err(reason) = reader.rate(field, value)
        {
            reader.left.push((field.clone(), reason));
        }
    }
    let Reader { mut entry, mut left, .. } = reader;
    drop_lone_tiers(&mut entry.sheet.base, &mut left);
    (entry, left)
}

struct Reader<'a> {
    entry: Entry,
    left: Vec<Left>,
    mode: &'a str,
    inclusive: bool,
}

impl Reader<'_> {
    /// Fields that are not one rate. Whether this was one.
    fn special(&mut self, fields: &Map<String, Value>, field: &str, value: &Value) -> bool {
        let told = match field {
            "tiered_pricing" => self.tiered(value),
            "off_peak_pricing" => self.off_peak(value),
            "search_context_cost_per_query" => self.search(value),
            "provider_specific_entry" => self.specific(value),
            "regional_processing_uplift_multiplier_eu" => self.multiplier(Key::Region, "eu", value),
            "regional_processing_uplift_multiplier_us" => self.multiplier(Key::Region, "us", value),
            // Vertex: everywhere but in the global location.
            "regional_endpoint_uplift_multiplier" => self.multiplier(Key::Region, "*", value),
            // The same price in another currency, or a second time.
            "input_dbu_cost_per_token" | "output_dbu_cost_per_token" => {
                Err("is the same in Databricks units".to_owned())
            }
            "input_cost_per_token_cache_hit" if fields.contains_key("cache_read_input_token_cost") => {
                self.repeats(fields, value, "cache_read_input_token_cost")
            }
            "input_cost_per_image" if fields.contains_key("output_cost_per_image") => {
                self.repeats(fields, value, "output_cost_per_image")
            }
            "output_cost_per_second" if self.mode == "audio_transcription" => {
                self.repeats(fields, value, "input_cost_per_second")
            }
            "web_search_billing_unit" => Ok(()),
            _ if field.contains("_per_image") && !field.contains("_token") && has_tokens(fields) => {
                Err("says by image what is billed by tokens".to_owned())
            }
            _ => return false,
        };
        if let Err(reason) = told {
            self.left.push((field.to_owned(), reason));
        }
        true
    }

    /// A second figure for the same thing must be the same, or nothing.
    fn repeats(&self, fields: &Map<String, Value>, value: &Value, other: &str) -> Result<(), String> {
        let figure = |value: &Value| Some(Decimal::parse(value.as_str()?)?.without_noise());
        let own = figure(value).ok_or("is no figure")?;
        if own.is_zero() || fields.get(other).and_then(figure) == Some(own) {
            return Ok(());
        }
        Err(format!("is another figure than {other}"))
    }

    fn rate(&mut self, field: &str, value: &Value) -> Result<(), String> {
        let parsed = key::parse(field, self.mode);
        if Decimal::parse(value.as_str().unwrap_or_default()).is_some_and(Decimal::is_zero) && parsed.is_err() {
            // Nothing, of something that the book does not know.
            return Ok(());
        }
        let PriceKey { dimension, over, when } = parsed?;
        let over = over.map(|over| self.limit(over));
        let rate = rate(value, dimension)?;
        let when: When = when.into_iter().collect();
        self.entry.sheet.laid_mut(when).rates_mut(over).insert(dimension, rate);
        Ok(())
    }

    /// The last number of tokens that still has the lower rate.
    fn limit(&self, over: u64) -> u64 {
        if self.inclusive { over.saturating_sub(1) } else { over }
    }

    /// `[{"range": [0, 32000], "input_cost_per_token": ...}, ...]`: each range excludes its start, includes its end.
    fn tiered(&mut self, value: &Value) -> Result<(), String> {
        let mut laid = Laid::default();
        for step in value.as_array().ok_or("is no list")? {
            let step = step.as_object().ok_or("has a step that is no object")?;
            let from = step.get("range").and_then(|range| range.get(0)).and_then(Value::as_str);
            let from = from.and_then(|from| from.trim_end_matches(".0").parse::<u64>().ok());
            let from = from.ok_or("has a step without a range of tokens")?;
            let over = (from > 0).then(|| self.limit(from));
            for (field, value) in step.iter().filter(|(field, _)| *field != "range") {
                let PriceKey { dimension, over: None, when: None } = key::parse(field, self.mode)? else {
                    return Err(format!("has {field} in a step"));
                };
                laid.rates_mut(over).insert(dimension, rate(value, dimension)?);
            }
        }
        let base = &mut self.entry.sheet.base;
        if laid.rates.keys().any(|dimension| base.rates.contains_key(dimension)) || !base.tiers.is_empty() {
            return Err("stands beside plain rates of the same".to_owned());
        }
        base.rates.extend(laid.rates);
        base.tiers = laid.tiers;
        Ok(())
    }

    fn off_peak(&mut self, value: &Value) -> Result<(), String> {
        let fields = value.as_object().ok_or("is no object")?;
        let mut off_peak = OffPeak::default();
        for (field, value) in fields {
            match field.as_str() {
                "windows" => {
                    for window in value.as_array().ok_or("has windows that are no list")? {
                        off_peak.windows.push(self::window(window).ok_or("has a window that is no span of hours")?);
                    }
                }
                "weekday_timezone" => return Err("counts its days in another time zone".to_owned()),
                _ => {
                    let PriceKey { dimension, over: None, when: None } = key::parse(field, self.mode)? else {
                        return Err(format!("has {field} at some hours"));
                    };
                    off_peak.rates.insert(dimension, rate(value, dimension)?);
                }
            }
        }
        self.entry.off_peak = Some(off_peak);
        Ok(())
    }

    /// One price of a search, or one by how much of the web it read.
    fn search(&mut self, value: &Value) -> Result<(), String> {
        let fields = value.as_object().ok_or("is no object")?;
        let mut rates = Vec::new();
        for (field, value) in fields {
            let size = field.strip_prefix("search_context_size_").ok_or_else(|| format!("has {field}"))?;
            rates.push((size, rate(value, Dimension::WebSearch)?));
        }
        let Some((_, first)) = rates.first().copied() else { return Err("is empty".to_owned()) };
        if rates.iter().all(|(_, rate)| *rate == first) {
            self.entry.sheet.base.rates.insert(Dimension::WebSearch, first);
            return Ok(());
        }
        for (size, rate) in rates {
            let laid = self.entry.sheet.laid_mut(vec![(Key::SearchContext, size.to_owned())]);
            laid.rates.insert(Dimension::WebSearch, rate);
        }
        Ok(())
    }

    fn specific(&mut self, value: &Value) -> Result<(), String> {
        for (key, value) in value.as_object().ok_or("is no object")? {
            match key.as_str() {
                "fast" => self.multiplier(Key::Speed, key, value)?,
                "us" => self.multiplier(Key::Geo, key, value)?,
                // How litellm writes the request, not what it costs.
                "bedrock_invocation_schema" | "dashscope_video_reference_input" | "volcengine_video_frames" => {}
                _ => return Err(format!("has {key}")),
            }
        }
        Ok(())
    }

    fn multiplier(&mut self, key: Key, when: &str, value: &Value) -> Result<(), String> {
        let text = value.as_str().unwrap_or_default();
        // "2.0": the book writes no more decimals than it needs.
        let plain = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
        let finer = || format!("{text} is no factor of at most {FACTOR_DECIMALS} decimals");
        let factor = plain.parse::<Factor>().map_err(|_| finer())?;
        self.entry.multipliers.push(((key, when.to_owned()), factor));
        Ok(())
    }
}

/// Whether what is made is billed by tokens.
fn has_tokens(fields: &Map<String, Value>) -> bool {
    let charged = |field: &str| {
        let figure = fields.get(field).and_then(Value::as_str).and_then(Decimal::parse);
        figure.is_some_and(|figure| !figure.is_zero())
    };
    charged("output_cost_per_token") || charged("output_cost_per_image_token")
}

fn rate(value: &Value, dimension: Dimension) -> Result<Rate, String> {
    let text = value.as_str().ok_or("is no figure")?;
    let figure = Decimal::parse(text).ok_or_else(|| format!("{text} is no figure"))?;
    let rate = figure.without_noise().times(dimension.per().into()).and_then(Decimal::rate);
    rate.ok_or_else(|| format!("{text} is finer or larger than the book can say"))
}

/// `{"hours_utc": ["00:00-01:00"], "weekdays": [1, 2]}`; Monday is 1.
fn window(value: &Value) -> Option<(Weekdays, Vec<Window>)> {
    let hours: Vec<&str> = match value.get("hours_utc")? {
        Value::Array(hours) => hours.iter().map(Value::as_str).collect::<Option<_>>()?,
        hours => vec![hours.as_str()?],
    };
    let day = |days: u8, day: &Value| {
        let number: u32 = day.as_str()?.parse().ok()?;
        Some(days | 1u8.checked_shl(number.checked_sub(1)?).filter(|_| number <= 7)?)
    };
    let days = match value.get("weekdays") {
        None => Weekdays::default(),
        Some(days) => Weekdays(days.as_array()?.iter().try_fold(0, day)?),
    };
    if hours.contains(&"00:00-00:00") {
        return Some((days, Vec::new()));
    }
    Some((days, hours.into_iter().map(|span| span.parse().ok()).collect::<Option<_>>()?))
}

/// A rate that only long contexts have: what the shorter ones cost is not said.
fn drop_lone_tiers(base: &mut Laid, left: &mut Vec<Left>) {
    for (over, rates) in &mut base.tiers {
        rates.retain(|dimension, _| {
            let known = base.rates.contains_key(dimension);
            if !known {
                left.push((format!("{} above {over} tokens", dimension.as_str()), "has no rate below".to_owned()));
            }
            known
        });
    }
    base.tiers.retain(|_, rates| !rates.is_empty());
}
