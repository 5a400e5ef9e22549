//! Ways to cut a body.

/// How a body is cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    /// In one piece.
    Whole,
    /// Into pieces of this many bytes.
    Every(usize),
    /// Into pieces of 1 to 512 bytes, the same for the same seed.
    Seeded(u64),
}

impl Plan {
    /// Hands the pieces on.
    pub(crate) fn cut(self, body: &[u8], mut feed: impl FnMut(&[u8])) {
        let mut seed = match self {
            Self::Whole => return feed(body),
            Self::Every(len) => return body.chunks(len).for_each(feed),
            Self::Seeded(seed) => seed,
        };
        let mut rest = body;
        while !rest.is_empty() {
            // Knuth's MMIX generator: enough to scatter cuts, and the same on every machine.
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let len = (usize::from((seed >> 33) as u16) % 512 + 1).min(rest.len());
            let (piece, tail) = rest.split_at(len);
            feed(piece);
            rest = tail;
        }
    }
}
