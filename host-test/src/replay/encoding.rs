//! Content codings: encoding a recorded response body anew.

use std::io::{Read, Write};
use std::str::FromStr;

use structured_zstd::encoding::{CompressionLevel, StreamingEncoder};
use structured_zstd::io as zstd;

use crate::exchange::Exchange;

/// Most bytes that a recorded body may decode to: recordings are a few MB, anything beyond is a bomb.
const DECODED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// `--encode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// As recorded.
    #[default]
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 1950 (zlib), which is what HTTP calls deflate.
    Deflate,
    /// RFC 7932.
    Br,
    /// RFC 8878.
    Zstd,
}

impl FromStr for Encoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "identity" => Self::Identity,
            "gzip" => Self::Gzip,
            "deflate" => Self::Deflate,
            "br" => Self::Br,
            "zstd" => Self::Zstd,
            _ => return Err(format!("{text:?} is none of identity, gzip, deflate, br, zstd")),
        })
    }
}

impl Encoding {
    fn token(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Br => "br",
            Self::Zstd => "zstd",
        }
    }

    /// `body` in this coding, flushed after each event of a stream, as a server does that sends it as it comes.
    ///
    /// # Errors
    /// Only what the encoders report; memory is their only resource.
    pub fn encode(self, body: &[u8]) -> std::io::Result<Vec<u8>> {
        let level = flate2::Compression::default();
        match self {
            Self::Identity => Ok(body.to_vec()),
            Self::Gzip => written(flate2::write::GzEncoder::new(Vec::new(), level), body)?.finish(),
            Self::Deflate => written(flate2::write::ZlibEncoder::new(Vec::new(), level), body)?.finish(),
            // Quality 5, and RFC 7932's usual window of 4 MB: what servers choose that compress as they go.
            Self::Br => Ok(written(brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22), body)?.into_inner()),
            Self::Zstd => {
                let mut encoder = StreamingEncoder::new(Vec::new(), CompressionLevel::Default);
                for event in events(body) {
                    zstd::Write::write_all(&mut encoder, event).map_err(zstd_error)?;
                    zstd::Write::flush(&mut encoder).map_err(zstd_error)?;
                }
                encoder.finish().map_err(zstd_error)
            }
        }
    }

    /// `body` out of this coding, bounded.
    ///
    /// # Errors
    /// A body that is not in this coding, ends early or is too large.
    pub fn decode(self, body: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(body.to_vec()),
            Self::Gzip => bounded(flate2::read::MultiGzDecoder::new(body)),
            // Some servers send the bare deflate stream.
            Self::Deflate => bounded(flate2::read::ZlibDecoder::new(body))
                .or_else(|_| bounded(flate2::read::DeflateDecoder::new(body))),
            Self::Br => bounded(brotli::Decompressor::new(body, 4096)),
            Self::Zstd => bounded(ruzstd::decoding::StreamingDecoder::new(body).map_err(std::io::Error::other)?),
        }
    }
}

/// Events of a stream with the blank line that ends each; another body is one.
fn events(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let end = rest.windows(2).position(|two| two == b"\n\n").map_or(rest.len(), |at| at + 2);
        let (event, tail) = rest.split_at(end);
        rest = tail;
        Some(event).filter(|event| !event.is_empty())
    })
}

fn written<W: Write>(mut encoder: W, body: &[u8]) -> std::io::Result<W> {
    for event in events(body) {
        encoder.write_all(event)?;
        encoder.flush()?;
    }
    Ok(encoder)
}

fn zstd_error(error: zstd::Error) -> std::io::Error {
    std::io::Error::other(error.to_string())
}

fn bounded(reader: impl Read) -> std::io::Result<Vec<u8>> {
    let mut out = Vec::new();
    reader.take(DECODED_BYTES_MAX + 1).read_to_end(&mut out)?;
    if out.len() as u64 > DECODED_BYTES_MAX {
        return Err(std::io::Error::other("the body decodes to more than 256 MiB"));
    }
    Ok(out)
}

/// Encodes the response body of `exchange` anew and says so in its headers. A body that is empty, or in a coding that
/// cannot be undone, stays as recorded.
///
/// # Errors
/// See [`Encoding::encode`].
pub(crate) fn encode_response(exchange: &mut Exchange, encoding: Encoding) -> std::io::Result<()> {
    if encoding == Encoding::Identity || exchange.response_body.is_empty() {
        return Ok(());
    }
    let Some(plain) = plain(exchange) else { return Ok(()) };
    exchange.response_body = encoding.encode(&plain)?;
    exchange.response_headers.replace(b"content-encoding", encoding.token().as_bytes());
    if exchange.response_headers.first(b"content-length").is_some() {
        let length = exchange.response_body.len().to_string();
        exchange.response_headers.replace(b"content-length", length.as_bytes());
    }
    Ok(())
}

/// The body without the codings that its headers name, the last one first.
fn plain(exchange: &Exchange) -> Option<Vec<u8>> {
    let mut body = exchange.response_body.clone();
    let mut codings = Vec::new();
    for value in exchange.response_headers.all(b"content-encoding") {
        let text = std::str::from_utf8(value).ok()?;
        codings.extend(text.split(',').map(|coding| coding.trim().to_ascii_lowercase()));
    }
    for coding in codings.iter().rev().filter(|coding| !coding.is_empty()) {
        let coding = if coding == "x-gzip" { "gzip" } else { coding };
        body = coding.parse::<Encoding>().ok()?.decode(&body).ok()?;
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Headers;

    const CODINGS: [Encoding; 4] = [Encoding::Gzip, Encoding::Deflate, Encoding::Br, Encoding::Zstd];

    fn exchange(coding: Option<&str>, body: Vec<u8>) -> Exchange {
        let mut headers: Headers = [(":status", "200"), ("content-length", "1")].into_iter().collect();
        if let Some(coding) = coding {
            headers.push(b"content-encoding", coding.as_bytes());
        }
        Exchange { response_headers: headers, response_body: body, ..Exchange::default() }
    }

    #[test]
    fn every_coding_comes_back() {
        let (lines, stream) = (b"data: {\"a\":1}\n".repeat(500), b"data: {\"a\":1}\n\n".repeat(500));
        for coding in CODINGS {
            let encoded = coding.encode(&lines).expect("encodes");
            assert!(encoded.len() < lines.len() / 2, "{coding:?} does not compress");
            assert_eq!(coding.decode(&encoded).expect("decodes"), lines, "{coding:?}");
            let flushed = coding.encode(&stream).expect("encodes");
            assert_eq!(coding.decode(&flushed).expect("decodes"), stream, "{coding:?}");
            assert!(coding.decode(b"\xff\xfe no such coding").is_err(), "{coding:?}");
        }
    }

    /// What was flushed can be read before the rest has come.
    #[test]
    fn events_are_flushed() {
        let (first, second) = ("data: {\"a\":1}\n\n", "data: {\"b\":2}\n\n");
        let stream = [first, second].concat();
        assert_eq!(events(stream.as_bytes()).collect::<Vec<_>>(), [first.as_bytes(), second.as_bytes()]);
        assert_eq!(events(b"{}\n").collect::<Vec<_>>(), [b"{}\n"]);
        for coding in CODINGS {
            let whole = coding.encode(stream.as_bytes()).expect("encodes");
            let alone = coding.encode(first.as_bytes()).expect("encodes");
            // The first event takes the same bytes whatever follows; only the end differs.
            let same = whole.iter().zip(&alone).take_while(|(a, b)| a == b).count();
            assert!(same + 12 >= alone.len() && same >= 15, "{coding:?}: {same} of {}", alone.len());
        }
    }

    #[test]
    fn an_encoded_body_is_decoded_first() {
        for before in CODINGS {
            for after in CODINGS {
                let mut exchange = exchange(Some(before.token()), before.encode(b"hello").expect("encodes"));
                encode_response(&mut exchange, after).expect("encodes");
                assert_eq!(after.decode(&exchange.response_body).expect("decodes"), b"hello");
                let headers = &exchange.response_headers;
                assert_eq!(headers.first(b"content-encoding"), Some(after.token().as_bytes()));
                let length = exchange.response_body.len().to_string();
                assert_eq!(headers.first(b"content-length"), Some(length.as_bytes()));
            }
        }
    }

    #[test]
    fn what_cannot_be_decoded_stays_as_recorded() {
        for (coding, body) in [("gzip", b"not gzip".to_vec()), ("compress", b"x".to_vec())] {
            let mut exchange = exchange(Some(coding), body.clone());
            encode_response(&mut exchange, Encoding::Br).expect("never an error");
            assert_eq!(exchange.response_body, body);
            assert_eq!(exchange.response_headers.first(b"content-encoding"), Some(coding.as_bytes()));
        }
        let mut empty = exchange(None, Vec::new());
        encode_response(&mut empty, Encoding::Gzip).expect("never an error");
        assert_eq!(empty.response_headers.first(b"content-encoding"), None);
    }
}
