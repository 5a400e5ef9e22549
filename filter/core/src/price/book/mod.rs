//! The price book's format: one strict JSON file per provider, figures as decimal text.
//!
//! Read by three: genops-core's build script (which turns the shipped book into static tables and includes this module
//! by path, so nothing here may name the rest of the crate), the `genops-prices` tool, and whoever wants to extend the
//! book. How to edit a file: `filter/prices/README.md`.

mod amend;
mod check;
mod condition;
mod date;
mod decimal;
mod dimension;
#[cfg(feature = "json-schema")]
mod json_schema;
pub mod layout;
mod tail;
mod unique_map;

use serde::{Deserialize, Serialize};

pub use amend::{Amendment, Extension, Fallback, Unfit, parse_amendment};
pub use check::{Complaint, GEO_PREFIXES, MAX_NAME_BYTES, check, check_file};
pub use condition::{Key, UnknownKey, When};
pub use date::{Date, Weekdays, Window};
pub use decimal::{FACTOR_DECIMALS, Factor, QUANTITY_DECIMALS, Quantity, RATE_DECIMALS, Rate, RateError};
pub use dimension::{Dimension, Dimensions, Kind};
pub use tail::{takes_date, without_date};
pub use unique_map::UniqueMap;

/// The only version of the format so far.
pub const SCHEMA: u32 = 1;

/// One provider's prices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderFile {
    /// Version of this format: [`SCHEMA`].
    pub schema: u32,
    /// The filter's id of the provider; also the file's name.
    pub provider: String,
    /// Where the figures were taken from.
    pub source: String,
    /// When they were last compared with the source.
    pub checked_on: Date,
    /// This provider sells another one's models at the same prices: nothing else is given then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<String>,
    /// What a kind of token without a rate of its own costs. Needed beside `models`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<Unlisted>,
    /// Its responses count reasoning beside the output that it is billed with (Perplexity; all others: inside).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reasoning_beside: bool,
    /// Providers whose models this one serves too, tried in this order at their base rates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<String>,
    /// A suffix that makes any known model free of charge (`:free`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_suffix: Option<String>,
    /// Named lists of days on which hours do not hold.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    pub calendars: UniqueMap<Calendar>,
    /// By the name that labels and records show.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    pub models: UniqueMap<Model>,
}

/// Price of a kind of token that an entry has no rate for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unlisted {
    /// The rate of the nearest kind that it is part of: cached input as input, reasoning as output.
    Parent,
    /// Not known: an exchange that used it has no cost.
    Unpriced,
}

/// Days that are an exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Who announced them.
    pub source: String,
    /// UTC days, rising.
    #[cfg_attr(feature = "json-schema", schemars(length(min = 1)))]
    pub days: Vec<Date>,
}

/// One model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Other names of it, each in full.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "json-schema", schemars(inner(regex(pattern = json_schema::MODEL))))]
    pub alias: Vec<String>,
    /// Whether its names may carry a date at their end.
    #[serde(default)]
    pub dated: Dated,
    /// Region prefixes (`us`, `eu`, ...) that its names may carry at their start: Bedrock's cross-region profiles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::geo"))]
    pub geo: Vec<String>,
    /// Nothing is charged for it. Without this a model without prices is known but unpriced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub free: bool,
    /// The last entry that is in force counts; where none is, the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<Prices>,
    /// Laid over the entry in force, rate by rate; of several in force for one rate the last counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
    /// What all its tokens cost more or less, by how it was served. All in force count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub multipliers: Vec<Multiplier>,
    /// Least quantity that is billed for an exchange, by dimension.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::quantities"))]
    pub min: UniqueMap<Quantity>,
    /// Most that is billed for an exchange, by dimension: a search fee by prompt, however many queries were made.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::quantities"))]
    pub max: UniqueMap<Quantity>,
    /// How it is paid for, where not by what was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing: Option<Billing>,
    /// Where this model's figures were taken from, where not from the file's source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When they were last compared with that source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_on: Option<Date>,
}

/// Another way to pay than by what was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "PriceBilling"))]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// Capacity was bought: an exchange costs nothing more, unless it spilled over.
    Provisioned,
}

/// What all tokens cost more or less. Fees of tools are not multiplied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Multiplier {
    /// First UTC day; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// When it applies.
    pub when: When,
    /// By what.
    pub by: Factor,
}

/// Whether a date at the end of a name is part of the name of another model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Dated {
    /// Only listed names.
    #[default]
    None,
    /// Any snapshot costs the same, unless it is listed elsewhere.
    Any,
}

/// What it costs from some day on, or at some hours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "PriceEntry"))]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// First UTC day; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// UTC hours; absent: all day.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<Window>,
    /// UTC weekdays on which the hours begin (`["mon", "tue"]`); absent: all.
    #[serde(default, skip_serializing_if = "Weekdays::is_all")]
    pub days: Weekdays,
    /// Name of the calendar on whose days the hours do not begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub except: Option<String>,
    /// US dollars by dimension, per the dimension's unit.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::figures"))]
    pub rates: UniqueMap<Rate>,
    /// Rates of long contexts: they replace the ones above for the whole request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

/// Rates of a request with a long context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TierText")]
pub struct Tier {
    /// Applies when all input tokens, cached ones too, are more than this.
    pub over: u64,
    /// Only of dimensions that have a rate outside the tier too.
    pub rates: UniqueMap<Rate>,
}

/// A tier as it may be written: its limit excluded (`over`) or included (`at_least`).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierText {
    over: Option<u64>,
    at_least: Option<u64>,
    rates: UniqueMap<Rate>,
}

impl TryFrom<TierText> for Tier {
    type Error = &'static str;

    fn try_from(TierText { over, at_least, rates }: TierText) -> Result<Self, &'static str> {
        let over = match (over, at_least) {
            (Some(over), None) => Some(over),
            (None, Some(limit)) => limit.checked_sub(1),
            _ => None,
        };
        Ok(Self { over: over.ok_or("a tier has either `over` or `at_least`, which is 1 or more")?, rates })
    }
}

/// Rates of another way to be served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// First UTC day; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// When it applies.
    pub when: When,
    /// Rates that differ.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::some_figures"))]
    pub rates: UniqueMap<Rate>,
    /// Rates of long contexts: they replace the ones above for the whole request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<Tier>,
}

/// Text that is not of this format.
#[derive(Debug, thiserror::Error)]
#[error("{at}: {source}")]
pub struct FormatError {
    /// Path to the value that is wrong: `models.gpt-4o.prices[0].rates.input`.
    pub at: String,
    /// What is wrong with it.
    pub source: serde_json::Error,
}

/// Reads the text of one file. It is of the right shape then; [`check()`] says whether it makes sense.
///
/// # Errors
/// [`FormatError`], naming the JSON path.
pub fn parse(text: &str) -> Result<ProviderFile, FormatError> {
    read(text)
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, FormatError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let file = serde_path_to_error::deserialize(&mut json)
        .map_err(|error| FormatError { at: error.path().to_string(), source: error.into_inner() })?;
    json.end().map_err(|source| FormatError { at: ".".to_owned(), source })?;
    Ok(file)
}
