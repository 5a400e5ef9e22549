//! A picture being drawn.

use std::fmt::Write as _;

pub(super) const BRIGHT: &str = "#ccccdc";
pub(super) const DIM: &str = "#8e8e99";
pub(super) const GRID: &str = "#26292f";
pub(super) const PANEL: &str = "#181b1f";

/// Grafana's classic palette.
pub(super) const PALETTE: [&str; 10] =
    ["#73BF69", "#F2CC0C", "#8AB8FF", "#FF780A", "#F2495C", "#5794F2", "#B877D9", "#705DA0", "#37872D", "#E0B400"];

pub(super) struct Svg {
    out: String,
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        let mut out = String::new();
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"Inter,Helvetica,Arial,sans-serif\">\n<rect width=\"{width}\" \
             height=\"{height}\" fill=\"#111217\"/>\n"
        );
        Self { out }
    }

    pub(super) fn rect(&mut self, (x, y, w, h): (f64, f64, f64, f64), fill: &str) {
        let _ = writeln!(
            self.out,
            "<rect x=\"{x:.0}\" y=\"{y:.0}\" width=\"{:.0}\" height=\"{:.0}\" fill=\"{fill}\" rx=\"2\"/>",
            w.max(0.0),
            h.max(0.0)
        );
    }

    pub(super) fn text(&mut self, (x, y): (f64, f64), size: f64, fill: &str, anchor: &str, text: &str) {
        let text = escaped(text);
        let _ = writeln!(
            self.out,
            "<text x=\"{x:.0}\" y=\"{y:.0}\" font-size=\"{size:.0}\" fill=\"{fill}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    /// A line through points; each run of `Some` by itself. Steps are written as differences: they are short.
    pub(super) fn line(&mut self, points: &[Option<(f64, f64)>], stroke: &str) {
        let mut path = String::new();
        let mut last: Option<(i64, i64)> = None;
        for point in points {
            last = match (last, point) {
                (_, None) => None,
                (None, Some((x, y))) => {
                    let (x, y) = (x.round() as i64, y.round() as i64);
                    let _ = write!(path, "M{x} {y}");
                    Some((x, y))
                }
                (Some((x, y)), Some((to_x, to_y))) => {
                    let (to_x, to_y) = (to_x.round() as i64, to_y.round() as i64);
                    let _ = write!(path, "l{} {}", to_x - x, to_y - y);
                    Some((to_x, to_y))
                }
            };
        }
        if !path.is_empty() {
            let _ = writeln!(self.out, "<path d=\"{path}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"1.5\"/>");
        }
    }

    /// A slice of a ring between two angles (radians, 0 upwards, clockwise).
    pub(super) fn ring(&mut self, (x, y): (f64, f64), (inner, outer): (f64, f64), (from, to): (f64, f64), fill: &str) {
        let to = to.min(from + std::f64::consts::TAU - 1e-3);
        let at = |radius: f64, angle: f64| (x + radius * angle.sin(), y - radius * angle.cos());
        let ((ax, ay), (bx, by)) = (at(outer, from), at(outer, to));
        let ((cx, cy), (dx, dy)) = (at(inner, to), at(inner, from));
        let large = u8::from(to - from > std::f64::consts::PI);
        let _ = writeln!(
            self.out,
            "<path d=\"M{ax:.1} {ay:.1}A{outer:.1} {outer:.1} 0 {large} 1 {bx:.1} {by:.1}L{cx:.1} {cy:.1}A{inner:.1} \
             {inner:.1} 0 {large} 0 {dx:.1} {dy:.1}Z\" fill=\"{fill}\"/>"
        );
    }

    pub(super) fn done(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }
}
