//! The meter as a WebAssembly component: `genops-core` behind the WIT of `wit/meter.wit`, without a proxy.
//!
//! Every call is total: whatever a host hands over and in whatever order, there is an answer and no trap.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code, reason = "exported from wasm only"))]

use std::cell::RefCell;
use std::rc::Rc;

use genops_core::price::pico_to_decimal;
use genops_core::{Config, Exchange, Head, Record};

use bindings::exports::genops::meter::metering::{self, Account, End, Guest, GuestExchange, GuestMeter, Header};

#[allow(clippy::all, missing_docs, unreachable_pub, unsafe_code, reason = "generated; the WIT documents it")]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "metered" });

    // Not natively: the names of the exports hold characters that linkers give a meaning of their own.
    #[cfg(target_arch = "wasm32")]
    use super::Component;
    #[cfg(target_arch = "wasm32")]
    export!(Component with_types_in self);
}

/// The component's exports.
struct Component;

/// `meter`.
struct Meter {
    config: Rc<Config>,
}

/// `exchange`.
struct Metered {
    exchange: RefCell<Exchange>,
    /// Made once: an exchange is accounted once, however often a host asks.
    record: RefCell<Option<Record>>,
}

impl Guest for Component {
    type Meter = Meter;
    type Exchange = Metered;
}

impl GuestMeter for Meter {
    fn open(configuration: String) -> Result<metering::Meter, String> {
        let config = Config::parse(configuration.as_bytes()).map_err(|error| error.to_string())?;
        Ok(metering::Meter::new(Self { config: Rc::new(config) }))
    }

    fn begin(&self, request_head: Vec<Header>, at: u64) -> metering::Exchange {
        let exchange = Exchange::new(Rc::clone(&self.config), &head(&request_head), at);
        metering::Exchange::new(Metered { exchange: RefCell::new(exchange), record: RefCell::default() })
    }
}

impl GuestExchange for Metered {
    fn wants_request_body(&self) -> bool {
        self.exchange.borrow().wants_request_body()
    }

    fn request_body(&self, piece: Vec<u8>) {
        self.exchange.borrow_mut().request_body(&piece);
    }

    fn response_head(&self, response_head: Vec<Header>) {
        self.exchange.borrow_mut().response_head(&head(&response_head));
    }

    fn wants_response_body(&self) -> bool {
        self.exchange.borrow().wants_response_body()
    }

    fn response_body(&self, piece: Vec<u8>, at: u64) {
        self.exchange.borrow_mut().response_body(&piece, || at);
    }

    fn response_end(&self) {
        self.exchange.borrow_mut().response_end();
    }

    fn finish(&self, end: End, at: u64) -> Account {
        let end = match end {
            End::Client => genops_core::End::Client,
            End::Reset => genops_core::End::Reset,
            End::Timeout => genops_core::End::Timeout,
        };
        let mut record = self.record.borrow_mut();
        account(record.get_or_insert_with(|| self.exchange.borrow_mut().finish(end, at)))
    }
}

fn head(headers: &[Header]) -> Head<'_> {
    headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect()
}

fn account(record: &Record) -> Account {
    Account {
        provider: record.provider.clone(),
        model: record.dimensions.model.clone(),
        outcome: record.outcome.as_str().to_owned(),
        input_tokens: record.input_tokens,
        output_tokens: record.output_tokens,
        cost_usd: record.cost_usd.map(|cost| pico_to_decimal(cost.0)),
        json: record.to_json(),
    }
}
