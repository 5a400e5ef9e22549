//! Sessions over a web socket (RFC 6455, RFC 7692): frames both ways in any cuts, messages in any fragments.
//!
//! ```text
//! cut -> frames -> inflate (if agreed on) -> json (skim along a tree) -> message -> session -> Reading
//! ```
//!
//! No message is kept: its JSON is skimmed as it comes, and what is known to carry no usage (audio and text deltas, most
//! of a session's bytes) is passed over from the moment that its type is read. Only the server's messages are read,
//! save the first ones of a Gemini client, which alone name the model.

mod frames;
mod inflate;
mod message;
mod session;

use super::{
    BodyState, Reading,
    decode::Stop,
    json::{End, Skimmer, Want},
    tree::{LIVE_CLIENT, LIVE_SERVER, SERVER_EVENT},
};
use crate::{Usage, detect::Api, head::Head};
use frames::{Frames, Messages};
use inflate::{Extensions, Inflate};
use message::Message;
use session::Session;

/// Bytes of a message that are read at once until its type is known. Types stand first, or behind the event's id.
const PROBE: usize = 128;

/// Reads one session. Memory: a header and a skimmer for each way, one message's wanted values (at most two usage objects
/// and a few names), the session's bills ([`session::BILLS_LIMIT`]), and 42 kB for each way that is compressed.
#[derive(Debug)]
pub(super) struct Websocket {
    server: Way,
    /// Until the client has named the model, where nobody else does.
    client: Option<Way>,
    session: Session,
    /// Extensions were agreed on that are not known.
    unknown: bool,
}

impl Websocket {
    /// A session that the response with this head begins.
    pub(super) fn new(api: Api, head: &Head<'_>) -> Self {
        let live = api == Api::GeminiLive;
        let extensions = Extensions::parse(head);
        let (server, client) = match extensions {
            Extensions::Deflate { server_takeover, client_takeover } => (Some(server_takeover), Some(client_takeover)),
            Extensions::Plain | Extensions::Unknown => (None, None),
        };
        Self {
            server: Way::new(if live { &LIVE_SERVER } else { &SERVER_EVENT }, false, server),
            client: live.then(|| Way::new(&LIVE_CLIENT, true, client)),
            session: Session::new(api),
            unknown: extensions == Extensions::Unknown,
        }
    }

    /// The next bytes of the server, cut anywhere.
    pub(super) fn feed(&mut self, cut: &[u8]) {
        if !self.unknown {
            let session = &mut self.session;
            self.server.feed(cut, |message| session.take(message));
        }
    }

    /// Whether bytes of the client are of use.
    pub(super) fn wants_client(&self) -> bool {
        !self.unknown && self.client.as_ref().is_some_and(|way| !way.is_over()) && self.session.model().is_none()
    }

    /// The next bytes of the client, cut anywhere.
    pub(super) fn feed_client(&mut self, cut: &[u8]) {
        if self.wants_client()
            && let Some(way) = &mut self.client
        {
            let session = &mut self.session;
            way.feed(cut, |message| session.take_client(message));
        }
    }

    /// The model that the client asks for in a frame.
    pub(super) fn client_model(&self) -> Option<&str> {
        self.client.as_ref().and_then(|_| self.session.model())
    }

    /// Whether the server has said that the session is over.
    pub(super) fn is_closed(&self) -> bool {
        self.server.frames.is_closed()
    }

    /// The sum of what has been billed.
    pub(super) fn usage_so_far(&self) -> Option<Usage> {
        self.session.usage()
    }

    /// The session is over, whoever ended it.
    pub(super) fn finish(&mut self) -> Reading {
        self.session.finish(self.state())
    }

    fn state(&self) -> BodyState {
        let server = &self.server;
        match server.reader.stopped {
            _ if self.unknown => BodyState::Unsupported,
            Some(Stop::Unsupported) => BodyState::Unsupported,
            Some(Stop::TooLarge) => BodyState::TooLarge,
            _ if self.session.is_too_large() => BodyState::TooLarge,
            Some(Stop::Corrupt) => BodyState::Unparsable,
            None if server.frames.is_broken() => BodyState::Unparsable,
            None if server.reader.broken > 0 && server.reader.whole == 0 => BodyState::Unparsable,
            None if server.frames.is_inside() || self.session.is_open() => BodyState::Truncated,
            None => BodyState::Complete,
        }
    }
}

/// One way of a session.
#[derive(Debug)]
struct Way {
    frames: Frames,
    reader: MessageReader,
}

impl Way {
    /// `deflate`: messages may be compressed, with the context taken over or not.
    fn new(tree: &'static Want, masked: bool, deflate: Option<bool>) -> Self {
        Self { frames: Frames::new(masked, deflate.is_some()), reader: MessageReader::new(tree, deflate) }
    }

    fn feed(&mut self, cut: &[u8], take: impl FnMut(&mut Message)) {
        let Self { frames, reader } = self;
        frames.feed(cut, &mut Taking { reader, take });
    }

    /// Whether nothing more will be read.
    fn is_over(&self) -> bool {
        self.frames.is_broken() || self.frames.is_closed() || self.reader.stopped.is_some()
    }
}

/// Reads the messages of one way, one at a time.
#[derive(Debug)]
struct MessageReader {
    tree: &'static Want,
    skim: Skimmer,
    inflate: Option<Box<Inflate>>,
    /// The present message is compressed; is text.
    compressed: bool,
    text: bool,
    message: Message,
    /// Why decoding has ended.
    stopped: Option<Stop>,
    /// Messages that were JSON, and texts that were none.
    whole: u64,
    broken: u64,
}

impl MessageReader {
    fn new(tree: &'static Want, deflate: Option<bool>) -> Self {
        Self {
            tree,
            skim: Skimmer::new(tree),
            inflate: deflate.map(|takeover| Box::new(Inflate::new(takeover))),
            compressed: false,
            text: false,
            message: Message::default(),
            stopped: None,
            whole: 0,
            broken: 0,
        }
    }

    fn begin(&mut self, text: bool, compressed: bool) {
        self.text = text;
        self.compressed = compressed;
        self.skim.begin(self.tree);
        self.message = Message::default();
        if let Some(inflate) = self.inflate.as_mut().filter(|_| compressed) {
            inflate.begin();
        }
    }

    fn run(&mut self, payload: &[u8]) {
        let Self { skim, message, .. } = self;
        let decoded = match self.inflate.as_mut().filter(|_| self.compressed) {
            _ if self.stopped.is_some() => return,
            Some(inflate) => inflate.feed(payload, |run| read(skim, message, run)),
            None => {
                read(skim, message, payload);
                Ok(())
            }
        };
        self.stopped = decoded.err();
    }

    /// The present message is whole. Gives whether it says anything.
    fn end(&mut self) -> bool {
        let Self { skim, message, .. } = self;
        if self.stopped.is_none()
            && let Some(inflate) = self.inflate.as_mut().filter(|_| self.compressed)
        {
            self.stopped = inflate.end(|run| read(skim, message, run)).err();
        }
        if self.stopped.is_some() {
            return false;
        }
        if self.message.is_silent() {
            self.whole += 1;
            return false;
        }
        match self.skim.end() {
            End::Whole => {
                self.whole += 1;
                true
            }
            End::Empty => false,
            End::Cut | End::Failed => {
                // Gemini sends its JSON as binary messages; others may send sound so.
                self.broken += u64::from(self.text);
                false
            }
        }
    }
}

/// Skims a run of a message until it is known to say nothing. What was skimmed of a silent message does not count, so
/// where the runs end makes no difference.
fn read(skim: &mut Skimmer, message: &mut Message, run: &[u8]) {
    let mut rest = run;
    while !rest.is_empty() && !message.is_silent() {
        let used = if message.is_typed() { rest.len() } else { rest.len().min(PROBE) };
        let (piece, tail) = rest.split_at_checked(used).unwrap_or((rest, &[]));
        skim.feed(piece, message);
        rest = tail;
    }
}

struct Taking<'r, T> {
    reader: &'r mut MessageReader,
    take: T,
}

impl<T: FnMut(&mut Message)> Messages for Taking<'_, T> {
    fn begin(&mut self, text: bool, compressed: bool) {
        self.reader.begin(text, compressed);
    }

    fn run(&mut self, payload: &[u8]) {
        self.reader.run(payload);
    }

    fn end(&mut self) {
        if self.reader.end() {
            (self.take)(&mut self.reader.message);
        }
    }
}

#[cfg(test)]
#[path = "websocket/tests.rs"]
mod tests;
