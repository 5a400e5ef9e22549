//! Bodies as streams of arbitrary cuts.
