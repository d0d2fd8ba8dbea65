//! Who is compared, and in which state?

use crate::options::Options;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Program {
    Pulsegate,
    Nginx,
    Haproxy,
    NewerNginx,
    NewerHaproxy,
    Envoy,
    Caddy,
    Traefik,
    Bare,
}

/// How much a gateway does for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// What Pulsegate always does: forwarded headers, a request id, timeouts, health checks.
    Same,
    /// As little as can be configured.
    Barest,
}

/// A column of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Column {
    pub program: Program,
    pub work: Work,
}

/// What is written down of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Log {
    Off,
    /// A line in the access log.
    Line,
    /// A line of JSON, and 1 % of the requests traced. Pulsegate alone.
    Watched,
}

/// A gateway as it runs in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    pub column: Column,
    pub log: Log,
    pub workers: u8,
}

pub const PULSEGATE: Column = Column { program: Program::Pulsegate, work: Work::Same };

const COMPARED: [Column; 5] = [
    PULSEGATE,
    Column { program: Program::Nginx, work: Work::Barest },
    Column { program: Program::Nginx, work: Work::Same },
    Column { program: Program::Haproxy, work: Work::Barest },
    Column { program: Program::Haproxy, work: Work::Same },
];

const NEWER: [Column; 6] = [
    Column { program: Program::NewerNginx, work: Work::Same },
    Column { program: Program::NewerHaproxy, work: Work::Same },
    Column { program: Program::Envoy, work: Work::Same },
    Column { program: Program::Caddy, work: Work::Same },
    Column { program: Program::Traefik, work: Work::Same },
    Column { program: Program::Bare, work: Work::Barest },
];

impl Program {
    /// Configured as nginx is.
    pub fn is_nginx(self) -> bool {
        matches!(self, Self::Nginx | Self::NewerNginx)
    }

    pub fn is_haproxy(self) -> bool {
        matches!(self, Self::Haproxy | Self::NewerHaproxy)
    }
}

impl Column {
    /// All that were asked for.
    pub fn asked_for(options: &Options) -> Vec<Self> {
        let newer = if options.newer { NEWER.as_slice() } else { &[] };
        let wanted = |column: &Self| options.only.as_ref().is_none_or(|only| only.contains(&column.key()));
        COMPARED.iter().chain(newer).copied().filter(wanted).collect()
    }

    /// In tables of its own.
    pub fn is_newer(self) -> bool {
        NEWER.contains(&self)
    }

    /// As it is written on the command line: `nginx-barest`.
    fn key(self) -> String {
        self.name().to_lowercase().replace(' ', "-")
    }

    pub fn name(self) -> &'static str {
        match (self.program, self.work) {
            (Program::Pulsegate, _) => "Pulsegate",
            (Program::Nginx, Work::Barest) => "nginx barest",
            (Program::Nginx, Work::Same) => "nginx",
            (Program::Haproxy, Work::Barest) => "HAProxy barest",
            (Program::Haproxy, Work::Same) => "HAProxy",
            (Program::NewerNginx, _) => "newer nginx",
            (Program::NewerHaproxy, _) => "newer HAProxy",
            (Program::Envoy, _) => "Envoy",
            (Program::Caddy, _) => "Caddy",
            (Program::Traefik, _) => "Traefik",
            (Program::Bare, _) => "bare pingora",
        }
    }
}
