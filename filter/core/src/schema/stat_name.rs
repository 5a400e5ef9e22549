//! Labels inside an Envoy stat name, in Istio's own form: `key=.=value;.;key=.=value;.;family`.
//!
//! proxy-wasm metrics carry no labels; Envoy cuts them out of the name again by the `stats_tags` generated here.

use std::borrow::Cow;

/// Between key and value.
pub(crate) const ASSIGN: &str = "=.=";
/// Behind each value.
pub(crate) const END: &str = ";.;";

/// What Istio's own bootstrap cuts out of any stat name, wherever it stands (`envoy.md` 6: `cache\.(.+?)\.` and its
/// like): a value must not contain it, or a part of the value would become somebody else's tag.
const ISTIO_CUTS: [&str; 5] = ["cache.", "component.", "tag.", "wasm_filter.", "rbac."];

/// Appends one `key=.=value;.;` pair. An empty value is left out: Envoy would print an empty label.
pub fn push_label(name: &mut String, key: &str, value: &str) {
    let value = clean(value);
    if value.is_empty() {
        return;
    }
    name.push_str(key);
    name.push_str(ASSIGN);
    name.push_str(&value);
    name.push_str(END);
}

/// The value as it may stand in a stat name: `;`, `=` and control characters, and the dot of what Istio would cut
/// out, become `_`. Dots at its end go: Envoy drops them from a tag's value, so two values would become one label.
/// Values that need none of this are borrowed.
pub fn clean(value: &str) -> Cow<'_, str> {
    let value = value.trim_end_matches('.');
    let bad = |c: char| c == ';' || c == '=' || c.is_control();
    if !value.contains(bad) && !ISTIO_CUTS.iter().any(|cut| value.contains(cut)) {
        return Cow::Borrowed(value);
    }
    let mut text: String = value.chars().map(|c| if bad(c) { '_' } else { c }).collect();
    for cut in ISTIO_CUTS {
        if text.contains(cut) {
            text = text.replace(cut, &format!("{}_", &cut[..cut.len() - 1]));
        }
    }
    Cow::Owned(text)
}

/// A tag rule of Envoy's `stats_config.stats_tags`: group 1 is removed from the name, group 2 is the value.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TagRule {
    /// The label name that Envoy prints.
    pub tag_name: String,
    /// In the subset that RE2 and ECMAScript share (Envoy 1.40 compiles user tags with `std::regex`).
    pub regex: String,
}

/// The rules for labels by name and key ([`Table::tags`](super::Table::tags)), each anchored at `^wasmcustom\.` so that
/// Envoy's other stats do not pay for them.
pub fn tag_rules(tags: &[(&str, &str)]) -> Vec<TagRule> {
    tags.iter()
        .map(|(name, key)| TagRule {
            tag_name: (*name).to_owned(),
            regex: format!(r"^wasmcustom\.(?:.*?;\.;)?({key}=\.=(.*?);\.;)"),
        })
        .collect()
}

/// Takes a stat name (without Envoy's `wasmcustom.`) apart again: labels by key, and the family.
///
/// The inverse of what [`push_label`] writes; `None` where the name is not of that form.
pub fn decode(name: &str) -> Option<(Vec<(&str, &str)>, &str)> {
    let mut labels = Vec::new();
    let mut rest = name;
    while let Some((pair, tail)) = rest.split_once(END) {
        labels.push(pair.split_once(ASSIGN)?);
        rest = tail;
    }
    (!rest.is_empty()).then_some((labels, rest))
}

#[cfg(test)]
mod tests {
    use super::super::Label;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_forged_label_inside_a_value_stays_a_value() {
        let mut name = String::new();
        push_label(&mut name, Label::Team.key(), "x;.;model=.=evil;.;");
        push_label(&mut name, Label::Model.key(), "gpt-4o");
        name.push_str("genops_tokens_input_total");
        let (labels, family) = decode(&name).expect("our own form");
        assert_eq!(family, "genops_tokens_input_total");
        assert_eq!(labels, [("team", "x_._model_._evil_._"), ("model", "gpt-4o")]);
    }

    #[test]
    fn what_istio_would_cut_out_is_broken_up() {
        assert_eq!(clean("my-cache.v1"), "my-cache_v1");
        assert_eq!(clean("tag.x"), "tag_x");
        assert_eq!(clean("gpt-4.1"), "gpt-4.1");
        assert_eq!(clean("x..."), "x");
        assert_eq!(clean("..."), "");
    }

    #[test]
    fn no_stat_key_ends_in_another() {
        for a in Label::ALL {
            for b in Label::ALL {
                assert!(a == b || !a.key().ends_with(b.key()), "{} ends in {}", a.key(), b.key());
            }
        }
    }

    proptest! {
        #[test]
        fn any_value_comes_back_clean(team in ".*", model in "\\PC*") {
            let mut name = String::new();
            push_label(&mut name, Label::Team.key(), &team);
            push_label(&mut name, Label::Model.key(), &model);
            name.push_str("family");
            let (labels, family) = decode(&name).expect("our own form");
            prop_assert_eq!(family, "family");
            let expected: Vec<(String, String)> = [("team", &team), ("model", &model)]
                .into_iter()
                .map(|(k, v)| (k.to_owned(), clean(v).into_owned()))
                .filter(|(_, v)| !v.is_empty())
                .collect();
            let got: Vec<(String, String)> = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            prop_assert_eq!(got, expected);
        }
    }
}
