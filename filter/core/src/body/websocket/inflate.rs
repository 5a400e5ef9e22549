//! permessage-deflate (RFC 7692): what the peers agreed on, and undoing it on a copy.

use flate2::{Decompress, FlushDecompress, Status};

use crate::body::decode::{DECODED_LIMIT, RATIO_FLOOR, RATIO_LIMIT, Stop};
use crate::head::Head;

/// Bytes that come out of the decoder at once.
const OUT: usize = 8 * 1024;

/// What a sender leaves out at the end of each message (RFC 7692 7.2.1).
const TAIL: &[u8] = &[0, 0, 0xFF, 0xFF];

/// The extensions that a `101` accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extensions {
    Plain,
    /// Whether a message may refer to the messages before it, by who sends it.
    Deflate {
        server_takeover: bool,
        client_takeover: bool,
    },
    /// One that is not known: frames may mean anything.
    Unknown,
}

impl Extensions {
    pub(super) fn parse(head: &Head<'_>) -> Self {
        let mut agreed = Self::Plain;
        for (_, value) in head.iter().filter(|(name, _)| *name == b"sec-websocket-extensions") {
            let Ok(text) = str::from_utf8(value) else { return Self::Unknown };
            for extension in text.split(',').map(str::trim).filter(|e| !e.is_empty()) {
                agreed = match (agreed, Self::deflate(extension)) {
                    (Self::Plain, Some(deflate)) => deflate,
                    _ => return Self::Unknown,
                };
            }
        }
        agreed
    }

    /// Reads `permessage-deflate` with its parameters. Window sizes do not matter to a decoder that has the largest.
    fn deflate(extension: &str) -> Option<Self> {
        let mut parts = extension.split(';').map(|part| part.trim().to_ascii_lowercase());
        let mut takeover = [true; 2];
        if parts.next()? != "permessage-deflate" {
            return None;
        }
        for part in parts {
            match part.split('=').next().unwrap_or_default().trim_end() {
                "server_no_context_takeover" => takeover[0] = false,
                "client_no_context_takeover" => takeover[1] = false,
                "server_max_window_bits" | "client_max_window_bits" => {}
                _ => return None,
            }
        }
        let [server_takeover, client_takeover] = takeover;
        Some(Self::Deflate { server_takeover, client_takeover })
    }
}

/// Undoes the compression of one way's messages. Memory: deflate's window (32 kB) and what comes out at once.
///
/// The bounds of a body hold for each message: a session may be hours long, but no message of it is larger than a body.
#[derive(Debug)]
pub(super) struct Inflate {
    inflate: Decompress,
    takeover: bool,
    /// The message closed its stream by itself (RFC 7692 7.2.3.4); the next begins anew.
    ended: bool,
    encoded: u64,
    decoded: u64,
    out: Vec<u8>,
}

impl Inflate {
    pub(super) fn new(takeover: bool) -> Self {
        Self { inflate: Decompress::new(false), takeover, ended: false, encoded: 0, decoded: 0, out: vec![0; OUT] }
    }

    /// A compressed message begins.
    pub(super) fn begin(&mut self) {
        if !self.takeover || self.ended {
            self.inflate.reset(false);
        }
        self.ended = false;
        self.encoded = 0;
        self.decoded = 0;
    }

    /// The message has ended.
    pub(super) fn end(&mut self, sink: impl FnMut(&[u8])) -> Result<(), Stop> {
        self.feed(TAIL, sink)
    }

    pub(super) fn feed(&mut self, run: &[u8], mut sink: impl FnMut(&[u8])) -> Result<(), Stop> {
        let mut rest = run;
        while !self.ended {
            let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
            let status =
                self.inflate.decompress(rest, &mut self.out, FlushDecompress::None).map_err(|_| Stop::Corrupt)?;
            // Both differences are bounded by the slices handed in.
            let used = (self.inflate.total_in() - before_in) as usize;
            let produced = (self.inflate.total_out() - before_out) as usize;
            rest = rest.get(used..).unwrap_or_default();
            self.encoded = self.encoded.saturating_add(used as u64);
            self.decoded = self.decoded.saturating_add(produced as u64);
            if self.decoded > DECODED_LIMIT.min(RATIO_FLOOR.max(self.encoded.saturating_mul(RATIO_LIMIT))) {
                return Err(Stop::TooLarge);
            }
            sink(self.out.get(..produced).unwrap_or_default());
            self.ended = status == Status::StreamEnd;
            // Nothing more can come out of these bytes.
            if rest.is_empty() && produced < self.out.len() {
                return Ok(());
            }
            if !self.ended && used == 0 && produced == 0 {
                return Err(Stop::Corrupt);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_agreed_on_is_read() {
        let parse = |values: &[&str]| {
            let pairs: Vec<(&str, &str)> = values.iter().map(|v| ("sec-websocket-extensions", *v)).collect();
            Extensions::parse(&pairs.into_iter().collect())
        };
        let deflate = |server_takeover, client_takeover| Extensions::Deflate { server_takeover, client_takeover };
        assert_eq!(parse(&[]), Extensions::Plain);
        assert_eq!(parse(&["", " , "]), Extensions::Plain);
        assert_eq!(parse(&["permessage-deflate"]), deflate(true, true));
        let all =
            "Permessage-Deflate; server_no_context_takeover ;client_max_window_bits = 12; server_max_window_bits=9";
        assert_eq!(parse(&[all]), deflate(false, true));
        assert_eq!(parse(&["permessage-deflate;client_no_context_takeover"]), deflate(true, false));
        for unknown in
            ["x-webkit-deflate-frame", "permessage-deflate; level=9", "permessage-deflate, permessage-deflate"]
        {
            assert_eq!(parse(&[unknown]), Extensions::Unknown, "{unknown}");
        }
        assert_eq!(parse(&["permessage-deflate", "x"]), Extensions::Unknown);
    }
}
