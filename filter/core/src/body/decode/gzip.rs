//! gzip (RFC 1952): members one after the other, each a header, a deflate stream and a CRC with a length.

use crc32fast::Hasher;

use super::{Output, Stop, coding::GZIP_MAGIC, inflate::Inflate};

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

/// Decodes gzip. Memory: see [`Inflate`].
#[derive(Debug)]
pub(super) struct Gzip {
    at: At,
    /// The present part of header or trailer as far as it came.
    part: [u8; FIXED],
    filled: usize,
    flags: u8,
    extra: usize,
    inflate: Inflate,
    crc: Hasher,
    /// Decoded bytes of the present member, modulo 2^32.
    member: u32,
    members: u64,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self {
            at: At::Fixed,
            part: [0; FIXED],
            filled: 0,
            flags: 0,
            extra: 0,
            inflate: Inflate::new(false),
            crc: Hasher::new(),
            member: 0,
            members: 0,
        }
    }

    /// Whether the bytes so far stop inside a member.
    pub(super) fn is_cut(&self) -> bool {
        !matches!((self.at, self.filled), (At::Fixed, 0) | (At::Rest, _))
    }

    pub(super) fn feed(&mut self, cut: &[u8], out: &mut Output<'_>) -> Result<(), Stop> {
        let mut done = 0;
        while let Some(rest) = cut.get(done..).filter(|rest| !rest.is_empty()) {
            done += match self.at {
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
                At::Deflate => self.inflate(rest, done, out)?,
                At::Trailer => self.trailer(rest)?,
                At::Rest => rest.len(),
            };
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
            gzip.inflate.reset();
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

    fn inflate(&mut self, rest: &[u8], done: usize, out: &mut Output<'_>) -> Result<usize, Stop> {
        let Self { inflate, crc, member, .. } = self;
        let (used, ended) = inflate.feed(rest, |run, used| {
            crc.update(run);
            *member = member.wrapping_add(run.len() as u32);
            out.push(run, done + used)
        })?;
        if ended {
            self.at = At::Trailer;
        }
        Ok(used)
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
