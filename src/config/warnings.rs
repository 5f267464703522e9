//! What is allowed and hardly meant.

use super::Config;

const ONE_ADDRESS: &str = "every caller would be counted as one address: public_url is https, so TLS ends before the gateway, and no proxy \
is listed. List your load balancer under trusted_proxies; if there is none that forwards addresses, write trusted_proxies = []";

impl Config {
    /// What is allowed and hardly meant, with what to write instead.
    pub fn warnings(&self) -> Vec<&'static str> {
        let mut warnings = Vec::new();
        if self.public_url.is_https() && self.trusted_proxies.is_none() {
            warnings.push(ONE_ADDRESS);
        }
        warnings
    }
}
