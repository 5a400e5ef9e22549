use wasmparser::{ExternalKind, Validator};

use super::*;

/// Three functions: `error` and `rare` never run, `answer` does and takes neither of its first two branches.
const MODULE: &str = r#"(module
    (import "env" "log" (func $log (param i32)))
    (memory (export "memory") 2)
    (table 1 funcref)
    (elem (i32.const 0) $rare)
    (func $error (param i32) (call $log (local.get 0)))
    (func $rare (result i32) (i32.const 7))
    (func $answer (export "answer") (param i32) (result i32) (local i64)
        (block (br_if 0 (i32.eqz (local.get 0))))
        (if (i32.lt_s (local.get 0) (i32.const 0)) (then (call $error (local.get 0))))
        (loop (br_if 0 (i32.const 0)))
        (i32.const 42))
    (data (i32.const 8) "unchanged"))"#;

fn module() -> Vec<u8> {
    wat::parse_str(MODULE).expect("WebAssembly text")
}

/// Bodies in their order, as what their last constant is.
fn bodies(wasm: &[u8]) -> Vec<Option<i32>> {
    Validator::new().validate_all(wasm).expect("valid");
    let payloads = Parser::new(0).parse_all(wasm).map(|payload| payload.expect("readable"));
    payloads
        .filter_map(|payload| match payload {
            Payload::CodeSectionEntry(body) => {
                let operators = body.get_operators_reader().expect("operators").into_iter();
                let constants = operators.filter_map(|operator| match operator.expect("an operator") {
                    Operator::I32Const { value } => Some(value),
                    _ => None,
                });
                Some(constants.last())
            }
            _ => None,
        })
        .collect()
}

/// Function and, per hint, the operator that it stands at and what it says.
fn hints(wasm: &[u8]) -> Vec<(u32, Vec<(u8, bool)>)> {
    let (mut found, mut starts) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.expect("readable") {
            Payload::CustomSection(section) => {
                if let KnownCustom::BranchHints(functions) = section.as_known() {
                    for function in functions {
                        let function = function.expect("hints of a function");
                        let of = function.hints.into_iter().map(|h| h.expect("a hint"));
                        found.push((function.func, of.map(|h| (h.func_offset, h.taken)).collect::<Vec<_>>()));
                    }
                }
            }
            Payload::CodeSectionEntry(body) => starts.push(body.range().start),
            _ => {}
        }
    }
    let operator = |function: u32, offset: u32| wasm[starts[function as usize - 1] + offset as usize];
    let at = |(function, hints): (u32, Vec<(u32, bool)>)| {
        (function, hints.into_iter().map(|(offset, taken)| (operator(function, offset), taken)).collect())
    };
    found.into_iter().map(at).collect()
}

#[test]
fn what_runs_comes_first_and_its_one_sided_branches_are_hinted() {
    let (br_if, r#if) = (0x0d, 0x04);
    let profile = Profile::parse("# for the reader\n-+. answer\n").expect("a profile");
    let laid_out = lay_out(&module(), &profile).expect("laid out");
    assert_eq!(bodies(&module()), [None, Some(7), Some(42)]);
    assert_eq!(bodies(&laid_out), [Some(42), None, Some(7)]);
    // The import is function 0.
    assert_eq!(hints(&laid_out), [(1, vec![(br_if, false), (r#if, true)])]);
    // Whoever named a function by its number still means the same one.
    for payload in Parser::new(0).parse_all(&laid_out) {
        match payload.expect("readable") {
            Payload::ExportSection(exports) => {
                let functions = exports.into_iter().map(|e| e.expect("an export"));
                let answer = functions.filter(|e| e.kind == ExternalKind::Func).map(|e| e.index).collect::<Vec<_>>();
                assert_eq!(answer, [1]);
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    let wasmparser::ElementItems::Functions(items) = element.expect("an element").items else {
                        panic!("functions by number");
                    };
                    assert_eq!(items.into_iter().map(|i| i.expect("a number")).collect::<Vec<_>>(), [3]);
                }
            }
            _ => {}
        }
    }
    let named = Outline::of(&laid_out).expect("readable").functions.into_iter().any(|f| !f.name.is_empty());
    assert!(!named && laid_out.windows(9).any(|w| w == b"unchanged"));
}

#[test]
fn a_profile_of_another_module_changes_no_branch() {
    // As many branches as nothing here has, and a function that is gone.
    let profile = Profile::parse("-- answer\n+ gone\n").expect("a profile");
    let laid_out = lay_out(&module(), &profile).expect("laid out");
    assert_eq!((bodies(&laid_out), hints(&laid_out)), (vec![Some(42), None, Some(7)], vec![]));
}

#[test]
fn counts_become_a_profile_and_its_text_is_read_back() {
    let counted = Counted::new(&module()).expect("counted");
    Validator::new().validate_all(&counted.wasm).expect("valid");
    // Behind the two pages that the module asked for: runs of each function, then of `answer` three branches by two.
    assert_eq!(counted.memory(), 2 * 65536..2 * 65536 + 4 * (1 + 1 + 7));
    let words = |words: [u32; 9]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    // `rare` ran before; a count may pass the end of its range.
    let before = words([0, 5, u32::MAX, 0, 0, 3, 3, 0, 0]);
    let after = words([0, 5, 9, 10, 0, 13, 13, 4, 1]);
    let profile = counted.profile(&before, &after);
    assert_eq!(profile.to_string(), "-+. answer\n");
    assert_eq!(Profile::parse(&profile.to_string()).expect("its own text"), profile);
}

#[test]
fn two_of_one_name_are_told_apart_by_their_branches_or_stay_open() {
    let profile = Profile::parse("-+ twice\n-- twice\n= twice\n").expect("a profile");
    assert_eq!(profile.to_string(), "= twice\n-. twice\n");
    assert_eq!((profile.len(), profile.branches("twice", 1).len()), (2, 0));
}

#[test]
fn what_is_no_profile_and_what_has_no_names_is_told() {
    let error = Profile::parse("# a\n- a\n-x b\n").expect_err("no such sign").to_string();
    assert!(error.contains("line 3") && error.contains("cargo xtask layout"), "{error}");
    assert!(Profile::parse("name-only\n").is_err());
    let profile = Profile::parse("- a\n").expect("a profile");
    let nameless = lay_out(&module(), &profile).expect("its names are taken");
    assert!(matches!(lay_out(&nameless, &profile), Err(LayoutError::NoNames)));
    assert!(matches!(lay_out(b"\0asm", &profile), Err(LayoutError::Module(_))));
}

#[test]
fn what_is_known_has_name_and_branches_of_the_profile() {
    let profile = Profile::parse("-+. answer\n+ rare\n= error\n= gone\n").expect("a profile");
    assert_eq!(known(&module(), &profile).expect("readable"), 2);
}
