//! Recorded exchanges (the input lines of `genops-host replay`) as a client's request and an upstream's answer.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use genops_tools::workspace_root;
use hyper::StatusCode;
use hyper::http::uri::Authority;
use serde::Deserialize;

use crate::client::Request;
use crate::upstream::Answer;

/// One line. Keys that are not needed here are passed over.
#[derive(Clone, Debug, Deserialize)]
pub struct Recorded {
    /// Unique.
    pub id: String,
    request: RecordedRequest,
    response: RecordedResponse,
}

#[derive(Clone, Debug, Deserialize)]
struct RecordedRequest {
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    #[serde(flatten)]
    body: RecordedBody,
}

#[derive(Clone, Debug, Deserialize)]
struct RecordedResponse {
    status: u16,
    headers: BTreeMap<String, String>,
    #[serde(flatten)]
    body: RecordedBody,
}

#[derive(Clone, Debug, Deserialize)]
struct RecordedBody {
    body: String,
    body_encoding: Option<String>,
}

impl RecordedBody {
    fn bytes(&self) -> Result<Bytes> {
        match self.body_encoding.as_deref() {
            None => Ok(self.body.clone().into()),
            Some("base64") => STANDARD.decode(&self.body).map(Bytes::from).map_err(|e| anyhow!("base64: {e}")),
            Some(other) => Err(anyhow!("body_encoding {other}")),
        }
    }
}

impl Recorded {
    /// All lines of all `*.jsonl` in a directory, by file name.
    ///
    /// # Errors
    /// A file cannot be read, or a line is not of the form.
    pub fn read_all(directory: &Path) -> Result<Vec<Self>> {
        let entries = fs::read_dir(directory).with_context(|| directory.display().to_string())?;
        let mut files: Vec<PathBuf> = entries.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
        files.retain(|path| path.extension().is_some_and(|e| e == "jsonl"));
        files.sort();
        let mut all = Vec::new();
        for file in files {
            for (at, line) in fs::read_to_string(&file)?.lines().enumerate() {
                let place = || format!("{}:{}", file.display(), at + 1);
                all.push(serde_json::from_str(line).with_context(place)?);
            }
        }
        Ok(all)
    }

    /// The request, with `more` headers.
    ///
    /// # Errors
    /// The URL cannot be sent to.
    pub fn request(&self, more: &[(&str, &str)]) -> Result<Request> {
        let (host, path) = target(&self.request.url)?;
        let headers = self.request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let headers = headers.chain(more.iter().map(|(name, value)| (*name, value.as_bytes())));
        let place = (self.request.method.as_str(), host.as_str(), path.as_str());
        Ok(Request::new(&self.id, place, headers, self.request.body.bytes()?))
    }

    /// The answer, whole.
    ///
    /// # Errors
    /// The status is none, or the body is not as its encoding says.
    pub fn answer(&self) -> Result<Answer> {
        let headers = self.response.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Ok(Answer::new(StatusCode::from_u16(self.response.status)?, headers, self.response.body.bytes()?))
    }

    /// The recorded line's request and response, as the native host takes it, with `more` request headers.
    pub fn line(&self, more: &[(&str, &str)]) -> serde_json::Value {
        let mut headers = self.request.headers.clone();
        headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let body = |b: &RecordedBody| (b.body.clone(), b.body_encoding.clone());
        let ((request, request_encoding), (response, response_encoding)) =
            (body(&self.request.body), body(&self.response.body));
        let mut line = serde_json::json!({
            "id": self.id,
            "request": {"method": self.request.method, "url": self.request.url, "headers": headers, "body": request},
            "response": {"status": self.response.status, "headers": self.response.headers, "body": response},
        });
        for (message, encoding) in [("request", request_encoding), ("response", response_encoding)] {
            if let (Some(encoding), Some(message)) = (encoding, line.get_mut(message).and_then(|m| m.as_object_mut())) {
                message.insert("body_encoding".to_owned(), encoding.into());
            }
        }
        line
    }
}

/// The recorded corpus, or `None` where it is not there, said in plain words that no test harness swallows. In CI it
/// must be there.
///
/// # Errors
/// As [`Recorded::read_all`], and in CI where there is none.
pub fn corpus(test: &str) -> Result<Option<Vec<Recorded>>> {
    let directory = workspace_root().join("../shared/corpus");
    if directory.is_dir() {
        return Recorded::read_all(&directory).map(Some);
    }
    ensure!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{} is absent, and in CI it must not be",
        directory.display()
    );
    writeln!(std::io::stderr(), "NOT RUN: {test}: {} is absent", directory.display())?;
    Ok(None)
}

/// Host (with its port, where it names one) and path of a URL. A fragment is the client's own and is not sent
/// (RFC 9110 7.1).
fn target(url: &str) -> Result<(String, String)> {
    let (_, rest) = url.split_once("://").with_context(|| format!("no scheme: {url}"))?;
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let host: Authority = host.parse().with_context(|| url.to_owned())?;
    Ok((host.to_string(), if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }))
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn a_url_gives_host_and_path() {
        let of = |url| target(url).expect("a URL");
        assert_eq!(of("https://a.test/v1/x?y=1#z"), ("a.test".into(), "/v1/x?y=1".into()));
        assert_eq!(of("http://localhost:11434"), ("localhost:11434".into(), "/".into()));
        assert_eq!(of("https://a.test?alt=sse"), ("a.test".into(), "/?alt=sse".into()));
        assert!(target("a.test/v1").is_err());
    }
}
