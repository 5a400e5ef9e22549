//! The command, run as a user runs it, with a guest in place of the filter.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Leaves a record at the end of each exchange, unless the request's path is `/none`; counts exchanges. It refuses a
/// configuration that begins with `x`.
const RECORDER: &str = r#"(module
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
  (import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_property" (func $set_property (param i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value" (func $header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 100) "genops.record")
  (data (i32.const 120) ":path")
  (data (i32.const 140) "provider=.=p;.;exchanges_total")
  (data (i32.const 180) "x is no configuration")
  (data (i32.const 210) "content-encoding")
  (data (i32.const 300) "RECORD")
  (global $free (mut i32) (i32.const 65536))
  (func (export "malloc") (param $size i32) (result i32)
    (global.get $free) (global.set $free (i32.add (global.get $free) (local.get $size))))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (drop (call $define (i32.const 0) (i32.const 140) (i32.const 30) (i32.const 8)))
    (drop (call $buffer (i32.const 7) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 4)))
    (if (i32.eq (i32.load8_u (i32.load (i32.const 0))) (i32.const 120))
      (then (drop (call $log (i32.const 4) (i32.const 180) (i32.const 21))) (return (i32.const 0))))
    (i32.const 1))
  (func (export "proxy_on_log") (param i32)
    (drop (call $increment (i32.load (i32.const 8)) (i64.const 1)))
    (drop (call $header (i32.const 0) (i32.const 120) (i32.const 5) (i32.const 0) (i32.const 4)))
    (if (i32.eq (i32.load8_u (i32.add (i32.load (i32.const 0)) (i32.const 1))) (i32.const 110)) (then (return)))
    ;; "last" becomes 1 if the response is encoded, 2 if the clock stands in 1970
    (if (i32.eqz (call $header (i32.const 2) (i32.const 210) (i32.const 16) (i32.const 0) (i32.const 4)))
      (then (i32.store8 (i32.const LAST) (i32.const 49))))
    (drop (call $now (i32.const 16)))
    (if (i64.lt_u (i64.load (i32.const 16)) (i64.const 31536000000000000))
      (then (i32.store8 (i32.const LAST) (i32.const 50))))
    (drop (call $set_property (i32.const 100) (i32.const 13) (i32.const 300) (i32.const LENGTH)))))"#;

/// What it leaves.
pub(crate) const RECORD: &str = concat!(
    r#"{"provider":"p","model":"m","outcome":"complete","input_tokens":1000,"output_tokens":2,"#,
    r#""cost_usd":"0.100000000001","last":0}"#
);

fn recorder() -> Vec<u8> {
    let text = RECORDER
        .replace("RECORD", &RECORD.replace('"', "\\\""))
        .replace("LAST", &(300 + RECORD.len() - 2).to_string())
        .replace("LENGTH", &RECORD.len().to_string());
    wat::parse_str(text).expect("valid text")
}

pub(crate) struct Bench {
    directory: tempfile::TempDir,
    wasm: PathBuf,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let wasm = directory.path().join("guest.wasm");
        std::fs::write(&wasm, recorder()).expect("written");
        Self { directory, wasm }
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.directory.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_string_lossy().into_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.directory.path().join(name)).expect("written by the command")
    }

    /// The command with the guest.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_genops-host"));
        command.env("GENOPS_WASM", &self.wasm).env("GENOPS_CACHE", self.directory.path()).env_remove("SSL_CERT_DIR");
        command.current_dir(self.directory.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        // A command that does not read its input closes it.
        let _closed = child.stdin.take().expect("piped").write_all(input.as_bytes());
        child.wait_with_output().expect("ends")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn line(id: &str, path: &str) -> String {
    format!(
        concat!(
            r#"{{"id":"{}","request":{{"method":"POST","url":"http://h{}","headers":{{}},"body":"q"}},"#,
            r#""response":{{"status":200,"headers":{{}},"body":"answer answer answer"}}}}"#
        ),
        id, path
    )
}

#[track_caller]
fn exit(output: &Output, code: i32) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "stdout:\n{out}\nstderr:\n{err}");
}

pub(crate) const SCRAPE: &str = "# TYPE exchanges_total counter\nexchanges_total{provider=\"p\"} 2\n";

#[test]
fn a_table_then_the_scrape() {
    let bench = Bench::new();
    let input = bench.file("in.jsonl", &format!("{}\n{}\n", line("a", "/"), line("b", "/")));
    for arguments in [&[&input[..]][..], &["replay", &input]] {
        let output = bench.run(arguments, "");
        exit(&output, 0);
        let out = text(&output.stdout);
        assert!(out.ends_with(&format!("\n\n{SCRAPE}")), "{out}");
        let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(rows.contains(&vec!["p", "m", "2", "complete", "2", "2,000", "4", "0.200000000002"]), "{out}");
        assert_eq!(text(&output.stderr), "");
    }
}

#[test]
fn without_a_command_the_quickstart_runs() {
    let bench = Bench::new();
    let output = bench.run(&["--scrape", "scrape.txt"], "");
    exit(&output, 0);
    let out = text(&output.stdout);
    assert!(!out.contains("# TYPE"), "{out}");
    let count = out.lines().find_map(|line| line.trim().strip_prefix("total")).map(str::split_whitespace);
    let count: u64 = count.and_then(|mut words| words.next()?.parse().ok()).expect("a total");
    assert!(count >= 12);
    assert_eq!(bench.read("scrape.txt"), SCRAPE.replace("} 2", &format!("}} {count}")));
}

#[test]
fn standard_output_holds_only_what_was_sent_there() {
    let bench = Bench::new();
    let input = format!("{}\n\n{}\n", line("a", "/"), line("b\\\"", "/"));
    // The filter's text as it is, behind the id.
    let record = |id: &str, last: u8| {
        let inside = RECORD.replace("\"last\":0", &format!("\"last\":{last}"));
        format!("{{\"id\":\"{id}\",{}\n", inside.trim_start_matches('{'))
    };
    let records = |last| ["a", "b\\\""].map(|id| record(id, last)).concat();
    let output = bench.run(&["replay", "--records", "-", "--workers", "2", "-"], &input);
    exit(&output, 0);
    assert_eq!(text(&output.stdout), records(0));
    assert!(text(&output.stderr).contains("0.200000000002") && text(&output.stderr).ends_with(SCRAPE));

    let output = bench.run(&["replay", "--scrape", "-", "--records", "r.jsonl", "-", "--encode", "br"], &input);
    exit(&output, 0);
    assert_eq!(text(&output.stdout), SCRAPE);
    assert_eq!(bench.read("r.jsonl"), records(1), "the response says that it is encoded");

    let output = bench.run(&["replay", "--records", "-", "--at", "1970-01-02T00:00:00+01:00", "-"], &input);
    exit(&output, 0);
    assert_eq!(text(&output.stdout), records(2), "the filter sees the time that was given");

    let output = bench.run(&["replay", "--scrape", "-", "--format", "openmetrics", "-"], &input);
    exit(&output, 0);
    let expected = "# HELP exchanges Counted by the filter\n# TYPE exchanges counter\n\
        exchanges_total{provider=\"p\"} 2\n# EOF\n";
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn a_bad_line_stops_everything_before_it_starts() {
    let bench = Bench::new();
    let input = bench.file("in.jsonl", &format!("{}\n{{\"request\": 7}}\n", line("a", "/")));
    let output = bench.run(&["replay", "--records", "-", &input], "");
    exit(&output, 2);
    assert_eq!(text(&output.stdout), "");
    let err = text(&output.stderr);
    assert!(err.contains(&format!("{input}:2: ")) && err.contains("expected one JSON object per line"), "{err}");
}

#[test]
fn an_exchange_without_a_record_is_named_and_fails_the_command() {
    let bench = Bench::new();
    let input = format!("{}\n{}\n", line("a", "/none"), line("b", "/"));
    let output = bench.run(&["replay", "--records", "-", "-"], &input);
    exit(&output, 1);
    assert_eq!(text(&output.stdout).lines().count(), 1);
    assert!(text(&output.stderr).contains("exchange a: the filter left no filter state wasm.genops.record"));
}

#[test]
fn a_filter_without_a_scrape_of_its_own_is_told_so() {
    let bench = Bench::new();
    for form in ["filter", "filter-openmetrics"] {
        let output = bench.run(&["replay", "--format", form, "-"], &format!("{}\n", line("a", "/")));
        exit(&output, 1);
        assert!(text(&output.stderr).contains("answers no scrape at /metrics"), "{}", text(&output.stderr));
    }
}

#[test]
fn what_cannot_be_used_is_said_with_exit_code_2() {
    let bench = Bench::new();
    let bad_config = bench.file("config.json", "x");
    let bad_tags = bench.file("tags.json", r#"[{"tag_name":"t","regex":"(?=x)"}]"#);
    for (arguments, words) in [
        (&["replay", "--config", bad_config.as_str()][..], "[error] x is no configuration"),
        (&["replay", "--config", "absent.json"], "cannot read absent.json"),
        (&["replay", "absent.jsonl"], "cannot read absent.jsonl"),
        (&["replay", "--tags", bad_tags.as_str()], "the regex of tag \"t\""),
        (&["replay", "--tags", bad_config.as_str()], "not a list of"),
        (&["replay", "--wasm", "absent.wasm"], "cannot read the filter absent.wasm"),
        (&["replay", "--chunks", "0"], "expected whole, bytes"),
        (&["replay", "--encode", "rar"], "none of identity, gzip"),
        (&["replay", "--workers", "0"], "1..=64"),
        (&["replay", "--at", "now"], "RFC 3339"),
        (&["replay", "-"], "no exchange in the input"),
        (&["--no-such"], "unexpected argument"),
    ] {
        let output = bench.run(arguments, "");
        exit(&output, 2);
        assert!(text(&output.stderr).contains(words), "{arguments:?}: {}", text(&output.stderr));
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
    }
    assert!(Path::new(&bench.wasm).exists());
}
