//! The deflate stream itself (RFC 1951), inside gzip, zlib or bare.

use flate2::{Decompress, FlushDecompress, Status};

use super::{RUN, Stop};

/// Inflates a deflate stream. Memory: 43 kB of state with the window of 32 kB, and what comes out at once.
#[derive(Debug)]
pub(super) struct Inflate {
    state: Decompress,
    run: Vec<u8>,
}

impl Inflate {
    /// For a stream in zlib's clothes (header and Adler-32, which is checked) or without any.
    pub(super) fn new(zlib: bool) -> Self {
        Self { state: Decompress::new(zlib), run: vec![0; RUN] }
    }

    /// Begins anew, without zlib's clothes.
    pub(super) fn reset(&mut self) {
        self.state.reset(false);
    }

    /// Inflates `rest` and hands each run to `each`, with the bytes of `rest` used so far. Gives the bytes used, and
    /// whether the stream ended.
    pub(super) fn feed(
        &mut self,
        rest: &[u8],
        mut each: impl FnMut(&[u8], usize) -> Result<(), Stop>,
    ) -> Result<(usize, bool), Stop> {
        let mut used = 0;
        loop {
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let input = rest.get(used..).unwrap_or_default();
            let status =
                self.state.decompress(input, &mut self.run, FlushDecompress::None).map_err(|_| Stop::Corrupt)?;
            // Both differences are bounded by the slices handed in.
            used += (self.state.total_in() - before_in) as usize;
            let produced = (self.state.total_out() - before_out) as usize;
            each(self.run.get(..produced).unwrap_or_default(), used)?;
            if status == Status::StreamEnd {
                return Ok((used, true));
            }
            // Nothing more can come out of these bytes.
            if produced < self.run.len() && used >= rest.len() {
                return Ok((used, false));
            }
            if produced == 0 && self.state.total_in() == before_in {
                return Err(Stop::Corrupt);
            }
        }
    }
}
