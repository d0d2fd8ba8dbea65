//! The live stream as a page sees it.

use super::*;
use crate::control::Reporter;
use pulsegate_core::base::time::Timestamp;
use pulsegate_core::health::event::{Event, EventKind, Run};
use tokio::time::timeout;

/// What never ends must not make a test hang.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open stream.
struct Stream {
    socket: TcpStream,
    read: String,
}

impl Stream {
    async fn open(running: &Running) -> Self {
        let mut socket = TcpStream::connect(running.address).await.unwrap();
        socket.write_all(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        Self { socket, read: String::new() }
    }

    /// The data of the next message of this kind; what came before it is passed over.
    async fn next(&mut self, event: &str) -> serde_json::Value {
        let begin = format!("event: {event}\ndata: ");
        let mut bytes = [0; 4096];
        loop {
            let message = self.read.split_once(&begin).and_then(|(_, rest)| rest.split_once("\n\n"));
            if let Some((data, rest)) = message {
                let data = serde_json::from_str(data).unwrap();
                self.read = rest.to_owned();
                return data;
            }
            let read = timeout(PATIENCE, self.socket.read(&mut bytes)).await;
            let count = read.unwrap_or_else(|_| panic!("no {event} in {:?}", self.read)).unwrap();
            assert!(count > 0, "it ended without {event}: {:?}", self.read);
            self.read.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
    }

    /// Reads to its end, and says whether that came within the patience.
    async fn ends(&mut self) -> bool {
        let mut rest = Vec::new();
        timeout(PATIENCE, self.socket.read_to_end(&mut rest)).await.is_ok()
    }
}

fn event(id: u64) -> Event {
    let kind = EventKind::Transition {
        backend: backend(9001, Cause::Up).id,
        from: Cause::Up,
        to: Cause::Down,
        counter: (0, 2),
        why: "refused".into(),
        earliest_return: None,
    };
    Event { run: Run::of(0), id, at: Timestamp::from_secs(id), kind }
}

#[tokio::test]
async fn a_stream_begins_with_everything_and_goes_on_with_what_changed() {
    let running = start(&[Cause::Up, Cause::Up]);
    let mut stream = Stream::open(&running).await;
    let state = stream.next("state").await;
    assert_eq!(state["pools"], serde_json::json!(["orders"]));
    assert_eq!(state["rows"][1]["address"], "127.0.0.1:9002");
    assert_eq!(state["process"]["phase"], "serving");
    running.source.reports.lock().unwrap()[0].backends[1] = backend(9002, Cause::Down);
    let rows = loop {
        let delta = stream.next("delta").await;
        if !delta["rows"].is_null() {
            break delta["rows"].clone();
        }
    };
    let rows = rows.as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["id"], &rows[0]["standing"]), (1, &state["rows"][1]["id"], &"down".into()));
}

#[tokio::test]
async fn an_event_is_told_at_once_and_stays_in_the_timeline() {
    let running = start(&[Cause::Up]);
    let mut stream = Stream::open(&running).await;
    stream.next("state").await;
    running.telemetry.board.report(&event(1));
    let told = stream.next("events").await;
    assert_eq!(told["events"][0]["details"]["to"], "down");
    assert_eq!(told["missed"], 0);
    let mut later = Stream::open(&running).await;
    assert_eq!(later.next("state").await["timeline"][0]["id"], told["events"][0]["id"]);
}

#[tokio::test]
async fn a_thousand_events_in_a_moment_are_one_bounded_message() {
    let running = start(&[Cause::Up]);
    let mut stream = Stream::open(&running).await;
    stream.next("state").await;
    (1..=1_000).for_each(|id| running.telemetry.board.report(&event(id)));
    let (mut shown, mut missed) = (0, 0);
    while shown + missed < 1_000 {
        let told = stream.next("events").await;
        shown += told["events"].as_array().unwrap().len();
        missed += told["missed"].as_u64().unwrap() as usize;
    }
    assert!((200..=400).contains(&shown), "{shown} shown, {missed} missed");
}

#[tokio::test]
async fn streams_have_places_of_their_own_and_give_them_back() {
    let running = start(&[Cause::Up]);
    let mut streams = Vec::new();
    for _ in 0..super::super::live::STREAMS {
        let mut stream = Stream::open(&running).await;
        stream.next("state").await;
        streams.push(stream);
    }
    let (status, problem) = document(&running.get("/live").await);
    assert_eq!((status, &problem["title"]), (503, &"Too many streams".into()));
    assert_eq!(document(&running.get("/upstreams").await).0, 200, "everybody else is served");
    drop(streams.pop());
    let freed = async {
        loop {
            let mut stream = Stream::open(&running).await;
            let mut start = [0; 12];
            stream.socket.read_exact(&mut start).await.unwrap();
            if start.ends_with(b"200") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, freed).await.expect("the place is given back");
}

#[tokio::test]
async fn a_stop_ends_streams_at_once() {
    let running = start(&[Cause::Up]);
    let mut stream = Stream::open(&running).await;
    stream.next("state").await;
    running.stop.send_replace(true);
    timeout(server::LEAVE / 2, running.task).await.expect("it does not wait for the stream").unwrap().unwrap();
    assert!(stream.ends().await);
}

/// On the paused clock of the runtime.
#[tokio::test(start_paused = true)]
async fn a_stream_outlives_other_connections() {
    let running = start(&[Cause::Up]);
    let mut stream = Stream::open(&running).await;
    stream.next("state").await;
    let until = running.source.clock.now() + server::LIFE * 3;
    while running.source.clock.now() < until {
        stream.next("delta").await;
    }
}
