use proptest::prelude::*;

use super::*;

/// A frame as it should be written, or not.
#[derive(Clone, Debug)]
pub(in crate::body::websocket) struct Frame {
    pub(in crate::body::websocket) first: u8,
    pub(in crate::body::websocket) payload: Vec<u8>,
    pub(in crate::body::websocket) key: Option<[u8; 4]>,
}

impl Frame {
    pub(in crate::body::websocket) fn new(first: u8, payload: &[u8]) -> Self {
        Self { first, payload: payload.to_vec(), key: None }
    }

    pub(in crate::body::websocket) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.first];
        let mask = if self.key.is_some() { MASKED } else { 0 };
        let length = self.payload.len();
        match length {
            0..=125 => bytes.push(mask | length as u8),
            126..=0xFFFF => {
                bytes.push(mask | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(self.key.iter().flatten());
        let key = self.key.unwrap_or_default();
        bytes.extend(self.payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
        bytes
    }
}

/// Text, compressed, payload, whole.
type Message = (bool, bool, Vec<u8>, bool);

#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    messages: Vec<Message>,
}

impl Messages for Seen {
    fn begin(&mut self, text: bool, compressed: bool) {
        self.messages.push((text, compressed, Vec::new(), false));
    }

    fn run(&mut self, payload: &[u8]) {
        self.messages.last_mut().expect("a message").2.extend_from_slice(payload);
    }

    fn end(&mut self) {
        self.messages.last_mut().expect("a message").3 = true;
    }
}

fn read(masked: bool, deflate: bool, cuts: &[&[u8]]) -> (Seen, Frames) {
    let mut seen = Seen::default();
    let mut frames = Frames::new(masked, deflate);
    cuts.iter().for_each(|cut| frames.feed(cut, &mut seen));
    (seen, frames)
}

/// Reads whole and byte by byte, which must say the same.
fn both(masked: bool, deflate: bool, bytes: &[u8]) -> (Vec<Message>, Frames) {
    let (whole, frames) = read(masked, deflate, &[bytes]);
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    let (cut, of_cut) = read(masked, deflate, &single);
    assert_eq!(whole, cut);
    assert_eq!((frames.at, frames.is_inside()), (of_cut.at, of_cut.is_inside()));
    (whole.messages, frames)
}

/// Messages as a peer may send them: each in fragments, pings and pongs in between.
fn plan() -> impl Strategy<Value = Vec<(bool, Vec<Vec<u8>>)>> {
    let size = prop_oneof![8 => 0..300_usize, 1 => Just(125_usize), 1 => Just(126_usize), 1 => 0xFFFE..0x1_0002_usize];
    let fragment = size.prop_flat_map(|len| proptest::collection::vec(any::<u8>(), len));
    proptest::collection::vec((any::<bool>(), proptest::collection::vec(fragment, 1..5)), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn messages_come_out_as_they_went_in(
        plan in plan(),
        key in proptest::option::of(any::<[u8; 4]>()),
        pings in any::<u64>(),
        cuts in proptest::collection::vec(1..700_usize, 0..60),
    ) {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        let mut count = 0;
        for (text, fragments) in &plan {
            for (at, fragment) in fragments.iter().enumerate() {
                if pings >> (count % 64) & 1 == 1 {
                    let control = [0x89, 0x8A][count % 2];
                    bytes.extend(Frame { key, ..Frame::new(control, b"{\"type\":\"x\"}") }.bytes());
                }
                count += 1;
                let opcode = match at { 0 if *text => TEXT, 0 => BINARY, _ => CONTINUATION };
                let fin = if at + 1 == fragments.len() { FIN } else { 0 };
                bytes.extend(Frame { key, ..Frame::new(fin | opcode, fragment) }.bytes());
            }
            expected.push((*text, false, fragments.concat(), true));
        }
        let mut pieces = Vec::new();
        let mut rest = bytes.as_slice();
        for cut in cuts {
            let (piece, tail) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = tail;
        }
        pieces.push(rest);
        let (seen, frames) = read(key.is_some(), false, &pieces);
        prop_assert_eq!(seen.messages, expected);
        prop_assert_eq!(frames.at, At::Header);
        prop_assert!(!frames.is_inside());
    }

    #[test]
    fn any_bytes_read_alike_in_any_cuts(bytes in proptest::collection::vec(any::<u8>(), 0..200), masked: bool) {
        both(masked, true, &bytes);
    }
}

#[test]
fn what_may_not_be_breaks_the_way() {
    let sound = Frame::new(FIN | TEXT, b"a").bytes();
    let wrong = [
        ("reserved bit 2", Frame::new(FIN | 0x20 | TEXT, b"b")),
        ("reserved bit 3", Frame::new(FIN | 0x10 | TEXT, b"b")),
        ("compressed without agreement", Frame::new(FIN | RSV1 | TEXT, b"b")),
        ("reserved data opcode", Frame::new(FIN | 3, b"b")),
        ("reserved control opcode", Frame::new(FIN | 11, b"b")),
        ("continuation of nothing", Frame::new(FIN | CONTINUATION, b"b")),
        ("control in fragments", Frame::new(0x09, b"b")),
        ("control too long", Frame::new(FIN | 0x09, &[b'b'; 126])),
        ("masked by a server", Frame { key: Some([1, 2, 3, 4]), ..Frame::new(FIN | TEXT, b"b") }),
    ];
    for (what, frame) in wrong {
        let bytes = [sound.clone(), frame.bytes(), sound.clone()].concat();
        let (messages, frames) = both(false, false, &bytes);
        assert!(frames.is_broken(), "{what}");
        assert_eq!(messages, [(true, false, b"a".to_vec(), true)], "{what}");
    }
    let in_a_message = [Frame::new(TEXT, b"a").bytes(), sound.clone()].concat();
    assert!(both(false, false, &in_a_message).1.is_broken());
    let compressed_rest = [Frame::new(RSV1 | TEXT, b"a").bytes(), Frame::new(FIN | RSV1, b"a").bytes()].concat();
    assert!(both(false, true, &compressed_rest).1.is_broken());
    let endless = [&[FIN | TEXT, 127][..], &[0xFF; 8]].concat();
    assert!(both(false, false, &endless).1.is_broken());
    // A client that does not mask.
    assert!(both(true, false, &sound).1.is_broken());
}

#[test]
fn a_close_frame_ends_the_way() {
    let bytes = [
        Frame::new(FIN | TEXT, b"a").bytes(),
        Frame::new(FIN | CLOSE, &1000_u16.to_be_bytes()).bytes(),
        Frame::new(FIN | TEXT, b"b").bytes(),
        vec![0xFF; 20],
    ];
    let (messages, frames) = both(false, false, &bytes.concat());
    assert!(frames.is_closed() && !frames.is_inside());
    assert_eq!(messages.len(), 1);
}

#[test]
fn where_it_stops_is_told() {
    let bytes = [Frame::new(TEXT, b"a").bytes(), Frame::new(FIN, b"bc").bytes()].concat();
    for at in 0..=bytes.len() {
        let (_, frames) = both(false, false, bytes.get(..at).expect("in the bytes"));
        assert_eq!(frames.is_inside(), at != 0 && at != bytes.len(), "{at}");
    }
    // A length that no memory holds is only counted down.
    let huge = [&[FIN | BINARY, 127, 0x7F][..], &[0xFF; 7], b"abc"].concat();
    assert_eq!(both(false, false, &huge).0, [(false, false, b"abc".to_vec(), false)]);
}
