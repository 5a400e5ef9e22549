//! What can be billed: kinds of tokens in their tree, and units that are counted apart.

/// A thing that can have a rate.
///
/// Tokens form a tree by what is part of what ([`Dimension::parents`]): a rate of a part takes its tokens out of the
/// whole. Everything else is counted by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Dimension {
    /// All prompt tokens.
    Input,
    /// Prompt tokens that are audio.
    InputAudio,
    /// Prompt tokens that are images.
    InputImage,
    /// Prompt tokens that are video.
    InputVideo,
    /// Prompt tokens that came from tools.
    InputTool,
    /// Prompt tokens read from a cache.
    CacheRead,
    /// The audio among them.
    CacheReadAudio,
    /// The images among them.
    CacheReadImage,
    /// The video among them.
    CacheReadVideo,
    /// Prompt tokens written to a cache.
    CacheWrite,
    /// Those kept for 5 minutes.
    CacheWrite5m,
    /// Those kept for 30 minutes.
    CacheWrite30m,
    /// Those kept for 1 hour.
    CacheWrite1h,
    /// Those kept for 12 hours.
    CacheWrite12h,
    /// All generated tokens.
    Output,
    /// Generated tokens that are reasoning.
    Reasoning,
    /// Generated tokens that are audio.
    OutputAudio,
    /// Generated tokens that are images.
    OutputImage,
    /// Generated tokens that are video.
    OutputVideo,
    /// Tokens of cited sources (Perplexity), billed beside what was generated.
    Citation,
    /// The exchange itself.
    Request,
    /// Web searches made by the provider.
    WebSearch,
    /// Searches in the caller's stored files.
    StorageSearch,
    /// Rerank search units.
    SearchUnit,
    /// Characters to be spoken.
    Character,
    /// Text messages in a voice session.
    TextMessage,
    /// Seconds of audio, heard and spoken.
    AudioSecond,
    /// Seconds of audio heard.
    InputAudioSecond,
    /// Document pages read.
    Page,
    /// Pages read and annotated.
    AnnotatedPage,
    /// Images made, where they are billed apiece.
    Image,
    /// Seconds of video made.
    VideoSecond,
    /// Pixels of images that were embedded.
    ImagePixel,
    /// Pixels of videos that were embedded.
    VideoPixel,
}

/// How the figure of a dimension comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Tokens, in the tree.
    Token,
    /// One per exchange.
    Request,
    /// Counted apart.
    Count,
    /// Counted apart, and told beside tokens that may be what is billed: seconds of audio, images.
    Measure,
}

impl Dimension {
    /// All dimensions, wholes before their parts.
    pub const ALL: [Self; 34] = [
        Self::Input,
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
        Self::Output,
        Self::Reasoning,
        Self::OutputAudio,
        Self::OutputImage,
        Self::OutputVideo,
        Self::Citation,
        Self::Request,
        Self::WebSearch,
        Self::StorageSearch,
        Self::SearchUnit,
        Self::Character,
        Self::TextMessage,
        Self::AudioSecond,
        Self::InputAudioSecond,
        Self::Page,
        Self::AnnotatedPage,
        Self::Image,
        Self::VideoSecond,
        Self::ImagePixel,
        Self::VideoPixel,
    ];

    /// Number of dimensions.
    pub const COUNT: usize = Self::ALL.len();

    /// The key in the book.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
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
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::OutputAudio => "output_audio",
            Self::OutputImage => "output_image",
            Self::OutputVideo => "output_video",
            Self::Citation => "citation",
            Self::Request => "request",
            Self::WebSearch => "web_search",
            Self::StorageSearch => "storage_search",
            Self::SearchUnit => "search_unit",
            Self::Character => "character",
            Self::TextMessage => "text_message",
            Self::AudioSecond => "audio_second",
            Self::InputAudioSecond => "input_audio_second",
            Self::Page => "page",
            Self::AnnotatedPage => "annotated_page",
            Self::Image => "image",
            Self::VideoSecond => "video_second",
            Self::ImagePixel => "image_pixel",
            Self::VideoPixel => "video_pixel",
        }
    }

    /// The dimension of a key.
    pub fn parse(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.as_str() == key)
    }

    /// How its figure comes about.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Request => Kind::Request,
            Self::WebSearch
            | Self::StorageSearch
            | Self::SearchUnit
            | Self::TextMessage
            | Self::ImagePixel
            | Self::VideoPixel => Kind::Count,
            Self::Character
            | Self::AudioSecond
            | Self::InputAudioSecond
            | Self::Page
            | Self::AnnotatedPage
            | Self::Image
            | Self::VideoSecond => Kind::Measure,
            _ => Kind::Token,
        }
    }

    /// How many of it one quoted rate buys: prices are printed per million tokens, characters or pixels, per hour of audio,
    /// per second of video, per image, per thousand of anything else.
    pub const fn per(self) -> u32 {
        match self {
            Self::AudioSecond | Self::InputAudioSecond => 3600,
            Self::Character | Self::ImagePixel | Self::VideoPixel => 1_000_000,
            Self::Image | Self::VideoSecond => 1,
            _ => match self.kind() {
                Kind::Token => 1_000_000,
                Kind::Request | Kind::Count | Kind::Measure => 1000,
            },
        }
    }

    /// Whether its figures are billionths: seconds have fractions.
    pub const fn is_fractional(self) -> bool {
        matches!(self, Self::AudioSecond | Self::InputAudioSecond | Self::VideoSecond)
    }

    /// What it is directly part of: cached audio is part of cached input and of audio input.
    pub const fn parents(self) -> &'static [Self] {
        match self {
            Self::InputAudio | Self::InputImage | Self::InputVideo | Self::InputTool => &[Self::Input],
            Self::CacheRead | Self::CacheWrite => &[Self::Input],
            Self::CacheReadAudio => &[Self::CacheRead, Self::InputAudio],
            Self::CacheReadImage => &[Self::CacheRead, Self::InputImage],
            Self::CacheReadVideo => &[Self::CacheRead, Self::InputVideo],
            Self::CacheWrite5m | Self::CacheWrite30m | Self::CacheWrite1h | Self::CacheWrite12h => &[Self::CacheWrite],
            Self::Reasoning | Self::OutputAudio | Self::OutputImage | Self::OutputVideo | Self::Citation => {
                &[Self::Output]
            }
            Self::InputAudioSecond => &[Self::AudioSecond],
            Self::AnnotatedPage => &[Self::Page],
            _ => &[],
        }
    }

    /// Whether it is a part of `whole`, at any depth. Nothing is a part of itself.
    pub const fn is_part_of(self, whole: Self) -> bool {
        let parents = self.parents();
        let mut index = 0;
        while index < parents.len() {
            if parents[index] as u8 == whole as u8 || parents[index].is_part_of(whole) {
                return true;
            }
            index += 1;
        }
        false
    }

    /// Its parts, at any depth.
    pub const fn parts(self) -> Dimensions {
        PARTS[self as usize]
    }

    /// What it is a part of, at any depth.
    pub const fn wholes(self) -> Dimensions {
        WHOLES[self as usize]
    }
}

/// The tree does not change and every cost asks for it, so it is laid out once.
static PARTS: [Dimensions; Dimension::COUNT] = relation(true);
static WHOLES: [Dimensions; Dimension::COUNT] = relation(false);

const fn relation(parts: bool) -> [Dimensions; Dimension::COUNT] {
    let mut relation = [Dimensions(0); Dimension::COUNT];
    let mut one = 0;
    while one < Dimension::COUNT {
        let mut other = 0;
        while other < Dimension::COUNT {
            let (part, whole) = if parts { (other, one) } else { (one, other) };
            if Dimension::ALL[part].is_part_of(Dimension::ALL[whole]) {
                relation[one].0 |= 1 << other;
            }
            other += 1;
        }
        one += 1;
    }
    relation
}

/// A set of dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dimensions(u64);

impl Dimensions {
    /// None.
    pub const NONE: Self = Self(0);

    /// Adds one.
    pub fn insert(&mut self, dimension: Dimension) {
        self.0 |= 1 << dimension as u8;
    }

    /// Whether one is in it.
    pub fn contains(self, dimension: Dimension) -> bool {
        self.0 >> dimension as u8 & 1 == 1
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is not in the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its dimensions, parts before their wholes.
    pub fn iter(self) -> impl Iterator<Item = Dimension> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            // Parts stand behind their wholes in ALL.
            let last = left.checked_ilog2()?;
            left &= !(1 << last);
            Dimension::ALL.get(last as usize).copied()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_behind_their_wholes() {
        for (place, dimension) in Dimension::ALL.into_iter().enumerate() {
            assert_eq!(place, dimension as usize);
            assert_eq!(Dimension::parse(dimension.as_str()), Some(dimension));
            assert!(dimension.parents().iter().all(|whole| *whole < dimension));
            assert!(dimension.parts().iter().all(|part| part > dimension && part.wholes().contains(dimension)));
        }
        let cached_audio: Vec<_> = Dimension::CacheReadAudio.wholes().iter().collect();
        assert_eq!(cached_audio, [Dimension::CacheRead, Dimension::InputAudio, Dimension::Input]);
    }
}
