//! Changes to a book: what a user's configuration says, and what is known beyond an imported list.

use serde::{Deserialize, Serialize};

use super::decimal::FACTOR_DECIMALS;
use super::{
    Billing, Calendar, Date, Dated, Factor, FormatError, Model, Prices, ProviderFile, Rate, Tier, UniqueMap, Unlisted,
};

/// Changes to one provider's prices. Applied in the order of the keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Amendment {
    /// Where the figures were taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// When they were last compared with the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_on: Option<Date>,
    /// What a kind of token without a rate of its own costs; a provider that no file stands for is `unpriced` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlisted: Option<Unlisted>,
    /// Further calendars.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    pub calendars: UniqueMap<Calendar>,
    /// Models that are added, or take the place of the listed one of that name; `null` takes it away.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    #[cfg_attr(feature = "json-schema", schemars(extend("propertyNames" = super::json_schema::model())))]
    pub models: UniqueMap<Option<Model>>,
    /// What is added to listed models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extend: Vec<Extension>,
    /// Further names, and the listed names that they stand for.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "super::json_schema::aliases"))]
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
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Listed names of the models; `*` alone: all with prices.
    #[cfg_attr(feature = "json-schema", schemars(inner(regex(pattern = super::json_schema::MODEL))))]
    pub models: Vec<String>,
    /// What is added.
    #[serde(default)]
    pub with: Model,
    /// Rates that follow from another one of the same list, by dimension.
    #[serde(default, skip_serializing_if = "UniqueMap::is_empty")]
    pub derive: UniqueMap<Derived>,
}

/// A rate that is a multiple of another: a list that says "2.5 times the input" says so for all its tiers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// The dimension whose rate is multiplied.
    pub of: String,
    /// By what.
    pub by: Factor,
}

/// Rates of whatever is not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Fallback {
    /// US dollars by dimension, per the dimension's unit.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "super::json_schema::some_figures"))]
    pub rates: UniqueMap<Rate>,
}

impl Extension {
    /// Adds it to a model: `with`, then the rates that follow from what stands there. A second time nothing changes.
    pub fn apply(&self, model: &mut Model) {
        self.with.extend(model);
        let entries = model.prices.iter_mut().map(|entry| (&mut entry.rates, &mut entry.tiers));
        let variants = model.variants.iter_mut().map(|variant| (&mut variant.rates, &mut variant.tiers));
        for (rates, tiers) in entries.chain(variants) {
            let lists = std::iter::once(rates).chain(tiers.iter_mut().map(|tier| &mut tier.rates));
            lists.for_each(|rates| self.derived(rates));
        }
    }

    /// A rate that the list has already stays, and one that has too many decimals to be exact is left out.
    fn derived(&self, rates: &mut UniqueMap<Rate>) {
        for (name, Derived { of, by }) in self.derive.iter() {
            let times = |rate: &Rate| {
                let whole = u128::from(rate.0) * u128::from(by.0);
                let hundred = u128::from(10u64.pow(FACTOR_DECIMALS as u32));
                u64::try_from(whole / hundred).ok().filter(|_| whole.is_multiple_of(hundred)).map(Rate)
            };
            let known = rates.get(name).is_some();
            if let Some(rate) = rates.get(of).and_then(times).filter(|_| !known) {
                rates.0.push((name.to_owned(), rate));
            }
        }
    }
}

impl Model {
    /// Adds this to a model: what its lists do not hold goes behind, other fields take their place where they say
    /// something. A second time nothing changes.
    pub fn extend(&self, model: &mut Self) {
        let Self { alias, dated, geo, free, prices, variants, multipliers, min, max, billing, source, checked_on } =
            self;
        append(&mut model.alias, alias);
        append(&mut model.geo, geo);
        append_unless(&mut model.prices, prices, |have, new| {
            let kept = Prices { rates: new.rates.clone(), tiers: new.tiers.clone(), ..have.clone() };
            kept == *new && holds((&have.rates, &have.tiers), (&new.rates, &new.tiers))
        });
        append_unless(&mut model.variants, variants, |have, new| {
            let same = (have.from, &have.when) == (new.from, &new.when);
            same && holds((&have.rates, &have.tiers), (&new.rates, &new.tiers))
        });
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
    append_unless(list, more, T::eq);
}

fn append_unless<T: Clone>(list: &mut Vec<T>, more: &[T], held: impl Fn(&T, &T) -> bool) {
    let new: Vec<T> = more.iter().filter(|item| !list.iter().any(|have| held(have, item))).cloned().collect();
    list.extend(new);
}

/// Rates and the tiers over them.
type Lists<'a> = (&'a UniqueMap<Rate>, &'a Vec<Tier>);

/// Whether lists say all that others do. They may say more: rates that were derived since.
fn holds((rates, tiers): Lists<'_>, (new, more): Lists<'_>) -> bool {
    let all =
        |have: &UniqueMap<Rate>, new: &UniqueMap<Rate>| new.iter().all(|(name, rate)| have.get(name) == Some(rate));
    let tier = |new: &Tier| tiers.iter().any(|have| have.over == new.over && all(&have.rates, &new.rates));
    all(rates, new) && tiers.len() == more.len() && more.iter().all(tier)
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
        for (index, extension) in amendment.extend.iter().enumerate() {
            let models = &extension.models;
            let all = models.iter().any(|name| name == "*");
            for (place, name) in models.iter().enumerate().filter(|(_, name)| *name != "*") {
                if self.models.get(name).is_none() {
                    return unfit(format!("extend[{index}].models[{place}]"), &format!("no model is called {name:?}"));
                }
            }
            let meant = |name: &String, model: &Model| all && !model.prices.is_empty() || models.contains(name);
            for (_, model) in self.models.0.iter_mut().filter(|(name, model)| meant(name, model)) {
                extension.apply(model);
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
    fn a_rate_follows_from_another_in_every_list_that_has_it() -> Result<(), Box<dyn std::error::Error>> {
        let text = r#"{"extend": [{"models": ["a"], "with": {"variants": [{"when": {"service_tier": ["flex"]},
            "rates": {"input": "0.5"}, "tiers": [{"over": 9, "rates": {"input": "0.7"}}]}]},
            "derive": {"cache_write_12h": {"of": "input", "by": "2.5"}}}]}"#;
        let file = amended(text)?;
        let model = file.models.get("a").ok_or("a model")?;
        let variant = model.variants.first().ok_or("a variant")?;
        let tier = variant.tiers.first().ok_or("a tier")?;
        let entry = model.prices.first().ok_or("an entry")?;
        let written: Vec<_> = [&entry.rates, &variant.rates, &tier.rates]
            .iter()
            .map(|rates| rates.get("cache_write_12h").map(ToString::to_string).unwrap_or_default())
            .collect();
        assert_eq!(written, ["2.5", "1.25", "1.75"]);
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
