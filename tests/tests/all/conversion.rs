//! Recording rules made from the schema tables, evaluated by the real promtool: they must come to what the formulas of the
//! computed gauges come to, and to the schema's units.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use genops_core::schema::{SCHEMAS, Table};
use genops_tests::promql::{Rule, conversion};

/// Envoy's integers at one instant, and what must follow. `NS` stands for the namespace.
const SERIES: &[(&str, u64)] = &[
    (r#"primitive_requests_total{primitive_name="a",primitive_type="api",status="success",instance="i"}"#, 985),
    (r#"primitive_requests_total{primitive_name="a",primitive_type="api",status="failure",instance="i"}"#, 15),
    (r#"primitive_slo_within_latency_total{primitive_name="a",primitive_type="api",instance="i"}"#, 990),
    (r#"primitive_slo_target_nano{primitive_name="a",primitive_type="api",instance="i"}"#, 990_000_000),
    (r#"primitive_requests_total{primitive_name="new",primitive_type="api",status="success",instance="i"}"#, 0),
    (r#"primitive_slo_within_latency_total{primitive_name="new",primitive_type="api",instance="i"}"#, 0),
    (r#"primitive_slo_target_nano{primitive_name="new",primitive_type="api",instance="i"}"#, 990_000_000),
    // No objective.
    (r#"primitive_requests_total{primitive_name="free",primitive_type="api",status="success",instance="i"}"#, 5),
    (r#"NS_tokens_total{model="m",type="input"}"#, 900),
    (r#"NS_tokens_total{model="m",type="output"}"#, 100),
    (r#"NS_cost_total_usd_pico{model="m"}"#, 2_000_000_000_000),
    (r#"NS_tokens_total{model="unpriced",type="input"}"#, 900),
    (r#"NS_cost_total_usd_pico{model="unpriced"}"#, 0),
    (r#"NS_operation_latency_seconds_sum_nano{model="m"}"#, 2_500_000_000),
    (r#"llm_cost_dollars_pico{model="m"}"#, 125_000_000),
];
/// In billionths.
const EXPECTED: &[(&str, &[(&str, u64)])] = &[
    (
        "primitive_slo_compliance",
        &[
            (r#"{primitive_name="a",primitive_type="api",instance="i"}"#, 985_000_000),
            (r#"{primitive_name="new",primitive_type="api",instance="i"}"#, 1_000_000_000),
        ],
    ),
    (
        "primitive_error_budget_remaining",
        &[
            (r#"{primitive_name="a",primitive_type="api",instance="i"}"#, 500_000_000),
            (r#"{primitive_name="new",primitive_type="api",instance="i"}"#, 1_000_000_000),
        ],
    ),
    (
        "primitive_slo_target",
        &[
            (r#"{primitive_name="a",primitive_type="api",instance="i"}"#, 990_000_000),
            (r#"{primitive_name="new",primitive_type="api",instance="i"}"#, 990_000_000),
        ],
    ),
    // Nothing was spent on the other model.
    ("NS_token_efficiency_tokens_per_usd", &[(r#"{model="m"}"#, 500_000_000_000)]),
    ("NS_cost_total_usd", &[(r#"{model="m"}"#, 2_000_000_000), (r#"{model="unpriced"}"#, 0)]),
    ("NS_operation_latency_seconds_sum", &[(r#"{model="m"}"#, 2_500_000_000)]),
    ("llm_cost_dollars", &[(r#"{model="m"}"#, 125_000)]),
];

#[test]
#[ignore = "slow tier: promtool is built for minutes"]
fn conversion_rules_come_to_what_the_tables_say() -> Result<()> {
    for namespace in ["genops", "acme_ai"] {
        let named = |text: &str| text.replace("NS", namespace);
        let mut rules = String::from("groups:\n- name: conversion\n  rules:\n");
        for Rule { record, expr } in conversion(&Table::new(SCHEMAS, namespace)) {
            writeln!(rules, "  - record: {record}\n    expr: {expr}")?;
        }
        let mut test = String::from("rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n- interval: 1m\n");
        test += "  input_series:\n";
        for (series, value) in SERIES {
            writeln!(test, "  - {{series: '{}', values: '{value}'}}", named(series))?;
        }
        test += "  promql_expr_test:\n";
        for (gauge, samples) in EXPECTED {
            // Binary fractions differ in their last digit.
            writeln!(test, "  - expr: round({} * 1e9)\n    eval_time: 0m\n    exp_samples:", named(gauge))?;
            for (labels, value) in *samples {
                writeln!(test, "    - {{labels: '{labels}', value: {value}}}")?;
            }
        }
        let directory = tempfile::TempDir::with_prefix("genops-rules-")?;
        fs::write(directory.path().join("rules.yml"), rules)?;
        fs::write(directory.path().join("test.yml"), test)?;
        let mut promtool = Command::new(genops_tools::tool::promtool()?);
        let output = promtool.current_dir(directory.path()).args(["test", "rules", "test.yml"]).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{namespace}: {}{said}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}
