//! How is an address written? Once for all that comes over its connection, and by hand where it is of IPv4: the formatting machinery costs more
//! than the rest of a head.

use std::net::{IpAddr, Ipv4Addr};

/// The longest text of an address of either family.
const ROOM: usize = 45;

/// An address with its text, in as much room as any needs.
#[derive(Clone, Copy, Debug)]
pub struct WrittenIp {
    ip: IpAddr,
    room: [u8; ROOM],
    length: u8,
}

impl WrittenIp {
    pub fn of(ip: IpAddr) -> Self {
        let mut room = [0; ROOM];
        let mut places = room.iter_mut();
        let mut put = |byte| {
            if let Some(place) = places.next() {
                *place = byte;
            }
        };
        match ip {
            IpAddr::V4(ip) => write_v4(ip, &mut put),
            IpAddr::V6(ip) => ip.to_string().bytes().for_each(&mut put),
        }
        let length = (ROOM - places.len()) as u8;
        Self { ip, room, length }
    }

    pub const fn ip(&self) -> IpAddr {
        self.ip
    }

    pub fn text(&self) -> &[u8] {
        self.room.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl From<IpAddr> for WrittenIp {
    fn from(ip: IpAddr) -> Self {
        Self::of(ip)
    }
}

fn write_v4(ip: Ipv4Addr, mut put: impl FnMut(u8)) {
    for (number, octet) in ip.octets().into_iter().enumerate() {
        if number > 0 {
            put(b'.');
        }
        if octet >= 100 {
            put(b'0' + octet / 100);
        }
        if octet >= 10 {
            put(b'0' + octet / 10 % 10);
        }
        put(b'0' + octet % 10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_library_writes_them() {
        for octet in 0..=255 {
            for ip in [Ipv4Addr::new(octet, 0, 9, 10), Ipv4Addr::new(255, 99, 100, octet)] {
                assert_eq!(WrittenIp::of(ip.into()).text(), ip.to_string().as_bytes());
            }
        }
        for text in [
            "255.255.255.255",
            "::",
            "::1",
            "2001:db8::1",
            "::ffff:255.255.255.255",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            let written = WrittenIp::from(text.parse::<IpAddr>().unwrap());
            assert_eq!((written.text(), written.ip().to_string()), (text.as_bytes(), text.to_owned()));
        }
    }
}
