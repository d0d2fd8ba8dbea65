//! Is this MicroProfile Health? `status` (once `outcome`) and `checks`, a list of parts with a name, a status (once `state`) and data.
//! Quarkus, Open Liberty, Payara, Keycloak, Vert.x and @cloudnative/health speak it.

use super::json::Json;
use super::names::is_status;

pub(super) fn speaks(json: &Json) -> bool {
    let has = |json: &Json, names: &[&str]| json.members().iter().any(|(name, _)| names.contains(&name.as_str()));
    let checks = json.members().iter().find(|(name, value)| name == "checks" && matches!(value, Json::List(_)));
    let Some((_, checks)) = checks else { return false };
    let is_check = |check: &Json| has(check, &["name", "id"]) && has(check, &["status", "state"]);
    json.members().iter().any(|(name, value)| is_status(name) && value.text().is_some())
        && checks.items().iter().all(is_check)
}
