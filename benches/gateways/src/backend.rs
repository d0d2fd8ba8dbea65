//! What stands behind every gateway? A server that does as little as possible: one thread, keep-alive, the same small answer, or the
//! same large one.

use crate::answer::{self, KIB, LARGE, MIB};
use crate::ports::free_address;
use crate::process::{Place, Process};
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BODY: &str = "{\"id\":4711,\"state\":\"shipped\",\"items\":[1,2,3],\"note\":\"as ordered\"}";

/// Both answers, made once.
struct Answers {
    small: Vec<u8>,
    large: Vec<u8>,
}

impl Answers {
    fn new() -> Self {
        Self { small: whole("application/json", BODY.as_bytes()), large: whole("text/plain", &vec![b'y'; MIB]) }
    }
}

fn whole(kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A process of its own beside the load generator, and its port.
pub fn start() -> (u16, Process) {
    let port = free_address().port();
    (port, Process::start_own(&["backend", &port.to_string()], port, Place::Load))
}

pub fn run(port: u16) {
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&crate::runtime(), async {
        let listener = TcpListener::bind(("0.0.0.0", port)).await.expect("the backend's port");
        let answers = Rc::new(Answers::new());
        loop {
            if let Ok((stream, _)) = listener.accept().await {
                tokio::task::spawn_local(serve(stream, answers.clone()));
            }
        }
    });
}

async fn serve(mut stream: TcpStream, answers: Rc<Answers>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(64 * KIB);
    loop {
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        while let Some(end) = answer::head_end(&buffer) {
            let length = answer::content_length(&buffer[..end]).unwrap_or(0);
            let large = buffer[..end].split(|byte| *byte == b' ').nth(1) == Some(LARGE.as_bytes());
            let here = length.min(buffer.len() - end);
            buffer.drain(..end + here);
            discard(&mut stream, &mut buffer, length - here).await?;
            stream.write_all(if large { &answers.large } else { &answers.small }).await?;
        }
    }
}

/// The rest of a body, none of which is in the buffer any more.
async fn discard(stream: &mut TcpStream, buffer: &mut Vec<u8>, mut left: usize) -> std::io::Result<()> {
    while left > 0 {
        buffer.clear();
        let read = (&mut *stream).take(left as u64).read_buf(buffer).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        left -= read;
        buffer.clear();
    }
    Ok(())
}
