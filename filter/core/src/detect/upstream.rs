//! Where a request goes, as configuration and proxy know it: more than the client's own words.
//!
//! Order: the configuration's rules by route, cluster, path and authority; metadata of route and cluster; then what the
//! head says ([`super::route`]), and where that names nobody, the host behind the cluster. Behind a gateway the authority
//! is the gateway's own name, so rules and metadata win over it.

use std::rc::Rc;

use super::{MODEL_LIMIT, host::Host};
use crate::config::{ApiName, Billing, Config, Upstream, is_id};
use crate::head::Head;
use crate::label::MAX_LABEL_BYTES;

/// What a proxy knows of an exchange beyond its messages. Each question may cost a call into the proxy (1 to 2 us in
/// Envoy), so only those are asked whose answer can matter.
pub trait Proxy {
    /// Name of the route that was chosen.
    fn route_name(&self) -> Option<String>;
    /// Name of the cluster that was chosen.
    fn cluster_name(&self) -> Option<String>;
    /// The texts of one namespace of `filter_metadata`: key and value.
    fn metadata(&self, of: Carrier, namespace: &str) -> Vec<(String, String)>;
    /// One value, as proxy-wasm writes values; `None` where it is not known.
    fn value(&self, of: Known<'_>) -> Option<Vec<u8>>;
}

/// A value that a proxy may know of a request. Paths are a namespace of `filter_metadata` and keys below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<'a> {
    /// Dynamic metadata of the request: what other filters found out.
    Metadata(&'a [String]),
    /// Metadata of the route.
    RouteMetadata(&'a [String]),
    /// Metadata of the cluster.
    ClusterMetadata(&'a [String]),
    /// The URI in the client's certificate.
    PeerId,
    /// A label of the workload that the proxy belongs to.
    WorkloadLabel(&'a str),
    /// A label of the calling workload.
    CallerLabel(&'a str),
}

/// What carries metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// The route.
    Route,
    /// The cluster.
    Cluster,
    /// The host that answered; known once it did.
    Host,
}

/// No proxy, or one that knows nothing.
impl Proxy for () {
    fn route_name(&self) -> Option<String> {
        None
    }
    fn cluster_name(&self) -> Option<String> {
        None
    }
    fn metadata(&self, _: Carrier, _: &str) -> Vec<(String, String)> {
        Vec::new()
    }
    fn value(&self, _: Known<'_>) -> Option<Vec<u8>> {
        None
    }
}

/// The keys of metadata that say something.
pub const METADATA_KEYS: [&str; 6] = ["provider", "api", "gateway", "region", "billing", "model"];

/// Namespace of metadata that is read where the configuration names none.
const NAMESPACE: &str = "genops";

/// What rules and metadata say of an exchange's upstream, the weightiest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    rules: Vec<Rc<Upstream>>,
    /// Metadata that was asked for because the rules left the owner open.
    told: Vec<Rc<Upstream>>,
}

impl Said {
    /// What the configuration says of the request itself: by path, then by authority.
    pub(crate) fn of_head(config: &Config, head: &Head<'_>) -> Self {
        let mut rules = Vec::new();
        if !config.paths.is_empty() {
            rules.extend(config.paths.beginning(head.text(":path").unwrap_or_default()));
        }
        if !config.authorities.is_empty() {
            let authority = head.text(":authority").unwrap_or_default().to_ascii_lowercase();
            let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
            rules.extend(config.authorities.named(&authority).or_else(|| config.authorities.named(host)));
        }
        Self { rules, told: Vec::new() }
    }

    /// What route and cluster add to what is said of the head. `of_head` stays behind rules, before metadata.
    pub(crate) fn of_route(config: &Config, proxy: &impl Proxy, of_head: &Self) -> Self {
        let mut rules = Vec::new();
        if !config.routes.is_empty() {
            rules.extend(proxy.route_name().and_then(|name| config.routes.named(&name)));
        }
        if !config.clusters.is_empty() {
            rules.extend(proxy.cluster_name().and_then(|name| config.clusters.named(&name)));
        }
        rules.extend(of_head.rules.iter().cloned());
        if let Some(namespace) = config.metadata.as_deref().filter(|n| !n.is_empty()) {
            for carrier in [Carrier::Route, Carrier::Cluster] {
                rules.extend(read(&proxy.metadata(carrier, namespace)));
            }
        }
        Self { rules, told: Vec::new() }
    }

    /// Whether [`Said::of_route`] can say more than [`Said::of_head`].
    pub(crate) fn asks_route(config: &Config) -> bool {
        !config.routes.is_empty()
            || !config.clusters.is_empty()
            || config.metadata.as_ref().is_some_and(|n| !n.is_empty())
    }

    /// Takes what [`Said::of_route`] says by now in place of what it said; whether that is anything else.
    pub(crate) fn renew(&mut self, now: Self) -> bool {
        let other = now.rules != self.rules;
        if other {
            *self = now;
        }
        other
    }

    /// Adds what metadata says where nothing else has named the owner.
    pub(crate) fn ask_metadata(&mut self, config: &Config, proxy: &impl Proxy, carriers: &[Carrier]) {
        // A namespace of the configuration's has been read with the route.
        let namespace = config.metadata.as_deref().unwrap_or(NAMESPACE);
        let asked = config.metadata.is_some();
        for carrier in carriers.iter().filter(|c| !namespace.is_empty() && (!asked || **c == Carrier::Host)) {
            if self.provider().is_some() {
                return;
            }
            self.told.extend(read(&proxy.metadata(*carrier, namespace)));
        }
    }

    fn all(&self) -> impl Iterator<Item = &Rc<Upstream>> {
        self.rules.iter().chain(&self.told)
    }

    fn first<T>(&self, field: impl Fn(&Upstream) -> Option<T>) -> Option<T> {
        self.all().find_map(|rule| field(rule))
    }

    /// Whose price list bills.
    pub(crate) fn provider(&self) -> Option<&str> {
        self.all().find_map(|rule| rule.provider.as_deref())
    }

    /// How bodies are shaped.
    pub(crate) fn api(&self) -> Option<ApiName> {
        self.first(|rule| rule.api)
    }

    /// The gateway that the upstream is.
    pub(crate) fn gateway(&self) -> Option<&str> {
        self.all().find_map(|rule| rule.gateway.as_deref())
    }

    /// Where it serves.
    pub(crate) fn region(&self) -> Option<&str> {
        self.all().find_map(|rule| rule.region.as_deref())
    }

    /// How it is paid.
    pub(crate) fn billing(&self) -> Option<Billing> {
        self.first(|rule| rule.billing)
    }

    /// The model that serves, whatever name is seen.
    pub(crate) fn model(&self) -> Option<&str> {
        self.all().find_map(|rule| rule.model.as_deref())
    }

    /// The model that `name` stands for here.
    pub(crate) fn alias(&self, config: &Config, name: &str) -> Option<String> {
        let own = self.all().find_map(|rule| rule.models.get(name));
        own.or_else(|| config.models.get(name)).map(str::to_owned)
    }
}

/// Metadata as a rule. What is not of a field's form says nothing: it comes from another system's hands, and unlike a
/// configuration it cannot be refused.
fn read(fields: &[(String, String)]) -> Option<Rc<Upstream>> {
    let text = |key: &str, limit: usize| {
        let found = fields.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        found.filter(|v| !v.is_empty() && v.len() <= limit).cloned()
    };
    let id = |key: &str| text(key, MAX_LABEL_BYTES).filter(|id| is_id(id));
    let upstream = Upstream {
        provider: id("provider"),
        api: text("api", MAX_LABEL_BYTES).and_then(|name| ApiName::parse(&name)),
        gateway: id("gateway"),
        region: text("region", MAX_LABEL_BYTES),
        billing: text("billing", MAX_LABEL_BYTES).and_then(|name| Billing::parse(&name)),
        model: text("model", MODEL_LIMIT),
        ..Upstream::default()
    };
    (upstream != Upstream::default()).then(|| Rc::new(upstream))
}

/// The owner and region of the host that a cluster is named after: Istio's `outbound|443||api.openai.com`, or the plain
/// host. Other names say nothing: `openai` may be anybody's.
pub(crate) fn behind_cluster(name: &str) -> Option<(&'static str, Option<String>)> {
    let host = Host::parse(name.rsplit('|').next().unwrap_or_default());
    Some((host.provider?, host.region))
}
