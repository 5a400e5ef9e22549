//! Requests.

use crate::body::{fact::Fact, json::Want};

/// What a request says about itself. Replicate names its model in `version`, Aleph Alpha and others in `model`.
pub(crate) static REQUEST: Want = Want::object(&[
    ("model", Want::scalar(Fact::Model)),
    ("stream", Want::scalar(Fact::Stream)),
    ("stream_options", Want::object(&[("include_usage", Want::scalar(Fact::IncludeUsage))])),
    // watsonx.
    ("model_id", Want::scalar(Fact::Model)),
]);
