//! `pulsegate healthcheck`: does the process at this admin address live? For containers and supervisors.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

/// Of each step: connect, write, read.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn healthcheck(admin: &str) -> ExitCode {
    match ask_any(admin) {
        Ok(head) if head.starts_with(b"HTTP/1.1 200") || head.starts_with(b"HTTP/1.0 200") => ExitCode::SUCCESS,
        Ok(head) => {
            let line = String::from_utf8_lossy(&head);
            eprintln!("pulsegate: {admin}/livez answered {:?}", line.lines().next().unwrap_or_default());
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("pulsegate: no answer from the admin listener at {admin}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A name may have several addresses: the first that answers counts.
fn ask_any(admin: &str) -> io::Result<Vec<u8>> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in admin.to_socket_addrs()? {
        match ask(address) {
            Ok(head) => return Ok(head),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn ask(admin: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&admin, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET /livez HTTP/1.1\r\nHost: {admin}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut head = vec![0; 512];
    let read = stream.read(&mut head)?;
    head.truncate(read);
    Ok(head)
}
