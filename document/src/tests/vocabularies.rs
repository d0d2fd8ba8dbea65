//! Documents of libraries and servers that no payload was captured of, as their sources and manuals show them.

use super::{plainly, shown};
use crate::read;
use pulsegate_core::plan::{DocumentPlan, Vocabulary};

fn understood(rows: &[(&str, &str)]) {
    let wrong: Vec<_> = rows
        .iter()
        .map(|(body, right)| (shown(&plainly(body)), *right, *body))
        .filter(|(found, right, _)| found != right)
        .map(|(found, right, body)| format!("{body}\n  is    {found}\n  not   {right}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn plain() {
    understood(&[
        (r#"{"status":"UP"}"#, "Plain +UP |"),
        (
            r#"{"status":"DEGRADED","components":{"db":{"status":"UP"},"mail":{"status":"DOWN","message":"no route"}}}"#,
            "Plain ~DEGRADED | +db -mail",
        ),
        (r#"{"status":"DOWN","components":[{"name":"db","status":"DOWN"}]}"#, "Plain -DOWN | -db"),
        (r#"{"status":"wobbly"}"#, "Plain ?wobbly |"),
        (r#"{"STATUS":"Out of Service"}"#, "Plain >Out of Service |"),
        (r#"{"healthy":true}"#, "Plain +healthy: true |"),
        (r#"{"ready":false,"live":true}"#, "Plain -ready: false |"),
        (r#"{"ok":1}"#, "Plain +ok: 1 |"),
        (r#"{"status":true}"#, "Plain +true |"),
        (r#"{"status":503}"#, "Plain -503 |"),
        (r#"{"status":"200"}"#, "Plain +200 |"),
        (r#"{"status":7}"#, "Plain ?7 |"),
        (r#""OK""#, "Plain +OK |"),
        ("true", "Plain +true |"),
        (r#"["OK"]"#, "Plain +OK |"),
        (r#"["CRIT",{"description":"db","result":"CRIT","details":"gone"}]"#, "Plain -CRIT | -0"),
        (r#"{"message":"pong"}"#, "Plain +pong |"),
        (r#"{"data":{"status":"UP","checks":{"db":"ok"}}}"#, "Plain +UP | +db"),
        // The request succeeded; what it says did not.
        (r#"{"status":"success","data":{"status":"DOWN"}}"#, "Plain -DOWN |"),
        (r#"{"error":"database is gone"}"#, "Plain -error |"),
        (r#"{"error":""}"#, "None |"),
        (r#"{"error":{"code":500,"message":"database is gone"}}"#, "Plain -error |"),
    ]);
}

#[test]
fn a_document_that_says_nothing_about_health_is_none() {
    understood(&[
        ("", "None |"),
        ("  \r\n", "None |"),
        ("{}", "None |"),
        ("[]", "None |"),
        ("null", "None |"),
        (r#"{"version":"1.2.3","uptime":37,"startedAt":"2026-11-25"}"#, "None |"),
        (r#"{"detail":"Not Found"}"#, "None |"),
        (r#"{"name":"orders","env":"prod","region":"eu-1","git":{"branch":"main","commit":{"id":"abc"}}}"#, "None |"),
        // A setting takes nobody out.
        (r#"{"status":"ok","debug":false,"features":{"beta":false}}"#, "Plain +ok |"),
        (r#"{"status":"ok","version":"1","env":"prod","log_level":"error"}"#, "Plain +ok |"),
        ("<!doctype html><html><body>OK</body></html>", "None |"),
        ("Welcome to this service. Its documentation is on the second page of the manual.", "None |"),
    ]);
}

#[test]
fn text() {
    understood(&[
        ("OK", "Plain +OK |"),
        ("ok\n", "Plain +ok |"),
        ("pong", "Plain +pong |"),
        ("imok", "Plain +imok |"),
        ("200", "Plain +200 |"),
        ("Healthy", "Aspnet +Healthy |"),
        ("Degraded", "Aspnet ~Degraded |"),
        ("Unhealthy\r\n", "Aspnet -Unhealthy |"),
        ("Prometheus Server is Healthy.\n", "Plain +Prometheus Server is Healthy. |"),
        ("Service Unavailable", "Plain -Service Unavailable |"),
        ("CRITICAL - disk 98% full", "Plain -CRITICAL |"),
        ("wobbly", "Plain ?wobbly |"),
        // okcomputer
        (
            "default: PASSED Application is running (0s)\ndatabase: FAILED Error: 'connection refused' (0s)",
            "Plain | +default -database",
        ),
        ("database: OK\nredis: down\n", "Plain | +database -redis"),
        ("OK\nredis: down\n", "Plain +OK | -redis"),
        // Kubernetes
        (
            "[+]ping ok\n[+]log ok\n[-]etcd failed: reason withheld\n[+]poststarthook/start-apiextensions-informers ok\nreadyz check failed\n",
            "Kubernetes -readyz check failed | +ping +log -etcd +poststarthook/start-apiextensions-informers",
        ),
        ("[+]ping ok\nhealthz check passed", "Kubernetes +healthz check passed | +ping"),
        ("[+]ping ok\n[-]etcd failed", "Kubernetes | +ping -etcd"),
    ]);
}

#[test]
fn spring() {
    understood(&[
        (r#"{"status":"UP","groups":["liveness","readiness"]}"#, "Spring +UP |"),
        (
            r#"{"status":"OUT_OF_SERVICE","components":{"readinessState":{"status":"OUT_OF_SERVICE"}}}"#,
            "Spring >OUT_OF_SERVICE | >readinessState",
        ),
        (r#"{"status":"UNKNOWN"}"#, "Spring ?UNKNOWN |"),
        (
            r#"{"status":"DOWN","components":{"broker":{"status":"UP","components":{"us1":{"status":"UP","details":{"version":"1.0.2"}},"us2":{"status":"DOWN"}}},
              "db":{"status":"UP","details":{"database":"PostgreSQL","validationQuery":"isValid()","result":"ok"}},
              "diskSpace":{"status":"UP","details":{"total":1,"free":1,"threshold":1,"path":"/","exists":true}},
              "cb":{"status":"UP","details":{"orders":{"status":"UP","details":{"failureRate":"-1.0%","state":"CLOSED"}}}}}}"#,
            "Spring -DOWN | +broker +broker/us1 -broker/us2 +db +diskSpace +cb +cb/orders",
        ),
        // Since 2.0 and before 2.2, and 1.x.
        (
            r#"{"status":"DOWN","details":{"db":{"status":"DOWN","details":{"error":"java.net.ConnectException: refused"}}}}"#,
            "Spring -DOWN | -db",
        ),
        (
            r#"{"status":"UP","diskSpace":{"status":"UP","total":1},"db":{"status":"UP","database":"H2","hello":1}}"#,
            "Plain +UP | +diskSpace +db",
        ),
        // Micronaut
        (
            r#"{"name":"app","status":"UP","details":{"diskSpace":{"name":"app","status":"UP","details":{"total":1}},"jdbc":{"name":"app","status":"DOWN"}}}"#,
            "Spring +UP | +diskSpace -jdbc",
        ),
    ]);
    let document = plainly(
        r#"{"status":"DOWN","components":{"db":{"status":"DOWN","details":{"error":"java.net.ConnectException: refused"}}}}"#,
    );
    assert_eq!(document.components[0].message.as_deref(), Some("java.net.ConnectException: refused"));
}

#[test]
fn microprofile() {
    understood(&[
        (r#"{"status":"UP","checks":[]}"#, "Microprofile +UP |"),
        (
            r#"{"status":"DOWN","checks":[{"name":"db","status":"DOWN","data":{"host":"a","tries":3}},{"name":"disk","status":"UP"}]}"#,
            "Microprofile -DOWN | -db +disk",
        ),
        (r#"{"outcome":"DOWN","checks":[{"name":"db","state":"DOWN"}]}"#, "Microprofile -DOWN | -db"),
        // Vert.x
        (r#"{"status":"UP","checks":[{"id":"db","status":"UP"}],"outcome":"UP"}"#, "Microprofile +UP | +db"),
    ]);
    let document =
        plainly(r#"{"status":"DOWN","checks":[{"name":"db","status":"DOWN","data":{"host":"a","tries":3}}]}"#);
    assert_eq!(document.components[0].message.as_deref(), Some("host: a, tries: 3"));
}

#[test]
fn aspnet() {
    understood(&[
        (
            r#"{"status":"Unhealthy","totalDuration":"00:00:00.01","entries":{"sql":{"data":{},"description":"no login","duration":"00:00:00.01","exception":"no login","status":"Unhealthy","tags":["db"]},"redis":{"status":"Degraded","data":{}}}}"#,
            "Aspnet -Unhealthy | -sql ~redis",
        ),
        (
            r#"{"status":"Healthy","results":{"db":{"status":"Healthy","description":null,"data":{}}}}"#,
            "Aspnet +Healthy | +db",
        ),
        (
            r#"{"status":2,"totalDuration":"0","entries":{"a":{"status":0},"b":{"status":1},"c":{"status":2}}}"#,
            "Aspnet +Healthy | -a ~b +c",
        ),
        // App.Metrics
        (
            r#"{"status":"Unhealthy","healthy":{"a":"OK. fine"},"unhealthy":{"b":"FAILED. gone"},"degraded":{"c":"slow"}}"#,
            "Aspnet -Unhealthy | +a -b ~c",
        ),
    ]);
}

#[test]
fn ietf() {
    understood(&[
        (r#"{"status":"pass"}"#, "Ietf +pass |"),
        (r#"{"status":"warn","version":"1","notes":["x"],"output":"slow"}"#, "Ietf ~warn |"),
        (
            r#"{"status":"fail","checks":{
                "cassandra:responseTimes":[{"componentId":"dfd6","componentType":"datastore","observedValue":250,"status":"pass","affectedEndpoints":["/users"]}],
                "cassandra:connections":[{"status":"warn"}],"uptime":[{"componentType":"system","observedValue":12,"status":"pass"}],
                "cpu:utilization":[{"componentId":"a","node":1,"status":"warn","output":""},{"componentId":"b","node":2,"status":"fail","output":"hot"}]}}"#,
            "Ietf -fail | +cassandra:responseTimes ~cassandra:connections +uptime ~cpu:utilization/a -cpu:utilization/b",
        ),
    ]);
    let document = read(br#"{"status":"up"}"#, Some("application/health+json"), &DocumentPlan::default());
    assert_eq!(shown(&document), "Ietf +up |");
}

/// Wild forms: what is said, and what must be understood.
#[rustfmt::skip]
const WILD: &[(&str, &str)] = &[
        // py-healthcheck
        (
            r#"{"hostname":"a","status":"failure","timestamp":1.5,"results":[{"checker":"redis_available","output":"gone","passed":false,"timestamp":1,"expires":2,"response_time":0.1}]}"#,
            "Plain -failure | -redis_available",
        ),
        // heptio/healthcheck
        (
            r#"{"database":"OK","upstream-dep-dns":"lookup a.test: no such host"}"#,
            "Plain | +database ?upstream-dep-dns",
        ),
        // hellofresh/health-go
        (
            r#"{"status":"Service Unavailable","timestamp":"2026","failures":{"mongodb":"context deadline exceeded"},"system":{"version":"go1.24","goroutines_count":4},"component":{"name":"a","version":"v1"}}"#,
            "Plain -Service Unavailable | -mongodb",
        ),
        (
            r#"{"status":"Partially Available","failures":{"rabbitmq":"Failed during rabbitmq health check"}}"#,
            "Plain ~Partially Available | -rabbitmq",
        ),
        // alexliesenfeld/health
        (
            r#"{"status":"down","details":{"database":{"status":"down","timestamp":"2026","error":"refused"},"search":{"status":"up"}}}"#,
            "Plain -down | -database +search",
        ),
        // @nestjs/terminus
        (
            r#"{"status":"error","info":{"db":{"status":"up"}},"error":{"redis":{"status":"down","message":"refused"}},"details":{"db":{"status":"up"},"redis":{"status":"down","message":"refused"}}}"#,
            "Plain -error | +db -redis",
        ),
        // health-monitor-rails
        (
            r#"{"results":[{"name":"Database","message":"","status":"OK"},{"name":"Redis","message":"gone","status":"ERROR"}],"status":"service_unavailable","timestamp":"2026"}"#,
            "Plain -service_unavailable | +Database -Redis",
        ),
        // okcomputer
        (
            r#"{"default":{"message":"Application is running","success":true,"time":0.1},"database":{"message":"Failed","success":false}}"#,
            "Plain | +default -database",
        ),
        // spatie/laravel-health
        (
            r#"{"finishedAt":1,"checkResults":[{"name":"UsedDiskSpace","label":"Disk","notificationMessage":"almost full (91%)","shortSummary":"91%","status":"warning","meta":{"p":91}},{"name":"Cron","status":"crashed"}]}"#,
            "Plain | ~UsedDiskSpace -Cron",
        ),
        // Liip monitor
        (
            r#"{"checks":[{"checkName":"Redis","message":"gone","status":1,"status_name":"check_result_critical","service_id":"r"},{"checkName":"Disk","message":"","status":0,"status_name":"check_result_ok"}],"globalStatus":"KO"}"#,
            "Plain -KO | -Redis +Disk",
        ),
        // PlugCheckup
        (
            r#"[{"error":null,"healthy":true,"name":"Cache","time":1},{"error":"gone","healthy":false,"name":"Repo","time":1}]"#,
            "Plain | +Cache -Repo",
        ),
        // Dropwizard
        (
            r#"{"deadlocks":{"healthy":true,"duration":0,"timestamp":"2026"},"db":{"healthy":false,"message":"gone","error":{"message":"gone","stack":["at a"]}}}"#,
            "Plain | +deadlocks -db",
        ),
        // Consul
        (
            r#"[{"Node":"n","CheckID":"serfHealth","Name":"Serf Health Status","Status":"passing","Output":"Agent alive"},{"Node":"n","CheckID":"service:web","Name":"web","Status":"critical"}]"#,
            "Plain | +Serf Health Status -web",
        ),
        // Elasticsearch
        (
            r#"{"cluster_name":"c","status":"yellow","timed_out":false,"number_of_nodes":1,"active_shards_percent_as_number":50.0}"#,
            "Plain ~yellow |",
        ),
        // etcd, Grafana, CouchDB, Kong, Nomad, InfluxDB
        (r#"{"health":"true","reason":""}"#, "Plain +true |"),
        (r#"{"database":"ok","version":"11","commit":"abc"}"#, "Plain | +database"),
        (r#"{"status":"ok","seeds":{}}"#, "Plain +ok |"),
        (r#"{"database":{"reachable":true},"server":{"connections_active":1}}"#, "Plain | +database"),
        (
            r#"{"client":{"message":"ok","ok":true},"server":{"message":"no leader","ok":false}}"#,
            "Plain | +client -server",
        ),
        (
            r#"{"name":"influxdb","message":"ready for queries and writes","status":"pass","checks":[],"version":"2"}"#,
            "Microprofile +pass |",
        ),
        // GitLab, Sentry, Kafka Connect
        (
            r#"{"status":"failed","master_check":[{"status":"failed","message":"unexpected"}],"db_check":[{"status":"ok"}]}"#,
            "Plain -failed | -master_check +db_check",
        ),
        (
            r#"{"problems":[],"healthy":{"WarningStatusCheck":true,"CeleryAliveCheck":false}}"#,
            "Plain | +WarningStatusCheck -CeleryAliveCheck",
        ),
        (
            r#"{"name":"s","connector":{"state":"RUNNING","worker_id":"w:1"},"tasks":[{"state":"FAILED","id":0,"trace":"x"}],"type":"sink"}"#,
            "Plain | +connector -tasks",
        ),
        // django-watchman, django-health-check 3
        (
            r#"{"databases":[{"default":{"ok":true}}],"caches":[{"default":{"ok":false,"error":"gone","stacktrace":"x"}}],"storage":{"ok":true}}"#,
            "Plain | +databases/default -caches/default +storage",
        ),
        (
            r#"{"DatabaseBackend":"working","Cache backend: default":"unavailable: unknown error"}"#,
            "Plain | +DatabaseBackend -Cache backend: default",
        ),
        // InVisionApp/go-health, dimiro1/health, cohort
        (
            r#"{"status":"failed","details":{"bad-check":{"name":"bad-check","status":"failed","err":"x","check_time":"2026"}}}"#,
            "Plain -failed | -bad-check",
        ),
        (
            r#"{"status":"UP","db":{"status":"UP","version":"1"},"mail":{"status":"DOWN","code":1}}"#,
            "Plain +UP | +db -mail",
        ),
        (r#"[{"name":"pool","status":"Unhealthy","consecutiveFailures":3,"message":"full"}]"#, "Plain | -pool"),
        // flat maps of booleans, and of what is below a name for parts
        (r#"{"redis":true,"postgres":false}"#, "Plain | +redis -postgres"),
        (
            r#"{"status":"ok","services":{"redis":true,"search":false,"mail":"wobbly"}}"#,
            "Plain +ok | +redis -search ?mail",
        ),
        (r#"{"status":"ok","redis":"up","postgres":"wobbly"}"#, "Plain +ok | +redis ?postgres"),
        // statuspage
        (
            r#"{"page":{"id":"x"},"status":{"indicator":"none","description":"All Systems Operational"}}"#,
            "Plain +All Systems Operational |",
        ),
    ];

#[test]
fn libraries_of_every_kind() {
    understood(WILD);
}

#[test]
fn a_pinned_vocabulary_is_kept_to() {
    let pinned = |vocabulary, body: &str, content_type| {
        let rules = DocumentPlan { vocabulary: Some(vocabulary), ..DocumentPlan::default() };
        let document = read(body.as_bytes(), content_type, &rules);
        (shown(&document), document.malformed)
    };
    assert_eq!(pinned(Vocabulary::Spring, r#"{"status":"UP"}"#, None), ("Spring +UP |".to_owned(), None));
    assert_eq!(pinned(Vocabulary::Kubernetes, "ok", None), ("Kubernetes +ok |".to_owned(), None));
    assert_eq!(pinned(Vocabulary::None, r#"{"status":"DOWN"}"#, None), ("None |".to_owned(), None));
    for (body, content_type) in [("", None), ("{}", None), ("<html></html>", Some("text/html"))] {
        let (shown, malformed) = pinned(Vocabulary::Spring, body, content_type);
        assert_eq!(shown, "None |");
        assert_eq!(
            malformed.as_deref(),
            Some("nothing in the body speaks as Spring Boot Actuator, which the configuration expects")
        );
    }
}
