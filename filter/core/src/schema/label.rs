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
    /// A policy of the configuration.
    PolicyName,
    /// What the policy is about.
    PolicyType,
    /// How bad a violation is.
    Severity,
    /// What was done about a violation (S0).
    ActionType,
    /// What was done about a violation (S1).
    Action,
    /// What was evaluated.
    EvaluationType,
    /// Who evaluated.
    Evaluator,
    /// What was measured of quality (S1).
    Metric,
    /// Length of a budget's period.
    BudgetPeriod,
    /// How it ended, in the schema's own words: `success`, `error`, `failure` or the HTTP status.
    Status,
    /// What the route map calls the step that a request is.
    PrimitiveName,
    /// Kind of that step.
    PrimitiveType,
    /// What the money was for.
    Category,
    /// The service behind the proxy.
    Service,
    /// Where it runs (`prod`, `dev`).
    Env,
    /// HTTP method, a closed set.
    Method,
    /// Path template of the route map.
    Route,
    /// The same under its name in S4.
    Endpoint,
    /// The table that a conflict was about.
    Table,
    /// Which agent.
    Agent,
    /// Which kind of task of an agent.
    TaskType,
    /// A label of the user's own, by its place in the configuration; its name stands in the [`Table`](super::Table).
    Extra(u8),
    /// Upper bound of a histogram bucket, inclusive, as Prometheus 3 normalises it.
    Le,
}

impl Label {
    /// All built-in labels, in the order in which tags are declared and so printed; extra ones stand before `le`.
    pub const ALL: [Self; 39] = [
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
        Self::PolicyName,
        Self::PolicyType,
        Self::Severity,
        Self::ActionType,
        Self::Action,
        Self::EvaluationType,
        Self::Evaluator,
        Self::Metric,
        Self::BudgetPeriod,
        Self::Status,
        Self::PrimitiveName,
        Self::PrimitiveType,
        Self::Category,
        Self::Service,
        Self::Env,
        Self::Method,
        Self::Route,
        Self::Endpoint,
        Self::Table,
        Self::Agent,
        Self::TaskType,
        Self::Le,
    ];

    /// The name that Prometheus shows. An extra label's stands in its table ([`Table::label_name`]).
    ///
    /// [`Table::label_name`]: super::Table::label_name
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
            Self::PolicyName => "policy_name",
            Self::PolicyType => "policy_type",
            Self::Severity => "severity",
            Self::ActionType => "action_type",
            Self::Action => "action",
            Self::EvaluationType => "evaluation_type",
            Self::Evaluator => "evaluator",
            Self::Metric => "metric",
            Self::BudgetPeriod => "budget_period",
            Self::Status => "status",
            Self::PrimitiveName => "primitive_name",
            Self::PrimitiveType => "primitive_type",
            Self::Category => "category",
            Self::Service => "service",
            Self::Env => "env",
            Self::Method => "method",
            Self::Route => "route",
            Self::Endpoint => "endpoint",
            Self::Table => "table",
            Self::Agent => "agent",
            Self::TaskType => "task_type",
            Self::Extra(_) => "extra",
            Self::Le => "le",
        }
    }

    /// Whether it is one that exchanges have by themselves; the others are told by a fact or by the filter.
    pub const fn is_attributed(self) -> bool {
        matches!(
            self,
            Self::Provider
                | Self::Model
                | Self::Team
                | Self::Project
                | Self::CustomerId
                | Self::Environment
                | Self::Feature
                | Self::OperationType
                | Self::Extra(_)
        ) || self.is_of_http()
    }

    /// Whether the route map (configuration `http`) gives it.
    pub const fn is_of_http(self) -> bool {
        matches!(
            self,
            Self::Status
                | Self::PrimitiveName
                | Self::PrimitiveType
                | Self::Category
                | Self::Service
                | Self::Env
                | Self::Method
                | Self::Route
                | Self::Endpoint
                | Self::Table
                | Self::Agent
                | Self::TaskType
        )
    }

    /// The key inside the stat name. It is the label's name unless that ends in another key: Istio's `extraStatTags`
    /// regex is not anchored and would cut `type=.=` out of `operation_type=.=`, and `le=.=` out of `table=.=`
    /// (reference: `envoy.md` 6).
    pub const fn key(self) -> &'static str {
        match self {
            Self::TokenType => "token_type",
            Self::Table => "table_name",
            other => other.name(),
        }
    }
}
