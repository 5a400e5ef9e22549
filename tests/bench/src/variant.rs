//! The ways to read the same traffic, and how each shows that it really did.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::ValueEnum;
use genops_tools::{wasm, workspace_root};
use serde_json::{Value, json};

use crate::workload::{COMPLETION_TOKENS, PROMPT_TOKENS};

/// Tokens of OpenAI-shaped traffic by Lua.
const LUA: &str = include_str!("../lua/tokens.lua");

/// Counter of Envoy's own filter. What it found it publishes as typed metadata, which no access log of 1.40 prints.
const NATIVE_FOUND: &str = "ai_protocol_manager.token_usage_found";

/// What stands between the listener and the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Variant {
    /// Nothing: the router alone
    Bare,
    /// A wasm filter that copies both bodies and does nothing
    Noop,
    /// A Lua filter that finds model, prompt and completion tokens
    Lua,
    /// Envoy's own C++ ai_protocol_manager, token usage only
    Native,
    /// The GenOps filter as shipped
    Genops,
    /// The GenOps filter as `--other-module` and `--other-config` have it: what a change of either costs
    Other,
}

/// The GenOps filter's module and configuration; what is not named is built, or shipped.
#[derive(Clone, Copy)]
pub(crate) struct Genops<'a> {
    pub(crate) module: Option<&'a Path>,
    pub(crate) config: &'a Path,
}

/// A variant, ready to be put into a bootstrap.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// The HTTP filter, if any.
    pub(crate) http: Option<Value>,
    /// `stats_tags` of the bootstrap.
    pub(crate) stats_tags: Value,
    /// The wasm module, if any.
    pub(crate) module: Option<PathBuf>,
}

impl Variant {
    pub(crate) const ALL: [Self; 6] = [Self::Bare, Self::Noop, Self::Lua, Self::Native, Self::Genops, Self::Other];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare Envoy",
            Self::Noop => "wasm that copies",
            Self::Lua => "Lua",
            Self::Native => "ai_protocol_manager",
            Self::Genops => "genops",
            Self::Other => "genops, other",
        }
    }

    /// Builds what has to be built.
    ///
    /// # Errors
    /// The wasm cannot be built, or a configuration cannot be read.
    pub(crate) fn filter(self, genops: Genops<'_>) -> anyhow::Result<Filter> {
        Ok(match self {
            Self::Bare => Filter::default(),
            Self::Noop => {
                let module = wasm::build_package(&workspace_root().join("tests/bench/noop/Cargo.toml"), "genops-noop")?;
                Filter { http: Some(wasm_filter("noop", &module, "")), module: Some(module), ..Filter::default() }
            }
            Self::Lua => Filter {
                http: Some(json!({
                    "name": "envoy.filters.http.lua",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
                        "default_source_code": {"inline_string": LUA},
                    },
                })),
                ..Filter::default()
            },
            Self::Native => Filter { http: Some(native()), ..Filter::default() },
            Self::Genops | Self::Other => {
                let module = genops.module.map_or_else(wasm::build, |path| Ok(path.to_owned()))?;
                let read = |path: &Path| fs::read_to_string(path).context(path.display().to_string());
                let tags = read(&workspace_root().join("envoy/stats_tags.json"))?;
                Filter {
                    http: Some(wasm_filter("genops", &module, &read(genops.config)?)),
                    stats_tags: serde_json::from_str(&tags).context("envoy/stats_tags.json")?,
                    module: Some(module),
                }
            }
        })
    }

    /// Fields of the access log that show what the variant found.
    pub(crate) fn log_fields() -> Value {
        json!({
            "lua": "%DYNAMIC_METADATA(genops.lua)%",
            "genops": "%FILTER_STATE(wasm.genops.record:PLAIN)%",
        })
    }

    /// The counter that must rise with each exchange, for a variant whose findings stand in no access log.
    pub(crate) const fn found_counter(self) -> Option<&'static str> {
        match self {
            Self::Native => Some(NATIVE_FOUND),
            _ => None,
        }
    }

    /// Whether a line of the access log shows the tokens of the exchange, for a variant that looks for them.
    pub(crate) fn has_found(self, line: &Value) -> bool {
        let pair = |found: &Value, input: &str, output: &str| {
            let is = |key: &str, tokens: u64| {
                // Lua's numbers and a Struct's are doubles: 1234.0 is meant as 1234.
                let number = found.get(key).and_then(Value::as_f64);
                number.is_some_and(|n| (n - tokens_f64(tokens)).abs() < 0.5)
            };
            is(input, PROMPT_TOKENS) && is(output, COMPLETION_TOKENS)
        };
        match self {
            Self::Bare | Self::Noop | Self::Native => true,
            Self::Lua => line.get("lua").is_some_and(|f| pair(f, "prompt_tokens", "completion_tokens")),
            // It may be configured to log less.
            Self::Other => true,
            Self::Genops => line
                .get("genops")
                .and_then(Value::as_str)
                .and_then(|text| serde_json::from_str(text).ok())
                .is_some_and(|f: Value| pair(&f, "input_tokens", "output_tokens")),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "token counts of this bench are far below 2^53")]
fn tokens_f64(tokens: u64) -> f64 {
    tokens as f64
}

fn wasm_filter(name: &str, module: &Path, configuration: &str) -> Value {
    json!({
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": name,
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration,
                },
                "vm_config": {
                    "vm_id": name,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module}},
                },
            },
        },
    })
}

/// Fields as the descriptor in the 1.40.0 binary has them (the API is work in progress and renamed some since).
fn native() -> Value {
    json!({
        "name": "envoy.filters.http.ai_protocol_manager",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ai_protocol_manager.v3.AiProtocolManager",
            "response_handling": {"token_usage": {"include_unconfigured_routes": true}},
        },
    })
}
