//! The gateway's own address.

use url::Url;

/// The gateway's own address, as others see it. Every link and redirect is built from it, never
/// from what a request says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// Checks that the URL can be an issuer: http(s), no path, query, fragment or credentials,
    /// and https unless the host is a loopback one.
    ///
    /// # Errors
    /// What is wrong and what to write instead.
    pub fn new(url: Url) -> Result<Self, (String, String)> {
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(("the public URL must be an http or https address".into(), "write it like \"https://ai.example.com\"".into()));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some()
        {
            return Err((
                "the public URL must be a bare address, without path, query, fragment or user".into(),
                "write scheme and host only; dialects and pages have their own `prefix`".into(),
            ));
        }
        let loopback = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        if url.scheme() == "http" && !loopback {
            return Err((
                "outside of this machine the public URL must be https: passwords and tokens travel over it".into(),
                "write https://... and let a TLS-terminating load balancer stand in front".into(),
            ));
        }
        Ok(Self(url))
    }

    /// The address without a slash at its end: the issuer.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The address of a path on the gateway.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.as_str())
    }

    /// Whether browsers reach the gateway over TLS.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}
