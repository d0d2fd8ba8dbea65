//! Is this `application/health+json`, the IETF's draft? `status` pass, warn or fail (or their synonyms), `checks` a map of lists, in which
//! a part is called `name:measurement` and, where there are several, by its `componentId` behind that.

use super::json::Json;

pub(super) const CONTENT_TYPE: &str = "health+json";

pub(super) fn speaks(json: &Json) -> bool {
    let value = |name: &str| json.members().iter().find(|(member, _)| member == name).map(|(_, value)| value);
    let status = value("status").and_then(Json::text).unwrap_or_default();
    let checks = value("checks").map_or(&[][..], Json::members);
    let lists = !checks.is_empty() && checks.iter().all(|(_, part)| matches!(part, Json::List(_)));
    lists || matches!(status, "pass" | "warn" | "fail")
}
