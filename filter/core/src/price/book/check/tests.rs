use super::*;

/// What is wrong with a book of one provider with these models.
fn complaints(models: &str) -> Vec<String> {
    let text = format!(
        r#"{{"schema": 1, "provider": "acme", "source": "a list", "checked_on": "2026-11-21",
            "unlisted": "parent", "models": {models}}}"#
    );
    let file = super::super::parse(&text).map_err(|error| error.to_string());
    file.map_or_else(|error| vec![error], |file| texts(&[("acme".to_owned(), file)]))
}

fn texts(files: &[(String, ProviderFile)]) -> Vec<String> {
    check(files).iter().map(ToString::to_string).collect()
}

#[test]
fn a_sound_book_has_nothing_wrong() {
    let models = r#"{"a": {"alias": ["b"], "dated": "any", "prices": [
        {"rates": {"input": "1", "cache_read": "0.1", "output": "2"},
         "tiers": [{"over": 10, "rates": {"input": "2"}}]},
        {"from": "2026-01-01", "windows": ["22:00-02:00"], "rates": {"input": "0"}}],
        "variants": [{"when": {"service_tier": ["flex"]}, "rates": {"input": "0.5"}}],
        "multipliers": [{"when": {"region": ["us-gov-*"]}, "by": "1.2"}]}, "c": {"free": true},
        "d": {"prices": [{"rates": {}}], "min": {"image": "1"},
        "variants": [{"when": {"size": ["1024x1024"], "quality": ["hd"]}, "rates": {"image": "0.08"}}]}}"#;
    assert_eq!(complaints(models), [""; 0]);
}

#[test]
fn what_does_not_make_sense_is_named_with_provider_model_and_field() {
    for (models, expected) in [
        (r#"{"a": {"alias": ["B", "b"]}}"#, r#"acme: a: alias: "b" already names "a": keep it at one model"#),
        (r#"{"a": {}, "b": {"alias": ["A"]}}"#, r#"acme: b: alias: "A" already names "a": keep it at one model"#),
        (r#"{"a b": {}}"#, r#"acme: a b: name: "a b" is not a name of 1 to 200 bytes without white space"#),
        (
            r#"{"a": {"geo": ["mars"]}}"#,
            "acme: a: geo: \"mars\" is none of us, us-gov, eu, apac, jp, au, ca, in, global",
        ),
        (
            r#"{"a": {"free": true, "prices": [{"rates": {"input": "1"}}]}}"#,
            "acme: a: free: goes with no prices and variants: take those out, or it",
        ),
        (
            r#"{"a": {"prices": [{"rates": {}}]}}"#,
            "acme: a: prices[0].rates: has no rate: give one, or take the entry out",
        ),
        (
            r#"{"a": {"variants": [{"when": {"speed": ["fast"]}, "rates": {"input": "2"}}]}}"#,
            r#"acme: a: variants: vary nothing: add prices, `[{"rates": {}}]` where there are only the variants"#,
        ),
        (
            r#"{"a": {"prices": [{"rates": {"cache_read": "1"}}]}}"#,
            "acme: a: prices[0].rates.cache_read: needs a rate of input too",
        ),
        (
            r#"{"a": {"prices": [{"rates": {"input": "1", "cache_read": "1", "input_audio": "2"}}]}}"#,
            "acme: a: prices[0].rates: cache_read and input_audio need a rate of cache_read_audio",
        ),
        (
            r#"{"a": {"prices": [{"rates": {"output": "1", "reasoning": "1", "output_audio": "2"}}]}}"#,
            "acme: a: prices[0].rates: reasoning and output_audio may overlap, which no dimension names: give a \
             rate to one of them",
        ),
        (
            r#"{"a": {"prices": [{"rates": {"input": "1"}, "tiers": [{"over": 9, "rates": {"output": "1"}}]}]}}"#,
            "acme: a: prices[0].tiers[0].rates.output: has no rate outside the tier: give it one there too",
        ),
        (
            r#"{"a": {"prices": [{"rates": {"input": "1"},
                "tiers": [{"over": 9, "rates": {"input": "2"}}, {"over": 9, "rates": {"input": "3"}}]}]}}"#,
            "acme: a: prices[0].tiers[1].over: 9 is not more than 9 in the tier before it: let tiers rise",
        ),
        (
            r#"{"a": {"prices": [{"rates": {"input": "1"}}],
                "variants": [{"when": {"speed": ["Fast"]}, "rates": {"input": "2"}}]}}"#,
            "acme: a: variants[0].when.speed: \"Fast\" is not a word in lower case, with `*` only at its end",
        ),
        (
            r#"{"a": {"prices": [{"rates": {"input": "1"}, "windows": ["01:00-02:00"], "except": "feasts"}]}}"#,
            "acme: a: prices[0].except: \"feasts\" is no calendar of this file, which has no `calendars`",
        ),
        (
            r#"{"a": {"multipliers": [{"when": {"region": ["e*u"]}, "by": "1.1"}]}}"#,
            "acme: a: multipliers[0].when.region: \"e*u\" is not a word in lower case, with `*` only at its end",
        ),
        (
            r#"{"a": {"multipliers": [{"when": {"region": ["eu"]}, "by": "0"}]}}"#,
            "acme: a: multipliers[0].by: 0.00 is not more than 0 and less than 10",
        ),
        (
            r#"{"a": {"multipliers": [{"when": {"region": ["eu"]}, "by": "1.1"}, {"when": {"geo": ["eu"]}, "by": "1.1"},
                {"when": {"speed": ["a"]}, "by": "2"}, {"when": {"size": ["a"]}, "by": "2"}]}}"#,
            "acme: a: multipliers: depend on 4 sets of keys, at most 3 are kept",
        ),
        (
            r#"{"a": {"min": {"input": "10"}}}"#,
            "acme: a: min.input: is no quantity above 0 of one of web_search, storage_search, search_unit, character, \
             text_message, audio_second, input_audio_second, page, annotated_page, image, video_second, image_pixel, \
             video_pixel",
        ),
    ] {
        assert_eq!(complaints(models), [expected], "{models}");
    }
}

#[test]
fn an_unknown_dimension_is_told_with_those_that_there_are() {
    for (rates, at) in [
        (r#"{"rates": {"inptu": "1"}}"#, "prices[0].rates.inptu"),
        (
            r#"{"rates": {"input": "1"}, "tiers": [{"over": 9, "rates": {"inptu": "1"}}]}"#,
            "prices[0].tiers[0].rates.inptu",
        ),
    ] {
        let found = complaints(&format!(r#"{{"a": {{"prices": [{rates}]}}}}"#));
        let start = format!("acme: a: {at}: is no dimension of the book, which are input, ");
        assert!(found.len() == 1 && found.iter().all(|text| text.starts_with(&start)), "{found:?}");
    }
}

#[test]
fn calendars_list_rising_days() {
    let base = r#""schema": 1, "provider": "a", "source": "a list", "checked_on": "2026-11-21""#;
    for (days, expected) in [
        ("", "is empty: list the days, or take the calendar out"),
        (r#""2026-01-02", "2026-01-01""#, "2026-01-01 comes after 2026-01-02: each day once, the first first"),
    ] {
        let calendars = format!(r#"{{"c": {{"source": "a list", "days": [{days}]}}}}"#);
        let text = format!(r#"{{{base}, "unlisted": "parent", "calendars": {calendars}, "models": {{}}}}"#);
        let file = super::super::parse(&text).expect("the right shape");
        assert_eq!(texts(&[("a".to_owned(), file)]), [format!("a: calendars.c.days: {expected}")]);
    }
}

#[test]
fn what_has_not_the_shape_is_named_with_its_path() {
    for (models, path) in [
        (r#"{"a": {"prices": [{"rates": {"input": 2.5}}]}}"#, "models.a.prices[0].rates.input: "),
        (r#"{"a": {"prices": [{"rates": {"input": "2,5"}}]}}"#, "models.a.prices[0].rates.input: "),
        (r#"{"a": {"prices": [{"from": "2026-02-30", "rates": {}}]}}"#, "models.a.prices[0].from: "),
        (r#"{"a": {"price": []}}"#, "models.a.price: unknown field `price`"),
        (r#"{"a": {"prices": [{"rates": {}, "days": ["monday"]}]}}"#, "models.a.prices[0].days: days are a list of"),
        (
            r#"{"a": {"variants": [{"rates": {}, "when": {"tier": ["x"]}}]}}"#,
            r#"models.a.variants[0].when: "tier" is none of service_tier, "#,
        ),
        (
            r#"{"a": {"prices": [{"rates": {}, "tiers": [{"over": 1, "at_least": 2, "rates": {}}]}]}}"#,
            "models.a.prices[0].tiers[0]: a tier has either",
        ),
        (r#"{"a": {}, "a": {}}"#, r#"models: "a" stands here twice"#),
    ] {
        let found = complaints(models);
        assert!(found.len() == 1 && found.iter().all(|text| text.starts_with(path)), "{found:?}");
    }
}

#[test]
fn files_refer_to_files() {
    let file = |text: &str| super::super::parse(text);
    let base = r#""schema": 1, "source": "a list", "checked_on": "2026-11-21""#;
    let a = file(&format!(r#"{{"provider": "a", {base}, "unlisted": "parent", "fallback": ["b", "z"]}}"#));
    let b = file(&format!(r#"{{"provider": "b", {base}, "same_as": "a"}}"#));
    let c = file(&format!(r#"{{"provider": "x", {base}, "same_as": "b", "unlisted": "parent"}}"#));
    let files = [("a", a), ("b", b), ("c", c)].map(|(stem, file)| (stem.to_owned(), file.expect("the right shape")));
    assert_eq!(
        texts(&files),
        [
            "a: fallback: \"b\" has the prices of \"a\": name that one",
            "a: fallback: \"z\" is no provider of the book",
            "c: provider: \"x\" does not match the file's name c.json: change either",
            "c: same_as: \"b\" has the prices of \"a\": name that one",
            "c: same_as: goes with no models, unlisted or fallback: take those out, or it",
        ]
    );
}
