//! `zstd` (RFC 8878): frames one after the other, each a header, blocks and perhaps a checksum.
//!
//! The library decodes whole blocks, so a block that comes in cuts is gathered first. An encoder that is flushed ends
//! its block, so that nothing waits that was sent to be read.

use std::fmt;

use structured_zstd::decoding::{ContentChecksum, FrameDecoder, errors::FrameDecoderError};

use super::{
    Output, RUN, Stop,
    coding::{SKIPPABLE, ZSTD_MAGIC},
};

/// Largest window, bytes. RFC 8878 3.1.1.1.2 recommends decoders to take 8 MB at least, and RFC 9659 makes this the most
/// that the content coding may ask for; browsers refuse more.
const WINDOW_LIMIT: u64 = 8 * 1024 * 1024;

/// Magic number and length of a frame to be skipped.
const SKIPPED: usize = 8;

/// Where the decoder stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Before or in a frame's header.
    Header,
    /// In a frame that is skipped, with so many bytes to go.
    Skip(usize),
    /// Before or in a block or the checksum.
    Block,
    /// After the last frame something else came: ignored, as with gzip.
    Rest,
}

/// Decodes zstd. Memory: the window of at most [`WINDOW_LIMIT`], as far as it is filled (or as the frame says that its
/// content is long), and two blocks of at most 128 kB, one as it comes and one as it comes out; 30 kB of tables.
pub(super) struct Zstd {
    at: At,
    frame: FrameDecoder,
    frames: u64,
    /// A header, block or checksum as far as it came. At most one block with its header (RFC 8878 3.1.1.2.4: 128 kB).
    pending: Vec<u8>,
    run: Vec<u8>,
}

impl fmt::Debug for Zstd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, frames, pending, .. } = self;
        let pending = pending.len();
        f.debug_struct("Zstd")
            .field("at", at)
            .field("frames", frames)
            .field("pending", &pending)
            .finish_non_exhaustive()
    }
}

impl Zstd {
    pub(super) fn new() -> Self {
        let mut frame = FrameDecoder::new();
        frame.set_content_checksum(ContentChecksum::Verify);
        // It refuses sizes that no frame can have, which this is not.
        let bounded = frame.set_max_window_size(WINDOW_LIMIT);
        debug_assert!(bounded.is_ok());
        Self { at: At::Header, frame, frames: 0, pending: Vec::new(), run: vec![0; RUN] }
    }

    /// Whether the bytes so far stop inside a frame.
    pub(super) fn is_cut(&self) -> bool {
        !(self.at == At::Rest || self.at == At::Header && self.pending.is_empty() && self.frames > 0)
    }

    pub(super) fn feed(&mut self, cut: &[u8], out: &mut Output<'_>) -> Result<(), Stop> {
        let mut used = 0;
        while let Some(rest) = cut.get(used..).filter(|rest| !rest.is_empty()) {
            match self.at {
                At::Rest => return Ok(()),
                At::Skip(left) => {
                    let skipped = left.min(rest.len());
                    used += skipped;
                    self.skip(left - skipped);
                }
                At::Header | At::Block => {
                    let need = self.need(if self.pending.is_empty() { rest } else { &self.pending });
                    let missing = need.saturating_sub(self.pending.len());
                    let taken = missing.min(rest.len());
                    let part = rest.get(..taken).unwrap_or_default();
                    used += taken;
                    if self.pending.is_empty() && taken == need {
                        self.step(part, used, out)?;
                        continue;
                    }
                    self.pending.extend_from_slice(part);
                    // More may be wanted now that more is known.
                    if self.pending.len() == self.need(&self.pending) {
                        let part = std::mem::take(&mut self.pending);
                        self.step(&part, used, out)?;
                        self.pending = part;
                        self.pending.clear();
                    }
                }
            }
        }
        Ok(())
    }

    /// Bytes that the part which begins with `known` takes, as far as they tell: more of them may say more.
    fn need(&self, known: &[u8]) -> usize {
        if self.at == At::Block {
            return self.frame.input_needed(known);
        }
        match known.get(..ZSTD_MAGIC.len()) {
            Some(magic) if magic == ZSTD_MAGIC => {
                known.get(ZSTD_MAGIC.len()).map_or(5, |descriptor| header(*descriptor))
            }
            Some(magic) if is_skippable(magic) => SKIPPED,
            None if ZSTD_MAGIC.starts_with(known) || is_skippable(known) => ZSTD_MAGIC.len(),
            // No frame, which `step` judges.
            magic => magic.unwrap_or(known).len(),
        }
    }

    /// Acts on a whole part.
    fn step(&mut self, part: &[u8], used: usize, out: &mut Output<'_>) -> Result<(), Stop> {
        match (self.at, part.get(..ZSTD_MAGIC.len())) {
            (At::Header, Some(magic)) if magic == ZSTD_MAGIC => {
                self.frame.reset(part).map_err(|error| match error {
                    FrameDecoderError::WindowSizeTooBig { .. } => Stop::TooLarge,
                    FrameDecoderError::DictNotProvided { .. } => Stop::Unsupported,
                    _ => Stop::Corrupt,
                })?;
                self.at = At::Block;
                Ok(())
            }
            (At::Header, Some(magic)) if is_skippable(magic) => {
                let len =
                    part.get(ZSTD_MAGIC.len()..).and_then(|len| len.try_into().ok()).map_or(0, u32::from_le_bytes);
                self.skip(usize::try_from(len).unwrap_or(usize::MAX));
                Ok(())
            }
            (At::Header, _) if self.frames > 0 => {
                self.at = At::Rest;
                Ok(())
            }
            (At::Block, _) => self.block(part, used, out),
            _ => Err(Stop::Corrupt),
        }
    }

    fn skip(&mut self, left: usize) {
        if left > 0 {
            self.at = At::Skip(left);
        } else {
            self.at = At::Header;
            self.frames = self.frames.saturating_add(1);
        }
    }

    /// Decodes a block, or checks the checksum.
    fn block(&mut self, part: &[u8], used: usize, out: &mut Output<'_>) -> Result<(), Stop> {
        let mut input = part;
        loop {
            let (read, produced) = self.frame.decode_from_to(input, &mut self.run).map_err(|_| Stop::Corrupt)?;
            input = input.get(read..).unwrap_or_default();
            out.push(self.run.get(..produced).unwrap_or_default(), used)?;
            if produced < self.run.len() {
                break;
            }
        }
        // A part is what the library asked for.
        if !input.is_empty() {
            return Err(Stop::Corrupt);
        }
        if self.frame.is_finished() {
            self.at = At::Header;
            self.frames = self.frames.saturating_add(1);
        }
        Ok(())
    }
}

/// Whether a frame that begins so, at most four bytes, is to be skipped.
fn is_skippable(magic: &[u8]) -> bool {
    let mut same = magic.iter().zip(SKIPPABLE).enumerate();
    same.all(|(at, (byte, wanted))| if at == 0 { byte & 0xF0 == wanted } else { *byte == wanted })
}

/// Length of a frame's header with its magic number, by its descriptor (RFC 8878 3.1.1.1.1).
fn header(descriptor: u8) -> usize {
    let single = descriptor & 0x20 != 0;
    let window = usize::from(!single);
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied().unwrap_or(0);
    let content = match descriptor >> 6 {
        0 => usize::from(single),
        flag => 1 << flag,
    };
    ZSTD_MAGIC.len() + 1 + window + dictionary + content
}
