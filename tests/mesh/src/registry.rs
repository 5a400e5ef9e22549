//! A real container registry.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use anyhow::Result;
use genops_tools::tool::Tool;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::certs::Identity;
use crate::process::Process;

/// How a registry is run.
#[derive(Default)]
pub struct Options<'a> {
    /// Address; a free port of loopback where none is given.
    pub address: Option<&'a str>,
    /// Speaks TLS as this.
    pub tls: Option<&'a Identity>,
    /// Wants one of these: the text of an htpasswd file with bcrypt.
    pub htpasswd: Option<&'a str>,
}

/// A running registry, empty at the start; it ends when dropped.
pub struct Registry {
    _process: Process,
    _directory: TempDir,
    address: String,
}

impl Registry {
    /// Starts one.
    ///
    /// # Errors
    /// It cannot be had, or does not listen.
    pub async fn start(options: Options<'_>) -> Result<Self> {
        let directory = TempDir::with_prefix("genops-registry-")?;
        let at = |name: &str| directory.path().join(name);
        let address = match options.address {
            Some(address) => address.to_owned(),
            None => TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.to_string(),
        };
        let mut config = json!({
            "version": "0.1",
            "log": {"level": "warn", "accesslog": {"disabled": true}},
            "storage": {"filesystem": {"rootdirectory": at("storage")}},
            "http": {"addr": address},
        });
        let mut add = |key: &str, value: Value| {
            if let Some(map) = config.pointer_mut(key).and_then(Value::as_object_mut) {
                map.extend(value.as_object().cloned().unwrap_or_default());
            }
        };
        if let Some(identity) = options.tls {
            fs::write(at("tls.crt"), &identity.certificate)?;
            fs::write(at("tls.key"), &identity.key)?;
            add("/http", json!({"tls": {"certificate": at("tls.crt"), "key": at("tls.key")}}));
        }
        if let Some(users) = options.htpasswd {
            fs::write(at("htpasswd"), users)?;
            add("", json!({"auth": {"htpasswd": {"realm": "tests", "path": at("htpasswd")}}}));
        }
        // JSON is YAML.
        fs::write(at("config.yml"), config.to_string())?;
        let mut command = Command::new(Tool::Registry.resolve()?.path);
        command
            .arg("serve")
            .arg(at("config.yml"))
            .env_remove("OTEL_TRACES_EXPORTER")
            .env("OTEL_TRACES_EXPORTER", "none");
        let mut process = Process::start("registry", directory.path(), &mut command)?;
        process.until("a connection", async |_| TcpStream::connect(&address).await.ok()).await?;
        Ok(Self { _process: process, _directory: directory, address })
    }

    /// `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }
}
