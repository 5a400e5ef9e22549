//! Every row of the reference's table of hosts (`prices.md` 3.3), by name: owner, API, model and region.

use super::*;

struct Row(&'static str, &'static str, &'static str, Api);

const R: fn(&'static str, &'static str, &'static str, Api) -> Row = Row;

const CHAT: &str = "/v1/chat/completions";

/// Host, path, owner, API.
fn rows() -> Vec<Row> {
    use Api::{ChatCompletions as Chat, *};
    vec![
        R("api.openai.com", CHAT, "openai", Chat),
        R("eu.api.openai.com", "/v1/responses", "openai", Responses),
        R("us.api.openai.com", "/v1/embeddings", "openai", Embeddings),
        R("a.openai.azure.com", "/openai/deployments/d/chat/completions?api-version=1", "azure-openai", Chat),
        R("a.openai.azure.com", "/openai/v1/responses", "azure-openai", Responses),
        R("a.cognitiveservices.azure.com", "/openai/deployments/d/embeddings", "azure-openai", Embeddings),
        R("a.services.ai.azure.com", "/anthropic/v1/messages", "azure-openai", Messages),
        R("a.services.ai.azure.com", "/models/chat/completions", "azure-openai", Chat),
        R("a.azure-api.net", "/openai/deployments/d/chat/completions", "azure-openai", Chat),
        R("eastus.api.cognitive.microsoft.com", "/openai/deployments/d/chat/completions", "azure-openai", Chat),
        R("api.anthropic.com", "/v1/messages", "anthropic", Messages),
        R("aws-external-anthropic.us-west-2.api.aws", "/v1/messages", "anthropic", Messages),
        R("bedrock-runtime.us-east-1.amazonaws.com", "/model/m/converse", "aws-bedrock", Converse),
        R("bedrock-runtime.us-east-1.amazonaws.com", "/model/m/converse-stream", "aws-bedrock", ConverseStream),
        R("bedrock-runtime.us-east-1.amazonaws.com", "/model/m/invoke", "aws-bedrock", Invoke),
        R(
            "bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
            "/model/m/invoke-with-response-stream",
            "aws-bedrock",
            InvokeStream,
        ),
        R("bedrock-runtime.us-west-2.amazonaws.com", "/openai/v1/chat/completions", "aws-bedrock", Chat),
        R("bedrock-runtime.us-east-1.amazonaws.com", "/async-invoke", "aws-bedrock", Videos),
        R("bedrock-mantle.us-east-1.api.aws", "/v1/responses", "aws-bedrock", Responses),
        R("bedrock-mantle.us-east-1.api.aws", "/anthropic/v1/messages", "aws-bedrock", Messages),
        R("runtime.sagemaker.us-east-1.amazonaws.com", "/endpoints/n/invocations", "sagemaker", SagemakerInvocations),
        R("generativelanguage.googleapis.com", "/v1beta/models/g:generateContent", "google", GenerateContent),
        R("generativelanguage.googleapis.com", "/v1beta/openai/chat/completions", "google", Chat),
        R("generativelanguage.googleapis.com", "/v1beta/models/veo-3:predictLongRunning", "google", Videos),
        R(
            "aiplatform.googleapis.com",
            "/v1/projects/p/locations/global/publishers/google/models/g:streamGenerateContent?alt=sse",
            "vertex",
            StreamGenerateContent,
        ),
        R(
            "us-east5-aiplatform.googleapis.com",
            "/v1/projects/p/locations/us-east5/publishers/anthropic/models/c:rawPredict",
            "vertex",
            Messages,
        ),
        R(
            "europe-west4-aiplatform.googleapis.com",
            "/v1/projects/p/locations/europe-west4/publishers/mistralai/models/m:streamRawPredict",
            "vertex",
            Chat,
        ),
        R(
            "aiplatform.eu.rep.googleapis.com",
            "/v1/projects/p/locations/eu/endpoints/openapi/chat/completions",
            "vertex",
            Chat,
        ),
        R("api.cohere.com", "/v1/chat", "cohere", CohereChatV1),
        R("api.cohere.ai", "/v2/chat", "cohere", CohereChatV2),
        R("api.cohere.ai", "/compatibility/v1/chat/completions", "cohere", Chat),
        R("api.cohere.com", "/v2/embed", "cohere", CohereEmbed),
        R("api.cohere.com", "/v2/rerank", "cohere", CohereRerank),
        R("api.mistral.ai", CHAT, "mistral", Chat),
        R("api.mistral.ai", "/v1/ocr", "mistral", Ocr),
        R("codestral.mistral.ai", "/v1/fim/completions", "mistral", Completions),
        R("api.groq.com", "/openai/v1/chat/completions", "groq", Chat),
        R("api.groq.com", "/openai/v1/audio/transcriptions", "groq", AudioTranscriptions),
        R("api.deepseek.com", "/chat/completions", "deepseek", Chat),
        R("api.deepseek.com", "/anthropic/v1/messages", "deepseek", Messages),
        R("api.x.ai", CHAT, "xai", Chat),
        R("eu-west-1.api.x.ai", "/v1/images/generations", "xai", Images),
        R("api.x.ai", "/v1/videos/generations", "xai", Videos),
        R("api.together.xyz", CHAT, "together", Chat),
        R("api.together.ai", CHAT, "together", Chat),
        R("us-api.together.ai", CHAT, "together", Chat),
        R("ca-api.together.ai", CHAT, "together", Chat),
        R("api.fireworks.ai", "/inference/v1/chat/completions", "fireworks", Chat),
        R("api.perplexity.ai", "/chat/completions", "perplexity", Chat),
        R("openrouter.ai", "/api/v1/chat/completions", "openrouter", Chat),
        R("openrouter.ai", "/api/v1/embeddings", "openrouter", Embeddings),
        R("ollama.com", "/api/chat", "ollama", OllamaChat),
        R("localhost:11434", "/api/generate", "ollama", OllamaGenerate),
        R("router.huggingface.co", "/v1/chat/completions", "huggingface", Chat),
        R("router.huggingface.co", "/together/v1/chat/completions", "huggingface", Chat),
        R("api-inference.huggingface.co", "/models/o/n", "huggingface", HfInference),
        R("x.us-east-1.aws.endpoints.huggingface.cloud", "/", "huggingface", HfInference),
        R("api.replicate.com", "/v1/models/o/n/predictions", "replicate", ReplicatePredictions),
        R("api.replicate.com", "/v1/predictions", "replicate", ReplicatePredictions),
        R("api.ai21.com", "/studio/v1/chat/completions", "ai21", Chat),
        R("us-south.ml.cloud.ibm.com", "/ml/v1/text/generation?version=1", "watsonx", WatsonxGeneration),
        R("us-south.ml.cloud.ibm.com", "/ml/v1/text/chat_stream", "watsonx", Chat),
        R("api.voyageai.com", "/v1/multimodalembeddings", "voyage", Embeddings),
        R("ai.mongodb.com", "/v1/rerank", "voyage", Rerank),
        R("api.jina.ai", "/v1/embeddings", "jina", Embeddings),
        R("api.cerebras.ai", CHAT, "cerebras", Chat),
        R("api.sambanova.ai", CHAT, "sambanova", Chat),
        R("w.cloud.databricks.com", "/serving-endpoints/m/invocations", "databricks", Chat),
        R("adb-1.2.azuredatabricks.net", "/serving-endpoints/chat/completions", "databricks", Chat),
        R("1.2.gcp.databricks.com", "/ai-gateway/mlflow/v1/chat/completions", "databricks", Chat),
        R("1.2.gcp.databricks.com", "/ai-gateway/anthropic/v1/messages", "databricks", Messages),
        R("api.cloudflare.com", "/client/v4/accounts/a/ai/run/@cf/meta/llama", "cloudflare", CloudflareRun),
        R("api.cloudflare.com", "/client/v4/accounts/a/ai/v1/chat/completions", "cloudflare", Chat),
        R("gateway.ai.cloudflare.com", "/v1/a/g/openai/chat/completions", "openai", Chat),
        R("gateway.ai.cloudflare.com", "/v1/a/g/workers-ai/@cf/meta/llama", "cloudflare", CloudflareRun),
        R(
            "gateway.ai.cloudflare.com",
            "/v1/a/g/google-ai-studio/v1/models/g:generateContent",
            "google",
            GenerateContent,
        ),
        R("gateway.ai.cloudflare.com", "/v1/a/g/deepgram/v1/listen?model=nova-3", "deepgram", AudioTranscriptions),
        R("gateway.ai.cloudflare.com", "/v1/a/g/compat/chat/completions", "", Chat),
        R("models.github.ai", "/inference/chat/completions", "github-models", Chat),
        R("models.inference.ai.azure.com", "/chat/completions", "github-models", Chat),
        R("api.githubcopilot.com", "/chat/completions", "github-copilot", Chat),
        R("api.business.githubcopilot.com", "/v1/messages", "github-copilot", Messages),
        R("proxy.individual.githubcopilot.com", "/v1/engines/e/completions", "github-copilot", Completions),
        R("api.moonshot.ai", CHAT, "moonshot", Chat),
        R("api.moonshot.cn", CHAT, "moonshot", Chat),
        R("api.kimi.com", "/coding/v1/chat/completions", "moonshot", Chat),
        R("dashscope.aliyuncs.com", "/compatible-mode/v1/chat/completions", "alibaba", Chat),
        R(
            "dashscope-intl.aliyuncs.com",
            "/api/v1/services/aigc/text-generation/generation",
            "alibaba",
            DashscopeGeneration,
        ),
        R(
            "dashscope-us.aliyuncs.com",
            "/api/v1/services/embeddings/text-embedding/text-embedding",
            "alibaba",
            Embeddings,
        ),
        R("w.eu-central-1.maas.aliyuncs.com", "/compatible-mode/v1/chat/completions", "alibaba", Chat),
        R("open.bigmodel.cn", "/api/paas/v4/chat/completions", "zai", Chat),
        R("api.z.ai", "/api/coding/paas/v4/chat/completions", "zai", Chat),
        R("api.z.ai", "/api/paas/v4/videos/generations", "zai", Videos),
        R("api.minimax.io", "/v1/text/chatcompletion_v2", "minimax", Chat),
        R("api.minimaxi.com", "/anthropic/v1/messages", "minimax", Messages),
        R("qianfan.baidubce.com", "/v2/chat/completions", "baidu", Chat),
        R("aip.baidubce.com", "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/ernie", "baidu", Chat),
        R("aip.baidubce.com", "/rpc/2.0/ai_custom/v1/wenxinworkshop/embeddings/bge", "baidu", Embeddings),
        R("ark.cn-beijing.volces.com", "/api/v3/chat/completions", "volcengine", Chat),
        R("ark.cn-beijing.volces.com", "/api/v3/embeddings/multimodal", "volcengine", Embeddings),
        R("tokenhub.tencentcloudmaas.com", CHAT, "tencent", Chat),
        R("tokenhub-intl.tencentcloudmaas.com", CHAT, "tencent", Chat),
        R("tokenhub.tencentmaas.com", CHAT, "tencent", Chat),
        R("api.siliconflow.com", CHAT, "siliconflow", Chat),
        R("api.siliconflow.cn", "/v1/rerank", "siliconflow", Rerank),
        R("api.stepfun.com", CHAT, "stepfun", Chat),
        R("api.stepfun.ai", CHAT, "stepfun", Chat),
        R("api.xiaomimimo.com", CHAT, "xiaomi", Chat),
        R("api.writer.com", "/v1/chat", "writer", Chat),
        R("integrate.api.nvidia.com", CHAT, "nvidia", Chat),
        R("ai.api.nvidia.com", "/v1/retrieval/nvidia/reranking", "nvidia", Rerank),
        R("serving.app.predibase.com", "/t/deployments/v2/llms/m/generate_stream", "predibase", HfInference),
        R("serving.app.predibase.com", "/t/deployments/v2/llms/m/v1/chat/completions", "predibase", Chat),
        R("a.snowflakecomputing.com", "/api/v2/cortex/inference:complete", "snowflake", Chat),
        R("a.snowflakecomputing.com", "/api/v2/cortex/inference:embed", "snowflake", Embeddings),
        R("a.snowflakecomputing.com", "/api/v2/cortex/v1/chat/completions", "snowflake", Chat),
        R("a.snowflakecomputing.com", "/api/v2/cortex/v1/messages", "snowflake", Messages),
        R("api.deepinfra.com", "/v1/openai/chat/completions", "deepinfra", Chat),
        R("api.novita.ai", "/v3/openai/chat/completions", "novita", Chat),
        R("api.studio.nebius.ai", CHAT, "nebius", Chat),
        R("api.tokenfactory.nebius.com", CHAT, "nebius", Chat),
        R("api.hyperbolic.xyz", CHAT, "hyperbolic", Chat),
        R("api.lambda.ai", CHAT, "lambda", Chat),
        R("api.featherless.ai", CHAT, "featherless", Chat),
        R("api.friendli.ai", "/serverless/v1/chat/completions", "friendli", Chat),
        R("inference.api.nscale.com", CHAT, "nscale", Chat),
        R("inference.baseten.co", "/v1/messages", "baseten", Messages),
        R("model-abc.api.baseten.co", "/environments/production/sync/v1/chat/completions", "baseten", Chat),
        R("w--app.modal.run", CHAT, "modal", Chat),
        R("w--app.us-east.modal.direct", CHAT, "modal", Chat),
        R("api.llama.com", "/compat/v1/chat/completions", "meta", Chat),
        R("api.meta.ai", CHAT, "meta", Chat),
        R("inference.generativeai.us-chicago-1.oci.oraclecloud.com", "/20231130/actions/chat", "oci", OciChat),
        R("inference.generativeai.eu-frankfurt-1.oci.oraclecloud.eu", "/20231130/actions/embedText", "oci", Embeddings),
        R("api.scaleway.ai", CHAT, "scaleway", Chat),
        R("oai.endpoints.kepler.ai.cloud.ovh.net", CHAT, "ovh", Chat),
        R("api.upstage.ai", "/v1/solar/chat/completions", "upstage", Chat),
        R("api.reka.ai", "/v1/chat", "reka", Chat),
        R("api.inceptionlabs.ai", CHAT, "inception", Chat),
        R("api.morphllm.com", CHAT, "morph", Chat),
        R("api.poe.com", CHAT, "poe", Chat),
        R("nano-gpt.com", "/api/v1/chat/completions", "nano-gpt", Chat),
        R("llm.chutes.ai", CHAT, "chutes", Chat),
        R("api.venice.ai", "/api/v1/chat/completions", "venice", Chat),
        R("ai-gateway.vercel.sh", CHAT, "vercel", Chat),
        R("ai-gateway.helicone.ai", CHAT, "helicone", Chat),
        R("router.requesty.ai", CHAT, "requesty", Chat),
        R("api.elevenlabs.io", "/v1/text-to-speech/v/stream", "elevenlabs", AudioSpeech),
        R("api.elevenlabs.io", "/v1/speech-to-text", "elevenlabs", AudioTranscriptions),
        R("api.deepgram.com", "/v1/listen?model=nova-3", "deepgram", AudioTranscriptions),
        R("api.deepgram.com", "/v1/speak", "deepgram", AudioSpeech),
        R("llm-gateway.assemblyai.com", CHAT, "assemblyai", Chat),
        R("api.assemblyai.com", "/v2/transcript", "assemblyai", AudioTranscriptions),
        R("api.arcee.ai", "/api/v1/chat/completions", "arcee", Chat),
        R("api.avian.io", CHAT, "avian", Chat),
        R("api.doubleword.ai", CHAT, "doubleword", Chat),
        R("api.inference.wandb.ai", CHAT, "wandb", Chat),
        R("inference.net", CHAT, "inference-net", Chat),
        R("inference.do-ai.run", CHAT, "digitalocean", Chat),
    ]
}

fn post(host: &str, path: &str) -> Route {
    route(&Head::from_iter([(":method", "POST"), (":authority", host), (":path", path)]))
}

#[test]
fn every_row_is_told() {
    for Row(host, path, owner, api) in rows() {
        let route = post(host, path);
        assert_eq!((route.provider.unwrap_or_default(), route.api), (owner, api), "{host}{path}");
        assert!(api.generates(), "{host}{path}");
        // The same call as a lookup uses no model.
        let get = route_of_get(host, path);
        assert!(!get.api.generates(), "GET {host}{path}");
        // A port, upper case and the root's dot change nothing.
        if !host.contains(':') {
            let other = format!("{}.:443", host.to_ascii_uppercase());
            assert_eq!(post(&other, path), route, "{other}");
        }
    }
}

fn route_of_get(host: &str, path: &str) -> Route {
    route(&Head::from_iter([(":method", "GET"), (":authority", host), (":path", path)]))
}

#[test]
fn every_owner_of_the_table_has_a_row_or_is_beyond_the_reference() {
    const BEYOND: &[&str] = &["chatgpt", "portkey", "crusoe", "heroku", "aleph-alpha"];
    let rows = rows();
    for id in provider::ALL {
        let named = rows.iter().any(|Row(_, _, owner, _)| owner == id);
        assert_ne!(named, BEYOND.contains(id), "{id}");
    }
}

#[test]
fn hosts_and_paths_name_regions() {
    for (host, path, region) in [
        ("api.openai.com", CHAT, None),
        ("eu.api.openai.com", CHAT, Some("eu")),
        ("us.api.openai.com", CHAT, Some("us")),
        ("api.together.ai", CHAT, None),
        ("us-api.together.ai", CHAT, Some("us")),
        ("ca-api.together.ai", CHAT, Some("ca")),
        ("eu-west-1.api.x.ai", CHAT, Some("eu-west-1")),
        ("aws-external-anthropic.us-west-2.api.aws", "/v1/messages", Some("us-west-2")),
        ("bedrock-mantle.ap-northeast-1.api.aws", "/v1/responses", Some("ap-northeast-1")),
        ("runtime.sagemaker.us-east-1.amazonaws.com", "/endpoints/n/invocations", Some("us-east-1")),
        ("aiplatform.us.rep.googleapis.com", "/v1/x/models/g:generateContent", Some("us")),
        ("aiplatform.googleapis.com", "/v1/projects/p/locations/global/models/g:generateContent", Some("global")),
        // The path says where; the host only who is asked.
        (
            "us-east1-aiplatform.googleapis.com",
            "/v1/projects/p/locations/europe-west1/models/g:rawPredict",
            Some("europe-west1"),
        ),
        ("eastus.api.cognitive.microsoft.com", "/openai/deployments/d/chat/completions", Some("eastus")),
        ("eu-de.ml.cloud.ibm.com", "/ml/v1/text/chat", Some("eu-de")),
        ("ark.cn-beijing.volces.com", "/api/v3/chat/completions", Some("cn-beijing")),
        ("inference.generativeai.uk-london-1.oci.oraclecloud.com", "/20231130/actions/chat", Some("uk-london-1")),
    ] {
        assert_eq!(post(host, path).region.as_deref(), region, "{host}{path}");
    }
}

#[test]
fn paths_and_queries_name_models() {
    for (host, path, model) in [
        ("api.deepgram.com", "/v1/listen?language=en&model=nova%2D3", "nova-3"),
        ("aip.baidubce.com", "/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/ernie-4", "ernie-4"),
        ("serving.app.predibase.com", "/t/deployments/v2/llms/m/generate", "m"),
        ("copilot-proxy.githubusercontent.com", "/v1/engines/gpt-4o-copilot/completions", "gpt-4o-copilot"),
        ("runtime.sagemaker.us-east-1.amazonaws.com", "/endpoints/n/invocations", "n"),
        ("generativelanguage.googleapis.com", "/v1beta/models/veo-3:predictLongRunning", "veo-3"),
    ] {
        assert_eq!(post(host, path).model.as_deref(), Some(model), "{host}{path}");
    }
}

#[test]
fn what_uses_no_model_is_none_of_these() {
    for (host, path) in [
        ("api.openai.com", "/v1/files"),
        ("api.openai.com", "/v1/uploads/u/parts"),
        ("api.openai.com", "/v1/fine_tuning/jobs"),
        ("api.openai.com", "/v1/batches"),
        ("api.openai.com", "/v1/vector_stores/v/file_batches"),
        ("api.openai.com", "/v1/vector_stores/v/search"),
        ("api.openai.com", "/v1/videos/v/content"),
        ("api.openai.com", "/v1/realtime/client_secrets"),
        ("api.openai.com", "/v1/conversations"),
        ("api.openai.com", "/v1/chat/completions/chatcmpl-1"),
        ("api.openai.com", "/v1/evals"),
        ("a.openai.azure.com", "/openai/deployments/d"),
        ("a.openai.azure.com", "/openai/batches"),
        ("api.anthropic.com", "/v1/messages/batches"),
        ("api.anthropic.com", "/v1/files"),
        ("generativelanguage.googleapis.com", "/v1beta/models/g:batchGenerateContent"),
        ("generativelanguage.googleapis.com", "/v1beta/cachedContents"),
        ("generativelanguage.googleapis.com", "/upload/v1beta/files"),
        ("us-east5-aiplatform.googleapis.com", "/v1/projects/p/locations/l/batchPredictionJobs"),
        ("us-east5-aiplatform.googleapis.com", "/v1/projects/p/locations/l/models/veo:fetchPredictOperation"),
        ("api.mistral.ai", "/v1/batch/jobs"),
        ("api.mistral.ai", "/v1/fine_tuning/jobs"),
        ("api.together.xyz", "/v1/fine-tunes"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "/model/m/count-tokens"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "/guardrail/g/version/1/apply"),
        ("api.cohere.com", "/v1/tokenize"),
        ("api.deepgram.com", "/v1/auth/grant"),
        ("api.elevenlabs.io", "/v1/voices/add"),
        ("api.replicate.com", "/v1/predictions/p/cancel"),
        ("a.snowflakecomputing.com", "/api/v2/statements"),
    ] {
        assert!(!post(host, path).api.generates(), "{host}{path}");
    }
}

#[test]
fn a_known_owner_decides_what_a_shared_path_means() {
    let head = Head::from_iter([(":method", "POST"), (":authority", "gateway"), (":path", "/v1/chat")]);
    assert_eq!(route(&head).api, Api::CohereChatV1);
    assert_eq!(route_to(&head, Some("writer")).api, Api::ChatCompletions);
    let ollama = Head::from_iter([(":method", "POST"), (":authority", "gateway"), (":path", "/api/chat")]);
    assert_eq!((route(&ollama).provider, route_to(&ollama, Some("vllm")).provider), (Some("ollama"), None));
}
