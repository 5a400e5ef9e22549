//! Encoders, flushed where a server would.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "tests and benches use their part of it")]

use std::io::{Read, Write};

use structured_zstd::encoding::{CompressionLevel, StreamingEncoder, compress_slice_to_vec};

/// A content coding, as servers write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    /// By RFC 9110.
    Zlib,
    /// As many servers have it.
    RawDeflate,
    Br,
    Zstd,
}

impl Coding {
    pub const ALL: [Self; 5] = [Self::Gzip, Self::Zlib, Self::RawDeflate, Self::Br, Self::Zstd];

    /// Its name in `content-encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zlib | Self::RawDeflate => "deflate",
            Self::Br => "br",
            Self::Zstd => "zstd",
        }
    }

    /// The parts one after the other, each flushed, so that all of it can be read when its bytes have come. Gives the
    /// bytes of each part, and last those that end the whole.
    pub fn flushed(self, parts: &[&[u8]]) -> Vec<Vec<u8>> {
        let level = flate2::Compression::default();
        match self {
            Self::Gzip => {
                write(flate2::write::GzEncoder::new(Vec::new(), level), parts, |e| e.get_mut(), |e| e.finish())
            }
            Self::Zlib => {
                write(flate2::write::ZlibEncoder::new(Vec::new(), level), parts, |e| e.get_mut(), |e| e.finish())
            }
            Self::RawDeflate => {
                write(flate2::write::DeflateEncoder::new(Vec::new(), level), parts, |e| e.get_mut(), |e| e.finish())
            }
            // Quality 5 and a window of 4 MB: what proxies choose for bodies that they compress as they go.
            Self::Br => write(
                brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22),
                parts,
                |e| e.get_mut(),
                |e| Ok(e.into_inner()),
            ),
            Self::Zstd => {
                let mut encoder = StreamingEncoder::new(Vec::new(), CompressionLevel::Default);
                encoder.set_content_checksum(true).unwrap();
                let mut flushed: Vec<Vec<u8>> = parts
                    .iter()
                    .map(|part| {
                        structured_zstd::io::Write::write_all(&mut encoder, part).unwrap();
                        structured_zstd::io::Write::flush(&mut encoder).unwrap();
                        std::mem::take(encoder.get_mut())
                    })
                    .collect();
                flushed.push(encoder.finish().unwrap());
                flushed
            }
        }
    }

    /// The whole in one go, as a body that is known when its head is sent.
    pub fn encode(self, plain: &[u8]) -> Vec<u8> {
        let level = flate2::Compression::default();
        let mut whole = Vec::new();
        match self {
            Self::Gzip => flate2::read::GzEncoder::new(plain, level).read_to_end(&mut whole),
            Self::Zlib => flate2::read::ZlibEncoder::new(plain, level).read_to_end(&mut whole),
            Self::RawDeflate => flate2::read::DeflateEncoder::new(plain, level).read_to_end(&mut whole),
            Self::Br => brotli::CompressorReader::new(plain, 4096, 5, 22).read_to_end(&mut whole),
            Self::Zstd => return compress_slice_to_vec(plain, CompressionLevel::Default),
        }
        .unwrap();
        whole
    }
}

fn write<E: Write>(
    mut encoder: E,
    parts: &[&[u8]],
    written: impl Fn(&mut E) -> &mut Vec<u8>,
    finish: impl FnOnce(E) -> std::io::Result<Vec<u8>>,
) -> Vec<Vec<u8>> {
    let mut flushed: Vec<Vec<u8>> = parts
        .iter()
        .map(|part| {
            encoder.write_all(part).unwrap();
            encoder.flush().unwrap();
            std::mem::take(written(&mut encoder))
        })
        .collect();
    flushed.push(finish(encoder).unwrap());
    flushed
}
