//! The dashboards. Titles, expressions, units and thresholds of the sources' panels are theirs, as they wrote them
//! (`specs/1-genops-kubernetes.md`, the template that `specs/0-genops-prometheus.md` names); the rest is ours.

use super::{Board, Form, Panel};

const TRAFFIC_LIGHT: &[(f64, &str)] = &[(0.0, "green"), (80.0, "yellow"), (95.0, "red")];
const NONE_IS_GOOD: &[(f64, &str)] = &[(0.0, "green"), (1.0, "red")];
const SHARE_OF_ERRORS: &[(f64, &str)] = &[(0.0, "green"), (0.01, "yellow"), (0.05, "red")];
const COMPLIANCE: &[(f64, &str)] = &[(0.0, "red"), (0.9, "yellow"), (0.95, "green")];

/// All of them.
pub const BOARDS: &[Board] = &[COST, POLICY, PERFORMANCE, BUDGETS, OPERATIONS, TTA, PROMPTER, KOSMOS];

const COST: Board = Board {
    file: "genops-cost-tracking",
    uid: "genops-cost",
    title: "GenOps AI - Cost Tracking",
    tags: &["genops", "cost", "ai"],
    from: "now-24h",
    variables: &[],
    panels: &[
        Panel::new(
            "Total Cost (Last 24h)",
            Form::Stat,
            "currencyUSD",
            (6, 4),
            &[("sum(increase(genops_cost_total_usd[24h]))", "Total Cost")],
        )
        .steps(&[(0.0, "green"), (100.0, "yellow"), (500.0, "red")]),
        Panel::new(
            "Hourly Cost Rate",
            Form::Stat,
            "currencyUSD",
            (6, 4),
            &[("sum(rate(genops_cost_total_usd[5m])) * 3600", "USD an hour")],
        )
        .steps(&[(0.0, "green"), (10.0, "yellow"), (50.0, "red")]),
        Panel::new(
            "Total Tokens (24h)",
            Form::Stat,
            "short",
            (6, 4),
            &[("sum(increase(genops_tokens_total[24h]))", "Tokens")],
        ),
        Panel::new(
            "Unpriced Exchanges (24h)",
            Form::Stat,
            "short",
            (6, 4),
            &[("sum(increase(genops_cost_unpriced_total[24h])) or vector(0)", "Exchanges without a cost")],
        )
        .steps(NONE_IS_GOOD)
        .note("LLM exchanges whose cost is not known. They are in no sum of dollars; the dashboard Operations says why."),
        Panel::new("Cost by Team", Form::Pie, "currencyUSD", (6, 8), &[("sum by (team) (genops_cost_total_usd)", "{{team}}")]),
        Panel::new(
            "Cost by Provider",
            Form::Bars,
            "currencyUSD",
            (6, 8),
            &[("sum by (provider) (genops_cost_total_usd)", "{{provider}}")],
        ),
        Panel::new(
            "Cost by Customer",
            Form::Bars,
            "currencyUSD",
            (6, 8),
            &[("topk(10, sum by (customer_id) (genops_cost_total_usd))", "{{customer_id}}")],
        ),
        Panel::new(
            "Budget Utilization",
            Form::Gauge,
            "percent",
            (6, 8),
            &[("sum by (team) (genops_budget_utilization_percent)", "{{team}}")],
        )
        .range(0.0, 100.0)
        .steps(TRAFFIC_LIGHT),
        Panel::new(
            "Cost Over Time",
            Form::Lines,
            "currencyUSD/s",
            (12, 8),
            &[("sum by (team) (rate(genops_cost_total_usd[5m]))", "{{team}}")],
        ),
        Panel::new(
            "Cost Overview",
            Form::Lines,
            "currencyUSD",
            (12, 8),
            &[("sum(rate(genops_cost_total_usd[5m])) * 300", "Cost of five minutes")],
        ),
        Panel::new(
            "Cost by Model",
            Form::Table,
            "currencyUSD",
            (8, 8),
            &[(
                "sum by (model, provider) (genops_cost_by_model_usd)",
                "model=Model,provider=Provider,Value=Cost (USD)",
            )],
        ),
        Panel::new(
            "Cost by Model (Top 10)",
            Form::Bars,
            "currencyUSD",
            (8, 8),
            &[("topk(10, sum(genops_cost_total_usd) by (model))", "{{model}}")],
        ),
        Panel::new(
            "Token Efficiency by Model",
            Form::Bars,
            "short",
            (8, 8),
            &[(
                "topk(10, sum(rate(genops_tokens_total[5m])) by (model) / sum(rate(genops_cost_total_usd[5m])) by (model))",
                "{{model}}",
            )],
        )
        .note("Tokens for a dollar."),
        Panel::new(
            "Token Usage Rate",
            Form::Lines,
            "tokens/min",
            (8, 8),
            &[
                ("sum(rate(genops_tokens_input_total[5m])) * 60", "Input"),
                ("sum(rate(genops_tokens_output_total[5m])) * 60", "Output"),
            ],
        ),
        Panel::new(
            "Cache Savings",
            Form::Lines,
            "currencyUSD",
            (8, 8),
            &[("sum(rate(primitive_cost_savings[5m])) * 3600", "Saved an hour")],
        )
        .note("What prompt tokens that a cache served would have cost more at the full price. Schema tta."),
        Panel::new(
            "Prompt Tokens from Caches",
            Form::Lines,
            "percentunit",
            (8, 8),
            &[(
                "sum by (model) (rate(genops_tokens_detail_total{kind=\"cache_read\"}[5m])) / sum by (model) (rate(genops_tokens_input_total[5m]))",
                "{{model}}",
            )],
        )
        .range(0.0, 1.0),
    ],
};

const POLICY: Board = Board {
    file: "genops-policy-compliance",
    uid: "genops-policy",
    title: "GenOps AI - Policy Compliance",
    tags: &["genops", "policy", "compliance"],
    from: "now-24h",
    variables: &[],
    panels: &[
        Panel::new(
            "Policy Violations (Last Hour)",
            Form::Stat,
            "short",
            (6, 4),
            &[("sum(increase(genops_policy_violations_total[1h]))", "Violations")],
        )
        .steps(&[(0.0, "green"), (1.0, "yellow"), (10.0, "red")]),
        Panel::new(
            "Compliance Rate",
            Form::Stat,
            "percentunit",
            (6, 4),
            &[("avg(genops_policy_compliance_rate_ratio)", "Compliance")],
        )
        .steps(COMPLIANCE),
        Panel::new(
            "Violations by Policy Type",
            Form::Lines,
            "short",
            (12, 8),
            &[("sum by (policy_type) (rate(genops_policy_violations_total[5m]))", "{{policy_type}}")],
        ),
        Panel::new(
            "Policy Enforcement Actions",
            Form::Pie,
            "short",
            (12, 8),
            &[("sum by (action) (genops_policy_enforcements_total)", "{{action}}")],
        ),
        Panel::new(
            "Compliance Score by Team",
            Form::Bars,
            "percent",
            (12, 8),
            &[("100 - (sum by (team) (rate(genops_policy_violations_total[1h])) * 100)", "{{team}}")],
        )
        .range(0.0, 100.0)
        .steps(&[(0.0, "red"), (90.0, "yellow"), (95.0, "green")]),
        Panel::new(
            "Policy Violations",
            Form::Lines,
            "short",
            (24, 8),
            &[("sum(rate(genops_policy_violations_total[5m])) by (policy_name)", "{{policy_name}}")],
        ),
    ],
};

const PERFORMANCE: Board = Board {
    file: "genops-ai-performance",
    uid: "genops-performance",
    title: "GenOps AI - Performance Metrics",
    tags: &["genops", "performance", "ai"],
    from: "now-6h",
    variables: &[],
    panels: &[
        Panel::new(
            "Operations/Second",
            Form::Stat,
            "ops",
            (6, 4),
            &[("sum(rate(genops_operations_total[1m]))", "Operations/s")],
        ),
        Panel::new(
            "Error Rate",
            Form::Stat,
            "percentunit",
            (6, 4),
            &[("sum(rate(genops_operation_errors_total[5m])) / sum(rate(genops_operations_total[5m]))", "Errors")],
        )
        .steps(SHARE_OF_ERRORS),
        Panel::new(
            "Operation Latency (p95)",
            Form::Stat,
            "s",
            (6, 4),
            &[("histogram_quantile(0.95, sum(rate(genops_operation_latency_seconds_bucket[5m])) by (le))", "p95")],
        )
        .steps(&[(0.0, "green"), (5.0, "yellow"), (15.0, "red")]),
        Panel::new(
            "Time to First Token (p95)",
            Form::Stat,
            "s",
            (6, 4),
            &[("histogram_quantile(0.95, sum(rate(genops_time_to_first_token_seconds_bucket[5m])) by (le))", "p95")],
        )
        .note("Streams only."),
        Panel::new(
            "Request Rate",
            Form::Lines,
            "reqps",
            (12, 8),
            &[("sum by (provider, model) (rate(genops_requests_total[5m]))", "{{provider}}/{{model}}")],
        ),
        Panel::new(
            "Average Latency (p50, p95, p99)",
            Form::Lines,
            "s",
            (12, 8),
            &[
                (
                    "histogram_quantile(0.50, sum by (provider, le) (rate(genops_request_duration_seconds_bucket[5m])))",
                    "p50 {{provider}}",
                ),
                (
                    "histogram_quantile(0.95, sum by (provider, le) (rate(genops_request_duration_seconds_bucket[5m])))",
                    "p95 {{provider}}",
                ),
                (
                    "histogram_quantile(0.99, sum by (provider, le) (rate(genops_request_duration_seconds_bucket[5m])))",
                    "p99 {{provider}}",
                ),
            ],
        ),
        Panel::new(
            "Operation Latency (p50, p95, p99)",
            Form::Lines,
            "s",
            (12, 8),
            &[
                ("histogram_quantile(0.50, sum(rate(genops_operation_latency_seconds_bucket[5m])) by (le))", "p50"),
                ("histogram_quantile(0.95, sum(rate(genops_operation_latency_seconds_bucket[5m])) by (le))", "p95"),
                ("histogram_quantile(0.99, sum(rate(genops_operation_latency_seconds_bucket[5m])) by (le))", "p99"),
            ],
        ),
        Panel::new(
            "Operation Latency Distribution",
            Form::Heatmap,
            "s",
            (12, 8),
            &[("sum by (le) (increase(genops_operation_latency_seconds_bucket[5m]))", "{{le}}")],
        ),
        Panel::new(
            "Time to First Token by Model",
            Form::Lines,
            "s",
            (8, 8),
            &[(
                "histogram_quantile(0.95, sum by (model, le) (rate(genops_time_to_first_token_seconds_bucket[5m])))",
                "p95 {{model}}",
            )],
        ),
        Panel::new(
            "Time per Output Token by Model",
            Form::Lines,
            "s",
            (8, 8),
            &[(
                "histogram_quantile(0.50, sum by (model, le) (rate(genops_time_per_output_token_seconds_bucket[5m])))",
                "p50 {{model}}",
            )],
        ),
        Panel::new(
            "Errors by Kind",
            Form::Lines,
            "ops",
            (8, 8),
            &[("sum by (error_type) (rate(genops_operation_errors_total[5m]))", "{{error_type}}")],
        ),
        Panel::new(
            "Token Usage Rate",
            Form::Lines,
            "tokens/s",
            (12, 8),
            &[("sum by (type) (rate(genops_tokens_total[5m]))", "{{type}} tokens")],
        ),
        Panel::new(
            "Quality Scores",
            Form::Gauge,
            "percentunit",
            (6, 8),
            &[("genops_eval_quality_score", "{{metric}}")],
        )
        .range(0.0, 1.0)
        .steps(&[(0.0, "red"), (0.7, "yellow"), (0.85, "green")]),
        Panel::new(
            "Evaluation Scores",
            Form::Heatmap,
            "percentunit",
            (6, 8),
            &[("sum by (le) (increase(genops_evaluation_score_bucket[5m]))", "{{le}}")],
        ),
    ],
};

const BUDGETS: Board = Board {
    file: "genops-budgets",
    uid: "genops-budgets",
    title: "GenOps AI - Budgets",
    tags: &["genops", "budget", "cost"],
    from: "now-7d",
    variables: &[],
    panels: &[
        Panel::new(
            "Spent Today",
            Form::Stat,
            "currencyUSD",
            (6, 4),
            &[("sum(increase(genops_cost_total_usd[24h]))", "Last 24 hours")],
        ),
        Panel::new(
            "Teams Near Their Limit",
            Form::Stat,
            "short",
            (6, 4),
            &[("count(genops_budget_utilization_ratio{budget_period=\"monthly\"} > 0.8) or vector(0)", "Over 80 %")],
        )
        .steps(&[(0.0, "green"), (1.0, "yellow")]),
        Panel::new(
            "Teams Over Budget",
            Form::Stat,
            "short",
            (6, 4),
            &[("count(genops_budget_utilization_ratio{budget_period=\"monthly\"} > 1.0) or vector(0)", "Over 100 %")],
        )
        .steps(NONE_IS_GOOD),
        Panel::new(
            "Budgets Exceeded (24h)",
            Form::Stat,
            "short",
            (6, 4),
            &[("sum(increase(genops_budget_exceeded_total[24h])) or vector(0)", "Times")],
        )
        .steps(NONE_IS_GOOD),
        Panel::new(
            "Budget Utilization",
            Form::Gauge,
            "percentunit",
            (12, 8),
            &[("genops_budget_utilization_ratio{budget_period=\"monthly\"}", "{{team}}")],
        )
        .range(0.0, 1.0)
        .steps(&[(0.0, "green"), (0.8, "yellow"), (0.9, "orange"), (1.0, "red")]),
        Panel::new(
            "Budget Remaining",
            Form::Bars,
            "currencyUSD",
            (12, 8),
            &[("genops_budget_remaining_usd", "{{team}} {{budget_period}}")],
        )
        .steps(&[(0.0, "red"), (100.0, "green")]),
        Panel::new(
            "Spend by Team",
            Form::Lines,
            "currencyUSD",
            (12, 8),
            &[("sum by (team) (increase(genops_cost_total_usd[1h]))", "{{team}}")],
        )
        .note("Dollars of the last hour."),
        Panel::new(
            "Spend by Project",
            Form::Lines,
            "currencyUSD",
            (12, 8),
            &[("sum by (project) (increase(genops_cost_total_usd[1h]))", "{{project}}")],
        )
        .note("Dollars of the last hour."),
    ],
};

const OPERATIONS: Board = Board {
    file: "genops-operations",
    uid: "genops-operations",
    title: "GenOps AI - Operations",
    tags: &["genops", "operations"],
    from: "now-6h",
    variables: &[],
    panels: &[
        Panel::new("Scraped", Form::Stat, "short", (4, 4), &[("sum(up{job=\"genops-ai\"})", "Proxies")]),
        Panel::new("Counts Not Written Yet", Form::Stat, "short", (4, 4), &[("sum(genops_stats_pending)", "Workers")])
            .note("Workers with counts that are not in Envoy's stats yet; above 0 for moments only."),
        Panel::new(
            "Series in Use",
            Form::Gauge,
            "percentunit",
            (4, 4),
            &[("max by (instance) (genops_series_active / genops_series_limit)", "{{instance}}")],
        )
        .range(0.0, 1.0)
        .steps(&[(0.0, "green"), (0.8, "yellow"), (0.95, "red")]),
        Panel::new(
            "Labels Folded (24h)",
            Form::Stat,
            "short",
            (4, 4),
            &[("sum(increase(genops_series_overflow_total[24h])) or vector(0)", "Label sets")],
        )
        .steps(NONE_IS_GOOD)
        .note("Label sets beyond the limits, whose values became `other`."),
        Panel::new(
            "Labels Rejected (24h)",
            Form::Stat,
            "short",
            (4, 4),
            &[("sum(increase(genops_label_rejected_total[24h])) or vector(0)", "Values")],
        )
        .steps(&[(0.0, "green"), (1.0, "yellow")]),
        Panel::new(
            "Configuration Refused",
            Form::Stat,
            "short",
            (4, 4),
            &[("sum(genops_config_invalid) or vector(0)", "Proxies")],
        )
        .steps(NONE_IS_GOOD),
        Panel::new(
            "Outcomes",
            Form::Lines,
            "reqps",
            (12, 8),
            &[("sum by (outcome) (rate(genops_usage_outcomes_total[5m]))", "{{outcome}}")],
        )
        .note("Every exchange ends in exactly one."),
        Panel::new(
            "Outcomes by Provider (24h)",
            Form::Table,
            "short",
            (12, 8),
            &[(
                "sum by (provider, outcome) (increase(genops_usage_outcomes_total[24h]))",
                "provider=Provider,outcome=Outcome,Value=Exchanges",
            )],
        ),
        Panel::new(
            "Unpriced Exchanges by Reason",
            Form::Lines,
            "reqps",
            (8, 8),
            &[("sum by (provider, reason) (rate(genops_cost_unpriced_total[5m]))", "{{provider}} {{reason}}")],
        ),
        Panel::new(
            "Stated Cost Against the Price Book",
            Form::Lines,
            "reqps",
            (8, 8),
            &[("sum by (provider, kind) (rate(genops_cost_drift_total[5m]))", "{{provider}} {{kind}}")],
        )
        .note("Exchanges whose provider states what it bills, by where our price list lies."),
        Panel::new(
            "Errors by Provider and Kind",
            Form::Lines,
            "reqps",
            (8, 8),
            &[(
                "sum by (provider, error_type) (rate(genops_operation_errors_total[5m]))",
                "{{provider}} {{error_type}}",
            )],
        ),
        Panel::new(
            "Tokens by Kind",
            Form::Lines,
            "tokens/s",
            (12, 8),
            &[("sum by (kind) (rate(genops_tokens_detail_total[5m]))", "{{kind}}")],
        ),
        Panel::new(
            "Versions",
            Form::Table,
            "short",
            (12, 8),
            &[("genops_filter_info", "instance=Proxy,version=Filter,book=Price book,Value=")],
        ),
    ],
};

const TTA: Board = Board {
    file: "tta-dev-primitives",
    uid: "tta-dev",
    title: "TTA.dev - Primitives",
    tags: &["genops", "tta"],
    from: "now-6h",
    variables: &[],
    panels: &[
        Panel::new(
            "Success Rate",
            Form::Stat,
            "percentunit",
            (6, 4),
            &[(
                "sum(rate(primitive_requests_total{status=\"success\"}[5m])) / sum(rate(primitive_requests_total[5m]))",
                "Success",
            )],
        )
        .steps(&[(0.0, "red"), (0.95, "yellow"), (0.99, "green")]),
        Panel::new(
            "Error Rate",
            Form::Stat,
            "percentunit",
            (6, 4),
            &[(
                "sum(rate(primitive_requests_total{status=\"failure\"}[5m])) / sum(rate(primitive_requests_total[5m]))",
                "Failure",
            )],
        )
        .steps(SHARE_OF_ERRORS),
        Panel::new(
            "Active Requests",
            Form::Stat,
            "short",
            (6, 4),
            &[("sum(primitive_active_requests)", "Under way")],
        ),
        Panel::new(
            "Peak Active Requests (1h)",
            Form::Stat,
            "short",
            (6, 4),
            &[("max(max_over_time(primitive_active_requests[1h]))", "Most at once")],
        ),
        Panel::new("SLO Compliance", Form::Bars, "percentunit", (12, 6), &[("primitive_slo_compliance", "{{primitive_name}}")])
            .range(0.0, 1.0)
            .steps(&[(0.0, "red"), (0.95, "yellow"), (0.99, "green")]),
        Panel::new(
            "Error Budget Remaining",
            Form::Bars,
            "percentunit",
            (12, 6),
            &[("primitive_error_budget_remaining", "{{primitive_name}}")],
        )
        .range(0.0, 1.0)
        .steps(&[(0.0, "red"), (0.25, "yellow"), (0.5, "green")]),
        Panel::new(
            "Latency p95 by Primitive",
            Form::Lines,
            "s",
            (12, 8),
            &[(
                "histogram_quantile(0.95, sum(rate(primitive_duration_seconds_bucket[5m])) by (le, primitive_name))",
                "{{primitive_name}}",
            )],
        ),
        Panel::new(
            "Latency p99 by Type",
            Form::Lines,
            "s",
            (12, 8),
            &[(
                "histogram_quantile(0.99, sum(rate(primitive_duration_seconds_bucket[5m])) by (le, primitive_type))",
                "{{primitive_type}}",
            )],
        ),
        Panel::new(
            "Request Rate",
            Form::Lines,
            "reqps",
            (12, 8),
            &[("sum by (primitive_name, status) (rate(primitive_requests_total[5m]))", "{{primitive_name}} {{status}}")],
        ),
        Panel::new(
            "Request Rate Against an Hour Ago",
            Form::Lines,
            "reqps",
            (12, 8),
            &[(
                "sum by (primitive_name) (rate(primitive_requests_total[5m]) - rate(primitive_requests_total[5m] offset 1h))",
                "{{primitive_name}}",
            )],
        ),
        Panel::new(
            "Cost per Hour",
            Form::Lines,
            "currencyUSD",
            (8, 8),
            &[("sum by (primitive_name) (rate(primitive_cost_total[1h])) * 3600", "{{primitive_name}}")],
        ),
        Panel::new(
            "Cost by Category",
            Form::Lines,
            "currencyUSD/s",
            (8, 8),
            &[("sum(rate(primitive_cost_total[5m])) by (category)", "{{category}}")],
        ),
        Panel::new(
            "Savings Rate",
            Form::Lines,
            "percentunit",
            (8, 8),
            &[(
                "sum by (category) (rate(primitive_cost_savings[5m])) / (sum by (category) (rate(primitive_cost_total[5m])) + sum by (category) (rate(primitive_cost_savings[5m])))",
                "{{category}}",
            )],
        )
        .range(0.0, 1.0),
    ],
};

const PROMPTER: Board = Board {
    file: "prompter-rollout",
    uid: "prompter-rollout",
    title: "Prompter - Rollout",
    tags: &["genops", "prompter"],
    from: "now-6h",
    variables: &[("service", "starlette_requests_total"), ("env", "starlette_requests_total")],
    panels: &[
        Panel::new(
            "Probe Failure Rate",
            Form::Stat,
            "percentunit",
            (6, 4),
            &[(
                "sum(prompter_probe_failures_total{service=~\"$service\",env=~\"$env\"}) / sum(prompter_probe_attempts_total{service=~\"$service\",env=~\"$env\"})",
                "Failures",
            )],
        )
        .steps(SHARE_OF_ERRORS),
        Panel::new(
            "OpenAI Fingerprint Rate",
            Form::Stat,
            "percentunit",
            (6, 4),
            &[(
                "sum(prompter_openai_fingerprint_present_total{service=~\"$service\",env=~\"$env\"}) / sum(prompter_prompt_results_insert_total{service=~\"$service\",env=~\"$env\"})",
                "With a fingerprint",
            )],
        ),
        Panel::new(
            "Results Stored (24h)",
            Form::Stat,
            "short",
            (6, 4),
            &[("sum(increase(prompter_prompt_results_insert_total{service=~\"$service\",env=~\"$env\"}[24h]))", "Results")],
        ),
        Panel::new(
            "Duplicates Refused (24h)",
            Form::Stat,
            "short",
            (6, 4),
            &[("sum(increase(prompter_db_unique_violation_total{service=~\"$service\",env=~\"$env\"}[24h]))", "Rows")],
        ),
        Panel::new(
            "Requests by Route",
            Form::Lines,
            "reqps",
            (12, 8),
            &[(
                "sum by (method, route) (rate(starlette_requests_total{service=~\"$service\",env=~\"$env\"}[5m]))",
                "{{method}} {{route}}",
            )],
        ),
        Panel::new(
            "Requests by Status",
            Form::Lines,
            "reqps",
            (12, 8),
            &[(
                "sum by (status) (rate(starlette_requests_total{service=~\"$service\",env=~\"$env\"}[5m]))",
                "{{status}}",
            )],
        ),
        Panel::new(
            "Request Latency (p50, p95, p99)",
            Form::Lines,
            "s",
            (12, 8),
            &[
                (
                    "histogram_quantile(0.50, sum by (le) (rate(starlette_requests_processing_seconds_bucket{service=~\"$service\",env=~\"$env\"}[5m])))",
                    "p50",
                ),
                (
                    "histogram_quantile(0.95, sum by (le) (rate(starlette_requests_processing_seconds_bucket{service=~\"$service\",env=~\"$env\"}[5m])))",
                    "p95",
                ),
                (
                    "histogram_quantile(0.99, sum by (le) (rate(starlette_requests_processing_seconds_bucket{service=~\"$service\",env=~\"$env\"}[5m])))",
                    "p99",
                ),
            ],
        ),
        Panel::new(
            "Ensure Version (p50, p95, p99)",
            Form::Lines,
            "s",
            (12, 8),
            &[
                (
                    "histogram_quantile(0.50, sum by (le) (rate(prompter_ensure_version_seconds_bucket{service=~\"$service\",env=~\"$env\"}[5m])))",
                    "p50",
                ),
                (
                    "histogram_quantile(0.95, sum by (le) (rate(prompter_ensure_version_seconds_bucket{service=~\"$service\",env=~\"$env\"}[5m])))",
                    "p95",
                ),
                (
                    "histogram_quantile(0.99, sum by (le) (rate(prompter_ensure_version_seconds_bucket{service=~\"$service\",env=~\"$env\"}[5m])))",
                    "p99",
                ),
            ],
        ),
        Panel::new(
            "Probes by Provider",
            Form::Lines,
            "reqps",
            (12, 8),
            &[(
                "sum by (provider, model) (rate(prompter_probe_attempts_total{service=~\"$service\",env=~\"$env\"}[5m]))",
                "{{provider}} {{model}}",
            )],
        ),
        Panel::new(
            "Duplicates by Table",
            Form::Lines,
            "reqps",
            (12, 8),
            &[(
                "sum by (table) (rate(prompter_db_unique_violation_total{service=~\"$service\",env=~\"$env\"}[5m]))",
                "{{table}}",
            )],
        ),
    ],
};

const KOSMOS: Board = Board {
    file: "kosmos-agents",
    uid: "kosmos",
    title: "KOSMOS - Agents and LLM",
    tags: &["genops", "kosmos"],
    from: "now-6h",
    variables: &[],
    panels: &[
        Panel::new(
            "Request Rate by Agent",
            Form::Lines,
            "reqps",
            (8, 8),
            &[("sum(rate(http_requests_total{job=\"kosmos-agents\"}[5m])) by (agent)", "{{agent}}")],
        ),
        Panel::new(
            "Error Rate by Agent",
            Form::Lines,
            "percentunit",
            (8, 8),
            &[(
                "sum(rate(http_requests_total{job=\"kosmos-agents\",status=~\"5..\"}[5m])) by (agent) / sum(rate(http_requests_total{job=\"kosmos-agents\"}[5m])) by (agent)",
                "{{agent}}",
            )],
        ),
        Panel::new(
            "Latency p99 by Agent",
            Form::Lines,
            "s",
            (8, 8),
            &[(
                "histogram_quantile(0.99, sum(rate(http_request_duration_seconds_bucket{job=\"kosmos-agents\"}[5m])) by (agent, le))",
                "{{agent}}",
            )],
        ),
        Panel::new(
            "Task Success Rate by Agent",
            Form::Lines,
            "percentunit",
            (8, 8),
            &[(
                "sum(rate(agent_tasks_total{status=\"success\"}[5m])) by (agent) / sum(rate(agent_tasks_total[5m])) by (agent)",
                "{{agent}}",
            )],
        )
        .range(0.0, 1.0),
        Panel::new(
            "Active Connections",
            Form::Bars,
            "short",
            (8, 8),
            &[("sum by (agent) (active_connections{job=\"kosmos-agents\"})", "{{agent}}")],
        ),
        Panel::new(
            "LLM Request Rate",
            Form::Lines,
            "reqps",
            (8, 8),
            &[("sum(rate(llm_requests_total[5m])) by (provider, model)", "{{provider}}/{{model}}")],
        ),
        Panel::new(
            "LLM Latency (p50, p99)",
            Form::Lines,
            "s",
            (8, 8),
            &[
                (
                    "histogram_quantile(0.50, sum(rate(llm_request_duration_seconds_bucket[5m])) by (provider, model, le))",
                    "p50 {{provider}}/{{model}}",
                ),
                (
                    "histogram_quantile(0.99, sum(rate(llm_request_duration_seconds_bucket[5m])) by (provider, model, le))",
                    "p99 {{provider}}/{{model}}",
                ),
            ],
        ),
        Panel::new(
            "LLM Tokens per Minute",
            Form::Lines,
            "tokens/min",
            (8, 8),
            &[("sum(rate(llm_tokens_total[1m])) by (provider, model, type) * 60", "{{provider}}/{{model}} {{type}}")],
        ),
        Panel::new(
            "LLM Cost per Hour",
            Form::Bars,
            "currencyUSD",
            (8, 8),
            &[("sum(increase(llm_cost_dollars[1h])) by (provider, model)", "{{provider}}/{{model}}")],
        ),
    ],
};
