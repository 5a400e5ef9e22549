//! Frames of RFC 6455, one way of a connection.

/// Longest header: two bytes, a 64-bit length, a masking key.
const HEADER: usize = 14;

/// Most payload of a control frame (RFC 6455 5.5).
const CONTROL_LIMIT: u64 = 125;

/// Bytes that are unmasked at once: a piece that stays in the first-level cache.
const UNMASKED: usize = 2 * 1024;

const FIN: u8 = 0x80;
const RSV1: u8 = 0x40;
const RSV_OTHERS: u8 = 0x30;
const OPCODE: u8 = 0x0F;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PONG: u8 = 10;

/// Takes the messages of one way: a beginning, payload in any runs, an end. Control frames are not shown.
pub(super) trait Messages {
    /// A message begins; `compressed` by permessage-deflate.
    fn begin(&mut self, text: bool, compressed: bool);
    fn run(&mut self, payload: &[u8]);
    fn end(&mut self);
}

/// Where the machine stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Header,
    Payload,
    /// After a close frame: what follows is no part of the session (RFC 6455 5.5.1).
    Closed,
    /// After a frame that may not be: its peer fails the connection too (RFC 6455 7.1.7).
    Broken,
}

/// Reads the frames of one way in any cuts. Memory: one header.
#[derive(Debug)]
pub(super) struct Frames {
    at: At,
    /// Frames of this way are masked: those of a client, and only they (RFC 6455 5.1).
    masked: bool,
    /// Messages may be compressed.
    deflate: bool,
    header: [u8; HEADER],
    filled: usize,
    /// First byte of the present frame.
    first: u8,
    /// Payload of the present frame that is still to come.
    left: u64,
    key: [u8; 4],
    /// Place in the key of the next byte, 0 to 3.
    turn: usize,
    /// A message has begun and not ended.
    open: bool,
}

impl Frames {
    pub(super) fn new(masked: bool, deflate: bool) -> Self {
        Self {
            at: At::Header,
            masked,
            deflate,
            header: [0; HEADER],
            filled: 0,
            first: 0,
            left: 0,
            key: [0; 4],
            turn: 0,
            open: false,
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.at == At::Broken
    }

    pub(super) fn is_closed(&self) -> bool {
        self.at == At::Closed
    }

    /// Whether the bytes so far stop inside a message or a frame.
    pub(super) fn is_inside(&self) -> bool {
        match self.at {
            At::Header => self.open || self.filled > 0,
            At::Payload => true,
            At::Closed | At::Broken => false,
        }
    }

    pub(super) fn feed(&mut self, cut: &[u8], to: &mut impl Messages) {
        let mut rest = cut;
        while !rest.is_empty() {
            let used = match self.at {
                At::Header => self.header(rest, to),
                At::Payload => self.payload(rest, to),
                At::Closed | At::Broken => return,
            };
            rest = rest.get(used..).unwrap_or_default();
        }
    }

    /// Gathers a header over any cuts.
    fn header(&mut self, rest: &[u8], to: &mut impl Messages) -> usize {
        let whole = if self.filled < 2 { 2 } else { self.header_length() };
        let used = rest.len().min(whole - self.filled);
        for (slot, byte) in self.header.iter_mut().skip(self.filled).zip(rest.iter().take(used)) {
            *slot = *byte;
        }
        self.filled += used;
        // The first two bytes tell how many more there are.
        if self.filled >= 2 && self.filled == self.header_length() {
            self.filled = 0;
            self.begin(to);
        }
        used
    }

    /// Bytes of the extended length.
    fn wide(&self) -> usize {
        match self.header[1] & LENGTH {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    fn header_length(&self) -> usize {
        2 + self.wide() + if self.header[1] & MASKED == 0 { 0 } else { 4 }
    }

    /// A header is whole.
    fn begin(&mut self, to: &mut impl Messages) {
        let [first, second, ..] = self.header;
        let wide = self.wide();
        let extended = self.header.iter().skip(2).take(wide).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
        let length = if wide == 0 { u64::from(second & LENGTH) } else { extended };
        let opcode = first & OPCODE;
        let compressed = first & RSV1 != 0;
        let sound = first & RSV_OTHERS == 0
            && (second & MASKED != 0) == self.masked
            && i64::try_from(length).is_ok()
            && match opcode {
                CONTINUATION => self.open && !compressed,
                TEXT | BINARY => !self.open && (self.deflate || !compressed),
                CLOSE..=PONG => first & FIN != 0 && !compressed && length <= CONTROL_LIMIT,
                _ => false,
            };
        if !sound {
            self.at = At::Broken;
            return;
        }
        for (slot, byte) in self.key.iter_mut().zip(self.header.iter().skip(2 + wide)) {
            *slot = *byte;
        }
        self.turn = 0;
        self.first = first;
        self.left = length;
        self.at = At::Payload;
        if matches!(opcode, TEXT | BINARY) {
            self.open = true;
            to.begin(opcode == TEXT, compressed);
        }
        if length == 0 {
            self.end(to);
        }
    }

    fn payload(&mut self, rest: &[u8], to: &mut impl Messages) -> usize {
        let used = usize::try_from(self.left).map_or(rest.len(), |left| left.min(rest.len()));
        let run = rest.get(..used).unwrap_or_default();
        if self.first & OPCODE < CLOSE {
            if self.masked {
                self.unmask(run, to);
            } else {
                to.run(run);
            }
        }
        self.left -= used as u64;
        if self.left == 0 {
            self.end(to);
        }
        used
    }

    /// On a copy: the bytes that pass stay as they are.
    fn unmask(&mut self, run: &[u8], to: &mut impl Messages) {
        let mut plain = [0; UNMASKED];
        for piece in run.chunks(UNMASKED) {
            let mut key = self.key;
            key.rotate_left(self.turn);
            for ((slot, byte), key) in plain.iter_mut().zip(piece).zip(key.iter().cycle()) {
                *slot = byte ^ key;
            }
            self.turn = (self.turn + piece.len()) % 4;
            to.run(plain.get(..piece.len()).unwrap_or_default());
        }
    }

    /// The present frame is whole.
    fn end(&mut self, to: &mut impl Messages) {
        let opcode = self.first & OPCODE;
        self.at = if opcode == CLOSE { At::Closed } else { At::Header };
        if opcode < CLOSE && self.first & FIN != 0 {
            self.open = false;
            to.end();
        }
    }
}

#[cfg(test)]
#[path = "frames_tests.rs"]
pub(super) mod tests;
