//! `br`: Brotli (RFC 7932).

use std::fmt;

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::{Output, RUN, Stop};

/// Decodes Brotli. Memory: a window of at most 16 MB (RFC 7932 9.1; servers that compress as they go choose 0.25 to
/// 4 MB), that grows with what came out and with what a block says that it holds; and at most 4 MB of code tables, in
/// practice some 50 kB. The larger windows of an extension are refused: no content coding may use them.
pub(super) struct Br {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    run: Vec<u8>,
    ended: bool,
}

impl fmt::Debug for Br {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Br").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Br {
    pub(super) fn new() -> Self {
        let [bytes, words, codes] = [(); 3].map(|()| StandardAlloc::default());
        Self { state: Box::new(BrotliState::new_strict(bytes, words, codes)), run: vec![0; RUN], ended: false }
    }

    /// Whether the bytes so far stop inside the stream.
    pub(super) fn is_cut(&self) -> bool {
        !self.ended
    }

    pub(super) fn feed(&mut self, cut: &[u8], out: &mut Output<'_>) -> Result<(), Stop> {
        let (mut left, mut used) = (cut.len(), 0);
        // What stands behind the end is nobody's.
        while !self.ended {
            let (mut room, mut produced, mut total) = (self.run.len(), 0, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut used,
                cut,
                &mut room,
                &mut produced,
                &mut self.run,
                &mut total,
                &mut self.state,
            );
            out.push(self.run.get(..produced).unwrap_or_default(), used)?;
            match result {
                BrotliResult::ResultSuccess => self.ended = true,
                BrotliResult::NeedsMoreInput => return Ok(()),
                BrotliResult::NeedsMoreOutput if produced > 0 => {}
                BrotliResult::NeedsMoreOutput | BrotliResult::ResultFailure => return Err(Stop::Corrupt),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds all and gives what came out.
    fn decode(bytes: &[u8]) -> Result<(Vec<u8>, bool), Stop> {
        let (mut br, mut decoded, mut all) = (Br::new(), 0, Vec::new());
        let mut sink = |run: &[u8], _| {
            all.extend_from_slice(run);
            Ok(())
        };
        let mut out = Output { encoded: 0, outermost: true, decoded: &mut decoded, sink: &mut sink };
        br.feed(bytes, &mut out)?;
        Ok((all, br.is_cut()))
    }

    #[test]
    fn the_larger_windows_of_the_extension_are_refused() {
        // RFC 7932 9.1: 0010001 is not used; the extension takes it for windows of up to 1 GB.
        assert_eq!(decode(&[0x11, 0x1E, 0, 0, 0]), Err(Stop::Corrupt));
    }

    #[test]
    fn json_and_events_are_no_br() {
        for plain in [&b"{"[..], b":", b"data:", b"event"] {
            assert_eq!(decode(plain), Err(Stop::Corrupt), "{plain:?}");
        }
    }

    #[test]
    fn an_empty_stream_ends_and_what_follows_is_passed_over() {
        assert_eq!(decode(&[0x06]), Ok((Vec::new(), false)));
        assert_eq!(decode(&[0x06, 1, 2, 3]), Ok((Vec::new(), false)));
        assert_eq!(decode(&[]), Ok((Vec::new(), true)));
    }
}
