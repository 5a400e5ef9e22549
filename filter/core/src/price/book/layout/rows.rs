//! The tables and their rows.

use std::borrow::Cow;

use super::{TooMany, small};

/// A piece of the common text, in four bytes: there are thousands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text {
    /// First byte, modulo 2^16.
    pub low: u16,
    /// The rest of it.
    pub high: u8,
    /// Bytes.
    pub len: u8,
}

impl Text {
    pub(super) fn new(at: usize, len: usize) -> Result<Self, TooMany> {
        let high = small(at >> 16, "bytes of names")?;
        Ok(Self { low: (at & 0xFFFF) as u16, high, len: small(len, "bytes of a name")? })
    }

    /// First byte.
    pub fn at(self) -> usize {
        usize::from(self.high) << 16 | usize::from(self.low)
    }
}

/// Rows of a table that belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// First row.
    pub from: u16,
    /// Rows.
    pub count: u16,
}

/// One provider id. Several may share the same names (`same_as`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderRow {
    /// The filter's id.
    pub id: Text,
    /// Of the names, sorted.
    pub names: Span,
    /// Of the list of providers that it serves too, in order of preference.
    pub fallback: Span,
    /// Empty: none.
    pub free_suffix: Text,
    /// A kind of token without a rate costs what its whole costs.
    pub inherits: bool,
    /// Reasoning is told beside the output.
    pub reasoning_beside: bool,
}

/// One spelling of a model, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameRow {
    /// Itself.
    pub text: Text,
    /// Which model.
    pub model: u16,
}

/// One model: its own spelling and where its entries stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelRow {
    /// Its name.
    pub text: Text,
    /// First entry: the price entries, then the variants.
    pub entries: u16,
    /// Price entries.
    pub prices: u8,
    /// Variants.
    pub variants: u8,
    /// Which terms; 0: none.
    pub terms: u8,
    /// A date may follow such names as take one (`takes_date`).
    pub dated: bool,
}

/// What few models have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TermsRow {
    /// Bit per prefix of `GEO_PREFIXES` that names may carry.
    pub geo: u16,
    /// Nothing is charged.
    pub free: bool,
    /// Capacity was bought.
    pub provisioned: bool,
    /// Of the multipliers.
    pub multipliers: Span,
    /// Of the bounds.
    pub bounds: Span,
}

/// What tokens cost more or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MultiplierRow {
    /// First day, in days since 1970; 0: always.
    pub from: u16,
    /// Hundredths.
    pub by: u16,
    /// Which conditions.
    pub when: u8,
}

/// Least or most that is billed of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BoundRow {
    /// Billionths of the dimension's unit.
    pub quantity: u64,
    /// Of what.
    pub dimension: u8,
    /// Whether it is the most.
    pub most: bool,
}

/// A price entry or a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRow {
    /// First day, in days since 1970; 0: always.
    pub from: u16,
    /// Where its rates begin.
    pub rates: u16,
    /// Which hours; 0: always.
    pub hours: u8,
    /// Which conditions; of no meaning in a price entry.
    pub when: u8,
}

/// Hours of some days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HoursRow {
    /// Minute of the day.
    pub start: u16,
    /// First minute after it; equal to the start: all day.
    pub end: u16,
    /// Bit per weekday, Monday the lowest.
    pub days: u8,
    /// On whose days they do not begin; 0: none.
    pub calendar: u8,
}

/// A calendar's name and its days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CalendarRow {
    /// Its name in the file.
    pub name: Text,
    /// Of the days.
    pub days: Span,
}

/// One condition: a key and the values of which one must have been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConditionRow {
    /// Of the values.
    pub values: Span,
    /// `Key` as a number.
    pub key: u8,
}

/// What a rate is for. Shapes list a dimension's rate without tier first, then its tiers, rising.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellRow {
    /// `Dimension` as a number.
    pub dimension: u8,
    /// Which limit that must be exceeded, counted from 1; 0: none.
    pub tier: u8,
}

macro_rules! tables {
    ($($(#[$doc:meta])* $table:ident: $row:ty,)*) => {
        /// A book. Rows refer to each other by index.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Tables {
            /// Every name, one after the other or inside each other.
            pub text: Cow<'static, str>,
            $($(#[$doc])* pub $table: Cow<'static, [$row]>,)*
        }

        impl Tables {
            /// The tables as a Rust expression.
            pub fn to_source(&self) -> String {
                let mut source = format!("Tables {{\n    text: Cow::Borrowed({:?}),\n", self.text);
                $(
                    source += concat!("    ", stringify!($table), ": Cow::Borrowed(&[\n");
                    for row in self.$table.iter() {
                        source += &format!("        {row:?},\n");
                    }
                    source += "    ]),\n";
                )*
                source + "}"
            }

            /// Bytes that they take.
            pub fn size(&self) -> usize {
                self.text.len() $(+ size_of_val(&*self.$table))*
            }
        }
    };
}

tables! {
    /// Sorted by id.
    providers: ProviderRow,
    /// Sorted by text within each provider.
    names: NameRow,
    /// In the order of the files.
    models: ModelRow,
    /// By model.
    entries: EntryRow,
    /// Sets of rates: which shape a set has, then a figure for each cell of the shape.
    rates: u16,
    /// Of the cells: most entries have one of a few sets of dimensions and tiers.
    shapes: Span,
    /// By shape.
    cells: CellRow,
    /// In 1e-15 dollars.
    figures: u64,
    /// Input tokens that must be exceeded.
    tiers: u64,
    /// Indices of providers.
    fallbacks: u8,
    /// The first one says nothing.
    terms: TermsRow,
    /// By terms.
    multipliers: MultiplierRow,
    /// By terms.
    bounds: BoundRow,
    /// The first one is always.
    hours: HoursRow,
    /// The first one is empty.
    calendars: CalendarRow,
    /// Days since 1970, rising within each calendar.
    days: u16,
    /// Lists of conditions.
    whens: Span,
    /// By list.
    conditions: ConditionRow,
    /// Values of conditions, in lower case.
    values: Text,
}
