//! Encoded answers on the real Envoy: decoded on a copy, whatever their cuts, and passed on byte for byte. What cannot
//! be decoded is counted so.

use anyhow::{Context, Result, ensure};
use genops_host::replay::Encoding;
use genops_tests::client::{Leave, send_all};
use genops_tests::envoy::{Bootstrap, Envoy, Setup};
use genops_tests::upstream::{Answer, Cuts, Upstream};
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};

use crate::envoy_support::{ask, chat, chat_stream, field, filter, logged};

const MODEL: &str = "gpt-4o-mini";

/// Tokens of every answer.
const USED: (u64, u64) = (1_234, 567);

/// As HTTP names them (RFC 9110 8.4.1, RFC 8878 for zstd).
const CODINGS: &[(&str, Encoding)] =
    &[("gzip", Encoding::Gzip), ("deflate", Encoding::Deflate), ("br", Encoding::Br), ("zstd", Encoding::Zstd)];

const CUTS: &[(&str, Cuts)] = &[("whole", Cuts::Whole), ("bytes", Cuts::Bytes(1)), ("seeded", Cuts::Seeded(7))];

/// One answer and what must come of it.
struct Case {
    id: String,
    answer: Answer,
    outcome: &'static str,
    input: &'static str,
}

/// `answer` with another body and its coding.
fn coded(mut answer: Answer, coding: &str, body: Vec<u8>) -> Result<Answer> {
    if answer.headers.contains_key(CONTENT_LENGTH) {
        answer.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    answer.headers.insert(CONTENT_ENCODING, HeaderValue::from_str(coding)?);
    answer.body = body.into();
    Ok(answer)
}

fn decodable() -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for (form, answer) in [("json", chat(MODEL, USED.0, USED.1)), ("sse", chat_stream(MODEL, USED.0, USED.1))] {
        for (coding, encoding) in CODINGS {
            let body = encoding.encode(&answer.body)?;
            for (name, cuts) in CUTS {
                let answer = coded(answer.clone(), coding, body.clone())?.cut(*cuts);
                cases.push(Case { id: format!("{form}-{coding}-{name}"), answer, outcome: "complete", input: "1234" });
            }
        }
        let twice = Encoding::Br.encode(&Encoding::Gzip.encode(&answer.body)?)?;
        let answer = coded(answer, "gzip, br", twice)?.cut(Cuts::Seeded(3));
        cases.push(Case { id: format!("{form}-twice"), answer, outcome: "complete", input: "1234" });
    }
    Ok(cases)
}

fn undecodable() -> Result<Vec<Case>> {
    let plain = chat(MODEL, USED.0, USED.1);
    let packed = Encoding::Gzip.encode(&plain.body)?;
    let half = packed.len() / 2;
    let broken = [&packed[..half], &[0xff; 64][..]].concat();
    let case = |id: &str, coding: &str, body: Vec<u8>, outcome, input| -> Result<Case> {
        Ok(Case { id: id.to_owned(), answer: coded(plain.clone(), coding, body)?, outcome, input })
    };
    Ok(vec![
        case("unknown", "compress", plain.body.to_vec(), "unsupported", "")?,
        case("broken", "gzip", broken, "unparsable", "")?,
        // A header that is not honest: the body is read as what it is.
        case("not-at-all", "gzip", plain.body.to_vec(), "complete", "1234")?,
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn encoded_answers_are_read_on_a_copy_and_pass_untouched() -> Result<()> {
    let upstream = Upstream::start().await?;
    let envoy = Envoy::start(&Setup::new(Bootstrap::shipped(&filter()?, upstream.address())?)).await?;
    let mut cases = decodable()?;
    cases.extend(undecodable()?);
    let mut requests = Vec::new();
    for case in &cases {
        upstream.answer(case.id.clone(), case.answer.clone());
        requests.push((ask(case.id.clone(), MODEL, &[]), Leave::AtEnd));
    }
    let replies = send_all(envoy.address(), requests, 4).await;
    envoy.settled(cases.len()).await?;
    let lines = logged(&envoy.access_log()?)?;
    let mut wrong = Vec::new();
    for (case, reply) in cases.iter().zip(&replies) {
        let line = lines.iter().find(|line| line.id == case.id).with_context(|| case.id.clone())?;
        let got = [field(line, "outcome"), field(line, "input_tokens")];
        if got != [case.outcome, case.input] {
            wrong.push(format!("{}: {got:?}", case.id));
        }
        if reply.body != case.answer.body {
            wrong.push(format!("{}: {} bytes came of {}", case.id, reply.body.len(), case.answer.body.len()));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    envoy.quit().await?;
    Ok(())
}
