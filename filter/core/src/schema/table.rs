//! The families that are emitted, with their final names, labels and bounds: built once, by
//! [`Config::parse`](crate::Config::parse), from the schemas that are active and what the configuration changes.

use std::borrow::Cow;

use super::own::OWN;
use super::{Definition, Fact, Feed, Kind, Label, Own, Schema, genops};

/// The namespace that the built-in tables are written in.
pub const NAMESPACE: &str = "genops";
/// Longest name of a family or label of the user's own, bytes: it stands in the name of every stat of its label sets.
pub const MAX_NAME_BYTES: usize = 64;
/// Most labels of the user's own: each is one more tag that Envoy pays for whenever it defines a stat.
pub const MAX_EXTRA_LABELS: usize = 16;

/// All families in use.
///
/// Who uses it:
/// - an exchange's record feeds [`fed`](Self::fed): [`observations`](super::observations) tells amounts by index into it;
/// - whoever prints series finds HELP, type and unit by [`stat`](Self::stat), the labels' names by
///   [`label_of_key`](Self::label_of_key), and the gauges that no stat holds by
///   [`computed`](Self::computed), whose terms name families by [`name`](Self::name);
/// - labels of the user's own are added by [`add_label`](Self::add_label) and labels taken away by
///   [`edit`](Self::edit), before the table is shared: the places of families never change, their labels may;
/// - tags are [`tags`](Self::tags).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Those that records feed come first.
    families: Vec<Family>,
    fed: usize,
    namespace: Cow<'static, str>,
    extra: Vec<Extra>,
}

/// A label of the user's own.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Extra {
    name: Box<str>,
    key: Box<str>,
}

/// One family in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Name, in the configured namespace.
    pub name: Cow<'static, str>,
    /// HELP text.
    pub help: Cow<'static, str>,
    /// Type.
    pub kind: Kind,
    /// Labels from the exchange, in order; [`Fact::variable`] is one more.
    pub labels: Vec<Label>,
    /// Upper bounds of buckets, ascending; empty unless a histogram.
    pub bounds: Vec<Bound>,
    /// What feeds it, and so its unit.
    pub fact: Fact,
    /// The active schemas that have it; none where it is the filter's or the user's own.
    pub schemas: Vec<&'static str>,
}

/// Upper bound of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// As `le` prints it.
    pub le: Cow<'static, str>,
    /// In the integers of the family's unit.
    pub at: u64,
}

/// One Envoy stat of a family's label set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatPart<'f> {
    /// Behind the family's name.
    pub suffix: &'static str,
    /// The bucket's bound.
    pub le: Option<&'f str>,
}

/// Whether a text may be the name of a family or a label (Prometheus: `[a-zA-Z_][a-zA-Z0-9_]*`).
pub fn is_name(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    text.len() <= MAX_NAME_BYTES
        && text.bytes().next().is_some_and(letter)
        && text.bytes().all(|b| letter(b) || b.is_ascii_digit())
}

impl From<&Definition> for Family {
    fn from(of: &Definition) -> Self {
        Self {
            name: of.name.into(),
            help: of.help.into(),
            kind: of.kind,
            labels: of.labels.to_vec(),
            bounds: of.bounds.iter().map(|(le, at)| Bound { le: (*le).into(), at: *at }).collect(),
            fact: of.fact,
            schemas: Vec::new(),
        }
    }
}

impl Family {
    /// The stats that one label set is made of: name suffix and `le`, `+Inf` first (DESIGN 3: a histogram must never
    /// show a delta before its total exists), then the bounds in order, count, sum.
    pub fn stats(&self) -> impl Iterator<Item = StatPart<'_>> {
        let unit = self.fact.unit();
        let plain = |suffix| StatPart { suffix, le: None };
        let bucket = |le| StatPart { suffix: "_bucket", le: Some(le) };
        let histogram = self.kind == Kind::Histogram;
        let first = if histogram { bucket("+Inf") } else { plain(unit.suffix()) };
        let last = histogram.then(|| [plain("_count"), plain(unit.sum_suffix())]);
        std::iter::once(first).chain(self.bounds.iter().map(move |b| bucket(&b.le))).chain(last.into_iter().flatten())
    }

    /// How many stats one label set has.
    pub fn parts(&self) -> usize {
        if self.kind == Kind::Histogram { self.bounds.len() + 3 } else { 1 }
    }

    /// The suffix of the stat that every label set has exactly once; `None` where a variable label makes several.
    pub fn once_per_set(&self) -> Option<&'static str> {
        let suffix = if self.kind == Kind::Histogram { "_count" } else { self.fact.unit().suffix() };
        self.fact.variable().is_none().then_some(suffix)
    }

    /// Whether it is ever an Envoy stat.
    pub fn is_stat(&self) -> bool {
        matches!(self.fact.feed(), Feed::Record | Feed::Stream | Feed::Filter)
    }

    /// All its labels: from the exchange, from the fact, and `le`.
    pub fn all_labels(&self) -> impl Iterator<Item = Label> {
        let le = (self.kind == Kind::Histogram).then_some(Label::Le);
        self.labels.iter().copied().chain(self.fact.variable()).chain(le)
    }
}

impl Default for Table {
    /// The `genops` schema as it stands.
    fn default() -> Self {
        Self::new(&[&genops::SCHEMA], NAMESPACE)
    }
}

impl Table {
    /// The families of `schemas` and the filter's own; `namespace` takes the place of `genops` in their names. A family
    /// that several schemas have is there once, with the labels of all.
    pub fn new(schemas: &[&Schema], namespace: &str) -> Self {
        let namespace = if namespace == NAMESPACE { NAMESPACE.into() } else { Cow::Owned(namespace.to_owned()) };
        let mut table = Self { families: Vec::new(), fed: 0, namespace, extra: Vec::new() };
        for schema in schemas {
            schema.families.iter().for_each(|definition| table.define(definition, Some(schema.name)));
        }
        OWN.iter().for_each(|definition| table.define(definition, None));
        table
    }

    fn define(&mut self, definition: &Definition, schema: Option<&'static str>) {
        let name = self.name(definition.name);
        let Some(family) = self.families.iter_mut().find(|family| family.name == name) else {
            let schemas = schema.into_iter().collect();
            return self.insert(Family { name, schemas, ..Family::from(definition) });
        };
        let more: Vec<Label> = definition.labels.iter().filter(|l| !family.labels.contains(l)).copied().collect();
        family.labels.extend(more);
        family.schemas.extend(schema);
    }

    fn insert(&mut self, family: Family) {
        if family.fact.feed() == Feed::Record {
            self.families.insert(self.fed, family);
            self.fed += 1;
        } else {
            self.families.push(family);
        }
    }

    /// Adds a family.
    ///
    /// # Errors
    /// What of it is there already: the name of one of its stats.
    pub fn add(&mut self, family: Family) -> Result<(), String> {
        let taken = |name: &str| self.named(name).is_some() || self.stat(name).is_some();
        let mut stats = family.stats().map(|part| format!("{}{}", family.name, part.suffix));
        if let Some(name) = std::iter::once(family.name.to_string()).chain(stats.by_ref()).find(|name| taken(name)) {
            return Err(name);
        }
        drop(stats);
        self.insert(family);
        Ok(())
    }

    /// Adds a label of the user's own to the families that `takes` says.
    ///
    /// # Errors
    /// What is allowed.
    pub fn add_label(&mut self, name: &str, takes: impl Fn(&Family) -> bool) -> Result<Label, String> {
        if !is_name(name) || name.starts_with("__") {
            return Err(format!(
                "a label name of a-z, 0-9 and _, up to {MAX_NAME_BYTES} bytes, not of a built-in label"
            ));
        }
        if self.all_labels().any(|label| self.label_name(label) == name) {
            return Err("another name: this label is there already".to_owned());
        }
        // Keys are cut out of stat names wherever they stand (see `Label::key`): none may end in another.
        let clashes = |key: &String| {
            self.all_labels()
                .map(|label| self.label_key(label))
                .any(|other| key.ends_with(other) || other.ends_with(&**key))
        };
        let mut keys = [name.to_owned(), format!("{name}_")].into_iter();
        let key = keys.find(|key| !clashes(key)).ok_or("another name: it is too like that of another label")?;
        let place = u8::try_from(self.extra.len()).ok().filter(|n| usize::from(*n) < MAX_EXTRA_LABELS);
        let label = Label::Extra(place.ok_or_else(|| format!("at most {MAX_EXTRA_LABELS} labels"))?);
        self.extra.push(Extra { name: name.into(), key: key.into() });
        self.families.iter_mut().filter(|family| takes(family)).for_each(|family| family.labels.push(label));
        Ok(label)
    }

    /// Changes labels or bounds of families.
    pub fn edit(&mut self, each: impl FnMut(&mut Family)) {
        self.families.iter_mut().for_each(each);
    }

    /// All families: those that records feed first, in the order of their schemas.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// The families that records feed.
    pub fn fed(&self) -> &[Family] {
        self.families.get(..self.fed).unwrap_or_default()
    }

    /// The gauges that go up and down with streams.
    pub fn active(&self) -> impl Iterator<Item = &Family> {
        self.families.iter().filter(|family| family.fact.feed() == Feed::Stream)
    }

    /// Whether any family needs this fact.
    pub fn asks(&self, fact: Fact) -> bool {
        self.families.iter().any(|family| family.fact == fact)
    }

    /// Whether any family needs the route map.
    pub fn asks_http(&self) -> bool {
        self.families.iter().any(|f| f.fact.is_of_http() || f.labels.iter().any(|label| label.is_of_http()))
    }

    /// The gauges that are computed from other families.
    pub fn computed(&self) -> impl Iterator<Item = (&Family, &'static super::Computed)> {
        self.families.iter().filter_map(|family| match family.fact {
            Fact::Computed(computed) => Some((family, computed)),
            _ => None,
        })
    }

    /// The name in use of a family that is called `name` in the namespace `genops`.
    pub fn name(&self, name: &'static str) -> Cow<'static, str> {
        match name.strip_prefix(NAMESPACE) {
            Some(rest) if self.namespace != NAMESPACE && rest.starts_with('_') => {
                Cow::Owned(format!("{}{rest}", self.namespace))
            }
            _ => Cow::Borrowed(name),
        }
    }

    /// The name in use of one of the filter's own families.
    pub fn own(&self, own: Own) -> Cow<'static, str> {
        self.name(own.name())
    }

    /// The family of this name.
    pub fn named(&self, name: &str) -> Option<&Family> {
        self.families.iter().find(|family| family.name == name)
    }

    /// The family that a stat's name (without labels) belongs to, and the suffix that it has there.
    pub fn stat(&self, name: &str) -> Option<(&Family, &'static str)> {
        self.families.iter().filter(|family| family.is_stat()).find_map(|family| {
            let suffix = name.strip_prefix(&*family.name)?;
            let part = family.stats().find(|part| part.suffix == suffix)?;
            Some((family, part.suffix))
        })
    }

    /// The name of a label.
    pub fn label_name(&self, label: Label) -> &str {
        self.extra(label).map_or(label.name(), |extra| &extra.name)
    }

    /// The key of a label in stat names.
    pub fn label_key(&self, label: Label) -> &str {
        self.extra(label).map_or(label.key(), |extra| &extra.key)
    }

    /// The label of a key in stat names.
    pub fn label_of_key(&self, key: &str) -> Option<Label> {
        self.all_labels().find(|label| self.label_key(*label) == key)
    }

    fn extra(&self, label: Label) -> Option<&Extra> {
        match label {
            Label::Extra(place) => self.extra.get(usize::from(place)),
            _ => None,
        }
    }

    /// The labels that an exchange can have, whatever family: of [`Dimensions`](crate::record::Dimensions).
    pub fn attributed(&self) -> impl Iterator<Item = Label> {
        self.all_labels().filter(|label| label.is_attributed())
    }

    fn all_labels(&self) -> impl Iterator<Item = Label> {
        let extra = (0..).take(self.extra.len()).map(Label::Extra);
        let last = |label: &Label| *label == Label::Le;
        let first = Label::ALL.into_iter().filter(move |label| !last(label));
        first.chain(extra).chain([Label::Le])
    }

    /// The labels that any stat has, in the order in which tags are declared.
    pub fn labels_in_use(&self) -> Vec<Label> {
        let stats = || self.families.iter().filter(|family| family.is_stat());
        self.all_labels().filter(|label| stats().any(|family| family.all_labels().any(|l| l == *label))).collect()
    }

    /// Name and key of each label in use, in the order in which tags are declared.
    pub fn tags(&self) -> Vec<(&str, &str)> {
        self.labels_in_use().into_iter().map(|label| (self.label_name(label), self.label_key(label))).collect()
    }
}
