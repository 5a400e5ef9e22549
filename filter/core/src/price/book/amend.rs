//! Changes to a book: what a user's configuration says, and what is known beyond an imported list.

use serde::{Deserialize, Serialize};

use super::{Billing, Calendar, Date, Dated, FormatError, Model, ProviderFile, Rate, UniqueMap, Unlisted};

/// Changes to one provider's prices. Applied in the order of the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amendment {
    /// Where the figures were taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When they were last compared with the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_on: Option<Date>,
    /// As in [`super::ProviderFile`]; a provider that no file stands for is `unpriced` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<Unlisted>,
    /// Further calendars.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    pub calendars: UniqueMap<Calendar>,
    /// Models that are added, or take the place of the listed one of that name; `null` takes it away.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    pub models: UniqueMap<Option<Model>>,
    /// What is added to listed models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extend: Vec<Extension>,
    /// Further names, and the listed names that they stand for.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    pub alias: UniqueMap<String>,
    /// What models cost that no list knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// How all its models are paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing: Option<Billing>,
}

/// What is added to listed models: the lists of `with` go behind theirs, its other fields take the place of theirs
/// where they say something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Listed names of the models; `*` alone: all with prices.
    pub models: Vec<String>,
    /// What is added.
    pub with: Model,
}

/// Rates of whatever is not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// US dollars by dimension, per the dimension's unit.
    pub rates: UniqueMap<Rate>,
}

impl Model {
    /// Adds this to a model: what its lists do not hold goes behind, other fields take their place where they say
    /// something. A second time nothing changes.
    pub fn extend(&self, model: &mut Self) {
        let Self { alias, dated, geo, free, prices, variants, multipliers, min, max, billing, source, checked_on } =
            self;
        append(&mut model.alias, alias);
        append(&mut model.geo, geo);
        append(&mut model.prices, prices);
        append(&mut model.variants, variants);
        append(&mut model.multipliers, multipliers);
        append(&mut model.min.0, &min.0);
        append(&mut model.max.0, &max.0);
        model.free |= free;
        if *dated == Dated::Any {
            model.dated = Dated::Any;
        }
        model.billing = billing.or(model.billing);
        model.source = source.clone().or(model.source.take());
        model.checked_on = checked_on.or(model.checked_on);
    }
}

fn append<T: Clone + PartialEq>(list: &mut Vec<T>, more: &[T]) {
    let new: Vec<T> = more.iter().filter(|item| !list.contains(item)).cloned().collect();
    list.extend(new);
}

/// A change that a file does not take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct Unfit {
    /// Path within the changes: `extend[0].models[1]`.
    pub at: String,
    /// What is wrong.
    pub problem: String,
}

impl ProviderFile {
    /// Makes changes to a file. A second time nothing changes.
    ///
    /// # Errors
    /// The first one that does not fit.
    pub fn amend(&mut self, amendment: &Amendment) -> Result<(), Unfit> {
        let unfit = |at: String, problem: &str| Err(Unfit { at, problem: problem.to_owned() });
        if amendment.fallback.is_some() || amendment.billing.is_some() {
            return unfit(".".to_owned(), "`fallback` and `billing` have no place in a book of list prices");
        }
        self.unlisted = amendment.unlisted.or(self.unlisted);
        for (name, calendar) in amendment.calendars.iter() {
            self.calendars.0.retain(|(own, _)| own != name);
            self.calendars.0.push((name.to_owned(), calendar.clone()));
        }
        for (name, model) in amendment.models.iter() {
            self.models.0.retain(|(own, _)| own != name);
            let Some(mut model) = model.clone() else { continue };
            model.source = model.source.or_else(|| amendment.source.clone());
            model.checked_on = model.checked_on.or(amendment.checked_on);
            self.models.0.push((name.to_owned(), model));
        }
        self.models.0.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (index, Extension { models, with }) in amendment.extend.iter().enumerate() {
            let all = models.iter().any(|name| name == "*");
            for (place, name) in models.iter().enumerate().filter(|(_, name)| *name != "*") {
                if self.models.get(name).is_none() {
                    return unfit(format!("extend[{index}].models[{place}]"), &format!("no model is called {name:?}"));
                }
            }
            let meant = |name: &String, model: &Model| all && !model.prices.is_empty() || models.contains(name);
            for (_, model) in self.models.0.iter_mut().filter(|(name, model)| meant(name, model)) {
                with.extend(model);
            }
        }
        for (name, target) in amendment.alias.iter() {
            match self.models.0.iter_mut().find(|(own, _)| own == target) {
                Some((_, model)) => append(&mut model.alias, &[name.to_owned()]),
                None => return unfit(format!("alias.{name}"), &format!("no model is called {target:?}")),
            }
        }
        Ok(())
    }
}

/// Reads the text of a file of changes.
///
/// # Errors
/// [`FormatError`], naming the JSON path.
pub fn parse_amendment(text: &str) -> Result<Amendment, FormatError> {
    super::read(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = r#"{"schema": 1, "provider": "acme", "source": "a list", "checked_on": "2026-11-21",
        "unlisted": "parent", "models": {"a": {"prices": [{"rates": {"input": "1"}}]}, "b": {}, "c": {}}}"#;

    fn amended(text: &str) -> Result<ProviderFile, Box<dyn std::error::Error>> {
        let (mut file, amendment) = (super::super::parse(BOOK)?, parse_amendment(text)?);
        file.amend(&amendment)?;
        let once = file.clone();
        file.amend(&amendment)?;
        assert_eq!(once, file, "a second time nothing changes");
        Ok(file)
    }

    #[test]
    fn changes_add_replace_take_away_and_extend() -> Result<(), Box<dyn std::error::Error>> {
        let file = amended(
            r#"{"source": "a page", "checked_on": "2026-11-22", "models": {"b": null, "c": {"free": true}, "aa": {}},
            "extend": [{"models": ["*"], "with": {"multipliers": [{"when": {"region": ["eu"]}, "by": "1.1"}]}}],
            "alias": {"z": "a"}}"#,
        )?;
        let names: Vec<_> = file.models.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "aa", "c"]);
        let model = |name: &str| file.models.get(name).cloned().unwrap_or_default();
        assert_eq!((model("a").multipliers.len(), model("a").alias, model("a").source), (1, vec!["z".into()], None));
        assert_eq!((model("c").free, model("c").source), (true, Some("a page".to_owned())));
        assert!(model("aa").multipliers.is_empty(), "a model without prices has nothing to multiply");
        Ok(())
    }

    #[test]
    fn changes_that_do_not_fit_are_named() {
        for (text, expected) in [
            (r#"{"extend": [{"models": ["a", "x"], "with": {}}]}"#, r#"extend[0].models[1]: no model is called "x""#),
            (r#"{"alias": {"z": "x"}}"#, r#"alias.z: no model is called "x""#),
            (r#"{"billing": "provisioned"}"#, ".: `fallback` and `billing` have no place in a book of list prices"),
            (r#"{"models": {"a": {"price": []}}}"#, "models.a.price: unknown field `price`"),
        ] {
            let found = amended(text).map_err(|error| error.to_string());
            assert!(found.as_ref().is_err_and(|error| error.starts_with(expected)), "{found:?}");
        }
    }
}
