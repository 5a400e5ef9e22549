//! Tokens to an expression.

use anyhow::{Context, Result, bail, ensure};

use super::lex::{Token, tokens};

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    And,
    Or,
    Unless,
}

impl Op {
    fn of(token: &Token) -> Option<Self> {
        Some(match token {
            Token::Mark("+") => Self::Add,
            Token::Mark("-") => Self::Sub,
            Token::Mark("*") => Self::Mul,
            Token::Mark("/") => Self::Div,
            Token::Mark("==") => Self::Eq,
            Token::Mark("!=") => Self::Ne,
            Token::Mark(">") => Self::Gt,
            Token::Mark("<") => Self::Lt,
            Token::Mark(">=") => Self::Ge,
            Token::Mark("<=") => Self::Le,
            Token::Word(word) if word == "and" => Self::And,
            Token::Word(word) if word == "or" => Self::Or,
            Token::Word(word) if word == "unless" => Self::Unless,
            _ => return None,
        })
    }

    fn binds(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Eq | Self::Ne | Self::Gt | Self::Lt | Self::Ge | Self::Le => 3,
            Self::Add | Self::Sub => 4,
            Self::Mul | Self::Div => 5,
        }
    }

    /// Whether it keeps or drops elements by comparing values.
    pub fn compares(self) -> bool {
        self.binds() == 3
    }

    /// Whether it works on sets of labels.
    pub fn of_sets(self) -> bool {
        self.binds() < 3
    }
}

/// How a label is matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    /// Label.
    pub label: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub how: &'static str,
    /// Value or pattern.
    pub value: String,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A number.
    Number(f64),
    /// Series by name and labels; `range` in milliseconds where a matrix is meant.
    Select {
        /// What must match, the name among it.
        matchers: Vec<Matcher>,
        /// Milliseconds back.
        range: Option<i64>,
        /// Milliseconds.
        offset: i64,
    },
    /// An expression evaluated again and again.
    Subquery {
        /// What.
        of: Box<Self>,
        /// Milliseconds back.
        range: i64,
        /// Milliseconds between.
        step: i64,
        /// Milliseconds.
        offset: i64,
    },
    /// A function.
    Call {
        /// Name.
        name: String,
        /// Arguments.
        arguments: Vec<Self>,
    },
    /// An aggregation.
    Aggregate {
        /// sum, avg, count, ...
        name: String,
        /// First argument of `topk`.
        parameter: Option<Box<Self>>,
        /// Labels that stay.
        by: Vec<String>,
        /// Whether `by` says what goes instead.
        without: bool,
        /// Over what.
        of: Box<Self>,
    },
    /// An operator between two.
    Binary {
        /// Operator.
        op: Op,
        /// Left.
        left: Box<Self>,
        /// Right.
        right: Box<Self>,
    },
}

impl Expr {
    /// Tells every metric name that is selected, `None` for a selection without a name.
    pub fn names<'a>(&'a self, each: &mut impl FnMut(Option<&'a str>)) {
        match self {
            Self::Number(_) => {}
            Self::Select { matchers, .. } => {
                let name = matchers.iter().find(|m| m.label == super::NAME && m.how == "=");
                each(name.map(|m| m.value.as_str()));
            }
            Self::Subquery { of, .. } | Self::Aggregate { of, .. } => of.names(each),
            Self::Call { arguments, .. } => arguments.iter().for_each(|a| a.names(each)),
            Self::Binary { left, right, .. } => {
                left.names(each);
                right.names(each);
            }
        }
    }

    /// How far back it looks, milliseconds; an instant selection looks back as Prometheus does.
    pub fn reach(&self) -> i64 {
        match self {
            Self::Number(_) => 0,
            Self::Select { range, offset, .. } => range.unwrap_or(super::eval::LOOK_BACK) + offset,
            Self::Subquery { of, range, offset, .. } => of.reach() + range + offset,
            Self::Aggregate { of, .. } => of.reach(),
            Self::Call { arguments, .. } => arguments.iter().map(Self::reach).max().unwrap_or(0),
            Self::Binary { left, right, .. } => left.reach().max(right.reach()),
        }
    }

    /// Whether its outermost operator keeps or drops elements: an alert's condition, empty where it does not hold.
    pub fn is_condition(&self) -> bool {
        matches!(self, Self::Binary { op, .. } if op.compares() || op.of_sets())
    }
}

const AGGREGATIONS: [&str; 6] = ["sum", "avg", "count", "topk", "max", "min"];

/// Reads an expression.
///
/// # Errors
/// It is none, or uses what no expression of the sources uses.
pub fn parse(text: &str) -> Result<Expr> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0 };
    let expr = parser.binary(1).with_context(|| text.to_owned())?;
    ensure!(parser.at == tokens.len(), "{text}: what is behind {:?}", tokens.get(parser.at));
    Ok(expr)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<&Token> {
        let token = self.tokens.get(self.at).context("more")?;
        self.at += 1;
        Ok(token)
    }

    fn took(&mut self, mark: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Mark(m)) if *m == mark);
        self.at += usize::from(is);
        is
    }

    fn mark(&mut self, mark: &str) -> Result<()> {
        ensure!(self.took(mark), "expected {mark}, found {:?}", self.peek());
        Ok(())
    }

    fn took_word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(w)) if w == word);
        self.at += usize::from(is);
        is
    }

    fn binary(&mut self, least: u8) -> Result<Expr> {
        let mut left = self.postfix()?;
        while let Some(op) = self.peek().and_then(Op::of).filter(|op| op.binds() >= least) {
            self.at += 1;
            let right = self.binary(op.binds() + 1)?;
            left = Expr::Binary { op, left: Box::new(left), right: Box::new(right) };
        }
        Ok(left)
    }

    /// A primary and what stands behind it: `[5m]`, `[1h:5m]`, `offset 1h`.
    fn postfix(&mut self) -> Result<Expr> {
        let mut expr = self.primary()?;
        loop {
            if self.took("[") {
                let back = self.duration()?;
                if self.took(":") {
                    let step = self.duration()?;
                    expr = Expr::Subquery { of: Box::new(expr), range: back, step, offset: 0 };
                } else {
                    let Expr::Select { range, .. } = &mut expr else { bail!("a range of what is no selection") };
                    *range = Some(back);
                }
                self.mark("]")?;
            } else if self.took_word("offset") {
                let back = self.duration()?;
                match &mut expr {
                    Expr::Select { offset, .. } | Expr::Subquery { offset, .. } => *offset = back,
                    _ => bail!("an offset of what is no selection"),
                }
            } else {
                return Ok(expr);
            }
        }
    }

    fn duration(&mut self) -> Result<i64> {
        match self.next()? {
            Token::Duration(ms) => Ok(*ms),
            other => bail!("expected a duration, found {other:?}"),
        }
    }

    fn primary(&mut self) -> Result<Expr> {
        if self.took("(") {
            let inner = self.binary(1)?;
            self.mark(")")?;
            return Ok(inner);
        }
        if self.took("{") {
            return Ok(Expr::Select { matchers: self.matchers()?, range: None, offset: 0 });
        }
        match self.next()?.clone() {
            Token::Number(value) => Ok(Expr::Number(value)),
            Token::Word(word) if AGGREGATIONS.contains(&word.as_str()) => self.aggregate(word),
            Token::Word(word) if self.took("(") => {
                Ok(Expr::Call { name: word, arguments: self.list(")", |p| p.binary(1))? })
            }
            Token::Word(word) => {
                let name = Matcher { label: super::NAME.to_owned(), how: "=", value: word };
                let mut matchers = if self.took("{") { self.matchers()? } else { Vec::new() };
                matchers.push(name);
                Ok(Expr::Select { matchers, range: None, offset: 0 })
            }
            other => bail!("expected an expression, found {other:?}"),
        }
    }

    fn aggregate(&mut self, name: String) -> Result<Expr> {
        let mut grouping = self.grouping()?;
        self.mark("(")?;
        let mut arguments = self.list(")", |p| p.binary(1))?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let (by, without) = grouping.unwrap_or_default();
        let of = Box::new(arguments.pop().context("an argument")?);
        Ok(Expr::Aggregate { name, parameter: arguments.pop().map(Box::new), by, without, of })
    }

    fn grouping(&mut self) -> Result<Option<(Vec<String>, bool)>> {
        let without = self.took_word("without");
        if !without && !self.took_word("by") {
            return Ok(None);
        }
        self.mark("(")?;
        let labels = self.list(")", |p| match p.next()? {
            Token::Word(word) => Ok(word.clone()),
            other => bail!("expected a label, found {other:?}"),
        })?;
        Ok(Some((labels, without)))
    }

    fn matchers(&mut self) -> Result<Vec<Matcher>> {
        self.list("}", |p| {
            let Token::Word(label) = p.next()?.clone() else { bail!("expected a label") };
            let how = match p.next()? {
                Token::Mark(how @ ("=" | "!=" | "=~" | "!~")) => *how,
                other => bail!("expected a matcher, found {other:?}"),
            };
            let Token::Text(value) = p.next()?.clone() else { bail!("expected a text") };
            Ok(Matcher { label, how, value })
        })
    }

    fn list<T>(&mut self, end: &str, one: impl Fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut all = Vec::new();
        while !self.took(end) {
            all.push(one(self)?);
            if !self.took(",") {
                self.mark(end)?;
                break;
            }
        }
        Ok(all)
    }
}
