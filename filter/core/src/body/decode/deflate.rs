//! `deflate`: a zlib stream by RFC 9110 8.4.1.2, and bare deflate by servers that took the name at its word.

use super::{Output, Stop, inflate::Inflate};

/// Method deflate in the low half of zlib's first byte (RFC 1950 2.2).
const METHOD: u8 = 8;
/// Largest exponent of the window (32 kB) in its high half.
const WINDOW: u8 = 7;
/// The stream needs a dictionary that both sides have.
const DICTIONARY: u8 = 0x20;

/// Decodes `deflate`. Memory: see [`Inflate`].
#[derive(Debug)]
pub(super) struct Deflate {
    /// The first byte, until the second tells the two kinds apart.
    first: Option<u8>,
    /// Not before both bytes are known.
    inflate: Option<Inflate>,
    ended: bool,
}

impl Deflate {
    pub(super) fn new() -> Self {
        Self { first: None, inflate: None, ended: false }
    }

    /// Whether the bytes so far stop inside the stream.
    pub(super) fn is_cut(&self) -> bool {
        !self.ended
    }

    pub(super) fn feed(&mut self, cut: &[u8], out: &mut Output<'_>) -> Result<(), Stop> {
        if self.inflate.is_none() {
            let mut bytes = self.first.into_iter().chain(cut.iter().copied());
            let (Some(first), Some(second)) = (bytes.next(), bytes.next()) else {
                self.first = self.first.or(cut.first().copied());
                return Ok(());
            };
            let zlib = is_zlib(first, second);
            if zlib && second & DICTIONARY != 0 {
                return Err(Stop::Unsupported);
            }
            self.inflate = Some(Inflate::new(zlib));
            if self.first.take().is_some() {
                self.run(&[first], &mut Output { sink: &mut *out.sink, decoded: &mut *out.decoded, ..*out })?;
            }
        }
        self.run(cut, out)
    }

    fn run(&mut self, bytes: &[u8], out: &mut Output<'_>) -> Result<(), Stop> {
        // What stands behind the end is nobody's: browsers pass it over, too.
        let Some(inflate) = self.inflate.as_mut().filter(|_| !self.ended) else { return Ok(()) };
        let (_, ended) = inflate.feed(bytes, |run, used| out.push(run, used))?;
        self.ended = ended;
        Ok(())
    }
}

/// Whether these are zlib's two bytes: method, window, and a check that makes both a multiple of 31. As bare deflate the
/// first would begin a stored block whose padding is not zero, which no encoder writes.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0F == METHOD && first >> 4 <= WINDOW && u16::from_be_bytes([first, second]).is_multiple_of(31)
}
