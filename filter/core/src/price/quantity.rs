//! What an exchange used of each dimension, and what of it each rate pays for.

use super::book::layout::BoundRow;
use super::book::{Dimension, Dimensions, Kind};
use super::explain::Trace;
use super::select::Rates;
use crate::outcome::UnpricedReason;
use crate::usage::{Nano, Usage};

/// Billionths in a unit.
const BILLION: u64 = 1_000_000_000;

/// Reported figures by dimension: whole ones, or billionths where the dimension is fractional.
#[derive(Debug)]
pub(super) struct Quantities {
    figures: [u64; Dimension::COUNT],
    /// The dimensions that were told, with 0 too.
    told: Dimensions,
    /// The ones of them with more than 0.
    used: Dimensions,
}

impl Quantities {
    /// Of a usage, in which reasoning may stand beside the output. `request` is whether the fee for an exchange falls
    /// due with it.
    ///
    /// # Errors
    /// [`UnpricedReason::NoUsage`] where it holds no figure, [`UnpricedReason::Overflow`] where totals do not add up
    /// in 64 bits.
    pub(super) fn of(usage: &Usage, reasoning_beside: bool, request: bool) -> Result<Self, UnpricedReason> {
        use Dimension as D;
        let mut quantities = Self { figures: [0; Dimension::COUNT], told: Dimensions::NONE, used: Dimensions::NONE };
        if usage.billed_input.is_some() || usage.billed_output.is_some() {
            // Parts are told of the raw counts, not of the billed ones (Cohere).
            quantities.set(D::Input, usage.billed_input);
            quantities.set(D::Output, usage.billed_output);
        } else {
            // Citations are told beside the output and billed as a part of it.
            let beside = [usage.citation, usage.reasoning.filter(|_| reasoning_beside)];
            let add = |sum: u64, part: Option<u64>| sum.checked_add(part.unwrap_or(0));
            let output = beside.into_iter().try_fold(usage.output.unwrap_or(0), add).ok_or(UnpricedReason::Overflow)?;
            for (dimension, figure) in [
                (D::Input, usage.input),
                (D::InputAudio, usage.input_audio),
                (D::InputImage, usage.input_image),
                (D::InputVideo, usage.input_video),
                (D::InputTool, usage.input_tool),
                (D::CacheRead, usage.cache_read),
                (D::CacheReadAudio, usage.cache_read_audio),
                (D::CacheReadImage, usage.cache_read_image),
                (D::CacheReadVideo, usage.cache_read_video),
                (D::CacheWrite, usage.cache_write),
                (D::CacheWrite5m, usage.cache_write_5m),
                (D::CacheWrite30m, usage.cache_write_30m),
                (D::CacheWrite1h, usage.cache_write_1h),
                (D::CacheWrite12h, usage.cache_write_12h),
                (D::Output, usage.output.or(usage.citation).map(|_| output)),
                (D::Reasoning, usage.reasoning),
                (D::OutputAudio, usage.output_audio),
                (D::OutputImage, usage.output_image),
                (D::OutputVideo, usage.output_video),
                (D::Citation, usage.citation),
            ] {
                quantities.set(dimension, figure);
            }
        }
        let billionths = |seconds: Option<Nano>| seconds.map(|Nano(billionths)| billionths);
        for (dimension, figure) in [
            (D::WebSearch, usage.web_searches),
            (D::StorageSearch, usage.storage_searches),
            (D::SearchUnit, usage.search_units),
            (D::Character, usage.characters),
            (D::Page, usage.pages),
            (D::AnnotatedPage, usage.annotated_pages),
            (D::Image, usage.images),
            (D::ImagePixel, usage.image_pixels),
            (D::VideoPixel, usage.video_pixels),
            // What was heard is all there was where nothing is said of speech.
            (D::AudioSecond, billionths(usage.audio_seconds.or(usage.input_audio_seconds))),
            (D::InputAudioSecond, billionths(usage.input_audio_seconds)),
            (D::VideoSecond, billionths(usage.video_seconds)),
        ] {
            quantities.set(dimension, figure);
        }
        if quantities.told.is_empty() {
            return Err(UnpricedReason::NoUsage);
        }
        quantities.set(D::Request, request.then_some(1));
        Ok(quantities)
    }

    /// Brings what was told within what is billed at least and at most.
    pub(super) fn bound(&mut self, bounds: &[BoundRow], trace: &mut impl Trace) {
        for row in bounds {
            let Some(dimension) = Dimension::ALL.get(usize::from(row.dimension)).copied() else { continue };
            let limit = if dimension.is_fractional() { row.quantity } else { row.quantity.div_ceil(BILLION) };
            let told = self.get(dimension);
            let beyond = if row.most { told > limit } else { told < limit };
            if self.told.contains(dimension) && beyond {
                trace.bounded(dimension, told, limit);
                self.set(dimension, Some(limit));
            }
        }
    }

    fn set(&mut self, dimension: Dimension, figure: Option<u64>) {
        if let (Some(slot), Some(figure)) = (self.figures.get_mut(dimension as usize), figure) {
            *slot = figure;
            self.told.insert(dimension);
            if figure > 0 {
                self.used.insert(dimension);
            }
        }
    }

    /// The figure of a dimension; 0 if it was not told.
    pub(super) fn get(&self, dimension: Dimension) -> u64 {
        self.figures.get(dimension as usize).copied().unwrap_or(0)
    }

    /// What each rate pays for: the figure of its dimension without what rates of its parts take. By dimension.
    ///
    /// Only priced dimensions are looked at. More cached than all tokens is a contradiction, but it is none for money
    /// where cached tokens cost what others do.
    ///
    /// # Errors
    /// [`UnpricedReason::MissingRate`] where something was used that no rate covers, `inherits` being whether the
    /// rate of a whole covers parts without a rate. [`UnpricedReason::InconsistentUsage`] where parts exceed their
    /// whole. [`UnpricedReason::UnsupportedUnit`] where the usage does not tell what the rates ask for.
    pub(super) fn split(
        &self,
        rates: &Rates,
        inherits: bool,
        trace: &mut impl Trace,
    ) -> Result<[u64; Dimension::COUNT], UnpricedReason> {
        let priced = rates.priced();
        let counted = |dimension: Dimension| dimension.kind() != Kind::Request;
        let measured = |dimension: Dimension| dimension.kind() == Kind::Measure;
        let covered = |used: &Dimension| inherits && !used.wholes().and(priced).is_empty();
        let open = self.used.without(priced);
        if open.iter().filter(|used| !covered(used)).any(|used| counted(used) && !measured(used)) {
            open.iter().filter(|used| !covered(used) && counted(*used)).for_each(|used| trace.unpaid(used));
            return Err(UnpricedReason::MissingRate);
        }
        // A measure needs no rate where what stands beside it has one, and was used.
        let paid = |dimensions: Dimensions| dimensions.and(priced).iter().any(counted);
        let other_unit = open.iter().filter(|used| !covered(used)).any(measured) && !paid(self.used);
        if other_unit || !paid(self.told) {
            open.iter().filter(|used| !covered(used) && counted(*used)).for_each(|used| trace.unpaid(used));
            return Err(UnpricedReason::UnsupportedUnit);
        }
        let mut split = [0_u64; Dimension::COUNT];
        // Parts come first, so every one is known before its wholes.
        for dimension in priced.iter() {
            if !self.told.contains(dimension) {
                if !self.used.and(dimension.parts()).is_empty() {
                    return Err(UnpricedReason::InconsistentUsage);
                }
                if self.is_hidden_overlap(dimension) {
                    return Err(UnpricedReason::UnsupportedUnit);
                }
            }
            let taken = |left: u64, part: Dimension| left.checked_sub(*split.get(part as usize)?);
            let left = dimension.parts().and(priced).iter().try_fold(self.get(dimension), taken);
            let left = left.ok_or(UnpricedReason::InconsistentUsage)?;
            if let Some(slot) = split.get_mut(dimension as usize) {
                *slot = left;
            }
        }
        Ok(split)
    }

    /// Whether both wholes of an overlap were used, though the overlap itself was not told: cached tokens and audio,
    /// but not how many of the cached ones are audio.
    fn is_hidden_overlap(&self, dimension: Dimension) -> bool {
        dimension.parents().len() > 1 && dimension.parents().iter().all(|whole| self.used.contains(*whole))
    }
}
