//! The root context: configuration and ticks.

use std::cell::Cell;
use std::rc::Rc;

use genops_core::Config;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use crate::behind::{self, Behind};
use crate::host::{self, Buffer, Level};
use crate::scrape;
use crate::stats::{self, Stats};
use crate::stream::Stream;

/// VM environment variable: `inert` turns a refused configuration into a filter that only passes traffic.
const INVALID_CONFIG: &str = "GENOPS_INVALID_CONFIG";

/// One plugin configuration.
pub(crate) struct Root {
    id: u32,
    /// A scrape has this root's timer run fast.
    hurried: Rc<Cell<bool>>,
    /// `None`: refused, and told to be inert.
    stats: Option<Rc<Stats>>,
}

impl Root {
    #[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "only the wasm entry point makes one"))]
    pub(crate) fn new(id: u32) -> Self {
        Self { id, hurried: Rc::default(), stats: None }
    }
}

impl Context for Root {
    fn on_done(&mut self) -> bool {
        // Its timer goes: nobody may wait for it.
        scrape::finish(self.id);
        if let Some(stats) = &self.stats {
            stats.count_waiting();
        }
        behind::with(Behind::root_done);
        true
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        match Config::parse_in(&host::buffer(Buffer::PluginConfiguration, size), |name| std::env::var(name).ok()) {
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
        if self.hurried.take() {
            behind::with(Behind::forget_period);
        }
        if let Some(stats) = &self.stats {
            stats.count_waiting();
        }
        behind::with(Behind::tick);
        if scrape::tick(self.id) {
            self.hurried.set(scrape::hurry());
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(id, self.stats.clone(), self.hurried.clone())))
    }
}
