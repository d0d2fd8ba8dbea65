//! Is the dashboard one that Grafana reads, and one that people can?

use super::dashboard::{self, panels, queries, shown, text};
use super::expressions::unknown_names;
use super::{read, run};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use support::needs::tool;

#[test]
fn grafanas_own_types_read_all_of_it() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/observability/grafana.py");
    let mut command = Command::new(tool("PYTHON"));
    command.arg(script).env("PYTHONPATH", tool("PYTHONPATH")).env("PYTHONDONTWRITEBYTECODE", "1");
    run(command, &read(dashboard::FILE)).unwrap();
}

#[test]
fn every_panel_says_what_it_is() {
    let dashboard = dashboard::load();
    let mut titles = BTreeSet::new();
    for panel in panels(&dashboard) {
        let title = text(panel, "title");
        assert!(titles.insert(title), "two panels are called {title:?}");
        let description = text(panel, "description");
        assert!(description.len() > 20 && description.ends_with(['.', '`']), "{title}: {description:?}");
        assert!(!text(&panel["fieldConfig"]["defaults"], "unit").is_empty(), "{title} has no unit");
    }
    for query in queries(&dashboard) {
        assert!(!query.legend.is_empty(), "{}: its lines have no name", query.place);
    }
}

#[test]
fn no_two_panels_have_an_id_or_a_place_in_common() {
    let dashboard = dashboard::load();
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        let title = text(panel, "title");
        assert!(ids.insert(panel["id"].as_u64()), "{title}: its id is another's");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().expect("a place"));
        assert!(x + w <= 24, "{title} is wider than the dashboard");
        for cell in (y..y + h).flat_map(|row| (x..x + w).map(move |column| (row, column))) {
            assert!(taken.insert(cell), "{title} lies over another panel");
        }
    }
}

#[test]
fn every_query_names_what_exists() {
    for query in queries(&dashboard::load()) {
        assert_eq!(unknown_names(&query.expr), [""; 0], "{}: {}", query.place, query.expr);
        for label in shown(&query.legend) {
            assert!(query.expr.contains(label) || label == "instance", "{}: {label} is in no line", query.place);
        }
    }
}

/// Whoever has two Prometheus servers, or two jobs, chooses on the dashboard and finds the choice in every query.
#[test]
fn every_query_obeys_the_variables() {
    let dashboard = dashboard::load();
    for panel in panels(&dashboard) {
        let sources: Vec<&Value> =
            panel["targets"].as_array().unwrap().iter().map(|target| &target["datasource"]).collect();
        for source in sources.into_iter().chain([&panel["datasource"]]) {
            assert_eq!(source["uid"], "${datasource}", "{}", text(panel, "title"));
        }
    }
    // ALERTS has the labels of whatever alerts.
    for query in queries(&dashboard).iter().filter(|query| !query.expr.contains("ALERTS")) {
        let selectors = query.expr.matches('{').count();
        for chosen in [r#"job=~"$job""#, r#"instance=~"$instance""#] {
            assert_eq!(query.expr.matches(chosen).count(), selectors, "{}: {}", query.place, query.expr);
        }
    }
}
