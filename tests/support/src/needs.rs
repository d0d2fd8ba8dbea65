//! Where are the tools that `make test-needs` brought? A test that needs one fails with that sentence when it is not there.

use std::path::Path;

/// The value of `name` in `.tools/env`.
pub fn tool(name: &str) -> String {
    let env = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/env");
    let text = std::fs::read_to_string(&env).unwrap_or_default();
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
    found.unwrap_or_else(|| panic!("{name} is not in {}: run `make test-needs`", env.display()))
}
