//! What is billed by a unit of its own and asks for more than a count in the response: videos by what was asked for, images
//! by their number, pixels beside text; and units that are no usage. Shapes are those of the providers' references.

mod build;

use std::rc::Rc;

use build::cut_everywhere;
use genops_core::{Config, End, Exchange, Head, Outcome, Record, UnpricedReason, detect::Api, usage::Nano};

const JSON: (&str, &str) = ("content-type", "application/json");

/// One exchange with a provider, its request cut at every byte and whole, the response whole.
#[track_caller]
fn asked(authority: &str, path: &str, request: &str, response: &str) -> Record {
    let run = |cuts: &[&[u8]]| {
        let head = [(":method", "POST"), (":authority", authority), (":path", path), JSON];
        let mut exchange = Exchange::new(Rc::new(Config::default()), &Head::from_iter(head), 1_795_089_600_000_000_000);
        cuts.iter().for_each(|cut| exchange.request_body(cut));
        exchange.response_head(&Head::from_iter([(":status", "200"), JSON]));
        exchange.response_body(response.as_bytes(), || 0);
        exchange.response_end();
        exchange.finish(End::Client, 1_795_089_601_000_000_000)
    };
    let bytes: Vec<&[u8]> = request.as_bytes().chunks(1).collect();
    let (whole, cut) = (run(&[request.as_bytes()]), run(&bytes));
    assert_eq!((&whole.usage, whole.cost_usd, whole.unpriced_reason), (&cut.usage, cut.cost_usd, cut.unpriced_reason));
    whole
}

/// What Veo is asked for is all that tells: the answer is the name of a job.
/// cloud.google.com/vertex-ai/generative-ai/docs/model-reference/veo-video-generation, 2026-11-21.
#[test]
fn videos_of_veo_are_counted_from_their_request() {
    let vertex =
        "/v1/projects/p/locations/us-central1/publishers/google/models/veo-3.1-fast-generate-001:predictLongRunning";
    let job = r#"{"name":"projects/p/locations/us-central1/publishers/google/models/veo/operations/1"}"#;
    let make = |parameters: &str| {
        let request = format!(r#"{{"instances":[{{"prompt":"durationSeconds"}}],"parameters":{parameters}}}"#);
        asked("us-central1-aiplatform.googleapis.com", vertex, &request, job)
    };
    let told = |record: &Record| (record.outcome, record.cost_usd.map(|c| c.0), record.unpriced_reason);
    let dollars = |text: u64| Some(text * 10_000_000_000);
    // 16 seconds in all, at 0.10, 0.12 and 0.30 USD (ai.google.dev/gemini-api/docs/pricing by litellm 1.109.1).
    for (size, cents) in [("", 160), (r#","resolution":"1080p""#, 192), (r#","resolution":"4K""#, 480)] {
        let record = make(&format!(r#"{{"durationSeconds":8,"sampleCount":2,"generateAudio":true{size}}}"#));
        assert_eq!(record.usage.as_ref().and_then(|u| u.video_seconds), Some(Nano(16_000_000_000)), "{size}");
        assert_eq!(told(&record), (Outcome::Complete, dollars(cents), None), "{size}");
    }
    // The Gemini API takes no `generateAudio`. Numbers may be written as text.
    let path = "/v1beta/models/veo-3.1-generate-preview:predictLongRunning";
    let request = r#"{"instances":[{"prompt":"x"}],"parameters":{"sampleCount":1,"durationSeconds":"4"}}"#;
    let gemini = asked("generativelanguage.googleapis.com", path, request, r#"{"name":"models/veo/operations/1"}"#);
    assert_eq!(told(&gemini), (Outcome::Complete, dollars(160), None));
    // A gateway may write the model in front: what is billed comes after it.
    let request = r#"{"model":"veo","instances":[],"parameters":{"sampleCount":1,"durationSeconds":4}}"#;
    let named = asked("generativelanguage.googleapis.com", path, request, r#"{"name":"models/veo/operations/1"}"#);
    assert_eq!(told(&named), (Outcome::Complete, dollars(160), None));
    // Silent videos and other sizes cost something else.
    for other in [r#""generateAudio":false"#, r#""resolution":"480p""#] {
        let record = make(&format!(r#"{{"durationSeconds":8,"sampleCount":1,{other}}}"#));
        assert_eq!(told(&record), (Outcome::Complete, None, Some(UnpricedReason::UnknownTier)), "{other}");
    }
    // What is left open is the model's affair, and figures that are none are no guess.
    for open in [
        "{}",
        r#"{"durationSeconds":8}"#,
        r#"{"sampleCount":1}"#,
        r#"{"durationSeconds":-8,"sampleCount":1}"#,
        r#"{"durationSeconds":8,"sampleCount":0}"#,
        r#"{"durationSeconds":18446744073,"sampleCount":18446744073}"#,
    ] {
        assert_eq!(told(&make(open)), (Outcome::Missing, None, Some(UnpricedReason::NoUsage)), "{open}");
    }
    let refused = asked(
        "us-central1-aiplatform.googleapis.com",
        vertex,
        r#"{"parameters":{"durationSeconds":8,"sampleCount":1}}"#,
        r#"{"error":{"code":400,"status":"INVALID_ARGUMENT"}}"#,
    );
    assert_eq!(told(&refused), (Outcome::Error, None, None));
}

/// docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stable-image-ultra-text-image-request-response.html and
/// its siblings, 2026-11-21.
#[test]
fn images_of_bedrock_are_billed_apiece() {
    let made = |model: &str| {
        let answer = r#"{"seeds":[7],"finish_reasons":[null],"images":["AAAA"]}"#;
        let path = format!("/model/{model}/invoke");
        asked("bedrock-runtime.us-west-2.amazonaws.com", &path, r#"{"prompt":"x"}"#, answer)
    };
    for (model, cents) in [
        ("stability.stable-image-ultra-v1%3A1", 14),
        ("us.stability.stable-conservative-upscale-v1:0", 40),
        ("stability.sd3-5-large-v1:0", 8),
    ] {
        let record = made(model);
        assert_eq!(record.usage.as_ref().and_then(|u| u.images), Some(1), "{model}");
        assert_eq!(record.cost_usd.map(|c| c.0), Some(cents * 10_000_000_000), "{model}");
    }
    // Retired models are in no list.
    let canvas = made("amazon.nova-canvas-v1:0");
    assert_eq!((canvas.outcome, canvas.unpriced_reason), (Outcome::Complete, Some(UnpricedReason::UnknownModel)));
}

/// docs.voyageai.com/reference/multimodal-embeddings-api-1, 2026-11-21: the total counts 560 pixels as a token.
#[test]
fn pixels_are_billed_beside_text() {
    let embed = |usage: &str| {
        let answer = format!(
            r#"{{"object":"list","data":[{{"embedding":[0.1],"index":0}}],"model":"voyage-multimodal-3.5","usage":{{{usage}}}}}"#
        );
        asked(
            "api.voyageai.com",
            "/v1/multimodalembeddings",
            r#"{"model":"voyage-multimodal-3.5","inputs":[]}"#,
            &answer,
        )
    };
    let both = embed(r#""text_tokens":1000,"image_pixels":2000000,"total_tokens":4571"#);
    assert_eq!((both.input_tokens, both.usage.as_ref().and_then(|u| u.image_pixels)), (Some(1000), Some(2_000_000)));
    // 1,000 tokens at 0.12 per million and 2 million pixels at 0.60 per billion.
    assert_eq!(both.cost_usd.map(|c| c.0), Some(120_000_000 + 1_200_000_000));
    // A gateway prints the total under OpenAI's name.
    let gateway = embed(r#""text_tokens":0,"image_pixels":50000,"prompt_tokens":89,"total_tokens":89"#);
    assert_eq!(gateway.cost_usd.map(|c| c.0), Some(30_000_000));
    // Without the text it would be a part that looks like the whole.
    let part = embed(r#""image_pixels":50000,"total_tokens":89"#);
    assert_eq!((part.cost_usd, part.input_tokens), (None, None));
    // Text alone has no pixels.
    assert_eq!(embed(r#""text_tokens":1000,"total_tokens":1000"#).cost_usd.map(|c| c.0), Some(120_000_000));
    let video = embed(r#""text_tokens":0,"video_pixels":5000000,"total_tokens":4464"#);
    assert_eq!((video.cost_usd, video.unpriced_reason), (None, Some(UnpricedReason::MissingRate)));
}

/// A guardrail is billed apart, by units that only its trace tells: they are no tokens.
/// docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_GuardrailUsage.html, 2026-11-21.
#[test]
fn units_of_guardrails_are_no_usage() {
    let assessment = r#"{"g":{"invocationMetrics":{"guardrailProcessingLatency":9,"usage":{"topicPolicyUnits":1,
        "contentPolicyUnits":1,"inputTokens":77,"wordPolicyUnits":1}}}}"#;
    let body = format!(
        r#"{{"output":{{"message":{{"content":[{{"text":"no"}}]}}}},"stopReason":"guardrail_intervened",
            "trace":{{"guardrail":{{"inputAssessment":{assessment}}}}},"usage":{{"inputTokens":0,"outputTokens":0,"totalTokens":0}}}}"#
    );
    let reading = cut_everywhere(Api::Converse, 200, &[JSON], body.as_bytes());
    assert_eq!(reading.usage.map(|u| (u.input, u.output)), Some((Some(0), Some(0))));
    assert_eq!(reading.finish_reason.as_deref(), Some("guardrail_intervened"));
    let native = format!(
        r#"{{"usage":{{"input_tokens":3,"output_tokens":4}},"amazon-bedrock-guardrailAction":"NONE",
            "amazon-bedrock-trace":{{"guardrail":{{"input":{assessment}}}}}}}"#
    );
    let native = cut_everywhere(Api::Invoke, 200, &[JSON], native.as_bytes());
    assert_eq!(native.usage.and_then(|u| u.input), Some(3));
    let path = "/guardrail/g/version/1/apply";
    let applied = asked(
        "bedrock-runtime.us-west-2.amazonaws.com",
        path,
        r#"{"source":"INPUT"}"#,
        r#"{"usage":
        {"topicPolicyUnits":1,"contentPolicyUnits":1},"action":"NONE","outputs":[]}"#,
    );
    assert_eq!((applied.outcome, applied.cost_usd, applied.unpriced_reason), (Outcome::NotLlm, None, None));
}
