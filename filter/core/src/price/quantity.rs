//! What an exchange used of each dimension, and what of it each rate pays for.

use super::book::{Dimension, Kind};
use super::select::Rates;
use crate::outcome::UnpricedReason;
use crate::usage::Usage;

/// Reported figures by dimension; `None`: not told.
#[derive(Debug)]
pub(super) struct Quantities([Option<u64>; Dimension::COUNT]);

impl Quantities {
    /// Of a usage.
    ///
    /// # Errors
    /// [`UnpricedReason::NoUsage`] where it holds no figure, [`UnpricedReason::Overflow`] where totals do not add up
    /// in 64 bits.
    pub(super) fn of(usage: &Usage) -> Result<Self, UnpricedReason> {
        use Dimension as D;
        let mut quantities = Self([None; Dimension::COUNT]);
        let mut set = |dimension: Dimension, figure: Option<u64>| {
            if let Some(slot) = quantities.0.get_mut(dimension as usize) {
                *slot = figure;
            }
        };
        if usage.billed_input.is_some() || usage.billed_output.is_some() {
            // Parts are told of the raw counts, not of the billed ones (Cohere).
            set(D::Input, usage.billed_input);
            set(D::Output, usage.billed_output);
        } else {
            set(D::Input, usage.input);
            set(D::InputAudio, usage.input_audio);
            set(D::InputImage, usage.input_image);
            set(D::InputVideo, usage.input_video);
            set(D::InputTool, usage.input_tool);
            set(D::CacheRead, usage.cache_read);
            set(D::CacheReadAudio, usage.cache_read_audio);
            set(D::CacheReadImage, usage.cache_read_image);
            set(D::CacheReadVideo, usage.cache_read_video);
            set(D::CacheWrite, usage.cache_write);
            set(D::CacheWrite5m, usage.cache_write_5m);
            set(D::CacheWrite30m, usage.cache_write_30m);
            set(D::CacheWrite1h, usage.cache_write_1h);
            set(D::CacheWrite12h, usage.cache_write_12h);
            set(D::Reasoning, usage.reasoning);
            set(D::OutputAudio, usage.output_audio);
            set(D::OutputImage, usage.output_image);
            set(D::OutputVideo, usage.output_video);
            set(D::Citation, usage.citation);
            // Citations are told beside the output and billed as a part of it.
            let output = usage.output.unwrap_or(0).checked_add(usage.citation.unwrap_or(0));
            let output = output.ok_or(UnpricedReason::Overflow)?;
            set(D::Output, usage.output.or(usage.citation).map(|_| output));
        }
        set(D::WebSearch, usage.web_searches);
        set(D::SearchUnit, usage.search_units);
        if quantities.0.iter().all(Option::is_none) {
            return Err(UnpricedReason::NoUsage);
        }
        set_request(&mut quantities);
        Ok(quantities)
    }

    /// The figure of a dimension, if told.
    pub(super) fn get(&self, dimension: Dimension) -> Option<u64> {
        self.0.get(dimension as usize).copied().flatten()
    }

    fn used(&self, dimension: Dimension) -> bool {
        self.get(dimension).is_some_and(|figure| figure > 0)
    }

    /// What each rate pays for: the figure of its dimension without what rates of its parts take.
    ///
    /// Only priced dimensions are looked at. More cached than all tokens is a contradiction, but it is none for money
    /// where cached tokens cost what others do.
    ///
    /// # Errors
    /// [`UnpricedReason::MissingRate`] where something was used that no rate covers, `inherits` being whether the
    /// rate of a whole covers parts without a rate. [`UnpricedReason::InconsistentUsage`] where parts exceed their
    /// whole. [`UnpricedReason::UnsupportedUnit`] where the usage does not tell what the rates ask for.
    pub(super) fn split(&self, rates: &Rates, inherits: bool) -> Result<Split, UnpricedReason> {
        let priced = |dimension: &Dimension| rates.get(*dimension).is_some();
        self.covered(rates, inherits)?;
        let told = Dimension::ALL.iter().any(|d| d.kind() != Kind::Request && priced(d) && self.get(*d).is_some());
        if !told {
            return Err(UnpricedReason::UnsupportedUnit);
        }
        let mut split = Split([0; Dimension::COUNT]);
        // Parts stand behind their wholes in ALL, so backwards every part is known before its wholes.
        for dimension in Dimension::ALL.into_iter().rev().filter(priced) {
            let whole = match self.get(dimension) {
                Some(whole) => whole,
                None if dimension.parts().any(|part| self.used(part)) => return Err(UnpricedReason::InconsistentUsage),
                None if self.is_hidden_overlap(dimension) => return Err(UnpricedReason::UnsupportedUnit),
                None => 0,
            };
            let left = dimension.parts().filter(priced).try_fold(whole, |left, part| left.checked_sub(split.get(part)));
            let left = left.ok_or(UnpricedReason::InconsistentUsage)?;
            if let Some(slot) = split.0.get_mut(dimension as usize) {
                *slot = left;
            }
        }
        Ok(split)
    }

    /// Whether both wholes of an overlap were used and the overlap itself is not told: cached tokens and audio, but
    /// not how many of the cached ones are audio.
    fn is_hidden_overlap(&self, dimension: Dimension) -> bool {
        dimension.parents().len() > 1 && dimension.parents().iter().all(|whole| self.used(*whole))
    }

    fn covered(&self, rates: &Rates, inherits: bool) -> Result<(), UnpricedReason> {
        let missing = |used: Dimension| {
            used.kind() != Kind::Request && rates.get(used).is_none() && !(inherits && rates.covers(used))
        };
        match Dimension::ALL.into_iter().filter(|dimension| self.used(*dimension)).any(missing) {
            true => Err(UnpricedReason::MissingRate),
            false => Ok(()),
        }
    }
}

fn set_request(quantities: &mut Quantities) {
    if let Some(slot) = quantities.0.get_mut(Dimension::Request as usize) {
        *slot = Some(1);
    }
}

/// Disjoint quantities of the priced dimensions.
#[derive(Debug)]
pub(super) struct Split([u64; Dimension::COUNT]);

impl Split {
    /// What the rate of a dimension pays for.
    pub(super) fn get(&self, dimension: Dimension) -> u64 {
        self.0.get(dimension as usize).copied().unwrap_or(0)
    }
}
