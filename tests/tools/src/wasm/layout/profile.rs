//! What ran: the committed text, and how it is made of counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use super::LayoutError;

/// What a branch did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    /// Never taken.
    Never,
    /// Taken each time.
    Always,
    /// Both, or it was never come to.
    Open,
}

impl Branch {
    /// Of a branch that was come to `total` times.
    pub(super) fn counted(total: u32, taken: u32) -> Self {
        match (total, taken) {
            (0, _) => Self::Open,
            (_, 0) => Self::Never,
            (total, taken) if total == taken => Self::Always,
            _ => Self::Open,
        }
    }

    const fn sign(self) -> char {
        match self {
            Self::Never => '-',
            Self::Always => '+',
            Self::Open => '.',
        }
    }

    fn of(sign: char) -> Option<Self> {
        [Self::Never, Self::Always, Self::Open].into_iter().find(|branch| branch.sign() == sign)
    }
}

/// The functions that run in an exchange, by name, and what their branches do.
///
/// As text: a line per function, its branches in the order of its body (`-` never taken, `+` always, `.` both ways or
/// not come to; `=` for none), a space, its demangled name. Lines that begin with `#` are for the reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Instances of a generic function can share a name: then the number of branches tells them apart, and what two
    /// that are alike in both do differently stays open.
    functions: BTreeMap<(String, usize), Vec<Branch>>,
    names: BTreeSet<String>,
}

impl Profile {
    /// Reads its text form.
    ///
    /// # Errors
    /// The number of a line that is none.
    pub fn parse(text: &str) -> Result<Self, LayoutError> {
        let mut profile = Self::default();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')) {
            let (signs, name) = line.split_once(' ').ok_or(LayoutError::Profile { line: index + 1 })?;
            let branches = match signs {
                "=" => Some(Vec::new()),
                signs => signs.chars().map(Branch::of).collect(),
            };
            profile.add(name, branches.ok_or(LayoutError::Profile { line: index + 1 })?);
        }
        Ok(profile)
    }

    /// How many functions run.
    pub fn len(&self) -> usize {
        self.functions.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.functions.is_empty()
    }

    pub(super) fn add(&mut self, name: &str, branches: Vec<Branch>) {
        self.names.insert(name.to_owned());
        match self.functions.get_mut(&(name.to_owned(), branches.len())) {
            Some(known) => {
                for (known, new) in known.iter_mut().zip(branches) {
                    if *known != new {
                        *known = Branch::Open;
                    }
                }
            }
            None => {
                self.functions.insert((name.to_owned(), branches.len()), branches);
            }
        }
    }

    pub(super) fn runs(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    pub(super) fn has(&self, name: &str, count: usize) -> bool {
        self.functions.contains_key(&(name.to_owned(), count))
    }

    /// What the branches of the function of that name do; nothing where it has another number of them than it had.
    pub(super) fn branches(&self, name: &str, count: usize) -> &[Branch] {
        self.functions.get(&(name.to_owned(), count)).map_or(&[], Vec::as_slice)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((name, _), branches) in &self.functions {
            let signs: String = branches.iter().map(|branch| branch.sign()).collect();
            writeln!(f, "{} {name}", if signs.is_empty() { "=" } else { &signs })?;
        }
        Ok(())
    }
}
