//! The meter as `cargo component build` makes a component of it, beside the one of rustc's own linker (`wasm32-wasip2`), which
//! `tests/component` holds against the core, the filter and a foreign host.

use std::fs;

use anyhow::{Context, Result, ensure};
use genops_component_tests::{Case, PLANS, cases, component, recorded, same};
use genops_host::ChunkPlan;
use genops_tools::tool::Tool;
use genops_tools::wasm;
use libtest_mimic::Trial;

use crate::trial;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("component::cargo_component_says_that_it_made_it", cargo_component_says_that_it_made_it),
        trial("component::both_components_give_the_same_records", both_components_give_the_same_records),
        trial(
            "component::both_components_give_the_same_records_of_the_corpus",
            both_components_give_the_same_records_of_the_corpus,
        ),
    ]
}

/// Not the file of another build: it names its maker, with a version, in the section `producers` (tool-conventions of
/// WebAssembly, ProducersSection.md: strings with their lengths before them), and none of ours does.
async fn cargo_component_says_that_it_made_it() -> Result<()> {
    let version = Tool::CargoComponent.resolve()?.version.to_string();
    let text = |text: &str| -> Result<Vec<u8>> { Ok([&[u8::try_from(text.len())?], text.as_bytes()].concat()) };
    let maker = [text("cargo-component")?, text(&version)?].concat();
    let names = |wasm: &[u8]| wasm.windows(maker.len()).any(|window| window == maker);
    ensure!(names(&fs::read(wasm::build_by_cargo_component()?)?), "no word of cargo-component {version}");
    ensure!(!names(&fs::read(wasm::build_component()?)?), "the plain one says that cargo-component made it");
    let left = genops_tools::workspace_root().join("filter/component/src/bindings.rs");
    ensure!(!left.exists(), "{} was left behind", left.display());
    Ok(())
}

async fn both_components_give_the_same_records() -> Result<()> {
    agree(&cases()?, &PLANS)
}

async fn both_components_give_the_same_records_of_the_corpus() -> Result<()> {
    let Some(corpus) = recorded("component")? else { return Ok(()) };
    agree(&[corpus], &[ChunkPlan::Seeded(1)])
}

fn agree(cases: &[Case], plans: &[ChunkPlan]) -> Result<()> {
    let (plain, other) = (wasm::build_component()?, wasm::build_by_cargo_component()?);
    for case in cases {
        for plan in plans.iter().copied() {
            let records = component(case, &plain, plan)?;
            let others = component(case, &other, plan).context("by cargo component")?;
            same(case, plan, ("wasm32-wasip2", &records), ("cargo component", &others))?;
        }
    }
    Ok(())
}
