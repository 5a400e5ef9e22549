//! The OpenMetrics view, read by a strict parser.

use std::io::Write;
use std::process::{Command, Stdio};

use super::guests::{COUNTER, GAUGE, HISTOGRAM, guest, host, rules, stats_configuration};

const RULES: &[(&str, &str)] = &[
    ("model", r"^wasmcustom\.(?:.*?;\.;)?(model=\.=(.*?);\.;)"),
    ("type", r"^wasmcustom\.(?:.*?;\.;)?(token_type=\.=(.*?);\.;)"),
    ("le", r"^wasmcustom\.(?:.*?;\.;)?(le=\.=(.*?);\.;)"),
];

/// Canary, main thread and one worker record each value: what is shown is three times this.
const STATS: &[(u8, &[u8], u64)] = &[
    (COUNTER, b"model=.=m;.;genops_cost_total_usd_pico", 500_000_000_001),
    (COUNTER, b"model=.=n;.;genops_cost_total_usd_pico", 0),
    (COUNTER, b"model=.=m;.;token_type=.=input;.;genops_tokens_total", 100),
    (COUNTER, b"model=.=m;.;token_type=.=output;.;genops_tokens_total", 50),
    (COUNTER, b"model=.=n;.;token_type=.=output;.;genops_tokens_total", 50),
    (COUNTER, b"le=.=0.5;.;latency_seconds_bucket", 1),
    (COUNTER, b"le=.=+Inf;.;latency_seconds_bucket", 2),
    (COUNTER, b"latency_seconds_count", 2),
    (COUNTER, b"latency_seconds_sum_nano", 1_500_000_000),
    (COUNTER, b"model=.=qu\"o\\te;.;x_total", 1),
    (COUNTER, b"model=.=\xff\xfe;.;x_total", 1),
    // clashes: a family named as a counter's base, and as a histogram's sample
    (COUNTER, b"clash_total", 1),
    (GAUGE, b"clash", 2),
    (COUNTER, b"seen_count", 1),
    (HISTOGRAM, b"seen", 1),
    (HISTOGRAM, b"sizes", 42),
    (GAUGE, b"h\xc3\xa9llo", 7),
    (COUNTER, b"a.b", 1),
    (COUNTER, b"a-b", 1),
];

fn text() -> String {
    let host = host(&guest("stats.wat"), &stats_configuration(STATS), rules(RULES));
    host.openmetrics().expect("written")
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(text.lines().any(|other| other == line), "no line {line:?} in\n{text}");
}

#[test]
fn units_are_whole_and_types_are_what_openmetrics_allows() {
    let text = text();
    has(&text, "# TYPE genops_cost_total_usd unknown");
    has(&text, r#"genops_cost_total_usd{model="m"} 1.500000000003"#);
    has(&text, "# TYPE genops_tokens counter");
    has(&text, r#"genops_tokens_total{model="m",type="input"} 300"#);
    has(&text, "# TYPE latency_seconds_bucket unknown");
    has(&text, r#"latency_seconds_bucket{le="+Inf"} 6"#);
    has(&text, "latency_seconds_sum{} 4.5");
    has(&text, r#"x_total{model="qu\"o\\te"} 3"#);
    has(&text, "# TYPE clash_total unknown");
    has(&text, "# TYPE clash gauge");
    has(&text, "# TYPE sizes histogram");
    has(&text, r#"sizes_bucket{le="50.0"} 3"#);
    assert!(!text.contains("# TYPE seen histogram"), "its samples would clash");
    has(&text, "a_b{} 6");
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn efficiency_is_tokens_over_dollars_where_there_are_dollars() {
    let text = text();
    has(&text, "# TYPE genops_token_efficiency_tokens_per_usd gauge");
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(r#"genops_token_efficiency_tokens_per_usd{model="m"} "#))
        .and_then(|value| value.parse::<f64>().ok());
    assert_eq!(value, Some(450.0 / 1.500_000_000_003));
    assert!(!text.contains(r#"tokens_per_usd{model="n"}"#), "no dollars, no ratio");
}

/// Says plainly, past the test harness's capture, where there is no Python to run it with.
#[test]
fn a_strict_parser_accepts_it() {
    const PARSE: &str = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as p\n\
        print(sum(len(f.samples) for f in p(sys.stdin.read())))";
    let python = match genops_tools::python::venv() {
        Ok(python) => python,
        Err(error) => {
            let _nobody_listens = writeln!(std::io::stderr(), "NOT RUN: a_strict_parser_accepts_it: {error}");
            return;
        }
    };
    let text = text();
    let mut parser = Command::new(python)
        .args(["-c", PARSE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python starts");
    parser.stdin.take().expect("piped").write_all(text.as_bytes()).expect("written");
    let output = parser.wait_with_output().expect("python ends");
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    let samples = text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), samples.to_string());
}
