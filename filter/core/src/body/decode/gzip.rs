//! gzip (RFC 1952): members one after the other, each a header, a deflate stream and a CRC with a length.

use crc32fast::Hasher;
use flate2::{Decompress, FlushDecompress, Status};

use super::{DECODED_LIMIT, GZIP_MAGIC, RATIO_FLOOR, RATIO_LIMIT, Stop};

/// Bytes that come out of the decoder at once.
const OUT: usize = 8 * 1024;

/// Fixed part of a member's header: magic (2), method, flags, time (4), extra flags, system.
const FIXED: usize = 10;
/// CRC and length at the end of a member.
const TRAILER: usize = 8;

const FLAG_HEADER_CRC: u8 = 2;
const FLAG_EXTRA: u8 = 4;
const FLAG_NAME: u8 = 8;
const FLAG_COMMENT: u8 = 16;

/// Where the machine stands in its member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Fixed,
    ExtraLength,
    Extra,
    /// A text that a zero ends.
    Name,
    Comment,
    HeaderCrc,
    Deflate,
    Trailer,
    /// After the last member something else came: ignored, as gzip itself does.
    Rest,
}

/// Decodes gzip. Memory: the window of deflate (32 kB) and what comes out at once.
#[derive(Debug)]
pub(crate) struct Gzip {
    at: At,
    /// The present part of header or trailer as far as it came.
    part: [u8; FIXED],
    filled: usize,
    flags: u8,
    extra: usize,
    inflate: Decompress,
    crc: Hasher,
    /// Decoded bytes of the present member, modulo 2^32.
    member: u32,
    members: u64,
    encoded: u64,
    decoded: u64,
    out: Vec<u8>,
}

impl Gzip {
    pub(crate) fn new() -> Self {
        Self {
            at: At::Fixed,
            part: [0; FIXED],
            filled: 0,
            flags: 0,
            extra: 0,
            inflate: Decompress::new(false),
            crc: Hasher::new(),
            member: 0,
            members: 0,
            encoded: 0,
            decoded: 0,
            out: vec![0; OUT],
        }
    }

    /// Whether the bytes so far stop inside a member.
    pub(crate) fn is_cut(&self) -> bool {
        !matches!((self.at, self.filled), (At::Fixed, 0) | (At::Rest, _))
    }

    pub(crate) fn feed(&mut self, cut: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<(), Stop> {
        let mut rest = cut;
        while !rest.is_empty() {
            let used = match self.at {
                At::Fixed => self.fixed(rest)?,
                At::ExtraLength => self.fill(rest, 2, |gzip, part| {
                    gzip.extra = usize::from(u16::from_le_bytes([part[0], part[1]]));
                    gzip.at = At::Extra;
                }),
                At::Extra => {
                    let used = rest.len().min(self.extra);
                    self.extra -= used;
                    if self.extra == 0 {
                        self.next_header_part();
                    }
                    used
                }
                At::Name | At::Comment => {
                    let end = memchr::memchr(0, rest);
                    if end.is_some() {
                        self.next_header_part();
                    }
                    end.map_or(rest.len(), |end| end + 1)
                }
                At::HeaderCrc => self.fill(rest, 2, |gzip, _| gzip.at = At::Deflate),
                At::Deflate => self.inflate(rest, sink)?,
                At::Trailer => self.trailer(rest)?,
                At::Rest => rest.len(),
            };
            self.encoded += used as u64;
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    /// Gathers `len` bytes (at most [`FIXED`]) over any cuts, then acts on them.
    fn fill(&mut self, rest: &[u8], len: usize, then: impl FnOnce(&mut Self, [u8; FIXED])) -> usize {
        let used = rest.len().min(len - self.filled);
        for (slot, byte) in self.part.iter_mut().skip(self.filled).zip(rest.iter().take(used)) {
            *slot = *byte;
        }
        self.filled += used;
        if self.filled == len {
            self.filled = 0;
            let part = self.part;
            then(self, part);
        }
        used
    }

    fn fixed(&mut self, rest: &[u8]) -> Result<usize, Stop> {
        // Padding or other rubbish after a whole member is not an error; a body that begins so is.
        if self.filled == 0 && self.members > 0 && rest.first() != Some(&GZIP_MAGIC) {
            self.at = At::Rest;
            return Ok(rest.len());
        }
        let mut sound = true;
        let used = self.fill(rest, FIXED, |gzip, part| {
            sound = part[0] == GZIP_MAGIC && part[1] == 0x8B && part[2] == 8;
            gzip.flags = part[3];
            gzip.inflate.reset(false);
            gzip.crc = Hasher::new();
            gzip.member = 0;
            gzip.next_header_part();
        });
        if sound { Ok(used) } else { Err(Stop::Corrupt) }
    }

    /// The next part of the header that the flags announce.
    fn next_header_part(&mut self) {
        let parts = [
            (FLAG_EXTRA, At::ExtraLength),
            (FLAG_NAME, At::Name),
            (FLAG_COMMENT, At::Comment),
            (FLAG_HEADER_CRC, At::HeaderCrc),
        ];
        let next = parts.into_iter().find(|(flag, _)| self.flags & flag != 0);
        self.at = next.map_or(At::Deflate, |(_, at)| at);
        self.flags &= !next.map_or(0, |(flag, _)| flag);
    }

    fn inflate(&mut self, rest: &[u8], sink: &mut impl FnMut(&[u8])) -> Result<usize, Stop> {
        let mut used = 0;
        loop {
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let input = rest.get(used..).unwrap_or_default();
            let status =
                self.inflate.decompress(input, &mut self.out, FlushDecompress::None).map_err(|_| Stop::Corrupt)?;
            // Both differences are bounded by the slices handed in.
            used += (self.inflate.total_in() - before_in) as usize;
            let produced = (self.inflate.total_out() - before_out) as usize;
            let run = self.out.get(..produced).unwrap_or_default();
            self.crc.update(run);
            self.member = self.member.wrapping_add(produced as u32);
            self.decoded += produced as u64;
            let encoded = self.encoded + used as u64;
            if self.decoded > DECODED_LIMIT || self.decoded > RATIO_FLOOR.max(encoded.saturating_mul(RATIO_LIMIT)) {
                return Err(Stop::TooLarge);
            }
            sink(run);
            if status == Status::StreamEnd {
                self.at = At::Trailer;
                return Ok(used);
            }
            // Nothing more can come out of these bytes.
            if produced < self.out.len() && used >= rest.len() {
                return Ok(used);
            }
            if produced == 0 && used < rest.len() && self.inflate.total_in() == before_in {
                return Err(Stop::Corrupt);
            }
        }
    }

    fn trailer(&mut self, rest: &[u8]) -> Result<usize, Stop> {
        let mut sound = true;
        let used = self.fill(rest, TRAILER, |gzip, part| {
            let [a, b, c, d, e, f, g, h, ..] = part;
            let crc = std::mem::take(&mut gzip.crc).finalize();
            sound = crc == u32::from_le_bytes([a, b, c, d]) && gzip.member == u32::from_le_bytes([e, f, g, h]);
            gzip.members += 1;
            gzip.at = At::Fixed;
        });
        if sound { Ok(used) } else { Err(Stop::Corrupt) }
    }
}
