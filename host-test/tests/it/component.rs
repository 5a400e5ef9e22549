//! Components that are none of ours.

use genops_host::component::Meter;
use genops_host::{Clock, HostError};

fn refusal(text: &str) -> HostError {
    let wasm = wat::parse_str(text).expect("valid text");
    match Meter::open(&wasm, "{}", Clock::new(0, 0)) {
        Ok(_) => panic!("{text} is taken for a meter"),
        Err(error) => error,
    }
}

#[test]
fn a_module_is_no_component() {
    assert!(matches!(refusal("(module)"), HostError::BadModule(_)));
}

#[test]
fn a_component_of_another_world_is_refused_by_what_it_lacks() {
    let text = refusal("(component)").to_string();
    assert!(text.contains("genops:meter/metering"), "{text}");
}
