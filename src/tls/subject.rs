//! Whom does a verified client certificate name? Its fields as request headers for backends, made once per connection.
//!
//! What a certificate says was chosen by whoever asked the CA for it. So nothing in it may look like something else in a header:
//! the subject is written as RFC 4514 says, every byte that could end a value or is no visible ASCII escaped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use std::fmt::Write;
use std::net::IpAddr;
use x509_parser::prelude::{AttributeTypeAndValue, FromDer, GeneralName, X509Certificate};

/// A client's certificate that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    headers: Vec<(&'static str, HeaderValue)>,
}

impl ClientCertificate {
    /// `certificate`: the verified one itself, DER. `None` when it cannot be read, which its verification rules out.
    pub fn new(certificate: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let mut headers = Vec::new();
        let mut set = |name, value: String| {
            headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        };
        // RFC 9440: the whole certificate, as a byte sequence of a structured field.
        set("Client-Cert", format!(":{}:", STANDARD.encode(certificate)));
        set("X-Client-Cert-Subject", subject(&parsed));
        set("X-Client-Cert-Serial", hex(parsed.raw_serial()));
        set("X-Client-Cert-Fingerprint", fingerprint(certificate));
        let names = alternative_names(&parsed);
        if !names.is_empty() {
            set("X-Client-Cert-San", names.join(","));
        }
        Some(Self { headers })
    }

    /// One of them, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.to_str().ok())
    }

    pub fn headers(&self) -> &[(&'static str, HeaderValue)] {
        &self.headers
    }
}

/// Whom a certificate names, for whoever compares names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// By RFC 4514, as in `X-Client-Cert-Subject`.
    pub written: String,
    /// Its common names, and its DNS names, URIs and e-mail addresses, as they stand in it.
    pub names: Vec<String>,
}

impl Subject {
    /// `certificate`: DER. `None` when it cannot be read.
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let common = parsed.subject().iter_common_name().filter_map(|name| name.as_str().ok());
        let mut names: Vec<String> = common.map(str::to_owned).collect();
        let alternative = parsed.subject_alternative_name().ok().flatten();
        names.extend(alternative.into_iter().flat_map(|extension| &extension.value.general_names).filter_map(|name| {
            match name {
                GeneralName::DNSName(name) | GeneralName::URI(name) | GeneralName::RFC822Name(name) => {
                    Some((*name).to_owned())
                }
                _ => None,
            }
        }));
        Some(Self { written: subject(&parsed), names })
    }
}

/// SHA-256, by the hash that a cipher suite of ours brings along: one less crate to trust.
fn fingerprint(certificate: &[u8]) -> String {
    let hash = TLS13_AES_128_GCM_SHA256.tls13().map(|suite| suite.common.hash_provider.hash(certificate));
    hash.map(|hash| hex(hash.as_ref())).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The subject by RFC 4514: the most specific part first.
fn subject(certificate: &X509Certificate<'_>) -> String {
    let mut parts: Vec<String> =
        certificate.subject().iter_rdn().map(|part| part.iter().map(attribute).collect::<Vec<_>>().join("+")).collect();
    parts.reverse();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let id = attribute.attr_type().to_id_string();
    let name = match id.as_str() {
        "2.5.4.3" => "CN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        "1.2.840.113549.1.9.1" => "emailAddress",
        other => other,
    };
    let value = attribute.as_str().map_or_else(|_| format!("#{}", hex(attribute.as_slice())), escaped);
    format!("{name}={value}")
}

/// RFC 4514 §2.4; beyond ASCII by its bytes, so that the header is ASCII.
fn escaped(value: &str) -> String {
    let mut out = String::new();
    for (at, byte) in value.bytes().enumerate() {
        let first = at == 0 && matches!(byte, b' ' | b'#');
        let last = at + 1 == value.len() && byte == b' ';
        match byte {
            b'"' | b'+' | b',' | b';' | b'<' | b'=' | b'>' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' if first || last => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => drop(write!(out, "\\{byte:02X}")),
        }
    }
    out
}

/// `DNS:…`, `URI:…`, `email:…`, `IP:…`, as OpenSSL writes them.
fn alternative_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let found = certificate.subject_alternative_name().ok().flatten();
    let names = found.into_iter().flat_map(|extension| &extension.value.general_names);
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(format!("DNS:{}", percent(name))),
            GeneralName::URI(uri) => Some(format!("URI:{}", percent(uri))),
            GeneralName::RFC822Name(address) => Some(format!("email:{}", percent(address))),
            GeneralName::IPAddress(bytes) => Some(format!("IP:{}", address(bytes)?)),
            _ => None,
        })
        .collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// A comma ends a name, so one within it is written as a URI would write it, like everything that is not visible ASCII.
fn percent(name: &str) -> String {
    let mut out = String::new();
    for byte in name.bytes() {
        match byte {
            b'!'..=b'~' if byte != b',' => out.push(char::from(byte)),
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::string::Ia5String;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType, SerialNumber};

    fn certificate(subject: &[(DnType, &str)], names: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in subject {
            params.distinguished_name.push(kind.clone(), *value);
        }
        params.subject_alt_names = names;
        params.serial_number = Some(SerialNumber::from(vec![0x0a, 0xff]));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn header(certificate: &[u8], name: &str) -> Option<String> {
        ClientCertificate::new(certificate).unwrap().header(&name.to_ascii_lowercase()).map(str::to_owned)
    }

    #[test]
    fn subjects_are_written_most_specific_first_and_cannot_be_mistaken() {
        let common = |value: &'static str| vec![(DnType::CommonName, value)];
        for (subject, written) in [
            (
                vec![
                    (DnType::CountryName, "DE"),
                    (DnType::OrganizationName, "Shop AG"),
                    (DnType::OrganizationalUnitName, "Pay"),
                    (DnType::CommonName, "till 7"),
                ],
                r"CN=till 7,OU=Pay,O=Shop AG,C=DE",
            ),
            (common("till,O=Admins"), r"CN=till\,O\=Admins"),
            (common("a+b\"c\\d;e<f>g"), r#"CN=a\+b\"c\\d\;e\<f\>g"#),
            (common(" #x "), r"CN=\ #x\ "),
            (common("#x"), r"CN=\#x"),
            (common("a\r\nX-Admin: 1"), r"CN=a\0D\0AX-Admin: 1"),
            (common("Zoë"), r"CN=Zo\C3\AB"),
            (common(""), "CN="),
            (vec![(DnType::CustomDnType(vec![1, 2, 3]), "own")], "1.2.3=own"),
            (vec![], ""),
        ] {
            let made = certificate(&subject, Vec::new());
            assert_eq!(header(&made, "X-Client-Cert-Subject").as_deref(), Some(written), "{subject:?}");
        }
    }

    #[test]
    fn names_are_compared_as_they_stand_in_it() {
        let alternative = vec![
            SanType::DnsName(Ia5String::try_from("till.test").unwrap()),
            SanType::URI(Ia5String::try_from("spiffe://shop/till,x").unwrap()),
            SanType::IpAddress("192.0.2.7".parse().unwrap()),
        ];
        let made =
            certificate(&[(DnType::CommonName, "till,O=Admins"), (DnType::OrganizationName, "Shop")], alternative);
        let subject = Subject::of(&made).unwrap();
        assert_eq!(subject.names, ["till,O=Admins", "till.test", "spiffe://shop/till,x"]);
        assert_eq!(subject.written, r"O=Shop,CN=till\,O\=Admins");
        assert_eq!(Subject::of(&certificate(&[], Vec::new())), Some(Subject::default()));
        assert_eq!(Subject::of(b"no certificate"), None);
    }

    #[test]
    fn the_other_headers() {
        let uri = |text: &str| SanType::URI(Ia5String::try_from(text).unwrap());
        let dns = |text: &str| SanType::DnsName(Ia5String::try_from(text).unwrap());
        let names = vec![
            uri("spiffe://shop/till,DNS:admin"),
            dns("till.test"),
            SanType::Rfc822Name(Ia5String::try_from("till@shop.test").unwrap()),
            SanType::IpAddress("192.0.2.7".parse().unwrap()),
            SanType::IpAddress("2001:db8::7".parse().unwrap()),
        ];
        let made = certificate(&[(DnType::CommonName, "till")], names);
        assert_eq!(
            header(&made, "X-Client-Cert-San").unwrap(),
            "URI:spiffe://shop/till%2CDNS:admin,DNS:till.test,email:till@shop.test,IP:192.0.2.7,IP:2001:db8::7"
        );
        assert_eq!(header(&made, "X-Client-Cert-Serial").unwrap(), "0aff");
        assert_eq!(header(&made, "X-Client-Cert-Fingerprint").unwrap(), fingerprint(&made));
        let of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(fingerprint(b""), of_nothing);
        let whole = header(&made, "Client-Cert").unwrap();
        let inner = whole.strip_prefix(':').and_then(|rest| rest.strip_suffix(':')).unwrap();
        assert_eq!(STANDARD.decode(inner).unwrap(), made);
        assert_eq!(header(&certificate(&[], Vec::new()), "X-Client-Cert-San"), None);
        assert_eq!(ClientCertificate::new(b"no certificate"), None);
    }
}
