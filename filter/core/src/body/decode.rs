//! Content encodings, undone on a copy as the body comes.
//!
//! Bounds hold against small bodies that swell: [`DECODED_LIMIT`] and [`RATIO_LIMIT`]. A new encoding is one variant of
//! [`Decoder`] that pushes decoded runs into the same sink.

mod gzip;

pub(crate) use gzip::Gzip;

/// Most decoded bytes of one body. The largest answers are images in base64 (some 30 MB).
pub(crate) const DECODED_LIMIT: u64 = 128 * 1024 * 1024;

/// Most decoded bytes per encoded byte, once [`RATIO_FLOOR`] is passed. Token streams, the most repetitive real bodies,
/// stay below 60; deflate can reach 1032.
pub(crate) const RATIO_LIMIT: u64 = 300;

/// Decoded bytes below which the ratio does not matter.
pub(crate) const RATIO_FLOOR: u64 = 4 * 1024 * 1024;

/// First byte of a gzip member. No JSON, SSE or AWS event stream begins with it.
pub(crate) const GZIP_MAGIC: u8 = 0x1F;

/// Why decoding ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The bytes are not what the encoding promises.
    Corrupt,
    /// A bound was passed.
    TooLarge,
}

/// What `content-encoding` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    Gzip,
    /// One that is not read, or several on top of each other.
    Unsupported,
}

impl Encoding {
    pub(crate) fn parse(header: Option<&[u8]>) -> Self {
        let Some(header) = header else { return Self::Identity };
        let Ok(text) = str::from_utf8(header) else { return Self::Unsupported };
        let mut codings =
            text.split(',').map(|c| c.trim().to_ascii_lowercase()).filter(|c| !c.is_empty() && c != "identity");
        match (codings.next().as_deref(), codings.next()) {
            (None, _) => Self::Identity,
            // RFC 9110 8.4.1.3: x-gzip is the same.
            (Some("gzip" | "x-gzip"), None) => Self::Gzip,
            _ => Self::Unsupported,
        }
    }
}

/// A body's decoder. The first byte decides whether the header told the truth about gzip.
#[derive(Debug)]
pub(crate) enum Decoder {
    /// No byte yet.
    Undecided(Encoding),
    Identity,
    Gzip(Box<Gzip>),
    Unsupported,
    Stopped(Stop),
}

impl Decoder {
    /// Decodes a cut and hands on what comes out, run by run.
    pub(crate) fn feed(&mut self, cut: &[u8], mut sink: impl FnMut(&[u8])) {
        if let (Self::Undecided(encoding), Some(first)) = (&*self, cut.first()) {
            *self = match encoding {
                Encoding::Unsupported => Self::Unsupported,
                // A proxy that unpacked the body may have left the header; one that packed it may have lost it.
                Encoding::Identity | Encoding::Gzip if *first == GZIP_MAGIC => Self::Gzip(Box::new(Gzip::new())),
                Encoding::Identity | Encoding::Gzip => Self::Identity,
            };
        }
        match self {
            Self::Identity => sink(cut),
            Self::Gzip(gzip) => {
                if let Err(stop) = gzip.feed(cut, &mut sink) {
                    *self = Self::Stopped(stop);
                }
            }
            Self::Undecided(_) | Self::Unsupported | Self::Stopped(_) => {}
        }
    }

    /// Whether the encoded bytes stop inside a member.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(self, Self::Gzip(gzip) if gzip.is_cut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_one_known_coding_are_read() {
        let parse = |h: &str| Encoding::parse(Some(h.as_bytes()));
        assert_eq!(Encoding::parse(None), Encoding::Identity);
        assert_eq!(parse(""), Encoding::Identity);
        assert_eq!(parse("Identity"), Encoding::Identity);
        assert_eq!(parse(" GZIP , identity"), Encoding::Gzip);
        assert_eq!(parse("x-gzip"), Encoding::Gzip);
        assert_eq!(parse("br"), Encoding::Unsupported);
        assert_eq!(parse("gzip, gzip"), Encoding::Unsupported);
        assert_eq!(Encoding::parse(Some(b"\xff")), Encoding::Unsupported);
    }
}
