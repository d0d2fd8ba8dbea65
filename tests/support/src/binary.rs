//! Which program is tried, and how is it started? Cargo tells the path to test targets only, so each hands it in:
//! `Pulsegate::at(env!("CARGO_BIN_EXE_pulsegate"))`.

use crate::gateway::{Gateway, Setup, Takes};
use std::process::Command;

/// The program, by its path.
#[derive(Clone, Copy, Debug)]
pub struct Pulsegate(&'static str);

impl Pulsegate {
    pub const fn at(path: &'static str) -> Self {
        Self(path)
    }

    pub fn path(self) -> &'static str {
        self.0
    }

    pub fn command(self) -> Command {
        Command::new(self.0)
    }

    /// Starts a gateway with `yaml` (without listeners and admin, which are added) and waits until it is ready.
    pub async fn start(self, yaml: &str) -> Gateway {
        self.start_with(yaml, "").await
    }

    /// As [`Self::start`], with more keys for the listener.
    pub async fn start_with(self, yaml: &str, listener: &str) -> Gateway {
        let gateway = self.spawn(yaml, listener);
        gateway.ready().await;
        gateway
    }

    /// As [`Self::start`], with more keys for the admin listener, and the token that it wants.
    pub async fn start_guarded(self, yaml: &str, admin_keys: &str, token: &str) -> Gateway {
        self.start_guarded_with(yaml, "", admin_keys, token).await
    }

    /// As [`Self::start_guarded`], with more keys for the listener too.
    pub async fn start_guarded_with(self, yaml: &str, listener: &str, admin_keys: &str, token: &str) -> Gateway {
        let mut gateway = Gateway::spawn(self, &Setup { yaml, listener, admin_keys, ..Setup::default() });
        gateway.token = Some(token.to_owned());
        gateway.ready().await;
        gateway
    }

    /// As [`Self::start_guarded`], without a token, and without waiting.
    pub fn spawn_guarded(self, yaml: &str, admin_keys: &str) -> Gateway {
        Gateway::spawn(self, &Setup { yaml, admin_keys, ..Setup::default() })
    }

    /// As [`Self::start`], with somebody else who takes what it says.
    pub async fn start_told_to(self, takes: Takes, yaml: &str) -> Gateway {
        let gateway = Gateway::spawn(self, &Setup { yaml, takes, ..Setup::default() });
        gateway.ready().await;
        gateway
    }

    /// Starts a gateway without waiting.
    pub fn spawn(self, yaml: &str, listener: &str) -> Gateway {
        self.spawn_in(yaml, listener, &[])
    }

    /// As [`Self::spawn`], with more variables in its environment.
    pub fn spawn_in(self, yaml: &str, listener: &str, environment: &[(&str, &str)]) -> Gateway {
        Gateway::spawn(self, &Setup { yaml, listener, environment, ..Setup::default() })
    }
}
