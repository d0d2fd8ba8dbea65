//! What backends do wrong, and the fact that is read.

use super::tools::{self, Checked, Peer, answering, http_check, never, serve};
use pulsegate_core::base::identity::Address;
use pulsegate_core::health::reading::ReadingResult;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::{interval, timeout};

/// Enough for loopback on a busy machine, and soon over.
const SHORT: Duration = Duration::from_secs(1);

async fn timed_out(backend: &tools::Backend) {
    ends_in_time_with(backend, ReadingResult::TimedOut { connected: true }).await;
}

async fn ends_in_time_with(backend: &tools::Backend, result: ReadingResult) {
    let mut checked = Checked::http(backend);
    checked.probe.timeout = SHORT;
    let reading = timeout(SHORT * 60, checked.read()).await.unwrap();
    assert_eq!(reading.result, result);
    assert!(reading.took >= SHORT, "{:?}", reading.took);
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let result = Checked::at(Address::Socket(address), http_check()).result().await;
    assert_eq!(result, ReadingResult::ConnectFailed(format!("cannot connect to {address}: Connection refused")));
}

#[tokio::test]
async fn the_unix_socket_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gone.sock");
    let result = Checked::at(Address::Unix(path.clone()), http_check()).result().await;
    let why = format!("cannot connect to unix:{}: No such file or directory", path.display());
    assert_eq!(result, ReadingResult::ConnectFailed(why));
}

#[tokio::test]
async fn the_connection_is_accepted_and_nothing_comes() {
    timed_out(&serve(async |_peer: Peer| never().await).await).await;
}

#[tokio::test]
async fn the_head_drips() {
    let backend = serve(async |mut peer: Peer| {
        let mut tick = interval(Duration::from_millis(5));
        for letter in "HTTP/1.1 200 OK\r\nX: ".chars().chain(std::iter::repeat('a')) {
            tick.tick().await;
            peer.say(letter.encode_utf8(&mut [0; 4])).await;
        }
    })
    .await;
    timed_out(&backend).await;
}

#[tokio::test]
async fn the_body_drips() {
    let backend = serve(async |mut peer: Peer| {
        let mut tick = interval(Duration::from_millis(5));
        peer.say("HTTP/1.1 200 OK\r\n\r\n").await;
        loop {
            tick.tick().await;
            peer.say("a").await;
        }
    })
    .await;
    ends_in_time_with(&backend, ReadingResult::HeadOnly { status: 200 }).await;
}

#[tokio::test]
async fn interim_heads_never_end() {
    let backend = serve(async |mut peer: Peer| {
        let mut tick = interval(Duration::from_millis(5));
        loop {
            tick.tick().await;
            peer.say("HTTP/1.1 103 Early Hints\r\n\r\n").await;
        }
    })
    .await;
    timed_out(&backend).await;
}

#[tokio::test]
async fn the_body_never_ends() {
    let backend = serve(async |mut peer: Peer| {
        peer.say("HTTP/1.1 200 OK\r\n\r\n").await;
        while peer.stream.writable().await.is_ok() {
            peer.say(&"a".repeat(16 * 1024)).await;
        }
    })
    .await;
    assert_eq!(Checked::http(&backend).result().await, ReadingResult::BodyTooLarge { status: 200, cap: 64 * 1024 });
}

#[tokio::test]
async fn the_cap_is_the_last_size_that_fits() {
    for (cap, expected) in [(5, ReadingResult::status(200)), (4, ReadingResult::BodyTooLarge { status: 200, cap: 4 })] {
        let backend = answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nready\r\n0\r\n\r\n").await;
        let mut check = http_check();
        check.body_bytes = cap;
        assert_eq!(Checked::with(&backend, check).result().await, expected);
    }
}

#[tokio::test]
async fn something_else_than_http_answers() {
    for greeting in ["SSH-2.0-OpenSSH_9.7\r\n", "220 mail.example.com ESMTP\r\n", "\u{15}\u{3}\u{1}\0\u{2}\u{2}\n"] {
        let why = Checked::http(&answering(greeting).await).broken().await;
        assert!(why.starts_with("the answer is not HTTP/1.1"), "{greeting:?}: {why}");
    }
}

#[tokio::test]
async fn the_head_is_too_large() {
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "a".repeat(40 * 1024));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Many: a\r\n".repeat(257));
    for head in [long, many] {
        let backend = serve(move |mut peer: Peer| {
            let head = head.clone();
            async move {
                peer.say(&head).await;
                never().await;
            }
        })
        .await;
        let why = Checked::http(&backend).broken().await;
        assert_eq!(
            why,
            "the response head is beyond limits.response_head_bytes (32768 bytes), or has more than 256 fields"
        );
    }
}

#[tokio::test]
async fn the_backend_closes_early() {
    for cut in ["", "HTTP/1.1 200 OK\r\nConte", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"] {
        let why = Checked::http(&answering(cut).await).broken().await;
        assert_eq!(why, "the backend closed the connection before the answer was complete", "{cut:?}");
    }
}

#[tokio::test]
async fn the_backend_resets() {
    for cut in ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"] {
        let backend = serve(async move |mut peer: Peer| {
            peer.say(cut).await;
            peer.stream.set_zero_linger().unwrap();
        })
        .await;
        let why = Checked::http(&backend).broken().await;
        assert!(why.starts_with("the connection broke") && why.ends_with("Connection reset by peer"), "{cut:?}: {why}");
    }
}

#[tokio::test]
async fn a_given_up_answer_is_reset_so_that_nothing_lingers() {
    let (ended, mut end) = tokio::sync::mpsc::unbounded_channel();
    let backend = serve(move |mut peer: Peer| {
        let ended = ended.clone();
        async move { ended.send(peer.hear_the_end().await).unwrap() }
    })
    .await;
    let mut checked = Checked::http(&backend);
    checked.probe.timeout = SHORT;
    assert_eq!(checked.result().await, ReadingResult::TimedOut { connected: true });
    assert_eq!(end.recv().await, Some(Err(std::io::ErrorKind::ConnectionReset)));
}
