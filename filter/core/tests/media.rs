//! What is not billed by text tokens: images, sound, video, pages, searches, and bills over several models. Shapes are
//! those of the providers' references; the figures are made up.

mod build;

use std::rc::Rc;

use build::{cut_everywhere, event_message, sse_head};
use genops_core::{
    Config, End, Exchange, Head, Outcome, Record, Usage,
    body::Reading,
    detect::Api,
    usage::{Nano, Share},
};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[track_caller]
fn json(api: Api, body: &str) -> Reading {
    cut_everywhere(api, 200, &JSON, body.as_bytes())
}

#[track_caller]
fn used(api: Api, body: &str) -> Usage {
    json(api, body).usage.expect("usage")
}

#[track_caller]
fn stream(api: Api, events: &[&str]) -> Reading {
    let body: String = events.iter().map(|e| format!("data: {}\n\n", e.replace('\n', ""))).collect();
    cut_everywhere(api, 200, &sse_head(), body.as_bytes())
}

/// One exchange through the whole core, its request cut at every byte.
fn exchange(path: &str, kind: &str, request: &[u8], answer: (&str, &str), response: &[u8]) -> Record {
    let head = [(":method", "POST"), (":authority", "api.openai.com"), (":path", path), ("content-type", kind)];
    let mut exchange = Exchange::new(Rc::new(Config::default()), &Head::from_iter(head), 1_790_000_000_000_000_000);
    request.iter().for_each(|byte| exchange.request_body(&[*byte]));
    exchange.response_head(&Head::from_iter([(":status", "200"), answer]));
    exchange.response_body(response, || 0);
    exchange.response_end();
    exchange.finish(End::Client, 1_790_000_001_000_000_000)
}

#[test]
fn images_without_tokens_are_counted() {
    let plain = r#"{"created":1,"data":[{"url":"https://x/1"},{"b64_json":"AAAA"}],"size":"1024x1024","quality":"HD"}"#;
    let reading = json(Api::Images, plain);
    assert_eq!(reading.usage.map(|u| u.images), Some(Some(2)));
    assert_eq!((reading.size.as_deref(), reading.quality.as_deref()), (Some("1024x1024"), Some("hd")));
    // Tokens are the bill where they are told.
    let tokens = r#"{"data":[{"b64_json":"A"}],"usage":{"input_tokens":50,"output_tokens":4160,"total_tokens":4210,
        "input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#;
    let usage = used(Api::Images, tokens);
    assert_eq!((usage.images, usage.input, usage.input_image, usage.output), (None, Some(50), Some(40), Some(4160)));
    assert_eq!(json(Api::Images, r#"{"created":1,"data":[]}"#).usage, None);
    assert_eq!(used(Api::Predict, r#"{"predictions":[{"bytesBase64Encoded":"A"}]}"#).images, Some(1));
    assert_eq!(used(Api::Invoke, r#"{"images":["AAAA","BBBB"],"error":null}"#).images, Some(2));
    // `data` of embeddings is no picture.
    assert_eq!(json(Api::Embeddings, r#"{"data":[{"embedding":[0.1]}]}"#).usage, None);
}

#[test]
fn image_streams_count_what_was_completed() {
    let partial = r#"{"type":"image_generation.partial_image","b64_json":"AAAA","partial_image_index":0}"#;
    let told = r#"{"type":"image_generation.completed","b64_json":"AAAA","quality":"high","size":"1024x1536",
        "usage":{"input_tokens":5,"output_tokens":60,"total_tokens":65}}"#;
    let reading = stream(Api::Images, &[partial, partial, told]);
    assert_eq!(reading.usage.as_ref().and_then(|u| u.output), Some(60));
    assert_eq!((reading.size.as_deref(), reading.quality.as_deref()), (Some("1024x1536"), Some("high")));
    let untold = r#"{"type":"image_edit.completed","b64_json":"AAAA"}"#;
    assert_eq!(stream(Api::Images, &[partial, untold, partial, untold]).usage.and_then(|u| u.images), Some(2));
    let failed = stream(Api::Images, &[r#"{"type":"error","error":{"code":"moderation_blocked"}}"#]);
    assert_eq!(failed.error.and_then(|e| e.code).as_deref(), Some("moderation_blocked"));
}

#[test]
fn vector_images_are_a_share() {
    let usage = used(
        Api::Images,
        r#"{"data":[{}],"usage":{"input_tokens":5,"output_tokens":60},
            "svg_usage":{"model":"Vector-1","input_tokens":7,"output_tokens":8}}"#,
    );
    let told: Vec<_> = usage.shares.iter().map(|s| (s.model.as_deref(), s.usage.input, s.usage.output)).collect();
    assert_eq!(told, [(None, Some(5), Some(60)), (Some("Vector-1"), Some(7), Some(8))]);
}

#[test]
fn transcriptions_say_seconds_or_tokens() {
    let seconds = |body: &str| used(Api::AudioTranscriptions, body).input_audio_seconds;
    assert_eq!(seconds(r#"{"text":"x","usage":{"type":"duration","seconds":12.34}}"#), Some(Nano(12_340_000_000)));
    // Verbose answers without a usage, older ones with the length as a text.
    assert_eq!(seconds(r#"{"task":"transcribe","duration":8.470000267028809}"#), Some(Nano(8_470_000_267)));
    assert_eq!(seconds(r#"{"duration":"3.5","x_groq":{"id":"r"}}"#), Some(Nano(3_500_000_000)));
    // What is billed wins over what was heard.
    assert_eq!(seconds(r#"{"duration":6.4,"usage":{"type":"duration","seconds":7}}"#), Some(Nano(7_000_000_000)));
    let mistral = used(
        Api::AudioTranscriptions,
        r#"{"usage":{"prompt_audio_seconds":203,"prompt_tokens":4,"completion_tokens":635,"total_tokens":3264}}"#,
    );
    assert_eq!((mistral.input_audio_seconds, mistral.input), (Some(Nano(203_000_000_000)), Some(4)));
    let tokens = r#"{"type":"transcript.text.done","usage":{"type":"tokens","input_tokens":14,"output_tokens":45,
        "input_token_details":{"text_tokens":4,"audio_tokens":10}}}"#;
    let done = stream(Api::AudioTranscriptions, &[r#"{"type":"transcript.text.delta","delta":"x"}"#, tokens]);
    let usage = done.usage.expect("usage");
    assert_eq!((usage.input, usage.input_audio, usage.output), (Some(14), Some(10), Some(45)));
    for hostile in [r#"{"duration":-1}"#, r#"{"duration":"soon"}"#, r#"{"usage":{"seconds":1e99}}"#] {
        assert_eq!(json(Api::AudioTranscriptions, hostile).usage, None, "{hostile}");
    }
}

#[test]
fn speech_is_counted_from_its_request() {
    let request = "{\"model\":\"tts-1\",\"input\":\"Gr\u{fc}\u{df}e \\\"\\ud83d\\ude00\\\"\\n\",\"voice\":\"alloy\"}";
    let answer = ("content-type", "audio/mpeg");
    let record = exchange("/v1/audio/speech", JSON[0].1, request.as_bytes(), answer, b"\xff\xf3\x64\xc4");
    let usage = record.usage.clone().expect("usage");
    assert_eq!((record.outcome, usage.characters, record.input_tokens), (Outcome::Complete, Some(10), None));
    // 10 characters at 15 USD per million.
    assert_eq!(record.cost_usd.map(|c| c.0), Some(150_000_000));
    // A request that was not seen whole tells nothing.
    let half = exchange("/v1/audio/speech", JSON[0].1, br#"{"model":"tts-1","input":"abc"#, answer, b"\xff");
    assert_eq!((half.outcome, half.usage), (Outcome::Missing, None));
    let events = stream(
        Api::AudioSpeech,
        &[
            r#"{"type":"speech.audio.delta","audio":"AAAA"}"#,
            r#"{"type":"speech.audio.done","usage":{"input_tokens":9,"output_tokens":70,"total_tokens":79}}"#,
        ],
    );
    assert_eq!(events.usage.map(|u| (u.input, u.output)), Some((Some(9), Some(70))));
}

#[test]
fn forms_tell_their_model_wherever_it_stands() {
    let form = |parts: &[(&str, &str)]| {
        let part = |(head, value): &(&str, &str)| {
            format!("--sep\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n")
        };
        parts.iter().map(part).collect::<String>() + "--sep--\r\n"
    };
    let file = ("name=\"file\"; filename=\"model.wav\"\r\nContent-Type: audio/wav", "RI\r\n--se\r\n--FF\r\n");
    let kind = "multipart/form-data; boundary=sep";
    let heard = br#"{"text":"x","usage":{"type":"duration","seconds":12.34}}"#;
    for parts in [vec![("name=\"model\"", "whisper-1"), file], vec![file, ("name=\"model\"", "whisper-1")]] {
        let record = exchange("/v1/audio/transcriptions", kind, form(&parts).as_bytes(), JSON[0], heard);
        assert_eq!(record.request_model.as_deref(), Some("whisper-1"));
        assert_eq!(record.cost_usd.map(|c| c.0), Some(1_234_000_000), "12.34 s at 0.36 USD an hour");
    }
    let long = "m".repeat(5_000);
    for strange in [form(&[file, ("name=\"model\"", long.as_str())]), "model=whisper-1".to_owned(), "\r\n".repeat(99)] {
        let record = exchange("/v1/audio/transcriptions", kind, strange.as_bytes(), JSON[0], heard);
        assert_eq!(record.request_model, None);
    }
}

#[test]
fn moderation_is_free_and_not_missing() {
    let answer = br#"{"id":"modr-1","model":"omni-moderation-latest","results":[{"flagged":false}]}"#;
    let record = exchange("/v1/moderations", JSON[0].1, br#"{"input":"x"}"#, JSON[0], answer);
    assert_eq!((record.outcome, record.input_tokens, record.cost_usd.map(|c| c.0)), (Outcome::Complete, None, Some(0)));
    let broken = exchange("/v1/moderations", JSON[0].1, br#"{"input":"x"}"#, JSON[0], b"{\"id\":");
    assert_ne!(broken.outcome, Outcome::Complete);
}

#[test]
fn videos_pages_and_search_units() {
    let video = json(Api::Videos, r#"{"id":"v","model":"sora-2","status":"queued","seconds":"8","size":"1280x720"}"#);
    assert_eq!(video.usage.and_then(|u| u.video_seconds), Some(Nano(8_000_000_000)));
    assert_eq!(video.size.as_deref(), Some("1280x720"));
    let ocr = used(Api::Ocr, r#"{"model":"o","pages":[{}],"usage_info":{"pages_processed":7,"doc_size_bytes":9}}"#);
    assert_eq!((ocr.pages, ocr.annotated_pages), (Some(7), None));
    for (wish, annotated) in [("null", None), (r#"{"type":"json_schema"}"#, Some(7))] {
        let request = format!(r#"{{"model":"o","document":{{}},"bbox_annotation_format":{wish}}}"#);
        let answer = br#"{"model":"o","usage_info":{"pages_processed":7}}"#;
        let usage = exchange("/v1/ocr", JSON[0].1, request.as_bytes(), JSON[0], answer).usage.expect("usage");
        assert_eq!((usage.pages, usage.annotated_pages), (Some(7), annotated), "{wish}");
    }
    let gateway = r#"{"id":"r","results":[],"meta":{"billed_units":{"search_units":3}}}"#;
    assert_eq!(used(Api::Rerank, gateway).search_units, Some(3));
    let infra = json(Api::Rerank, r#"{"scores":[0.1],"inference_status":{"cost":1e-7,"tokens_input":42}}"#);
    assert_eq!((infra.usage.and_then(|u| u.input), infra.stated_cost.as_deref()), (Some(42), Some("0.0000001")));
    assert_eq!(used(Api::CohereEmbed, r#"{"meta":{"billed_units":{"images":2}}}"#).images, Some(2));
    let newer = used(Api::CohereEmbed, r#"{"meta":{"billed_units":{"images":2,"image_tokens":90}}}"#);
    assert_eq!((newer.images, newer.input_image), (None, Some(90)));
}

#[test]
fn iterations_are_shares_and_totals_stay() {
    let usage = used(
        Api::Messages,
        r#"{"model":"claude-x","usage":{"input_tokens":300,"output_tokens":40,"server_tool_use":{"web_search_requests":2},
            "iterations":[
                {"type":"compaction","input_tokens":9000,"output_tokens":500},
                {"type":"message","input_tokens":300,"output_tokens":40,"cache_read_input_tokens":10},
                {"type":"advisor_message","model":"claude-y","input_tokens":700,"output_tokens":80}]}}"#,
    );
    assert_eq!((usage.input, usage.output), (Some(300), Some(40)));
    let told: Vec<_> = usage.shares.iter().map(|s| (s.model.as_deref(), s.usage.input, s.usage.web_searches)).collect();
    assert_eq!(told, [(None, Some(9000), Some(2)), (None, Some(310), None), (Some("claude-y"), Some(700), None)]);
    let plain = r#"{"usage":{"input_tokens":3,"iterations":[{"type":"message","input_tokens":3}]}}"#;
    assert_eq!(used(Api::Messages, plain).shares, []);
    assert_eq!(used(Api::Messages, r#"{"usage":{"input_tokens":3,"iterations":null}}"#).shares, []);
    // The list of the last event of a stream counts.
    let cut = stream(
        Api::Messages,
        &[
            r#"{"type":"message_start","message":{"usage":{"input_tokens":3,"output_tokens":1}}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9,"iterations":[
                {"type":"fallback_message","model":"claude-z","input_tokens":3,"output_tokens":9}]}}"#,
        ],
    );
    let share = Share {
        model: Some("claude-z".to_owned()),
        usage: Usage { input: Some(3), output: Some(9), ..Usage::default() },
    };
    assert_eq!(cut.usage.map(|u| u.shares), Some(vec![share]));
}

#[test]
fn compound_systems_are_billed_by_model() {
    let models = r#"{"models":[{"model":"m-a","usage":{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11}},
        {"model":"m-b","usage":{"prompt_tokens":7,"completion_tokens":8,"total_tokens":15}}]}"#;
    let unary = used(
        Api::ChatCompletions,
        &format!(
            r#"{{"model":"groq/compound","choices":[{{"message":{{"content":"x","executed_tools":[
                {{"type":"search","output":"y"}},{{"type":"python","output":"z"}},{{"type":"search","output":"y"}}]}}}}],
                "usage":{{"prompt_tokens":12,"completion_tokens":14,"total_tokens":26}},"usage_breakdown":{models}}}"#
        ),
    );
    assert_eq!((unary.input, unary.web_searches), (Some(12), Some(2)));
    let names = |usage: &Usage| usage.shares.iter().map(|s| (s.model.clone(), s.usage.input)).collect::<Vec<_>>();
    let own = |name: &str| Some(name.to_owned());
    assert_eq!(names(&unary), [(own("m-a"), Some(5)), (own("m-b"), Some(7)), (None, None)]);
    let end = format!(r#"{{"choices":[],"x_groq":{{"usage":{{"prompt_tokens":12}},"usage_breakdown":{models}}}}}"#);
    let streamed = stream(
        Api::ChatCompletions,
        &[
            r#"{"choices":[{"delta":{"content":"a"}}]}"#,
            r#"{"choices":[{"delta":{"content":"b"}}]}"#,
            r#"{"choices":[{"delta":{"executed_tools":[{"index":0,"type":"search","arguments":"{}"}]}}]}"#,
            r#"{"choices":[{"delta":{"executed_tools":[{"index":0,"type":"search","output":"found"}]}}]}"#,
            &end,
            "[DONE]",
        ],
    );
    let usage = streamed.usage.expect("usage");
    assert_eq!((usage.web_searches, names(&usage).len()), (Some(1), 3));
    assert_eq!(used(Api::ChatCompletions, r#"{"usage":{"prompt_tokens":1},"usage_breakdown":null}"#).shares, []);
}

/// The response object of the responses API around these fields.
fn response(fields: &str) -> String {
    format!(
        r#"{{"id":"r","model":"gpt-x","status":"completed","usage":{{"input_tokens":1,"output_tokens":2}},{fields}}}"#
    )
}

#[test]
fn tools_of_responses_are_counted() {
    let items = r#""output":[{"type":"web_search_call","status":"completed","action":{"type":"search","query":"q"}},
        {"type":"web_search_call","status":"completed","action":{"type":"open_page","url":"u"}},
        {"type":"web_search_call","status":"failed","action":{"type":"search"}},
        {"type":"file_search_call","status":"completed"},{"type":"message","content":[{"type":"output_text"}]}]"#;
    let usage = used(Api::Responses, &response(items));
    assert_eq!((usage.web_searches, usage.storage_searches), (Some(1), Some(1)));
    // The provider's own count wins.
    let stated = format!(r#"{items},"tool_usage":{{"web_search":{{"num_requests":3}}}}"#);
    assert_eq!(used(Api::Responses, &response(&stated)).web_searches, Some(3));
    let added = r#"{"type":"response.output_item.added","item":{"type":"web_search_call","status":"in_progress"}}"#;
    let done = r#"{"type":"response.output_item.done","item":{"status":"completed","type":"web_search_call"}}"#;
    let delta = r#"{"type":"response.output_text.delta","item_id":"i","delta":"x"}"#;
    let end = |output: &str| format!(r#"{{"type":"response.completed","response":{}}}"#, response(output));
    for output in [r#""output":[]"#, r#""output":[{"type":"web_search_call"},{"type":"web_search_call"}]"#] {
        let events = [delta, delta, added, done, delta, added, done, &end(output)];
        assert_eq!(stream(Api::Responses, &events).usage.and_then(|u| u.web_searches), Some(2), "{output}");
    }
    // A stream cut before its usage has none: searches alone would look cheap.
    assert_eq!(stream(Api::Responses, &[delta, added, done]).usage, None);
}

#[test]
fn images_made_by_a_tool_are_a_share() {
    let tools = r#""tools":[{"type":"web_search"},{"type":"image_generation","model":"gpt-image-9","quality":"low"}]"#;
    let tokens = r#""tool_usage":{"image_gen":{"input_tokens":30,"input_tokens_details":{"text_tokens":10,
        "image_tokens":20},"output_tokens":400,"total_tokens":430}}"#;
    let told = |fields: &str| {
        let usage = used(Api::Responses, &response(fields));
        usage.shares.iter().map(|s| (s.model.clone(), s.usage.output, s.usage.images)).collect::<Vec<_>>()
    };
    let own = |name: &str| Some(name.to_owned());
    let both = told(&format!("{tokens},{tools}"));
    assert_eq!(both, [(None, Some(2), None), (own("gpt-image-9"), Some(400), None)]);
    // The tool's model is not the exchange's, so an unnamed one is not priced.
    assert_eq!(told(tokens).last().map(|s| s.0.clone()), Some(own("image_generation")));
    let calls = format!(r#"{tools},"output":[{{"type":"image_generation_call","status":"completed"}}]"#);
    assert_eq!(told(&calls).last(), Some(&(own("gpt-image-9"), None, Some(1))));
    let unused = r#""tool_usage":{"image_gen":{"input_tokens":0,"output_tokens":0},"web_search":{"num_requests":0}}"#;
    assert_eq!(told(&format!("{unused},{tools}")), []);
}

#[test]
fn searches_of_the_other_providers() {
    let chat = |usage: &str| used(Api::ChatCompletions, &format!(r#"{{"usage":{{"prompt_tokens":1,{usage}}}}}"#));
    assert_eq!(chat(r#""num_search_queries":3,"search_context_size":"low""#).web_searches, Some(3));
    assert_eq!(chat(r#""server_tool_use":{"web_search_requests":2}"#).web_searches, Some(2));
    let xai =
        chat(r#""server_side_tool_usage_details":{"web_search_calls":1,"x_search_calls":2,"file_search_calls":4}"#);
    assert_eq!((xai.web_searches, xai.storage_searches), (Some(3), Some(4)));
    let perplexity = r#"{"usage":{"input_tokens":1,"tool_calls_details":{"search_web":{"invocation":5}}}}"#;
    assert_eq!(used(Api::Responses, perplexity).web_searches, Some(5));
    let sonar = json(Api::ChatCompletions, r#"{"usage":{"prompt_tokens":1,"search_context_size":"High"}}"#);
    assert_eq!(sonar.search_context.as_deref(), Some("high"));
    let grounded = r#"{"candidates":[{"groundingMetadata":{"webSearchQueries":["a","b"]}}],
        "usageMetadata":{"promptTokenCount":1}}"#;
    assert_eq!(used(Api::GenerateContent, grounded).web_searches, Some(2));
    // Chunks repeat what was searched, in SSE and in an array.
    assert_eq!(stream(Api::StreamGenerateContent, &[grounded, grounded]).usage.and_then(|u| u.web_searches), Some(2));
    let array = format!("[{grounded},{grounded}]");
    assert_eq!(used(Api::StreamGenerateContent, &array).web_searches, Some(2));
    let interaction = r#"{"usage":{"total_input_tokens":1,"grounding_tool_count":[{"count":2,"type":"google_search"},
        {"count":4,"type":"google_maps"}]}}"#;
    assert_eq!(used(Api::Interactions, interaction).web_searches, Some(2));
}

#[test]
fn spellings_of_further_shapes() {
    let dashscope = used(
        Api::DashscopeGeneration,
        r#"{"request_id":"q","output":{"choices":[{"finish_reason":"stop","message":{"content":"x"}}]},"usage":{
            "input_tokens":90,"output_tokens":5,"total_tokens":95,"image_tokens":60,
            "prompt_tokens_details":{"cached_tokens":20,"cache_creation":{"ephemeral_5m_input_tokens":4}}}}"#,
    );
    assert_eq!((dashscope.input, dashscope.input_image, dashscope.cache_read), (Some(90), Some(60), Some(20)));
    assert_eq!(dashscope.cache_write_5m, Some(4));
    let realtime = used(
        Api::Responses,
        r#"{"usage":{"input_tokens":1000,"output_tokens":400,"input_token_details":{"audio_tokens":800,
            "cached_tokens":300,"cached_tokens_details":{"text_tokens":100,"audio_tokens":200,"image_tokens":0}}}}"#,
    );
    assert_eq!(
        (realtime.cache_read, realtime.cache_read_audio, realtime.cache_read_image),
        (Some(300), Some(200), Some(0))
    );
    let chat = used(
        Api::ChatCompletions,
        r#"{"usage":{"prompt_tokens":9,"image_tokens":3,"prompt_tokens_details":{"cache_write_tokens":6,
            "cache_write_tokens_details":{"ttl_30m_tokens":2,"ttl_12h_tokens":4}}}}"#,
    );
    assert_eq!((chat.input_image, chat.cache_write_30m, chat.cache_write_12h), (Some(3), Some(2), Some(4)));
    let inside = used(
        Api::GenerateContent,
        r#"{"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":9,"thoughtsTokenCount":4,"totalTokenCount":14}}"#,
    );
    assert_eq!((inside.output, inside.reasoning), (Some(9), Some(4)));
    let workers = stream(Api::CloudflareRun, &[r#"{"response":"a"}"#, r#"{"usage":{"prompt_tokens":3}}"#, "[DONE]"]);
    assert_eq!(workers.usage.and_then(|u| u.input), Some(3));
    let prefill = r#"[{"generated_text":"x","details":{"generated_tokens":2,"prefill":[{"id":1},{"id":2},{"id":3}]}}]"#;
    assert_eq!(used(Api::HfInference, prefill).input, Some(3));
}

#[test]
fn errors_that_come_with_200() {
    let code = |api, body: &str| json(api, body).error.and_then(|e| e.code);
    let is = |text: &str| Some(text.to_owned());
    assert_eq!(code(Api::ChatCompletions, r#"{"error_code":336003,"error_msg":"no"}"#), is("336003"));
    assert_eq!(code(Api::ChatCompletions, r#"{"base_resp":{"status_code":1004,"status_msg":"no"}}"#), is("1004"));
    assert_eq!(code(Api::ChatCompletions, r#"{"choices":[],"base_resp":{"status_code":0}}"#), None);
    assert_eq!(code(Api::CloudflareRun, r#"{"result":null,"success":false,"errors":[{"code":5007}]}"#), is("5007"));
    assert_eq!(code(Api::CloudflareRun, r#"{"result":{},"success":true,"errors":[]}"#), None);
    let text = "event:error\n:HTTP_STATUS/400\ndata:{\"code\":\"InvalidParameter\",\"message\":\"no\"}\n\n";
    let dashscope = cut_everywhere(Api::DashscopeGeneration, 200, &sse_head(), text.as_bytes());
    assert_eq!(dashscope.error.and_then(|e| e.code), is("InvalidParameter"));
    // What was used before an error stays known.
    let late = stream(
        Api::Messages,
        &[
            r#"{"type":"message_start","message":{"usage":{"input_tokens":10,"output_tokens":1}}}"#,
            r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
        ],
    );
    assert_eq!((late.usage.and_then(|u| u.input), late.error.and_then(|e| e.code)), (Some(10), is("overloaded_error")));
}

#[test]
fn heads_tell_tier_cost_and_who_answered() {
    let head = |pairs: &[(&str, &str)]| {
        build::read(Api::ChatCompletions, 200, &[&JSON[..], pairs].concat(), br#"{"usage":{"prompt_tokens":1}}"#)
    };
    assert_eq!(head(&[("x-litellm-response-cost", "1.3e-05")]).stated_cost.as_deref(), Some("0.000013"));
    // It means that the gateway does not know.
    assert_eq!(head(&[("x-litellm-response-cost", "0.0")]).stated_cost, None);
    assert_eq!(head(&[("x-litellm-response-cost", "None")]).stated_cost, None);
    assert!(
        head(&[("cf-aig-cache-status", "HIT")]).gateway_cached
            && !head(&[("cf-aig-cache-status", "MISS")]).gateway_cached
    );
    assert!(head(&[("x-ms-spillover-from-deployment", "ptu")]).spilled_over);
    assert!(
        head(&[("x-ms-is-spilled-over", "True")]).spilled_over
            && !head(&[("x-ms-is-spilled-over", "false")]).spilled_over
    );
    let bedrock = [("x-amzn-bedrock-service-tier", "Flex"), ("x-amzn-bedrock-performanceconfig-latency", "optimized")];
    let reading = build::read(Api::Invoke, 200, &bedrock, br#"{"usage":{"input_tokens":1,"output_tokens":1}}"#);
    assert_eq!((reading.service_tier.as_deref(), reading.speed.as_deref()), (Some("flex"), Some("optimized")));
    let payload = br#"{"usage":{"inputTokens":1,"outputTokens":2},"serviceTier":{"type":"priority"},
        "performanceConfig":{"latency":"optimized"}}"#;
    let body = event_message(&[(":message-type", "event"), (":event-type", "metadata")], payload);
    let kind = [("content-type", "application/vnd.amazon.eventstream")];
    let converse = cut_everywhere(Api::ConverseStream, 200, &kind, &body);
    assert_eq!((converse.service_tier.as_deref(), converse.speed.as_deref()), (Some("priority"), Some("optimized")));
    let tgi = [("x-prompt-tokens", "16"), ("x-generated-tokens", "75")];
    let silent = build::read(Api::HfInference, 200, &tgi, br#"[{"generated_text":"x"}]"#);
    assert_eq!((silent.from_headers, silent.usage.map(|u| (u.input, u.output))), (true, Some((Some(16), Some(75)))));
    let half = build::read(Api::HfInference, 200, &tgi, br#"[{"details":{"generated_tokens":75}}]"#);
    assert_eq!((half.head_input, half.usage.and_then(|u| u.input)), (Some(16), None));
}
