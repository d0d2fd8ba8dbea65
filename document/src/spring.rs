//! Is this Spring Boot Actuator? `status` in capitals with `components` (since 2.2; `details` before), which may have components of their
//! own; or the list of `groups`. `OUT_OF_SERVICE` drains. `UNKNOWN` is a word that no list knows: Spring answers 200 with it.

use super::json::Json;

pub(super) const CONTENT_TYPE: &str = "vnd.spring-boot.actuator";

pub(super) fn speaks(json: &Json) -> bool {
    let member = |json: &'_ Json, name: &str| json.members().iter().position(|(member, _)| member == name);
    let value = |name: &str| member(json, name).and_then(|at| json.members().get(at)).map(|(_, value)| value);
    let Some(status) = value("status").and_then(Json::text) else { return false };
    if !matches!(status, "UP" | "DOWN" | "OUT_OF_SERVICE" | "UNKNOWN") {
        return false;
    }
    let is_part = |value: &Json| member(value, "status").is_some();
    let has_inner =
        |value: &Json| is_part(value) && (member(value, "details").is_some() || member(value, "components").is_some());
    let parts = |name: &str| value(name).map_or(&[][..], Json::members);
    matches!(status, "OUT_OF_SERVICE" | "UNKNOWN")
        || value("groups").is_some()
        || parts("components").iter().any(|(_, part)| has_inner(part))
        || parts("details").iter().any(|(_, part)| is_part(part))
}
