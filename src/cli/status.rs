//! `pulsegate status`: how well are the upstreams, for scripts and for monitoring?
//!
//! Lines and exit codes are those that users of monitoring plugins know: the worst upstream first, 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
//! What is OK is decided in `core/src/health/service_state.rs`.

use super::asking::{Admin, Asking, wait_for};
use super::print_out;
use super::seen::{Backend, Picture, Upstream, look, span};
use pulsegate_core::health::service_state::{ServiceState, worst};
use pulsegate_core::health::standing::Cause;
use serde_json::{Value, json};
use std::process::ExitCode;
use std::time::Duration;

/// A check that hangs is worse than one that does not know.
const PATIENCE: Duration = Duration::from_secs(5);

/// The exit code when the gateway could not be asked, and of a command line that is not understood.
pub(super) const EXIT_UNKNOWN: u8 = 3;

#[derive(Debug, clap::Args)]
pub(super) struct Wish {
    /// Only this one; may be given several times
    #[arg(long = "upstream", value_name = "NAME")]
    upstreams: Vec<String>,
    /// A document instead of lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    asking: Asking,
}

pub(super) fn status(wish: &Wish) -> ExitCode {
    let seen = wait_for(async { look(&Admin::new(&wish.asking)?, PATIENCE).await });
    match seen.and_then(|seen| seen).and_then(|picture| chosen(picture, &wish.upstreams)) {
        Ok(picture) => {
            let judged = judged(&picture);
            let whole = judged.iter().map(|one| one.state).max().unwrap_or(ServiceState::Ok);
            print_out(&if wish.json { document(&picture, &judged, whole) } else { lines(&judged) });
            ExitCode::from(whole.exit_code())
        }
        Err(sentence) => {
            let unknown = json!({ "status": "UNKNOWN", "exit_code": EXIT_UNKNOWN, "error": sentence });
            print_out(&if wish.json { format!("{unknown:#}\n") } else { format!("UNKNOWN   {sentence}\n") });
            ExitCode::from(EXIT_UNKNOWN)
        }
    }
}

/// An upstream with what is said of it.
#[derive(Debug)]
struct Judged<'a> {
    upstream: &'a Upstream,
    state: ServiceState,
    /// Who says most about it.
    worst: Option<&'a Backend>,
}

/// # Errors
/// A sentence where a name is nobody's.
fn chosen(mut picture: Picture, names: &[String]) -> Result<Picture, String> {
    let known: Vec<String> = picture.upstreams.iter().map(|upstream| upstream.name.clone()).collect();
    if let Some(nobody) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("there is no upstream {nobody:?}; known are: {}", known.join(", ")));
    }
    picture.upstreams.retain(|upstream| names.is_empty() || names.contains(&upstream.name));
    Ok(picture)
}

/// The worst first, otherwise as the gateway lists them.
fn judged(picture: &Picture) -> Vec<Judged<'_>> {
    let mut all: Vec<Judged<'_>> = picture.upstreams.iter().map(judge).collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.state));
    all
}

fn judge(upstream: &Upstream) -> Judged<'_> {
    let standings: Vec<Cause> = upstream.backends.iter().map(|backend| backend.standing).collect();
    let worst = worst(&standings).and_then(|index| upstream.backends.get(index));
    Judged { upstream, state: ServiceState::of(&standings), worst }
}

impl Judged<'_> {
    fn eligible(&self) -> String {
        format!("{}/{} eligible", self.upstream.eligible(), self.upstream.backends.len())
    }

    fn standing(&self) -> String {
        self.worst.map_or("nobody".to_owned(), |worst| format!("{} for {}", worst.standing, span(worst.since_ms)))
    }

    /// Nothing where everything is as usual.
    fn note(&self) -> String {
        let Some(worst) = self.worst else {
            return "no backends: nothing was discovered, or none is written".to_owned();
        };
        if worst.standing == Cause::Up {
            return String::new();
        }
        let mut note = format!("{}: {}", worst.address, worst.why);
        if let Some(back) = &worst.earliest_return {
            note.push_str(&format!("; back in {} at the earliest", span(back.in_ms)));
        }
        let out = self.upstream.backends.len() - self.upstream.eligible();
        match out.saturating_sub(usize::from(!worst.standing.eligible())) {
            0 => note,
            more => note + &format!("; {more} more out"),
        }
    }
}

fn lines(judged: &[Judged<'_>]) -> String {
    if judged.is_empty() {
        return "OK        no upstreams are configured\n".to_owned();
    }
    let widest =
        |of: &dyn Fn(&Judged<'_>) -> String| judged.iter().map(|one| of(one).chars().count()).max().unwrap_or(0);
    let names = widest(&|one| one.upstream.name.clone());
    let (eligible, standings) = (widest(&|one| one.eligible()), widest(&|one| one.standing()));
    let line = |one: &Judged<'_>| {
        let line = format!(
            "{:<8}  {:<names$}  {:<eligible$}  {:<standings$}  {}",
            one.state.word(),
            one.upstream.name,
            one.eligible(),
            one.standing(),
            one.note()
        );
        line.trim_end().to_owned() + "\n"
    };
    judged.iter().map(line).collect()
}

fn document(picture: &Picture, judged: &[Judged<'_>], whole: ServiceState) -> String {
    let upstreams: Vec<Value> = judged.iter().map(entry).collect();
    let document = json!({
        "status": whole.word(),
        "exit_code": whole.exit_code(),
        "timestamp": picture.timestamp,
        "upstreams": upstreams,
    });
    format!("{document:#}\n")
}

fn entry(one: &Judged<'_>) -> Value {
    let out = one.upstream.backends.iter().filter(|backend| !backend.standing.eligible());
    json!({
        "name": one.upstream.name,
        "status": one.state.word(),
        "eligible": one.upstream.eligible(),
        "backends": one.upstream.backends.len(),
        "note": one.note(),
        "worst": one.worst.map(shown),
        "out": out.map(shown).collect::<Vec<_>>(),
    })
}

fn shown(backend: &Backend) -> Value {
    json!({
        "address": backend.address,
        "standing": backend.standing.word(),
        "since": backend.since,
        "since_ms": backend.since_ms,
        "why": backend.why,
        "earliest_return": backend.earliest_return.as_ref().map(|back| json!({ "at": back.at, "in_ms": back.in_ms })),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::seen::Moment;
    use crate::cli::seen::samples::{picture, pool};
    use Cause::*;

    #[test]
    fn the_worst_upstream_comes_first_and_decides() {
        let mut seen = picture(vec![
            pool("api", &[Up, Up]),
            pool("orders", &[Up, Ejected, Drained]),
            pool("search", &[Down]),
            pool("empty", &[]),
            pool("docs", &[Up, Drained]),
        ]);
        seen.upstreams[1].backends[1].earliest_return = Some(Moment { at: "t".to_owned(), in_ms: 8_000 });
        let expected = "\
CRITICAL  search  0/1 eligible  down for 12 s     127.0.0.1:9001: it is down
CRITICAL  empty   0/0 eligible  nobody            no backends: nothing was discovered, or none is written
WARNING   orders  1/3 eligible  ejected for 12 s  127.0.0.1:9002: it is ejected; back in 8 s at the earliest; 1 more out
OK        api     2/2 eligible  up for 12 s
OK        docs    1/2 eligible  drained for 12 s  127.0.0.1:9002: it is drained
";
        assert_eq!(lines(&judged(&seen)), expected);
        let told: Value = serde_json::from_str(&document(&seen, &judged(&seen), ServiceState::Critical)).unwrap();
        assert_eq!((&told["status"], &told["exit_code"]), (&"CRITICAL".into(), &2.into()));
        let orders = &told["upstreams"][2];
        assert_eq!((&orders["status"], &orders["worst"]["standing"]), (&"WARNING".into(), &"ejected".into()));
        assert_eq!(orders["worst"]["earliest_return"]["in_ms"], 8_000);
        assert_eq!((orders["out"].as_array().unwrap().len(), &orders["backends"]), (2, &3.into()));
        assert!(told["upstreams"][1]["worst"].is_null());
    }

    #[test]
    fn a_choice_is_kept_to_and_a_name_that_is_nobodys_is_not_known() {
        let seen = picture(vec![pool("api", &[Up]), pool("orders", &[Down])]);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let api = chosen(seen.clone(), &names(&["api"])).unwrap();
        assert_eq!(lines(&judged(&api)), "OK        api  1/1 eligible  up for 12 s\n");
        assert_eq!(chosen(seen.clone(), &[]).unwrap().upstreams.len(), 2);
        assert!(chosen(seen, &names(&["api", "order"])).unwrap_err().contains("\"order\"; known are: api, orders"));
        assert_eq!(lines(&[]), "OK        no upstreams are configured\n");
    }
}
