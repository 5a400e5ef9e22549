//! From the name on the wire to the book's model: exact, then without wrapping, then without a date. Never by prefix.

use std::borrow::Cow;

use super::book::{GEO_PREFIXES, MAX_NAME_BYTES, without_date};
use super::table::{Model, Name, Provider};
use crate::outcome::UnpricedReason;

/// Longest name that is looked up: the longest of the book inside the longest wrapping, an inference profile's ARN.
const MAX_WIRE_NAME_BYTES: usize = MAX_NAME_BYTES + 100;

/// A model found for a provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    pub(super) model: &'static Model,
    /// In whose list: the provider's own, or another's that it serves too.
    pub(super) owner: &'static Provider,
    /// Named with a suffix that makes it free of charge.
    pub(super) free: bool,
}

/// What a wrapped name holds.
enum Unwrapped<'a> {
    Name(&'a str),
    /// Refers to something that only its owner knows.
    Opaque,
}

/// The model that `name` means at `provider`.
///
/// # Errors
/// [`UnpricedReason::UnknownModel`], or [`UnpricedReason::OpaqueModel`] where no list of names can help.
pub(super) fn find(provider: &'static Provider, name: &str) -> Result<Match, UnpricedReason> {
    let name = name.trim();
    if name.len() > MAX_WIRE_NAME_BYTES {
        return Err(UnpricedReason::UnknownModel);
    }
    let name = fold(name);
    let found = |name: &str| plain(provider, name).or_else(|| regional(provider, name));
    if let Some(hit) = found(&name) {
        return Ok(hit);
    }
    let inner = match unwrap(&name) {
        Some(Unwrapped::Opaque) => return Err(UnpricedReason::OpaqueModel),
        Some(Unwrapped::Name(inner)) => inner,
        None => &name,
    };
    // LiteLLM's spelling: provider/model.
    let inner = inner.strip_prefix(provider.id).and_then(|rest| rest.strip_prefix('/')).unwrap_or(inner);
    let inner = without_throughput(inner);
    found(inner)
        .or_else(|| found(fine_tuned(inner)?))
        .or_else(|| {
            let base = inner.strip_suffix(provider.free_suffix?)?;
            found(base).map(|hit| Match { free: true, ..hit })
        })
        .ok_or(UnpricedReason::UnknownModel)
}

/// Lower case, percent-decoded (`%3A` in a URL path).
fn fold(name: &str) -> Cow<'_, str> {
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

/// The provider's own list, then those of the providers whose models it serves; each exactly, then by date.
fn plain(provider: &'static Provider, name: &str) -> Option<Match> {
    let hit = |owner, model| Match { model, owner, free: false };
    let listed = |owner| listed(owner, name).map(|model| hit(owner, model));
    listed(provider).or_else(|| {
        let other = provider.fallbacks().find_map(listed)?;
        // The other's name for it may be one that the provider lists itself, at its own price.
        let own = provider.name(&other.model.name().to_ascii_lowercase()).and_then(Name::model);
        Some(own.map_or(other, |model| hit(provider, model)))
    })
}

fn listed(provider: &'static Provider, name: &str) -> Option<&'static Model> {
    let dated = || without_date(name).find_map(|base| provider.name(base).filter(|n| n.dated));
    provider.name(name).or_else(dated)?.model()
}

/// Bedrock's cross-region profiles: `us.` and the like before a name whose model allows it.
fn regional(provider: &'static Provider, name: &str) -> Option<Match> {
    let (prefix, rest) = name.split_once('.')?;
    let bit = GEO_PREFIXES.iter().position(|p| *p == prefix)?;
    plain(provider, rest).filter(|hit| hit.model.geo >> bit & 1 == 1)
}

/// Takes a name out of a resource name.
fn unwrap(name: &str) -> Option<Unwrapped<'_>> {
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
fn without_throughput(name: &str) -> &str {
    let size =
        |tail: &str| tail.strip_suffix('k').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    name.rsplit_once(':').filter(|(_, tail)| size(tail)).map_or(name, |(base, _)| base)
}

/// `ft:base:org:name:id` is priced as `ft:base` and Azure's `base.ft-id` as `base.ft-`, never as `base`.
fn fine_tuned(name: &str) -> Option<&str> {
    if let Some((base, _)) = name.split_once(".ft-") {
        return name.get(..base.len() + ".ft-".len());
    }
    let base = name.strip_prefix("ft:")?.split(':').next()?;
    name.get(.."ft:".len() + base.len())
}
