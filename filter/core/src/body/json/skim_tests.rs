use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// Everything a tree can ask for, on a few paths.
static TREE: Want = Want::object(&[
    ("a", Want::scalar(Fact::Model)),
    ("w", Want::whole(Fact::Usage)),
    ("o", Want::object(&[("a", Want::scalar(Fact::Id)), ("l", Want::each(&ELEMENT))])),
    ("l", Want::each(&ELEMENT)),
    ("m", Want::mark(Fact::Token)),
    ("e", Want::object(&[("a", Want::scalar(Fact::ErrorCode))]).and_mark(Fact::Error).and_scalar(Fact::ErrorType)),
])
.and_each(&ELEMENT);

static ELEMENT: Want = Want::object(&[("a", Want::scalar(Fact::Finish)), ("w", Want::whole(Fact::Aside))]);

#[derive(Debug, Default, PartialEq, Eq, Clone)]
struct Seen(Vec<String>);

impl Sink for Seen {
    fn value(&mut self, fact: Fact, raw: &[u8]) {
        self.0.push(format!("{fact:?}={}", String::from_utf8_lossy(raw)));
    }

    fn too_large(&mut self, fact: Fact) {
        self.0.push(format!("{fact:?} too large"));
    }

    fn mark(&mut self, fact: Fact) {
        self.0.push(format!("{fact:?}!"));
    }
}

fn skim_cut(document: &[u8], cuts: &[usize]) -> (Vec<String>, End) {
    let mut skimmer = Skimmer::new(&TREE);
    let mut seen = Seen::default();
    let mut from = 0;
    for at in cuts.iter().copied().chain([document.len()]) {
        let at = at.clamp(from, document.len());
        skimmer.feed(&document[from..at], &mut seen);
        from = at;
    }
    (seen.0, skimmer.end())
}

/// Reads a document whole and at every byte; both must agree.
#[track_caller]
fn skim(document: &str) -> (Vec<String>, End) {
    let whole = skim_cut(document.as_bytes(), &[]);
    let every: Vec<usize> = (0..document.len()).collect();
    assert_eq!(skim_cut(document.as_bytes(), &every), whole, "{document}");
    whole
}

#[track_caller]
fn finds(document: &str, expected: &[&str]) {
    let (seen, end) = skim(document);
    assert_eq!(seen, expected, "{document}");
    assert_eq!(end, End::Whole, "{document}");
}

#[test]
fn only_real_paths_match() {
    finds(r#"{"x":{"a":"no","w":{}},"a":"yes"}"#, &[r#"Model="yes""#]);
    finds(r#"{"x":"\"a\":\"no\"","y":["a",{"a":1}],"a":1}"#, &["Model=1"]);
    finds(r#"{"x":{"y":[{"w":{"n":1}}]},"w":{"n":2}}"#, &[r#"Usage={"n":2}"#]);
    finds(r#"{"l":[{"a":"1","b":{"a":"no"}},{"a":"2"},3,[{"a":"no"}]]}"#, &[r#"Finish="1""#, r#"Finish="2""#]);
    finds(r#"[{"a":1},{"w":[1,{"x":"}]"}]}]"#, &["Finish=1", r#"Aside=[1,{"x":"}]"}]"#]);
    finds(r#"{"o":{"l":[{"a":null}],"a":-1.5e3}}"#, &["Finish=null", "Id=-1.5e3"]);
    finds(r#"{"o":7,"l":{"a":1},"a":{"a":1}}"#, &[]);
}

#[test]
fn white_space_marks_and_escapes_are_read() {
    finds("\u{feff} \r\n\t{ \"a\" : \"x\" , \"w\" : { \"n\" : [ ] } } ", &[r#"Model="x""#, r#"Usage={ "n" : [ ] }"#]);
    finds(r#"{"\u0061":"x","\u0077":1}"#, &[r#"Model="x""#, "Usage=1"]);
    finds(r#"{"a\"":"no","a\\":"no","":"no","a":"q\"\\"}"#, &[r#"Model="q\"\\""#]);
    finds(r#"{"\ud800":"no","a":true}"#, &["Model=true"]);
    finds(r#"{"a":1,"a":2}"#, &["Model=1", "Model=2"]);
}

#[test]
fn marks_tell_what_is_there() {
    for (value, there) in [
        (r#""x""#, true),
        (r#""""#, false),
        ("null", false),
        ("false", false),
        ("true", true),
        ("0", true),
        ("{}", false),
        ("{ }", false),
        ("[\n]", false),
        (r#"[ 1]"#, true),
        (r#"{"x":null}"#, true),
        (r#""\"""#, true),
    ] {
        finds(&format!(r#"{{"m":{value}}}"#), if there { &["Token!"] } else { &[] });
    }
    finds(r#"{"e":{"a":"x"}}"#, &["Error!", r#"ErrorCode="x""#]);
    finds(r#"{"e":"x"}"#, &["Error!", r#"ErrorType="x""#]);
    finds(r#"{"e":{}}"#, &[]);
}

#[test]
fn bounds_hold() {
    let long = "x".repeat(Fact::Model.limit());
    finds(&format!(r#"{{"a":"{long}","m":1}}"#), &["Model too large", "Token!"]);
    let fits = "x".repeat(Fact::Model.limit() - 2);
    finds(&format!(r#"{{"a":"{fits}"}}"#), &[&format!("Model=\"{fits}\"")]);
    let mut skimmer = Skimmer::new(&TREE);
    let mut seen = Seen::default();
    skimmer.feed(br#"{""#, &mut seen);
    for _ in 0..4096 {
        skimmer.feed(&[b'k'; 1024], &mut seen);
    }
    skimmer.feed(br#"":1,"a":2}"#, &mut seen);
    assert_eq!(seen.0, ["Model=2"]);
    assert!(skimmer.key.capacity() <= 2 * KEY_LIMIT && skimmer.kept.capacity() <= 64);
    // A nest as deep as it likes costs a counter.
    let deep = "[".repeat(1 << 20) + &"]".repeat(1 << 20);
    let (seen, end) = skim_cut(format!(r#"{{"x":{deep},"a":1}}"#).as_bytes(), &[]);
    assert_eq!((seen.as_slice(), end), (["Model=1".to_owned()].as_slice(), End::Whole));
}

#[test]
fn ends_are_told() {
    for (document, end) in [
        ("", End::Empty),
        (" \n\u{feff}", End::Empty),
        ("{", End::Cut),
        (r#"{"a"#, End::Cut),
        (r#"{"a":"#, End::Cut),
        (r#"{"a":1"#, End::Cut),
        (r#"{"x":[[1]"#, End::Cut),
        ("12", End::Whole),
        ("12 ", End::Whole),
        (r#""x""#, End::Whole),
        ("<html>", End::Failed),
        (r#"{"a" 1}"#, End::Failed),
        (r#"{"a":1,}"#, End::Failed),
        (r#"{a:1}"#, End::Failed),
        (r#"{"a":1]"#, End::Failed),
        (r#"{"l":[1}"#, End::Failed),
        (r#"{"a":}"#, End::Failed),
    ] {
        assert_eq!(skim(document).1, end, "{document}");
    }
}

#[test]
fn what_follows_the_root_is_not_read() {
    let mut skimmer = Skimmer::new(&TREE);
    let mut seen = Seen::default();
    assert_eq!(skimmer.feed(br#" {"a":1}{"a":2}"#, &mut seen), 8);
    assert_eq!(seen.0, ["Model=1"]);
}

/// What the tree finds in a parsed document.
fn walk(want: &'static Want, value: &Value, seen: &mut Seen) {
    let empty = match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(array) => array.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    };
    if let Some(fact) = want.mark
        && !empty
    {
        seen.mark(fact);
    }
    let container = value.is_array() || value.is_object();
    if let Some(fact) = want.whole.or(want.scalar.filter(|_| !container)) {
        return seen.value(fact, value.to_string().as_bytes());
    }
    match value {
        Value::Object(object) => object.iter().for_each(|(k, v)| walk(want.field(k.as_bytes()), v, seen)),
        Value::Array(array) => array.iter().for_each(|v| walk(want.each.unwrap_or(&NOTHING), v, seen)),
        _ => {}
    }
}

fn json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f32>().prop_filter("JSON has no other", |f| f.is_finite()).prop_map(|f| Value::from(f64::from(f))),
        "[\"\\\\/a-c{}\\[\\]:, é\u{1}]{0,20}".prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 64, 6, |inner| {
        let key = prop_oneof!["[awolmex]", "[\"\\\\a]{1,3}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn agrees_with_a_parser_under_all_cuts(value in json(), cuts in prop::collection::vec(0usize..400, 0..12)) {
        let mut expected = Seen::default();
        walk(&TREE, &value, &mut expected);
        let text = value.to_string();
        let mut cuts = cuts;
        cuts.sort_unstable();
        let (seen, end) = skim_cut(text.as_bytes(), &cuts);
        prop_assert_eq!(seen, expected.0);
        prop_assert_eq!(end, End::Whole);
    }

    #[test]
    fn any_bytes_read_the_same_under_all_cuts(
        text in prop::collection::vec(prop::sample::select(br#"{}[]:,"\ awlomex0nt<"#.to_vec()), 0..80),
        cuts in prop::collection::vec(0usize..80, 0..10),
    ) {
        let mut cuts = cuts;
        cuts.sort_unstable();
        prop_assert_eq!(skim_cut(&text, &cuts), skim_cut(&text, &[]));
    }
}
