//! What `content-encoding` says, and what the first bytes of a body say of it.

/// A coding that can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// RFC 1952.
    Gzip,
    /// RFC 1950 (zlib) by RFC 9110, RFC 1951 (bare) by many servers.
    Deflate,
    /// RFC 7932.
    Br,
    /// RFC 8878.
    Zstd,
}

/// What `content-encoding` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// No coding (`identity`), one, or two on top of each other; the outer one was applied last.
    Known { outer: Option<Coding>, inner: Option<Coding> },
    /// One that is not read, or more than two: each has a window of its own, and nobody sends three.
    Unsupported,
}

impl Encoding {
    pub(super) fn parse(header: Option<&[u8]>) -> Self {
        let Some(header) = header else { return Self::Known { outer: None, inner: None } };
        let Ok(text) = str::from_utf8(header) else { return Self::Unsupported };
        // RFC 9110 8.4: in the order in which they were applied.
        let mut codings = text.split(',').map(|c| c.trim().to_ascii_lowercase()).rev();
        let mut known = [None; 2];
        for name in codings.by_ref().filter(|c| !c.is_empty() && c != "identity") {
            match (Coding::parse(&name), known.iter_mut().find(|slot| slot.is_none())) {
                (Some(coding), Some(slot)) => *slot = Some(coding),
                _ => return Self::Unsupported,
            }
        }
        let [outer, inner] = known;
        Self::Known { outer, inner }
    }
}

/// Bytes that always suffice to tell.
pub(super) const HEAD: usize = 5;

/// First byte of a gzip member. No JSON, SSE or AWS event stream begins with it.
pub(super) const GZIP_MAGIC: u8 = 0x1F;

/// First bytes of a zstd frame, and of one that is to be skipped but for the low half of its first byte.
pub(super) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
pub(super) const SKIPPABLE: [u8; 4] = [0x50, 0x2A, 0x4D, 0x18];

/// Beginnings of JSON and SSE that no br stream has and no deflate stream of JSON or SSE (bare: `{` and `:` would be
/// the end of a UTF-8 character, `data` and `event` have impossible code lengths). The tests hold this.
const PLAIN: [&[u8]; 4] = [b"{", b":", b"data:", b"event"];

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Coded(Coding),
    Plain,
    /// More bytes are wanted, [`HEAD`] at most.
    Open,
}

impl Coding {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            // RFC 9110 8.4.1.3: x-gzip is the same.
            "gzip" | "x-gzip" => Self::Gzip,
            "deflate" => Self::Deflate,
            "br" => Self::Br,
            "zstd" => Self::Zstd,
            _ => return None,
        })
    }

    /// The coding of a body that is `named` so and begins with `head` (not empty). A proxy that unpacked the body may
    /// have left the header; one that packed it may have lost it. So magic numbers are believed more than names.
    pub(super) fn tell(named: Option<Self>, head: &[u8]) -> Told {
        let gzip = head.first() == Some(&GZIP_MAGIC);
        match named {
            // As br this could be a beginning, too.
            Some(Self::Br) => plain_or(head, Self::Br),
            // As deflate it would be of a kind that is none.
            _ if gzip => Told::Coded(Self::Gzip),
            Some(Self::Deflate) => plain_or(head, Self::Deflate),
            None | Some(Self::Gzip | Self::Zstd) => {
                let skippable = head.first().is_some_and(|first| first & 0xF0 == SKIPPABLE[0]);
                let magic = if named == Some(Self::Zstd) && skippable {
                    begins(head.get(1..).unwrap_or_default(), &SKIPPABLE[1..])
                } else {
                    begins(head, &ZSTD_MAGIC)
                };
                match magic {
                    Some(true) => Told::Coded(Self::Zstd),
                    Some(false) => Told::Plain,
                    None => Told::Open,
                }
            }
        }
    }
}

fn plain_or(head: &[u8], coding: Coding) -> Told {
    let mut told = Told::Coded(coding);
    for beginning in PLAIN {
        match begins(head, beginning) {
            Some(true) => return Told::Plain,
            Some(false) => {}
            None => told = Told::Open,
        }
    }
    told
}

/// Whether `head` begins with `wanted`; `None` where it is too short to say.
fn begins(head: &[u8], wanted: &[u8]) -> Option<bool> {
    if head.len() < wanted.len() && wanted.starts_with(head) { None } else { Some(head.starts_with(wanted)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: &str) -> Encoding {
        Encoding::parse(Some(header.as_bytes()))
    }

    fn known(outer: impl Into<Option<Coding>>, inner: impl Into<Option<Coding>>) -> Encoding {
        Encoding::Known { outer: outer.into(), inner: inner.into() }
    }

    #[test]
    fn headers_of_known_codings_are_read() {
        assert_eq!(Encoding::parse(None), known(None, None));
        for identity in ["", "Identity", " , identity ,"] {
            assert_eq!(parse(identity), known(None, None), "{identity:?}");
        }
        assert_eq!(parse(" GZIP , identity"), known(Coding::Gzip, None));
        assert_eq!(parse("x-gzip"), known(Coding::Gzip, None));
        assert_eq!(parse("deflate"), known(Coding::Deflate, None));
        assert_eq!(parse("Br"), known(Coding::Br, None));
        assert_eq!(parse("zstd"), known(Coding::Zstd, None));
    }

    #[test]
    fn the_last_coding_is_the_outer_one_and_three_are_too_many() {
        assert_eq!(parse("gzip, br"), known(Coding::Br, Coding::Gzip));
        assert_eq!(parse("zstd,identity, deflate"), known(Coding::Deflate, Coding::Zstd));
        for other in ["gzip, gzip, gzip", "compress", "gzip, dcb", "dcz, gzip", "aws-chunked", "gzip;q=1"] {
            assert_eq!(parse(other), Encoding::Unsupported, "{other}");
        }
        assert_eq!(Encoding::parse(Some(b"\xff")), Encoding::Unsupported);
    }

    #[test]
    fn magic_numbers_are_believed_more_than_names() {
        let frame = [0x28, 0xB5, 0x2F, 0xFD, 0x04];
        for named in [None, Some(Coding::Gzip), Some(Coding::Zstd)] {
            assert_eq!(Coding::tell(named, &[0x1F]), Told::Coded(Coding::Gzip), "{named:?}");
            assert_eq!(Coding::tell(named, &frame), Told::Coded(Coding::Zstd), "{named:?}");
            assert_eq!(Coding::tell(named, &frame[..3]), Told::Open, "{named:?}");
            for plain in [&b"{"[..], b"data", b"(x", b"\0\0\0", b"\xef\xbb\xbf"] {
                assert_eq!(Coding::tell(named, plain), Told::Plain, "{named:?}");
            }
        }
        let skipped = [0x5A, 0x2A, 0x4D, 0x18];
        assert_eq!(Coding::tell(Some(Coding::Zstd), &skipped), Told::Coded(Coding::Zstd));
        assert_eq!(Coding::tell(Some(Coding::Zstd), &skipped[..3]), Told::Open);
        assert_eq!(Coding::tell(Some(Coding::Zstd), b"["), Told::Open);
        assert_eq!(Coding::tell(Some(Coding::Zstd), b"[{"), Told::Plain);
        assert_eq!(Coding::tell(None, b"["), Told::Plain);
        assert_eq!(Coding::tell(Some(Coding::Deflate), &[0x1F]), Told::Coded(Coding::Gzip));
        assert_eq!(Coding::tell(Some(Coding::Br), &[0x1F]), Told::Coded(Coding::Br));
    }

    #[test]
    fn five_bytes_always_suffice() {
        for named in [None, Some(Coding::Gzip), Some(Coding::Deflate), Some(Coding::Br), Some(Coding::Zstd)] {
            let mut heads = PLAIN.to_vec();
            heads.extend([&b"[{\"x\""[..], &ZSTD_MAGIC, &SKIPPABLE]);
            for head in heads {
                for last in 0..=u8::MAX {
                    let mut head = head.to_vec();
                    head.resize(HEAD, last);
                    assert_ne!(Coding::tell(named, &head), Told::Open, "{named:?} {head:?}");
                }
            }
        }
    }
}
