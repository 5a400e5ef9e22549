//! The rates of one entry, before they become a model of the book.

use std::collections::{BTreeMap, BTreeSet};

use genops_core::price::book::{Dimension, Key, Rate};

/// Something that is told of an exchange, and the value that litellm has for it.
pub(crate) type Condition = (Key, String);

/// Conditions under which rates hold; empty: always.
pub(super) type When = Vec<Condition>;

type Rates = BTreeMap<Dimension, Rate>;

/// Rates at every context, and those above some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Laid {
    pub(super) rates: Rates,
    /// By the number of tokens that must be exceeded.
    pub(super) tiers: BTreeMap<u64, Rates>,
}

/// Rates by the conditions under which they hold. Those without condition are always there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sheet {
    pub(super) base: Laid,
    pub(super) varied: BTreeMap<When, Laid>,
}

impl Laid {
    /// The rate of a dimension at a context above `over` tokens.
    fn at(&self, over: u64, dimension: Dimension) -> Option<Rate> {
        let tiers = self.tiers.iter().rev().filter(|(above, _)| **above <= over);
        let tiered = tiers.filter_map(|(_, rates)| rates.get(&dimension)).next();
        tiered.or_else(|| self.rates.get(&dimension)).copied()
    }

    fn remove(&mut self, dimension: Dimension) {
        self.rates.remove(&dimension);
        self.tiers.values_mut().for_each(|rates| _ = rates.remove(&dimension));
        self.tiers.retain(|_, rates| !rates.is_empty());
    }

    /// The rates for a context above so many tokens, or for all.
    pub(super) fn rates_mut(&mut self, over: Option<u64>) -> &mut Rates {
        match over {
            Some(over) => self.tiers.entry(over).or_default(),
            None => &mut self.rates,
        }
    }

    /// Whether nothing in it costs anything.
    pub(super) fn is_zero(&self) -> bool {
        self.rates.values().chain(self.tiers.values().flat_map(BTreeMap::values)).all(|rate| rate.0 == 0)
    }
}

impl Sheet {
    /// The rates under these conditions, to be added to.
    pub(super) fn laid_mut(&mut self, when: When) -> &mut Laid {
        if when.is_empty() { &mut self.base } else { self.varied.entry(when).or_default() }
    }

    /// Whether nothing in it costs anything.
    pub(super) fn is_zero(&self) -> bool {
        self.base.is_zero() && self.varied.values().all(Laid::is_zero)
    }

    fn contexts(&self) -> BTreeSet<u64> {
        let tiers = |laid: &Laid| laid.tiers.keys().copied().collect::<Vec<_>>();
        std::iter::once(0).chain(tiers(&self.base)).chain(self.varied.values().flat_map(tiers)).collect()
    }

    /// Whether one dimension costs at all times what another does, so that it need not be said: wherever the list has a
    /// figure for it, that is the other's. Where it has none the one follows the other (xAI's image tokens have no
    /// figure for long contexts; Gemini's audio tokens that cost what text does have none for flex).
    fn same(&self, one: Dimension, other: Dimension) -> bool {
        let laids = std::iter::once(&self.base).chain(self.varied.values());
        let mut sets = laids.flat_map(|laid| std::iter::once(&laid.rates).chain(laid.tiers.values()));
        sets.all(|rates| rates.get(&one).is_none_or(|rate| rates.get(&other) == Some(rate)))
    }

    fn remove(&mut self, dimension: Dimension) {
        self.base.remove(dimension);
        self.varied.values_mut().for_each(|laid| laid.remove(dimension));
    }

    fn has(&self, dimension: Dimension) -> bool {
        self.base.rates.contains_key(&dimension)
    }

    /// Says what the list leaves to be understood, and leaves out what the book understands by itself.
    pub(super) fn settle(&mut self, mode: &str) {
        use Dimension as D;
        // What is made of a whole of which only one part has a price is that part (image models: output_image).
        if !self.has(D::Output) {
            let parts: Vec<_> =
                [D::OutputImage, D::OutputAudio, D::OutputVideo].into_iter().filter(|d| self.has(*d)).collect();
            if let [part] = parts[..] {
                let laids = std::iter::once(&mut self.base).chain(self.varied.values_mut());
                for rates in laids.flat_map(|laid| std::iter::once(&mut laid.rates).chain(laid.tiers.values_mut())) {
                    rates.remove(&part).map(|rate| rates.insert(D::Output, rate));
                }
            }
        }
        // Embeddings and rankings are priced by what was read.
        if self.has(D::Input) && !self.has(D::Output) && matches!(mode, "embedding" | "rerank") {
            self.base.rates.insert(D::Output, Rate(0));
        }
        // Nested parts last: a part of a part goes only with it.
        for (part, whole, nested) in [
            (D::Reasoning, D::Output, None),
            (D::OutputImage, D::Output, None),
            (D::OutputAudio, D::Output, None),
            (D::InputImage, D::Input, Some(D::CacheReadImage)),
            (D::InputVideo, D::Input, Some(D::CacheReadVideo)),
            (D::InputAudio, D::Input, Some(D::CacheReadAudio)),
        ] {
            let nested = nested.filter(|nested| self.has(*nested));
            let plain = nested.is_none_or(|nested| self.same(nested, D::CacheRead));
            if self.has(whole) && plain && (!self.has(part) || self.same(part, whole)) {
                self.remove(part);
                nested.into_iter().for_each(|nested| self.remove(nested));
            }
        }
        self.drop_repeated();
    }

    /// A variant that only repeats what holds anyway says nothing.
    fn drop_repeated(&mut self) {
        let contexts = self.contexts();
        let base = &self.base;
        for laid in self.varied.values_mut() {
            let dimensions: Vec<_> = laid.rates.keys().copied().collect();
            for dimension in dimensions {
                if contexts.iter().all(|over| laid.at(*over, dimension) == base.at(*over, dimension)) {
                    laid.remove(dimension);
                }
            }
        }
        self.varied.retain(|_, laid| *laid != Laid::default());
    }

    /// Variants that do not say what a long context costs though it costs more: taken out, each with the reason.
    pub(super) fn take_half_said(&mut self) -> Vec<(When, String)> {
        let base = &self.base;
        let problem = |laid: &Laid| {
            let missing = base.tiers.iter().find_map(|(over, rates)| {
                let own = laid.tiers.get(over);
                let dimension =
                    rates.keys().find(|d| laid.rates.contains_key(d) && !own.is_some_and(|own| own.contains_key(d)))?;
                Some(format!("has no {} above {over} tokens, where the plain rate has one", dimension.as_str()))
            });
            missing.or_else(|| {
                let (over, dimension) = laid
                    .tiers
                    .iter()
                    .find_map(|(over, rates)| Some((over, rates.keys().find(|d| !laid.rates.contains_key(d))?)))?;
                Some(format!("has {} above {over} tokens, but none below", dimension.as_str()))
            })
        };
        let half: Vec<_> = self.varied.iter().filter_map(|(when, laid)| Some((when.clone(), problem(laid)?))).collect();
        half.iter().for_each(|(when, _)| _ = self.varied.remove(when));
        half
    }
}
