//! From the name on the wire to the book's model: exact, then without wrapping, then without a date. Never by prefix.

use std::borrow::Cow;

use super::book::layout::{ProviderRow, Span, Tables};
use super::book::{GEO_PREFIXES, MAX_NAME_BYTES, takes_date, without_date};
use super::table::{Model, shipped};
use super::user::Seller;
use crate::outcome::UnpricedReason;

/// Longest name that is looked up: the longest of the book inside the longest wrapping, an inference profile's ARN.
const MAX_WIRE_NAME_BYTES: usize = MAX_NAME_BYTES + 100;

/// A model found for a provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match<'b> {
    pub(super) model: Model<'b>,
    /// From the provider's own list, not from that of another whose models it serves too.
    pub(super) own: bool,
    /// A kind of token without a rate costs what its whole costs.
    pub(super) inherits: bool,
    /// Named with a suffix that makes it free of charge.
    pub(super) free: bool,
}

impl Match<'_> {
    /// Whether nothing is charged.
    pub(super) fn is_free(&self) -> bool {
        self.free || self.model.terms().is_some_and(|terms| terms.free)
    }

    /// The model's name.
    pub(super) fn name(&self) -> Cow<'static, str> {
        match std::ptr::eq(self.model.tables, shipped()) {
            true => shipped().model(self.model.index).map_or(Cow::Borrowed(""), |model| model.name().into()),
            false => self.model.name().to_owned().into(),
        }
    }
}

/// What a wrapped name holds.
pub(super) enum Unwrapped<'a> {
    Name(&'a str),
    /// Refers to something that only its owner knows.
    Opaque,
}

/// The model that `name` means at a provider.
///
/// # Errors
/// [`UnpricedReason::UnknownModel`], or [`UnpricedReason::OpaqueModel`] where no list of names can help.
pub(super) fn find<'b>(seller: Seller<'b>, name: &str) -> Result<Match<'b>, UnpricedReason> {
    let name = name.trim();
    if name.len() > MAX_WIRE_NAME_BYTES {
        return Err(UnpricedReason::UnknownModel);
    }
    let name = fold(name);
    let name = seller.alias(&name).unwrap_or(&name);
    let found = |name: &str| plain(seller, name).or_else(|| regional(seller, name));
    if let Some(hit) = found(name) {
        return hit;
    }
    let inner = match unwrap(name) {
        Some(Unwrapped::Opaque) => return Err(UnpricedReason::OpaqueModel),
        Some(Unwrapped::Name(inner)) => inner,
        None => name,
    };
    // LiteLLM's spelling: provider/model.
    let inner = inner.strip_prefix(seller.id).and_then(|rest| rest.strip_prefix('/')).unwrap_or(inner);
    let inner = without_throughput(inner);
    let inner = seller.alias(inner).unwrap_or(inner);
    found(inner)
        .or_else(|| found(fine_tuned(inner)?))
        .or_else(|| {
            let base = inner.strip_suffix(seller.free_suffix()?)?;
            Some(found(base)?.map(|hit| Match { free: true, ..hit }))
        })
        .unwrap_or(Err(UnpricedReason::UnknownModel))
}

/// Lower case, percent-decoded (`%3A` in a URL path).
pub(super) fn fold(name: &str) -> Cow<'_, str> {
    if !name.bytes().any(|b| b == b'%' || b.is_ascii_uppercase()) {
        return Cow::Borrowed(name);
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let decoded = match (first, after) {
            (b'%', [high, low, tail @ ..]) => hex(high).zip(hex(low)).map(|(high, low)| (high << 4 | low, tail)),
            _ => None,
        };
        let (byte, after) = decoded.unwrap_or((*first, after));
        bytes.push(byte.to_ascii_lowercase());
        rest = after;
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(name), Cow::Owned)
}

/// A model, or that the user took it away.
pub(super) type Hit<'b> = Result<Match<'b>, UnpricedReason>;

/// The provider's own list, then those of the providers whose models it serves; each exactly, then by date.
pub(super) fn plain<'b>(seller: Seller<'b>, name: &str) -> Option<Hit<'b>> {
    let undated = |name| without_date(name).find_map(|base| own(seller, base, true));
    own(seller, name, false).or_else(|| undated(name)).or_else(|| {
        let fallbacks = seller.row.into_iter().flat_map(|row| shipped().fallbacks(row));
        let found = |row: &'static ProviderRow| listed(row, name).map(|model| (row, model));
        let (row, model) = fallbacks.into_iter().find_map(found)?;
        // The other's name for it may be one that the provider lists itself, at its own price.
        let listed_too = own(seller, &model.name().to_ascii_lowercase(), false);
        Some(listed_too.unwrap_or(Ok(Match { model, own: false, inherits: row.inherits, free: false })))
    })
}

/// A name of the provider's own list, as the user may have changed it; `dated`: only if a date may follow it.
pub(super) fn own<'b>(seller: Seller<'b>, name: &str, dated: bool) -> Option<Hit<'b>> {
    let hit = |model| Ok(Match { model, own: true, inherits: seller.inherits(), free: false });
    if let Some(user) = seller.user {
        if let Some(model) = spelled(user.tables, user.names(), name, dated) {
            return Some(hit(model));
        }
        if user.dropped(name) {
            return Some(Err(UnpricedReason::UnknownModel));
        }
    }
    let model = spelled(shipped(), seller.row?.names, name, dated)?;
    Some(match seller.user.and_then(|user| user.changed(model.index)) {
        Some(changed) => changed.map_or(Err(UnpricedReason::UnknownModel), hit),
        None => hit(model),
    })
}

fn spelled<'t>(tables: &'t Tables, names: Span, name: &str, dated: bool) -> Option<Model<'t>> {
    let model = tables.model(tables.name(names, name)?.model)?;
    (!dated || model.dated() && takes_date(name)).then_some(model)
}

/// A name of another provider's list.
fn listed(row: &ProviderRow, name: &str) -> Option<Model<'static>> {
    let spelled = |name, dated| spelled(shipped(), row.names, name, dated);
    spelled(name, false).or_else(|| without_date(name).find_map(|base| spelled(base, true)))
}

/// Bedrock's cross-region profiles: `us.` and the like before a name whose model allows it.
pub(super) fn regional<'b>(seller: Seller<'b>, name: &str) -> Option<Hit<'b>> {
    let (prefix, rest) = name.split_once('.')?;
    let bit = GEO_PREFIXES.iter().position(|p| *p == prefix)?;
    plain(seller, rest).filter(|hit| hit.as_ref().map_or(true, |hit| hit.model.geo() >> bit & 1 == 1))
}

/// Takes a name out of a resource name.
pub(super) fn unwrap(name: &str) -> Option<Unwrapped<'_>> {
    if name.starts_with("arn:") {
        // arn:partition:service:region:account:resource. Only these two kinds of resource name a model.
        let resource = name.splitn(6, ':').nth(5).unwrap_or_default();
        let inner = ["foundation-model/", "inference-profile/"].iter().find_map(|kind| resource.strip_prefix(kind));
        return Some(inner.map_or(Unwrapped::Opaque, Unwrapped::Name));
    }
    if let Some(account) = name.strip_prefix("accounts/") {
        // Fireworks' own account lists its public models; other accounts hold deployments and fine-tunes.
        let inner = account.strip_prefix("fireworks/").and_then(|rest| rest.split_once('/'));
        return Some(inner.map_or(Unwrapped::Opaque, |(_, inner)| Unwrapped::Name(inner)));
    }
    if name.starts_with("publishers/") || name.starts_with("projects/") {
        // Without a publisher's model it is an endpoint or a tuned model of the project.
        let inner = name.contains("publishers/").then(|| name.split_once("/models/")).flatten();
        return Some(inner.map_or(Unwrapped::Opaque, |(_, inner)| Unwrapped::Name(inner)));
    }
    if name.starts_with("tunedmodels/") {
        return Some(Unwrapped::Opaque);
    }
    name.strip_prefix("models/").map(Unwrapped::Name)
}

/// Bedrock's provisioned-throughput variants end in the context that they take: `:51k`.
pub(super) fn without_throughput(name: &str) -> &str {
    let size =
        |tail: &str| tail.strip_suffix('k').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    name.rsplit_once(':').filter(|(_, tail)| size(tail)).map_or(name, |(base, _)| base)
}

/// `ft:base:org:name:id` is priced as `ft:base` and Azure's `base.ft-id` as `base.ft-`, never as `base`.
pub(super) fn fine_tuned(name: &str) -> Option<&str> {
    if let Some((base, _)) = name.split_once(".ft-") {
        return name.get(..base.len() + ".ft-".len());
    }
    let base = name.strip_prefix("ft:")?.split(':').next()?;
    name.get(.."ft:".len() + base.len())
}
