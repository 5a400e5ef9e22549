//! Chunk plans: where a body is cut before the filter sees it. A filter must not care.

use std::str::FromStr;

use fastrand::Rng;

/// How bodies are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChunkPlan {
    /// One piece.
    #[default]
    Whole,
    /// Byte by byte.
    Bytes,
    /// Pieces of this many bytes (at least 1).
    Every(usize),
    /// Random pieces, empty ones among them, the same for the same seed and body length.
    Seeded(u64),
}

/// A plan that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no chunk plan: expected whole, bytes, a number of bytes from 1 on, or seed:NUMBER")]
pub struct BadPlan(String);

impl FromStr for ChunkPlan {
    type Err = BadPlan;

    fn from_str(text: &str) -> Result<Self, BadPlan> {
        let bad = || BadPlan(text.to_owned());
        match text {
            "whole" => Ok(Self::Whole),
            "bytes" => Ok(Self::Bytes),
            _ => match text.strip_prefix("seed:") {
                Some(seed) => seed.parse().map(Self::Seeded).map_err(|_| bad()),
                None => text.parse().ok().filter(|size| *size > 0).map(Self::Every).ok_or_else(bad),
            },
        }
    }
}

/// One piece of a body and whether the stream ends with it.
pub type Piece<'a> = (&'a [u8], bool);

impl ChunkPlan {
    /// `body` in pieces that join to `body`. Only the last one ends the stream, and only if `ends`; a body that is
    /// empty or does not end may come in no piece at all.
    pub fn cut<'a>(&self, body: &'a [u8], ends: bool) -> Vec<Piece<'a>> {
        let mut pieces: Vec<Piece<'a>> = match *self {
            Self::Whole => body.chunks(body.len().max(1)).map(|piece| (piece, false)).collect(),
            Self::Bytes => body.chunks(1).map(|piece| (piece, false)).collect(),
            Self::Every(size) => body.chunks(size.max(1)).map(|piece| (piece, false)).collect(),
            Self::Seeded(seed) => random(body, Rng::with_seed(seed ^ body.len() as u64)),
        };
        if ends {
            match pieces.last_mut() {
                Some(last) => last.1 = true,
                None => pieces.push((&[], true)),
            }
        }
        pieces
    }
}

fn random(body: &[u8], mut rng: Rng) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        // Small cuts find framing faults, large ones keep long bodies quick, empty ones must mean nothing.
        let size = match rng.u8(0..8) {
            0 => 0,
            1..=3 => rng.usize(1..=8),
            4 | 5 => rng.usize(1..=64),
            6 => rng.usize(1..=1024),
            _ => rng.usize(1..=16 * 1024),
        };
        let (piece, tail) = rest.split_at(size.min(rest.len()));
        pieces.push((piece, false));
        rest = tail;
    }
    // Envoy's HTTP/1 codec ends a body with an empty piece, HTTP/2 mostly with the last full one.
    if rng.bool() {
        pieces.push((&[], false));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plans_are_read() {
        assert_eq!("whole".parse(), Ok(ChunkPlan::Whole));
        assert_eq!("bytes".parse(), Ok(ChunkPlan::Bytes));
        assert_eq!("7".parse(), Ok(ChunkPlan::Every(7)));
        assert_eq!("seed:42".parse(), Ok(ChunkPlan::Seeded(42)));
        for bad in ["", "0", "-1", "seed:", "seed:x", "half"] {
            assert!(bad.parse::<ChunkPlan>().is_err(), "{bad}");
        }
    }

    #[test]
    fn seeds_cut_empty_pieces_too() {
        let body = vec![1; 4096];
        assert!(ChunkPlan::Seeded(1).cut(&body, true).iter().any(|(piece, _)| piece.is_empty()));
        assert_eq!(ChunkPlan::Seeded(1).cut(&body, true), ChunkPlan::Seeded(1).cut(&body, true));
        assert_ne!(ChunkPlan::Seeded(1).cut(&body, true), ChunkPlan::Seeded(2).cut(&body, true));
    }

    proptest! {
        #[test]
        fn pieces_join_to_the_body(
            body in proptest::collection::vec(any::<u8>(), 0..5000),
            seed: u64,
            size in 1..99usize,
        ) {
            for plan in [ChunkPlan::Whole, ChunkPlan::Bytes, ChunkPlan::Every(size), ChunkPlan::Seeded(seed)] {
                for ends in [true, false] {
                    let pieces = plan.cut(&body, ends);
                    let joined: Vec<u8> = pieces.iter().flat_map(|(piece, _)| piece.to_vec()).collect();
                    prop_assert_eq!(&joined, &body);
                    let ended = pieces.iter().filter(|(_, end)| *end).count();
                    prop_assert_eq!(ended, usize::from(ends));
                    prop_assert_eq!(pieces.last().is_some_and(|(_, end)| *end), ends);
                }
            }
        }
    }
}
