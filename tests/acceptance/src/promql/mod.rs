//! As much of PromQL as the sources' expressions use, evaluated over samples that are given: Prometheus' rules, written
//! once more from its documentation, so that an expected answer is the expression's own, extrapolation included.

mod eval;
mod functions;
mod lex;
mod parse;

pub use eval::{Element, evaluate};
pub use functions::rate;
pub use parse::{Expr, Op, parse};

use std::collections::BTreeMap;

/// Labels of a series; the metric's name is `__name__`.
pub type Labels = BTreeMap<String, String>;

/// The label that holds the metric's name.
pub const NAME: &str = "__name__";

/// One point: milliseconds since 1970, value.
pub type Point = (i64, f64);

/// One series, its points in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Labels, with the name.
    pub labels: Labels,
    /// Points.
    pub points: Vec<Point>,
}
