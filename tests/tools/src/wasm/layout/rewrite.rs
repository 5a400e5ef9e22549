//! Writing a module again, with its functions in another order or with counters.

use std::ops::Range;

use wasm_encoder::{
    BranchHint, BranchHints, CodeSection, Function as Body, FunctionSection, Instruction, MemArg, MemorySection,
    Module, SectionId, ValType,
    reencode::{Error, Reencode, utils},
};
use wasmparser::{CodeSectionReader, FunctionSectionReader, KnownCustom, MemorySectionReader, Parser};

use super::{Function, LayoutError, Outline, counted::counters, is_branch, profile::Branch};

/// Bytes of a page of linear memory.
const PAGE: u64 = 1 << 16;

/// What the reencoder says; it adds no errors of its own.
type Written<T> = Result<T, Error>;

/// `wasm` with its functions in `order`, hinted as `branches` says, and without names.
pub(super) fn reordered<'p>(
    wasm: &[u8],
    outline: &Outline,
    order: &[usize],
    branches: impl Fn(&Function) -> &'p [Branch],
) -> Result<Vec<u8>, LayoutError> {
    let mut rewrite = Rewrite::new(outline, order);
    rewrite.branches = outline.functions.iter().map(branches).collect();
    // Hints name offsets in the code that is being written, and stand before it.
    rewrite.module(wasm)?;
    rewrite.hint = true;
    rewrite.module(wasm)
}

/// `wasm` with counters, and where they stand in linear memory.
pub(super) fn counting(wasm: &[u8], outline: &Outline) -> Result<(Vec<u8>, Range<usize>), LayoutError> {
    let order: Vec<usize> = (0..outline.functions.len()).collect();
    let mut rewrite = Rewrite::new(outline, &order);
    let begin = outline.pages.saturating_mul(PAGE);
    let bytes = outline.functions.iter().map(|f| u64::from(counters(f)).saturating_mul(4)).sum();
    // What lies behind the memory that a module asks for is never touched by its allocator, which asks for more.
    rewrite.counters = Some(Counters { begin, pages: u64::div_ceil(bytes, PAGE) });
    let address = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    Ok((rewrite.module(wasm)?, address(begin)..address(begin.saturating_add(bytes))))
}

#[derive(Clone, Copy)]
struct Counters {
    /// Address of the first.
    begin: u64,
    /// Pages that they take.
    pages: u64,
}

struct Rewrite<'a> {
    functions: &'a [Function],
    /// Old index of each function, in the new order.
    order: &'a [usize],
    /// New index of each, in the old order.
    places: Vec<u32>,
    imports: u32,
    branches: Vec<&'a [Branch]>,
    counters: Option<Counters>,
    /// Whether to write the hints that the last time found.
    hint: bool,
    hints: Vec<(u32, Vec<BranchHint>)>,
}

impl<'a> Rewrite<'a> {
    fn new(outline: &'a Outline, order: &'a [usize]) -> Self {
        let Outline { functions, imports, .. } = outline;
        let mut places = vec![0; functions.len()];
        for (place, old) in (0_u32..).zip(order) {
            if let Some(slot) = places.get_mut(*old) {
                *slot = place;
            }
        }
        let (branches, hints) = (Vec::new(), Vec::new());
        Self { functions, order, places, imports: *imports, branches, counters: None, hint: false, hints }
    }

    fn module(&mut self, wasm: &[u8]) -> Result<Vec<u8>, LayoutError> {
        let mut module = Module::new();
        self.parse_core_module(&mut module, Parser::new(0), wasm)?;
        Ok(module.finish())
    }

    /// The index of a function that the module defines.
    fn place(&self, old: usize) -> u32 {
        self.places.get(old).map_or(u32::MAX, |place| self.imports.saturating_add(*place))
    }

    /// Adds one to the counter at `address`, or the truth of the local `condition`.
    fn count(body: &mut Body, address: u32, condition: Option<u32>) {
        let memory = MemArg { offset: 0, align: 2, memory_index: 0 };
        let address = Instruction::I32Const(address.cast_signed());
        body.instruction(&address).instruction(&address).instruction(&Instruction::I32Load(memory));
        match condition {
            None => body.instruction(&Instruction::I32Const(1)),
            Some(local) => body.instruction(&Instruction::LocalGet(local)).instruction(&Instruction::I32Const(0)),
        };
        if condition.is_some() {
            body.instruction(&Instruction::I32Ne);
        }
        body.instruction(&Instruction::I32Add).instruction(&Instruction::I32Store(memory));
    }

    fn body(&mut self, old: usize, from: &wasmparser::FunctionBody<'_>, counter: Option<u32>) -> Written<Body> {
        let (mut locals, mut next) = (Vec::new(), self.functions.get(old).map_or(0, |f| f.parameters));
        for local in from.get_locals_reader()? {
            let (count, ty) = local?;
            next = next.saturating_add(count);
            locals.push((count, self.val_type(ty)?));
        }
        if counter.is_some() {
            locals.push((1, ValType::I32));
        }
        let mut body = Body::new(locals);
        if let Some(address) = counter {
            Self::count(&mut body, address, None);
        }
        let known = self.branches.get(old).copied().unwrap_or_default();
        let (mut branch, mut hints) = (0_u32, Vec::new());
        let mut operators = from.get_operators_reader()?;
        while !operators.eof() {
            if is_branch(&operators.clone().read()?) {
                if let Some(first) = counter {
                    let address = first.saturating_add(4).saturating_add(branch.saturating_mul(8));
                    body.instruction(&Instruction::LocalSet(next));
                    Self::count(&mut body, address, None);
                    Self::count(&mut body, address.saturating_add(4), Some(next));
                    body.instruction(&Instruction::LocalGet(next));
                }
                let taken = match known.get(branch as usize) {
                    Some(Branch::Never) => Some(0),
                    Some(Branch::Always) => Some(1),
                    Some(Branch::Open) | None => None,
                };
                if let Some(branch_hint_value) = taken {
                    let branch_func_offset = u32::try_from(body.byte_len()).unwrap_or(u32::MAX);
                    hints.push(BranchHint { branch_func_offset, branch_hint_value });
                }
                branch = branch.saturating_add(1);
            }
            let instruction = self.parse_instruction(&mut operators)?;
            body.instruction(&instruction);
        }
        if !hints.is_empty() {
            self.hints.push((self.place(old), hints));
        }
        Ok(body)
    }
}

impl Reencode for Rewrite<'_> {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, index: u32) -> Written<u32> {
        Ok(index.checked_sub(self.imports).map_or(index, |old| self.place(old as usize)))
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Written<()> {
        let types: Vec<u32> = section.into_iter().collect::<Result<_, _>>()?;
        for old in self.order {
            if let Some(ty) = types.get(*old) {
                functions.function(self.type_index(*ty)?);
            }
        }
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, section: CodeSectionReader<'_>) -> Written<()> {
        let bodies: Vec<_> = section.into_iter().collect::<Result<_, _>>()?;
        self.hints.clear();
        let mut counter = self.counters.map(|c| u32::try_from(c.begin).unwrap_or(u32::MAX));
        for old in self.order {
            if let Some(body) = bodies.get(*old) {
                code.function(&self.body(*old, body, counter)?);
            }
            let used = self.functions.get(*old).map_or(0, counters).saturating_mul(4);
            counter = counter.map(|address| address.saturating_add(used));
        }
        Ok(())
    }

    fn parse_memory_section(&mut self, memories: &mut MemorySection, section: MemorySectionReader<'_>) -> Written<()> {
        for memory in section {
            let mut memory = memory?;
            memory.initial = memory.initial.saturating_add(self.counters.map_or(0, |c| c.pages));
            memories.memory(self.memory_type(memory)?);
        }
        Ok(())
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _after: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Written<()> {
        if self.hint && before == Some(SectionId::Code) && !self.hints.is_empty() {
            let mut section = BranchHints::new();
            for (function, hints) in &self.hints {
                section.function_hints(*function, hints.iter().copied());
            }
            module.section(&section);
        }
        Ok(())
    }

    /// Names are half a megabyte that nobody reads in a gateway.
    fn parse_custom_section(
        &mut self,
        module: &mut Module,
        section: wasmparser::CustomSectionReader<'_>,
    ) -> Written<()> {
        match section.as_known() {
            KnownCustom::Name(_) => Ok(()),
            _ => utils::parse_custom_section(self, module, section),
        }
    }
}
