//! The value of an expression at an instant.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};

use super::functions::{quantile, rate, without};
use super::parse::Matcher;
use super::{Expr, Labels, NAME, Op, Point, Series};

/// How far an instant selection looks back: Prometheus' default.
pub(super) const LOOK_BACK: i64 = 300_000;

/// One element of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Labels; the name only where the expression keeps it.
    pub labels: Labels,
    /// Value.
    pub value: f64,
}

enum Value {
    Scalar(f64),
    Vector(Vec<Element>),
}

/// The value at `at` (milliseconds since 1970) over `series`. A scalar is one element without labels.
///
/// # Errors
/// It uses what is not built here, or labels do not match one to one.
pub fn evaluate(expr: &Expr, series: &[&Series], at: i64) -> Result<Vec<Element>> {
    Ok(match value(expr, series, at)? {
        Value::Scalar(value) => vec![Element { labels: Labels::new(), value }],
        Value::Vector(elements) => elements,
    })
}

fn value(expr: &Expr, series: &[&Series], at: i64) -> Result<Value> {
    Ok(match expr {
        Expr::Number(number) => Value::Scalar(*number),
        Expr::Select { matchers, range: None, offset } => {
            let at = at - offset;
            let newest = |points: &[Point]| {
                points.iter().rev().find(|(t, _)| *t <= at).filter(|(t, _)| *t > at - LOOK_BACK).map(|(_, v)| *v)
            };
            let chosen = series.iter().copied().filter(|s| matches(&s.labels, matchers));
            let element = |s: &Series| newest(&s.points).map(|value| Element { labels: s.labels.clone(), value });
            Value::Vector(chosen.filter_map(element).collect())
        }
        Expr::Select { .. } | Expr::Subquery { .. } => bail!("a range is no value"),
        Expr::Call { name, arguments } => call(name, arguments, series, at)?,
        Expr::Aggregate { name, parameter, by, without, of } => {
            let parameter = parameter.as_ref().map(|p| scalar(p, series, at)).transpose()?;
            aggregate(name, parameter, (by, *without), vector(of, series, at)?)?
        }
        Expr::Binary { op, left, right } => binary(*op, value(left, series, at)?, value(right, series, at)?)?,
    })
}

fn vector(expr: &Expr, series: &[&Series], at: i64) -> Result<Vec<Element>> {
    match value(expr, series, at)? {
        Value::Vector(elements) => Ok(elements),
        Value::Scalar(_) => bail!("a number where a vector is wanted"),
    }
}

fn scalar(expr: &Expr, series: &[&Series], at: i64) -> Result<f64> {
    match value(expr, series, at)? {
        Value::Scalar(number) => Ok(number),
        Value::Vector(_) => bail!("a vector where a number is wanted"),
    }
}

fn matches(labels: &Labels, matchers: &[Matcher]) -> bool {
    matchers.iter().all(|Matcher { label, how, value }| {
        let is = labels.get(label).map(String::as_str).unwrap_or_default();
        match *how {
            "=" => is == value,
            "!=" => is != value,
            "=~" => like(is, value),
            _ => !like(is, value),
        }
    })
}

/// The patterns of the sources: literal text with `.` for any character, and `.*` at the end.
fn like(text: &str, pattern: &str) -> bool {
    let (head, open) = match pattern.strip_suffix(".*") {
        Some(head) => (head, true),
        None => (pattern, false),
    };
    let fits = text.chars().zip(head.chars()).all(|(t, p)| p == '.' || t == p);
    let (long, wanted) = (text.chars().count(), head.chars().count());
    fits && (long == wanted || (open && long > wanted))
}

/// A matrix: series with the points of the range, and the range itself.
fn range(expr: &Expr, series: &[&Series], at: i64) -> Result<(Vec<Series>, i64, i64)> {
    match expr {
        Expr::Select { matchers, range: Some(range), offset } => {
            let (start, end) = (at - offset - range, at - offset);
            let inside = |s: &Series| {
                let points = s.points.iter().copied().filter(|(t, _)| *t > start && *t <= end).collect();
                Series { labels: s.labels.clone(), points }
            };
            Ok((series.iter().copied().filter(|s| matches(&s.labels, matchers)).map(inside).collect(), start, end))
        }
        Expr::Subquery { of, range, step, offset } => {
            let (start, end) = (at - offset - range, at - offset);
            let mut found: BTreeMap<Labels, Vec<Point>> = BTreeMap::new();
            // Steps are multiples of the step since 1970.
            let mut moment = (start.div_euclid(*step) + 1) * step;
            while moment <= end {
                for Element { labels, value } in vector(of, series, moment)? {
                    found.entry(labels).or_default().push((moment, value));
                }
                moment += step;
            }
            Ok((found.into_iter().map(|(labels, points)| Series { labels, points }).collect(), start, end))
        }
        _ => bail!("no range"),
    }
}

/// What a function makes of the points between two instants.
type OfRange<'a> = &'a dyn Fn(&[Point], i64, i64) -> Option<f64>;

fn call(name: &str, arguments: &[Expr], series: &[&Series], at: i64) -> Result<Value> {
    let over = |one: OfRange| -> Result<Value> {
        let (found, start, end) = range(arguments.first().context("an argument")?, series, at)?;
        let element = |s: &Series| {
            let value = one(&s.points, start, end)?;
            Some(Element { labels: without(&s.labels, &[NAME]), value })
        };
        Ok(Value::Vector(found.iter().filter_map(element).collect()))
    };
    match name {
        "time" => Ok(Value::Scalar(at as f64 / 1000.0)),
        "rate" => over(&|points, start, end| rate(points, start, end, true)),
        "increase" => over(&|points, start, end| rate(points, start, end, false)),
        "avg_over_time" => over(&|points, _, _| {
            (!points.is_empty()).then(|| points.iter().map(|p| p.1).sum::<f64>() / points.len() as f64)
        }),
        "max_over_time" => over(&|points, _, _| points.iter().map(|p| p.1).reduce(f64::max)),
        "histogram_quantile" => {
            let [q, of] = arguments else { bail!("histogram_quantile takes two arguments") };
            let q = scalar(q, series, at)?;
            let mut groups: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
            for Element { labels, value } in vector(of, series, at)? {
                let Some(bound) = labels.get("le").and_then(|le| le.parse().ok()) else { continue };
                groups.entry(without(&labels, &[NAME, "le"])).or_default().push((bound, value));
            }
            let element = |(labels, buckets)| quantile(q, buckets).map(|value| Element { labels, value });
            Ok(Value::Vector(groups.into_iter().filter_map(element).collect()))
        }
        other => bail!("the function {other} is not built here"),
    }
}

fn aggregate(name: &str, parameter: Option<f64>, by: (&[String], bool), of: Vec<Element>) -> Result<Value> {
    let group = |labels: &Labels| -> Labels {
        let (names, drops) = by;
        let stays = |label: &String| names.contains(label) != drops && !(drops && label == NAME);
        labels.iter().filter(|(label, _)| stays(label)).map(|(l, v)| (l.clone(), v.clone())).collect()
    };
    let mut groups: BTreeMap<Labels, Vec<Element>> = BTreeMap::new();
    for element in of {
        groups.entry(group(&element.labels)).or_default().push(element);
    }
    if name == "topk" {
        let most = parameter.context("topk takes a number")? as usize;
        return Ok(Value::Vector(
            groups
                .into_values()
                .flat_map(|mut group| {
                    // NaN is the smallest there.
                    let key = |e: &Element| if e.value.is_nan() { f64::NEG_INFINITY } else { e.value };
                    group.sort_by(|a, b| key(b).total_cmp(&key(a)));
                    group.truncate(most);
                    group
                })
                .collect(),
        ));
    }
    let element = |(labels, group): (Labels, Vec<Element>)| {
        let values = || group.iter().map(|e| e.value);
        let value = match name {
            "sum" => values().sum(),
            "avg" => values().sum::<f64>() / group.len() as f64,
            "count" => group.len() as f64,
            "max" => values().fold(f64::NEG_INFINITY, f64::max),
            "min" => values().fold(f64::INFINITY, f64::min),
            other => bail!("the aggregation {other} is not built here"),
        };
        Ok(Element { labels, value })
    };
    Ok(Value::Vector(groups.into_iter().map(element).collect::<Result<_>>()?))
}

/// What an arithmetic operator gives; a comparison gives its left side where it holds.
fn apply(op: Op, left: f64, right: f64) -> Option<f64> {
    let holds = |is: bool| is.then_some(left);
    match op {
        Op::Add => Some(left + right),
        Op::Sub => Some(left - right),
        Op::Mul => Some(left * right),
        Op::Div => Some(left / right),
        Op::Eq => holds(left == right),
        Op::Ne => holds(left != right),
        Op::Gt => holds(left > right),
        Op::Lt => holds(left < right),
        Op::Ge => holds(left >= right),
        Op::Le => holds(left <= right),
        Op::And | Op::Or | Op::Unless => None,
    }
}

fn binary(op: Op, left: Value, right: Value) -> Result<Value> {
    let named = |labels: &Labels| if op.compares() { labels.clone() } else { without(labels, &[NAME]) };
    Ok(match (left, right) {
        (Value::Scalar(l), Value::Scalar(r)) => Value::Scalar(apply(op, l, r).context("a comparison of numbers")?),
        (Value::Vector(all), Value::Scalar(r)) => Value::Vector(
            all.into_iter()
                .filter_map(|e| apply(op, e.value, r).map(|value| Element { labels: named(&e.labels), value }))
                .collect(),
        ),
        (Value::Scalar(l), Value::Vector(all)) => {
            ensure!(!op.compares(), "a number compared with a vector");
            let element = |e: Element| apply(op, l, e.value).map(|value| Element { labels: named(&e.labels), value });
            Value::Vector(all.into_iter().filter_map(element).collect())
        }
        (Value::Vector(left), Value::Vector(right)) => Value::Vector(matched(op, left, right)?),
    })
}

fn matched(op: Op, left: Vec<Element>, right: Vec<Element>) -> Result<Vec<Element>> {
    let key = |labels: &Labels| without(labels, &[NAME]);
    let mut others: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
    for element in &right {
        others.entry(key(&element.labels)).or_default().push(element.value);
    }
    if op.of_sets() {
        let there = |e: &Element| others.contains_key(&key(&e.labels));
        return match op {
            Op::And => Ok(left.into_iter().filter(there).collect()),
            Op::Unless => Ok(left.into_iter().filter(|e| !there(e)).collect()),
            _ => {
                let mine: Vec<Labels> = left.iter().map(|e| key(&e.labels)).collect();
                Ok(left.into_iter().chain(right.into_iter().filter(|e| !mine.contains(&key(&e.labels)))).collect())
            }
        };
    }
    let mut found = Vec::new();
    for element in left {
        let Some(values) = others.get(&key(&element.labels)) else { continue };
        let [other] = values.as_slice() else { bail!("two elements of {:?} on the right", key(&element.labels)) };
        if let Some(value) = apply(op, element.value, *other) {
            let labels = if op.compares() { element.labels } else { without(&element.labels, &[NAME]) };
            found.push(Element { labels, value });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(l, v)| ((*l).to_owned(), (*v).to_owned())).collect()
    }

    fn two() -> Vec<Series> {
        [("a", 0.0, 30.0), ("b", 6.0, 12.0)]
            .into_iter()
            .map(|(job, first, last)| Series {
                labels: labels(&[(NAME, "x"), ("job", job)]),
                points: vec![(0, first), (60_000, last)],
            })
            .collect()
    }

    fn ask(text: &str) -> Vec<(Labels, f64)> {
        let expr = parse(text).expect(text);
        evaluate(&expr, &two().iter().collect::<Vec<_>>(), 60_000)
            .expect(text)
            .into_iter()
            .map(|e| (e.labels, e.value))
            .collect()
    }

    #[test]
    fn shapes_of_answers_are_prometheus_s() {
        let (a, b) = (labels(&[("job", "a")]), labels(&[("job", "b")]));
        let named = labels(&[(NAME, "x"), ("job", "a")]);
        assert_eq!(ask("x > 20"), [(named.clone(), 30.0)]);
        assert_eq!(ask("topk(1, x)"), [(named.clone(), 30.0)]);
        assert_eq!(ask("x and (x > 20)"), [(named, 30.0)]);
        assert_eq!(ask("x / x"), [(a.clone(), 1.0), (b.clone(), 1.0)]);
        assert_eq!(ask("sum(x) by (job) * 2 + 1"), [(a.clone(), 61.0), (b.clone(), 25.0)]);
        assert_eq!(ask("sum without (job) (x)"), [(Labels::new(), 42.0)]);
        assert_eq!(ask("100 - x{job=\"b\"}"), [(b.clone(), 88.0)]);
        assert_eq!(ask("count({__name__=~\"x.*\"}) by (__name__)"), [(labels(&[(NAME, "x")]), 2.0)]);
        assert_eq!(ask("max_over_time(x[2m])"), [(a, 30.0), (b, 12.0)]);
        assert_eq!(ask("x offset 5m"), []);
        assert_eq!(ask("time()"), [(Labels::new(), 60.0)]);
    }

    #[test]
    fn a_subquery_steps_on_whole_steps() {
        // At 0 s and at 60 s; the first lies on the open end of the range.
        assert_eq!(ask("avg_over_time(x[1m:1m])").iter().map(|e| e.1).collect::<Vec<_>>(), [30.0, 12.0]);
        let wider = "avg_over_time(x[61s:1m])";
        assert_eq!(ask(wider).iter().map(|e| e.1).collect::<Vec<_>>(), [15.0, 9.0]);
    }

    #[test]
    fn what_is_not_built_is_refused() {
        for text in ["sum(", "x{", "x[5m", "deriv(x[5m])", "quantile(0.5, x)"] {
            assert!(parse(text).and_then(|e| evaluate(&e, &[], 60_000)).is_err(), "{text}");
        }
    }
}
