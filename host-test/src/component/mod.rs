//! The meter as a WebAssembly component: the same exchanges through WIT in place of proxy-wasm.

mod calls;
mod replay;

use std::path::Path;

use wasmtime::component::{Component, Linker, ResourceAny};
use wasmtime::{Store, StoreLimits, StoreLimitsBuilder};

use crate::clock::Clock;
use crate::compiled::{cache_directory, compiled, engine};
use crate::error::HostError;
use crate::exchange::{Exchange, Headers};
use crate::module::MEMORY_BYTES_MAX;
use crate::plan::ChunkPlan;

pub use bindings::exports::genops::meter::metering::Account;
pub use calls::{Call, End, calls};
pub use replay::replay;

#[allow(missing_docs, reason = "generated; the WIT documents it")]
mod bindings {
    wasmtime::component::bindgen!({ path: "../filter/component/wit", world: "metered" });
}

use bindings::exports::genops::meter::metering as wit;

/// A component with one meter in it.
pub struct Meter {
    store: Store<StoreLimits>,
    world: bindings::Metered,
    meter: ResourceAny,
    clock: Clock,
    /// Why it died: a component that has trapped cannot be entered again.
    trap: Option<String>,
}

impl Meter {
    /// Compiles `wasm`, or takes the compiled form from the cache (as [`crate::FilterModule::new`]), and opens a meter
    /// with this configuration.
    ///
    /// # Errors
    /// Not a component of this world, or a configuration that it refuses.
    pub fn open(wasm: &[u8], configuration: &str, clock: Clock) -> Result<Self, HostError> {
        let engine = engine()?;
        let component: Component = compiled(&engine, wasm, cache_directory().as_deref())?;
        let mut linker = Linker::new(&engine);
        // The standard library's own imports (environment, standard streams, exit): a meter calls none of them.
        linker.define_unknown_imports_as_traps(&component).map_err(HostError::module)?;
        let mut store = Store::new(&engine, StoreLimitsBuilder::new().memory_size(MEMORY_BYTES_MAX).build());
        store.limiter(|limits| limits);
        let world = bindings::Metered::instantiate(&mut store, &component, &linker).map_err(HostError::module)?;
        let opened = world.genops_meter_metering().meter().call_open(&mut store, configuration);
        let meter = opened.map_err(HostError::module)?.map_err(HostError::Configuration)?;
        Ok(Self { store, world, meter, clock, trap: None })
    }

    /// As [`Meter::open`], from a file.
    ///
    /// # Errors
    /// As there, and a file that cannot be read.
    pub fn from_file(path: &Path, configuration: &str, clock: Clock) -> Result<Self, HostError> {
        let wasm = std::fs::read(path).map_err(|source| HostError::ReadModule { path: path.to_owned(), source })?;
        Self::open(&wasm, configuration, clock)
    }

    /// What `exchange` came to, bodies cut by `plan`.
    ///
    /// # Errors
    /// The component trapped, now or earlier: with what wasmtime says of it.
    pub fn exchange(&mut self, exchange: &Exchange, plan: ChunkPlan) -> Result<Account, String> {
        if let Some(trap) = &self.trap {
            return Err(trap.clone());
        }
        let calls = calls(exchange, plan, &mut self.clock);
        self.run(&calls).map_err(|error| {
            let trap = format!("{error:#}");
            self.trap = Some(trap.clone());
            trap
        })
    }

    fn run(&mut self, calls: &[Call<'_>]) -> wasmtime::Result<Account> {
        let guest = self.world.genops_meter_metering();
        let (meter, exchange, mut store) = (guest.meter(), guest.exchange(), &mut self.store);
        let mut begun = None;
        for call in calls {
            if let Call::Begin { head, at } = call {
                begun = Some(meter.call_begin(&mut store, self.meter, &headers(head), *at)?);
            }
            let Some(one) = begun else { continue };
            match call {
                Call::Begin { .. } => {}
                Call::RequestBody(piece) => {
                    // As the proxy-wasm shell does: what is of no use is not copied.
                    if exchange.call_wants_request_body(&mut store, one)? {
                        exchange.call_request_body(&mut store, one, piece)?;
                    }
                }
                Call::ResponseHead(head) => exchange.call_response_head(&mut store, one, &headers(head))?,
                Call::ResponseBody { piece, at } => {
                    if exchange.call_wants_response_body(&mut store, one)? {
                        exchange.call_response_body(&mut store, one, piece, *at)?;
                    }
                }
                Call::ResponseEnd => exchange.call_response_end(&mut store, one)?,
                Call::Finish { end, at } => {
                    let end = match end {
                        End::Client => wit::End::Client,
                        End::Reset => wit::End::Reset,
                    };
                    let account = exchange.call_finish(&mut store, one, end, *at)?;
                    one.resource_drop(&mut store)?;
                    return Ok(account);
                }
            }
        }
        Err(wasmtime::Error::msg("an exchange without an end"))
    }
}

/// A name that is no UTF-8 has no place in WIT, and none in HTTP either.
fn headers(headers: &Headers) -> Vec<wit::Header> {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    headers.pairs().iter().map(|(name, value)| (text(name), value.clone())).collect()
}
