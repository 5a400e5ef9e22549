//! The series of one label combination, looked up once and then addressed by slot.

use std::borrow::Cow;
use std::ops::Range;

use genops_core::OTHER;
use genops_core::record::Dimensions;
use genops_core::schema::stat_name::push_label;
use genops_core::schema::{Family, Label, StatPart, Table};

/// Index of a series in [`Behind`](crate::behind::Behind).
pub(crate) type SeriesIndex = u32;
/// A slot whose series does not exist yet.
const ABSENT: SeriesIndex = SeriesIndex::MAX;

/// In which order values fold to `other` when there are too many (DESIGN 12): never the provider. The user's own labels
/// come between the two. `environment` comes last: it is free text from a header, so the cap would not hold without it.
const FOLD_FIRST: [Label; 2] = [Label::CustomerId, Label::Feature];
const FOLD_LAST: [Label; 4] = [Label::Project, Label::Team, Label::Model, Label::Environment];

/// Where a family's series stand among the slots of a label combination.
#[derive(Debug)]
struct FamilyLayout {
    /// First slot.
    offset: usize,
    /// How many stats one label set has.
    parts: usize,
    /// Values of the variable label.
    variants: Vec<&'static str>,
}

/// Slots of all families that records feed, the same for every label combination.
#[derive(Debug)]
pub(crate) struct Layout {
    families: Vec<FamilyLayout>,
    slots: usize,
    /// Labels that exchanges have and no family shows: they make no label sets.
    hidden: Vec<Label>,
}

impl Layout {
    pub(crate) fn new(table: &Table) -> Self {
        let mut slots = 0;
        let families = table
            .fed()
            .iter()
            .map(|family| {
                let layout = FamilyLayout { offset: slots, parts: family.parts(), variants: family.fact.variants() };
                slots += layout.parts * layout.variants.len().max(1);
                layout
            })
            .collect();
        let shown = |label: &Label| table.fed().iter().any(|family| family.labels.contains(label));
        // The route map's labels are there only where a family shows them.
        let hidden = table.attributed().filter(|label| !label.is_of_http() && !shown(label));
        Self { families, slots, hidden: hidden.collect() }
    }

    /// What of `dimensions` any family shows.
    pub(crate) fn shown<'d>(&self, dimensions: &'d Dimensions) -> Cow<'d, Dimensions> {
        let mut shown = Cow::Borrowed(dimensions);
        for label in &self.hidden {
            if dimensions.get(*label).is_some_and(|value| !value.is_empty()) {
                shown.to_mut().clear(*label);
            }
        }
        shown
    }

    /// A label set by all its labels, in the form of a stat's name.
    pub(crate) fn set(table: &Table, dimensions: &Dimensions) -> String {
        let mut set = String::new();
        for label in table.attributed() {
            if let Some(value) = dimensions.get(label) {
                push_label(&mut set, table.label_key(label), value);
            }
        }
        if let Some(provider) = dimensions.asked_about() {
            push_label(&mut set, "about", provider);
        }
        set.push_str("set");
        set
    }

    /// The slots of one label set of a family.
    pub(crate) fn slots(&self, family: usize, variant: usize) -> Range<usize> {
        let Some(layout) = self.families.get(family) else { return 0..0 };
        let start = layout.offset + variant.min(layout.variants.len().saturating_sub(1)) * layout.parts;
        start..start + layout.parts
    }

    /// The stat names of one label set of a family, in the order of its parts.
    pub(crate) fn names(&self, table: &Table, family: usize, variant: usize, of: &Dimensions) -> Vec<String> {
        let (Some(family), Some(layout)) = (table.fed().get(family), self.families.get(family)) else {
            return Vec::new();
        };
        let mut labels = labels(table, family, of);
        if let (Some(label), Some(value)) = (family.fact.variable(), layout.variants.get(variant)) {
            push_label(&mut labels, label.key(), value);
        }
        let name = |part: StatPart<'_>| {
            let mut name = labels.clone();
            if let Some(le) = part.le {
                push_label(&mut name, Label::Le.key(), le);
            }
            name.push_str(&family.name);
            name.push_str(part.suffix);
            name
        };
        family.stats().map(name).collect()
    }
}

/// A family's labels in a stat's name.
fn labels(table: &Table, family: &Family, of: &Dimensions) -> String {
    let mut labels = String::new();
    for label in &family.labels {
        if let Some(value) = of.value(family.fact, *label) {
            push_label(&mut labels, table.label_key(*label), value);
        }
    }
    labels
}

/// The name of the stat of a family that has but one for each label set.
pub(crate) fn name_of(table: &Table, family: &Family, of: &Dimensions) -> String {
    labels(table, family, of) + &family.name + family.fact.unit().suffix()
}

/// The series of one label combination.
#[derive(Debug)]
pub(crate) struct Slots(Box<[SeriesIndex]>);

impl Slots {
    pub(crate) fn new(layout: &Layout) -> Self {
        Self(vec![ABSENT; layout.slots].into_boxed_slice())
    }

    /// The series in one slot.
    pub(crate) fn get(&self, slot: usize) -> Option<SeriesIndex> {
        self.0.get(slot).copied().filter(|index| *index != ABSENT)
    }

    pub(crate) fn filled(&self, range: &Range<usize>) -> bool {
        self.0.get(range.clone()).is_some_and(|slots| !slots.contains(&ABSENT))
    }

    pub(crate) fn fill(&mut self, range: &Range<usize>, series: &[SeriesIndex]) {
        for (slot, index) in self.0.get_mut(range.clone()).into_iter().flatten().zip(series) {
            *slot = *index;
        }
    }
}

/// Folds one more value to `other`; tells which, or `None` when all that may fold has.
pub(crate) fn fold(dimensions: &mut Dimensions) -> Option<Label> {
    let own = dimensions.attribution.extra.iter().map(|extra| extra.label);
    let mut order = FOLD_FIRST.into_iter().chain(own).chain(FOLD_LAST);
    let Some(label) = order.find(|l| dimensions.get(*l).is_some_and(|v| v != OTHER)) else {
        return dimensions.http.as_mut().and_then(|http| http.fold());
    };
    fold_label(dimensions, label);
    Some(label)
}

/// Folds the value of one label to `other`.
pub(crate) fn fold_label(dimensions: &mut Dimensions, label: Label) {
    match label {
        Label::Model => dimensions.model = Some(OTHER.to_owned()),
        other => dimensions.attribution.set(other, Some(OTHER.to_owned())),
    }
}
