//! Exact money: the price book, model match and integer arithmetic.
//!
//! ```text
//! provider, name -> model_match -> Model -> select (day, tier, context) -> Rates -> quantity (split) -> amount -> pico
//! ```
//!
//! The book (`filter/prices/book`, one file per provider) is turned into static tables by the build script; what a user's
//! configuration changes stands in tables of its own ([`PriceBook`]). Nothing is guessed: what neither says is an
//! [`UnpricedReason`], never 0.

mod amount;
pub mod book;
mod explain;
mod model_match;
mod quantity;
mod select;
mod stated;
mod table;
mod user;

pub use amount::pico_to_decimal;
pub use explain::{Chosen, Explanation, How, Part};
pub use stated::{Drift, decimal_to_pico};
pub use table::{BOOK_VERSION, context_class};
pub use user::{AmendError, PriceBook};

use std::borrow::Cow;

use crate::outcome::UnpricedReason;
use crate::record::CostSource;
use crate::usage::{Share, Usage};
use amount::{Sum, Total};
use book::{Dimension, Kind};
use explain::Trace;
use quantity::Quantities;

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

/// How an exchange was served, in the response's own words, and what was asked for; `None` and empty: not told.
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
    /// The upstream that a router chose.
    pub route: Option<&'a str>,
    /// Kind of web search (Perplexity).
    pub search_type: Option<&'a str>,
    /// How much of the web a search read: `low`, `medium`, `high`.
    pub search_context: Option<&'a str>,
    /// The region that the host or the path names.
    pub region: Option<&'a str>,
    /// Size of the images or the video: `1024x1536`; `default` where the request left it open.
    pub size: Option<&'a str>,
    /// Quality of the images, or whether the video has sound: `hd`, `true`; `default` where the request left it open.
    pub quality: Option<&'a str>,
    /// The name in the request's path or body, where `model` is the response's: an Azure deployment.
    pub deployment: Option<&'a str>,
    /// Served by capacity that was bought, or (`false`) known not to be: spilled over.
    pub provisioned: Option<bool>,
    /// A gateway answered from its cache.
    pub cached: bool,
}

/// A cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Priced {
    /// 1e-12 US dollars, rounded half-even once.
    pub pico_usd: u64,
    /// Where it comes from: computed, fallback, provisioned, cached.
    pub source: CostSource,
}

/// One term of a cost: `quantity / per * rate * multiplier`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The book's name of the model; empty for a fallback rate.
    pub model: Cow<'static, str>,
    /// What was used.
    pub dimension: Dimension,
    /// How much of it the rate pays for; billionths where the dimension is fractional.
    pub quantity: u64,
    /// US dollars per the dimension's unit.
    pub rate: book::Rate,
    /// What the rate is multiplied by, in millionths; 1,000,000 for what is no token.
    pub multiplier: u32,
}

/// The shipped book's name of a model, see [`PriceBook::canonical_model`].
pub fn canonical_model(provider: &str, name: &str) -> Option<Cow<'static, str>> {
    PriceBook::SHIPPED.canonical_model(provider, name)
}

/// The cost of one exchange by the shipped book, see [`PriceBook::price`].
///
/// # Errors
/// Why it has none.
pub fn price(charge: &Charge<'_>) -> Result<Priced, UnpricedReason> {
    PriceBook::SHIPPED.price(charge)
}

impl PriceBook {
    /// The book's name of a model, `None` where the book does not know it. Names that the book gives name themselves.
    pub fn canonical_model(&self, provider: &str, name: &str) -> Option<Cow<'static, str>> {
        let hit = model_match::find(self.seller(provider)?, name).ok()?;
        // A free route is not the model that it leads to: the plain name would be charged.
        (!hit.free).then(|| hit.name())
    }

    /// The cost of one exchange.
    ///
    /// # Errors
    /// Why it has none.
    pub fn price(&self, charge: &Charge<'_>) -> Result<Priced, UnpricedReason> {
        self.add_up(charge, &mut ())
    }

    fn add_up(&self, charge: &Charge<'_>, trace: &mut impl Trace) -> Result<Priced, UnpricedReason> {
        let Charge { model, usage, context, .. } = charge;
        if context.cached {
            return Ok(Priced { pico_usd: 0, source: CostSource::Cached });
        }
        // Vertex says so in its traffic type (cloud.google.com/vertex-ai, `usageMetadata.trafficType`).
        let told = context.service_tier.is_some_and(|tier| tier.eq_ignore_ascii_case("provisioned_throughput"));
        let provisioned = context.provisioned.or(told.then_some(true));
        if provisioned == Some(true) {
            return Ok(Priced { pico_usd: 0, source: CostSource::Provisioned });
        }
        let seller = self.seller(charge.provider).ok_or(UnpricedReason::UnknownProvider)?;
        if provisioned.is_none() && seller.is_provisioned([Some(*model), context.deployment]) {
            return Ok(Priced { pico_usd: 0, source: CostSource::Provisioned });
        }
        let whole = usage.shares.is_empty().then_some((None, *usage));
        let shares = usage.shares.iter().map(|share: &Share| (share.model.as_deref(), &share.usage));
        let (mut total, mut source) = (Total::default(), CostSource::Computed);
        for (place, (of, usage)) in whole.into_iter().chain(shares).enumerate() {
            let mut context = *context;
            let asked = of.unwrap_or(model);
            let (mut hit, mut is_rough) = (model_match::find(seller, asked), false);
            if let (Err(UnpricedReason::UnknownModel | UnpricedReason::OpaqueModel), Some(rough)) =
                (&hit, seller.fallback())
            {
                (hit, source, context, is_rough) = (Ok(rough), CostSource::Fallback, Context::default(), true);
            }
            let hit = hit?;
            trace.part(seller, asked, &hit, is_rough);
            if hit.is_free() {
                continue;
            }
            let mut quantities = Quantities::of(usage, seller.reasoning_beside(), place == 0)?;
            quantities.bound(hit.model.bounds(), trace);
            let input = usage.context.unwrap_or_else(|| quantities.get(Dimension::Input));
            trace.context(input);
            let rates = select::rates(hit.model, hit.own, charge.at, input, &context, trace)?;
            let split = quantities.split(&rates, hit.inherits, trace)?;
            let mut sum = Sum::default();
            for dimension in rates.priced().iter() {
                let quantity = split.get(dimension as usize).copied().unwrap_or(0);
                sum.add(quantity, dimension, rates.get(dimension))?;
                let multiplier = if dimension.kind() == Kind::Token { rates.multiplier } else { select::ONE };
                trace.line(&hit, dimension, quantity, rates.get(dimension), multiplier);
            }
            total.add(&sum, rates.multiplier)?;
        }
        Ok(Priced { pico_usd: total.pico()?, source })
    }
}
