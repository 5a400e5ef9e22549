//! Disjoint parts that sum to the totals.

use super::Usage;

/// One disjoint kind of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bucket {
    /// Uncached text input (and whatever the provider did not split off).
    InputText,
    /// Uncached audio input.
    InputAudio,
    /// Uncached image input.
    InputImage,
    /// Uncached video input.
    InputVideo,
    /// Tool results fed back as input.
    InputTool,
    /// Cached text input.
    CacheRead,
    /// Cached audio input.
    CacheReadAudio,
    /// Cached image input.
    CacheReadImage,
    /// Cached video input.
    CacheReadVideo,
    /// Cache writes whose lifetime the provider did not name.
    CacheWrite,
    /// Cache writes kept for 5 minutes.
    CacheWrite5m,
    /// Cache writes kept for 30 minutes.
    CacheWrite30m,
    /// Cache writes kept for 1 hour.
    CacheWrite1h,
    /// Cache writes kept for 12 hours.
    CacheWrite12h,
    /// Generated text (and whatever the provider did not split off).
    OutputText,
    /// Generated reasoning.
    Reasoning,
    /// Generated audio.
    OutputAudio,
    /// Generated images.
    OutputImage,
    /// Generated video.
    OutputVideo,
}

impl Bucket {
    /// All buckets: the input side first.
    pub const ALL: [Self; 19] = [
        Self::InputText,
        Self::InputAudio,
        Self::InputImage,
        Self::InputVideo,
        Self::InputTool,
        Self::CacheRead,
        Self::CacheReadAudio,
        Self::CacheReadImage,
        Self::CacheReadVideo,
        Self::CacheWrite,
        Self::CacheWrite5m,
        Self::CacheWrite30m,
        Self::CacheWrite1h,
        Self::CacheWrite12h,
        Self::OutputText,
        Self::Reasoning,
        Self::OutputAudio,
        Self::OutputImage,
        Self::OutputVideo,
    ];

    /// The value of the `kind` label of `genops_tokens_detail_total`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InputText => "input_text",
            Self::InputAudio => "input_audio",
            Self::InputImage => "input_image",
            Self::InputVideo => "input_video",
            Self::InputTool => "input_tool",
            Self::CacheRead => "cache_read",
            Self::CacheReadAudio => "cache_read_audio",
            Self::CacheReadImage => "cache_read_image",
            Self::CacheReadVideo => "cache_read_video",
            Self::CacheWrite => "cache_write",
            Self::CacheWrite5m => "cache_write_5m",
            Self::CacheWrite30m => "cache_write_30m",
            Self::CacheWrite1h => "cache_write_1h",
            Self::CacheWrite12h => "cache_write_12h",
            Self::OutputText => "output_text",
            Self::Reasoning => "reasoning",
            Self::OutputAudio => "output_audio",
            Self::OutputImage => "output_image",
            Self::OutputVideo => "output_video",
        }
    }

    /// Whether the bucket is part of the input total.
    pub const fn is_input(self) -> bool {
        (self as u8) <= (Self::CacheWrite12h as u8)
    }
}

/// A part larger than its whole: which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} tokens exceed the figure they are part of")]
pub struct Inconsistent {
    /// The [`Usage`] field that is too large.
    pub part: &'static str,
}

/// Tokens per bucket; the input side sums to `Usage::input`, the output side to `Usage::output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buckets([u64; Bucket::ALL.len()]);

impl Buckets {
    /// Tokens in one bucket.
    pub const fn get(&self, bucket: Bucket) -> u64 {
        self.0[bucket as usize]
    }

    /// Non-zero buckets.
    pub fn iter(&self) -> impl Iterator<Item = (Bucket, u64)> + '_ {
        Bucket::ALL.into_iter().map(|b| (b, self.get(b))).filter(|(_, n)| *n > 0)
    }

    fn set(&mut self, bucket: Bucket, tokens: Option<u64>) -> u64 {
        self.0[bucket as usize] = tokens.unwrap_or(0);
        tokens.unwrap_or(0)
    }
}

/// What is left of `whole` after its `parts`.
fn rest(whole: u64, parts: &[u64], part: &'static str) -> Result<u64, Inconsistent> {
    parts.iter().try_fold(whole, |left, p| left.checked_sub(*p)).ok_or(Inconsistent { part })
}

impl Usage {
    /// The disjoint parts.
    ///
    /// # Errors
    /// [`Inconsistent`] when a part is larger than its whole: some providers report more cached or reasoning tokens
    /// than tokens at all (Azure-hosted Grok, OpenRouter). Totals stay usable then, the split does not.
    pub fn buckets(&self) -> Result<Buckets, Inconsistent> {
        let mut b = Buckets::default();
        let cr = self.cache_read.unwrap_or(0);
        let cra = b.set(Bucket::CacheReadAudio, self.cache_read_audio);
        let cri = b.set(Bucket::CacheReadImage, self.cache_read_image);
        let crv = b.set(Bucket::CacheReadVideo, self.cache_read_video);
        b.0[Bucket::CacheRead as usize] = rest(cr, &[cra, cri, crv], "cache_read by modality")?;

        let w5 = b.set(Bucket::CacheWrite5m, self.cache_write_5m);
        let w30 = b.set(Bucket::CacheWrite30m, self.cache_write_30m);
        let w1 = b.set(Bucket::CacheWrite1h, self.cache_write_1h);
        let w12 = b.set(Bucket::CacheWrite12h, self.cache_write_12h);
        let cw = self.cache_write.unwrap_or(0);
        b.0[Bucket::CacheWrite as usize] = rest(cw, &[w5, w30, w1, w12], "cache_write by lifetime")?;

        // Modality figures count cached tokens too; the uncached part is what is left.
        let audio = rest(self.input_audio.unwrap_or(0).max(cra), &[cra], "cache_read_audio")?;
        let image = rest(self.input_image.unwrap_or(0).max(cri), &[cri], "cache_read_image")?;
        let video = rest(self.input_video.unwrap_or(0).max(crv), &[crv], "cache_read_video")?;
        let tool = self.input_tool.unwrap_or(0);
        b.0[Bucket::InputAudio as usize] = audio;
        b.0[Bucket::InputImage as usize] = image;
        b.0[Bucket::InputVideo as usize] = video;
        b.0[Bucket::InputTool as usize] = tool;
        b.0[Bucket::InputText as usize] =
            rest(self.input.unwrap_or(0), &[cr, cw, audio, image, video, tool], "cache and modality")?;

        let reasoning = b.set(Bucket::Reasoning, self.reasoning);
        let oa = b.set(Bucket::OutputAudio, self.output_audio);
        let oi = b.set(Bucket::OutputImage, self.output_image);
        let ov = b.set(Bucket::OutputVideo, self.output_video);
        b.0[Bucket::OutputText as usize] =
            rest(self.output.unwrap_or(0), &[reasoning, oa, oi, ov], "reasoning and modality")?;
        Ok(b)
    }
}
