//! Where does a comparison run? Every play in network and process namespaces of its own: nothing on this machine sees its ports or
//! its dropped packets, and whatever it started ends with it, however it ends.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use support::needs::tool;

/// This executable with `arguments`, in namespaces of its own. When the command is killed, so is all that it started.
pub fn command(arguments: &[&str]) -> tokio::process::Command {
    let own = std::env::current_exe().expect("this executable");
    let mut command = tokio::process::Command::new("unshare");
    command
        .args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "sh", "-c"])
        .arg(format!("{} link set lo up && exec \"$0\" \"$@\"", tool("IP")))
        .arg(own)
        .args(arguments)
        .kill_on_drop(true);
    command
}

/// Drops so many of a hundred packets from and to this port; 0 = none.
pub fn lose(port: u16, percent: u32) {
    let interfaces = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let others = interfaces.lines().skip(2).any(|line| !line.trim_start().starts_with("lo:"));
    assert!(!others, "packets are dropped only in a namespace that has nothing but loopback");
    let chance = if percent < 100 { format!("numgen random mod 100 < {percent} ") } else { String::new() };
    let rules = ["sport", "dport"].map(|end| format!("tcp {end} {port} {chance}drop\n")).concat();
    let rules = if percent == 0 { String::new() } else { rules };
    // Made first, so that there is something to take away.
    let empty = "table inet chaos\ndelete table inet chaos\n";
    let script =
        format!("{empty}table inet chaos {{ chain input {{ type filter hook input priority 0;\n{rules}}}\n}}\n");
    let mut nft = Command::new(tool("NFT")).args(["-f", "-"]).stdin(Stdio::piped()).spawn().expect("nft");
    nft.stdin.take().expect("its input").write_all(script.as_bytes()).expect("its input");
    assert!(nft.wait().is_ok_and(|status| status.success()), "nft refused:\n{script}");
}
