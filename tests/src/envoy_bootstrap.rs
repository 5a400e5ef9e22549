//! The shipped `envoy/envoy.yaml`, changed only where a test must: ports, upstream, module. What is tested is what users
//! load.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use genops_tools::workspace_root;
use serde_json::{Value, json};

/// Envoy's name for the listener resource, as a discovery file must give it.
const LISTENER_TYPE: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";

/// Places in the shipped file.
const ADMIN_PORT: &str = "/admin/address/socket_address/port_value";
const LISTENER: &str = "/static_resources/listeners/0";
const METRICS: &str = "/static_resources/listeners/1";
const LISTENER_PORT: &str = "/address/socket_address/port_value";
const CLUSTER: &str = "/static_resources/clusters/0";
const MANAGER: &str = "/filter_chains/0/filters/0/typed_config";
const FILTER: &str = "/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config";
const METRICS_MODULE: &str =
    "/filter_chains/0/filters/0/typed_config/http_filters/1/typed_config/config/vm_config/code/local/filename";
const HTTP_FILTERS: &str = "/filter_chains/0/filters/0/typed_config/http_filters";
const ROUTES: &str = "/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes";
const ROUTE: &str = "/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes/0/route";

/// A listener as the shipped bootstrap has it.
#[derive(Clone, Debug)]
pub struct Listener(Value);

/// A whole bootstrap.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    document: Value,
    /// The listener, patched apart from the rest: it goes in statically or through a discovery file.
    pub listener: Listener,
}

/// The bootstrap that the README begins with.
const SHIPPED: &str = "envoy/envoy.yaml";

fn document(path: &str) -> Result<Value> {
    yaml(&std::fs::read_to_string(workspace_root().join(path)).with_context(|| path.to_owned())?)
}

/// The listener exactly as shipped.
///
/// # Errors
/// The file cannot be read or has none.
pub fn shipped_listener() -> Result<Value> {
    Ok(place(&mut document(SHIPPED)?, LISTENER)?.clone())
}

/// Reads any YAML as JSON.
///
/// # Errors
/// It is no YAML.
pub fn yaml(text: &str) -> Result<Value> {
    serde_saphyr::from_str(text).context("YAML")
}

impl Bootstrap {
    /// The shipped one with ephemeral ports, the module at `wasm` and its cluster pointing at `upstream`.
    ///
    /// # Errors
    /// The file has not got the shape that users rely on.
    pub fn shipped(wasm: &Path, upstream: SocketAddr) -> Result<Self> {
        Self::of(SHIPPED, wasm, upstream)
    }

    /// The same of another shipped file, by its path from the root; it may lack the listener of the scrape.
    ///
    /// # Errors
    /// As [`Bootstrap::shipped`].
    pub fn of(path: &str, wasm: &Path, upstream: SocketAddr) -> Result<Self> {
        Self::from_document(document(path)?, wasm, upstream)
    }

    /// The same of a bootstrap in the shipped one's shape.
    ///
    /// # Errors
    /// It has another shape.
    pub fn from_document(mut document: Value, wasm: &Path, upstream: SocketAddr) -> Result<Self> {
        *place(&mut document, ADMIN_PORT)? = json!(0);
        let cluster = place(&mut document, CLUSTER)?.as_object_mut().context("a cluster")?;
        cluster.remove("transport_socket").context("the shipped cluster speaks TLS")?;
        cluster.remove("dns_lookup_family");
        cluster.insert("type".to_owned(), json!("STATIC"));
        let address = json!({"address": upstream.ip().to_string(), "port_value": upstream.port()});
        let endpoint = json!({"endpoint": {"address": {"socket_address": address}}});
        *place(&mut document, "/static_resources/clusters/0/load_assignment/endpoints/0/lb_endpoints/0")? = endpoint;
        let mut listener = Listener(place(&mut document, LISTENER)?.clone());
        *place(&mut listener.0, LISTENER_PORT)? = json!(0);
        listener.module(wasm)?;
        if let Some(metrics) = document.pointer_mut(METRICS) {
            *place(metrics, LISTENER_PORT)? = json!(0);
            *place(metrics, METRICS_MODULE)? = json!(wasm);
        }
        Ok(Self { document, listener })
    }

    /// Puts a value in place of the one at a JSON pointer, outside of the listener.
    ///
    /// # Errors
    /// There is none.
    pub fn set(&mut self, pointer: &str, value: Value) -> Result<()> {
        *place(&mut self.document, pointer)? = value;
        Ok(())
    }

    /// The tag rules.
    ///
    /// # Errors
    /// The document has none.
    pub fn stats_tags(&self) -> Result<&Value> {
        self.document.pointer("/stats_config/stats_tags").context("stats_tags")
    }

    /// Puts other tag rules in place of the shipped ones.
    ///
    /// # Errors
    /// The document has none.
    pub fn declare(&mut self, stats_tags: Value) -> Result<()> {
        *place(&mut self.document, "/stats_config/stats_tags")? = stats_tags;
        Ok(())
    }

    /// Sets the node's metadata, as the mesh's agent does.
    ///
    /// # Errors
    /// The document is no map.
    pub fn node_metadata(&mut self, metadata: &Value) -> Result<()> {
        let root = self.document.as_object_mut().context("a map")?;
        root.insert("node".to_owned(), json!({"metadata": metadata}));
        Ok(())
    }

    /// Declares other tags.
    ///
    /// # Errors
    /// The document has no statistics configuration.
    pub fn declare_tags(&mut self, tags: Value) -> Result<()> {
        *place(&mut self.document, "/stats_config/stats_tags")? = tags;
        Ok(())
    }

    /// Adds a cluster: the first one under another name, changed by `change`.
    ///
    /// # Errors
    /// The document has none, or `change` fails.
    pub fn add_cluster(&mut self, name: &str, change: impl FnOnce(&mut Value) -> Result<()>) -> Result<()> {
        let mut cluster = place(&mut self.document, CLUSTER)?.clone();
        for pointer in ["/name", "/load_assignment/cluster_name"] {
            *place(&mut cluster, pointer)? = json!(name);
        }
        change(&mut cluster)?;
        let all = place(&mut self.document, "/static_resources/clusters")?;
        all.as_array_mut().context("clusters")?.push(cluster);
        Ok(())
    }

    /// The document with the listener in it.
    pub(crate) fn with_static_listener(&self) -> Result<String> {
        let mut document = self.document.clone();
        *place(&mut document, LISTENER)? = self.listener.0.clone();
        Ok(document.to_string())
    }

    /// The document that finds its listener in `directory/listeners.json` and looks again when a file moves in there. That is
    /// the only one: a second would keep what an update must keep by itself.
    pub(crate) fn with_live_listener(&self, directory: &Path) -> Result<String> {
        let mut document = self.document.clone();
        place(&mut document, "/static_resources")?.as_object_mut().context("a map")?.remove("listeners");
        let source = json!({
            "resource_api_version": "V3",
            "path_config_source": {
                "path": directory.join(Listener::FILE),
                "watched_directory": {"path": directory},
            },
        });
        let root = document.as_object_mut().context("a map")?;
        root.insert("dynamic_resources".to_owned(), json!({"lds_config": source}));
        Ok(document.to_string())
    }
}

impl Listener {
    /// Name of the discovery file.
    pub(crate) const FILE: &str = "listeners.json";

    /// The discovery file that holds this listener.
    pub(crate) fn discovery(&self, version: usize) -> Result<String> {
        let mut resource = self.0.clone();
        resource.as_object_mut().context("a map")?.insert("@type".to_owned(), json!(LISTENER_TYPE));
        Ok(json!({"version_info": version.to_string(), "resources": [resource]}).to_string())
    }

    /// The plugin's configuration: JSON text.
    ///
    /// # Errors
    /// The listener has no such filter.
    pub fn configuration(&self) -> Result<&str> {
        let place = self.0.pointer(FILTER).and_then(|f| f.pointer("/configuration/value"));
        place.and_then(Value::as_str).context("a configuration text")
    }

    /// Gives the plugin another configuration.
    ///
    /// # Errors
    /// The listener has no such filter.
    pub fn configure(&mut self, configuration: &str) -> Result<()> {
        *place(&mut self.0, &format!("{FILTER}/configuration/value"))? = json!(configuration);
        Ok(())
    }

    /// Runs another module.
    ///
    /// # Errors
    /// The listener has no such filter.
    pub fn module(&mut self, wasm: &Path) -> Result<()> {
        *place(&mut self.0, &format!("{FILTER}/vm_config/code/local/filename"))? = json!(wasm);
        Ok(())
    }

    /// Sets an environment variable of the VM.
    ///
    /// # Errors
    /// The listener has no such filter.
    pub fn environment(&mut self, name: &str, value: &str) -> Result<()> {
        let vm = place(&mut self.0, &format!("{FILTER}/vm_config"))?.as_object_mut().context("a map")?;
        vm.insert("environment_variables".to_owned(), json!({"key_values": {name: value}}));
        Ok(())
    }

    /// Lets the filter hold a request's headers until its body is there.
    ///
    /// # Errors
    /// The listener has no such filter.
    pub fn allow_on_headers_stop_iteration(&mut self) -> Result<()> {
        let filter = place(&mut self.0, FILTER)?.as_object_mut().context("a map")?;
        filter.insert("allow_on_headers_stop_iteration".to_owned(), json!(true));
        Ok(())
    }

    /// Puts Envoy's buffer filter behind the filter, for requests of up to so many bytes.
    ///
    /// # Errors
    /// The listener has no list of filters.
    pub fn buffer_behind(&mut self, most: u32) -> Result<()> {
        let kind = "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer";
        let buffer = json!({
            "name": "envoy.filters.http.buffer",
            "typed_config": {"@type": kind, "max_request_bytes": most},
        });
        place(&mut self.0, HTTP_FILTERS)?.as_array_mut().context("a list")?.insert(1, buffer);
        Ok(())
    }

    /// Puts another HTTP filter before all others. Comes last: the other changes look for the filter at its place.
    ///
    /// # Errors
    /// The listener has no list of filters.
    pub fn filter_before(&mut self, filter: Value) -> Result<()> {
        place(&mut self.0, HTTP_FILTERS)?.as_array_mut().context("a list")?.insert(0, filter);
        Ok(())
    }

    /// Accepts connections through a transport socket, such as TLS.
    ///
    /// # Errors
    /// The listener has no filter chain.
    pub fn transport_socket(&mut self, socket: Value) -> Result<()> {
        let chain = place(&mut self.0, "/filter_chains/0")?.as_object_mut().context("a map")?;
        chain.insert("transport_socket".to_owned(), socket);
        Ok(())
    }

    /// Puts other routes in place of the shipped one.
    ///
    /// # Errors
    /// The listener has no routes.
    pub fn routes(&mut self, routes: Value) -> Result<()> {
        *place(&mut self.0, ROUTES)? = routes;
        Ok(())
    }

    /// Sets the route's timeout, as Envoy writes durations (`0.3s`).
    ///
    /// # Errors
    /// The listener has no such route.
    pub fn route_timeout(&mut self, timeout: &str) -> Result<()> {
        *place(&mut self.0, &format!("{ROUTE}/timeout"))? = json!(timeout);
        Ok(())
    }

    /// Sets how long the connection manager waits for a silent stream.
    ///
    /// # Errors
    /// The listener has no connection manager.
    pub fn stream_idle_timeout(&mut self, timeout: &str) -> Result<()> {
        let manager = place(&mut self.0, MANAGER)?.as_object_mut().context("a map")?;
        manager.insert("stream_idle_timeout".to_owned(), json!(timeout));
        Ok(())
    }
}

fn place<'a>(document: &'a mut Value, pointer: &str) -> Result<&'a mut Value> {
    document.pointer_mut(pointer).with_context(|| format!("envoy.yaml has no {pointer}"))
}
