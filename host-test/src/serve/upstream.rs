//! Upstreams: which one a request goes to, and the clients that reach them.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use http_body_util::combinators::UnsyncBoxBody;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use super::ServeError;

/// Whatever a body can fail with.
pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A body of either direction.
pub(super) type ProxyBody = UnsyncBoxBody<Bytes, BoxError>;
/// A pool of connections.
pub(super) type Pool = Client<HttpsConnector<HttpConnector>, ProxyBody>;

/// Longest wait for a connection: Envoy's shipped default for clusters is 5 s, and some providers are far.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Idle connections are closed before providers close them: 60 s is the shortest keep-alive that is common.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// `[MATCH=]URL`: an upstream, and for which requests it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    matches: Match,
    scheme: Scheme,
    authority: Authority,
    /// What stands before the path of a request, without a slash at its end.
    base: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Match {
    /// Every request.
    Any,
    /// Paths below this prefix, which is taken off: begins with a slash and ends with none.
    Prefix(String),
    /// The request's host, in lower case, with or without a port.
    Host(String),
}

/// An upstream that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{text:?} is no upstream: {problem}; expected URL, /PREFIX=URL or HOST=URL, such as https://api.openai.com or \
     /anthropic=https://api.anthropic.com"
)]
pub struct BadUpstream {
    text: String,
    problem: String,
}

impl FromStr for Upstream {
    type Err = BadUpstream;

    fn from_str(text: &str) -> Result<Self, BadUpstream> {
        let bad = |problem: &str| BadUpstream { text: text.to_owned(), problem: problem.to_owned() };
        // A URL may hold `=` in its path; what chooses it stands before the scheme.
        let scheme_at = text.find("://").ok_or_else(|| bad("it has no scheme"))?;
        let (matches, url) = match text.get(..scheme_at).and_then(|before| before.rfind('=')) {
            Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
            None => ("", text),
        };
        let matches = if let Some(prefix) = matches.strip_prefix('/') {
            let prefix = prefix.trim_end_matches('/');
            if prefix.is_empty() { Match::Any } else { Match::Prefix(format!("/{prefix}")) }
        } else if matches.is_empty() {
            Match::Any
        } else {
            Match::Host(
                matches
                    .parse::<Authority>()
                    .map_err(|e| bad(&format!("its host cannot be read: {e}")))?
                    .as_str()
                    .to_ascii_lowercase(),
            )
        };
        let uri: Uri = url.parse().map_err(|e: http::uri::InvalidUri| bad(&format!("its URL cannot be read: {e}")))?;
        let parts = uri.into_parts();
        let scheme = parts.scheme.filter(|s| [Scheme::HTTP, Scheme::HTTPS].contains(s));
        let scheme = scheme.ok_or_else(|| bad("its scheme is neither http nor https"))?;
        let authority = parts.authority.filter(|a| !a.host().is_empty()).ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("credentials belong into the client's own headers"));
        }
        let path = parts.path_and_query.unwrap_or_else(|| PathAndQuery::from_static("/"));
        if path.query().is_some() {
            return Err(bad("a query cannot be put in front of a request's path"));
        }
        Ok(Self { matches, scheme, authority, base: path.path().trim_end_matches('/').to_owned() })
    }
}

impl Upstream {
    /// What chooses it, as on the command line; `/` for all requests.
    pub fn route(&self) -> &str {
        match &self.matches {
            Match::Any => "/",
            Match::Prefix(text) | Match::Host(text) => text,
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority, self.base)
    }

    pub(super) fn is_tls(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    pub(super) fn scheme(&self) -> &str {
        self.scheme.as_str()
    }

    /// The name of a cluster as Istio writes it: the filter finds the provider in it where the client's own authority
    /// names none.
    pub(super) fn cluster_name(&self) -> String {
        let port = self.authority.port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 });
        format!("outbound|{port}||{}", self.authority.host())
    }

    fn takes(&self, authority: &str, path: &str) -> bool {
        match &self.matches {
            Match::Any => true,
            Match::Prefix(prefix) => {
                path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
            }
            Match::Host(host) => {
                let asked = authority.to_ascii_lowercase();
                asked == *host || asked.rsplit_once(':').is_some_and(|(name, _)| name == host)
            }
        }
    }

    /// The address of `path` (with its query) there.
    pub(super) fn uri(&self, path: &str) -> Result<Uri, http::Error> {
        let rest = match &self.matches {
            Match::Prefix(prefix) => path.strip_prefix(prefix.as_str()).unwrap_or(path),
            Match::Any | Match::Host(_) => path,
        };
        let slash = if rest.starts_with('/') { "" } else { "/" };
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(format!("{}{slash}{rest}", self.base))
            .build()
    }
}

/// All upstreams and the connections to them.
pub(super) struct Upstreams {
    /// Prefixes and hosts in the order given, then what takes all.
    all: Vec<Arc<Upstream>>,
    pool: Pool,
    /// Web sockets need HTTP/1.1, whatever else an upstream speaks.
    upgrading: Pool,
}

impl Upstreams {
    pub(super) fn new(mut all: Vec<Upstream>) -> Result<Self, ServeError> {
        all.sort_by_key(|upstream| upstream.matches == Match::Any);
        let tls = tls(all.iter().any(Upstream::is_tls))?;
        let https = |tls| HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
        let pool = self::pool(https(tls.clone()).enable_all_versions().wrap_connector(tcp()));
        let upgrading = self::pool(https(tls).enable_http1().wrap_connector(tcp()));
        Ok(Self { all: all.into_iter().map(Arc::new).collect(), pool, upgrading })
    }

    pub(super) fn all(&self) -> &[Arc<Upstream>] {
        &self.all
    }

    /// The first that takes the request.
    pub(super) fn choose(&self, authority: &str, path: &str) -> Option<&Arc<Upstream>> {
        self.all.iter().find(|upstream| upstream.takes(authority, path))
    }

    /// The pool for a request.
    pub(super) fn pool(&self, upgrades: bool) -> &Pool {
        if upgrades { &self.upgrading } else { &self.pool }
    }
}

fn pool(connector: HttpsConnector<HttpConnector>) -> Pool {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_timer(TokioTimer::new()).timer(TokioTimer::new()).pool_idle_timeout(POOL_IDLE);
    builder.build(connector)
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp
}

/// With the machine's root certificates (`SSL_CERT_FILE` names others), as curl and the SDKs have them: a company's own
/// are among them. They are not looked for where no upstream speaks TLS.
fn tls(needed: bool) -> Result<ClientConfig, ServeError> {
    let mut roots = RootCertStore::empty();
    if needed {
        let found = rustls_native_certs::load_native_certs();
        let (taken, _unreadable) = roots.add_parsable_certificates(found.certs);
        if taken == 0 {
            let why: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            return Err(ServeError::NoRoots(why.join("; ")));
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|e| ServeError::Tls(e.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(text: &str) -> Upstream {
        text.parse().expect("an upstream")
    }

    #[test]
    fn what_is_given_is_what_is_asked() {
        let at = |text: &str, path: &str| upstream(text).uri(path).expect("a URI").to_string();
        assert_eq!(at("https://api.openai.com", "/v1/models?x=1"), "https://api.openai.com/v1/models?x=1");
        assert_eq!(at("http://h:8000/base/", "/v1"), "http://h:8000/base/v1");
        assert_eq!(
            at("/anthropic=https://api.anthropic.com", "/anthropic/v1/messages"),
            "https://api.anthropic.com/v1/messages"
        );
        assert_eq!(at("/a/=http://h/b", "/a?q"), "http://h/b/?q");
        assert_eq!(at("llm.local=http://h", "/v1"), "http://h/v1");
        assert_eq!(at("/x=http://h/a=b", "/x/c"), "http://h/a=b/c");
        assert_eq!(upstream("https://h").cluster_name(), "outbound|443||h");
        assert_eq!(upstream("http://h:81").cluster_name(), "outbound|81||h");
    }

    #[test]
    fn prefixes_and_hosts_win_over_what_takes_all() {
        let all = ["http://rest", "/a=http://a", "/a/b=http://ab", "Llm.Local=http://host"].map(upstream);
        let upstreams = Upstreams::new(all.to_vec()).expect("no TLS");
        let chosen = |authority, path| upstreams.choose(authority, path).map(|u| u.authority().to_owned());
        assert_eq!(chosen("x", "/v1").as_deref(), Some("rest"));
        assert_eq!(chosen("x", "/a/v1").as_deref(), Some("a"));
        assert_eq!(chosen("x", "/a").as_deref(), Some("a"));
        assert_eq!(chosen("x", "/ab").as_deref(), Some("rest"));
        assert_eq!(chosen("llm.local:8080", "/v1").as_deref(), Some("host"));
        let only = Upstreams::new(vec![upstream("/a=http://a")]).expect("no TLS");
        assert!(only.choose("x", "/b").is_none());
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for (text, word) in [
            ("api.openai.com", "no scheme"),
            ("ftp://h", "neither http nor https"),
            ("http://", "its URL cannot be read"),
            ("https://user:key@h", "credentials"),
            ("https://h/?a=b", "query"),
            ("a b=https://h", "its host cannot be read"),
        ] {
            let problem = text.parse::<Upstream>().expect_err(text).to_string();
            assert!(problem.contains(word) && problem.contains("/PREFIX=URL"), "{text}: {problem}");
        }
    }
}
