//! What stands in a line?

use super::*;

#[test]
fn a_text_line_has_every_field_that_has_a_value() {
    assert_eq!(
        written(AccessForm::Text, &record(&address())),
        "time=1970-01-01T00:00:00.000Z client=10.0.0.7 method=GET host=api.example.com path=/orders/7 protocol=HTTP/1.1 \
         status=200 route=orders upstream=orders backend=127.0.0.1:9001 attempts=1 took_ms=12.345 head_ms=10 upstream_ms=9 \
         bytes_in=0 bytes_out=512 listener=public request_id=r-1\n"
    );
}

#[test]
fn a_json_line_has_the_same_fields() {
    let expected = serde_json::json!({
        "time": "1970-01-01T00:00:00.000Z", "client": "10.0.0.7", "method": "GET", "host": "api.example.com",
        "path": "/orders/7", "protocol": "HTTP/1.1", "status": 200, "route": "orders", "upstream": "orders",
        "backend": "127.0.0.1:9001", "attempts": 1, "took_ms": 12.345, "head_ms": 10, "upstream_ms": 9, "bytes_in": 0,
        "bytes_out": 512, "listener": "public", "request_id": "r-1",
    });
    assert_eq!(json(&AccessPlan::plain(AccessForm::Json), &record(&address())), expected);
}

#[test]
fn every_attempt_has_its_cause_and_its_time() {
    let mut tries = Tries::default();
    let backend = |port: u16| Address::Socket(([127, 0, 0, 1], port).into());
    let began = Timestamp::ZERO;
    for (port, end, millis) in
        [(9002, AttemptEnd::ConnectFailed { timed_out: false }, 1), (9001, AttemptEnd::Response { status: 200 }, 9)]
    {
        let took = Duration::from_millis(millis);
        tries.push(Try { backend: backend(port), end, began, took, span: 0, url: None });
    }
    let address = address();
    let queued = Duration::from_millis(3);
    let record = RequestRecord { attempts: 2, tries: &tries, queued, trace_id: Some(0xabc), ..record(&address) };
    let line = written(AccessForm::Text, &record);
    let told = " attempts=2 tries=127.0.0.1:9002/connect_failed/1,127.0.0.1:9001/response:200/9 took_ms=12.345 head_ms=10 queue_ms=3 ";
    assert!(line.contains(told), "{line}");
    assert!(line.contains(" trace_id=00000000000000000000000000000abc\n"), "{line}");
    let json = json(&AccessPlan::plain(AccessForm::Json), &record);
    let expected = serde_json::json!([
        { "backend": "127.0.0.1:9002", "end": "connect_failed", "took_ms": 1 },
        { "backend": "127.0.0.1:9001", "end": "response", "status": 200, "took_ms": 9 },
    ]);
    assert_eq!(json["tries"], expected);
    assert_eq!(json["queue_ms"], 3);
}

/// What a browser sends, with secrets.
fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("user-agent", "curl \"8\""),
        ("referer", "https://a.test/x?token=t0p&b=1"),
        ("authorization", "Bearer t0p"),
        ("cookie", "session=t0p"),
        ("x-tag", "one"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.append("x-tag", HeaderValue::from_static("two"));
    headers
}

#[test]
fn the_common_formats_are_those_that_everybody_reads() {
    let (address, headers) = (address(), headers());
    let record = RequestRecord { headers: Some(&headers), query: "?password=t0p", ..record(&address) };
    let common = r#"10.0.0.7 - - [01/Jan/1970:00:00:00 +0000] "GET /orders/7 HTTP/1.1" 200 512"#;
    assert_eq!(written(AccessForm::Common, &record), format!("{common}\n"));
    assert_eq!(
        written(AccessForm::Combined, &record),
        format!("{common} \"https://a.test/x?token=REDACTED&b=1\" \"curl \\\"8\\\"\"\n")
    );
    let with_query = AccessPlan { query: true, ..AccessPlan::plain(AccessForm::Common) };
    let line = line_of(&with_query, &record);
    assert!(line.contains(r#""GET /orders/7?password=REDACTED HTTP/1.1""#), "{line}");
    let nobody = RequestRecord { headers: None, ..record };
    assert!(written(AccessForm::Combined, &nobody).ends_with("512 \"-\" \"-\"\n"));
}

#[test]
fn a_template_is_filled_and_what_is_absent_is_a_dash() {
    let template =
        "{client} {method} {path}{query} {status} {upstream} {backend} {attempts} {tries} {header:x-tag} {reason}";
    let template = Template::parse(template).unwrap();
    let (address, headers) = (address(), headers());
    let record = RequestRecord { headers: Some(&headers), query: "?a=1&token=t0p", ..record(&address) };
    assert_eq!(
        written(AccessForm::Template(template), &record),
        "10.0.0.7 GET /orders/7?a=1&token=REDACTED 200 orders 127.0.0.1:9001 1  one, two -\n"
    );
}

#[test]
fn secrets_are_written_nowhere() {
    let (address, headers) = (address(), headers());
    let query = "?api_key=t0p&a=1&code=t0p";
    let record = RequestRecord { headers: Some(&headers), query, ..record(&address) };
    let names = ["authorization", "cookie", "user-agent", "x-tag", "x-none"].map(str::to_owned).to_vec();
    for form in [AccessForm::Text, AccessForm::Json] {
        let plan = AccessPlan { query: true, headers: names.clone(), ..AccessPlan::plain(form) };
        let line = line_of(&plan, &record);
        assert!(!line.contains("t0p"), "{line}");
        assert!(line.contains("a=1") && line.contains("REDACTED"), "{line}");
    }
    let template = Template::parse("{header:authorization} {header:cookie} {query}").unwrap();
    assert_eq!(
        written(AccessForm::Template(template), &record),
        "REDACTED REDACTED ?api_key=REDACTED&a=1&code=REDACTED\n"
    );
    let plan = AccessPlan { headers: names, ..AccessPlan::plain(AccessForm::Json) };
    let told = serde_json::json!({
        "authorization": "REDACTED", "cookie": "REDACTED", "user-agent": "curl \"8\"", "x-tag": "one, two",
    });
    assert_eq!(json(&plan, &record)["headers"], told);
    let chosen = Redacted { headers: vec!["x-tag".into()], query: vec!["a".into()] };
    let plan = AccessPlan { redacted: chosen, query: true, ..plan };
    assert_eq!(json(&plan, &record)["headers"]["x-tag"], "REDACTED");
    assert_eq!(json(&plan, &record)["query"], "?api_key=t0p&a=REDACTED&code=t0p");
}

#[test]
fn an_answer_of_our_own_names_its_reason_and_no_backend() {
    let address = address();
    let own = RequestRecord {
        backend: None,
        upstream_took: None,
        reason: Some("none_eligible"),
        status: 503,
        ..record(&address)
    };
    let line = written(AccessForm::Text, &own);
    assert!(line.contains(" status=503 ") && line.contains(" reason=none_eligible "), "{line}");
    assert!(!line.contains("backend=") && !line.contains("upstream_ms="), "{line}");
}

#[test]
fn a_refusal_says_who_where_and_why() {
    let refusal = |form| {
        let mut line = String::new();
        line::refusal(&mut line, &form, SystemTime::UNIX_EPOCH, "public", "10.0.0.7".parse().unwrap(), "head_timeout");
        line
    };
    for form in [AccessForm::Text, AccessForm::Common] {
        let expected = "time=1970-01-01T00:00:00.000Z client=10.0.0.7 listener=public refused=head_timeout\n";
        assert_eq!(refusal(form), expected);
    }
    let json: serde_json::Value = serde_json::from_str(&refusal(AccessForm::Json)).unwrap();
    let expected = serde_json::json!({
        "time": "1970-01-01T00:00:00.000Z", "client": "10.0.0.7", "listener": "public", "refused": "head_timeout",
    });
    assert_eq!(json, expected);
}

#[test]
fn text_of_a_client_cannot_forge_a_line_and_is_not_endless() {
    let address = address();
    let mut headers = headers();
    headers.insert("user-agent", HeaderValue::from_bytes("\u{2028}\"x".as_bytes()).unwrap());
    let endless = format!("?{}", "ü".repeat(5000));
    let hostile = RequestRecord {
        path: "/x status=200\n time=1 forged",
        host: "a\"b\u{1b}[0m",
        headers: Some(&headers),
        query: &endless,
        ..record(&address)
    };
    let template = Template::parse("{host} \"{path}\" {query} \"{header:user-agent}\"").unwrap();
    for form in [AccessForm::Text, AccessForm::Json, AccessForm::Combined, AccessForm::Template(template)] {
        let plan = AccessPlan { query: true, ..AccessPlan::plain(form) };
        let line = line_of(&plan, &hostile);
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        assert!(!line.contains('\u{1b}') && !line.contains('\u{2028}'), "{line}");
        assert!(line.len() < 2048, "{} bytes", line.len());
    }
    assert!(written(AccessForm::Text, &hostile).contains(r#" path="/x status=200\n time=1 forged" "#));
}
