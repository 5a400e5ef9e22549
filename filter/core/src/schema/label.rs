//! Every label name and its stat key. One file owns them.

/// A label of some family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// Who is paid: a provider id (`openai`, `aws-bedrock`, ...).
    Provider,
    /// Canonical price-book id by default (config `model_label`).
    Model,
    /// Attribution.
    Team,
    /// Attribution.
    Project,
    /// Attribution.
    CustomerId,
    /// Attribution.
    Environment,
    /// Attribution.
    Feature,
    /// completion, embedding, image, audio, moderation, rerank, other.
    OperationType,
    /// Closed set: [`crate::ErrorType`].
    ErrorType,
    /// `input` or `output`.
    TokenType,
    /// Disjoint token kind: [`crate::usage::Bucket`]; kind of drift: [`crate::price::Drift`].
    Kind,
    /// Closed set: [`crate::Outcome`].
    Outcome,
    /// Why something was not priced or not taken.
    Reason,
    /// The label whose value was rejected.
    RejectedLabel,
    /// The label that was folded to `other`.
    FoldedLabel,
    /// Version of the filter.
    Version,
    /// Version of the price book.
    Book,
    /// Upper bound of a histogram bucket, inclusive, as Prometheus 3 normalises it.
    Le,
}

impl Label {
    /// All labels, in the order in which tags are declared and so printed.
    pub const ALL: [Self; 18] = [
        Self::Provider,
        Self::Model,
        Self::Team,
        Self::Project,
        Self::CustomerId,
        Self::Environment,
        Self::Feature,
        Self::OperationType,
        Self::ErrorType,
        Self::TokenType,
        Self::Kind,
        Self::Outcome,
        Self::Reason,
        Self::RejectedLabel,
        Self::FoldedLabel,
        Self::Version,
        Self::Book,
        Self::Le,
    ];

    /// The name that Prometheus shows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Model => "model",
            Self::Team => "team",
            Self::Project => "project",
            Self::CustomerId => "customer_id",
            Self::Environment => "environment",
            Self::Feature => "feature",
            Self::OperationType => "operation_type",
            Self::ErrorType => "error_type",
            Self::TokenType => "type",
            Self::Kind => "kind",
            Self::Outcome => "outcome",
            Self::Reason => "reason",
            Self::RejectedLabel => "label",
            Self::FoldedLabel => "folded",
            Self::Version => "version",
            Self::Book => "book",
            Self::Le => "le",
        }
    }

    /// The key inside the stat name. It is the label's name unless another key ends in it: Istio's `extraStatTags`
    /// regex is not anchored and would cut `type=.=` out of `operation_type=.=` (reference: `envoy.md` 6).
    pub const fn key(self) -> &'static str {
        match self {
            Self::TokenType => "token_type",
            other => other.name(),
        }
    }
}
