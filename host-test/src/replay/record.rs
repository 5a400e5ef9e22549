//! Record lines: what the filter left of an exchange in its filter state.

use crate::exchange::ExchangeReport;

/// Where the filter leaves its record (the access log reads the same key).
const RECORD_KEY: &[u8] = b"wasm.genops.record";

/// An exchange of which the filter left no record.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoRecord {
    /// The filter state has no such key.
    #[error("the filter left no filter state wasm.genops.record{}", why(.trap.as_deref()))]
    Absent {
        /// Why the filter died, if it did.
        trap: Option<String>,
    },
    /// The component died before it gave one.
    #[error("the component crashed: {0}")]
    Crashed(String),
    /// It is there, and is no JSON object.
    #[error("the record (filter state wasm.genops.record) is not a JSON object: {0}")]
    NotAnObject(String),
}

fn why(trap: Option<&str>) -> String {
    trap.map(|trap| format!(": it crashed in {trap}")).unwrap_or_default()
}

/// The record of an exchange with its `id` in front: the filter's own text, not written anew.
///
/// # Errors
/// No record, or one that is no JSON object.
pub fn record_line(id: &str, report: &ExchangeReport) -> Result<String, NoRecord> {
    let bytes = report.filter_state.get(RECORD_KEY).ok_or_else(|| NoRecord::Absent { trap: report.trap.clone() })?;
    with_id(id, bytes)
}

/// `record` with `id` in front.
pub(crate) fn with_id(id: &str, record: &[u8]) -> Result<String, NoRecord> {
    let bad = |problem: &dyn std::fmt::Display| NoRecord::NotAnObject(problem.to_string());
    let text = std::str::from_utf8(record).map_err(|problem| bad(&problem))?.trim();
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|problem| bad(&problem))?;
    let inside = text.strip_prefix('{').ok_or_else(|| bad(&"no brace"))?;
    let comma = if object.is_empty() { "" } else { "," };
    // One line per record, whatever white space the filter wrote between its tokens: inside of JSON strings a raw line
    // end cannot stand.
    Ok(format!("{{\"id\":{}{comma}{inside}", serde_json::Value::from(id)).replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(record: Option<&[u8]>) -> ExchangeReport {
        let mut report = ExchangeReport::default();
        if let Some(record) = record {
            report.filter_state.insert(RECORD_KEY.to_vec(), record.to_vec());
        }
        report
    }

    #[test]
    fn the_id_stands_first_and_the_rest_is_the_filter_s_text() {
        let line = record_line("a\"b", &report(Some(b"{\"z\":1.10,\n\"a\":null}"))).expect("a record");
        assert_eq!(line, r#"{"id":"a\"b","z":1.10, "a":null}"#);
        assert_eq!(record_line("x", &report(Some(b"{}"))).expect("a record"), r#"{"id":"x"}"#);
    }

    #[test]
    fn no_record_says_why() {
        assert_eq!(record_line("x", &report(None)), Err(NoRecord::Absent { trap: None }));
        let crashed = ExchangeReport { trap: Some("proxy_on_log: unreachable".into()), ..report(None) };
        let error = record_line("x", &crashed).expect_err("no record").to_string();
        assert!(error.contains("crashed in proxy_on_log"), "{error}");
        for bad in [b"[1]".as_slice(), b"\xff", b"{", b""] {
            assert!(matches!(record_line("x", &report(Some(bad))), Err(NoRecord::NotAnObject(_))));
        }
    }
}
