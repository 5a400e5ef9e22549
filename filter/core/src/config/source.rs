//! Where attribution labels come from.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use super::ConfigError;
use super::extra::Named;
#[cfg(feature = "json-schema")]
use super::json_schema;
use super::object::object;
use crate::detect::matches;
use crate::label::{Attribution, PeerPart, Rejection, validate};
use crate::price::book::UniqueMap;
use crate::schema::Label;

/// Namespace of dynamic metadata in which Envoy's `jwt_authn` leaves the claims of a verified token.
const JWT_NAMESPACE: &str = "envoy.filters.http.jwt_authn";
/// Most names on the way to a value in metadata: no claim is nested so deeply.
pub(super) const MAX_PATH: usize = 16;

/// One source of a label's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelSource {
    /// Where the value is.
    pub origin: Origin,
    /// From whom it is believed.
    pub trust: Trust,
}

/// Where a label's value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A request header (lower-cased). Any client can send one.
    Header(String),
    /// A member of the W3C baggage. Any client can send one.
    Baggage(String),
    /// Dynamic metadata, which other filters set: namespace, then keys. A token's claims are there, too.
    Metadata(Vec<String>),
    /// The same of the route.
    RouteMetadata(Vec<String>),
    /// The same of the cluster.
    ClusterMetadata(Vec<String>),
    /// The client's certificate.
    Peer(PeerPart),
    /// A label of the workload that the proxy belongs to.
    WorkloadLabel(String),
    /// A label of the calling workload, where the mesh tells it.
    CallerLabel(String),
    /// The value of another attribution label.
    Label(Label),
    /// A fixed value.
    Constant(String),
}

/// From whom a source's value is believed; from others it is passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Whoever reaches the proxy.
    #[default]
    Anyone,
    /// Clients whose certificate has an identity that one of these fits; `*` stands for one or more characters.
    Peers(Vec<String>),
}

/// The sources of all labels, in the order in which they are asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// As configured.
    named: UniqueMap<Sources>,
    /// As asked: labels that take another's value come last.
    rules: Vec<(Named, LabelRule)>,
}

/// What holds for one label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelRule {
    pub(crate) sources: Vec<LabelSource>,
    values: Vec<(String, String)>,
}

/// Values by the values that they are shown as: exact ones, or patterns with `*`.
pub type ValueMap = UniqueMap<String>;

/// A constant as plain text, one source, or a list of sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sources(Vec<Written>);

/// A source of a label's value: exactly one of the keys, and `trust` beside it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "json-schema", schemars(rename = "LabelSource", transform = json_schema::one_origin))]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    /// A request header. Any client can send one: list it only where clients are trusted, or add `trust`.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::token"))]
    header: Option<String>,
    /// A member of the W3C `baggage` header. Any client can send one.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::token"))]
    baggage: Option<String>,
    /// A claim of the token that `jwt_authn` has verified: its name, or names from the outside in.
    jwt: Option<Path>,
    /// Dynamic metadata that another filter set: namespace, then keys.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::below_namespace"))]
    metadata: Option<Path>,
    /// The same of the route.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::below_namespace"))]
    route_metadata: Option<Path>,
    /// The same of the cluster.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::below_namespace"))]
    cluster_metadata: Option<Path>,
    /// A part of the client certificate's SPIFFE id. The listener must verify client certificates.
    peer: Option<PeerPart>,
    /// A label of the proxy's own pod, in a sidecar (node metadata `LABELS`).
    #[cfg_attr(feature = "json-schema", schemars(length(min = 1)))]
    workload_label: Option<String>,
    /// A label of the calling workload, where Istio's peer metadata carries it (`additional_labels`).
    #[cfg_attr(feature = "json-schema", schemars(length(min = 1)))]
    caller_label: Option<String>,
    /// Another label's value: with `value_maps` it folds one label into another.
    #[cfg_attr(feature = "json-schema", schemars(regex(pattern = json_schema::NAME)))]
    label: Option<String>,
    /// A fixed value.
    #[cfg_attr(feature = "json-schema", schemars(length(min = 1, max = crate::label::MAX_LABEL_BYTES)))]
    constant: Option<String>,
    /// Believe it only of clients whose certificate has an identity that one of these fits; `*` stands for one or more
    /// characters. From others it is passed over, and counted as `untrusted`.
    #[cfg_attr(feature = "json-schema", schemars(length(min = 1), inner(length(min = 1))))]
    trust: Option<Vec<String>>,
}

/// One name, or a list of them from the outside in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Path(Vec<String>);

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        UniqueMap::deserialize(deserializer).map(|named| Self { named, rules: Vec::new() })
    }
}

impl<'de> Deserialize<'de> for Sources {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = Vec<Written>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"a constant text, a source such as {"header": "x-genops-team"}, or a list of sources"#)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(vec![Written { constant: Some(text.to_owned()), ..Written::default() }])
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Written::deserialize(de::value::MapAccessDeserializer::new(map)).map(|s| vec![s])
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(ObjectOnly(source)) = list.next_element()? {
                    all.push(source);
                }
                Ok(all)
            }
        }
        deserializer.deserialize_any(Forms).map(Self)
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct ObjectOnly(#[serde(deserialize_with = "object")] Written);

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = Vec<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, or a list of names from the outside in")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(vec![name.to_owned()])
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(de::value::SeqAccessDeserializer::new(list))
            }
        }
        deserializer.deserialize_any(Forms).map(Self)
    }
}

impl Labels {
    /// Gives a label a fixed value where nothing is said of it. Tells whether that was so.
    pub(super) fn set_default(&mut self, label: Label, value: String) -> bool {
        let silent = self.named.get(label.name()).is_none();
        if silent {
            let constant = Written { constant: Some(value), ..Written::default() };
            self.named.0.push((label.name().to_owned(), Sources(vec![constant])));
        }
        silent
    }

    /// The sources of one label, in order.
    pub fn sources(&self, label: Label) -> &[LabelSource] {
        self.rules.iter().find(|(named, _)| named.label == label).map_or(&[], |(_, rule)| &rule.sources)
    }

    /// Labels and what holds for them, in the order in which they are to be found out.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (&Named, &LabelRule)> {
        self.rules.iter().map(|(named, rule)| (named, rule))
    }

    /// Checks what was written and makes rules of it, for the built-in labels and those of the user's own. `jwt_payload`
    /// is the key under which claims are left.
    pub(super) fn check(
        &mut self,
        jwt_payload: &str,
        value_maps: &UniqueMap<ValueMap>,
        extra: &[Named],
    ) -> Result<(), ConfigError> {
        let known = Known(extra);
        let mut rules = BTreeMap::new();
        for (name, Sources(written)) in std::mem::take(&mut self.named).0 {
            let path = format!("labels.{name}");
            let label = known.label(&path, &name)?;
            let mut sources = Vec::with_capacity(written.len());
            for (at, written) in written.into_iter().enumerate() {
                sources.push(written.check(&known, &label, &format!("{path}[{at}]"), jwt_payload)?);
            }
            rules.insert(label, LabelRule { sources, values: Vec::new() });
        }
        for (name, map) in value_maps.iter() {
            let path = format!("value_maps.{name}");
            let label = known.label(&path, name)?;
            let mut values = Vec::new();
            for (value, shown) in map.iter() {
                check_constant(&label, shown, format!("{path}.{value}"))?;
                values.push((value.to_owned(), shown.clone()));
            }
            // The longest pattern that fits holds.
            values.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.len()));
            rules.entry(label).or_insert_with(LabelRule::default).values = values;
        }
        let takes = |rule: &LabelRule| rule.sources.iter().any(|s| matches!(s.origin, Origin::Label(_)));
        for (named, rule) in &rules {
            for (at, source) in rule.sources.iter().enumerate() {
                let Origin::Label(other) = source.origin else { continue };
                let of_other = rules.iter().find(|(named, _)| named.label == other).map(|(_, rule)| rule);
                if other == named.label || of_other.is_none_or(takes) {
                    let path = format!("labels.{}[{at}].label", named.name);
                    let allowed = "a label that has sources, none of them another label";
                    return Err(ConfigError::new(path, known.name(other), allowed));
                }
            }
        }
        self.rules = rules.into_iter().collect();
        self.rules.sort_by_key(|(_, rule)| takes(rule));
        Ok(())
    }
}

/// The labels that requests can be given: the built-in ones, and these.
struct Known<'a>(&'a [Named]);

impl Known<'_> {
    fn all(&self) -> impl Iterator<Item = Named> {
        let built_in = Attribution::LABELS.into_iter().map(|label| Named { label, name: label.name().into() });
        built_in.chain(self.0.iter().cloned())
    }

    fn label(&self, path: &str, name: &str) -> Result<Named, ConfigError> {
        self.all().find(|label| *label.name == *name).ok_or_else(|| {
            let all: Vec<String> = self.all().map(|label| format!("`{}`", label.name)).collect();
            let allowed = format!("a label: {}, or one that `extra_labels` declares", all.join(", "));
            ConfigError::new(path, format!("{name:?}"), allowed)
        })
    }

    /// As errors show it.
    fn name(&self, label: Label) -> String {
        self.all().find(|known| known.label == label).map_or_else(String::new, |known| format!("{:?}", known.name))
    }
}

impl LabelRule {
    /// The value as the label shows it: folded by the value map, as it came or as the label takes it.
    pub(crate) fn value(&self, label: Label, text: &str) -> Result<String, Rejection> {
        let folded = |text: &str| {
            let exact = self.values.iter().find(|(value, _)| value == text);
            let pattern = || self.values.iter().find(|(value, _)| value.contains('*') && matches(value, text));
            exact.or_else(pattern).map(|(_, shown)| shown.clone())
        };
        if self.values.is_empty() {
            return validate(label, text);
        }
        match folded(text.trim()) {
            Some(shown) => Ok(shown),
            None => validate(label, text).map(|value| folded(&value).unwrap_or(value)),
        }
    }
}

impl Written {
    fn check(
        self,
        known: &Known<'_>,
        label: &Named,
        path: &str,
        jwt_payload: &str,
    ) -> Result<LabelSource, ConfigError> {
        let names = |key: &str, Path(names): Path| {
            let fits = !names.is_empty() && names.len() <= MAX_PATH && names.iter().all(|n| !n.is_empty());
            let fits = fits && names.iter().all(|n| !n.contains('\0'));
            let wrong = || ConfigError::new(format!("{path}.{key}"), format!("{names:?}"), "names that are not empty");
            if fits { Ok(names) } else { Err(wrong()) }
        };
        let below = |key: &str, path_of: Path| {
            let all = names(key, path_of)?;
            let wrong = || {
                let allowed = "a namespace and at least one key, such as [\"governance\", \"team\"]";
                ConfigError::new(format!("{path}.{key}"), format!("{all:?}"), allowed)
            };
            if all.len() > 1 { Ok(all) } else { Err(wrong()) }
        };
        let name = |key: &str, name: String| names(key, Path(vec![name])).map(|mut n| n.pop().unwrap_or_default());
        let mut origins = Vec::new();
        if let Some(mut header) = self.header {
            header.make_ascii_lowercase();
            check_token(&format!("{path}.header"), &header, "a header name")?;
            origins.push(Origin::Header(header));
        }
        if let Some(key) = self.baggage {
            check_token(&format!("{path}.baggage"), &key, "a baggage key")?;
            origins.push(Origin::Baggage(key));
        }
        if let Some(claim) = self.jwt {
            let payload = [JWT_NAMESPACE.to_owned(), jwt_payload.to_owned()];
            origins.push(Origin::Metadata(payload.into_iter().chain(names("jwt", claim)?).collect()));
        }
        if let Some(path) = self.metadata {
            origins.push(Origin::Metadata(below("metadata", path)?));
        }
        if let Some(path) = self.route_metadata {
            origins.push(Origin::RouteMetadata(below("route_metadata", path)?));
        }
        if let Some(path) = self.cluster_metadata {
            origins.push(Origin::ClusterMetadata(below("cluster_metadata", path)?));
        }
        if let Some(part) = self.peer {
            if let PeerPart::Segment(segment) = &part {
                name("peer.segment", segment.clone())?;
            }
            origins.push(Origin::Peer(part));
        }
        if let Some(label) = self.workload_label {
            origins.push(Origin::WorkloadLabel(name("workload_label", label)?));
        }
        if let Some(label) = self.caller_label {
            origins.push(Origin::CallerLabel(name("caller_label", label)?));
        }
        if let Some(other) = self.label {
            origins.push(Origin::Label(known.label(&format!("{path}.label"), &other)?.label));
        }
        if let Some(value) = self.constant {
            check_constant(label, &value, path.to_owned())?;
            origins.push(Origin::Constant(value));
        }
        let trust = match self.trust {
            None => Trust::Anyone,
            Some(patterns) if patterns.iter().all(|p| !p.is_empty()) && !patterns.is_empty() => Trust::Peers(patterns),
            Some(patterns) => {
                let allowed = "identities of clients, such as [\"spiffe://cluster.local/ns/web/*\"]";
                return Err(ConfigError::new(format!("{path}.trust"), format!("{patterns:?}"), allowed));
            }
        };
        let count = origins.len();
        match (origins.pop(), count) {
            (Some(origin), 1) => Ok(LabelSource { origin, trust }),
            _ => {
                let allowed = "exactly one of header, baggage, jwt, metadata, route_metadata, cluster_metadata, peer, \
                               workload_label, caller_label, label, constant";
                Err(ConfigError::new(path, format!("{count} of them"), allowed))
            }
        }
    }
}

/// RFC 9110 5.6.2: names of headers are tokens, and keys of baggage are, too.
pub(super) fn check_token(path: &str, name: &str, allowed: &str) -> Result<(), ConfigError> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(ConfigError::new(path, format!("{name:?}"), allowed));
    }
    Ok(())
}

fn check_constant(label: &Named, value: &str, path: String) -> Result<(), ConfigError> {
    match validate(label.label, value) {
        Ok(_) => Ok(()),
        Err(why) => {
            let found = format!("{value:?} ({})", why.as_str());
            Err(ConfigError::new(path, found, format!("a value that the label `{}` takes", label.name)))
        }
    }
}
