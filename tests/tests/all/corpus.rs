//! What the corpus says.
