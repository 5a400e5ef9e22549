//! Path templates: `/api/prompt-templates/{id}/run`, and `/files/{path:path}` for whatever follows.

use std::cmp::Ordering;

/// Longest template, bytes: it is a label value.
pub const MAX_TEMPLATE_BYTES: usize = 128;

/// A path template. Segments compare as text, without decoding; a slash at the end does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    segments: Vec<Segment>,
}

/// What may stand in one place of a path. In order of precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Literal(Box<str>),
    /// `{name}`: one segment.
    One,
    /// `{name:path}`: all that follows, at least one segment.
    Rest,
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.strip_suffix('/').unwrap_or(path).split('/')
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// What is allowed.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const ALLOWED: &str =
            "a path such as /api/{id}/run, up to 128 bytes; {name:path} at its end stands for the rest";
        if !text.starts_with('/') || text.len() > MAX_TEMPLATE_BYTES || text.contains(['?', '#', ' ']) {
            return Err(ALLOWED);
        }
        let mut read = Vec::new();
        for segment in segments(text) {
            let named = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let next = match named {
                Some(name) if name.ends_with(":path") => Segment::Rest,
                Some(name) if !name.is_empty() && !name.contains(['{', '}', ':']) => Segment::One,
                None if !segment.contains(['{', '}']) => Segment::Literal(segment.into()),
                _ => return Err(ALLOWED),
            };
            if read.last() == Some(&Segment::Rest) {
                return Err(ALLOWED);
            }
            read.push(next);
        }
        Ok(Self { segments: read })
    }

    /// Whether the path of a request (without its query) fits.
    pub fn fits(&self, path: &str) -> bool {
        let mut rest = segments(path);
        for segment in &self.segments {
            match (segment, rest.next()) {
                (Segment::Literal(text), Some(seen)) if **text == *seen => {}
                (Segment::One, Some(seen)) if !seen.is_empty() => {}
                (Segment::Rest, Some(seen)) if !seen.is_empty() => return true,
                _ => return false,
            }
        }
        rest.next().is_none()
    }

    /// The order in which templates are tried: the more special first.
    pub fn precedence(&self, other: &Self) -> Ordering {
        self.segments.cmp(&other.segments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        Template::parse(text).expect(text)
    }

    #[test]
    fn segments_fit_one_by_one() {
        let run = template("/api/prompt-templates/{template_id}/run");
        assert!(run.fits("/api/prompt-templates/42/run") && run.fits("/api/prompt-templates/42/run/"));
        for path in ["/api/prompt-templates//run", "/api/prompt-templates/42", "/api/prompt-templates/4/2/run", "/", ""]
        {
            assert!(!run.fits(path), "{path}");
        }
        let rest = template("/files/{name:path}");
        assert!(rest.fits("/files/a") && rest.fits("/files/a/b") && !rest.fits("/files") && !rest.fits("/files/"));
        assert!(template("/").fits("/") && !template("/").fits("/a"));
    }

    #[test]
    fn the_more_special_comes_first() {
        let mut all = ["/a/{x:path}", "/a/{x}", "/a/b", "/a/{x}/c"].map(template);
        all.sort_by(Template::precedence);
        let first = |path: &str| all.iter().position(|t| t.fits(path));
        assert_eq!(["/a/b", "/a/z", "/a/z/c", "/a/z/d"].map(first), [Some(0), Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["", "a/b", "/a/{}", "/a/{x", "/a/b{x}", "/{x:path}/b", "/a?b", "/a b"] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
