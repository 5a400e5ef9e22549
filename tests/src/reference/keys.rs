//! What the configuration's types do not say of each key: the default, an example, and what it costs. A test holds every
//! row to the code: there is one for each key, a default said is the same as none, an example is taken.

/// A kind of object, where it stands, and its keys.
#[derive(Clone, Copy, Debug)]
pub struct Section {
    /// Heading of the reference.
    pub title: &'static str,
    /// Its name in the schema's `$defs`; empty: the root.
    pub definition: &'static str,
    /// A configuration that has one; `@` stands for its keys.
    pub place: &'static str,
    /// Keys that it cannot be without.
    pub base: &'static str,
    /// In the order of the reference.
    pub keys: &'static [Key],
}

/// A key of an object.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// As JSON, where leaving it out is the same as a value that can be written; else empty.
    pub default: &'static str,
    /// As written, with the keys beside it that it needs.
    pub example: &'static str,
    /// Time, memory, stats.
    pub costs: &'static str,
}

const fn key(name: &'static str, default: &'static str, example: &'static str, costs: &'static str) -> Key {
    Key { name, default, example, costs }
}

/// Read when the configuration is.
const NOTHING: &str = "nothing";
/// A call into Envoy, as measured on 1.40.
const CALL: &str = "a call into Envoy, 1 to 2 us, for each exchange that gets as far";
const ROUTE: &str = "a call into Envoy, 1 to 2 us, for each exchange, and again when the response begins";
const SERVICES: &str = "nothing by itself; only the schemas `tta`, `prompter` and `kosmos` read it";
const READ_ONCE: &str = "nothing for an exchange: prices are laid out once, when the configuration is read";

/// All kinds of objects.
pub const SECTIONS: &[Section] = &[
    Section { title: "Top level", definition: "", place: "{@}", base: "", keys: TOP },
    Section {
        title: "Label source",
        definition: "LabelSource",
        place: r#"{"labels": {"team": "search", "feature": [{@}]}}"#,
        base: r#""header": "x-feature""#,
        keys: SOURCE,
    },
    Section {
        title: "Upstream",
        definition: "Upstream",
        place: r#"{"routes": {"azure-eu": {@}}}"#,
        base: "",
        keys: UPSTREAM,
    },
    Section {
        title: "Family of your own",
        definition: "UserFamily",
        place: r#"{"families": {"prompt_tokens": {@}}}"#,
        base: r#""type": "counter", "fact": "input_tokens""#,
        keys: FAMILY,
    },
    Section {
        title: "Include usage",
        definition: "IncludeUsage",
        place: r#"{"include_usage": {@}}"#,
        base: r#""providers": ["openai"]"#,
        keys: INCLUDE_USAGE,
    },
    Section { title: "Scrape", definition: "Scrape", place: r#"{"scrape": {@}}"#, base: "", keys: SCRAPE },
    Section { title: "Route map", definition: "Http", place: r#"{"http": {@}}"#, base: "", keys: HTTP },
    Section {
        title: "Route of the map",
        definition: "HttpRoute",
        place: r#"{"http": {"routes": {"POST /ask": {@}}}}"#,
        base: "",
        keys: HTTP_ROUTE,
    },
    Section {
        title: "Objective",
        definition: "Slo",
        place: r#"{"http": {"slo": {"ask": {@}}}}"#,
        base: r#""target": 0.99, "latency_seconds": 0.5"#,
        keys: SLO,
    },
    Section {
        title: "Prices of a provider",
        definition: "Amendment",
        place: r#"{"prices": {"openai": {@}}}"#,
        base: "",
        keys: AMENDMENT,
    },
    Section {
        title: "Price extension",
        definition: "Extension",
        place: r#"{"prices": {"openai": {"extend": [{@}]}}}"#,
        base: r#""models": ["*"]"#,
        keys: EXTENSION,
    },
    Section {
        title: "Derived rate",
        definition: "Derived",
        place: r#"{"prices": {"openai": {"extend": [{"models": ["gpt-4o"], "derive": {"reasoning": {@}}}]}}}"#,
        base: r#""of": "output", "by": "2""#,
        keys: DERIVED,
    },
    Section {
        title: "Fallback",
        definition: "Fallback",
        place: r#"{"prices": {"openai": {"fallback": {@}}}}"#,
        base: r#""rates": {"input": "1"}"#,
        keys: FALLBACK,
    },
    Section {
        title: "Price of a model",
        definition: "Model",
        place: r#"{"prices": {"openai": {"models": {"m": {@}}}}}"#,
        base: "",
        keys: MODEL,
    },
    Section {
        title: "Price entry",
        definition: "PriceEntry",
        place: r#"{"prices": {"openai": {"calendars": {"feasts": {"source": "a list", "days": ["2026-12-25"]}}, "models": {"m": {"prices": [{@}]}}}}}"#,
        base: r#""rates": {"input": "1"}"#,
        keys: PRICE_ENTRY,
    },
    Section {
        title: "Price variant",
        definition: "Variant",
        place: r#"{"prices": {"openai": {"models": {"m": {"prices": [{"rates": {"input": "1"}}], "variants": [{@}]}}}}}"#,
        base: r#""when": {"service_tier": ["flex"]}, "rates": {"input": "0.5"}"#,
        keys: VARIANT,
    },
    Section {
        title: "Price tier",
        definition: "Tier",
        place: r#"{"prices": {"openai": {"models": {"m": {"prices": [{"rates": {"input": "1"}, "tiers": [{@}]}]}}}}}"#,
        base: r#""over": 200000, "rates": {"input": "2"}"#,
        keys: TIER,
    },
    Section {
        title: "Price multiplier",
        definition: "Multiplier",
        place: r#"{"prices": {"openai": {"models": {"m": {"prices": [{"rates": {"input": "1"}}], "multipliers": [{@}]}}}}}"#,
        base: r#""when": {"region": ["eu"]}, "by": "1.1""#,
        keys: MULTIPLIER,
    },
    Section {
        title: "Calendar",
        definition: "Calendar",
        place: r#"{"prices": {"openai": {"calendars": {"feasts": {@}}}}}"#,
        base: r#""source": "a list", "days": ["2026-12-25"]"#,
        keys: CALENDAR,
    },
];

const TOP: &[Key] = &[
    key("$schema", "", r#""$schema": "./genops.schema.json""#, NOTHING),
    key(
        "schemas",
        r#"["genops"]"#,
        r#""schemas": ["genops", "tta"]"#,
        "each schema adds its families' stats to every label combination, and its tags to what Envoy cuts out of names",
    ),
    key("namespace", r#""genops""#, r#""namespace": "acme""#, NOTHING),
    key(
        "buckets",
        "{}",
        r#""buckets": {"genops_operation_latency_seconds": [0.5, 1, 5, 30]}"#,
        "one Envoy stat for each bound and label combination",
    ),
    key(
        "families",
        "{}",
        r#""families": {"prompt_tokens": {"type": "histogram", "fact": "input_tokens", "labels": ["team"], "buckets": [100, 1000, 10000]}}"#,
        "a counter: one stat for each label combination; a histogram: its bounds and three more",
    ),
    key(
        "http",
        "{}",
        r#""http": {"routes": {"POST /ask": {"primitive_name": "ask", "primitive_type": "api"}}}"#,
        SERVICES,
    ),
    key(
        "provider",
        "",
        r#""provider": "openai""#,
        "saves calls into Envoy: the proxy is not asked for what rules do not need",
    ),
    key("routes", "{}", r#""routes": {"azure-eu": {"provider": "azure-openai", "region": "swedencentral"}}"#, ROUTE),
    key("clusters", "{}", r#""clusters": {"outbound|443||llm-*": "mistral"}"#, ROUTE),
    key("paths", "{}", r#""paths": {"/ask": {"provider": "openai", "api": "responses"}}"#, NOTHING),
    key("authorities", "{}", r#""authorities": {"llm.internal": "mistral"}"#, NOTHING),
    key("models", "{}", r#""models": {"prod-chat": "gpt-4o"}"#, NOTHING),
    key(
        "metadata",
        "",
        r#""metadata": "acme.llm""#,
        "calls into Envoy, 1 to 2 us each: for the route, for the cluster, and again when the response begins",
    ),
    key("trust_gateway_headers", "false", r#""trust_gateway_headers": true"#, NOTHING),
    key(
        "labels",
        "{}",
        r#""labels": {"team": [{"header": "x-genops-team"}, {"constant": "platform"}], "environment": "production"}"#,
        "headers, baggage and constants nothing, other sources a call into Envoy (1 to 2 us); series by the number of values",
    ),
    key("value_maps", "{}", r#""value_maps": {"team": {"R&D": "research", "search-*": "search"}}"#, NOTHING),
    key("jwt_payload", r#""jwt_payload""#, r#""jwt_payload": "claims""#, NOTHING),
    key(
        "strip_headers",
        r#"["x-genops-*"]"#,
        r#""strip_headers": []"#,
        "Envoy chooses the route anew where a header was taken out",
    ),
    key(
        "model_label",
        r#""canonical""#,
        r#""model_label": "request""#,
        "`request` lets clients make values: see `label_limits`",
    ),
    key(
        "extra_labels",
        "{}",
        r#""extra_labels": {"cost_center": ["genops_cost_*"]}"#,
        "one more tag (8 to 25 us whenever Envoy defines a stat), and series by the number of values",
    ),
    key("include_labels", "[]", r#""include_labels": ["provider", "model", "team"]"#, "fewer series"),
    key("exclude_labels", "[]", r#""exclude_labels": ["customer_id"]"#, "fewer series"),
    key("label_limits", "{}", r#""label_limits": {"customer_id": 500}"#, "fewer series"),
    key(
        "max_label_cardinality",
        "10000",
        r#""max_label_cardinality": 2000"#,
        "memory of Envoy, which never frees a stat",
    ),
    key("max_stats", "50000", r#""max_stats": 200000"#, "some 500 bytes of Envoy's memory for each stat, for good"),
    key("sampling_rate", "1.0", r#""sampling_rate": 0.1"#, "saves writes to histograms and access-log lines' records"),
    key(
        "flush_interval_ms",
        "100",
        r#""flush_interval_ms": 1000"#,
        "one call into Envoy (0.11 us) for each stat that changed, each interval",
    ),
    key(
        "filter_state",
        r#"["record", "provider", "model", "input_tokens", "output_tokens", "total_tokens", "cost_usd", "outcome"]"#,
        r#""filter_state": ["cost_usd", "outcome"]"#,
        "a call into Envoy for each key and exchange, for each label with `labels`; `record` is written as JSON; for `prompt_length` the \
         whole request body is read. `[]` costs nothing",
    ),
    key(
        "include_usage",
        "",
        r#""include_usage": {"providers": ["openai"], "authorities": ["vllm.internal"]}"#,
        "covered requests lose their `content-length`; the last event of their answers is read before it goes on",
    ),
    key("estimate", "false", r#""estimate": true"#, "request bodies are read to their end"),
    key(
        "scrape",
        "",
        r#""scrape": {"path": "/metrics", "dedicated": true}"#,
        "each scrape, in slices of 3 ms at most; nothing in between",
    ),
    key(
        "prices",
        "{}",
        r#""prices": {"vllm": {"unlisted": "parent", "models": {"llama-3": {"prices": [{"rates": {"input": "0.1", "output": "0.1"}}]}}}}"#,
        "memory by the number of models; nothing for an exchange",
    ),
];

const SOURCE: &[Key] = &[
    key("header", "", r#""header": "x-genops-team""#, NOTHING),
    key("baggage", "", r#""baggage": "genops.team""#, NOTHING),
    key("jwt", "", r#""jwt": ["org", "team"]"#, CALL),
    key("metadata", "", r#""metadata": ["governance", "team"]"#, CALL),
    key("route_metadata", "", r#""route_metadata": ["genops", "team"]"#, CALL),
    key("cluster_metadata", "", r#""cluster_metadata": ["genops", "team"]"#, CALL),
    key("peer", "", r#""peer": "namespace""#, CALL),
    key("workload_label", "", r#""workload_label": "genops.ai/team""#, "one call into Envoy for the life of a worker"),
    key("caller_label", "", r#""caller_label": "genops.ai/team""#, CALL),
    key("label", "", r#""label": "team""#, NOTHING),
    key("constant", "", r#""constant": "platform""#, NOTHING),
    key("trust", "", r#""header": "x-genops-team", "trust": ["spiffe://cluster.local/ns/web/*"]"#, CALL),
];

const UPSTREAM: &[Key] = &[
    key("provider", "", r#""provider": "azure-openai""#, NOTHING),
    key("api", "", r#""api": "chat.completions""#, NOTHING),
    key("gateway", "", r#""gateway": "kong""#, NOTHING),
    key("region", "", r#""region": "swedencentral""#, NOTHING),
    key("billing", "", r#""billing": "provisioned""#, NOTHING),
    key("model", "", r#""model": "gpt-4o""#, NOTHING),
    key("models", "{}", r#""models": {"prod-chat": "gpt-4o"}"#, NOTHING),
];

const FAMILY: &[Key] = &[
    key(
        "type",
        "",
        r#""type": "counter", "fact": "cost""#,
        "a histogram is its bounds and three stats more for each label combination",
    ),
    key("fact", "", r#""type": "counter", "fact": "input_tokens""#, "`savings` prices an exchange a second time"),
    key(
        "labels",
        "[]",
        r#""type": "counter", "fact": "cost", "labels": ["team", "model"]"#,
        "series by the number of values",
    ),
    key("help", r#""""#, r#""type": "counter", "fact": "cost", "help": "What was spent""#, NOTHING),
    key(
        "buckets",
        "",
        r#""type": "histogram", "fact": "input_tokens", "buckets": [100, 1000, 10000]"#,
        "one stat for each bound and label combination",
    ),
];

const INCLUDE_USAGE: &[Key] = &[
    key("providers", "[]", r#""providers": ["openai", "azure-openai"]"#, NOTHING),
    key("authorities", "[]", r#""authorities": ["vllm.internal"]"#, NOTHING),
    key(
        "hold_request_bytes",
        "0",
        r#""providers": ["openai"], "hold_request_bytes": 262144"#,
        "so many bytes of memory for each request under way, which waits until it is read",
    ),
];

const SCRAPE: &[Key] = &[
    key("path", r#""/metrics""#, r#""path": "/genops/metrics""#, NOTHING),
    key("dedicated", "false", r#""dedicated": true"#, NOTHING),
];

const HTTP: &[Key] = &[
    key("default", "{}", r#""default": {"service": "prompter-api", "env": "prod"}"#, SERVICES),
    key(
        "routes",
        "{}",
        r#""routes": {"POST /api/{id}/run": {"primitive_name": "run"}}"#,
        "templates are tried one after the other; series by their number",
    ),
    key("slo", "{}", r#""slo": {"run": {"target": 0.99, "latency_seconds": 0.5}}"#, SERVICES),
];

const HTTP_ROUTE: &[Key] = &[
    key("service", "", r#""service": "prompter-api""#, SERVICES),
    key("env", "", r#""env": "prod""#, SERVICES),
    key("agent", "", r#""agent": {"header": "x-agent"}"#, SERVICES),
    key("task_type", "", r#""task_type": {"header": "x-task"}"#, SERVICES),
    key("primitive_name", "", r#""primitive_name": "ask""#, SERVICES),
    key("primitive_type", "", r#""primitive_type": "llm""#, SERVICES),
    key("category", "", r#""category": "llm_call""#, SERVICES),
    key("provider", "", r#""provider": {"body": "provider"}"#, "with `body`, the request's body is read"),
    key("table", "", r#""table": "prompt_templates""#, SERVICES),
    key("counts", "", r#""counts": ["results_insert"]"#, SERVICES),
    key("probe", "false", r#""probe": true"#, SERVICES),
    key("probe_header", "", r#""probe_header": "x-prompter-probe""#, SERVICES),
];

const SLO: &[Key] = &[
    key("target", "", r#""target": 0.99, "latency_seconds": 0.5"#, NOTHING),
    key("latency_seconds", "", r#""target": 0.99, "latency_seconds": 0.5"#, NOTHING),
];

const AMENDMENT: &[Key] = &[
    key("source", "", r#""source": "contract 4711""#, READ_ONCE),
    key("checked_on", "", r#""checked_on": "2026-11-21""#, READ_ONCE),
    key("unlisted", "", r#""unlisted": "parent""#, READ_ONCE),
    key("calendars", "{}", r#""calendars": {"feasts": {"source": "a list", "days": ["2026-12-25"]}}"#, READ_ONCE),
    key(
        "models",
        "{}",
        r#""models": {"gpt-4o": {"prices": [{"rates": {"input": "2.2", "output": "8.8"}}]}}"#,
        READ_ONCE,
    ),
    key(
        "extend",
        "[]",
        r#""extend": [{"models": ["*"], "with": {"multipliers": [{"when": {"region": ["in"]}, "by": "1.2"}]}}]"#,
        READ_ONCE,
    ),
    key("alias", "{}", r#""alias": {"prod-chat": "gpt-4o"}"#, READ_ONCE),
    key("fallback", "", r#""fallback": {"rates": {"input": "1", "output": "4"}}"#, READ_ONCE),
    key("billing", "", r#""billing": "provisioned""#, READ_ONCE),
];

const EXTENSION: &[Key] = &[
    key("models", "", r#""models": ["gpt-4o"]"#, READ_ONCE),
    key(
        "with",
        "{}",
        r#""models": ["*"], "with": {"multipliers": [{"when": {"region": ["in"]}, "by": "1.2"}]}"#,
        READ_ONCE,
    ),
    key("derive", "{}", r#""models": ["gpt-4o"], "derive": {"reasoning": {"of": "output", "by": "1.5"}}"#, READ_ONCE),
];

const DERIVED: &[Key] = &[
    key("of", "", r#""of": "output", "by": "2""#, READ_ONCE),
    key("by", "", r#""of": "output", "by": "1.25""#, READ_ONCE),
];

const FALLBACK: &[Key] = &[key("rates", "", r#""rates": {"input": "1", "output": "4"}"#, READ_ONCE)];

const MODEL: &[Key] = &[
    key("alias", "[]", r#""alias": ["m-latest"]"#, READ_ONCE),
    key("dated", r#""none""#, r#""dated": "any""#, READ_ONCE),
    key("geo", "[]", r#""geo": ["us", "eu"]"#, READ_ONCE),
    key("free", "false", r#""free": true"#, READ_ONCE),
    key("prices", "[]", r#""prices": [{"rates": {"input": "2.2", "output": "8.8"}}]"#, READ_ONCE),
    key(
        "variants",
        "[]",
        r#""prices": [{"rates": {"input": "2"}}], "variants": [{"when": {"service_tier": ["flex"]}, "rates": {"input": "1"}}]"#,
        READ_ONCE,
    ),
    key(
        "multipliers",
        "[]",
        r#""prices": [{"rates": {"input": "2"}}], "multipliers": [{"when": {"region": ["eu"]}, "by": "1.1"}]"#,
        READ_ONCE,
    ),
    key("min", "{}", r#""prices": [{"rates": {"audio_second": "0.04"}}], "min": {"audio_second": "10"}"#, READ_ONCE),
    key(
        "max",
        "{}",
        r#""prices": [{"rates": {"input": "1", "web_search": "10"}}], "max": {"web_search": "1"}"#,
        READ_ONCE,
    ),
    key("billing", "", r#""billing": "provisioned""#, READ_ONCE),
    key("source", "", r#""source": "contract 4711""#, READ_ONCE),
    key("checked_on", "", r#""checked_on": "2026-11-21""#, READ_ONCE),
];

const PRICE_ENTRY: &[Key] = &[
    key("from", "", r#""from": "2026-12-01", "rates": {"input": "2"}"#, READ_ONCE),
    key("windows", "[]", r#""windows": ["22:00-02:00"], "rates": {"input": "1"}"#, READ_ONCE),
    key(
        "days",
        r#"["mon", "tue", "wed", "thu", "fri", "sat", "sun"]"#,
        r#""days": ["mon", "tue"], "windows": ["22:00-02:00"], "rates": {"input": "1"}"#,
        READ_ONCE,
    ),
    key("except", "", r#""windows": ["22:00-02:00"], "except": "feasts", "rates": {"input": "1"}"#, READ_ONCE),
    key("rates", "", r#""rates": {"input": "2.5", "cache_read": "1.25", "output": "10"}"#, READ_ONCE),
    key("tiers", "[]", r#""rates": {"input": "1"}, "tiers": [{"over": 200000, "rates": {"input": "2"}}]"#, READ_ONCE),
];

const VARIANT: &[Key] = &[
    key(
        "from",
        "",
        r#""from": "2026-12-01", "when": {"service_tier": ["flex"]}, "rates": {"input": "0.5"}"#,
        READ_ONCE,
    ),
    key("when", "", r#""when": {"region": ["us-gov-*"]}, "rates": {"input": "1.2"}"#, READ_ONCE),
    key("rates", "", r#""when": {"service_tier": ["flex"]}, "rates": {"input": "0.5"}"#, READ_ONCE),
    key(
        "tiers",
        "[]",
        r#""when": {"service_tier": ["flex"]}, "rates": {"input": "0.5"}, "tiers": [{"over": 200000, "rates": {"input": "1"}}]"#,
        READ_ONCE,
    ),
];

const TIER: &[Key] = &[
    key("over", "", r#""over": 200000, "rates": {"input": "2"}"#, READ_ONCE),
    key("at_least", "", r#""at_least": 200000, "rates": {"input": "2"}"#, READ_ONCE),
    key("rates", "", r#""over": 200000, "rates": {"input": "2"}"#, READ_ONCE),
];

const MULTIPLIER: &[Key] = &[
    key("from", "", r#""from": "2026-12-01", "when": {"region": ["eu"]}, "by": "1.1""#, READ_ONCE),
    key("when", "", r#""when": {"region": ["eu"]}, "by": "1.1""#, READ_ONCE),
    key("by", "", r#""when": {"region": ["eu"]}, "by": "1.25""#, READ_ONCE),
];

const CALENDAR: &[Key] = &[
    key("source", "", r#""source": "a list", "days": ["2026-12-25"]"#, READ_ONCE),
    key("days", "", r#""source": "a list", "days": ["2026-12-25", "2027-01-01"]"#, READ_ONCE),
];
