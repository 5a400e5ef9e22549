//! What an exchange cost, and what it would have cost otherwise.

use super::Exchange;
use crate::body::Reading;
use crate::detect::Api;
use crate::outcome::{Outcome, UnpricedReason};
use crate::price::{Charge, Context, Priced};
use crate::record::{CostSource, Record};
use crate::usage::Usage;

impl Exchange {
    /// `None` where no cost is due.
    pub(super) fn cost(
        &self,
        record: &Record,
        reading: &Reading,
        model: Option<&str>,
        ended: bool,
    ) -> Option<Result<Priced, UnpricedReason>> {
        let usage = match (record.outcome, &record.usage) {
            (Outcome::NotLlm | Outcome::Refused, _) | (Outcome::Error, None) => return None,
            (_, Some(usage)) => usage,
            (_, None) if !ended => return Some(Err(UnpricedReason::TruncatedStream)),
            (_, None) => return Some(Err(UnpricedReason::NoUsage)),
        };
        Some(self.price(usage, reading.gateway_cached, record, reading, model))
    }

    /// What `usage` costs, used as this exchange's is.
    pub(super) fn price(
        &self,
        usage: &Usage,
        cached: bool,
        record: &Record,
        reading: &Reading,
        model: Option<&str>,
    ) -> Result<Priced, UnpricedReason> {
        let provider = self.priced_as().ok_or(UnpricedReason::UnknownProvider)?;
        let context = Context {
            service_tier: reading.service_tier.as_deref(),
            speed: reading.speed.as_deref(),
            geo: reading.geo.as_deref(),
            region: self.route.region.as_deref(),
            deployment: record.request_model.as_deref(),
            search_context: reading.search_context.as_deref(),
            size: self.asked_or_told(reading.size.as_deref(), self.request.size()),
            quality: self.asked_or_told(reading.quality.as_deref(), self.request.quality()),
            provisioned: self.to.provisioned(reading.spilled_over, reading.service_tier.as_deref()),
            cached,
            ..Context::default()
        };
        let at = i64::try_from(self.started / 1_000_000_000).unwrap_or(i64::MAX);
        let charge = Charge { provider, model: model.unwrap_or_default(), at, usage, context };
        self.book().price(&charge)
    }

    /// What the cached part of the input would have cost more at the full price, pico-USD, both by the price book. 0 where
    /// nothing was cached; of a gateway's cached answer, all that it would have cost.
    pub(super) fn savings(&self, record: &Record, reading: &Reading, model: Option<&str>) -> Option<u64> {
        let usage = record.usage.as_ref().filter(|_| record.cost_usd.is_some())?;
        let price = |usage: &Usage, cached: bool| {
            let priced = self.price(usage, cached, record, reading, model).ok()?;
            Some(priced.pico_usd)
        };
        let cached = |usage: &Usage| usage.cache_read.is_some_and(|n| n > 0);
        if !reading.gateway_cached && !cached(usage) && !usage.shares.iter().any(|share| cached(&share.usage)) {
            return Some(0);
        }
        let (paid, full) = (price(usage, reading.gateway_cached)?, price(&uncached(usage), false)?);
        Some(full.saturating_sub(paid))
    }

    /// What 1,000 tokens in and out cost in this exchange, pico-USD.
    pub(super) fn token_prices(&self, record: &Record, reading: &Reading, model: Option<&str>) -> [Option<u64>; 2] {
        let context = record.input_tokens;
        let thousand = |input: u64, output: u64| {
            let usage = Usage { input: Some(input), output: Some(output), context, ..Usage::default() };
            let priced = self.price(&usage, false, record, reading, model).ok()?;
            (priced.source == CostSource::Computed).then_some(priced.pico_usd)
        };
        match record.cost_usd {
            Some(_) if record.buckets.is_some() => [thousand(1000, 0), thousand(0, 1000)],
            _ => [None; 2],
        }
    }

    /// How the images or the video were made: as the response says, else as they were asked for; `default` where the
    /// request left it open.
    pub(super) fn asked_or_told<'a>(&self, told: Option<&'a str>, asked: Option<&'a str>) -> Option<&'a str> {
        let pictures = matches!(self.route.api, Api::Images | Api::Videos);
        told.or(asked).or_else(|| (pictures && self.request.is_read()).then_some("default"))
    }
}

/// The same usage, had no cache been read.
fn uncached(usage: &Usage) -> Usage {
    let mut full = Usage { cache_read: None, ..usage.clone() };
    (full.cache_read_audio, full.cache_read_image, full.cache_read_video) = (None, None, None);
    for share in &mut full.shares {
        share.usage = uncached(&share.usage);
    }
    full
}
