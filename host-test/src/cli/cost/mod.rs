//! `genops-host cost-report` and `cost-breakdown`: what a Prometheus that scrapes the filter knows of money.
//!
//! Both ask instant queries of the standard HTTP API, so Thanos, Mimir and VictoriaMetrics answer as well.

mod client;
mod expression;
mod period;
mod print;

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

pub(crate) use client::PrometheusError;
use client::{Client, Series};
use expression::{Figure, Question};
use period::{Period, Window};
use print::{Breakdown, Report};

use super::CliError;
use super::output::stdout;

/// Where to ask, about whom, and how to answer.
#[derive(Args, Debug)]
struct Asking {
    /// Prometheus' address (http), with the path under which it is served, if any
    #[arg(long, value_name = "URL", env = "PROMETHEUS_URL", default_value = "http://localhost:9090")]
    prometheus: String,
    /// A header to ask with, such as "Authorization: Bearer ..." or "X-Scope-OrgID: ..."; may be given several times
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// Only this team. Default: all
    #[arg(long, value_name = "TEAM")]
    team: Option<String>,
    /// today, yesterday, week (7 days), month (of the calendar, so far), or a time back from now such as 90m, 24h, 7d.
    /// Days are those of UTC
    #[arg(long, value_name = "PERIOD", default_value = "today")]
    period: Period,
    /// Print JSON, with the queries that were asked
    #[arg(long)]
    json: bool,
}

/// What was spent in a period, by provider and model, and what has no price.
#[derive(Args, Debug)]
pub(crate) struct CostReport {
    #[command(flatten)]
    asking: Asking,
}

/// What was spent in a period, by one label, the most expensive first.
#[derive(Args, Debug)]
pub(crate) struct CostBreakdown {
    #[command(flatten)]
    asking: Asking,
    /// The label
    #[arg(long, value_name = "LABEL")]
    by: By,
    /// How many rows; the rest is summed in one
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    top: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    Model,
    Customer,
    Team,
    Project,
    Provider,
    Environment,
    Feature,
}

impl By {
    const fn label(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Customer => "customer_id",
            Self::Team => "team",
            Self::Project => "project",
            Self::Provider => "provider",
            Self::Environment => "environment",
            Self::Feature => "feature",
        }
    }
}

/// A row of figures, by the values of the labels that were asked for; a missing label is the empty text.
type Table = BTreeMap<Vec<String>, Row>;

/// A row with the values of its labels.
type Ranked<'a> = (&'a [String], Row);

/// What one row comes to. A figure that Prometheus does not have is absent, not 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Row {
    cost_usd: Option<f64>,
    input_tokens: Option<f64>,
    output_tokens: Option<f64>,
}

impl CostReport {
    pub(crate) fn run(self) -> Result<ExitCode, CliError> {
        let answers = Answers::ask(&self.asking, &["provider", "model"])?;
        let report = Report { asking: &self.asking, answers: &answers };
        stdout(if self.asking.json { report.json() } else { report.text() }.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl CostBreakdown {
    pub(crate) fn run(self) -> Result<ExitCode, CliError> {
        let answers = Answers::ask(&self.asking, &[self.by.label()])?;
        let breakdown = Breakdown { asking: &self.asking, answers: &answers, by: self.by, top: usize::from(self.top) };
        stdout(if self.asking.json { breakdown.json() } else { breakdown.text() }.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Everything that Prometheus was asked for one command.
struct Answers {
    window: Window,
    rows: Table,
    /// Exchanges without a cost, by provider and reason, of all teams: the family has no other labels.
    unpriced: Vec<(String, String, f64)>,
    /// Counters that began anew within the period: their figures are extrapolated by Prometheus.
    restarted: f64,
    /// What each figure was asked with.
    queries: Vec<(&'static str, String)>,
}

impl Answers {
    fn ask(asking: &Asking, by: &[&'static str]) -> Result<Self, CliError> {
        let window = asking.period.window(jiff::Timestamp::now());
        let client = Client::new(&asking.prometheus, &asking.header)?;
        let question = Question { team: asking.team.as_deref(), window };
        let mut answers =
            Self { window, rows: Table::new(), unpriced: Vec::new(), restarted: 0.0, queries: Vec::new() };

        let cost = question.gain(Figure::Cost, by);
        let input = question.gain(Figure::InputTokens, by);
        let output = question.gain(Figure::OutputTokens, by);
        let unpriced = question.gain(Figure::Unpriced, &["provider", "reason"]);
        let restarted = question.restarted();
        for (series, figure) in [(&cost, Figure::Cost), (&input, Figure::InputTokens), (&output, Figure::OutputTokens)]
        {
            answers.add(client.query(series, window.end)?, by, figure);
        }
        for series in client.query(&unpriced, window.end)? {
            if series.value > 0.0 {
                answers.unpriced.push((series.label("provider"), series.label("reason"), series.value));
            }
        }
        answers.restarted = client.query(&restarted, window.end)?.first().map_or(0.0, |series| series.value);
        if answers.rows.is_empty() {
            return Err(Self::nothing(&client, asking, &question)?);
        }
        answers.queries = vec![
            ("cost_usd", cost),
            ("input_tokens", input),
            ("output_tokens", output),
            ("unpriced", unpriced),
            ("restarted", restarted),
        ];
        Ok(answers)
    }

    fn add(&mut self, series: Vec<Series>, by: &[&'static str], figure: Figure) {
        for series in series {
            let row = self.rows.entry(by.iter().map(|label| series.label(label)).collect()).or_default();
            match figure {
                Figure::Cost => row.cost_usd = Some(series.value),
                Figure::InputTokens => row.input_tokens = Some(series.value),
                Figure::OutputTokens => row.output_tokens = Some(series.value),
                Figure::Unpriced => {}
            }
        }
    }

    /// Why there is no row: no such team, or no metrics at all.
    fn nothing(client: &Client, asking: &Asking, question: &Question<'_>) -> Result<CliError, CliError> {
        let mut teams: Vec<String> =
            client.query(&question.teams(), question.window.end)?.iter().map(|series| series.label("team")).collect();
        teams.sort();
        Ok(match (&asking.team, teams.is_empty()) {
            (Some(team), false) => CliError::NoSuchTeam { team: team.clone(), teams: teams.join(", ") },
            _ => CliError::NoCost { prometheus: asking.prometheus.clone(), period: question.window.to_string() },
        })
    }

    fn total(&self) -> Row {
        let sum = |figure: fn(&Row) -> Option<f64>| self.rows.values().filter_map(figure).reduce(|a, b| a + b);
        Row {
            cost_usd: sum(|row| row.cost_usd),
            input_tokens: sum(|row| row.input_tokens),
            output_tokens: sum(|row| row.output_tokens),
        }
    }

    /// Rows, the most expensive first; those without a cost come last, in the order of their names.
    fn ranked(&self) -> Vec<Ranked<'_>> {
        let mut rows: Vec<Ranked<'_>> = self.rows.iter().map(|(names, row)| (names.as_slice(), *row)).collect();
        rows.sort_by(|(_, a), (_, b)| {
            let (a, b) = (a.cost_usd.unwrap_or(-1.0), b.cost_usd.unwrap_or(-1.0));
            b.total_cmp(&a)
        });
        rows
    }
}
