//! Whom an exchange goes to: found at its request, made certain at its response.

use std::hash::{Hash, Hasher};

use super::{
    Api, Carrier, Proxy, Route, Said, behind_cluster,
    gateway::{self, Gateway},
    provider, route_to,
};
use crate::config::{Billing, Config};
use crate::head::Head;
use crate::label::MAX_LABEL_BYTES;

/// How sure a provider is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sure {
    /// Nothing names it.
    Not,
    /// It is a gateway that only passes on, until it says to whom.
    PassedOn,
    /// Nothing that the response says changes it.
    Named,
}

/// Whom an exchange goes to.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    /// What rules say of the request head alone.
    of_head: Said,
    said: Said,
    provider: Option<String>,
    sure: Sure,
    gateway: Gateway,
    /// First segment of the path, for gateways whose paths name the upstream; empty where the provider is named.
    first: String,
    /// A request that may use a model: only these are asked about.
    calls: bool,
}

/// Longest first segment of a path that is kept, bytes: the name of a provider.
const FIRST_KEPT: usize = 32;

impl Destination {
    /// Reads a request head and asks the proxy what is left open.
    pub(crate) fn new(config: &Config, head: &Head<'_>, proxy: &impl Proxy) -> (Self, Route) {
        let of_head = Said::of_head(config, head);
        let said = if Said::asks_route(config) { Said::of_route(config, proxy, &of_head) } else { of_head.clone() };
        let mut found = Self {
            of_head,
            said,
            provider: None,
            sure: Sure::Not,
            gateway: Gateway::default(),
            first: String::new(),
            calls: false,
        };
        if found.said.provider().is_none() && config.trust_gateway_headers {
            found.gateway = gateway::in_request(head);
        }
        let mut route = route_to(head, found.owner());
        found.calls = may_call(head, &route);
        if found.calls && found.leaves_open(config, &route) {
            found.said.ask_metadata(config, proxy, &[Carrier::Route, Carrier::Cluster]);
            if found.said.provider().is_some() {
                route = route_to(head, found.said.provider());
            } else if let Some((owner, region)) = proxy.cluster_name().as_deref().and_then(behind_cluster) {
                route = Route { provider: Some(owner), ..route_to(head, Some(owner)) };
                route.region = region.or(route.region);
            }
        }
        if found.gateway.id.is_none() {
            found.gateway.id = gateway::of_host(head);
        }
        found.settle(config, &mut route);
        if found.sure < Sure::Named {
            let path = head.text(":path").unwrap_or_default();
            let first = path.trim_start_matches('/').split('/').next().filter(|s| s.len() <= FIRST_KEPT);
            found.first = first.unwrap_or_default().to_owned();
        }
        (found, route)
    }

    /// The owner that rules, or headers that are believed, name.
    fn owner(&self) -> Option<&str> {
        self.said.provider().or_else(|| self.gateway.upstream.as_deref().filter(|id| gateway::is_known(id)))
    }

    /// Whether neither rules nor the head nor the configuration's default name the owner.
    fn leaves_open(&self, config: &Config, route: &Route) -> bool {
        self.owner().is_none() && route.provider.is_none() && config.provider.is_none()
    }

    /// Draws what is known together.
    fn settle(&mut self, config: &Config, route: &mut Route) {
        let named = self.owner().map(ToOwned::to_owned).or_else(|| route.provider.map(ToOwned::to_owned));
        if let Some((id, bills)) = named.as_deref().and_then(gateway::of_provider) {
            self.gateway.id = Some(id);
            self.sure = if bills { Sure::Named } else { Sure::PassedOn };
        } else {
            self.sure = if named.is_some() { Sure::Named } else { Sure::Not };
        }
        self.provider = named.or_else(|| config.provider.clone());
        match self.said.api().map(|name| name.0) {
            Some(Api::Other) => route.api = Api::Other,
            Some(api) if route.api == Api::Other && self.calls => route.api = api,
            _ => {}
        }
        if let Some(region) = self.said.region() {
            route.region = Some(region.to_owned());
        }
    }

    /// Whether the response may still make an LLM exchange of what the request alone does not show to be one.
    pub(crate) fn may_generate(&self, config: &Config) -> bool {
        self.calls && (Said::asks_route(config) || self.is_open(config))
    }

    /// Whether nobody names the provider yet, and an answer is wanted.
    fn is_open(&self, config: &Config) -> bool {
        self.calls && self.sure == Sure::Not && config.provider.is_none()
    }

    /// The response head is there: the route is final, the upstream has been asked.
    pub(crate) fn answered(&mut self, config: &Config, head: &Head<'_>, proxy: &impl Proxy, route: &mut Route) {
        if Said::asks_route(config) {
            // A later filter may have had the route chosen anew.
            if self.said.renew(Said::of_route(config, proxy, &self.of_head)) {
                self.settle(config, route);
            }
        }
        if self.is_open(config) {
            self.said.ask_metadata(config, proxy, &[Carrier::Host]);
            self.settle(config, route);
        }
        if self.sure < Sure::Named || self.gateway.id.is_some() {
            self.read_gateway(gateway::in_response(head), config);
        }
        if self.provider.as_deref() == Some(provider::AZURE_OPENAI) && route.region.is_none() {
            route.region = head.text("x-ms-region").filter(|r| r.len() <= MAX_LABEL_BYTES).map(ToOwned::to_owned);
        }
    }

    fn read_gateway(&mut self, seen: Gateway, config: &Config) {
        self.gateway.id = self.gateway.id.or(seen.id);
        let Some(id) = self.gateway.id else { return };
        let upstream = seen.upstream.or_else(|| gateway::by_path(id, &self.first));
        self.gateway.upstream = upstream.or(self.gateway.upstream.take());
        self.take_upstream(config);
    }

    /// A gateway that only passes on has named its upstream: prices are the upstream's.
    fn take_upstream(&mut self, config: &Config) {
        if self.sure == Sure::Named {
            return;
        }
        if let Some(upstream) = self.gateway.upstream.as_deref().filter(|id| gateway::is_known(id)) {
            self.provider = Some(upstream.to_owned());
            self.sure = Sure::Named;
        } else if self.provider.is_none() {
            self.provider = config.provider.clone().or_else(|| self.gateway.id.map(ToOwned::to_owned));
        }
    }

    /// The request's model is known: at some gateways its name begins with the provider's.
    pub(crate) fn asked_for(&mut self, config: &Config, model: &str) {
        let named = self.gateway.id.filter(|_| self.sure < Sure::Named).and_then(|id| gateway::by_model(id, model));
        if let Some(owner) = named.filter(|_| self.gateway.upstream.is_none()) {
            self.gateway.upstream = Some(owner.to_owned());
            self.take_upstream(config);
        }
    }

    /// The response body names the upstream.
    pub(crate) fn served_by(&mut self, config: &Config, name: &str) {
        if self.gateway.id.is_some() || self.said.gateway().is_some() {
            self.gateway.upstream = gateway::named(name).or(self.gateway.upstream.take());
            self.take_upstream(config);
        }
    }

    /// Whose price list bills; the configuration's default where nothing names it.
    pub(crate) fn provider(&self) -> Option<&str> {
        self.provider.as_deref()
    }

    /// The gateway between.
    pub(crate) fn gateway(&self) -> Option<&str> {
        self.said.gateway().or(self.gateway.id)
    }

    /// Whom the gateway asked.
    pub(crate) fn upstream(&self) -> Option<&str> {
        let passed = || self.provider.as_deref().filter(|p| self.sure == Sure::Named && Some(*p) != self.gateway());
        self.gateway()?;
        self.gateway.upstream.as_deref().or_else(passed)
    }

    /// Whether capacity that was bought beforehand served the exchange, as rules say; `None` where they do not.
    /// `spilled`: the response says that it did not suffice. `tier` is the one that the response names: Vertex says there
    /// what spilled over.
    pub(crate) fn provisioned(&self, spilled: bool, tier: Option<&str>) -> Option<bool> {
        if spilled {
            return Some(false);
        }
        Some(self.said.billing()? == Billing::Provisioned && !tier.is_some_and(|t| t.starts_with("on_demand")))
    }

    /// Hashes what rules and metadata make of the names that were seen.
    pub(crate) fn hash_model(&self, config: &Config, seen: [Option<&str>; 2], state: &mut impl Hasher) {
        self.said.model().hash(state);
        for name in seen.into_iter().flatten() {
            self.said.alias(config, name).hash(state);
        }
    }

    /// The name to price by, of the names that were seen: the response's or the path's, and what was asked for.
    pub(crate) fn model(
        &self,
        config: &Config,
        billed: Option<&str>,
        asked: [Option<&str>; 2],
        known: impl Fn(&str) -> bool,
    ) -> Option<String> {
        if let Some(model) = self.said.model() {
            return Some(model.to_owned());
        }
        let alias = |name: Option<&str>| name.and_then(|name| self.said.alias(config, name));
        if let Some(model) = alias(billed) {
            return Some(model);
        }
        // Only an alias of what was asked for makes it a question whether the book knows the other name.
        match asked.into_iter().find_map(alias) {
            Some(model) if !billed.is_some_and(known) => Some(model),
            _ => billed.map(ToOwned::to_owned),
        }
    }
}

/// Whether a request may use a model: its path says so, or it posts JSON to a path that says nothing.
fn may_call(head: &Head<'_>, route: &Route) -> bool {
    let posts_json = || {
        head.get(":method") == Some(b"POST")
            && head.text("content-type").is_some_and(|t| t.contains("json"))
            && route.api == Api::Other
    };
    route.api.generates() || posts_json()
}
