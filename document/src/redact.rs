//! What may be shown of what a backend says? One bounded line without secrets.
//!
//! Real services put tracebacks, connection strings and keys into their health answers. Those who look at a backend's state should see the
//! sentence that explains it, and nothing that opens a door. Each kind of secret that was met is noted, for a warning to the owner.

use pulsegate_core::health::document::Leak;
use regex::{Captures, Regex};
use std::collections::BTreeSet;
use std::sync::LazyLock;

const GONE: &str = "[redacted]";

/// Shows texts, and remembers what they should not have said.
#[derive(Default)]
pub(super) struct Redactor {
    leaks: BTreeSet<Leak>,
}

/// One kind of secret: how it looks, and what is left of it.
struct Kind {
    leak: Leak,
    looks: Regex,
    leaves: &'static str,
}

/// A name that calls its value a secret.
const SECRET_NAME: &str = r"(?:passwords?|passwd|pwd|passphrase|passcode|secrets?|[a-z]*tokens?|api[_-]?keys?|access[_-]?keys?|account[_-]?keys?|private[_-]?keys?|secret[_-]?keys?|shared[_-]?access[_-]?(?:key|signature)|credentials?|authorization|session[_-]?id|cookie|dsn|connection[_-]?strings?|database[_-]?url|sig|signature)";

/// In the order of their search: what is inside a larger secret is gone with it.
static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let name = SECRET_NAME;
    let named = format!(
        r#"(?i)((?:\b|_|-)(?:[a-z0-9]+[_.-])*{name})(\\?["']?\s*(?:=>|=|:)\s*)(?:\\?"[^"]*"?|'[^']*'?|(?:basic|bearer|digest|token)\s+[^\s,;"'}}\])]+|[^\s,;&"'}}\])]+)"#
    );
    let kinds = [
        (
            Leak::PrivateKey,
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\z)",
            GONE,
        ),
        (Leak::UrlCredentials, r#"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/"'<>]*@"#, "${1}[redacted]@"),
        (
            Leak::UrlCredentials,
            r#"[^\s:@/"'=]+:[^\s@/"']+@((?:tcp|unix|udp)?\(|[A-Za-z0-9.-]+:\d+)"#,
            "[redacted]@${1}",
        ),
        (Leak::AccessToken, r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?", GONE),
        (Leak::Named, named.as_str(), "${1}${2}[redacted]"),
        (Leak::AccessToken, r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/-]{16,}=*", "${1} [redacted]"),
        (Leak::AccessKey, r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA|ANVA)[A-Z0-9]{16}\b", GONE),
        (Leak::AccessKey, r"\bAIza[0-9A-Za-z_-]{30,}", GONE),
        (
            Leak::AccessToken,
            r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})",
            GONE,
        ),
        (Leak::AccessToken, r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}", GONE),
        (Leak::AccessKey, r"\b[srp]k[_-](?:live|test|proj|ant)[_-][A-Za-z0-9_-]{10,}", GONE),
    ];
    let built = kinds.into_iter().map(|(leak, looks, leaves)| {
        let looks = Regex::new(looks).expect("a pattern of ours; the tests build all of them");
        Kind { leak, looks, leaves }
    });
    built.collect()
});

/// What may be random: letters and digits without a gap.
static RUNS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[A-Za-z0-9+/_-]{32,}={0,2}").expect("a pattern of ours; the tests build it"));

static SECRET_MEMBER: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = format!("(?i)(?:^|[^a-z]){SECRET_NAME}$|(?:[a-z])(?:Password|Secret|Token|ApiKey|Credentials)$");
    Regex::new(&pattern).expect("a pattern of ours; the tests build it")
});

static FRAMES: LazyLock<Regex> = LazyLock::new(|| {
    let frames = [
        r"Traceback \(most recent call last\)",
        r#"File "[^"\n]+", line \d+"#,
        r"(?:^|\s)at [\w$.<>/]+\([\w$ .-]+(?:\.(?:java|kt|scala|groovy|clj):\d+|Native Method|Unknown Source)\)",
        r"(?:^|\s)at [^\n]{0,200}?\(?[^\s()]+\.[cm]?[jt]sx?:\d+:\d+\)?",
        r"(?:^|\s)at [\w.<>`]+\([^)\n]{0,200}\) in [^\n]{1,200}:line \d+",
        r"goroutine \d+ \[",
        r"stack backtrace:|thread '[^'\n]*' panicked at",
        r"\.rb:\d+:in [`']",
        r"#\d+ [^\s(]+\.php\(\d+\)",
    ];
    Regex::new(&frames.join("|")).expect("a pattern of ours; the tests build it")
});

impl Redactor {
    /// A text as one line of at most `longest` characters.
    pub(super) fn show(&mut self, text: &str, longest: usize) -> String {
        let clean = self.clean(text);
        one_line(&clean, longest)
    }

    /// A text without its secrets, and without the frames of a stack trace.
    pub(super) fn clean(&mut self, text: &str) -> String {
        let mut text = self.without_frames(text);
        for kind in KINDS.iter() {
            if let std::borrow::Cow::Owned(clean) = self.replace(kind, &text) {
                text = clean;
            }
        }
        let mut met = false;
        let clean = RUNS.replace_all(&text, |found: &Captures<'_>| {
            let run = found.get(0).map_or("", |run| run.as_str());
            let random = looks_random(run);
            met |= random;
            if random { GONE.to_owned() } else { run.to_owned() }
        });
        if met {
            self.leaks.insert(Leak::LongRandom);
        }
        clean.into_owned()
    }

    fn replace<'a>(&mut self, kind: &Kind, text: &'a str) -> std::borrow::Cow<'a, str> {
        let mut met = false;
        let clean = kind.looks.replace_all(text, |found: &Captures<'_>| {
            let whole = found.get(0).map_or("", |whole| whole.as_str());
            if kind.leak == Leak::Named && is_masked(whole) {
                return whole.to_owned();
            }
            met = true;
            let mut out = String::new();
            found.expand(kind.leaves, &mut out);
            out
        });
        if met {
            self.leaks.insert(kind.leak);
        }
        clean
    }

    /// Of a traceback the line that says what happened: Python's last, everybody else's first.
    fn without_frames(&mut self, text: &str) -> String {
        if !FRAMES.is_match(text) {
            return text.to_owned();
        }
        self.leaks.insert(Leak::StackTrace);
        let lines = || text.lines().filter(|line| !line.trim().is_empty());
        let says = |line: &&str| !FRAMES.is_match(line) && !line.starts_with([' ', '\t']);
        let line = match text.contains("most recent call last") {
            true => lines().rfind(says),
            false => lines().find(says),
        };
        // All in one line: what stands before the first frame.
        let before = || FRAMES.find(text).and_then(|found| text.get(..found.start())).unwrap_or_default();
        let line = line.unwrap_or_else(before).trim();
        if line.is_empty() { "a stack trace".to_owned() } else { format!("{line} (and a stack trace)") }
    }

    /// Looks at a member that is not shown: its name may call it a secret.
    pub(super) fn notice(&mut self, name: &str, value: &str) {
        if !value.is_empty() && name.len() <= 64 && SECRET_MEMBER.is_match(name) && !is_masked(value) {
            self.leaks.insert(Leak::Named);
        }
    }

    /// Looks at a text that is not shown.
    pub(super) fn notice_text(&mut self, text: &str) {
        if FRAMES.is_match(text) {
            self.leaks.insert(Leak::StackTrace);
        }
        for kind in KINDS.iter() {
            self.replace(kind, text);
        }
    }

    pub(super) fn leaks(&self) -> Vec<Leak> {
        self.leaks.iter().copied().collect()
    }
}

/// Somebody has hidden it already, or there is nothing.
fn is_masked(text: &str) -> bool {
    let value = text.rsplit(['=', ':']).next().unwrap_or_default();
    let value = value.trim().trim_matches(['"', '\'', '\\', ' ']);
    let hidden =
        ["[redacted]", "<redacted>", "redacted", "[filtered]", "<hidden>", "hidden", "null", "none", "true", "false"];
    value.chars().all(|letter| matches!(letter, '*' | '•' | 'x' | 'X' | '.'))
        || hidden.contains(&value.to_ascii_lowercase().as_str())
}

/// Letters and digits change places more often than in any word: keys, hashes, base64.
fn looks_random(run: &str) -> bool {
    let class = |byte: u8| match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        _ => 3,
    };
    let classes: Vec<u8> = run.bytes().map(class).collect();
    let changes = classes.windows(2).filter(|pair| pair.first() != pair.last()).count();
    let has = |class: u8| classes.contains(&class);
    let hex = run.bytes().all(|byte| byte.is_ascii_hexdigit()) && has(0) && (has(1) || has(2));
    hex || has(0) && has(1) && has(2) && changes * 4 >= run.len()
}

/// White space and line ends become one space each, what else cannot be seen is written out.
fn one_line(text: &str, longest: usize) -> String {
    let mut out = String::new();
    let (mut count, mut gap) = (0, false);
    for letter in text.trim().chars() {
        if letter.is_whitespace() {
            gap = true;
            continue;
        }
        if count >= longest {
            return cut(&out, longest);
        }
        if std::mem::take(&mut gap) {
            out.push(' ');
            count += 1;
        }
        if is_hidden(letter) {
            let written = format!("\\u{{{:x}}}", letter as u32);
            count += written.len();
            out.push_str(&written);
        } else {
            count += 1;
            out.push(letter);
        }
    }
    if count > longest { cut(&out, longest) } else { out }
}

fn cut(text: &str, longest: usize) -> String {
    let mut cut: String = text.chars().take(longest.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// Control characters, and those that turn the direction of a line or have no width.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}
