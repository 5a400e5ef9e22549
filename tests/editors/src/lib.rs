//! Nothing: this package is its tests. They have a package of their own for the validator's sake, which has fifty dependencies that
//! nobody else has.
