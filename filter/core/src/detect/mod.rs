//! Which provider and API an exchange belongs to.
