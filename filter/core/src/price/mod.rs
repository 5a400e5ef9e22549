//! Exact money: the price book, model match and integer arithmetic.
