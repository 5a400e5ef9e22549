//! Exact money: the price book, model match and integer arithmetic.
//!
//! ```text
//! provider, name -> model_match -> Model -> select (day, tier, context) -> Rates -> quantity (split) -> amount -> pico
//! ```
//!
//! The book (`filter/prices/book`, one file per provider) is turned into static tables by the build script. Nothing is
//! guessed: what the book does not say is an [`UnpricedReason`], never 0.

mod amount;
pub mod book;
mod model_match;
mod quantity;
mod select;
mod table;

pub use amount::pico_to_decimal;
pub use table::{BOOK_VERSION, context_class};

use crate::outcome::UnpricedReason;
use crate::usage::Usage;
use amount::Sum;
use book::Dimension;
use quantity::Quantities;
use table::Provider;

/// What is to be priced.
#[derive(Clone, Debug)]
pub struct Charge<'a> {
    /// The filter's id of the provider.
    pub provider: &'a str,
    /// The model as the wire or the book names it.
    pub model: &'a str,
    /// Unix seconds, UTC, of the start of the request: decides between dated prices.
    pub at: i64,
    /// What was used.
    pub usage: &'a Usage,
    /// How it was served.
    pub context: Context<'a>,
}

/// How an exchange was served, in the response's own words; `None` and empty: not told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// OpenAI and others `service_tier`, Gemini `serviceTier`, Vertex `trafficType`.
    pub service_tier: Option<&'a str>,
    /// Anthropic `speed`.
    pub speed: Option<&'a str>,
    /// Anthropic `inference_geo`.
    pub geo: Option<&'a str>,
    /// `batch`, where the call itself tells.
    pub processing: Option<&'a str>,
}

/// A cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priced {
    /// 1e-12 US dollars, rounded half-even once.
    pub pico_usd: u64,
    /// The book's name of the model.
    pub model: &'static str,
}

/// The book's name of a model, `None` where the book does not know it. Names that the book gives name themselves.
pub fn canonical_model(provider: &str, name: &str) -> Option<&'static str> {
    let hit = model_match::find(Provider::find(provider)?, name).ok()?;
    // A free route is not the model that it leads to: the plain name would be charged.
    (!hit.free).then(|| hit.model.name())
}

/// The cost of one exchange.
///
/// # Errors
/// Why it has none.
pub fn price(charge: &Charge<'_>) -> Result<Priced, UnpricedReason> {
    let provider = Provider::find(charge.provider).ok_or(UnpricedReason::UnknownProvider)?;
    let hit = model_match::find(provider, charge.model)?;
    let model = hit.model.name();
    if hit.free || hit.model.free {
        return Ok(Priced { pico_usd: 0, model });
    }
    let quantities = Quantities::of(charge.usage, provider.reasoning_beside)?;
    let input = charge.usage.context.unwrap_or_else(|| quantities.get(Dimension::Input));
    let own = std::ptr::eq(hit.owner, provider);
    let rates = select::rates(hit.model, own, charge.at, input, &charge.context)?;
    let split = quantities.split(&rates, hit.owner.inherits)?;
    let mut sum = Sum::default();
    for dimension in rates.priced().iter() {
        let quantity = split.get(dimension as usize).copied().unwrap_or(0);
        sum.add(quantity, dimension, rates.get(dimension))?;
    }
    Ok(Priced { pico_usd: sum.pico()?, model })
}
