//! Is what stands behind a chunk's size an extension, by the grammar (RFC 9112 §7.1.1)?
//!
//! `chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`. What is no extension is where one reader sees the end of the
//! line and another does not, so that nothing else passes. Extensions are for one hop: they end at the gateway.

use crate::http::head::{is_field_byte, is_token};

/// How far an extension has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extension {
    /// White space in front of a semicolon that must follow.
    Blank,
    /// Behind the semicolon.
    Begun,
    Name,
    /// White space behind the name: more must follow.
    Named,
    /// Behind the equals sign.
    Equals,
    Token,
    Quoted,
    /// Behind a backslash.
    Escaped,
    /// Behind the closing quote.
    Closed,
}

impl Extension {
    /// At the byte behind a size; `None`: no extension begins with it.
    pub(super) const fn begin(byte: u8) -> Option<Self> {
        match byte {
            b';' => Some(Self::Begun),
            b' ' | b'\t' => Some(Self::Blank),
            _ => None,
        }
    }

    /// The line may end here.
    pub(super) const fn may_end(self) -> bool {
        matches!(self, Self::Name | Self::Token | Self::Closed)
    }

    /// With one more byte; `None`: it is none.
    pub(super) const fn step(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Quoted, b'"') => Some(Self::Closed),
            (Self::Quoted, b'\\') => Some(Self::Escaped),
            (Self::Quoted | Self::Escaped, _) if is_field_byte(byte) => Some(Self::Quoted),
            (Self::Blank | Self::Name | Self::Named | Self::Token | Self::Closed, b';') => Some(Self::Begun),
            (Self::Begun | Self::Blank | Self::Named | Self::Equals, b' ' | b'\t') => Some(self),
            (Self::Name, b' ' | b'\t') => Some(Self::Named),
            (Self::Token | Self::Closed, b' ' | b'\t') => Some(Self::Blank),
            (Self::Name | Self::Named, b'=') => Some(Self::Equals),
            (Self::Equals, b'"') => Some(Self::Quoted),
            (Self::Begun | Self::Name, _) if is_token(byte) => Some(Self::Name),
            (Self::Equals | Self::Token, _) if is_token(byte) => Some(Self::Token),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// May a size's line end behind this?
    fn ends(text: &[u8]) -> Option<bool> {
        let (first, rest) = text.split_first()?;
        rest.iter().try_fold(Extension::begin(*first)?, |extension, byte| extension.step(*byte)).map(Extension::may_end)
    }

    #[test]
    fn what_is_an_extension() {
        for text in [
            &b";a"[..],
            b";a=b",
            b" ; a = b",
            b"\t;\ta\t=\tb",
            b";a;b=c;d=\"e\"",
            b";a=b ;c",
            b";a=\"b;c\\\"\\\\d \t\xe4\"",
            b";a=\"\"",
            b";chunk-signature=0123456789abcdef",
        ] {
            assert_eq!(ends(text), Some(true), "{:?}", text.escape_ascii().to_string());
        }
    }

    #[test]
    fn what_is_none() {
        for text in [
            &b"a"[..],
            b";=b",
            b";a b",
            b";a=b c",
            b";;",
            b";\"a\"",
            b";a=\"b\"c",
            b";a=b\"",
            b";a==b",
            b";a\x01",
            b";a=\x7f",
            b";a=\"\x00",
            b";a=\"\\\x00",
            b";[a]",
            b";a,b",
            b" a",
            b"=",
        ] {
            assert_eq!(ends(text), None, "{:?}", text.escape_ascii().to_string());
        }
    }

    #[test]
    fn where_a_line_may_not_end() {
        for text in [&b";"[..], b" ", b"; ", b";a ", b";a=", b";a= ", b";a=\"b", b";a=\"b\\\"", b";a=b ", b";a;"] {
            assert_eq!(ends(text), Some(false), "{:?}", text.escape_ascii().to_string());
        }
    }
}
