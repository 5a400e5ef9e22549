//! Just enough of a Kubernetes API for istiod to read: it lists, gets and watches what a test has put there, and refuses
//! every write.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Resources of Kubernetes itself that istiod reads; those of custom kinds stand in their definitions.
const PLURALS: [(&str, &str, &str); 8] = [
    ("", "Pod", "pods"),
    ("", "Service", "services"),
    ("", "Secret", "secrets"),
    ("", "ConfigMap", "configmaps"),
    ("", "Namespace", "namespaces"),
    ("", "Node", "nodes"),
    ("discovery.k8s.io", "EndpointSlice", "endpointslices"),
    ("networking.k8s.io", "Ingress", "ingresses"),
];

/// Where an object stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    group: String,
    plural: String,
    namespace: String,
    name: String,
}

#[derive(Clone)]
struct Event {
    version: u64,
    kind: &'static str,
    key: Key,
    object: Value,
}

struct State {
    version: u64,
    objects: BTreeMap<Key, Value>,
    events: Vec<Event>,
    plurals: BTreeMap<(String, String), String>,
    definitions: Vec<Value>,
}

/// A running API; it stops when dropped.
pub struct Cluster {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
    address: SocketAddr,
    accepting: AbortHandle,
}

impl Cluster {
    /// Listens on a free port of loopback and knows the kinds of the resource definitions in the files.
    ///
    /// # Errors
    /// There is no port, or a file has no definitions.
    pub async fn start(definitions: &[&Path]) -> Result<Self> {
        let mut state = State {
            version: 1,
            objects: BTreeMap::new(),
            events: Vec::new(),
            plurals: PLURALS.iter().map(|(g, k, p)| (((*g).to_owned(), (*k).to_owned()), (*p).to_owned())).collect(),
            definitions: Vec::new(),
        };
        for file in definitions {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            for definition in documents(&text)? {
                state.define(&definition).with_context(|| file.display().to_string())?;
            }
        }
        let state = Arc::new(Mutex::new(state));
        let changed = watch::Sender::new(1);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let api = Api { state: Arc::clone(&state), changed: changed.clone() };
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let api = api.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        let api = api.clone();
                        async move { Ok::<_, Infallible>(api.answer(&request)) }
                    });
                    let _ended = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Ok(Self { state, changed, address, accepting: accepting.abort_handle() })
    }

    /// A kubeconfig that leads here.
    pub fn kubeconfig(&self) -> String {
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": {"server": format!("http://{}", self.address)}}],
            "users": [{"name": "tests", "user": {}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
            "current-context": "tests",
        })
        .to_string()
    }

    /// Adds the objects of a YAML text, or puts them in place of those of the same name.
    ///
    /// # Errors
    /// It is no YAML, or has a kind that nothing defines.
    pub fn apply(&self, text: &str) -> Result<()> {
        for object in documents(text)? {
            self.apply_object(object)?;
        }
        Ok(())
    }

    /// As [`Cluster::apply`], with one object.
    ///
    /// # Errors
    /// It has a kind that nothing defines.
    pub fn apply_object(&self, mut object: Value) -> Result<()> {
        let mut state = lock(&self.state);
        let key = state.key(&object)?;
        state.version += 1;
        let version = state.version;
        let metadata = object.get_mut("metadata").and_then(Value::as_object_mut).context("metadata")?;
        metadata.insert("resourceVersion".to_owned(), json!(version.to_string()));
        metadata.insert("uid".to_owned(), json!(format!("{}/{}/{}", key.plural, key.namespace, key.name)));
        metadata.insert("creationTimestamp".to_owned(), json!("2026-01-01T00:00:00Z"));
        let kind = if state.objects.insert(key.clone(), object.clone()).is_some() { "MODIFIED" } else { "ADDED" };
        state.events.push(Event { version, kind, key, object });
        self.changed.send_replace(version);
        Ok(())
    }

    /// Takes every object away.
    pub fn clear(&self) {
        let mut state = lock(&self.state);
        for (key, object) in std::mem::take(&mut state.objects) {
            state.version += 1;
            let version = state.version;
            state.events.push(Event { version, kind: "DELETED", key, object });
        }
        self.changed.send_replace(state.version);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The documents of a YAML text that are not empty.
///
/// # Errors
/// It is no YAML.
pub fn documents(text: &str) -> Result<Vec<Value>> {
    let all: Vec<Value> = serde_saphyr::from_multiple(text).context("YAML")?;
    Ok(all.into_iter().filter(|document| !document.is_null()).collect())
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl State {
    fn define(&mut self, definition: &Value) -> Result<()> {
        let plural = text(definition, "/spec/names/plural");
        anyhow::ensure!(!plural.is_empty(), "no definition of a resource: {}", text(definition, "/kind"));
        self.plurals.insert((text(definition, "/spec/group"), text(definition, "/spec/names/kind")), plural);
        // istiod asks for the metadata only: it wants to know which kinds there are.
        let name = text(definition, "/metadata/name");
        self.definitions.push(json!({
            "apiVersion": "meta.k8s.io/v1",
            "kind": "PartialObjectMetadata",
            "metadata": {
                "name": name,
                "uid": name,
                "resourceVersion": "1",
                "annotations": definition.pointer("/metadata/annotations").cloned().unwrap_or_else(|| json!({})),
            },
        }));
        Ok(())
    }

    fn key(&self, object: &Value) -> Result<Key> {
        let version = text(object, "/apiVersion");
        let group = version.rsplit_once('/').map_or("", |(group, _)| group).to_owned();
        let kind = text(object, "/kind");
        let plural = self.plurals.get(&(group.clone(), kind.clone()));
        let plural = plural.with_context(|| format!("nothing defines {version} {kind}"))?.clone();
        Ok(Key { group, plural, namespace: text(object, "/metadata/namespace"), name: text(object, "/metadata/name") })
    }
}

/// What a request asks for.
struct Question {
    group: String,
    api_version: String,
    plural: String,
    namespace: Option<String>,
    name: Option<String>,
    /// A single object by its path.
    one: bool,
    /// Only metadata is wanted.
    metadata: bool,
    /// The requirements of a label selector.
    labels: Vec<String>,
}

impl Question {
    fn read(request: &Request<Incoming>, query: &BTreeMap<String, String>) -> Option<Self> {
        let parts: Vec<&str> = request.uri().path().split('/').filter(|part| !part.is_empty()).collect();
        let (group, version, mut rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let mut namespace = None;
        if let ["namespaces", inside, more @ ..] = rest
            && !more.is_empty()
        {
            namespace = Some((*inside).to_owned());
            rest = more;
        }
        let plural = (*rest.first()?).to_owned();
        let path_name = rest.get(1).map(|name| (*name).to_owned());
        let selectors = query.get("fieldSelector").map(String::as_str).unwrap_or_default().split(',');
        let field_name = selectors.filter_map(|s| s.strip_prefix("metadata.name=")).next().map(ToOwned::to_owned);
        let accept = request.headers().get(ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
        Some(Self {
            group: group.to_owned(),
            api_version: if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") },
            plural,
            namespace,
            one: path_name.is_some(),
            name: path_name.or(field_name),
            metadata: accept.contains("as=PartialObjectMetadata"),
            labels: requirements(query.get("labelSelector").map(String::as_str).unwrap_or_default()),
        })
    }

    fn wants(&self, key: &Key, object: &Value) -> bool {
        key.group == self.group
            && key.plural == self.plural
            && self.namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace)
            && self.name.as_ref().is_none_or(|name| *name == key.name)
            && self.labels.iter().all(|requirement| meets(object, requirement))
    }

    fn shape(&self, object: &Value) -> Value {
        let mut object = object.clone();
        if let Some(map) = object.as_object_mut() {
            let version = if self.metadata { "meta.k8s.io/v1" } else { self.api_version.as_str() };
            map.insert("apiVersion".to_owned(), json!(version));
            if self.metadata {
                map.insert("kind".to_owned(), json!("PartialObjectMetadata"));
            }
        }
        object
    }
}

#[derive(Clone)]
struct Api {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
}

type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

impl Api {
    fn answer(&self, request: &Request<Incoming>) -> Reply {
        if request.method() != Method::GET {
            return refuse(StatusCode::FORBIDDEN, "Forbidden", "read-only");
        }
        let query = query(request.uri().query().unwrap_or_default());
        match request.uri().path() {
            "/version" => return reply(StatusCode::OK, &json!({"major": "1", "minor": "34", "gitVersion": "v1.34.0"})),
            "/api" => return reply(StatusCode::OK, &json!({"kind": "APIVersions", "versions": ["v1"]})),
            "/apis" => {
                let groups = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []});
                return reply(StatusCode::OK, &groups);
            }
            _ => {}
        }
        let Some(question) = Question::read(request, &query) else {
            return refuse(StatusCode::NOT_FOUND, "NotFound", request.uri().path());
        };
        if query.contains_key("sendInitialEvents") {
            // client-go then lists and watches.
            return refuse(StatusCode::BAD_REQUEST, "BadRequest", "no initial events here");
        }
        if query.get("watch").is_some_and(|watch| watch == "true" || watch == "1") {
            let from = query.get("resourceVersion").and_then(|version| version.parse().ok()).unwrap_or(1);
            return self.watch(question, from);
        }
        self.list(&question)
    }

    fn list(&self, question: &Question) -> Reply {
        let state = lock(&self.state);
        let wanted = state.objects.iter().filter(|(key, object)| question.wants(key, object));
        let mut items: Vec<Value> = wanted.map(|(_, object)| question.shape(object)).collect();
        if question.plural == "customresourcedefinitions" {
            items.clone_from(&state.definitions);
        }
        if question.one {
            return match items.first() {
                Some(object) => reply(StatusCode::OK, object),
                None => refuse(StatusCode::NOT_FOUND, "NotFound", question.name.as_deref().unwrap_or_default()),
            };
        }
        let mut list = json!({"metadata": {"resourceVersion": state.version.to_string()}, "items": items});
        if question.metadata {
            list["kind"] = json!("PartialObjectMetadataList");
            list["apiVersion"] = json!("meta.k8s.io/v1");
        }
        reply(StatusCode::OK, &list)
    }

    fn watch(&self, question: Question, from: u64) -> Reply {
        let (state, changed) = (Arc::clone(&self.state), self.changed.subscribe());
        let lines =
            stream::unfold((from, question, state, changed), move |(seen, question, state, mut changed)| async move {
                loop {
                    let version = *changed.borrow_and_update();
                    let mut text = String::new();
                    for event in lock(&state).events.iter().filter(|event| event.version > seen) {
                        if question.wants(&event.key, &event.object) {
                            let line = json!({"type": event.kind, "object": question.shape(&event.object)});
                            text += &format!("{line}\n");
                        }
                    }
                    if !text.is_empty() {
                        let frame = Ok::<_, Infallible>(Frame::data(Bytes::from(text)));
                        return Some((frame, (version, question, state, changed)));
                    }
                    changed.changed().await.ok()?;
                }
            });
        let mut response = Response::new(StreamBody::new(lines).boxed_unsync());
        response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
        response
    }
}

/// The requirements of a label selector, which commas separate outside of brackets.
fn requirements(selector: &str) -> Vec<String> {
    let mut depth = 0_u32;
    let parts = selector.split(|c| {
        depth = match c {
            '(' => depth + 1,
            ')' => depth.saturating_sub(1),
            _ => depth,
        };
        c == ',' && depth == 0
    });
    parts.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// Whether the labels of an object meet one requirement (Kubernetes, labels and selectors).
fn meets(object: &Value, requirement: &str) -> bool {
    let label = |name: &str| {
        let labels = object.pointer("/metadata/labels").and_then(Value::as_object);
        labels.and_then(|labels| labels.get(name.trim())).and_then(Value::as_str)
    };
    let within = |set: &str, value: Option<&str>| {
        let set = set.trim().trim_start_matches('(').trim_end_matches(')');
        value.is_some_and(|value| set.split(',').any(|one| one.trim() == value))
    };
    if let Some((name, set)) = requirement.split_once(" notin ") {
        return !within(set, label(name));
    }
    if let Some((name, set)) = requirement.split_once(" in ") {
        return within(set, label(name));
    }
    if let Some((name, value)) = requirement.split_once("!=") {
        return label(name) != Some(value.trim());
    }
    if let Some((name, value)) = requirement.split_once('=') {
        return label(name) == Some(value.trim_start_matches('=').trim());
    }
    match requirement.strip_prefix('!') {
        Some(name) => label(name).is_none(),
        None => label(requirement).is_some(),
    }
}

fn query(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), decoded(value))).collect()
}

/// A value of a query string (RFC 3986 2.1, and `+` for a space).
fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let pair = [bytes.next().unwrap_or_default(), bytes.next().unwrap_or_default()];
                let hex = std::str::from_utf8(&pair).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                hex.unwrap_or(b'?')
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn reply(status: StatusCode, object: &Value) -> Reply {
    let mut response = Response::new(Full::new(Bytes::from(object.to_string())).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response
}

fn refuse(status: StatusCode, reason: &str, message: &str) -> Reply {
    let code = status.as_u16();
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message, "code": code});
    reply(status, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_those_of_kubernetes() {
        let object = json!({"metadata": {"labels": {"app": "x", "tier": "web"}}});
        let all = |selector: &str| requirements(selector).iter().all(|one| meets(&object, one));
        for met in
            ["", "app=x", "app==x,tier", "app!=y,!none", "app in (y, x),tier notin (db)", "none!=x", "none notin (x)"]
        {
            assert!(all(met), "{met}");
        }
        for unmet in ["app=y", "none", "!app", "app in (y,z)", "tier notin (web)", "app=x,none=x"] {
            assert!(!all(unmet), "{unmet}");
        }
        assert_eq!(decoded("a%3Db%2C%21c+d"), "a=b,!c d");
    }
}
