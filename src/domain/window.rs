//! (health helper)
