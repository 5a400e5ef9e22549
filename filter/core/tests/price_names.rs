//! Which model a name means. Exact, listed, or with a date: never by how it begins.

use std::path::Path;

use genops_core::price::book::{self, ProviderFile};
use genops_core::price::{BOOK_VERSION, Charge, Context, canonical_model, price};
use genops_core::{UnpricedReason, Usage};

fn book_files() -> Vec<ProviderFile> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../prices/book");
    let entries = std::fs::read_dir(directory).expect("the book stands in the repository");
    let texts = entries.map(|entry| std::fs::read_to_string(entry.expect("a file").path()).expect("text"));
    texts.map(|text| book::parse(&text).expect("the build script read it too")).collect()
}

fn reason(provider: &str, model: &str) -> Option<UnpricedReason> {
    let usage = Usage { input: Some(1), output: Some(1), ..Usage::default() };
    price(&Charge { provider, model, at: 1_795_089_600, usage: &usage, context: Context::default() }).err()
}

#[test]
fn names_of_real_traffic_are_known() {
    for (provider, name, model) in [
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        // A snapshot with a price of its own is its own model.
        ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("openai", "GPT-4o ", "gpt-4o"),
        ("openai", "gpt-5.6", "gpt-5.6-sol"),
        ("openai", "gpt-5.6-sol-2026-08-21", "gpt-5.6-sol"),
        ("openai", "ft:gpt-4o-2024-08-06:acme::abc123", "ft:gpt-4o"),
        ("openai", "ft:gpt-3.5-turbo:acme::abc123", "ft:gpt-3.5-turbo"),
        ("openai", "ft:gpt-3.5-turbo-0125:acme:name:abc123", "ft:gpt-3.5-turbo"),
        ("openai", "gpt-3.5-turbo-instruct:20230824-v2", "gpt-3.5-turbo-instruct"),
        ("azure-openai", "gpt-35-turbo", "gpt-3.5-turbo"),
        ("azure-openai", "gpt-4.1-mini-2025-04-14", "gpt-4.1-mini"),
        ("azure-openai", "grok-4.3", "grok-4.3"),
        ("azure-openai", "gpt-4o-mini-2024-07-18.ft-0a1b2c3d", "gpt-4o-mini-2024-07-18.ft-"),
        ("anthropic", "claude-3-5-haiku-20241022", "claude-3-5-haiku-latest"),
        ("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("anthropic", "claude-sonnet-4-20250514", "claude-sonnet-4-0"),
        ("vertex", "claude-3-7-sonnet@20250219", "claude-3-7-sonnet"),
        ("vertex", "publishers/anthropic/models/claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("vertex", "projects/p/locations/l/publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google", "models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google", "gemini-2.5-pro-preview-06-05", "gemini-2.5-pro"),
        ("google", "gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
        ("google", "gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("google", "gemini-flash-latest", "gemini-3.8-flash"),
        ("aws-bedrock", "anthropic.claude-3-sonnet-20240229-v1:0", "regional.anthropic.claude-3-sonnet-20240229-v1:0"),
        (
            "aws-bedrock",
            "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0",
            "regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        (
            "aws-bedrock",
            "global.anthropic.claude-haiku-4-5-20251001-v1:0",
            "global.anthropic.claude-haiku-4-5-20251001-v1:0",
        ),
        (
            "aws-bedrock",
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-3-7-sonnet-20250219-v1:0",
            "regional.anthropic.claude-3-7-sonnet-20250219-v1:0",
        ),
        ("aws-bedrock", "arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0"),
        ("aws-bedrock", "eu.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
        ("aws-bedrock", "amazon.nova-pro-v1:0:300k", "amazon.nova-pro-v1:0"),
        ("openrouter", "openai/gpt-5.2-20251211", "openai/gpt-5.2"),
        ("openrouter", "anthropic/claude-4.5-haiku-20251001", "anthropic/claude-haiku-4.5"),
        ("together", "MISTRALAI/mixtral-8x7b-instruct-v0.1", "mistralai/Mixtral-8x7B-Instruct-v0.1"),
        ("fireworks", "accounts/fireworks/models/glm-5p2", "glm-5p2"),
        ("cloudflare", "@cf/meta/llama-3.3-70b-instruct-fp8-fast", "@cf/meta/llama-3.3-70b-instruct-fp8-fast"),
        ("github-copilot", "gpt-4o-2024-11-20", "gpt-4o"),
        ("mistral", "mistral/mistral-small-latest", "mistral-small-latest"),
    ] {
        assert_eq!(canonical_model(provider, name).as_deref(), Some(model), "{provider} {name}");
    }
}

#[test]
fn names_that_only_look_alike_are_not() {
    for (provider, name) in [
        ("anthropic", "claude-opus-4-55"),
        ("anthropic", "claude-haiku-4-5-whatever"),
        ("anthropic", "claude-haiku-4-5-20251301"),
        ("anthropic", "my-claude-haiku-4-5"),
        ("openai", "moderation-thing"),
        ("openai", "gpt-5-nano-custom"),
        ("openai", "gpt-4o-2027-01-01"),
        ("openai", "gpt-4o-2024-08-06-2024-08-06"),
        ("openai", "ft:gpt-9:acme::abc123"),
        ("google", "gemini-2.5-pro-tts-hack"),
        ("google", "xgemini-1.5-flash"),
        ("aws-bedrock", "mars.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ("aws-bedrock", "ca.anthropic.claude-opus-5"),
        ("aws-bedrock", "amazon.nova-pro-v1:0:k"),
        ("openrouter", "openai/gpt-4o:online"),
        ("ollama", "llama3"),
    ] {
        assert_eq!(canonical_model(provider, name), None, "{provider} {name}");
    }
}

#[test]
fn names_that_cannot_tell_say_so() {
    for (provider, name) in [
        ("aws-bedrock", "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123"),
        ("aws-bedrock", "arn:aws:bedrock:us-east-1:1:provisioned-model/abc123"),
        ("aws-bedrock", "arn:aws:sagemaker:us-east-1:1:endpoint/endpoint-quick-start"),
        ("aws-bedrock", "arn:"),
        ("vertex", "projects/p/locations/l/endpoints/123"),
        ("google", "tunedModels/mine"),
        ("fireworks", "accounts/acme/deployedModels/mine"),
    ] {
        assert_eq!(reason(provider, name), Some(UnpricedReason::OpaqueModel), "{provider} {name}");
    }
    for name in
        ["", " ", "%", "%zz", "/", "models/", ":", "ft:", ".ft-", "us.", "-2026-01-01", "@default", "\u{0}", "é"]
    {
        for provider in ["openai", "aws-bedrock", "google", "fireworks", "openrouter"] {
            let reason = reason(provider, name);
            assert!(matches!(reason, Some(UnpricedReason::UnknownModel | UnpricedReason::OpaqueModel)), "{name:?}");
        }
    }
    assert_eq!(reason("openai", &"gpt-4o".repeat(1_000)), Some(UnpricedReason::UnknownModel));
}

#[test]
fn every_name_of_the_book_leads_to_its_model_and_that_name_to_itself() {
    let files = book_files();
    let mut names = 0;
    for file in files.iter().filter(|file| file.same_as.is_none()) {
        for (id, model) in file.models.iter() {
            for name in std::iter::once(id).chain(model.alias.iter().map(String::as_str)) {
                assert_eq!(canonical_model(&file.provider, name).as_deref(), Some(id), "{} {name}", file.provider);
                names += 1;
            }
            for prefix in &model.geo {
                let name = format!("{prefix}.{}", model.alias.first().map_or(id, String::as_str));
                assert_eq!(canonical_model(&file.provider, &name).as_deref(), Some(id), "{} {name}", file.provider);
            }
        }
        // Through a provider that serves others' models a name still leads to a model that is itself.
        for other in file.fallback.iter().filter_map(|id| files.iter().find(|other| other.provider == *id)) {
            for (id, model) in other.models.iter() {
                for name in std::iter::once(id).chain(model.alias.iter().map(String::as_str)) {
                    let found = canonical_model(&file.provider, name);
                    assert_eq!(canonical_model(&file.provider, found.as_deref().unwrap_or_default()), found, "{name}");
                    assert!(found.is_some(), "{} {name}", file.provider);
                }
            }
        }
    }
    assert!(names > 3_000, "{names}");
    assert!(BOOK_VERSION.starts_with("20"), "{BOOK_VERSION}");
}
