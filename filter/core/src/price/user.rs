//! What a user's configuration changes: models replaced, added, extended, renamed and taken away, laid out as tables of
//! their own that are looked at before the shipped ones.

use std::borrow::Cow;

use super::book::layout::{ProviderRow, Span, Tables, TooMany, lay_out, order};
use super::book::{
    self, Amendment, Billing, Calendar, Complaint, Date, Fallback, Model as BookModel, Prices, ProviderFile, SCHEMA,
    UniqueMap, Unlisted,
};
use super::model_match::{self, Match};
use super::table::{BOOK_VERSION, Model, shipped};

/// The prices that hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PriceBook {
    user: Option<Box<UserBook>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct UserBook {
    tables: Tables,
    /// With their provider ids: a configuration names few.
    changes: Vec<(String, Changes)>,
}

/// What is changed of one provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Changes {
    /// Of the user's models.
    names: Span,
    inherits: bool,
    /// What takes the place of shipped models; `None`: nothing.
    /// Sorted.
    models: Vec<(u16, Option<u16>)>,
    /// Names that no longer mean anything, in lower case.
    dropped: Vec<String>,
    /// Further names, in lower case, and what they stand for. Sorted.
    alias: Vec<(String, String)>,
    /// The user's model that stands for all unknown ones.
    fallback: Option<u16>,
    provisioned: bool,
}

/// Whose prices hold.
#[derive(Clone, Copy)]
pub(super) struct Seller<'b> {
    pub(super) id: &'b str,
    pub(super) row: Option<&'static ProviderRow>,
    pub(super) user: Option<Changed<'b>>,
}

/// The user's part of a seller.
#[derive(Clone, Copy)]
pub(super) struct Changed<'b> {
    pub(super) tables: &'b Tables,
    changes: &'b Changes,
}

/// A change that does not fit the book.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct AmendError {
    /// JSON path below the provider: `openai.models.gpt-4o.prices[0].rates.inptu`.
    pub path: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl AmendError {
    fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }
}

impl PriceBook {
    /// Only what the filter came with.
    pub const SHIPPED: Self = Self { user: None };

    /// The shipped book with a user's changes, by provider id.
    ///
    /// # Errors
    /// The first change that does not fit: names its JSON path and what would be right.
    pub fn amended(amendments: &UniqueMap<Amendment>) -> Result<Self, AmendError> {
        if amendments.is_empty() {
            return Ok(Self::SHIPPED);
        }
        let mut files = Vec::new();
        let mut drafts = Vec::new();
        for (provider, amendment) in amendments.iter() {
            let (file, draft) = draft(provider, amendment)?;
            files.push(file);
            drafts.push(draft);
        }
        let mut rough = Vec::new();
        for (file, (provider, amendment)) in files.iter().zip(amendments.iter()) {
            rough.extend(amendment.fallback.as_ref().map(|rates| fallback(provider, file, rates)).transpose()?);
        }
        let own = files.len();
        files.extend(rough);
        let tables = lay_out(&files).map_err(|error: TooMany| AmendError::new(".", error.to_string()))?;
        let mut changes = Vec::new();
        for (file, draft) in files.iter().take(own).zip(drafts) {
            let names_of = |id: &str| tables.provider(id).map_or(Span::default(), |row| row.names);
            let names = names_of(&file.provider);
            let place = |name: &str| tables.name(names, &name.to_ascii_lowercase()).map(|row| row.model);
            let rough = tables.names_in(names_of(&fallback_id(&file.provider))).first();
            let models = draft.models.into_iter().map(|(index, name)| (index, name.and_then(|name| place(&name))));
            changes.push((
                file.provider.clone(),
                Changes {
                    names,
                    inherits: file.unlisted == Some(Unlisted::Parent),
                    models: sorted(models.collect(), |(index, _)| *index),
                    dropped: draft.dropped,
                    alias: sorted(draft.alias, |(name, _)| name.clone()),
                    fallback: rough.map(|row| row.model),
                    provisioned: draft.provisioned,
                },
            ));
        }
        let user = UserBook { tables, changes };
        let book = Self { user: Some(Box::new(user)) };
        book.check_alias(amendments)?;
        Ok(book)
    }

    /// Version of the shipped book, with `+user` behind it where a user's prices stand before it.
    pub fn version(&self) -> Cow<'static, str> {
        match self.user {
            None => BOOK_VERSION.into(),
            Some(_) => format!("{BOOK_VERSION}+user").into(),
        }
    }

    /// `None`: neither the book nor the user knows the provider.
    pub(super) fn seller<'b>(&'b self, id: &'b str) -> Option<Seller<'b>> {
        let row = shipped().provider(id);
        let user = self.user.as_deref().and_then(|user| {
            let (_, changes) = user.changes.iter().find(|(provider, _)| provider == id)?;
            Some(Changed { tables: &user.tables, changes })
        });
        (row.is_some() || user.is_some()).then_some(Seller { id, row, user })
    }

    /// Every alias must stand for something.
    fn check_alias(&self, amendments: &UniqueMap<Amendment>) -> Result<(), AmendError> {
        for (provider, amendment) in amendments.iter() {
            for (name, target) in amendment.alias.iter() {
                let known = self.seller(provider).is_some_and(|seller| model_match::find(seller, target).is_ok());
                if !known {
                    let problem = format!("{target:?} names no model of {provider}");
                    return Err(AmendError::new(format!("{provider}.alias.{name}"), problem));
                }
            }
        }
        Ok(())
    }
}

impl<'b> Seller<'b> {
    pub(super) fn inherits(self) -> bool {
        self.user.map_or_else(|| self.row.is_some_and(|row| row.inherits), |user| user.changes.inherits)
    }

    pub(super) fn reasoning_beside(self) -> bool {
        self.row.is_some_and(|row| row.reasoning_beside)
    }

    pub(super) fn free_suffix(self) -> Option<&'static str> {
        self.row.map(|row| shipped().text(row.free_suffix)).filter(|suffix| !suffix.is_empty())
    }

    /// What a name, in lower case, is another name for.
    pub(super) fn alias(self, name: &str) -> Option<&'b str> {
        let alias = &self.user?.changes.alias;
        let place = alias.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        alias.get(place).map(|(_, target)| target.as_str())
    }

    /// Whether one of the names is that of something whose capacity was bought.
    pub(super) fn is_provisioned(self, names: [Option<&str>; 2]) -> bool {
        let bought = |name: &str| {
            let hit = model_match::find(self, name).ok();
            hit.and_then(|hit| hit.model.terms()).is_some_and(|terms| terms.provisioned)
        };
        self.user.is_some_and(|user| user.changes.provisioned || names.into_iter().flatten().any(bought))
    }

    /// The user's rates for whatever is not listed.
    pub(super) fn fallback(self) -> Option<Match<'b>> {
        let user = self.user?;
        let model = user.tables.model(user.changes.fallback?)?;
        Some(Match { model, own: true, inherits: true, free: false })
    }
}

impl<'b> Changed<'b> {
    pub(super) fn names(self) -> Span {
        self.changes.names
    }

    pub(super) fn dropped(self, name: &str) -> bool {
        self.changes.dropped.iter().any(|dropped| dropped == name)
    }

    /// What takes the place of a shipped model; `Some(None)`: it was taken away.
    pub(super) fn changed(self, shipped: u16) -> Option<Option<Model<'b>>> {
        let models = &self.changes.models;
        let place = models.binary_search_by_key(&shipped, |(index, _)| *index).ok()?;
        models.get(place).map(|(_, own)| own.and_then(|index| self.tables.model(index)))
    }
}

/// The id that a provider's fallback rates stand under in the user's tables: no provider has it.
fn fallback_id(provider: &str) -> String {
    format!("{provider} fallback")
}

/// Fallback rates as a file of one model.
fn fallback(provider: &str, file: &ProviderFile, fallback: &Fallback) -> Result<ProviderFile, AmendError> {
    let prices = vec![Prices { rates: fallback.rates.clone(), ..Prices::default() }];
    let models = UniqueMap(vec![("fallback".to_owned(), BookModel { prices, ..BookModel::default() })]);
    let provider_id = fallback_id(provider);
    let file = ProviderFile { provider: provider_id.clone(), models, ..file.clone() };
    let Some(complaint) = book::check_file(&provider_id, &file).into_iter().next() else { return Ok(file) };
    let field = complaint.field.trim_start_matches("prices[0].");
    Err(AmendError::new(format!("{provider}.fallback.{field}"), complaint.problem))
}

/// What a provider's changes refer to by name, until the tables are laid out.
#[derive(Default)]
struct Draft {
    /// Shipped models, and the names of what takes their place.
    models: Vec<(u16, Option<String>)>,
    dropped: Vec<String>,
    alias: Vec<(String, String)>,
    provisioned: bool,
}

/// A provider's changes as a file of the user's models.
fn draft(provider: &str, amendment: &Amendment) -> Result<(ProviderFile, Draft), AmendError> {
    let row = shipped().provider(provider);
    let inherits = row.filter(|row| row.inherits).map(|_| Unlisted::Parent);
    let mut file = ProviderFile {
        schema: SCHEMA,
        provider: provider.to_owned(),
        source: String::new(),
        checked_on: Date(0),
        same_as: None,
        unlisted: Some(amendment.unlisted.or(inherits).unwrap_or(Unlisted::Unpriced)),
        reasoning_beside: false,
        fallback: Vec::new(),
        free_suffix: None,
        calendars: calendars(amendment),
        models: UniqueMap::default(),
    };
    let names = row.map(|row| row.names).unwrap_or_default();
    // A listed name: what it means, and whether it is the name of the model itself.
    let listed = |name: &str| {
        let lower = name.to_ascii_lowercase();
        let model = shipped().model(shipped().name(names, &lower)?.model)?;
        Some((model, model.name().eq_ignore_ascii_case(name)))
    };
    let mut draft = Draft { provisioned: amendment.billing == Some(Billing::Provisioned), ..Draft::default() };
    // Where each of the user's models was written.
    let mut origins = Vec::new();
    for (name, model) in amendment.models.iter() {
        let path = format!("{provider}.models.{name}");
        let own = listed(name);
        match (model, own) {
            (Some(model), own) => {
                draft.models.extend(own.filter(|(_, canonical)| *canonical).map(|(m, _)| (m.index, Some(name.into()))));
                file.models.0.push((name.to_owned(), model.clone()));
                origins.push((name.to_owned(), path));
            }
            (None, Some((model, true))) => draft.models.push((model.index, None)),
            (None, Some(_)) => draft.dropped.push(name.to_ascii_lowercase()),
            (None, None) => return Err(AmendError::new(path, format!("{provider} lists no such model"))),
        }
    }
    for (index, extension) in amendment.extend.iter().enumerate() {
        let path = format!("{provider}.extend[{index}]");
        let all = extension.models.iter().any(|name| name == "*");
        let every = shipped_models(names).filter(|model| all && model.prices().next().is_some());
        let mut targets: Vec<Model<'_>> = every.collect();
        for (place, name) in extension.models.iter().enumerate().filter(|(_, name)| *name != "*") {
            let at = format!("{path}.models[{place}]");
            let (model, _) =
                listed(name).ok_or_else(|| AmendError::new(at, format!("{provider} lists no {name:?}")))?;
            targets.push(model);
        }
        for model in targets {
            let name = model.name();
            let slot = file.models.0.iter_mut().find(|(own, _)| own.eq_ignore_ascii_case(name));
            let slot = match slot {
                Some((_, slot)) => slot,
                None => {
                    draft.models.retain(|(index, _)| *index != model.index);
                    draft.models.push((model.index, Some(name.to_owned())));
                    file.models.0.push((name.to_owned(), model.to_book()));
                    origins.push((name.to_owned(), format!("{path}.with")));
                    let Some((_, slot)) = file.models.0.last_mut() else { continue };
                    slot
                }
            };
            extension.apply(slot);
        }
    }
    for (name, target) in amendment.alias.iter() {
        draft.alias.push((name.trim().to_ascii_lowercase(), target.trim().to_ascii_lowercase()));
    }
    if let Some(complaint) = book::check_file(provider, &file).into_iter().next() {
        return Err(located(provider, &origins, complaint));
    }
    Ok((file, draft))
}

/// By key; see [`order`].
fn sorted<T: Clone, K: Ord>(list: Vec<T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let key = |place: usize| list.get(place).map(&key);
    let places = order(list.len(), &|a, b| key(a).cmp(&key(b)));
    places.into_iter().filter_map(|place| list.get(place).cloned()).collect()
}

/// The models that a range of names leads to, once each.
fn shipped_models(names: Span) -> impl Iterator<Item = Model<'static>> {
    let mut indices: Vec<u16> = Vec::new();
    for row in shipped().names_in(names) {
        if !indices.contains(&row.model) {
            indices.push(row.model);
        }
    }
    indices.into_iter().filter_map(|index| shipped().model(index))
}

/// The user's calendars, and the shipped ones.
fn calendars(amendment: &Amendment) -> UniqueMap<Calendar> {
    let mut calendars = amendment.calendars.clone();
    for (name, calendar) in shipped().to_calendars() {
        if calendars.get(&name).is_none() {
            calendars.0.push((name, calendar));
        }
    }
    calendars
}

/// A complaint at the place that the user wrote.
fn located(provider: &str, origins: &[(String, String)], complaint: Complaint) -> AmendError {
    let Complaint { model, field, problem, .. } = complaint;
    let origin = model.as_ref().and_then(|model| origins.iter().find(|(name, _)| name == model));
    match (origin, model) {
        (Some((_, path)), Some(model)) if path.ends_with(".with") => {
            AmendError::new(path, format!("with it {model} has {field}: {problem}"))
        }
        (Some((_, path)), _) => AmendError::new(format!("{path}.{field}"), problem),
        _ => AmendError::new(format!("{provider}.{field}"), problem),
    }
}
