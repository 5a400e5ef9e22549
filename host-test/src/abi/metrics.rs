//! Custom metrics: ids per VM, stats shared by the process (Envoy `Context::defineMetric` and below it).

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::{Caller, Linker};

use super::status::{Answer, Status};
use super::{Family, hostcall, memory};
use crate::store::{Kind, Stat};
use crate::vm::VmState;

/// The low bits of an id are its type; ids of one type are this far apart, and the type itself is never given out.
const ID_STEP: u32 = 4;
/// The bits of an id that hold its type.
const TYPE_MASK: u32 = 3;

/// The metric ids of one VM. Defining a name again gives a new id for the same stat, as in Envoy.
#[derive(Default)]
pub(crate) struct MetricIds {
    defined: [u32; 3],
    stats: HashMap<u32, Arc<Stat>>,
}

impl MetricIds {
    fn add(&mut self, kind: Kind, stat: Arc<Stat>) -> u32 {
        let defined = &mut self.defined[kind as usize];
        *defined += 1;
        let id = kind as u32 + ID_STEP * *defined;
        self.stats.insert(id, stat);
        id
    }
}

fn kind_of(id: u32) -> Option<Kind> {
    Kind::from_abi(id & TYPE_MASK)
}

fn define(caller: &mut Caller<'_, VmState>, kind: u32, name: (u32, u32), id: u32) -> Answer {
    let name = memory::read(caller, name.0, name.1)?;
    let kind = Kind::from_abi(kind).ok_or(Status::BAD_ARGUMENT)?;
    let state = caller.data_mut();
    let stat = state.process.stats().define(kind, &name, state.generation);
    let new = state.metrics.add(kind, stat);
    memory::write_u32(caller, id, new)
}

fn increment(state: &mut VmState, id: u32, offset: i64) -> Answer {
    let kind = kind_of(id).filter(|kind| *kind != Kind::Histogram).ok_or(Status::BAD_ARGUMENT)?;
    let stat = state.metrics.stats.get(&id).ok_or(Status::NOT_FOUND)?;
    match (kind, u64::try_from(offset)) {
        (Kind::Counter, Ok(0) | Err(_)) => return Err(Status::BAD_ARGUMENT.into()),
        (_, Ok(add)) if add > 0 => stat.add(add),
        // Envoy subtracts the offset's size, and the gauge wraps.
        (_, _) => stat.sub(offset.unsigned_abs()),
    }
    Ok(())
}

fn record(state: &mut VmState, id: u32, value: u64) -> Answer {
    let kind = kind_of(id).ok_or(Status::NOT_FOUND)?;
    let stat = state.metrics.stats.get(&id).ok_or(Status::NOT_FOUND)?;
    match kind {
        // The spec says "set"; Envoy adds.
        Kind::Counter => stat.add(value),
        Kind::Gauge => stat.set(value),
        Kind::Histogram => stat.record(value),
    }
    Ok(())
}

fn get(caller: &mut Caller<'_, VmState>, id: u32, ptr: u32) -> Answer {
    kind_of(id).filter(|kind| *kind != Kind::Histogram).ok_or(Status::BAD_ARGUMENT)?;
    let value = caller.data().metrics.stats.get(&id).ok_or(Status::NOT_FOUND)?.value();
    memory::write_u64(caller, ptr, value)
}

pub(super) fn link(linker: &mut Linker<VmState>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_define_metric",
        |mut caller: Caller<'_, VmState>, kind: u32, name: u32, name_len: u32, id: u32| {
            hostcall(&mut caller, Family::Metrics, "proxy_define_metric", |caller| {
                define(caller, kind, (name, name_len), id)
            })
        },
    )?;
    linker.func_wrap("env", "proxy_increment_metric", |mut caller: Caller<'_, VmState>, id: u32, offset: i64| {
        hostcall(&mut caller, Family::Metrics, "proxy_increment_metric", |caller| {
            increment(caller.data_mut(), id, offset)
        })
    })?;
    linker.func_wrap("env", "proxy_record_metric", |mut caller: Caller<'_, VmState>, id: u32, value: u64| {
        hostcall(&mut caller, Family::Metrics, "proxy_record_metric", |caller| record(caller.data_mut(), id, value))
    })?;
    linker.func_wrap("env", "proxy_get_metric", |mut caller: Caller<'_, VmState>, id: u32, ptr: u32| {
        hostcall(&mut caller, Family::Metrics, "proxy_get_metric", |caller| get(caller, id, ptr))
    })?;
    Ok(())
}
