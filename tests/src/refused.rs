//! Configurations that the filter refuses: by the real Envoy, and by the JSON Schema where it can.

/// Bad configurations, and what our line must name: the JSON path, what was found, what is allowed.
pub const BAD: &[(&str, [&str; 3])] = &[
    (r#"{"label": {}}"#, ["genops: ", "`label`", "`labels`"]),
    (r#"{"flush_interval_ms": 0}"#, ["flush_interval_ms", "found 0", "from 1 to 60000"]),
    (r#"{"max_stats": 5}"#, ["max_stats", "found 5", "from 100 to"]),
    (r#"{"schemas": ["genop"]}"#, ["schemas[0]", "`genop`", "`genops`"]),
    (r#"{"provider": "Open AI"}"#, ["provider", "\"Open AI\"", "a-z, 0-9"]),
    (r#"{"routes": {"r": {"provider": "Open AI"}}}"#, ["routes.r.provider", "\"Open AI\"", "a-z, 0-9"]),
    (r#"{"clusters": {"c": {"api": "chat"}}}"#, ["clusters.c.api", "\"chat\"", "chat.completions"]),
    (r#"{"paths": {"v1": "openai"}}"#, ["paths.v1", "\"v1\"", "beginning of a path"]),
    (r#"{"labels": {"team": [{"headr": "x-team"}]}}"#, ["labels.team[0]", "`headr`", "`header`"]),
    (r#"{"labels": {"team": [{"header": "X Team"}]}}"#, ["labels.team[0]", "x team", "a header name"]),
    (r#"{"labels": {"team": "No Spaces"}}"#, ["labels.team", "No Spaces", "takes"]),
    (r#"{"model_label": "guess"}"#, ["model_label", "`guess`", "`canonical`"]),
    (r#"{"filter_state": ["prompt"]}"#, ["filter_state[0]", "`prompt`", "`record`"]),
    ("{", ["genops: ", "EOF", "line 1"]),
];

/// JSON that is no object where one belongs: a list is not a configuration whose keys were left out.
pub const NO_OBJECT: &[(&str, [&str; 3])] = &[
    ("[]", ["genops: ", "sequence", "an object"]),
    (r#"{"labels": [[]]}"#, ["labels", "sequence", "an object"]),
    ("null", ["genops: ", "null", "an object"]),
];
