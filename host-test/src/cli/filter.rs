//! The filter that a command runs: module, configuration, tag rules.

use std::path::{Path, PathBuf};

use clap::Args;
use genops_host::{FilterModule, Host, HostOptions, Plugin, TagRule, TagRules};

use super::CliError;

/// Plugin configuration and tag rules as shipped for Envoy: the host runs what a user loads.
pub(super) const DEFAULT_CONFIG: &str = include_str!("../../../envoy/genops.json");
const DEFAULT_TAGS: &str = include_str!("../../../envoy/stats_tags.json");

#[derive(Args, Debug)]
pub(super) struct Filter {
    /// Plugin configuration, as JSON. Default: the one shipped in envoy/genops.json
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The compiled filter. Default: built from this repository
    #[arg(long, value_name = "FILE", env = "GENOPS_WASM")]
    wasm: Option<PathBuf>,
    /// Tag rules, as a JSON list of {"tag_name", "regex"}. Default: those shipped in envoy/stats_tags.json
    #[arg(long, value_name = "FILE")]
    tags: Option<PathBuf>,
}

impl Filter {
    /// A host that runs it, with what `change` makes of the configuration. Files are read before anything is built.
    pub(super) fn host(&self, options: HostOptions, change: impl FnOnce(&mut Vec<u8>)) -> Result<Host, CliError> {
        let tags = TagRules::new(&self.tag_rules()?, true)?;
        let mut config = match &self.config {
            Some(path) => read(path)?,
            None => DEFAULT_CONFIG.as_bytes().to_vec(),
        };
        change(&mut config);
        let module = FilterModule::from_file(&self.wasm()?)?;
        Ok(Host::start(&module, Plugin::new(config), tags, options)?)
    }

    fn tag_rules(&self) -> Result<Vec<TagRule>, CliError> {
        let (path, text) = match &self.tags {
            Some(path) => (path.clone(), read(path)?),
            None => (PathBuf::from("envoy/stats_tags.json"), DEFAULT_TAGS.as_bytes().to_vec()),
        };
        serde_json::from_slice(&text).map_err(|source| CliError::Tags { path, source })
    }

    fn wasm(&self) -> Result<PathBuf, CliError> {
        match &self.wasm {
            Some(path) => Ok(path.clone()),
            None => genops_tools::wasm::build().map_err(|error| CliError::Build(error.to_string())),
        }
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|source| CliError::Read { path: path.to_owned(), source })
}
