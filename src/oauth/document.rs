//! Client ID metadata documents: a client whose id is the address of a document about it
//! (draft-ietf-oauth-client-id-metadata-document).

use url::Url;

/// The longest address, in bytes.
pub const MAX_BYTES: usize = 2000;

/// The address of a client's document, which is the client's id at the same time. There is one way to
/// write it, since ids are compared byte by byte.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DocumentUrl(Url);

/// It is not the address of a client's document.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a client's document has an https address with a path, in normal form, without user and fragment, of at most {MAX_BYTES} bytes")]
pub struct BadDocumentUrl;

impl DocumentUrl {
    /// Reads a client id (section 3 of the draft): https, a path that is more than `/`, no dot segments, no
    /// user, no fragment, at most [`MAX_BYTES`]; and in normal form, so that no two ids look the same or name one document.
    ///
    /// # Errors
    /// [`BadDocumentUrl`].
    pub fn parse(client_id: &str) -> Result<Self, BadDocumentUrl> {
        if client_id.len() > MAX_BYTES {
            return Err(BadDocumentUrl);
        }
        let url = Url::parse(client_id).map_err(|_no_url| BadDocumentUrl)?;
        let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        // Dot segments, an empty user, capitals in the host and a port that need not be there go in parsing.
        let is_normal = url.as_str() == client_id;
        if url.scheme() == "https" && url.path() != "/" && is_bare && is_normal { Ok(Self(url)) } else { Err(BadDocumentUrl) }
    }

    /// To be fetched.
    pub const fn url(&self) -> &Url {
        &self.0
    }

    /// The client's id.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, to be shown to people: all that is known for sure about such a client.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_an_https_address_with_a_path() {
        for text in [
            "https://app.example/client.json",
            "https://app.example/a/",
            "https://app.example:8443/a?b=c",
            "https://[2606:4700::1111]/a",
            "https://xn--bcher-kva.example/a",
        ] {
            assert_eq!(DocumentUrl::parse(text).map(|url| url.as_str().to_owned()), Ok(text.to_owned()));
        }
        assert_eq!(DocumentUrl::parse("https://app.example:8443/a").map(|url| url.host().to_owned()), Ok("app.example".to_owned()));
    }

    #[test]
    fn an_address_is_no_longer_than_it_may_be() {
        let of = |bytes: usize| format!("https://app.example/{}", "x".repeat(bytes - 20));
        assert!(DocumentUrl::parse(&of(MAX_BYTES)).is_ok());
        assert_eq!(DocumentUrl::parse(&of(MAX_BYTES + 1)), Err(BadDocumentUrl));
    }

    #[test]
    fn what_could_be_read_as_another_address_is_none() {
        for text in [
            "",
            "app",
            "app.example/a",
            "http://app.example/a",
            "ftp://app.example/a",
            "https://app.example",
            "https://app.example/",
            "https://app.example?a",
            "https://APP.example/a",
            "HTTPS://app.example/a",
            "https://app.example:443/a",
            "https://bücher.example/a",
            "https://0x7f.1/a",
            "https://u@app.example/a",
            "https://u:p@app.example/a",
            "https://@app.example/a",
            "https://app.example/a#b",
            "https://app.example/a#",
            "https://app.example/a/../b",
            "https://app.example/./a",
            "https://app.example/%2e%2e/a",
            "https://app.example/a/.",
            "https:\\\\app.example/a",
            "https:/app.example/a",
            " https://app.example/a",
            "https://app.example/a\n",
            "https://app.example/a b",
        ] {
            assert_eq!(DocumentUrl::parse(text), Err(BadDocumentUrl), "{text:?}");
        }
    }
}
