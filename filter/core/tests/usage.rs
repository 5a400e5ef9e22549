//! Usage of every API family: conventions, spellings, contradictions. Figures and shapes are those of providers'
//! documentation and of oddities met in recordings; the values are made up.

mod build;

use build::{cut_everywhere, event_message, sse_head};
use genops_core::{Usage, body::Reading, detect::Api, usage::Bucket};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[track_caller]
fn json(api: Api, body: &str) -> Reading {
    cut_everywhere(api, 200, &JSON, body.as_bytes())
}

/// Reads a body that is nothing but this usage object under this key.
#[track_caller]
fn usage(api: Api, key: &str, object: &str) -> Usage {
    json(api, &format!(r#"{{"{key}":{object}}}"#)).usage.expect("usage")
}

#[track_caller]
fn stream(api: Api, events: &[&str]) -> Reading {
    // The examples are wrapped for reading; on the wire an event is one line.
    let body: String = events.iter().map(|e| format!("data: {}\n\n", e.replace('\n', ""))).collect();
    cut_everywhere(api, 200, &sse_head(), body.as_bytes())
}

#[track_caller]
fn totals(usage: &Usage) -> (Option<u64>, Option<u64>) {
    (usage.input, usage.output)
}

#[test]
fn openai_counts_everything_inside() {
    let got = usage(
        Api::ChatCompletions,
        "usage",
        r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,
            "prompt_tokens_details":{"cached_tokens":60,"cache_write_tokens":10,"audio_tokens":5,"image_tokens":2},
            "completion_tokens_details":{"reasoning_tokens":20,"audio_tokens":3}}"#,
    );
    assert_eq!(totals(&got), (Some(100), Some(50)));
    assert_eq!((got.cache_read, got.cache_write, got.reasoning, got.total), (Some(60), Some(10), Some(20), Some(150)));
    let buckets = got.buckets().unwrap();
    let sum = |input| buckets.iter().filter(|(b, _)| b.is_input() == input).map(|(_, n)| n).sum::<u64>();
    assert_eq!((sum(true), sum(false)), (100, 50));
    assert_eq!((buckets.get(Bucket::InputText), buckets.get(Bucket::OutputText)), (23, 27));
}

#[test]
fn openai_spellings_of_cached_tokens() {
    for (object, read, written) in [
        (r#"{"prompt_tokens":9,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":5}"#, Some(4), None),
        (r#"{"prompt_tokens":9,"cached_tokens":4}"#, Some(4), None),
        (r#"{"prompt_tokens":9,"num_cached_tokens":4}"#, Some(4), None),
        (r#"{"prompt_tokens":9,"cache_read_input_tokens":4,"cache_creation_input_tokens":3}"#, Some(4), Some(3)),
        (r#"{"prompt_tokens":9,"prompt_token_details":{"cached_tokens":4}}"#, Some(4), None),
        (r#"{"prompt_tokens":9,"prompt_tokens_details":null,"cached_tokens":null}"#, None, None),
        (r#"{"prompt_tokens":9,"prompt_tokens_details":{"cache_creation_tokens":3}}"#, None, Some(3)),
    ] {
        let got = usage(Api::ChatCompletions, "usage", object);
        assert_eq!((got.input, got.cache_read, got.cache_write), (Some(9), read, written), "{object}");
    }
}

#[test]
fn the_total_tells_what_stands_beside() {
    // xAI: reasoning beside the completion.
    let xai = r#"{"prompt_tokens":468,"completion_tokens":82,"total_tokens":870,
        "completion_tokens_details":{"reasoning_tokens":320}}"#;
    assert_eq!(totals(&usage(Api::ChatCompletions, "usage", xai)), (Some(468), Some(402)));
    // Mistral Voxtral: audio beside the prompt.
    let audio = r#"{"prompt_tokens":4,"completion_tokens":10,"total_tokens":389,
        "prompt_tokens_details":{"audio_tokens":375}}"#;
    assert_eq!(totals(&usage(Api::AudioTranscriptions, "usage", audio)), (Some(379), Some(10)));
    // A total that nothing explains changes nothing (Gemini's hidden thoughts).
    let hidden = r#"{"prompt_tokens":4,"completion_tokens":10,"total_tokens":99}"#;
    assert_eq!(totals(&usage(Api::ChatCompletions, "usage", hidden)), (Some(4), Some(10)));
    // Voyage, rerankers: a total alone is the input.
    assert_eq!(totals(&usage(Api::Embeddings, "usage", r#"{"total_tokens":12}"#)), (Some(12), None));
    assert_eq!(totals(&usage(Api::Rerank, "usage", r#"{"total_tokens":12}"#)), (Some(12), None));
    assert_eq!(totals(&usage(Api::Embeddings, "usage", r#"{"prompt_tokens":3,"total_tokens":3}"#)), (Some(3), None));
}

#[test]
fn contradictions_are_kept_and_told() {
    // Azure-hosted Grok, OpenRouter: a part is larger than its whole.
    let cached = usage(
        Api::ChatCompletions,
        "usage",
        r#"{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":9}}"#,
    );
    assert_eq!((cached.input, cached.cache_read), (Some(5), Some(9)));
    assert!(cached.buckets().is_err());
    let reasoning = usage(
        Api::ChatCompletions,
        "usage",
        r#"{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6,
            "completion_tokens_details":{"reasoning_tokens":7}}"#,
    );
    assert_eq!((reasoning.output, reasoning.reasoning), (Some(1), Some(7)));
    assert!(reasoning.buckets().is_err());
}

#[test]
fn only_counts_are_counts() {
    let got = json(
        Api::ChatCompletions,
        r#"{"usage":{"prompt_tokens":-1,"completion_tokens":"5","total_tokens":1.5,
            "prompt_tokens_details":[1],"completion_tokens_details":{"reasoning_tokens":true}}}"#,
    );
    assert_eq!(got.usage, None);
    let float = usage(Api::CohereChatV2, "usage", r#"{"tokens":{"input_tokens":12.0,"output_tokens":3.5}}"#);
    assert_eq!(totals(&float), (Some(12), None));
    let huge =
        usage(Api::ChatCompletions, "usage", r#"{"prompt_tokens":18446744073709551615,"completion_tokens":1e300}"#);
    assert_eq!(totals(&huge), (Some(u64::MAX), None));
    for none in ["{}", "null", "[]", "{ }", r#""x""#] {
        assert_eq!(json(Api::ChatCompletions, &format!(r#"{{"usage":{none}}}"#)).usage, None, "{none}");
    }
}

#[test]
fn the_last_usage_of_a_stream_counts_as_a_whole() {
    let reading = stream(
        Api::ChatCompletions,
        &[
            r#"{"model":"","choices":[],"prompt_filter_results":[]}"#,
            r#"{"model":"first","choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":9,"completion_tokens":1,
                "prompt_tokens_details":{"cached_tokens":2}}}"#,
            r#"{"model":"second","choices":[],"usage":{"prompt_tokens":8,"completion_tokens":5}}"#,
            r#"{"choices":[],"usage":{}}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":null}"#,
            "[DONE]",
        ],
    );
    let usage = reading.usage.unwrap();
    assert_eq!((totals(&usage), usage.cache_read), ((Some(8), Some(5)), None));
    assert_eq!((reading.model.as_deref(), reading.finish_reason.as_deref()), (Some("first"), Some("stop")));
}

#[test]
fn usage_in_odd_places_counts_where_there_is_no_other() {
    let groq = stream(Api::ChatCompletions, &[r#"{"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":2}}}"#]);
    assert_eq!(groq.usage.map(|u| totals(&u)), Some((Some(1), Some(2))));
    let both = r#"{"x_groq":{"usage":{"prompt_tokens":1}},"usage":{"prompt_tokens":7,"completion_tokens":8}}"#;
    assert_eq!(stream(Api::ChatCompletions, &[both]).usage.map(|u| totals(&u)), Some((Some(7), Some(8))));
    let moonshot = r#"{"choices":[{"delta":{},"usage":{"prompt_tokens":3,"completion_tokens":4,"cached_tokens":2}}]}"#;
    assert_eq!(stream(Api::ChatCompletions, &[moonshot]).usage.map(|u| totals(&u)), Some((Some(3), Some(4))));
    let workers = r#"{"result":{"response":"x","usage":{"prompt_tokens":3,"completion_tokens":4}},"success":true}"#;
    assert_eq!(json(Api::CloudflareRun, workers).usage.map(|u| totals(&u)), Some((Some(3), Some(4))));
}

#[test]
fn tiers_and_stated_costs() {
    let reading = json(
        Api::ChatCompletions,
        r#"{"service_tier":"Flex","usage":{"prompt_tokens":1,"completion_tokens":1,"cost":1.13e-05}}"#,
    );
    assert_eq!((reading.service_tier.as_deref(), reading.stated_cost.as_deref()), (Some("flex"), Some("0.0000113")));
    let ticks = json(Api::Responses, r#"{"usage":{"input_tokens":1,"output_tokens":1,"cost_in_usd_ticks":2488500}}"#);
    assert_eq!(ticks.stated_cost.as_deref(), Some("0.00024885"));
    // Mistral states its tier inside the usage; the requested one comes first in a responses stream.
    let mistral = json(Api::ChatCompletions, r#"{"usage":{"prompt_tokens":1,"service_tier":"standard"}}"#);
    assert_eq!(mistral.service_tier.as_deref(), Some("standard"));
    let responses = stream(
        Api::Responses,
        &[
            r#"{"type":"response.created","response":{"service_tier":"auto","usage":null,"status":"in_progress"}}"#,
            r#"{"type":"response.output_text.delta","delta":"x"}"#,
            r#"{"type":"response.incomplete","response":{"service_tier":"default","status":"incomplete",
                "incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":1,"output_tokens":2}}}"#,
        ],
    );
    assert_eq!(responses.service_tier.as_deref(), Some("default"));
    assert_eq!(responses.finish_reason.as_deref(), Some("max_output_tokens"));
    assert_eq!(responses.usage.map(|u| totals(&u)), Some((Some(1), Some(2))));
}

#[test]
fn responses_count_everything_inside() {
    let got = usage(
        Api::Responses,
        "usage",
        r#"{"input_tokens":100,"output_tokens":50,"total_tokens":150,"input_tokens_details":{"cached_tokens":60,
            "cache_write_tokens":10,"cache_write_tokens_details":{"ttl_30m_tokens":4,"ttl_12h_tokens":6}},
            "output_tokens_details":{"reasoning_tokens":20}}"#,
    );
    assert_eq!(totals(&got), (Some(100), Some(50)));
    assert_eq!((got.cache_write_30m, got.cache_write_12h), (Some(4), Some(6)));
    assert_eq!(got.buckets().unwrap().get(Bucket::InputText), 30);
    // Images and transcriptions use these names in OpenAI's older envelope.
    let image = r#"{"input_tokens":9,"output_tokens":8,"input_tokens_details":{"image_tokens":5,"text_tokens":4}}"#;
    let got = usage(Api::Images, "usage", image);
    assert_eq!((totals(&got), got.input_image), ((Some(9), Some(8)), Some(5)));
}

#[test]
fn anthropic_counts_the_cache_beside_and_merges_by_field() {
    let reading = stream(
        Api::Messages,
        &[
            r#"{"type":"message_start","message":{"id":"m1","model":"claude-x","usage":{"input_tokens":10,
                "cache_read_input_tokens":100,"cache_creation_input_tokens":30,"output_tokens":1,
                "cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":10},
                "service_tier":"priority","speed":"fast","inference_geo":"us"}}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"x"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":12,
                "cache_read_input_tokens":null,"output_tokens":44,"output_tokens_details":{"thinking_tokens":14},
                "server_tool_use":{"web_search_requests":2}}}"#,
            r#"{"type":"message_stop"}"#,
        ],
    );
    let usage = reading.usage.unwrap();
    assert_eq!(totals(&usage), (Some(142), Some(44)));
    assert_eq!((usage.cache_read, usage.cache_write, usage.reasoning), (Some(100), Some(30), Some(14)));
    assert_eq!((usage.cache_write_5m, usage.cache_write_1h, usage.web_searches), (Some(20), Some(10), Some(2)));
    assert_eq!(usage.buckets().unwrap().get(Bucket::InputText), 12);
    assert_eq!((reading.service_tier.as_deref(), reading.speed.as_deref()), (Some("priority"), Some("fast")));
    assert_eq!((reading.geo.as_deref(), reading.finish_reason.as_deref()), (Some("us"), Some("end_turn")));
    let nowhere = json(Api::Messages, r#"{"usage":{"input_tokens":1,"inference_geo":"not_available"}}"#);
    assert_eq!(nowhere.geo, None);
    // A stream that is cut after its start has said its input.
    let cut = stream(Api::Messages, &[r#"{"type":"message_start","message":{"usage":{"input_tokens":10}}}"#]);
    assert_eq!(cut.usage.map(|u| totals(&u)), Some((Some(10), None)));
    // `iterations` are parts of the totals.
    let parts = r#"{"input_tokens":3,"output_tokens":4,"iterations":[{"input_tokens":1},{"input_tokens":2}]}"#;
    assert_eq!(totals(&self::usage(Api::Messages, "usage", parts)), (Some(3), Some(4)));
}

#[test]
fn gemini_counts_thoughts_and_tools_beside() {
    let got = usage(
        Api::GenerateContent,
        "usageMetadata",
        r#"{"promptTokenCount":100,"cachedContentTokenCount":40,"candidatesTokenCount":20,"thoughtsTokenCount":30,
            "toolUsePromptTokenCount":7,"totalTokenCount":157,
            "promptTokensDetails":[{"modality":"TEXT","tokenCount":70},{"modality":"AUDIO","tokenCount":30}],
            "cacheTokensDetails":[{"modality":4,"tokenCount":10},{"modality":1,"tokenCount":30}],
            "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":5}]}"#,
    );
    assert_eq!(totals(&got), (Some(107), Some(50)));
    assert_eq!((got.input_audio, got.cache_read_audio, got.output_image), (Some(30), Some(10), Some(5)));
    let buckets = got.buckets().unwrap();
    assert_eq!((buckets.get(Bucket::InputAudio), buckets.get(Bucket::InputTool)), (20, 7));
    assert_eq!((buckets.get(Bucket::InputText), buckets.get(Bucket::Reasoning)), (40, 30));
    // What is missing is not zero: blocked prompts, all output spent on thoughts.
    let blocked = usage(Api::GenerateContent, "usageMetadata", r#"{"promptTokenCount":9,"totalTokenCount":9}"#);
    assert_eq!(totals(&blocked), (Some(9), None));
    let thoughts = usage(Api::GenerateContent, "usageMetadata", r#"{"promptTokenCount":9,"thoughtsTokenCount":4}"#);
    assert_eq!(totals(&thoughts), (Some(9), Some(4)));
    let armor = json(
        Api::GenerateContent,
        r#"{"promptFeedback":{"blockReason":"MODEL_ARMOR"},"usageMetadata":{"trafficType":"ON_DEMAND"}}"#,
    );
    assert_eq!((armor.usage, armor.finish_reason.as_deref()), (None, Some("MODEL_ARMOR")));
    assert_eq!(armor.service_tier.as_deref(), Some("standard"));
    // The last chunk counts as a whole, even where it says less.
    let reading = stream(
        Api::StreamGenerateContent,
        &[
            r#"{"usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":3},"modelVersion":"g"}"#,
            r#"{"candidates":[{"finishReason":1}],
                "usageMetadata":{"promptTokenCount":17,"trafficType":"ON_DEMAND_FLEX"}}"#,
        ],
    );
    assert_eq!(reading.usage.map(|u| totals(&u)), Some((Some(17), None)));
    assert_eq!((reading.finish_reason.as_deref(), reading.service_tier.as_deref()), (Some("STOP"), Some("flex")));
}

#[test]
fn interactions_count_like_gemini() {
    let event = r#"{"event_type":"interaction.completed","interaction":{"model":"g","status":"completed","usage":{
        "total_input_tokens":8,"total_output_tokens":3,"total_thought_tokens":41,"total_cached_tokens":0,
        "total_tool_use_tokens":2,"total_tokens":54}}}"#;
    let reading = stream(Api::Interactions, &[event, "[DONE]"]);
    let usage = reading.usage.unwrap();
    assert_eq!((totals(&usage), usage.input_tool), ((Some(10), Some(44)), Some(2)));
    assert_eq!((reading.model.as_deref(), reading.finish_reason.as_deref()), (Some("g"), Some("completed")));
}

#[test]
fn converse_counts_the_cache_beside() {
    let got = usage(
        Api::Converse,
        "usage",
        r#"{"inputTokens":10,"outputTokens":5,"totalTokens":55,"cacheReadInputTokens":30,"cacheReadInputTokenCount":30,
            "cacheWriteInputTokens":10,"cacheDetails":[{"ttl":"5m","inputTokens":4},{"ttl":"1h","inputTokens":6}]}"#,
    );
    assert_eq!(totals(&got), (Some(50), Some(5)));
    assert_eq!((got.cache_read, got.cache_write_5m, got.cache_write_1h), (Some(30), Some(4), Some(6)));
}

#[test]
fn invoke_reads_the_model_familys_own_shape() {
    for (body, expected) in [
        (r#"{"usage":{"input_tokens":3,"output_tokens":4,"cache_read_input_tokens":5}}"#, (Some(8), Some(4))),
        (r#"{"usage":{"inputTokens":3,"outputTokens":4,"cacheReadInputTokenCount":5}}"#, (Some(8), Some(4))),
        (r#"{"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#, (Some(3), Some(4))),
        (r#"{"inputTextTokenCount":3,"results":[{"tokenCount":4},{"tokenCount":5}]}"#, (Some(3), Some(9))),
        (r#"{"prompt_token_count":3,"generation_token_count":4,"stop_reason":"stop"}"#, (Some(3), Some(4))),
        (r#"{"inputTextTokenCount":3,"embedding":[0.1,0.2]}"#, (Some(3), None)),
    ] {
        assert_eq!(json(Api::Invoke, body).usage.map(|u| totals(&u)), Some(expected), "{body}");
    }
    let head = [
        ("content-type", "application/json"),
        ("x-amzn-bedrock-input-token-count", "6"),
        ("x-amzn-bedrock-output-token-count", "10"),
        ("x-amzn-bedrock-cache-read-input-token-count", "4"),
    ];
    let silent = cut_everywhere(Api::Invoke, 200, &head, br#"{"outputs":[{"text":"x","stop_reason":"length"}]}"#);
    assert!(silent.from_headers);
    assert_eq!(silent.usage.map(|u| totals(&u)), Some((Some(10), Some(10))));
    let told = cut_everywhere(Api::Invoke, 200, &head, br#"{"usage":{"input_tokens":3,"output_tokens":4}}"#);
    assert!(!told.from_headers);
    assert_eq!(told.usage.map(|u| totals(&u)), Some((Some(3), Some(4))));
}

#[test]
fn titan_streams_count_cumulatively() {
    use base64::Engine;
    let chunk = |json: &str| {
        let text = base64::engine::general_purpose::STANDARD.encode(json);
        event_message(&[(":message-type", "event")], format!(r#"{{"bytes":"{text}"}}"#).as_bytes())
    };
    let body = [
        chunk(r#"{"outputText":"a","totalOutputTextTokenCount":3.0,"inputTextTokenCount":6.0}"#),
        chunk(
            r#"{"outputText":"b","totalOutputTextTokenCount":5,"inputTextTokenCount":null,
            "amazon-bedrock-invocationMetrics":{"inputTokenCount":1,"outputTokenCount":1}}"#,
        ),
    ]
    .concat();
    let head = [("content-type", "application/vnd.amazon.eventstream")];
    let reading = cut_everywhere(Api::InvokeStream, 200, &head, &body);
    assert_eq!(reading.usage.map(|u| totals(&u)), Some((Some(6), Some(5))));
}

#[test]
fn cohere_tells_tokens_and_what_is_billed() {
    let object = r#"{"billed_units":{"input_tokens":7,"output_tokens":65},
        "tokens":{"input_tokens":207,"output_tokens":65},"cached_tokens":200}"#;
    let got = usage(Api::CohereChatV2, "usage", object);
    assert_eq!((totals(&got), got.cache_read), ((Some(207), Some(65)), Some(200)));
    assert_eq!((got.billed_input, got.billed_output), (Some(7), Some(65)));
    assert_eq!(totals(&usage(Api::CohereChatV1, "meta", object)), (Some(207), Some(65)));
    let embed = usage(Api::CohereEmbed, "meta", r#"{"billed_units":{"input_tokens":20}}"#);
    assert_eq!(totals(&embed), (Some(20), None));
    let rerank = usage(Api::CohereRerank, "meta", r#"{"billed_units":{"search_units":1}}"#);
    assert_eq!((totals(&rerank), rerank.search_units), ((None, None), Some(1)));
    let end = format!(r#"{{"type":"message-end","delta":{{"finish_reason":"COMPLETE","usage":{object}}}}}"#);
    let reading = stream(Api::CohereChatV2, &[&end, "[DONE]"]);
    assert_eq!(reading.usage.map(|u| totals(&u)), Some((Some(207), Some(65))));
    let failed = stream(Api::CohereChatV2, &[r#"{"type":"message-end","delta":{"finish_reason":"ERROR","usage":{}}}"#]);
    assert_eq!((failed.usage, failed.finish_reason.as_deref()), (None, Some("ERROR")));
}

#[test]
fn bare_counts_of_the_other_shapes() {
    let ollama = r#"{"model":"l","done":true,"prompt_eval_count":9,"prompt_eval_cached_count":4,"eval_count":5}"#;
    let got = json(Api::OllamaChat, ollama).usage.unwrap();
    assert_eq!((totals(&got), got.cache_read), ((Some(9), Some(5)), Some(4)));
    let cached = json(Api::OllamaChat, r#"{"done":true,"eval_count":5}"#);
    assert_eq!(cached.usage.map(|u| totals(&u)), Some((None, Some(5))));
    let watsonx = stream(
        Api::WatsonxGeneration,
        &[
            r#"{"model_id":"f","results":[{"input_token_count":7,"generated_token_count":1}]}"#,
            r#"{"results":[{"input_token_count":0,"generated_token_count":2,"stop_reason":"eos_token"}]}"#,
        ],
    );
    assert_eq!(watsonx.usage.map(|u| totals(&u)), Some((Some(7), Some(2))));
    let tgi = json(Api::HfInference, r#"[{"generated_text":"x","details":{"generated_tokens":75}}]"#);
    assert_eq!(tgi.usage.map(|u| totals(&u)), Some((None, Some(75))));
    let predict = r#"{"predictions":[{"embeddings":{"statistics":{"token_count":10}}},
        {"embeddings":{"statistics":{"token_count":5}}}]}"#;
    assert_eq!(json(Api::Predict, predict).usage.map(|u| totals(&u)), Some((Some(15), None)));
}

#[test]
fn failed_requests_say_no_tokens() {
    let body = r#"{"error":{"type":"rate_limit_error"},"usage":{"prompt_tokens":5,"completion_tokens":6}}"#;
    let reading = cut_everywhere(Api::ChatCompletions, 429, &JSON, body.as_bytes());
    assert_eq!((reading.usage, reading.error.and_then(|e| e.code).as_deref()), (None, Some("rate_limit_error")));
    let aws = [("x-amzn-errortype", "ValidationException:http://internal/")];
    let reading = cut_everywhere(Api::Converse, 400, &aws, br#"{"message":"no"}"#);
    assert_eq!(reading.error.and_then(|e| e.code).as_deref(), Some("ValidationException"));
}

#[test]
fn a_usage_object_beyond_belief_is_too_large() {
    let body = format!(r#"{{"usage":{{"x":"{}","prompt_tokens":1}}}}"#, "y".repeat(20_000));
    let reading = build::read(Api::ChatCompletions, 200, &JSON, body.as_bytes());
    assert_eq!((reading.usage, reading.state), (None, genops_core::body::BodyState::TooLarge));
}
