//! One coding of a body, decided by its name and its first bytes.

use super::{
    Output, Stop,
    br::Br,
    coding::{Coding, HEAD, Told},
    deflate::Deflate,
    gzip::Gzip,
    output::Sink,
    zstd::Zstd,
};

/// Undoes one coding.
#[derive(Debug)]
pub(crate) struct Layer {
    named: Option<Coding>,
    state: State,
    encoded: u64,
    decoded: u64,
}

#[derive(Debug)]
enum State {
    /// Bytes that do not tell yet; fewer than [`HEAD`].
    Undecided {
        held: [u8; HEAD],
        len: usize,
    },
    Identity,
    Gzip(Box<Gzip>),
    Deflate(Box<Deflate>),
    Br(Box<Br>),
    Zstd(Box<Zstd>),
}

impl Layer {
    pub(super) fn new(named: Option<Coding>) -> Self {
        Self { named, state: State::Undecided { held: [0; HEAD], len: 0 }, encoded: 0, decoded: 0 }
    }

    /// Whether the first bytes have told that there is nothing to undo.
    #[inline]
    pub(super) fn is_identity(&self) -> bool {
        matches!(self.state, State::Identity)
    }

    /// Decodes a cut. `given` is there for inner layers: encoded bytes of the body that brought the cut.
    pub(super) fn feed(&mut self, cut: &[u8], given: Option<u64>, sink: Sink<'_>) -> Result<(), Stop> {
        let State::Undecided { mut held, len } = self.state else { return self.run(cut, given, sink) };
        let known = held.iter_mut().skip(len).zip(cut).map(|(slot, byte)| *slot = *byte).count() + len;
        let Some(head) = held.get(..known).filter(|head| !head.is_empty()) else { return Ok(()) };
        self.state = match Coding::tell(self.named, head) {
            Told::Open => State::Undecided { held, len: known },
            Told::Plain => State::Identity,
            Told::Coded(Coding::Gzip) => State::Gzip(Box::new(Gzip::new())),
            Told::Coded(Coding::Deflate) => State::Deflate(Box::new(Deflate::new())),
            Told::Coded(Coding::Br) => State::Br(Box::new(Br::new())),
            Told::Coded(Coding::Zstd) => State::Zstd(Box::new(Zstd::new())),
        };
        if matches!(self.state, State::Undecided { .. }) {
            return Ok(());
        }
        if len > 0 {
            self.run(held.get(..len).unwrap_or_default(), given, sink)?;
        }
        self.run(cut, given, sink)
    }

    fn run(&mut self, cut: &[u8], given: Option<u64>, sink: Sink<'_>) -> Result<(), Stop> {
        let encoded = given.unwrap_or(self.encoded);
        self.encoded = self.encoded.saturating_add(cut.len() as u64);
        let mut out = Output { encoded, outermost: given.is_none(), decoded: &mut self.decoded, sink };
        match &mut self.state {
            State::Undecided { .. } => Ok(()),
            State::Identity => (out.sink)(cut, given.unwrap_or(self.encoded)),
            State::Gzip(gzip) => gzip.feed(cut, &mut out),
            State::Deflate(deflate) => deflate.feed(cut, &mut out),
            State::Br(br) => br.feed(cut, &mut out),
            State::Zstd(zstd) => zstd.feed(cut, &mut out),
        }
    }

    /// Whether the bytes so far stop inside what the coding must end.
    pub(super) fn is_cut(&self) -> bool {
        match &self.state {
            // What promised a coding and is too short for one.
            State::Undecided { len, .. } => *len > 0 && self.named.is_some(),
            State::Identity => false,
            State::Gzip(gzip) => gzip.is_cut(),
            State::Deflate(deflate) => deflate.is_cut(),
            State::Br(br) => br.is_cut(),
            State::Zstd(zstd) => zstd.is_cut(),
        }
    }
}
