//! The yardstick of `cargo xtask bench`: a filter that has every body cut copied into its memory, as any filter that
//! reads bodies must, and does nothing with it. What another filter costs beyond this is its own doing.
#![allow(clippy::disallowed_methods, reason = "the SDK's own getters are the ordinary way, and that is what this is")]

use std::hint::black_box;

use proxy_wasm::{
    traits::{Context, HttpContext, RootContext},
    types::{Action, ContextType, LogLevel},
};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Stream;

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_body(&mut self, size: usize, _: bool) -> Action {
        black_box(self.get_http_request_body(0, size));
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, _: bool) -> Action {
        black_box(self.get_http_response_body(0, size));
        Action::Continue
    }
}
