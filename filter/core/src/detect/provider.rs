//! Owners of hosts: one id each, and the table of their hosts (reference: `prices.md` 3.3).

macro_rules! providers {
    ($($name:ident = $id:literal: $($host:literal),*;)*) => {
        $(#[doc = concat!("`", $id, "`")] pub const $name: &str = $id;)*

        /// All ids.
        pub const ALL: &[&str] = &[$($id),*];

        /// Owner of each host pattern. `*` stands for one or more characters; a pattern matches the whole host.
        pub(super) const HOSTS: &[(&str, &str)] = &[$($(($host, $id),)*)*];
    };
}

providers! {
    // Helicone passes on under hosts of its own.
    OPENAI = "openai": "api.openai.com", "eu.api.openai.com", "us.api.openai.com", "oai.helicone.ai", "oai.hconeai.com";
    // ChatGPT's own backend, which Codex signs in to: a subscription, not the price list of the API.
    CHATGPT = "chatgpt": "chatgpt.com";
    // Before azure-openai: GitHub Models lived under Azure's domain.
    GITHUB_MODELS = "github-models": "models.github.ai", "models.inference.ai.azure.com";
    AZURE_OPENAI = "azure-openai": "*.openai.azure.com", "*.cognitiveservices.azure.com", "*.services.ai.azure.com",
        "*.inference.ai.azure.com", "*.models.ai.azure.com", "*.openai.azure.us", "*.openai.azure.cn",
        "*.azure-api.net", "*.api.cognitive.microsoft.com";
    ANTHROPIC = "anthropic": "api.anthropic.com", "aws-external-anthropic.*.api.aws", "anthropic.helicone.ai";
    AWS_BEDROCK = "aws-bedrock": "bedrock-runtime.*.amazonaws.com", "bedrock-runtime-fips.*.amazonaws.com",
        "bedrock-runtime.*.amazonaws.com.cn", "bedrock-runtime.*.api.aws", "*.bedrock-runtime.*.vpce.amazonaws.com", "bedrock-mantle.*.api.aws";
    SAGEMAKER = "sagemaker": "runtime.sagemaker.*.amazonaws.com", "runtime-fips.sagemaker.*.amazonaws.com";
    GOOGLE = "google": "generativelanguage.googleapis.com";
    VERTEX = "vertex": "aiplatform.googleapis.com", "*-aiplatform.googleapis.com", "aiplatform.*.rep.googleapis.com";
    COHERE = "cohere": "api.cohere.com", "api.cohere.ai";
    MISTRAL = "mistral": "api.mistral.ai", "codestral.mistral.ai";
    GROQ = "groq": "api.groq.com";
    DEEPSEEK = "deepseek": "api.deepseek.com";
    XAI = "xai": "api.x.ai", "*.api.x.ai";
    TOGETHER = "together": "api.together.xyz", "api.together.ai", "us-api.together.ai", "ca-api.together.ai";
    FIREWORKS = "fireworks": "api.fireworks.ai";
    PERPLEXITY = "perplexity": "api.perplexity.ai";
    OPENROUTER = "openrouter": "openrouter.ai";
    OLLAMA = "ollama": "ollama.com", "api.ollama.com";
    HUGGINGFACE = "huggingface": "router.huggingface.co", "api-inference.huggingface.co",
        "*.endpoints.huggingface.cloud";
    REPLICATE = "replicate": "api.replicate.com";
    AI21 = "ai21": "api.ai21.com";
    WATSONX = "watsonx": "*.ml.cloud.ibm.com";
    VOYAGE = "voyage": "api.voyageai.com", "ai.mongodb.com";
    JINA = "jina": "api.jina.ai";
    CEREBRAS = "cerebras": "api.cerebras.ai";
    SAMBANOVA = "sambanova": "api.sambanova.ai";
    DATABRICKS = "databricks": "*.cloud.databricks.com", "*.azuredatabricks.net", "*.gcp.databricks.com";
    CLOUDFLARE = "cloudflare": "api.cloudflare.com";
    GITHUB_COPILOT = "github-copilot": "api.githubcopilot.com", "api.*.githubcopilot.com",
        "proxy.*.githubcopilot.com", "copilot-proxy.githubusercontent.com";
    MOONSHOT = "moonshot": "api.moonshot.ai", "api.moonshot.cn", "api.kimi.com";
    ALIBABA = "alibaba": "dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com", "dashscope-us.aliyuncs.com",
        "*.maas.aliyuncs.com";
    ZAI = "zai": "api.z.ai", "open.bigmodel.cn";
    MINIMAX = "minimax": "api.minimax.io", "api.minimaxi.com", "api.minimax.chat";
    BAIDU = "baidu": "qianfan.baidubce.com", "aip.baidubce.com";
    VOLCENGINE = "volcengine": "ark.*.volces.com", "ark.*.bytepluses.com";
    TENCENT = "tencent": "tokenhub.tencentmaas.com", "tokenhub.tencentcloudmaas.com", "tokenhub*.tencentcloudmaas.com";
    SILICONFLOW = "siliconflow": "api.siliconflow.com", "api.siliconflow.cn";
    STEPFUN = "stepfun": "api.stepfun.com", "api.stepfun.ai";
    XIAOMI = "xiaomi": "api.xiaomimimo.com";
    WRITER = "writer": "api.writer.com";
    NVIDIA = "nvidia": "integrate.api.nvidia.com", "ai.api.nvidia.com";
    PREDIBASE = "predibase": "serving.app.predibase.com";
    SNOWFLAKE = "snowflake": "*.snowflakecomputing.com";
    DEEPINFRA = "deepinfra": "api.deepinfra.com";
    NOVITA = "novita": "api.novita.ai";
    NEBIUS = "nebius": "api.studio.nebius.ai", "api.studio.nebius.com", "api.tokenfactory.nebius.com";
    HYPERBOLIC = "hyperbolic": "api.hyperbolic.xyz";
    LAMBDA = "lambda": "api.lambda.ai";
    FEATHERLESS = "featherless": "api.featherless.ai";
    FRIENDLI = "friendli": "api.friendli.ai";
    NSCALE = "nscale": "inference.api.nscale.com";
    BASETEN = "baseten": "inference.baseten.co", "model-*.api.baseten.co";
    MODAL = "modal": "*.modal.run", "*.modal.direct";
    META = "meta": "api.llama.com", "api.meta.ai";
    // One domain for each of Oracle's realms.
    OCI = "oci": "inference.generativeai.*.oci.oraclecloud.com", "inference.generativeai.*.oci.customer-oci.com",
        "inference.generativeai.*.oci.oraclegovcloud.com", "inference.generativeai.*.oci.oraclegovcloud.uk",
        "inference.generativeai.*.oci.oraclecloud.eu", "inference.generativeai.*.oci.oraclecloud20.com";
    SCALEWAY = "scaleway": "api.scaleway.ai";
    OVH = "ovh": "*.endpoints.kepler.ai.cloud.ovh.net";
    UPSTAGE = "upstage": "api.upstage.ai";
    REKA = "reka": "api.reka.ai";
    INCEPTION = "inception": "api.inceptionlabs.ai";
    MORPH = "morph": "api.morphllm.com";
    POE = "poe": "api.poe.com";
    NANO_GPT = "nano-gpt": "nano-gpt.com";
    CHUTES = "chutes": "llm.chutes.ai";
    VENICE = "venice": "api.venice.ai";
    VERCEL = "vercel": "ai-gateway.vercel.sh";
    HELICONE = "helicone": "ai-gateway.helicone.ai";
    REQUESTY = "requesty": "router.requesty.ai";
    PORTKEY = "portkey": "api.portkey.ai";
    ELEVENLABS = "elevenlabs": "api.elevenlabs.io";
    DEEPGRAM = "deepgram": "api.deepgram.com";
    ASSEMBLYAI = "assemblyai": "llm-gateway.assemblyai.com", "api.assemblyai.com";
    ARCEE = "arcee": "api.arcee.ai";
    AVIAN = "avian": "api.avian.io";
    DOUBLEWORD = "doubleword": "api.doubleword.ai";
    WANDB = "wandb": "api.inference.wandb.ai";
    INFERENCE_NET = "inference-net": "inference.net", "api.inference.net";
    DIGITALOCEAN = "digitalocean": "inference.do-ai.run";
    CRUSOE = "crusoe": "api.inference.crusoecloud.com";
    HEROKU = "heroku": "*.inference.heroku.com";
    ALEPH_ALPHA = "aleph-alpha": "api.aleph-alpha.com";
}

/// The owner behind a path segment of Cloudflare's AI Gateway (`/v1/{account}/{gateway}/{segment}/...`), or behind the
/// first part of a model name at its `compat` endpoint (`google-ai-studio/gemini-2.5-flash`): bodies and prices are the
/// owner's (<https://developers.cloudflare.com/ai-gateway/usage/providers/>, checked 2026-11-21).
pub(crate) fn behind_cloudflare(segment: &str) -> Option<&'static str> {
    CLOUDFLARE_GATEWAY.iter().find(|(name, _)| *name == segment).map(|(_, id)| *id)
}

const CLOUDFLARE_GATEWAY: &[(&str, &str)] = &[
    ("openai", OPENAI),
    ("azure-openai", AZURE_OPENAI),
    ("anthropic", ANTHROPIC),
    ("aws-bedrock", AWS_BEDROCK),
    ("google-ai-studio", GOOGLE),
    ("google-vertex-ai", VERTEX),
    ("cohere", COHERE),
    ("mistral", MISTRAL),
    ("groq", GROQ),
    ("deepseek", DEEPSEEK),
    ("grok", XAI),
    ("perplexity-ai", PERPLEXITY),
    ("openrouter", OPENROUTER),
    ("huggingface", HUGGINGFACE),
    ("replicate", REPLICATE),
    ("cerebras", CEREBRAS),
    ("baseten", BASETEN),
    ("deepgram", DEEPGRAM),
    ("elevenlabs", ELEVENLABS),
    ("workers-ai", CLOUDFLARE),
];
