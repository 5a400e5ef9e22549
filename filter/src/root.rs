//! The root context: configuration and ticks.

use std::rc::Rc;

use genops_core::Config;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::behind::{self, Behind};
use crate::host::{self, Buffer, Level};
use crate::stats::{self, Stats};
use crate::stream::Stream;

/// VM environment variable: `inert` turns a refused configuration into a filter that only passes traffic.
const INVALID_CONFIG: &str = "GENOPS_INVALID_CONFIG";

/// One plugin configuration.
pub(crate) struct Root {
    /// `None`: refused, and told to be inert.
    stats: Option<Rc<Stats>>,
}

impl Root {
    #[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "only the wasm entry point makes one"))]
    pub(crate) fn new(_context_id: u32) -> Self {
        Self { stats: None }
    }
}

impl Context for Root {
    fn on_done(&mut self) -> bool {
        behind::with(Behind::root_done);
        true
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match Config::parse(&host::buffer(Buffer::PluginConfiguration, size)) {
            Ok(config) => {
                self.stats = Some(Rc::new(Stats::new(Rc::new(config))));
                true
            }
            Err(error) => {
                let inert = std::env::var(INVALID_CONFIG).is_ok_and(|v| v == "inert");
                let then = if inert { "passing traffic without metering" } else { "refused" };
                host::log(Level::Error, &format!("genops: configuration {then}: {error}"));
                if inert {
                    stats::inert();
                }
                inert
            }
        }
    }

    fn on_tick(&mut self) {
        behind::with(Behind::tick);
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _context_id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(self.stats.clone())))
    }
}
