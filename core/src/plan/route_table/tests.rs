//! Which route a request takes, beside a look at every route.

use super::*;

fn host(text: &str) -> HostMatch {
    match text {
        "*" => HostMatch::Any,
        _ if text.starts_with('.') => HostMatch::Suffix(text.to_owned()),
        _ => HostMatch::Exact(text.to_owned()),
    }
}

/// "host path", where a path that ends in "=" is exact.
fn route(text: &str) -> RouteMatch {
    let (host_text, path) = text.split_once(' ').unwrap();
    let path = match path.strip_suffix('=') {
        Some(exact) => PathMatch::Exact(exact.to_owned()),
        None => PathMatch::Prefix(path.to_owned()),
    };
    RouteMatch { host: host(host_text), path, ..RouteMatch::default() }
}

fn table(routes: &[RouteMatch]) -> RouteTable {
    let mut table = RouteTable::default();
    routes.iter().enumerate().for_each(|(index, route)| table.written.insert(index, route));
    table
}

fn lines(value: Option<&str>) -> Lines<'_> {
    Lines::of(value.into_iter().map(str::as_bytes))
}

fn find(table: &RouteTable, host: &str, path: &str) -> Option<usize> {
    table.find(&Question { host, path, method: "GET", header: &|_| Lines::None })
}

#[test]
fn the_most_specific_host_and_path_win() {
    let routes = [
        "* /",
        "* /a",
        "a.example.com /",
        "a.example.com /x",
        ".example.com /",
        ".a.example.com /",
        "* /a/b=",
        "* /a/b",
    ];
    let table = table(&routes.map(route));
    for (host, path, expected) in [
        ("other", "/", 0),
        ("other", "/ab", 0),
        ("other", "/a", 1),
        ("other", "/a/", 1),
        ("other", "/a/c/d", 1),
        ("other", "/a/b", 6),
        ("other", "/a/b/", 7),
        ("other", "/a/b/c", 7),
        ("a.example.com", "/", 2),
        ("a.example.com", "/x/1", 3),
        ("b.example.com", "/x", 4),
        ("b.a.example.com", "/x", 5),
        ("example.com", "/", 0),
    ] {
        assert_eq!(find(&table, host, path), Some(expected), "{host}{path}");
    }
}

#[test]
fn a_host_without_a_fitting_path_falls_back_to_the_wider_hosts() {
    let table = table(&["a.example.com /only", "* /"].map(route));
    assert_eq!(find(&table, "a.example.com", "/other"), Some(1));
}

#[test]
fn more_conditions_are_tried_first() {
    let mut with_method = route("* /");
    with_method.methods = vec!["POST".to_owned()];
    let mut with_header = route("* /");
    with_header.headers = vec![("x-env".to_owned(), HeaderCondition::Equals("beta".to_owned()))];
    let table = table(&[route("* /"), with_method, with_header]);
    let ask = |method, env: Option<&'static str>| {
        table.find(&Question {
            host: "h",
            path: "/",
            method,
            header: &move |name| lines(env.filter(|_| name == "x-env")),
        })
    };
    assert_eq!(ask("GET", None), Some(0));
    assert_eq!(ask("POST", None), Some(1));
    assert_eq!(ask("POST", Some("beta")), Some(2));
    assert_eq!(ask("GET", Some("alpha")), Some(0));
}

#[test]
fn nothing_matches_an_empty_table() {
    assert_eq!(find(&RouteTable::default(), "h", "/"), None);
}

#[test]
fn segments_and_labels_beyond_every_route_are_not_looked_up() {
    let (host, path) = ("x.".repeat(10_000) + "example.com", "/b/c".to_owned() + &"/d".repeat(10_000));
    let table = table(&["* /a", ".example.com /b/c"].map(route));
    assert_eq!(find(&table, &host, &path), Some(1));
    assert_eq!(suffixes(&host, ".example.com".len()).collect::<Vec<_>>(), [".example.com", ".com"]);
    assert_eq!(prefixes(&path, "/b/c".len()).collect::<Vec<_>>(), ["/b/c", "/b", "/"]);
}

/// The documented order, told by looking at every route.
fn most_specific(routes: &[RouteMatch], question: &Question<'_>) -> Option<usize> {
    let host_rank = |route: &RouteMatch| match &route.host {
        HostMatch::Exact(host) => (host == question.host).then_some((2, 0)),
        HostMatch::Suffix(suffix) => (question.host.ends_with(suffix.as_str()) && question.host.len() > suffix.len())
            .then_some((1, suffix.len())),
        HostMatch::Any => Some((0, 0)),
    };
    let path_rank = |route: &RouteMatch| match &route.path {
        PathMatch::Exact(path) => (path == question.path).then_some((1, 0)),
        PathMatch::Prefix(prefix) => {
            let rest = if prefix == "/" { Some("/") } else { question.path.strip_prefix(prefix.as_str()) };
            rest.filter(|rest| rest.is_empty() || rest.starts_with('/')).map(|_| (0, prefix.len()))
        }
    };
    let ranked = routes.iter().enumerate().filter(|(_, route)| conditions_hold(route, question));
    ranked
        .filter_map(|(at, route)| {
            let place = (host_rank(route)?, path_rank(route)?);
            Some((place, conditions_of(route), std::cmp::Reverse(at)))
        })
        .max()
        .map(|(_, _, std::cmp::Reverse(at))| at)
}

#[test]
fn the_table_answers_as_a_look_at_every_route_would() {
    let mut rng = crate::base::rng::Rng::new(7);
    let hosts = ["*", "a.example.com", "b.a.example.com", ".example.com", ".a.example.com", "example.com"];
    let paths = ["/", "/a", "/a=", "/a/b", "/a/b=", "/a/bc", "/a//b", "/a/b/c/d"];
    let asked = ["/", "/a", "/a/", "/a/b", "/a/b/", "/a/bc", "/a//b", "/a/b/c", "/a/b/c/d/e", "/x", "//", "/a//"];
    let mut draw = |from: &[&'static str]| from[rng.below(from.len() as u32) as usize];
    for _ in 0..300 {
        let routes: Vec<RouteMatch> = (0..12)
            .map(|_| {
                let mut route = route(&format!("{} {}", draw(&hosts), draw(&paths)));
                route.methods = [draw(&["", "", "GET", "POST"])].map(str::to_owned).into();
                route.methods.retain(|method| !method.is_empty());
                if draw(&["", "x-env"]) == "x-env" {
                    route.headers = vec![("x-env".to_owned(), HeaderCondition::Present)];
                }
                route
            })
            .collect();
        let table = table(&routes);
        for host in ["example.com", "a.example.com", "b.a.example.com", "c.b.a.example.com", "other"] {
            for path in asked {
                let env = draw(&["", "beta"]);
                let header = |name: &str| lines(Some(env).filter(|env| name == "x-env" && !env.is_empty()));
                let question = Question { host, path, method: draw(&["GET", "PUT"]), header: &header };
                assert_eq!(table.find(&question), most_specific(&routes, &question), "{question:?} among {routes:#?}");
            }
        }
    }
}

#[test]
fn conflicts_are_pairs_that_cannot_be_told_apart() {
    let mut get = route("* /a");
    get.methods = vec!["GET".to_owned()];
    let mut post = route("* /a");
    post.methods = vec!["POST".to_owned()];
    let all = [route("* /a"), route("* /b"), route("* /a"), get.clone(), post, get];
    assert_eq!(conflicts(&all.iter().collect::<Vec<_>>()), [(0, 2), (3, 5)]);
}

#[test]
fn conditions_look_at_every_line_and_at_bytes() {
    let condition = |condition| vec![("x-env".to_owned(), condition)];
    let equal = RouteMatch { headers: condition(HeaderCondition::Equals("beta".to_owned())), ..RouteMatch::default() };
    let present = RouteMatch { headers: condition(HeaderCondition::Present), ..RouteMatch::default() };
    for (sent, is_equal, is_present) in [
        (&[][..], false, false),
        (&[&b"beta"[..]][..], true, true),
        (&[b"beta", b"beta"], false, true),
        (&[b"\xe9"], false, true),
        (&[b"beta\xe9"], false, true),
    ] {
        let header = |_: &str| Lines::of(sent.iter().copied());
        let question = Question { host: "h", path: "/", method: "GET", header: &header };
        assert_eq!(conditions_hold(&equal, &question), is_equal, "{sent:?}");
        assert_eq!(conditions_hold(&present, &question), is_present, "{sent:?}");
    }
}
