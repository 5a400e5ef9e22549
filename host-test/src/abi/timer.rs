//! `proxy_set_tick_period_milliseconds`: one timer per root context.

use wasmtime::{Caller, Linker};

use super::{Family, hostcall};
use crate::vm::VmState;

/// Nanoseconds in a millisecond.
const NS_PER_MS: u64 = 1_000_000;

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "proxy_set_tick_period_milliseconds", |mut caller: Caller<'_, VmState>, period: u32| {
        hostcall(&mut caller, Family::Timer, "proxy_set_tick_period_milliseconds", |caller| {
            let state = caller.data_mut();
            // A period of 0 switches the timer off (Envoy `Context::setTimerPeriod`).
            state.tick_period_ns = (period > 0).then(|| u64::from(period) * NS_PER_MS);
            state.next_tick_ns = state.clock.elapsed_ns().saturating_add(u64::from(period) * NS_PER_MS);
            Ok(())
        })
    })?;
    Ok(())
}
