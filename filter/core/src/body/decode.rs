//! Content encodings, undone on a copy as the body comes.
//!
//! ```text
//! cut -> outer layer (br) -> run -> inner layer (gzip) -> run -> frame
//! ```
//!
//! What a cut lets come out is handed on at once, so that the events of a stream which its server flushes are seen when
//! they pass. Bounds hold against small bodies that swell (see `output`) and against large windows (see each coding). A
//! new coding is one variant of `Coding` and one type that pushes decoded runs into an [`Output`].

mod br;
mod coding;
mod deflate;
mod gzip;
mod inflate;
mod layer;
mod output;
mod zstd;

use coding::Encoding;
use layer::Layer;
use output::Output;
pub(crate) use output::{DECODED_LIMIT, RATIO_FLOOR, RATIO_LIMIT};

/// Bytes that come out of a decoder at once: small beside every window, large beside the cost of a call.
const RUN: usize = 8 * 1024;

/// Why decoding ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The bytes are not what the encoding promises.
    Corrupt,
    /// A bound was passed.
    TooLarge,
    /// The coding is known, but not what it needs (a dictionary).
    Unsupported,
}

/// A body's decoder.
#[derive(Debug)]
pub(crate) enum Decoder {
    /// One layer for each coding; the inner one is there where two lie on top of each other.
    Layers {
        outer: Layer,
        inner: Option<Box<Layer>>,
    },
    Stopped(Stop),
}

impl Decoder {
    /// The decoder of a body whose `content-encoding` is `header`.
    pub(crate) fn new(header: Option<&[u8]>) -> Self {
        match Encoding::parse(header) {
            Encoding::Known { outer, inner } => {
                Self::Layers { outer: Layer::new(outer), inner: inner.map(|coding| Box::new(Layer::new(Some(coding)))) }
            }
            Encoding::Unsupported => Self::Stopped(Stop::Unsupported),
        }
    }

    /// Decodes a cut and hands on what comes out, run by run.
    #[inline]
    pub(crate) fn feed(&mut self, cut: &[u8], mut sink: impl FnMut(&[u8])) {
        match self {
            Self::Layers { outer, inner: None } if outer.is_identity() => sink(cut),
            Self::Layers { .. } => self.decode(cut, &mut sink),
            Self::Stopped(_) => {}
        }
    }

    fn decode(&mut self, cut: &[u8], sink: &mut dyn FnMut(&[u8])) {
        let Self::Layers { outer, inner } = self else { return };
        let result = outer.feed(cut, None, &mut |run, encoded| match inner {
            Some(inner) => inner.feed(run, Some(encoded), &mut |run, _| {
                sink(run);
                Ok(())
            }),
            None => {
                sink(run);
                Ok(())
            }
        });
        if let Err(stop) = result {
            *self = Self::Stopped(stop);
        }
    }

    /// Whether the encoded bytes stop inside what a coding must end by itself.
    pub(crate) fn is_cut(&self) -> bool {
        match self {
            Self::Layers { outer, inner } => outer.is_cut() || inner.as_ref().is_some_and(|inner| inner.is_cut()),
            Self::Stopped(_) => false,
        }
    }

    /// Why decoding ended early, if it did.
    pub(crate) fn stopped(&self) -> Option<Stop> {
        match self {
            Self::Stopped(stop) => Some(*stop),
            Self::Layers { .. } => None,
        }
    }
}
