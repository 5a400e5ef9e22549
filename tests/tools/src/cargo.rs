//! Cargo, without what the environment would change about the outcome.

use std::{env, ffi::OsString, process::Command};

/// Variables that would change a build's flags or its place: the first group drops or replaces the `rustflags` of
/// `.cargo/config.toml` (and `simd128` with them), the second would put the result elsewhere or in another shape.
const CLEARED: &[&str] = &[
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS",
    "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_TARGET",
    "CARGO_UNSTABLE_BUILD_STD",
    "RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
];

/// Prefix of the variables that override a profile's settings.
const PROFILE_VARIABLES: &str = "CARGO_PROFILE_";

/// What to do where there is no cargo.
pub(crate) const REMEDY: &str = "install Rust, see the README";

/// The cargo that runs us, else the one on `PATH`.
pub(crate) fn program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// A command of cargo's.
pub(crate) fn command() -> Command {
    clean(Command::new(program()))
}

/// `command`, which is cargo or starts it, without those variables.
pub(crate) fn clean(mut command: Command) -> Command {
    for variable in CLEARED {
        command.env_remove(variable);
    }
    for (name, _) in env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with(PROFILE_VARIABLES)) {
        command.env_remove(name);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_would_drop_simd_or_move_the_module_are_cleared() {
        let command = command();
        let cleared: Vec<_> = command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET"] {
            assert!(cleared.iter().any(|c| *c == name), "{name}");
        }
    }
}
