//! A namespace in which every port is free, every host name is ours, and nothing is reachable from outside.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

use anyhow::{Context, Result, bail, ensure};

use crate::certs::Authority;

/// Says that the process runs inside.
const INSIDE: &str = "GENOPS_MESH_INSIDE";
/// Where Istio's agent keeps modules, an absolute path in its source (`constants.IstioDataDir`).
const ISTIO_DATA: &str = "/var/lib/istio/data";
/// Where the shipped files look for a module that is mounted.
pub const MOUNTED_MODULE: &str = "/var/lib/genops/plugin.wasm";
/// Where systems keep the certificates that they trust, as Go and Istio's agent look for them.
const TRUSTED: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Hosts that the shipped files name. Providers on one address, the registry on another: both want port 443.
pub const PROVIDERS: [&str; 2] = ["api.openai.com", "api.anthropic.com"];
/// Address of the providers.
pub const PROVIDERS_ADDRESS: &str = "127.0.0.1";
/// The registry that the shipped files name.
pub const REGISTRY_HOST: &str = "registry.example.com";
/// Its address.
pub const REGISTRY_ADDRESS: &str = "127.0.0.2";
/// Host of the egress gateway's service.
pub const EGRESS_HOST: &str = "istio-egressgateway.istio-system.svc.cluster.local";

/// Runs this program again in a namespace, unless it is there already. To be called before any thread is started, and
/// after everything that needs the network. Inside it returns an authority that the namespace trusts.
///
/// # Errors
/// The machine does not allow it; the error says what to do.
pub fn enter() -> Result<Authority> {
    if env::var_os(INSIDE).is_none() {
        let arguments: Vec<OsString> = env::args_os().skip(1).collect();
        // A process namespace too: whatever happens to us, nothing that we started stays behind.
        let error = Command::new("unshare")
            .args(["--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--"])
            .arg(env::current_exe()?)
            .args(arguments)
            .env(INSIDE, "1")
            .exec();
        bail!("unshare (util-linux) cannot be started: {error}");
    }
    furnish().with_context(|| {
        "the mesh tests need a user namespace; where AppArmor forbids it (Ubuntu 24.04): \
         `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
    })
}

/// A directory of the tests, inside the namespace only.
fn place() -> PathBuf {
    PathBuf::from("/var/lib/genops")
}

fn furnish() -> Result<Authority> {
    loopback()?;
    run(Command::new("mount").args(["-t", "tmpfs", "none", "/var/lib"]))?;
    fs::create_dir_all(ISTIO_DATA)?;
    fs::create_dir_all(place())?;
    hosts()?;
    let authority = Authority::new()?;
    trust(&authority)?;
    fs::copy(genops_tools::wasm::build()?, MOUNTED_MODULE)?;
    Ok(authority)
}

/// Brings `lo` up. By Python, which is here anyway: `ip` is not everywhere.
fn loopback() -> Result<()> {
    // SIOCSIFFLAGS with IFF_UP | IFF_RUNNING (netdevice(7)).
    const SCRIPT: &str = "import fcntl, socket, struct; \
                          fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sH14s', b'lo', 0x41, b''))";
    run(Command::new("python3").args(["-c", SCRIPT]))
}

fn hosts() -> Result<()> {
    let mut text = String::from("127.0.0.1 localhost\n");
    for host in PROVIDERS {
        text += &format!("{PROVIDERS_ADDRESS} {host}\n");
    }
    text += &format!("{REGISTRY_ADDRESS} {REGISTRY_HOST}\n");
    let hosts = place().join("hosts");
    fs::write(&hosts, text)?;
    bind(&hosts, Path::new("/etc/hosts"))
}

/// Adds the authority to what the system trusts.
fn trust(authority: &Authority) -> Result<()> {
    let mut found = false;
    for (n, path) in TRUSTED.iter().map(Path::new).filter(|path| path.is_file()).enumerate() {
        // The first name that leads to a file is enough; others are often links to it.
        let real = fs::canonicalize(path)?;
        let bundle = place().join(format!("trusted-{n}.pem"));
        fs::write(&bundle, [fs::read(path)?, authority.certificate().as_bytes().to_vec()].concat())?;
        bind(&bundle, &real)?;
        found = true;
    }
    ensure!(found, "no list of trusted certificates; install ca-certificates");
    Ok(())
}

/// Puts the file `from` in place of `to`, in this namespace only.
fn bind(from: &Path, to: &Path) -> Result<()> {
    run(Command::new("mount").arg("--bind").args([from, to]))
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().map_err(|e| io::Error::other(format!("{command:?}: {e}")))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
