//! Bills over several models.

use super::{Share, Usage, anthropic, figures::Figures, openai, responses};

/// Stands for the model of an image tool that the response does not name. No book knows it, so that the bill is not told
/// rather than guessed.
const UNNAMED_IMAGE_MODEL: &str = "image_generation";

/// Anthropic `usage.iterations`: one entry for each time a model was asked. Entries of other models (an advisor, a
/// fallback) name them; those of a compaction are not in the totals. None where there was one iteration of the plain
/// kind, since the totals then say the same.
pub(super) fn of_iterations(usage: Figures<'_>, totals: &Usage) -> Vec<Share> {
    let plain =
        |entry: &Figures<'_>| !entry.has("model") && matches!(entry.word("type").as_deref(), None | Some("message"));
    let entries: Vec<Figures<'_>> = usage.each("iterations").collect();
    if entries.iter().all(plain) && entries.len() < 2 {
        return Vec::new();
    }
    with_fees(entries.into_iter().map(|entry| share(entry, anthropic::read)), totals)
}

/// Groq `usage_breakdown.models[]`: what each model of a compound system used. Together they are the totals.
pub(super) fn of_breakdown(breakdown: Figures<'_>, totals: &Usage) -> Vec<Share> {
    let entry =
        |entry: Figures<'_>| Share { usage: openai::read(entry.at("usage")), ..share(entry, |_| Usage::default()) };
    with_fees(breakdown.each("models").map(entry), totals)
}

/// OpenAI images `svg_usage`: beside the usage, at a model of its own.
pub(super) fn with_vector_images(svg: Figures<'_>, totals: &Usage) -> Vec<Share> {
    let svg = share(svg, responses::read);
    if svg.usage == Usage::default() { Vec::new() } else { vec![Share { model: None, usage: totals.clone() }, svg] }
}

/// OpenAI responses `tool_usage.image_gen`: beside the usage, at the model of the image tool. Where it is not told, the
/// images that the tool made are, which no token price covers.
pub(super) fn with_image_tool(
    told: Figures<'_>,
    calls: Option<u64>,
    model: Option<&str>,
    totals: &Usage,
) -> Vec<Share> {
    let mut usage = responses::read(told);
    if usage == Usage::default() {
        usage.images = calls;
    }
    if [usage.input, usage.output, usage.images].iter().all(|figure| figure.unwrap_or(0) == 0) {
        return Vec::new();
    }
    let model = Some(model.unwrap_or(UNNAMED_IMAGE_MODEL).to_owned());
    vec![Share { model: None, usage: totals.clone() }, Share { model, usage }]
}

fn share(entry: Figures<'_>, read: impl Fn(Figures<'_>) -> Usage) -> Share {
    Share { model: entry.text("model").map(ToOwned::to_owned), usage: read(entry) }
}

/// Adds what is billed apiece and told only for the whole.
fn with_fees(shares: impl Iterator<Item = Share>, totals: &Usage) -> Vec<Share> {
    let mut shares: Vec<Share> = shares.filter(|share| share.usage != Usage::default()).collect();
    let fees = Usage {
        web_searches: totals.web_searches.filter(|n| *n > 0),
        storage_searches: totals.storage_searches.filter(|n| *n > 0),
        ..Usage::default()
    };
    if shares.is_empty() || fees == Usage::default() {
        return shares;
    }
    match shares.iter_mut().find(|share| share.model.is_none()) {
        Some(own) => {
            own.usage.web_searches = own.usage.web_searches.or(fees.web_searches);
            own.usage.storage_searches = own.usage.storage_searches.or(fees.storage_searches);
        }
        None => shares.push(Share { model: None, usage: fees }),
    }
    shares
}
