//! Whole configurations: what compiles, and every diagnostic of what does not.
