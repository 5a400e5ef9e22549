//! The filter's configuration of the run: all five schemas, routes to their names, service levels.

use std::fs;

use anyhow::{Context, Result};
use genops_tests::envoy::Bootstrap;
use genops_tools::workspace_root;
use serde_json::{Map, Value, json};

use crate::expect::{CATEGORY, PROMPTER, TARGETS};
use crate::traffic::{AGENT_HEADER, PROBE_HEADER};

/// The shipped tags of all schemas.
const TAGS: &str = "envoy/stats_tags/all.json";

/// As a user of all five would write it.
fn configuration() -> Value {
    let header = |name: &str| json!([{"header": format!("x-genops-{name}")}]);
    let primitive = |name: &str, of: &str| json!({"primitive_name": name, "primitive_type": of});
    let slo: Map<String, Value> = TARGETS
        .iter()
        .map(|(name, target, within)| ((*name).to_owned(), json!({"target": target, "latency_seconds": within})))
        .collect();
    let mut general = json!({"category": CATEGORY, "probe_header": PROBE_HEADER});
    for (label, value) in PROMPTER {
        general[label] = json!(value);
    }
    let ensure = json!({
        "primitive_name": "prompter", "primitive_type": "api", "counts": ["ensure_version"],
        "provider": {"body": "provider"},
    });
    json!({
        "schemas": ["genops", "genops-kubernetes", "tta", "prompter", "kosmos"],
        "labels": {
            "team": header("team"),
            "project": header("project"),
            "customer_id": header("customer-id"),
            "environment": header("environment"),
            "feature": header("feature"),
        },
        "http": {
            "default": general,
            "routes": {
                "POST /v1/chat/completions": primitive("chat", "llm"),
                "POST /v1/embeddings": primitive("embed", "llm"),
                "POST /v1/messages": primitive("messages", "llm"),
                "POST /v1beta/models/{model}": primitive("generate", "llm"),
                "POST /api/process": primitive("api_process", "api"),
                "POST /workflows/critical": primitive("critical_workflow", "workflow"),
                "POST /agents/{agent}/ask": {
                    "primitive_name": "agent_ask", "primitive_type": "agent", "agent": {"header": AGENT_HEADER},
                    "task_type": "ask",
                },
                "POST /api/prompt-templates": {
                    "primitive_name": "prompter", "primitive_type": "api", "table": "prompt_templates",
                },
                "POST /api/prompt-templates/{id}/run": {
                    "primitive_name": "prompter", "primitive_type": "api", "counts": ["results_insert"],
                },
                "POST /api/prompt-templates/{id}/ensure-version": ensure,
            },
            "slo": slo,
        },
    })
}

/// The shipped bootstrap with it.
///
/// # Errors
/// The bootstrap is not as shipped.
pub fn with_all_schemas(mut bootstrap: Bootstrap) -> Result<Bootstrap> {
    bootstrap.listener.configure(&configuration().to_string())?;
    let tags = workspace_root().join(TAGS);
    let tags = fs::read_to_string(&tags).with_context(|| tags.display().to_string())?;
    bootstrap.declare_tags(serde_json::from_str(&tags)?)?;
    Ok(bootstrap)
}
