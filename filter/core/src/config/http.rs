//! The route map of the configuration, `http`: what requests are called in the schemas of services.

use std::rc::Rc;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::ConfigError;
#[cfg(feature = "json-schema")]
use super::json_schema;
use crate::http::{HttpMap, METHODS, Name, Objective, Place, Route, Template};
use crate::label::{MAX_LABEL_BYTES, validate};
use crate::price::book::UniqueMap;
use crate::schema::Label;

/// Most routes: they are tried one after the other.
pub(super) const MAX_ROUTES: usize = 256;
/// The field of a request's body that can be read.
const BODY_FIELD: &str = "provider";
const NANO: f64 = 1e9;

/// What requests are called in the schemas of services, by method and path.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// What holds for every route that does not say it itself, and for paths that none fits.
    #[serde(deserialize_with = "super::object::object")]
    default: HttpRoute,
    /// By method and path template: `POST /api/{id}/run`, or `/api/{id}` for all methods. `{rest:path}` at the end stands for
    /// all that follows; the more special template wins, and what none fits is `other`.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::http_routes"))]
    routes: UniqueMap<HttpRoute>,
    /// Objectives of steps, by `primitive_name`.
    slo: UniqueMap<Slo>,
}

/// What is said of a route. A name is a constant, or comes from a request header.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct HttpRoute {
    /// The service behind the proxy.
    service: Option<Source>,
    /// Where it runs (`prod`, `dev`).
    env: Option<Source>,
    /// The agent that is asked.
    agent: Option<Source>,
    /// The kind of task that a request is; without it a request is none.
    task_type: Option<Source>,
    /// What the step of a workflow is called.
    primitive_name: Option<Source>,
    /// Its kind.
    primitive_type: Option<Source>,
    /// What its money is for.
    category: Option<Source>,
    /// The provider that is asked, where the request's body says it.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::name_from_anywhere"))]
    provider: Option<Source>,
    /// Its conflicts (409) are violations of this table's uniqueness.
    table: Option<Source>,
    /// What its requests count beside.
    counts: Option<Vec<Counts>>,
    /// Its requests are probes of a provider.
    probe: Option<bool>,
    /// Requests with this header (and a value other than 0 and false) are probes.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::token"))]
    probe_header: Option<String>,
}

/// What a route counts beside its requests.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Counts {
    /// Results inserted.
    ResultsInsert,
    /// Versions ensured, with how long it took.
    EnsureVersion,
}

/// A constant as plain text, `{"header": "x-agent"}` or `{"body": "provider"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source(Name);

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Read {
    Header(String),
    Body(String),
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms;
        impl<'de> Visitor<'de> for Forms {
            type Value = Name;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(r#"a constant text, {"header": "x-name"} or {"body": "provider"}"#)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name, E> {
                Ok(Name::Constant(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Name, A::Error> {
                match Read::deserialize(de::value::MapAccessDeserializer::new(map))? {
                    Read::Header(name) => Ok(Name::Header(name)),
                    Read::Body(field) if field == BODY_FIELD => Ok(Name::Body),
                    Read::Body(field) => {
                        Err(de::Error::custom(format!("found {field:?}, allowed is the field `{BODY_FIELD}`")))
                    }
                }
            }
        }
        deserializer.deserialize_any(Forms).map(Self)
    }
}

/// What a step's requests shall reach.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Slo {
    /// The part of all requests that shall succeed, and be in time; below 1.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::share"))]
    target: Billionths,
    /// How long a request may take.
    #[cfg_attr(feature = "json-schema", schemars(schema_with = "json_schema::seconds"))]
    latency_seconds: Billionths,
}

/// A number in billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Billionths(u64);

impl<'de> Deserialize<'de> for Billionths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if !(1e-9..=1e6).contains(&number) {
            return Err(de::Error::custom(format!("found {number}, allowed is a number above 0, up to 1000000")));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 1e15, not negative")]
        Ok(Self((number * NANO).round() as u64))
    }
}

impl HttpRoute {
    /// The names, by the label that each is for.
    fn names(&self) -> [(Label, Option<&Source>); 9] {
        [
            (Label::Service, self.service.as_ref()),
            (Label::Env, self.env.as_ref()),
            (Label::Agent, self.agent.as_ref()),
            (Label::TaskType, self.task_type.as_ref()),
            (Label::PrimitiveName, self.primitive_name.as_ref()),
            (Label::PrimitiveType, self.primitive_type.as_ref()),
            (Label::Category, self.category.as_ref()),
            (Label::Provider, self.provider.as_ref()),
            (Label::Table, self.table.as_ref()),
        ]
    }

    /// With what `default` says where this says nothing.
    fn place(&self, default: &Self, path: &str) -> Result<Place, ConfigError> {
        let mut place = Place::default();
        for ((label, own), (_, general)) in self.names().into_iter().zip(default.names()) {
            let Some(Source(name)) = own.or(general) else { continue };
            let path = format!("{path}.{}", label.name());
            let name = match name {
                Name::Constant(text) => Name::Constant(validate(label, text).map_err(|why| {
                    let found = format!("{text:?} ({})", why.as_str());
                    ConfigError::new(&path, found, format!("a label value of 1 to {MAX_LABEL_BYTES} bytes"))
                })?),
                Name::Header(name) => Name::Header(header(&path, name)?),
                Name::Body if label == Label::Provider => Name::Body,
                Name::Body => return Err(ConfigError::new(path, "`body`", "a constant or a `header`")),
            };
            place.names.push((label, name));
        }
        let counts = self.counts.as_ref().or(default.counts.as_ref());
        let counts = |one| counts.is_some_and(|all| all.contains(&one));
        (place.inserts, place.ensures_version) = (counts(Counts::ResultsInsert), counts(Counts::EnsureVersion));
        place.probes = self.probe.or(default.probe).unwrap_or_default();
        if let Some(name) = self.probe_header.as_ref().or(default.probe_header.as_ref()) {
            place.probe_header = Some(header(&format!("{path}.probe_header"), name)?);
        }
        Ok(place)
    }
}

fn header(path: &str, name: &str) -> Result<String, ConfigError> {
    // RFC 9110 5.6.2: a field name is a token.
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    match !name.is_empty() && name.bytes().all(token) {
        true => Ok(name.to_ascii_lowercase()),
        false => Err(ConfigError::new(path, format!("{name:?}"), "a header name")),
    }
}

impl Http {
    /// The map.
    pub(super) fn map(&self) -> Result<HttpMap, ConfigError> {
        if self.routes.0.len() > MAX_ROUTES {
            return Err(ConfigError::new("http.routes", self.routes.0.len(), format!("up to {MAX_ROUTES} routes")));
        }
        let unmatched = self.default.place(&HttpRoute::default(), "http.default")?;
        let mut routes: Vec<Route> = Vec::with_capacity(self.routes.0.len());
        for (index, (key, route)) in (1..).zip(self.routes.iter()) {
            let place = format!("http.routes.{key}");
            let found = |allowed| ConfigError::new(&place, format!("{key:?}"), allowed);
            let (method, path) = match key.split_once(' ') {
                Some((method, path)) => {
                    let known = METHODS.into_iter().find(|m| *m == method);
                    let allowed = || found(format!("a path template, behind one of {} or alone", METHODS.join(", ")));
                    (Some(known.ok_or_else(allowed)?), path)
                }
                None => (None, key),
            };
            let template = Template::parse(path).map_err(|allowed| found(allowed.to_owned()))?;
            if routes.iter().any(|other| other.method == method && other.path == template) {
                return Err(found("a template that fits other paths than the ones before".to_owned()));
            }
            let said = Place { index, route: path.to_owned(), ..route.place(&self.default, &place)? };
            routes.push(Route { method, path: template, place: Rc::new(said) });
        }
        let objectives = self.slo.iter().map(|(name, slo)| {
            if slo.target.0 >= Billionths::ONE.0 {
                return Err(ConfigError::new(format!("http.slo.{name}.target"), "1 or more", "a number below 1"));
            }
            Ok(Objective { name: name.to_owned(), target: slo.target.0, within: slo.latency_seconds.0 })
        });
        let objectives = objectives.collect::<Result<_, _>>()?;
        Ok(HttpMap::new(routes, unmatched, objectives))
    }
}

impl Billionths {
    const ONE: Self = Self(1_000_000_000);
}
