//! Where functions lie in the filter's module, and which of their branches are rare.
//!
//! An exchange runs some 200 of 1,800 functions, most of them once and only parts of them (the rest is other formats and
//! errors), between two of Envoy's own stretches: what it costs is cache lines and pages that are not at hand, Envoy's
//! own afterwards among them. So what runs is put first, and branches not taken are hinted as such
//! (`metadata.code.branch_hint`, <https://github.com/WebAssembly/branch-hinting>), which V8 14.6 moves out of the
//! way (seen on Envoy 1.40, 2026-11-22); who does not know the hints, skips them. The compiler has a way to do the same
//! (profile-guided optimisation), but not for this target: `wasm32-wasip1` comes without the runtime that counts.
//!
//! A [`Profile`] only guides: a module that it does not fit is as right and merely slower.

mod counted;
mod profile;
mod rewrite;

pub use counted::Counted;
pub use profile::Profile;

use std::collections::BTreeSet;

use wasm_encoder::reencode;
use wasmparser::{KnownCustom, Name, Operator, Parser, Payload, TypeRef};

/// Why a module cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// It cannot be read.
    #[error("no WebAssembly module: {0}")]
    Module(#[from] wasmparser::BinaryReaderError),
    /// It cannot be written again.
    #[error("cannot be written again: {0}")]
    Rewrite(#[from] reencode::Error),
    /// A line of the profile cannot be read.
    #[error("line {line} of the layout is no function with its branches; write it anew with `cargo xtask layout`")]
    Profile {
        /// From 1.
        line: usize,
    },
    /// Functions can only be found by their names.
    #[error("the module has no function names; it has to be linked with `strip = \"debuginfo\"`")]
    NoNames,
}

/// Functions of `profile` first, their one-sided branches hinted, names removed.
///
/// # Errors
/// A module without function names, or that cannot be read.
pub fn lay_out(wasm: &[u8], profile: &Profile) -> Result<Vec<u8>, LayoutError> {
    let outline = Outline::of(wasm)?;
    let functions = &outline.functions;
    if functions.iter().all(|f| f.name.is_empty()) {
        return Err(LayoutError::NoNames);
    }
    let mut order: Vec<usize> = (0..functions.len()).collect();
    // Stable: the linker's order has callers near their callees.
    order.sort_by_key(|index| functions.get(*index).is_none_or(|f| !profile.runs(&f.name)));
    rewrite::reordered(wasm, &outline, &order, |f| profile.branches(&f.name, f.branches))
}

/// How many functions of `profile` are in the module with as many branches as they had.
///
/// # Errors
/// As [`lay_out`].
pub fn known(wasm: &[u8], profile: &Profile) -> Result<usize, LayoutError> {
    let functions = Outline::of(wasm)?.functions;
    let known: BTreeSet<_> = functions.iter().filter(|f| profile.has(&f.name, f.branches)).collect();
    Ok(known.len())
}

/// A function of a module, without its imports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Function {
    /// Demangled, without hashes; empty where the module does not say.
    name: String,
    /// Parameters of its type.
    parameters: u32,
    /// `br_if` and `if` in its body.
    branches: usize,
}

/// What of a module matters here.
#[derive(Clone, Debug)]
struct Outline {
    /// Those that it defines, in their order.
    functions: Vec<Function>,
    /// Functions that it imports: they come first in its numbering.
    imports: u32,
    /// Linear memory at start, 64 KiB pages.
    pages: u64,
}

fn is_branch(operator: &Operator<'_>) -> bool {
    matches!(operator, Operator::BrIf { .. } | Operator::If { .. })
}

impl Outline {
    fn of(wasm: &[u8]) -> Result<Self, LayoutError> {
        let (mut types, mut functions, mut names) = (Vec::new(), Vec::<Function>::new(), Vec::new());
        let (mut imports, mut pages, mut bodies) = (0, 0, 0);
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => {
                    for ty in section.into_iter_err_on_gc_types() {
                        types.push(u32::try_from(ty?.params().len()).unwrap_or(u32::MAX));
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        imports += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                    }
                }
                Payload::MemorySection(section) => {
                    for memory in section {
                        pages = memory?.initial;
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        let parameters = types.get(ty? as usize).copied().unwrap_or_default();
                        functions.push(Function { name: String::new(), parameters, branches: 0 });
                    }
                }
                Payload::CodeSectionEntry(body) => {
                    let mut operators = body.get_operators_reader()?;
                    let mut branches = 0;
                    while !operators.eof() {
                        branches += usize::from(is_branch(&operators.read()?));
                    }
                    if let Some(function) = functions.get_mut(bodies) {
                        function.branches = branches;
                    }
                    bodies += 1;
                }
                Payload::CustomSection(section) => {
                    let KnownCustom::Name(subsections) = section.as_known() else { continue };
                    for subsection in subsections {
                        let Name::Function(map) = subsection? else { continue };
                        for naming in map {
                            let naming = naming?;
                            names.push((naming.index, format!("{:#}", rustc_demangle::demangle(naming.name))));
                        }
                    }
                }
                _ => {}
            }
        }
        for (index, name) in names {
            let function = index.checked_sub(imports).and_then(|index| functions.get_mut(index as usize));
            if let Some(function) = function {
                function.name = name;
            }
        }
        Ok(Self { functions, imports, pages })
    }
}

#[cfg(test)]
mod tests;
