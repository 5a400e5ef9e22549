use super::*;

fn at(method: &str, authority: &str, path: &str) -> Route {
    route(&Head::from_iter([(":method", method), (":authority", authority), (":path", path)]))
}

#[track_caller]
fn check(authority: &str, path: &str, provider: Option<&str>, api: Api, model: Option<&str>) {
    let route = at("POST", authority, path);
    assert_eq!((route.provider, route.api, route.model.as_deref()), (provider, api, model), "{authority}{path}");
}

#[test]
fn path_gives_the_api_and_host_the_owner() {
    check("api.openai.com", "/v1/chat/completions?x=1", Some("openai"), Api::ChatCompletions, None);
    check("gateway.internal", "/router/v2/openai/v1/chat/completions", None, Api::ChatCompletions, None);
    check(
        "gateway.internal",
        "/v1beta/models/gemini-2.5-pro:generateContent",
        None,
        Api::GenerateContent,
        Some("gemini-2.5-pro"),
    );
    check("api.writer.com:443", "/v1/chat", Some("writer"), Api::ChatCompletions, None);
    check("api.cohere.com", "/v1/chat", Some("cohere"), Api::CohereChatV1, None);
    check("api.cohere.com", "/v2/rerank", Some("cohere"), Api::CohereRerank, None);
    check("api.voyageai.com", "/v1/rerank", Some("voyage"), Api::Rerank, None);
    check("myhost", "/api/chat", Some("ollama"), Api::OllamaChat, None);
    check("127.0.0.1:11434", "/v1/chat/completions", Some("ollama"), Api::ChatCompletions, None);
    check("api.aleph-alpha.com", "/complete", Some("aleph-alpha"), Api::AlephAlphaComplete, None);
    check("api.anthropic.com", "/v1/complete", Some("anthropic"), Api::Complete, None);
}

#[test]
fn path_gives_the_model() {
    let bedrock = "bedrock-runtime.us-east-1.amazonaws.com";
    check(
        bedrock,
        "/model/amazon.nova-lite-v1%3A0/converse",
        Some("aws-bedrock"),
        Api::Converse,
        Some("amazon.nova-lite-v1:0"),
    );
    check(
        bedrock,
        "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.anthropic.c/invoke",
        Some("aws-bedrock"),
        Api::Invoke,
        Some("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.c"),
    );
    check(
        bedrock,
        "/model/arn:aws:x/y/invoke-with-response-stream",
        Some("aws-bedrock"),
        Api::InvokeStream,
        Some("arn:aws:x/y"),
    );
    let azure = "a.openai.azure.com";
    check(
        azure,
        "/openai/deployments/gpt%2D5/chat/completions",
        Some("azure-openai"),
        Api::ChatCompletions,
        Some("gpt-5"),
    );
    check(azure, "/openai/deployments/x/embeddings", Some("azure-openai"), Api::Embeddings, Some("x"));
    let vertex = "us-east5-aiplatform.googleapis.com";
    let claude =
        "/v1/projects/p/locations/us-east5/publishers/anthropic/models/claude-sonnet-4@20250514:streamRawPredict";
    check(vertex, claude, Some("vertex"), Api::Messages, Some("claude-sonnet-4@20250514"));
    assert_eq!(at("POST", vertex, claude).region.as_deref(), Some("us-east5"));
    check(
        "x.azuredatabricks.net",
        "/serving-endpoints/dbrx/invocations",
        Some("databricks"),
        Api::ChatCompletions,
        Some("dbrx"),
    );
    let run = "/client/v4/accounts/0/ai/run/@cf/meta/llama-3-8b";
    check("api.cloudflare.com", run, Some("cloudflare"), Api::CloudflareRun, Some("@cf/meta/llama-3-8b"));
    check("gateway.ai.cloudflare.com", "/v1/a/g/anthropic/v1/messages", Some("anthropic"), Api::Messages, None);
}

#[test]
fn what_uses_no_model_does_not_generate() {
    for (method, path) in [
        ("GET", "/v1/models"),
        ("GET", "/v1/chat/completions/chatcmpl-1"),
        ("GET", "/v1/chat/completions"),
        ("OPTIONS", "/v1/chat/completions"),
        ("POST", "/v1/messages/count_tokens"),
        ("POST", "/v1/responses/input_tokens"),
        ("GET", "/v1/responses/resp_1"),
        ("DELETE", "/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("POST", "/v1/threads/t/messages"),
        ("GET", "/v1/threads/t/runs/r"),
        ("POST", "/v1/batches"),
        ("POST", "/v1/messages/batches"),
        ("POST", "/v1beta/models/g:countTokens"),
        ("POST", "/model/m/count-tokens"),
        ("POST", "/"),
        ("GET", "/healthz"),
        ("", ""),
    ] {
        assert!(!at(method, "api.openai.com", path).api.generates(), "{method} {path}");
    }
    assert!(at("POST", "api.openai.com", "/v1/threads/t/runs").api.generates());
}

#[test]
fn a_signature_names_bedrock_behind_any_gateway() {
    let signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/bedrock/aws4_request, SignedHeaders=host";
    let head = [(":method", "POST"), (":authority", "gw"), (":path", "/model/m/converse"), ("authorization", signed)];
    assert_eq!(route(&Head::from_iter(head)).provider, Some("aws-bedrock"));
    let other = signed.replace("/bedrock/", "/s3/");
    let head = [(":method", "POST"), (":authority", "gw"), (":path", "/model/m/converse"), ("authorization", &other)];
    assert_eq!(route(&Head::from_iter(head)).provider, None);
}

#[test]
fn web_sockets_are_sessions() {
    let socket = |host: &'static str, path: &'static str| {
        let head = [(":method", "GET"), (":authority", host), (":path", path), ("upgrade", "websocket")];
        let route = route(&Head::from_iter(head));
        (route.provider, route.api, route.model)
    };
    let named = |model: &str| Some(model.to_owned());
    let realtime = socket("api.openai.com", "/v1/realtime?intent=x&model=gpt%2Drealtime");
    assert_eq!(realtime, (Some("openai"), Api::Realtime, named("gpt-realtime")));
    let azure = socket("r.openai.azure.com", "/openai/realtime?api-version=2025-04-01-preview&deployment=voice");
    assert_eq!(azure, (Some("azure-openai"), Api::Realtime, named("voice")));
    assert_eq!(socket("api.openai.com", "/v1/realtime?intent=transcription").2, None);
    assert_eq!(socket("api.openai.com", "/v1/responses"), (Some("openai"), Api::ResponsesSocket, None));
    for path in [
        "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k",
        "/ws/google.ai.generativelanguage.v1alpha.GenerativeService.BidiGenerateContentConstrained",
        "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent",
    ] {
        assert_eq!(socket("generativelanguage.googleapis.com", path), (Some("google"), Api::GeminiLive, None));
    }
    assert_eq!(socket("api.openai.com", "/v1/chat/completions?model=m").1, Api::Other);
    let plain = [(":method", "GET"), (":authority", "api.openai.com"), (":path", "/v1/realtime?model=m")];
    assert_eq!(route(&Head::from_iter(plain)).api, Api::Other);
}

#[test]
fn the_kind_of_request_body_is_told() {
    let body = |headers: &[(&str, &str)]| route(&headers.iter().copied().collect()).body;
    assert_eq!(body(&[]), RequestBody::Json);
    assert_eq!(body(&[("content-type", "application/json"), ("content-encoding", "gzip")]), RequestBody::Opaque);
    assert_eq!(body(&[("content-type", "Multipart/Form-Data; boundary=x")]), RequestBody::Form);
    assert_eq!(body(&[("content-type", "audio/wav")]), RequestBody::Opaque);
}

#[test]
fn hostile_heads_are_harmless() {
    for path in [
        "/%",
        "/%zz/%F",
        "/%ff%fe/converse",
        "//////",
        "/model//converse",
        "/openai/deployments",
        "?",
        "/:generateContent",
    ] {
        at("POST", "", path);
    }
    let head = Head::from_iter([(b":path".as_slice(), b"/\xff\xfe".as_slice()), (b":authority", b"\xff")]);
    assert_eq!(route(&head).api, Api::Other);
    assert_eq!(at("POST", "h", &"/a".repeat(4096)).api, Api::Other);
}
