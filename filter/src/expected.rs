//! What exchanges were expected to count under already: finding that out costs as much as a tenth of an exchange.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::SeedableRandomState;
use genops_core::Exchange;
use genops_core::record::Dimensions;

/// How many kinds of exchanges are remembered: more than most gateways see, in 8 kB. One that lost its place to another is
/// found out anew.
const PLACES: usize = 1024;

/// Hashes of exchanges, each at the place that it says itself; 0 where there was none. Two exchanges of one hash would cost no
/// count, only the 0 before it.
#[derive(Debug)]
pub(crate) struct Expected {
    places: RefCell<Vec<u64>>,
    hashes: SeedableRandomState,
}

impl Default for Expected {
    fn default() -> Self {
        Self::hashed(SeedableRandomState::random())
    }
}

impl Expected {
    fn hashed(hashes: SeedableRandomState) -> Self {
        Self { places: RefCell::new(vec![0; PLACES]), hashes }
    }

    /// What an exchange will most likely count under; `None` where nothing is expected, or its like was before.
    pub(crate) fn new_of(&self, exchange: &Exchange) -> Option<Dimensions> {
        let mut state = self.hashes.build_hasher();
        exchange.hash_expected(&mut state);
        let like = state.finish();
        // Below 1024 on any target.
        let place = (like % PLACES as u64) as usize;
        if self.places.borrow().get(place) == Some(&like) {
            return None;
        }
        let dimensions = exchange.expected_dimensions()?;
        if let Some(known) = self.places.borrow_mut().get_mut(place) {
            *known = like;
        }
        Some(dimensions)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use genops_core::{Config, Head};

    use super::*;

    const CONFIG: &[u8] = br#"{
        "labels": {"team": [{"header": "x-team"}]},
        "authorities": {
            "a.internal": {"provider": "openai", "models": {"prod": "gpt-4o"}},
            "b.internal": {"provider": "openai", "models": {"prod": "gpt-4o-mini"}}
        }
    }"#;

    fn exchange(config: &Rc<Config>, authority: &str, team: &str, model: &str) -> Exchange {
        let head =
            [(":method", "POST"), (":authority", authority), (":path", "/v1/chat/completions"), ("x-team", team)];
        let mut exchange = Exchange::new(Rc::clone(config), &Head::from_iter(head), 1);
        exchange.request_body(format!(r#"{{"model":"{model}"}}"#).as_bytes());
        exchange
    }

    #[test]
    fn each_kind_is_expected_once() {
        let config = Rc::new(Config::parse(CONFIG).expect("a configuration"));
        // By hashes that are the same each time: of random ones, some give two of these exchanges one place.
        let expected = Expected::hashed(SeedableRandomState::fixed());
        let asks = |authority: &str, team: &str, model: &str| {
            expected
                .new_of(&exchange(&config, authority, team, model))
                .map(|found| (found.model, found.attribution.team))
        };
        let is = |model: &str, team: &str| Some((Some(model.to_owned()), Some(team.to_owned())));
        assert_eq!(asks("a.internal", "x", "prod"), is("gpt-4o", "x"));
        assert_eq!(asks("a.internal", "x", "prod"), None);
        // Another spender, another model, and the same name where it means another model.
        assert_eq!(asks("a.internal", "y", "prod"), is("gpt-4o", "y"));
        assert_eq!(asks("a.internal", "x", "gpt-4o-mini"), is("gpt-4o-mini", "x"));
        assert_eq!(asks("b.internal", "x", "prod"), is("gpt-4o-mini", "x"));
        // A model that the book does not know is never expected.
        assert_eq!(asks("a.internal", "x", "nobody-knows"), None);
        assert_eq!(asks("a.internal", "x", "prod"), None);
    }
}
