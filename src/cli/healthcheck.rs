//! `pulsegate healthcheck`: does the process at this admin address live? For containers and supervisors.

use super::asking::{Admin, Asking, wait_for};
use http::{Method, StatusCode};
use std::process::ExitCode;
use std::time::Duration;

/// Of the whole call: whoever restarts a process that is stuck does not wait long to learn it.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn healthcheck(asking: &Asking) -> ExitCode {
    let asked = wait_for(async {
        let admin = Admin::new(asking)?;
        let (status, _) = admin.ask(Method::GET, "/livez", None, PATIENCE).await?;
        match status {
            StatusCode::OK => Ok(()),
            other => Err(format!("{}/livez answered {other}", admin.base())),
        }
    });
    match asked.and_then(|lives| lives) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("pulsegate: {sentence}");
            ExitCode::FAILURE
        }
    }
}
