//! The recorded traffic in `../shared/corpus`: what the core reads must be what its README says was there.
//!
//! The corpus is not part of this repository. Where it is absent the tests say so and pass, except in CI.

#[path = "build/encode.rs"]
mod encode;
#[path = "corpus/plan.rs"]
mod plan;
#[path = "corpus/record.rs"]
mod record;

use std::collections::BTreeMap;

use encode::Coding;
use genops_core::{
    body::{BodyState, Reader, Reading, RequestScan},
    detect::{self, Route},
    head::Head,
};
use plan::Plan;
use record::{Exchange, Expected, Message};

/// Fields whose difference from the corpus is accepted: exchange, field, why. At most 1 % of the exchanges with usage.
const ACCEPTED: &[(&str, &str, &str)] =
    &[("writer-0897fefe4235", "request_model", "a comma too many far behind the model, which the provider forgave")];

/// Feeds one response to the core under a chunk plan.
fn read(exchange: &Exchange, plan: Plan) -> (Route, Reading) {
    let head: Vec<(&str, &str)> = exchange.request.head.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let route = detect::route(&head.into_iter().collect());
    let head: Vec<(&str, &str)> = exchange.response.head.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut reader = Reader::new(route.api, exchange.status, &Head::from_iter(head));
    plan.cut(&exchange.response.body, |cut| reader.feed(cut));
    let reading = reader.finish(true);
    (route, reading)
}

fn requested(exchange: &Exchange, route: &Route, plan: Plan) -> Option<String> {
    let mut scan = RequestScan::new(route);
    plan.cut(&exchange.request.body, |cut| scan.feed(cut));
    scan.model().or(route.model.as_deref()).map(str::to_owned)
}

/// What a reading says in the corpus' terms.
fn told(reading: &Reading) -> Expected {
    // `has_usage` and all counts of the corpus look at the body only.
    let usage = reading.usage.clone().filter(|_| !reading.from_headers).unwrap_or_default();
    Expected {
        model: reading.model.clone(),
        input: usage.input,
        output: usage.output,
        cache_read: usage.cache_read,
        cache_write: usage.cache_write,
        reasoning: usage.reasoning,
        input_audio: usage.input_audio,
        input_image: usage.input_image,
        input_tool: usage.input_tool,
        output_audio: usage.output_audio,
        output_image: usage.output_image,
        billed_input: usage.billed_input,
        billed_output: usage.billed_output,
        total: usage.total,
        response_id: reading.response_id.clone(),
        finish_reason: reading.finish_reason.clone(),
    }
}

fn differences(exchange: &Exchange, reading: &Reading) -> Vec<(&'static str, String)> {
    let (want, got) = (&exchange.expected, told(reading));
    let mut found = Vec::new();
    let mut compare = |field, want: String, got: String| {
        if want != got {
            found.push((field, format!("expected {want}, read {got}")));
        }
    };
    compare("model", format!("{:?}", want.model), format!("{:?}", got.model));
    compare("input", format!("{:?}", want.input), format!("{:?}", got.input));
    compare("output", format!("{:?}", want.output), format!("{:?}", got.output));
    compare("cache_read", format!("{:?}", want.cache_read), format!("{:?}", got.cache_read));
    compare("cache_write", format!("{:?}", want.cache_write), format!("{:?}", got.cache_write));
    compare("reasoning", format!("{:?}", want.reasoning), format!("{:?}", got.reasoning));
    compare("input_audio", format!("{:?}", want.input_audio), format!("{:?}", got.input_audio));
    compare("input_image", format!("{:?}", want.input_image), format!("{:?}", got.input_image));
    compare("input_tool", format!("{:?}", want.input_tool), format!("{:?}", got.input_tool));
    compare("output_audio", format!("{:?}", want.output_audio), format!("{:?}", got.output_audio));
    compare("output_image", format!("{:?}", want.output_image), format!("{:?}", got.output_image));
    compare("billed_input", format!("{:?}", want.billed_input), format!("{:?}", got.billed_input));
    compare("billed_output", format!("{:?}", want.billed_output), format!("{:?}", got.billed_output));
    compare("total", format!("{:?}", want.total), format!("{:?}", got.total));
    compare("response_id", format!("{:?}", want.response_id), format!("{:?}", got.response_id));
    compare("finish_reason", format!("{:?}", want.finish_reason), format!("{:?}", got.finish_reason));
    // Google's numbers for finish reasons, which the corpus leaves out, are read as names.
    found.retain(|(field, _)| *field != "finish_reason" || want.finish_reason.is_some());
    found
}

#[test]
fn every_exchange_reads_as_its_recording_says() {
    let Some(corpus) = record::load() else { return };
    let mut faults = Vec::new();
    let mut counted: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut accepted = 0;
    for exchange in &corpus {
        let (route, reading) = read(exchange, Plan::Whole);
        // The corpus' `other` is finer here (model lists, batches), but never a call that uses a model.
        let other = exchange.api == "other" && !route.api.generates();
        if route.api.as_str() != exchange.api && !other {
            faults.push(format!("{}: api {} read as {}", exchange.id, exchange.api, route.api.as_str()));
        }
        let mut differ = differences(exchange, &reading);
        if !exchange.has_usage {
            // Names in bodies without usage are read from shapes that the corpus did not look into, and the reverse.
            differ.retain(|(field, _)| !matches!(*field, "model" | "response_id" | "finish_reason"));
        }
        let requested = requested(exchange, &route, Plan::Whole);
        if route.api.generates() && exchange.has_usage && requested != exchange.request_model {
            differ.push(("request_model", format!("expected {:?}, read {requested:?}", exchange.request_model)));
        }
        if exchange.has_usage && reading.state != BodyState::Complete {
            differ.push(("state", format!("{:?}", reading.state)));
        }
        let (differ, known): (Vec<_>, Vec<_>) = differ
            .into_iter()
            .partition(|(field, _)| !ACCEPTED.iter().any(|(id, f, _)| *id == exchange.id && f == field));
        accepted += usize::from(!known.is_empty());
        let count = counted.entry(exchange.api.clone()).or_default();
        count.0 += usize::from(exchange.has_usage);
        count.1 += usize::from(exchange.has_usage && differ.is_empty());
        faults.extend(
            differ
                .iter()
                .map(|(field, what)| format!("{} {} {:?}: {field}: {what}", exchange.id, exchange.api, reading.state)),
        );
    }
    for (api, (all, right)) in &counted {
        println!("{api:28} {right:4} of {all:4} with usage read as recorded");
    }
    let with_usage: usize = counted.values().map(|c| c.0).sum();
    assert!(with_usage > 0, "the corpus is empty");
    assert!(accepted * 100 <= with_usage, "{accepted} accepted differences are more than 1 %");
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn failures_give_no_tokens_and_an_error() {
    let Some(corpus) = record::load() else { return };
    for exchange in corpus.iter().filter(|e| e.status >= 400) {
        let (_, reading) = read(exchange, Plan::Whole);
        assert_eq!(reading.usage, None, "{}", exchange.id);
        assert!(reading.error.is_some(), "{}", exchange.id);
    }
}

#[test]
fn cuts_do_not_matter() {
    let Some(corpus) = record::load() else { return };
    for exchange in &corpus {
        let whole = read(exchange, Plan::Whole);
        for plan in [Plan::Every(1), Plan::Every(7), Plan::Seeded(1), Plan::Seeded(2)] {
            assert_eq!(read(exchange, plan), whole, "{} under {plan:?}", exchange.id);
            let requested_whole = requested(exchange, &whole.0, Plan::Whole);
            assert_eq!(requested(exchange, &whole.0, plan), requested_whole, "{} under {plan:?}", exchange.id);
        }
    }
}

/// Every byte alone is slow in every coding of every exchange: one exchange in this many is fed so, in all codings.
const EVERY_BYTE: usize = 4;

/// Whole from an encoder that knew the body, and cut from one that was flushed after each event.
#[test]
fn encodings_do_not_matter() {
    let Some(corpus) = record::load() else { return };
    let mut read_encoded = 0;
    for (index, exchange) in corpus.iter().enumerate() {
        let Message { head, body } = &exchange.response;
        let Ok(text) = str::from_utf8(body) else { continue };
        if text.is_empty() || head.iter().any(|(name, _)| name == "content-encoding") {
            continue;
        }
        let (route, plain) = read(exchange, Plan::Whole);
        let events: Vec<&[u8]> = text.split_inclusive("\n\n").map(str::as_bytes).collect();
        for coding in Coding::ALL {
            let named = head.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain([("content-encoding", coding.name())]);
            let head: Head<'_> = named.collect();
            let check = |body: &[u8], plan: Plan| {
                let mut reader = Reader::new(route.api, exchange.status, &head);
                plan.cut(body, |cut| reader.feed(cut));
                assert_eq!(reader.finish(true), plain, "{} as {coding:?} under {plan:?}", exchange.id);
            };
            check(&coding.encode(body), Plan::Whole);
            let flushed = coding.flushed(&events).concat();
            check(&flushed, Plan::Seeded(index as u64));
            if index % EVERY_BYTE == 0 {
                check(&flushed, Plan::Every(1));
            }
        }
        read_encoded += 1;
    }
    println!("{read_encoded} of {} exchanges read in every coding", corpus.len());
    assert!(read_encoded * 2 > corpus.len());
}
