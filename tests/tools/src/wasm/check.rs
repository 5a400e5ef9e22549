//! What a module is made of, read with a parser that is not ours.

use std::{fs, path::Path};

use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use crate::ToolError;

/// Facts about a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Size of the file, bytes.
    pub bytes: u64,
    /// Whether any function uses 128-bit SIMD.
    pub simd: bool,
    /// Linear memory at start, 64 KiB pages.
    pub initial_pages: u64,
    /// Names it imports, as `module.name`.
    pub imports: Vec<String>,
    /// Names it exports.
    pub exports: Vec<String>,
}

/// Reads and validates the module at `path`.
///
/// # Errors
/// The file cannot be read, or is no valid module.
pub fn inspect(path: &Path) -> Result<Module, ToolError> {
    let wasm = fs::read(path).map_err(ToolError::io("read", path))?;
    read(&wasm).map_err(|e| ToolError::BadModule { path: path.to_path_buf(), reason: e.to_string() })
}

fn read(wasm: &[u8]) -> wasmparser::Result<Module> {
    Validator::new_with_features(WasmFeatures::default()).validate_all(wasm)?;
    let bytes = u64::try_from(wasm.len()).unwrap_or(u64::MAX);
    let mut module =
        Module { bytes, simd: uses_simd(wasm), initial_pages: 0, imports: Vec::new(), exports: Vec::new() };
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    module.imports.push(format!("{}.{}", import.module, import.name));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    module.exports.push(export?.name.to_owned());
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    module.initial_pages = module.initial_pages.saturating_add(memory?.initial);
                }
            }
            _ => {}
        }
    }
    Ok(module)
}

/// A valid module that is invalid where 128-bit SIMD is not allowed must use it. There is no list of opcodes here
/// that a new one could be missing from.
fn uses_simd(valid: &[u8]) -> bool {
    let without = WasmFeatures::default() - WasmFeatures::SIMD - WasmFeatures::RELAXED_SIMD;
    Validator::new_with_features(without).validate_all(valid).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(module (func (result i32) BODY drop/extract))`, by hand: 8 bytes of header, type, function and code section.
    fn module(body: &[u8]) -> Vec<u8> {
        let length = |n: usize| u8::try_from(n).expect("a small section");
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        wasm.extend([1, 5, 1, 0x60, 0, 1, 0x7f]); // type 0: () -> i32
        wasm.extend([3, 2, 1, 0]); // function 0: type 0
        wasm.extend([10, length(body.len() + 4), 1, length(body.len() + 2), 0]);
        wasm.extend(body);
        wasm.push(0x0b);
        wasm
    }

    #[test]
    fn simd_is_seen_where_it_is_and_only_there() {
        let plain = module(&[0x41, 7]); // i32.const 7
        let mut simd = vec![0xfd, 0x0c]; // v128.const
        simd.extend([0; 16]);
        simd.extend([0xfd, 0x53]); // v128.any_true
        assert!(!read(&plain).expect("valid").simd);
        assert!(read(&module(&simd)).expect("valid").simd);
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(read(b"<html>").is_err());
        assert!(read(&module(&[0x42, 7])).is_err(), "an i64 where the type says i32");
    }
}
